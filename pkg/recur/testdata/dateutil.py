"""Answers each line of JSON with the times of its rule that follow DTSTART."""
import json
import sys
from datetime import datetime

from dateutil.rrule import rrulestr

for line in sys.stdin:
    question = json.loads(line)
    start = datetime.strptime(question["start"], "%Y%m%dT%H%M%S")
    answer = []
    for time in rrulestr(question["rule"], dtstart=start):
        if len(answer) == question["after"]:
            break
        if time > start:
            answer.append(time.strftime("%Y%m%dT%H%M%S"))
    print(json.dumps(answer))
