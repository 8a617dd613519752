package icaljudge

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/ical"
)

// The jCal that pkg/ical and ical.js make of a text is the same, and ical.js makes of our jCal an
// object in which pkg/ical finds what was in the text.
func TestICALJSReadsObjects(t *testing.T) {
	j := icaljs(t)
	// ical.js unescapes parameters as if they were TEXTs; RFC 5545, 3.2 has no such escapes.
	judged(t, backslashes{true, false}, func(t *testing.T, calendar *ical.Component, _ []string) {
		text := calendar.String()
		b, err := ical.AppendJSON(nil, calendar)
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, string(b), j.ask(t, text, "", []string{"jcal"}))
		back := parse(t, strings.TrimSuffix(j.ask(t, string(b), "", []string{"ical"}), "\n"))
		same(t, ours(calendar), ours(back))
	})
}

// All value types and structures of jCal.
func TestICALJSReadsValues(t *testing.T) {
	j := icaljs(t)
	text := strings.ReplaceAll(values, "\n", "\r\n")
	calendar := parse(t, text)
	for _, calendar := range []*ical.Component{calendar, rewritten(calendar)} {
		b, err := ical.AppendJSON(nil, calendar)
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, string(b), j.ask(t, calendar.String(), "", []string{"jcal"}))
		back, problems, err := ical.ParseJSON([]byte(j.ask(t, text, "", []string{"jcal"})), ical.Options{})
		if err != nil || len(problems) > 0 {
			t.Fatalf("%v, %v", err, problems)
		}
		same(t, ours(calendar), ours(back))
	}
}

const values = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//Judge//EN
BEGIN:VTODO
UID:1@example.com
DTSTAMP:20260102T030405Z
DTSTART;TZID=Europe/Berlin:20260301T090000
DUE:20260302T090000Z
PERCENT-COMPLETE:40
PRIORITY:1
GEO:48.85299;2.36885
CATEGORIES:one\,half,two
RESOURCES:projector,easel
REQUEST-STATUS:3.1;Invalid property value\;;DTSTART:96-Apr-01
RRULE:FREQ=MONTHLY;INTERVAL=2;COUNT=10;BYDAY=1MO,-1FR;BYMONTH=1,3
EXDATE;VALUE=DATE:20260301,20260405
RDATE;VALUE=PERIOD:20260410T090000Z/PT1H,20260411T090000Z/20260411T100000Z
ATTENDEE;CN="Doe, ^'J^' ^^ Jane^nRoe";RSVP=TRUE:mailto:jane@example.com
URL:https://example.com/a;b,c?d=e
X-NUMBER;VALUE=INTEGER:7
X-TRUE;VALUE=BOOLEAN:TRUE
X-OTHER:a\,b
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:x
TRIGGER;RELATED=END:-P1DT2H
END:VALARM
END:VTODO
BEGIN:VFREEBUSY
UID:2@example.com
DTSTAMP:20260102T030405Z
FREEBUSY;FBTYPE=BUSY:20260410T090000Z/PT1H,20260411T090000Z/PT30M
END:VFREEBUSY
BEGIN:VTIMEZONE
TZID:Example
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:-001730
TZOFFSETTO:+0530
END:STANDARD
END:VTIMEZONE
END:VCALENDAR
`

func sameJSON(t *testing.T, want, got string) {
	t.Helper()
	sameLines(t, jsonLines(t, want), jsonLines(t, got))
}

// jsonLines returns the properties of jCal, one on a line, with the keys sorted.
func jsonLines(t *testing.T, text string) []string {
	t.Helper()
	var component []any
	if err := json.Unmarshal([]byte(text), &component); err != nil {
		t.Fatal(err)
	}
	return componentLines(t, component)
}

func componentLines(t *testing.T, c []any) []string {
	lines := []string{fmt.Sprintf("BEGIN %s", c[0])}
	for _, property := range c[1].([]any) {
		b, err := json.Marshal(property)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, string(b))
	}
	for _, child := range c[2].([]any) {
		lines = append(lines, componentLines(t, child.([]any))...)
	}
	return append(lines, fmt.Sprintf("END %s", c[0]))
}
