package calobj_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/icaltest"
	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// berlin is a time zone with the rules that hold today.
func berlin() []string {
	return []string{
		"BEGIN:VTIMEZONE", "TZID:Own/Berlin",
		"BEGIN:STANDARD", "DTSTART:19961027T030000", "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "END:STANDARD",
		"BEGIN:DAYLIGHT", "DTSTART:19810329T020000", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "END:DAYLIGHT",
		"END:VTIMEZONE",
	}
}

// spanCase is an object with the span that was worked out by hand; "" is an open side.
type spanCase struct {
	name       string
	lines      []string
	start, end string // RFC 3339
	floating   bool
}

func spanCases() []spanCase {
	zoned := func(lines ...string) []string { return append(berlin(), component("VEVENT", lines...)...) }
	v := func(lines ...string) []string { return component("VEVENT", lines...) }
	return []spanCase{
		{"start and end", v("DTSTART:20260302T090000Z", "DTEND:20260302T100000Z"), "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", false},
		{"a duration", v("DTSTART:20260302T090000Z", "DURATION:PT90M"), "2026-03-02T09:00:00Z", "2026-03-02T10:30:00Z", false},
		{"an instant, which takes a second", v("DTSTART:20260302T090000Z"), "2026-03-02T09:00:00Z", "2026-03-02T09:00:01Z", false},
		{"a zone in summer", zoned("DTSTART;TZID=Own/Berlin:20260702T090000", "DTEND;TZID=Own/Berlin:20260702T100000"), "2026-07-02T07:00:00Z", "2026-07-02T08:00:00Z", false},
		{"a zone in winter", zoned("DTSTART;TZID=Own/Berlin:20260102T090000", "DTEND;TZID=Own/Berlin:20260102T100000"), "2026-01-02T08:00:00Z", "2026-01-02T09:00:00Z", false},
		{"a day that summer time makes shorter", zoned("DTSTART;TZID=Own/Berlin:20260329T000000", "DURATION:P1D"), "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", false},
		{"a whole day, in every zone", v("DTSTART;VALUE=DATE:20260302"), "2026-03-01T10:00:00Z", "2026-03-03T12:00:00Z", true},
		{"three whole days", v("DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260305"), "2026-03-01T10:00:00Z", "2026-03-05T12:00:00Z", true},
		{"a floating time", v("DTSTART:20260302T090000", "DTEND:20260302T100000"), "2026-03-01T19:00:00Z", "2026-03-02T22:00:00Z", true},
		{"five days", v("DTSTART:20260302T090000Z", "DTEND:20260302T100000Z", "RRULE:FREQ=DAILY;COUNT=5"), "2026-03-02T09:00:00Z", "2026-03-06T10:00:00Z", false},
		{"until a time", v("DTSTART:20260302T090000Z", "DTEND:20260302T100000Z", "RRULE:FREQ=WEEKLY;UNTIL=20260316T090000Z"), "2026-03-02T09:00:00Z", "2026-03-16T10:00:00Z", false},
		{"without end", v("DTSTART:20260302T090000Z", "RRULE:FREQ=SECONDLY"), "2026-03-02T09:00:00Z", "", false},
		{"another date", v("DTSTART:20260302T090000Z", "DTEND:20260302T100000Z", "RDATE:20260101T090000Z,20260401T090000Z"), "2026-01-01T09:00:00Z", "2026-04-01T10:00:00Z", false},
		{"a period", v("DTSTART:20260302T090000Z", "DTEND:20260302T100000Z", "RDATE;VALUE=PERIOD:20260305T090000Z/P2D"), "2026-03-02T09:00:00Z", "2026-03-07T09:00:00Z", false},
		{"an override that was moved far away", append(v("DTSTART:20260302T090000Z", "DTEND:20260302T100000Z", "RRULE:FREQ=DAILY;COUNT=2"), v("RECURRENCE-ID:20260303T090000Z", "DTSTART:20270101T000000Z", "DTEND:20270101T010000Z")...), "2026-03-02T09:00:00Z", "2027-01-01T01:00:00Z", false},
		{"overrides without a master", append(v("RECURRENCE-ID:20260303T090000Z", "DTSTART:20260303T090000Z", "DTEND:20260303T100000Z"), v("RECURRENCE-ID:20260403T090000Z", "DTSTART:20260403T090000Z", "DTEND:20260403T100000Z")...), "2026-03-03T09:00:00Z", "2026-04-03T10:00:00Z", false},
		{"an end before the start", v("DTSTART:20260302T090000Z", "DTEND:20260223T090000Z"), "2026-03-02T09:00:00Z", "2026-03-02T09:00:01Z", false},
		{"no start", v("SUMMARY:x"), "", "", false},
		{"a start that is no time", v("DTSTART:tomorrow"), "", "", false},
		{"a task without times", component("VTODO"), "", "", false},
		{"a task that was created", component("VTODO", "CREATED:20260302T090000Z"), "2026-03-02T09:00:00Z", "", false},
		{"a task with start and due", component("VTODO", "DTSTART:20260302T090000Z", "DUE:20260304T170000Z", "CREATED:20260101T000000Z"), "2026-03-02T09:00:00Z", "2026-03-04T17:00:00Z", false},
		{"a journal entry of a day", component("VJOURNAL", "DTSTART;VALUE=DATE:20260302"), "2026-03-01T10:00:00Z", "2026-03-03T12:00:00Z", true},
		{"a journal entry without a day", component("VJOURNAL"), "", "", false},
		{"free/busy, whose end counts (RFC 4791, 9.9)", component("VFREEBUSY", "DTSTART:20260302T000000Z", "DTEND:20260303T000000Z"), "2026-03-02T00:00:00Z", "2026-03-03T00:00:01Z", false},
		{"an availability", append(berlin(), component("VAVAILABILITY", "DTSTART;TZID=Own/Berlin:20260702T090000", "DTEND;TZID=Own/Berlin:20260703T090000")...), "2026-07-02T07:00:00Z", "2026-07-03T07:00:00Z", false},
		{"an availability that lasts", component("VAVAILABILITY", "DTSTART:20260302T090000Z", "DURATION:P1DT1H"), "2026-03-02T09:00:00Z", "2026-03-03T10:00:00Z", false},
		{"an availability without end", component("VAVAILABILITY", "DTSTART:20260302T090000"), "2026-03-01T19:00:00Z", "", true},
		{"an availability for ever", component("VAVAILABILITY"), "", "", false},
		{"two availabilities", append(component("VAVAILABILITY", "DTSTART:20260302T090000Z", "DTEND:20260303T090000Z"), component("VAVAILABILITY", "DTSTART:20260102T090000Z", "DTEND:20260103T090000Z")...), "2026-01-02T09:00:00Z", "2026-03-03T09:00:00Z", false},
	}
}

