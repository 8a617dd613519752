package recur

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/ical"
)

// hostileSet is an object that costs other programs minutes, or all memory.
type hostileSet struct {
	name       string
	components []string
}

// n is the number of dates and the like.
func hostileSets(n int) []hostileSet {
	many := func(n int, property string, value func(i int) string) string {
		var b strings.Builder
		b.WriteString(property)
		for i := range n {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(value(i))
		}
		return b.String()
	}
	second := func(i int) string {
		return ical.Time{Civil: ical.CivilOf(2026, 3, 2, 9, 0, 7*i), Form: ical.UTC}.String()
	}
	series := "VEVENT\nDTSTART:20260302T090000Z\n"
	var overrides, ranges []string
	overrides, ranges = append(overrides, series+"RRULE:FREQ=SECONDLY"), append(ranges, series+"RRULE:FREQ=SECONDLY")
	for i := range n * 2 / 5 {
		overrides = append(overrides, "VEVENT\nRECURRENCE-ID:"+second(i)+"\nDTSTART:"+second(n-i))
		ranges = append(ranges, "VEVENT\nRECURRENCE-ID;RANGE=THISANDFUTURE:"+second(i)+"\nDTSTART:"+second((i*7919)%n))
	}
	return []hostileSet{
		{"every second", []string{series + "RRULE:FREQ=SECONDLY"}},
		{"every second in a zone, shifted", []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260329T000000\nRRULE:FREQ=SECONDLY", "VEVENT\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260329T000001\nDTSTART;TZID=Europe/Berlin:20260330T000000"}},
		{"EXRULE of everything", []string{series + "RRULE:FREQ=MINUTELY\nEXRULE:FREQ=MINUTELY"}},
		{"EXRULE of everything, otherwise", []string{series + "RRULE:FREQ=SECONDLY\nEXRULE:FREQ=MINUTELY;BYSECOND=" + many(60, "", func(i int) string { return fmt.Sprint(i) })}},
		{"100 rules", []string{series + strings.Repeat("RRULE:FREQ=SECONDLY\n", 50) + strings.Repeat("EXRULE:FREQ=SECONDLY;INTERVAL=2\n", 50)}},
		{"COUNT without end", []string{series + "RRULE:FREQ=DAILY;COUNT=1000000000"}},
		{"never", []string{series + "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"}},
		{"many RDATEs", []string{series + many(n, "RDATE:", second)}},
		{"many periods", []string{series + many(n, "RDATE;VALUE=PERIOD:", func(i int) string { return second(i) + "/P9D" })}},
		{"many EXDATEs", []string{series + "RRULE:FREQ=SECONDLY\n" + many(3*n, "EXDATE:", second)}},
		{"many days", []string{series + "RRULE:FREQ=SECONDLY\n" + many(3*n, "EXDATE;VALUE=DATE:", func(i int) string { return second(i)[:8] })}},
		{"many wrong values", []string{series + many(n, "EXDATE:", func(int) string { return "x" })}},
		{"many overrides", overrides},
		{"many ranges", ranges},
		{"the longest lengths", []string{"VEVENT\nDTSTART:00000101T000000Z\nDURATION:P3660000D\nRRULE:FREQ=SECONDLY"}},
		{"the last year", []string{"VEVENT\nDTSTART:99991231T235959Z\nDURATION:P3660000D\nRRULE:FREQ=SECONDLY", "VEVENT\nRECURRENCE-ID;RANGE=THISANDFUTURE:00000101T000000Z\nDTSTART:99991231T235959Z"}},
	}
}

// A month and the span of each cost about 10 ms, beyond what the text itself costs to read. The
// test allows seconds, because other programs run on the machine; without a budget, it would be
// minutes. They need no more memory than their answer, which is bounded by the budget.
func TestHostileSetsAreBounded(t *testing.T) {
	zones := NewZones()
	for _, c := range hostileSets(tier.Rounds(t, 10_000, 100_000)) {
		calendar := calendarOf(t, c.components...)
		var s *Set
		// A megabyte per second would be slow for a machine that does nothing else.
		atMost(t, c.name+": the set", 5*time.Second+time.Duration(len(calendar.String()))*time.Microsecond, func() {
			var problems []ical.Problem
			var err error
			if s, problems, err = NewSet(calendar, calendar.Components, SetOptions{Zones: zones}); err != nil {
				t.Fatal(err)
			}
			if len(problems) > maxReported+1 {
				t.Errorf("%s: %d problems", c.name, len(problems))
			}
		})
		for _, from := range []string{"00000101", "20260301", "29260301", "99991201"} {
			low := instantOf(t, from)
			atMost(t, c.name+": a month from "+from, 5*time.Second, func() {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				n := 0
				for _, err := range s.Between(low, low+31*ical.SecondsPerDay, nil) {
					if n++; err != nil && !errors.Is(err, ErrBudget) {
						t.Fatal(err)
					}
				}
				runtime.ReadMemStats(&after)
				// A slice that grows is copied several times.
				if used := after.TotalAlloc - before.TotalAlloc; used > 3<<20 {
					t.Errorf("%s: a month from %s took %d bytes for %d instances", c.name, from, used, n)
				}
			})
		}
		atMost(t, c.name+": the span", 5*time.Second, func() {
			if _, err := s.Span(nil); err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		})
		checkSpan(t, s)
	}
}

// atMost checks how long something takes.
func atMost(t *testing.T, name string, limit time.Duration, run func()) {
	t.Helper()
	took := time.Duration(0)
	for range 3 {
		begin := time.Now()
		run()
		if took = time.Since(begin); took <= limit {
			return
		}
	}
	t.Errorf("%s took %s", name, took)
}

// The extreme instants overflow nowhere.
func TestExtremeRanges(t *testing.T) {
	s, _ := setOf(t, SetOptions{}, "VEVENT\nDTSTART:20260302T090000Z\nDURATION:P3660000D\nRRULE:FREQ=YEARLY;COUNT=3", "VEVENT\nRECURRENCE-ID:20270302T090000Z\nDTSTART:99991231T000000Z\nDURATION:P3660000D")
	for _, r := range [][2]int64{{math.MinInt64, math.MaxInt64}, {0, math.MaxInt64}, {math.MinInt64, 1 << 40}} {
		n := 0
		for _, err := range s.Between(r[0], r[1], nil) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 3 {
			t.Errorf("from %d to %d: %d instances, want 3", r[0], r[1], n)
		}
	}
	for _, r := range [][2]int64{{math.MaxInt64 - 1, math.MaxInt64}, {math.MinInt64, math.MinInt64 + 1}, {math.MaxInt64, math.MinInt64}} {
		for in, err := range s.Between(r[0], r[1], nil) {
			t.Errorf("from %d to %d: %+v, %v", r[0], r[1], in, err)
		}
	}
}

// No candidate costs an allocation.
func TestBetweenDoesNotAllocatePerInstance(t *testing.T) {
	s, _ := setOf(t, SetOptions{}, "VEVENT\nDTSTART;TZID=Europe/Berlin:20260302T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY\nEXDATE;TZID=Europe/Berlin:20260304T090000")
	count := func(days int64) float64 {
		from := instantOf(t, "20260302")
		return testing.AllocsPerRun(10, func() {
			n := int64(0)
			for _, err := range s.Between(from, from+days*ical.SecondsPerDay, nil) {
				if err != nil {
					t.Fatal(err)
				}
				n++
			}
			if n < days/2 {
				t.Fatalf("%d instances", n)
			}
		})
	}
	if few, many := count(10), count(1000); many > few+1 || few > 20 {
		t.Errorf("%.0f allocations for ten days, %.0f for a thousand", few, many)
	}
}

func BenchmarkSetMonth(b *testing.B) {
	for _, c := range []struct{ name, component string }{
		{"single", "VEVENT\nDTSTART:20260302T090000Z\nDTEND:20260302T100000Z"},
		{"weekly", "VEVENT\nDTSTART;TZID=Europe/Berlin:20160302T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY"},
		{"after 100 years", "VEVENT\nDTSTART;TZID=Europe/Berlin:19260302T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY"},
	} {
		s, _ := setOf(b, SetOptions{}, c.component)
		from, to := instantOf(b, "20260301"), instantOf(b, "20260401")
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, err := range s.Between(from, to, nil) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkNewSetWithSpan(b *testing.B) {
	zones := NewZones()
	for _, c := range []struct{ name, component string }{
		{"single", "VEVENT\nDTSTART;TZID=Europe/Berlin:20260302T090000\nDTEND;TZID=Europe/Berlin:20260302T100000"},
		{"weekly", "VEVENT\nDTSTART;TZID=Europe/Berlin:20160302T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;BYDAY=MO,WE"},
		{"until", "VEVENT\nDTSTART;TZID=Europe/Berlin:20160302T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;UNTIL=20260302T080000Z"},
		{"count", "VEVENT\nDTSTART;TZID=Europe/Berlin:20160302T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=200"},
	} {
		calendar := calendarOf(b, c.component)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, _, err := NewSet(calendar, calendar.Components, SetOptions{Zones: zones})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Span(nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
