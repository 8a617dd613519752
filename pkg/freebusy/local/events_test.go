package local

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

const hour = "DTSTART:20260302T100000Z|DURATION:PT1H|"

func TestEvents(t *testing.T) {
	const busy = "02T10:00-02T11:00 busy"
	const tentative = "02T10:00-02T11:00 tentative"
	for _, test := range []struct{ name, lines, want string }{
		{"plain", hour, busy},
		{"transparent", hour + "TRANSP:transparent", ""},
		{"cancelled", hour + "STATUS:CANCELLED", ""},
		{"tentative", hour + "STATUS:TENTATIVE", tentative},
		{"no length", "DTSTART:20260302T100000Z", ""},
		{"clipped", "DTSTART:20260301T100000Z|DTEND:20260302T040000Z", "02T00:00-02T04:00 busy"},
		{"declined", hour + "ATTENDEE;PARTSTAT=DECLINED:MAILTO:A@Example.com", ""},
		{"declined under another address", hour + "ATTENDEE;PARTSTAT=DECLINED:mailto:alias-a@example.com", ""},
		{"declined by somebody else", hour + "ATTENDEE;PARTSTAT=DECLINED:mailto:b@example.com", busy},
		{"declined with EMAIL", hour + "ATTENDEE;EMAIL=a@example.com;PARTSTAT=DECLINED:urn:uuid:1", ""},
		{"declined, but accepted too", hour + "ATTENDEE;PARTSTAT=DECLINED:mailto:a@example.com|ATTENDEE;PARTSTAT=ACCEPTED:mailto:alias-a@example.com", busy},
		{"declined, as the old server writes it", hour + "ATTENDEE;PARTSTAT=DECLINED;X-S1CS-EMAIL=a@example.com:a", ""},
		{"declined by the organizer", hour + "ORGANIZER:mailto:a@example.com|ATTENDEE;PARTSTAT=DECLINED:mailto:a@example.com", ""},
		{"declined, with an encoded address", hour + "ATTENDEE;PARTSTAT=DECLINED:mailto:%61@example.com?subject=x", ""},
		{"delegated", hour + "ATTENDEE;PARTSTAT=DELEGATED:mailto:a@example.com", ""},
		{"not answered", hour + "ORGANIZER:mailto:b@example.com|ATTENDEE:mailto:a@example.com", tentative},
		{"own event", hour + "ORGANIZER:mailto:a@example.com|ATTENDEE:mailto:a@example.com", busy},
		{"accepted, tentative event", hour + "STATUS:TENTATIVE|ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@example.com", tentative},
		{"series", hour + "RRULE:FREQ=DAILY;COUNT=3|EXDATE:20260303T100000Z", busy + ", 04T10:00-04T11:00 busy"},
		{"cancelled instance", hour + "RRULE:FREQ=DAILY;COUNT=2|END:VEVENT|BEGIN:VEVENT|UID:u|RECURRENCE-ID:20260303T100000Z|DTSTART:20260303T100000Z|DURATION:PT1H|STATUS:CANCELLED", busy},
		{"declined instance", hour + "RRULE:FREQ=DAILY;COUNT=2|END:VEVENT|BEGIN:VEVENT|UID:u|RECURRENCE-ID:20260302T100000Z|DTSTART:20260302T100000Z|DURATION:PT1H|ATTENDEE;PARTSTAT=DECLINED:mailto:a@example.com", "03T10:00-03T11:00 busy"},
		{"opaque instance of a transparent series", hour + "TRANSP:TRANSPARENT|RRULE:FREQ=DAILY;COUNT=3|END:VEVENT|BEGIN:VEVENT|UID:u|RECURRENCE-ID:20260303T100000Z|DTSTART:20260303T120000Z|DURATION:PT1H", "03T12:00-03T13:00 busy"},
		{"cancelled series with an instance", hour + "STATUS:CANCELLED|RRULE:FREQ=DAILY;COUNT=3|END:VEVENT|BEGIN:VEVENT|UID:u|RECURRENCE-ID:20260303T100000Z|DTSTART:20260303T120000Z|DURATION:PT1H", "03T12:00-03T13:00 busy"},
		{"zone with summer time", "DTSTART;TZID=America/New_York:20260305T180000|DURATION:PT1H", "05T23:00-06T00:00 busy"},
	} {
		s := onSQLite(t)
		person(t, s, "a")
		put(t, s, "a", store.DefaultCalendar, "1.ics", event(strings.TrimSuffix(test.lines, "|")))
		if got := busyWeek(t, s, nil); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// A date is that of the account, a floating time that of the calendar.
func TestFloatingTimesAndDates(t *testing.T) {
	for lines, want := range map[string]string{
		"DTSTART;VALUE=DATE:20260304":                          "03T15:00-04T15:00 busy",
		"DTSTART;VALUE=DATE:20260309":                          "08T15:00-09T00:00 busy",
		"DTSTART:20260304T090000|DURATION:PT1H":                "04T14:00-04T15:00 busy",
		"DTSTART:20260301T190000|DURATION:PT1H":                "02T00:00-02T01:00 busy",
		"DTSTART;VALUE=DATE:20260308|RRULE:FREQ=DAILY;COUNT=9": "07T15:00-09T00:00 busy",
	} {
		s := onSQLite(t)
		person(t, s, "a", store.Calendar{Name: store.DefaultCalendar, TimeZone: "Asia/Tokyo"}, store.Calendar{Name: "work", TimeZone: "America/New_York"})
		put(t, s, "a", "work", "1.ics", event(lines))
		if got := busyWeek(t, s, recur.UTC()); got != want {
			t.Errorf("%s: got %s, want %s", lines, got, want)
		}
	}
}

// What cannot be read or computed is unknown, and its neighbours are not.
func TestUnknown(t *testing.T) {
	s := onSQLite(t)
	person(t, s, "a")
	put(t, s, "a", store.DefaultCalendar, "1.ics", event("DTSTART:20260302T000000Z|DTEND:20260302T000001Z|RRULE:FREQ=SECONDLY;INTERVAL=2;UNTIL=20260307T000000Z"))
	put(t, s, "a", store.DefaultCalendar, "2.ics", object("BEGIN:VEVENT", "UID:2", "DTSTART:20260308T100000Z", "DURATION:PT1H", "END:VEVENT"))
	c, problems := compute(t, s, "a", week(), Options{})
	if len(problems) != 1 || problems[0].Name != "1.ics" {
		t.Fatal(problems)
	}
	if got := kindAt(c, at("2026-03-06 12:00").Add(time.Second)); got != freebusy.Unknown {
		t.Errorf("after the end of the budget: %v", got)
	}
	if got := kindAt(c, at("2026-03-02 00:00").Add(time.Second)); got != freebusy.Free {
		t.Errorf("between two instances: %v", got)
	}
	if kindAt(c, at("2026-03-08 09:00")) != freebusy.Free || kindAt(c, at("2026-03-08 10:30")) != freebusy.Busy {
		t.Errorf("after the end of the series: %s", show(c)[len(show(c))-100:])
	}
}

func TestBrokenEventIsUnknown(t *testing.T) {
	s := onSQLite(t)
	person(t, s, "a")
	put(t, s, "a", store.DefaultCalendar, "1.ics", event("DTSTART:nonsense|DURATION:PT1H"))
	if got, want := busyWeek(t, s, nil), "02T00:00-09T00:00 unknown (problem)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// How these faults are read is decided, so the time is not unknown.
func TestFaultsWithADecidedReading(t *testing.T) {
	for lines, want := range map[string]string{
		"DTSTART:20260304T100000Z|DTEND:20260301T100000Z":                 "",
		"DTSTART:20260304T100000Z|DTEND:20260304T110000Z|DURATION:PT5H":   "04T10:00-04T11:00 busy",
		"DTSTART:20260304T100000Z|DURATION:-PT1H":                         "",
		"DTSTART:20260304T100000Z|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=x": "04T10:00-04T11:00 busy (problem)",
	} {
		s := onSQLite(t)
		person(t, s, "a")
		put(t, s, "a", store.DefaultCalendar, "1.ics", event(lines))
		if got := busyWeek(t, s, nil); got != want {
			t.Errorf("%s: got %q, want %q", lines, got, want)
		}
	}
}

// A day of seconds is one period, and rules that never match end.
func TestDenseAndEmptySeries(t *testing.T) {
	for lines, want := range map[string]string{
		"DTSTART:20260301T000000Z|DURATION:PT1S|RRULE:FREQ=SECONDLY":                                        "02T00:00-03T00:00 busy",
		"DTSTART:20260302T090000Z|DURATION:PT1H|RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30":                  "02T09:00-02T10:00 busy",
		"DTSTART:20260302T000000Z|DURATION:PT1M|RRULE:FREQ=MINUTELY|EXRULE:FREQ=MINUTELY":                   "",
		"DTSTART;TZID=Europe/Berlin:20260227T023000|DURATION:PT1H|RRULE:FREQ=DAILY|EXDATE:20260302T013000Z": "",
	} {
		s := onSQLite(t)
		person(t, s, "a")
		put(t, s, "a", store.DefaultCalendar, "1.ics", event(lines))
		c, problems := compute(t, s, "a", freebusy.Window{Start: week().Start, End: week().Start.AddDate(0, 0, 1)}, Options{})
		if problems != nil || show(c) != want {
			t.Errorf("%s: got %q %v, want %q", lines, show(c), problems, want)
		}
	}
}

func TestStoredFreeBusy(t *testing.T) {
	s := onSQLite(t)
	person(t, s, "a")
	put(t, s, "a", store.DefaultCalendar, "1.ics", component("VFREEBUSY", "DTSTART:20260301T000000Z|DTEND:20260401T000000Z|FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260303T100000Z/PT2H"))
	if got, want := busyWeek(t, s, nil), "03T10:00-03T12:00 unavailable"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// randomEvent returns an event, and the spans that it takes by the slow way.
func randomEvent(n int, pick func(int) int) (text []byte, taken []freebusy.Period) {
	start := week().Start.Add(time.Duration(pick(14*24)-7*24) * time.Hour)
	length := time.Duration(pick(5)) * 30 * time.Minute
	status := []string{"CONFIRMED", "TENTATIVE", "CANCELLED"}[pick(3)]
	answer := []string{"ACCEPTED", "TENTATIVE", "DECLINED"}[pick(3)]
	lines := []string{
		"BEGIN:VEVENT", fmt.Sprintf("UID:%d", n), "DTSTART:" + start.Format("20060102T150405Z"), fmt.Sprintf("DURATION:PT%dM", int(length.Minutes())),
		"STATUS:" + status, "ATTENDEE;PARTSTAT=" + answer + ":mailto:a@example.com",
	}
	count, skip := 1+pick(6), pick(8)
	if count > 1 {
		lines = append(lines, fmt.Sprintf("RRULE:FREQ=HOURLY;INTERVAL=7;COUNT=%d", count))
	}
	if skip < count && skip > 0 {
		lines = append(lines, "EXDATE:"+start.Add(time.Duration(skip)*7*time.Hour).Format("20060102T150405Z"))
	}
	kind := freebusy.Busy
	switch {
	case status == "CANCELLED" || answer == "DECLINED":
		kind = freebusy.Free
	case status == "TENTATIVE" || answer == "TENTATIVE":
		kind = freebusy.Tentative
	}
	for i := range count {
		if i == skip && i > 0 {
			continue
		}
		from := start.Add(time.Duration(i) * 7 * time.Hour)
		taken = append(taken, freebusy.Period{Start: from, End: from.Add(length), Kind: kind})
	}
	return object(append(lines, "END:VEVENT")...), taken
}

func TestAgainstModel(t *testing.T) {
	r := seed.New(t)
	for range tier.Rounds(t, 15, 300) {
		s := onSQLite(t)
		person(t, s, "a")
		var taken []freebusy.Period
		var texts []string
		for n := range 25 {
			text, spans := randomEvent(n, r.IntN)
			taken, texts = slices.Concat(taken, spans), append(texts, string(text))
			put(t, s, "a", store.DefaultCalendar, fmt.Sprintf("%d.ics", n), text)
		}
		c, problems := compute(t, s, "a", week(), Options{})
		if problems != nil {
			t.Fatal(problems)
		}
		for at := week().Start; at.Before(week().End); at = at.Add(15 * time.Minute) {
			if got, want := kindAt(c, at), kindAt(taken, at); got != want {
				t.Fatalf("at %v: %v, want %v\n%s", at, got, want, strings.Join(texts, "\n"))
			}
		}
	}
}
