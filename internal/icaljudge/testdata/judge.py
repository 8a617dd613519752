"""Reads the calendar FILE with icalendar and prints what it found: see judge_test.go."""
import re
import sys

from icalendar import Calendar
from icalendar.prop import vText

ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\0": "\\0"})
CARETS = {"^n": "\n", "^^": "^", "^'": '"'}


def put(fields):
    print("\t".join(field.translate(ESCAPES) for field in fields))


def put_component(component):
    put(["BEGIN", component.name])
    for error in component.errors:
        put(["ERROR", str(error)])
    for name, value in component.property_items(recursive=False, sorted=False):
        if name in ("BEGIN", "END"):
            continue
        text = str(value) if isinstance(value, vText) else value.to_ical()
        if isinstance(text, bytes):
            text = text.decode()
        fields = [name, text]
        for param, values in getattr(value, "params", {}).items():
            values = values if isinstance(values, list) else [values]
            # icalendar 4.0.3 does not know RFC 6868.
            values = [re.sub(r"\^[n^']", lambda m: CARETS[m[0]], v) for v in values]
            fields.append(param + "=" + "\0".join(values))
        put(fields)
    for child in component.subcomponents:
        put_component(child)
    put(["END", component.name])


sys.stdout.reconfigure(encoding="utf-8", newline="\n")
with open(sys.argv[1], "rb") as f:
    put_component(Calendar.from_ical(f.read()))
