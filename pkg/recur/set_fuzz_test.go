package recur

import (
	"errors"
	"testing"

	"github.com/davadmin/davadmin/pkg/ical"
)

// FuzzSet reads any object. The instances come in order and overlap the range, a part of the
// range has its part of the instances, and the span contains them.
func FuzzSet(f *testing.F) {
	for _, c := range overrideCases {
		f.Add(calendarOf(f, c.components...).String(), instantOf(f, "20260301"), uint32(30*ical.SecondsPerDay))
	}
	for _, c := range append(futureCases, dateCases...) {
		f.Add(calendarOf(f, c.components...).String(), instantOf(f, "20260301"), uint32(3*ical.SecondsPerDay))
	}
	for _, c := range append(exceptionCases, untilCases...) {
		f.Add(calendarOf(f, c.components...).String(), instantOf(f, "20270301"), uint32(3600))
	}
	f.Add(calendarOf(f,
		"VTIMEZONE\nTZID:Z\nBEGIN:STANDARD\nDTSTART:20260301T000000\nTZOFFSETFROM:+1200\nTZOFFSETTO:-1200\nRRULE:FREQ=DAILY\nEND:STANDARD\nBEGIN:DAYLIGHT\nDTSTART:20260301T120000\nTZOFFSETFROM:-1200\nTZOFFSETTO:+1200\nRRULE:FREQ=DAILY\nEND:DAYLIGHT",
		"VEVENT\nDTSTART;TZID=Z:20260301T090000\nDURATION:P1DT1H\nRRULE:FREQ=HOURLY;INTERVAL=5\nEXDATE;VALUE=DATE:20260304",
		"VEVENT\nRECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20260305\nDTSTART;TZID=Z:20260306T090000").String(), instantOf(f, "20260301"), uint32(9*ical.SecondsPerDay))
	zones := NewZones()
	berlin, _ := zones.Named("Europe/Berlin")
	f.Fuzz(func(t *testing.T, text string, from int64, width uint32) {
		calendar, _, err := ical.Parse(text, ical.Options{Lenient: true, Limits: ical.Limits{Size: 1 << 16}})
		if err != nil {
			return
		}
		s, problems, err := NewSet(calendar, calendar.Components, SetOptions{Zones: zones, Floating: berlin})
		if err != nil {
			return
		}
		if len(problems) > maxReported+maxProblems+1 {
			t.Errorf("%d problems", len(problems))
		}
		from = clamp(from)
		to := from + int64(width)
		all, complete := collect(t, s, from, to, !hasEmbeddedZones(calendar))
		if complete && width > 1 && !hasEmbeddedZones(calendar) {
			checkHalves(t, s, all, from, to)
		}
		checkFuzzSpan(t, s, all)
	})
}

// hasEmbeddedZones reports whether the object defines zones. Their clocks may change back and
// forth within a day, and then the order of the instances that it skips is not defined.
func hasEmbeddedZones(calendar *ical.Component) bool {
	for range calendar.Children("VTIMEZONE") {
		return true
	}
	return false
}

func collect(t *testing.T, s *Set, from, to int64, ordered bool) (all []Instance, complete bool) {
	t.Helper()
	for in, err := range s.Between(from, to, NewBudget(5000)) {
		if errors.Is(err, ErrBudget) {
			return all, false
		}
		if err != nil {
			t.Fatal(err)
		}
		if !in.Overlaps(from, to) || in.End < in.Start {
			t.Fatalf("%+v is not between %d and %d", in, from, to)
		}
		if n := len(all); n > 0 && ordered && in.less(&all[n-1]) {
			t.Fatalf("%+v after %+v", in, all[n-1])
		}
		all = append(all, in)
	}
	return all, true
}

func checkHalves(t *testing.T, s *Set, all []Instance, from, to int64) {
	t.Helper()
	middle := from + (to-from)/2
	for _, part := range [][2]int64{{from, middle}, {middle, to}} {
		got, complete := collect(t, s, part[0], part[1], true)
		if !complete {
			return
		}
		n := 0
		for i := range all {
			if !all[i].Overlaps(part[0], part[1]) {
				continue
			}
			if n >= len(got) || got[n] != all[i] {
				t.Fatalf("between %d and %d, %+v is missing", part[0], part[1], all[i])
			}
			n++
		}
		if n != len(got) {
			t.Fatalf("between %d and %d, %d instances instead of %d", part[0], part[1], len(got), n)
		}
	}
}

func checkFuzzSpan(t *testing.T, s *Set, all []Instance) {
	t.Helper()
	span, err := s.Span(NewBudget(5000))
	if err != nil && !errors.Is(err, ErrBudget) {
		t.Fatal(err)
	}
	if !span.OpenStart && !span.OpenEnd && span.Start >= span.End {
		t.Fatalf("empty span %+v", span)
	}
	for _, in := range all {
		if !span.OpenStart && in.from < span.Start || !span.OpenEnd && in.until > span.End {
			t.Fatalf("the span %+v does not contain %+v", span, in)
		}
	}
}
