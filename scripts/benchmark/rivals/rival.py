"""Parses an iCalendar file with python-icalendar, or expands rules with python-dateutil.

    rival.py icalendar|dateutil FILE PASSES

It prints the seconds of the fastest pass and the count.
"""

import sys
import time


def parse(path):
    from icalendar import Calendar

    with open(path, "rb") as f:
        text = f.read()
    return lambda: len(Calendar.from_ical(text).walk("VEVENT"))


def expand(path):
    from datetime import datetime

    from dateutil.rrule import rrulestr

    tasks = []
    with open(path, encoding="ascii") as f:
        for line in f:
            *times, rule = line.split()
            start, begin, end = (datetime.strptime(t, "%Y%m%dT%H%M%SZ") for t in times)
            tasks.append((rrulestr(rule, dtstart=start), begin, end))
    return lambda: sum(len(r.between(begin, end, inc=True)) for r, begin, end in tasks)


work = {"icalendar": parse, "dateutil": expand}[sys.argv[1]](sys.argv[2])
best, count = None, 0
for _ in range(int(sys.argv[3])):
    began = time.perf_counter()
    count = work()
    took = time.perf_counter() - began
    best = took if best is None else min(best, took)
print(f"{best:.6f} {count}")
