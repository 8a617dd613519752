package local

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/store"
)

// A fault makes time unknown if it could hide that the account is busy, and only then. The time
// is the span that the store keeps of the object, which is a second for an event without length.
func TestFaults(t *testing.T) {
	const series = "DTSTART:20260303T100000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=2|"
	const known = "03T10:00-03T11:00 busy, 04T10:00-04T11:00 busy"
	for _, test := range []struct{ name, lines, want string }{
		{"text that continues without a blank", series + "DESCRIPTION:one|two", known},
		{"control character in a title", series + "SUMMARY:a\x07b", known},
		{"unreadable excluded date", series + "EXDATE:nonsense", known},
		{"unknown zone", "DTSTART;TZID=Nowhere/Here:20260303T100000|DURATION:PT1H", "03T10:00-03T11:00 busy"},
		{"unreadable added date", series + "RDATE:nonsense", "03T10:00-03T11:00 busy, 03T11:00-04T10:00 unknown, 04T10:00-04T11:00 busy (problem)"},
		{"rule without a colon", "DTSTART:20260303T100000Z|DURATION:PT1H|RRULE;FREQ=DAILY", "03T10:00-03T11:00 busy (problem)"},
		{"unreadable end", "DTSTART:20260303T100000Z|DTEND:nonsense", "03T10:00-03T10:00 unknown (problem)"},
		{"no start", "SUMMARY:whenever", "02T00:00-09T00:00 unknown (problem)"},
	} {
		s := onSQLite(t)
		person(t, s, "a")
		put(t, s, "a", store.DefaultCalendar, "1.ics", event(strings.TrimSuffix(test.lines, "|")))
		if got := busyWeek(t, s, nil); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestUnreadablePeriodIsUnknown(t *testing.T) {
	s := onSQLite(t)
	person(t, s, "a")
	put(t, s, "a", store.DefaultCalendar, "1.ics", component("VFREEBUSY", "DTSTART:20260303T000000Z|DTEND:20260304T000000Z|FREEBUSY:20260303T100000Z/PT2H,nonsense"))
	want := "03T00:00-03T10:00 unknown, 03T10:00-03T12:00 busy, 03T12:00-04T00:00 unknown (problem)"
	if got := busyWeek(t, s, nil); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Many series without end use up what an account may cost. What is after that is unknown, except
// for events that do not recur.
func TestLimitOfAnAccount(t *testing.T) {
	s := onSQLite(t)
	person(t, s, "a")
	for i := range 30 {
		lines := fmt.Sprintf("BEGIN:VEVENT|UID:%d|DTSTART:20260301T0000%02dZ|DURATION:PT1S|RRULE:FREQ=SECONDLY;INTERVAL=2|END:VEVENT", i, i)
		put(t, s, "a", store.DefaultCalendar, fmt.Sprintf("%02d.ics", i), object(strings.Split(lines, "|")...))
	}
	put(t, s, "a", store.DefaultCalendar, "z.ics", event("DTSTART:20260308T100000Z|DURATION:PT1H|SUMMARY:once"))
	got, problems := compute(t, s, "a", week(), Options{})
	if len(problems) != 30 {
		t.Errorf("%d problems", len(problems))
	}
	for _, c := range []struct {
		at   string
		want freebusy.Kind
	}{{"2026-03-02 10:00", freebusy.Busy}, {"2026-03-08 09:00", freebusy.Unknown}, {"2026-03-08 10:30", freebusy.Busy}} {
		if kind := kindAt(got, at(c.at)); kind != c.want {
			t.Errorf("%s: %v, want %v", c.at, kind, c.want)
		}
	}
}
