package recur

import (
	"fmt"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
)

// benchRules are 1,000 rules as calendars have them: a third each weekly, monthly and yearly.
func benchRules(b *testing.B) (rules []*Rule, starts []ical.Civil) {
	texts := []string{
		"FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY",
		"FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=YEARLY;BYMONTH=5;BYDAY=2SU",
		"FREQ=WEEKLY;INTERVAL=2;BYDAY=TU", "FREQ=MONTHLY;BYMONTHDAY=15,-1", "FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=1",
		"FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "FREQ=YEARLY;BYYEARDAY=100",
	}
	for i := range 1000 {
		rules = append(rules, mustParse(b, texts[i%len(texts)]))
		starts = append(starts, ical.CivilOf(2016, time.Month(1+i%12), 1+i%28, i%24, i%4*15, 0))
	}
	return rules, starts
}

// BenchmarkExpandYear expands 1,000 rules over one year, ten years after DTSTART.
func BenchmarkExpandYear(b *testing.B) {
	rules, starts := benchRules(b)
	from, until := at(b, "20260101T000000"), at(b, "20270101T000000")
	b.ReportAllocs()
	found := 0
	for b.Loop() {
		budget := NewBudget(1 << 30)
		for i, r := range rules {
			it := r.Iterator(starts[i], false, budget)
			it.Seek(from)
			for c, ok := it.Next(); ok && c < until; c, ok = it.Next() {
				found++
			}
		}
	}
	b.ReportMetric(float64(found)/float64(b.N), "instances/op")
}

func BenchmarkExpandYearRRuleGo(b *testing.B) {
	rules, starts := benchRules(b)
	from, until := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC)
	b.ReportAllocs()
	found := 0
	for b.Loop() {
		for i, r := range rules {
			found += len(toRRuleGo(b, r, starts[i]).Between(from, until, true))
		}
	}
	b.ReportMetric(float64(found)/float64(b.N), "instances/op")
}

// BenchmarkFirstAfter100Years finds the first instance in a window 100 years after DTSTART.
func BenchmarkFirstAfter100Years(b *testing.B) {
	for _, text := range []string{
		"FREQ=WEEKLY", "FREQ=DAILY;COUNT=1000000", "FREQ=MONTHLY;BYDAY=-1FR;COUNT=100000", "FREQ=YEARLY;BYWEEKNO=53;COUNT=1000",
		"FREQ=SECONDLY;BYMONTH=2;COUNT=1000000000", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=100000",
		"FREQ=MONTHLY;INTERVAL=5;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=10000",
		"FREQ=DAILY;INTERVAL=3;BYMONTH=1;COUNT=100000",
	} {
		b.Run(text, func(b *testing.B) {
			r := mustParse(b, text)
			start, from := at(b, "19260105T090000"), at(b, "20260301T000000")
			b.ReportAllocs()
			for b.Loop() {
				it := r.Iterator(start, false, NewBudget(DefaultBudget))
				it.Seek(from)
				if _, ok := it.Next(); !ok {
					b.Fatal(it.Err())
				}
			}
		})
	}
}

func BenchmarkNext(b *testing.B) {
	for _, text := range []string{"FREQ=SECONDLY", "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,WE,FR", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=YEARLY"} {
		b.Run(text, func(b *testing.B) {
			r := mustParse(b, text)
			start := at(b, "20260105T090000")
			budget := NewBudget(1 << 30)
			it := r.Iterator(start, false, budget)
			b.ReportAllocs()
			for b.Loop() {
				*budget = Budget{1 << 30}
				if _, ok := it.Next(); !ok {
					it.Seek(start)
				}
			}
		})
	}
}

func BenchmarkHostile(b *testing.B) {
	for _, c := range hostile {
		b.Run(fmt.Sprintf("%.40s", c.name), func(b *testing.B) {
			r := mustParse(b, c.rule)
			start, from := at(b, c.start), at(b, "20260801T000000")
			b.ReportAllocs()
			for b.Loop() {
				it := r.Iterator(start, false, NewBudget(DefaultBudget))
				it.Seek(from)
				for range DefaultBudget {
					if _, ok := it.Next(); !ok {
						break
					}
				}
			}
		})
	}
}
