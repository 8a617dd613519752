package recur

import (
	"errors"
	"math"
	"runtime"
	"testing"

	"github.com/davadmin/davadmin/pkg/ical"
)

type hostileRule struct {
	name, start, rule string
	none              bool // the rule gives nothing but DTSTART
}

// hostile are rules that other programs compute for minutes, or for ever.
var hostile = []hostileRule{
	{"secondly without end", "20200101T000000", "FREQ=SECONDLY", false},
	{"count huge", "20200101T000000", "FREQ=DAILY;COUNT=1000000000", false},
	{"secondly count huge", "20200101T000000", "FREQ=SECONDLY;COUNT=9223372036854775807", false},
	{"30 February", "20260302T090000", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", true},
	{"30 February monthly", "20260302T090000", "FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30", true},
	{"30 February daily", "20260302T090000", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", true},
	{"30 February weekly", "20260302T090000", "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30", true},
	{"30 February secondly", "20260302T090000", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30", true},
	{"February never has five Mondays but in leap years", "20260302T090000", "FREQ=MONTHLY;BYMONTH=2;BYDAY=5MO", false},
	{"week 53 in June", "20260601T090000", "FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6", true},
	{"position 366 of a month", "20260601T090000", "FREQ=MONTHLY;BYMONTHDAY=1,2,3;BYSETPOS=366", true},
	{"position 366 of a week", "20260601T090000", "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=366", true},
	{"position 366 of a year", "20260601T090000", "FREQ=YEARLY;BYMONTH=1,2;BYSETPOS=-366", true},
	{"position 2 of a second", "20260601T090000", "FREQ=SECONDLY;BYSECOND=1;BYSETPOS=2", true},
	{"second never reached", "20260601T090000", "FREQ=SECONDLY;INTERVAL=2;BYSECOND=1", true},
	{"minute never reached", "20260601T090000", "FREQ=MINUTELY;INTERVAL=60;BYMINUTE=1", true},
	{"hour never reached", "20260601T090000", "FREQ=HOURLY;INTERVAL=24;BYHOUR=10", true},
	{"weekday never reached", "20260601T090000", "FREQ=DAILY;INTERVAL=7;BYDAY=TU", true},
	{"weekday never reached hourly", "20260601T090000", "FREQ=HOURLY;INTERVAL=336;BYDAY=TU", true},
	{"month never reached", "20260601T090000", "FREQ=MONTHLY;INTERVAL=12;BYMONTH=7", true},
	{"minutely once a leap day", "20260601T090000", "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3;BYMINUTE=7", false},
	{"secondly once a leap day", "20260601T090000", "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=29;BYHOUR=3;BYMINUTE=7;BYSECOND=3", false},
	{"minutely with seconds", "20260601T090000", "FREQ=MINUTELY;BYSECOND=0,1,2,3,4,5;BYMONTH=6;BYDAY=MO", false},
	{"seconds of some months, with an interval", "20260601T090000", "FREQ=SECONDLY;INTERVAL=7;BYMONTH=1,2,3", false},
	{"seconds of some hours, with an interval", "20260601T090000", "FREQ=SECONDLY;INTERVAL=7;BYHOUR=1,2,3", false},
	{"positions of a year of seconds", "20260601T090000", "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=0,1,2,3;BYSECOND=1,2,3;BYSETPOS=1,2,3,4,5,6,7,-366", false},
	{"every year another kind of week", "20260601T090000", "FREQ=YEARLY;INTERVAL=3;BYWEEKNO=1,53;BYYEARDAY=1,-1", false},
	{"longest interval", "20260601T090000", "FREQ=YEARLY;INTERVAL=2147483647", true},
	{"longest interval of seconds", "20260601T090000", "FREQ=SECONDLY;INTERVAL=2147483647", false},
	{"many times a month", "20260101T010101", "FREQ=MONTHLY;BYMONTHDAY=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMINUTE=0,1,2,3,4,5,6,7,8,9;BYSECOND=0,1,2,3,4,5,6,7,8,9;BYSETPOS=1,-1", false},
	{"leap day on a Monday every 400 years less one", "20260601T090000", "FREQ=YEARLY;INTERVAL=399;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", false},
	{"interval of seconds that fits once in 237 years", "20260601T000000", "FREQ=SECONDLY;INTERVAL=86399;BYHOUR=3;BYMINUTE=7;BYSECOND=9;BYDAY=MO", false},
}

// expand finds everything that a budget allows of a rule: after a jump of 900 years, and from
// its start. It returns the instances from the start.
func (c hostileRule) expand(r *Rule, start, far ical.Civil) (int, error) {
	it := r.Iterator(start, false, NewBudget(DefaultBudget))
	it.Seek(far)
	it.Next()
	it.Seek(start)
	n := 0
	for ; n < DefaultBudget; n++ {
		if _, ok := it.Next(); !ok {
			break
		}
	}
	return n, it.Err()
}

// forHostile calls a function with each rule, without COUNT, and with a large and a huge one.
func forHostile(t *testing.T, f func(t *testing.T, name string, expand func() (int, error), none bool)) {
	for _, c := range hostile {
		for _, suffix := range []string{"", ";COUNT=1000000", ";COUNT=1000000000"} {
			r := mustParse(t, c.rule)
			if suffix != "" && r.Count == 0 {
				r = mustParse(t, c.rule+suffix)
			}
			start, far := at(t, c.start), at(t, "29260301T000000")
			f(t, c.name+suffix, func() (int, error) { return c.expand(r, start, far) }, c.none)
		}
	}
}

// Each ends within its budget, needs at most 1 MiB, and gives DTSTART at least, or an error.
func TestHostileRulesAreBounded(t *testing.T) {
	forHostile(t, func(t *testing.T, name string, expand func() (int, error), none bool) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n, err := expand()
		runtime.ReadMemStats(&after)
		if memory := after.TotalAlloc - before.TotalAlloc; memory > 1<<20 {
			t.Errorf("%s: %d bytes", name, memory)
		}
		if n == 0 && err == nil {
			t.Errorf("%s: no instance and no error", name)
		}
		if none && (n != 1 || err != nil) {
			t.Errorf("%s: %d instances, %v; want DTSTART alone", name, n, err)
		}
		if !none && n < 2 && err == nil {
			t.Errorf("%s: %d instances", name, n)
		}
	})
}

// No candidate allocates memory, however many there are.
func TestCandidatesAllocateNothing(t *testing.T) {
	for _, c := range hostile {
		r := mustParse(t, c.rule)
		it := r.Iterator(at(t, c.start), false, NewBudget(1<<30))
		it.Next()
		it.Next()
		allocated := testing.AllocsPerRun(10, func() {
			for range 100 {
				it.Next()
			}
		})
		if allocated > 0 {
			t.Errorf("%s: 100 instances take %.1f allocations", c.name, allocated)
		}
	}
}

func TestBudgetEnds(t *testing.T) {
	r := mustParse(t, "FREQ=SECONDLY")
	start := at(t, "20200101T000000")
	it := r.Iterator(start, false, NewBudget(1000))
	n := 0
	for {
		c, ok := it.Next()
		if !ok {
			break
		}
		if c != start+ical.Civil(n) {
			t.Fatalf("%d: %s", n, c)
		}
		n++
	}
	if !errors.Is(it.Err(), ErrBudget) || n < 300 || n > 1000 {
		t.Errorf("%d times, then %v", n, it.Err())
	}
	it.Seek(start)
	if _, ok := it.Next(); ok || !errors.Is(it.Err(), ErrBudget) {
		t.Error("a jump gives an iterator without a budget more times")
	}
	b := NewBudget(10)
	if !b.Spend(10) || b.Left() != 0 || b.Spend(1) {
		t.Error("a budget of 10 is not 10 candidates")
	}
	if b = NewBudget(5); b.Spend(6) || b.Spend(1) || b.Left() != 0 {
		t.Error("a budget can be used after it was used up")
	}
}

// A month of a daily rule with a huge COUNT: exactly the days of March, and the last of a
// COUNT that ends within it.
func TestCountIsComputed(t *testing.T) {
	start := at(t, "20200101T000000")
	for _, c := range []struct {
		rule, from string
		want       int // results before 1 April 2026, after the jump
	}{
		{"FREQ=DAILY;COUNT=1000000000", "20260301T000000", 31},
		// 2020-01-01 to 2026-02-28 are 366 + 365 + 365 + 365 + 366 + 365 + 59 = 2251 days.
		{"FREQ=DAILY;COUNT=2251", "20260301T000000", 0},
		{"FREQ=DAILY;COUNT=2252", "20260301T000000", 1},
		{"FREQ=DAILY;COUNT=2261", "20260301T000000", 10},
		// Wednesdays: 2251 days are 321 weeks and 4 days, from Wednesday on: 322 Wednesdays.
		{"FREQ=WEEKLY;COUNT=322", "20260301T000000", 0},
		{"FREQ=WEEKLY;COUNT=324", "20260301T000000", 2},
		// 6 years and 2 months with the first of each.
		{"FREQ=MONTHLY;COUNT=75", "20260301T000000", 1},
		{"FREQ=MONTHLY;COUNT=74", "20260301T000000", 0},
		// 2251 days of 24 hours.
		{"FREQ=HOURLY;COUNT=54027", "20260301T000000", 3},
		{"FREQ=SECONDLY;COUNT=194486405", "20260301T000000", 5},
		{"FREQ=MINUTELY;INTERVAL=7;COUNT=463064", "20260301T000000", 1}, // 3241440 minutes are 463062.86 intervals
		{"FREQ=DAILY;BYMONTH=3;COUNT=188", "20260301T000000", 1},        // 1 January 2020 and six times 31 days
		{"FREQ=DAILY;BYMONTH=3;COUNT=187", "20260301T000000", 0},
		// 1 January 2020, and every 7th second of 6 times 31 days: 2,295,771 of 16,070,400.
		{"FREQ=SECONDLY;INTERVAL=7;BYMONTH=3;COUNT=2295772", "20260301T000000", 0},
		{"FREQ=SECONDLY;INTERVAL=7;BYMONTH=3;COUNT=2295773", "20260301T000000", 1},
		{"FREQ=SECONDLY;BYMONTH=3;COUNT=16070402", "20260301T000000", 1}, // the same in seconds
	} {
		it := mustParse(t, c.rule).Iterator(start, false, NewBudget(DefaultBudget))
		it.Seek(at(t, c.from))
		n := 0
		for n < 1000 {
			if got, ok := it.Next(); !ok || got >= at(t, "20260401T000000") {
				break
			}
			n++
		}
		if n != c.want || it.Err() != nil {
			t.Errorf("%s: %d results, %v; want %d", c.rule, n, it.Err(), c.want)
		}
	}
}

func TestEndOfTime(t *testing.T) {
	for _, c := range []struct{ start, rule, last string }{
		{"99991201T000000", "FREQ=DAILY", "99991231T000000"},
		{"99991231T235950", "FREQ=SECONDLY", "99991231T235959"},
		{"99800501T120000", "FREQ=YEARLY", "99990501T120000"},
		{"99990101T120000", "FREQ=MONTHLY", "99991201T120000"},
		{"99991201T120000", "FREQ=WEEKLY", "99991229T120000"},
		{"99981201T120000", "FREQ=YEARLY;BYWEEKNO=52,53;BYDAY=SU,FR", "99991231T120000"},
		{"99991031T120000", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=31;SKIP=FORWARD", "99991231T120000"},
		{"99991231T000000", "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=366;SKIP=FORWARD", "99991231T000000"},
	} {
		it := mustParse(t, c.rule).Iterator(at(t, c.start), false, NewBudget(DefaultBudget))
		var last ical.Civil
		for {
			got, ok := it.Next()
			if !ok {
				break
			}
			last = got
		}
		if last != at(t, c.last) || it.Err() != nil {
			t.Errorf("%s from %s: the last is %s, %v; want %s", c.rule, c.start, last, it.Err(), c.last)
		}
		for _, from := range []ical.Civil{lastTime + 1, math.MaxInt64 / 2} {
			it.Seek(from)
			if got, ok := it.Next(); ok {
				t.Errorf("%s: after the year 9999 comes %s", c.rule, got)
			}
		}
		it.Seek(math.MinInt64 / 2)
		if got, ok := it.Next(); !ok || got != at(t, c.start) {
			t.Errorf("%s: the first is %s, %t", c.rule, got, ok)
		}
	}
	it := mustParse(t, "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO").Iterator(at(t, "00000101T000000"), false, NewBudget(DefaultBudget))
	it.Next()
	// 0000-01-01 was a Saturday, so the first week began on Monday, 3 January.
	if got, ok := it.Next(); !ok || got != at(t, "00000103T000000") {
		t.Errorf("in the year 0: %s, %t", got, ok)
	}
}

// A rule that is put together by a program can have values that ParseRule refuses.
func TestRulesWithImpossibleValues(t *testing.T) {
	start := at(t, "20260302T090000")
	for _, r := range []*Rule{
		{},
		{Frequency: Daily},
		{Frequency: 99, Interval: -5, Count: -1, WeekStart: -3, Skip: 9},
		{Frequency: Yearly, ByMonth: []int{-1, 0, 13, 99}, ByWeekNo: []int{0, 99, -99}, ByYearDay: []int{0, 999, -999}, ByMonthDay: []int{0, 99, -99}},
		{Frequency: Monthly, ByHour: []int{-1, 24, 63, 64}},
		{Frequency: Minutely, ByHour: []int{99}, BySecond: []int{60, 61}},
		{Frequency: Weekly, ByDay: []Day{{N: math.MinInt32, Weekday: -1}, {N: 5, Weekday: 70}}, BySetPos: []int{0, math.MinInt}},
		{Frequency: Yearly, ByDay: []Day{{N: math.MaxInt, Weekday: 70}, {N: math.MinInt, Weekday: -70}}},
		{Frequency: Daily, BySetPos: []int{0, math.MinInt, math.MaxInt}, Interval: math.MaxInt32},
	} {
		it := r.Iterator(start, false, NewBudget(DefaultBudget))
		it.Seek(start + 1e9)
		it.Next()
		it.Seek(start)
		if got, ok := it.Next(); !ok || got != start {
			t.Errorf("%+v: the first is %s, %t, %v", r, got, ok, it.Err())
		}
		for range 10 {
			it.Next()
		}
		_ = r.String()
	}
}