// The span contains all instances, and is no larger than it must be.
func TestSpans(t *testing.T) {
	zones := recur.NewZones()
	for _, c := range spanCases() {
		o, err := calobj.Parse(calendar(c.lines...), calobj.Options{Zones: zones, Lenient: true})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if start, end := shown(o.Index.Start), shown(o.Index.End); start != c.start || end != c.end || o.Index.Floating != c.floating {
			t.Errorf("%s: got %s to %s, floating %v; want %s to %s", c.name, start, end, o.Index.Floating, c.start, c.end)
		}
	}
}

func shown(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(time.RFC3339)
}

// No rule takes more than a moment, and what was not computed leaves the span open.
func TestHostileRules(t *testing.T) {
	for _, rule := range []string{
		"RRULE:FREQ=SECONDLY", "RRULE:FREQ=SECONDLY;COUNT=1000000000", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=10", "RRULE:FREQ=MINUTELY\r\nEXRULE:FREQ=MINUTELY",
		"RRULE:FREQ=SECONDLY;BYSECOND=0;BYMINUTE=0;BYHOUR=0;BYMONTH=2;BYMONTHDAY=29;BYDAY=SU;BYSETPOS=-1;COUNT=1000000",
	} {
		start := time.Now()
		o, err := calobj.Parse(event("DTSTART:20260302T090000Z", rule), options(true))
		if err != nil {
			t.Errorf("%s: %v", rule, err)
			continue
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s: took %v", rule, took)
		}
		if !o.Index.Recurring || o.Index.Start.After(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: got %+v", rule, o.Index)
		}
	}
}

// Whatever an object is, its span contains each of its instances, in the zone of any reader.
func TestSpansContainInstances(t *testing.T) {
	text, _ := icaltest.Text(icaltest.Typical(seed.New(t).Uint64(), 3000))
	zones := recur.NewZones()
	readers := []*recur.Zone{recur.UTC(), recur.FixedZone("east", 14*3600), recur.FixedZone("west", -12*3600)}
	s, err := calobj.Split(t.Context(), ical.NewReader(strings.NewReader(text), ical.Options{Lenient: true}), calobj.SplitOptions{Zones: zones, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	objects, seen := 0, 0
	for item, err := range s.Items(t.Context()) {
		if err != nil || item.Err != nil {
			t.Fatal(err, item)
		}
		objects++
		o := item.Object
		for _, reader := range readers {
			var components []*ical.Component
			for c := range o.Calendar.Children(o.Type) {
				components = append(components, c)
			}
			set, _, err := recur.NewSet(o.Calendar, components, recur.SetOptions{Zones: zones, Floating: reader})
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for instance, err := range set.Between(-1<<40, 1<<40, recur.NewBudget(2000)) {
				if err != nil {
					break
				}
				seen++
				if n++; n > 500 {
					break
				}
				if x := o.Index; !x.Start.IsZero() && instance.Start < x.Start.Unix() || !x.End.IsZero() && instance.End > x.End.Unix() {
					t.Fatalf("the instance from %d to %d is outside of %v to %v:\n%s", instance.Start, instance.End, x.Start, x.End, o.Text())
				}
			}
		}
	}
	if objects < 2000 || seen < 3*objects {
		t.Errorf("only %d instances of %d objects were seen", seen, objects)
	}
}

var update = flag.Bool("update", false, "write testdata/indexes.txt")

// The indexes of fixed texts are those that the algorithm with this number computed when it
// was new. If this test fails because an index has become better, raise store.SpanAlgorithm,
// so that stores are computed again, and run it with -update.
func TestAlgorithmHasANewNumber(t *testing.T) {
	var b strings.Builder
	fmt.Fprintf(&b, "algorithm %d\n", calobj.SpanAlgorithm)
	zones := recur.NewZones()
	line := func(name string, o *calobj.Object) {
		x := o.Index
		fmt.Fprintf(&b, "%s: %s %s %v %v %q %v\n", name, shown(x.Start), shown(x.End), x.Floating, x.Recurring, x.Status, x.Transparent)
	}
	for _, c := range spanCases() {
		o, err := calobj.Parse(calendar(c.lines...), calobj.Options{Zones: zones, Lenient: true})
		if err != nil {
			t.Fatal(err)
		}
		line(c.name, o)
	}
	path := filepath.Join("testdata", "indexes.txt")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the indexes are not those of algorithm %d:\n%s", store.SpanAlgorithm, b.String())
	}
}
