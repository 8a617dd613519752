package recur

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/ical"
)

// The oracle looks at each day or each second of a range and asks whether RFC 5545 makes it an
// instance. It uses package time for everything about the calendar, tests one value of a list
// after the other, and never computes what comes next. It does not know SKIP.

// moment is a time with the questions that a rule asks about it.
type moment struct{ time.Time }

func momentOf(c ical.Civil) moment { return moment{time.Unix(int64(c), 0).UTC()} }

// week returns the year and number of the week, which begins on a given day, and the number of
// weeks of that year.
func (m moment) week(first time.Weekday) (year, number, weeks int) {
	begin := func(t time.Time) time.Time {
		for t.Weekday() != first {
			t = t.AddDate(0, 0, -1)
		}
		return t
	}
	// yearOf is the year to which most days of a week belong.
	yearOf := func(week time.Time) int {
		days := map[int]int{}
		for i := range 7 {
			days[week.AddDate(0, 0, i).Year()]++
		}
		for year, n := range days {
			if n >= 4 {
				return year
			}
		}
		panic("a week has seven days")
	}
	day := time.Date(m.Year(), m.Month(), m.Day(), 0, 0, 0, 0, time.UTC)
	mine := begin(day)
	year = yearOf(mine)
	for week := mine; yearOf(week) == year; week = week.AddDate(0, 0, -7) {
		number++
	}
	weeks = number - 1
	for week := mine; yearOf(week) == year; week = week.AddDate(0, 0, 7) {
		weeks++
	}
	return year, number, weeks
}

// period returns the number of the period that contains the moment, counted from some origin.
func (m moment) period(r *Rule) int64 {
	seconds := m.Unix() + 100*146097*86400 // not negative
	switch r.Frequency {
	case Yearly:
		if len(r.ByWeekNo) > 0 {
			year, _, _ := m.week(r.WeekStart)
			return int64(year)
		}
		return int64(m.Year())
	case Monthly:
		return int64(m.Year())*12 + int64(m.Month())
	case Weekly:
		// 1970-01-01 was a Thursday.
		day := seconds/86400 + int64(time.Thursday) + 7 - int64(r.WeekStart)
		return day / 7
	case Daily:
		return seconds / 86400
	case Hourly:
		return seconds / 3600
	case Minutely:
		return seconds / 60
	}
	return seconds
}

// counts reports whether a number that counts from 1, and whose last is size, is in a list.
func counts(list []int, n, size int) bool {
	return slices.ContainsFunc(list, func(want int) bool { return want == n || want == n-size-1 })
}

// matchesDay reports whether the rule has the day of the moment, if its period is one of the rule.
func (m moment) matchesDay(r *Rule, start moment) bool {
	monthDays := time.Date(m.Year(), m.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	yearDays := time.Date(m.Year(), 12, 31, 0, 0, 0, 0, time.UTC).YearDay()
	if len(r.ByMonth) > 0 && !slices.Contains(r.ByMonth, int(m.Month())) {
		return false
	}
	if len(r.ByWeekNo) > 0 {
		if _, n, weeks := m.week(r.WeekStart); !counts(r.ByWeekNo, n, weeks) {
			return false
		}
	}
	if len(r.ByYearDay) > 0 && !counts(r.ByYearDay, m.YearDay(), yearDays) {
		return false
	}
	if len(r.ByMonthDay) > 0 && !counts(r.ByMonthDay, m.Day(), monthDays) {
		return false
	}
	if len(r.ByDay) > 0 {
		return slices.ContainsFunc(r.ByDay, func(d Day) bool {
			if d.Weekday != m.Weekday() {
				return false
			}
			n, left := (m.Day()+6)/7, (monthDays-m.Day())/7
			if r.Frequency == Yearly && len(r.ByMonth) == 0 {
				n, left = (m.YearDay()+6)/7, (yearDays-m.YearDay())/7
			}
			numbered := r.Frequency == Monthly || r.Frequency == Yearly && len(r.ByWeekNo) == 0
			return !numbered || d.N == 0 || d.N == n || d.N == -left-1
		})
	}
	// What the rule does not say is derived from DTSTART.
	if len(r.ByYearDay) > 0 || len(r.ByMonthDay) > 0 {
		return true
	}
	switch {
	case r.Frequency < Weekly:
		return true
	case r.Frequency == Weekly || len(r.ByWeekNo) > 0:
		return m.Weekday() == start.Weekday()
	case r.Frequency == Yearly && len(r.ByMonth) == 0 && m.Month() != start.Month():
		return false
	}
	return m.Day() == start.Day()
}

// matchesClock reports whether the rule has the time of the day of the moment.
func (m moment) matchesClock(r *Rule, start moment) bool {
	test := func(list []int, n, derived int, limits bool) bool {
		if len(list) > 0 {
			return slices.Contains(list, n)
		}
		return limits || n == derived
	}
	return test(r.ByHour, m.Hour(), start.Hour(), r.Frequency <= Hourly) &&
		test(r.ByMinute, m.Minute(), start.Minute(), r.Frequency <= Minutely) &&
		test(r.BySecond, m.Second(), start.Second(), r.Frequency <= Secondly)
}

// oracle returns the times of a rule after DTSTART until before another time. Times of the
// clock are tested with the given step in seconds, which must hit all of them.
func oracle(r *Rule, start, until ical.Civil, step int) []ical.Civil {
	first := momentOf(start)
	origin := first.period(r)
	if r.Frequency == Yearly && len(r.ByWeekNo) > 0 && !(first.matchesDay(r, first)) {
		origin = int64(first.Year())
	}
	from := start.Day() - 400*86400 // whole periods, for BYSETPOS
	end := until + 400*86400
	if len(r.BySetPos) == 0 {
		from, end = start.Day(), until
	} else if r.Frequency <= Daily {
		from, end = start.Day(), until.Day()+86400
	}
	sets := map[int64][]ical.Civil{}
	var order []int64
	for day := from; day < end; day += 86400 {
		if !momentOf(day).matchesDay(r, first) {
			continue
		}
		for c := day; c < day+86400; c += ical.Civil(step) {
			m := momentOf(c)
			if !m.matchesClock(r, first) {
				continue
			}
			period := m.period(r)
			if (period-origin)%int64(r.Interval) != 0 {
				continue
			}
			if sets[period] == nil {
				order = append(order, period)
			}
			sets[period] = append(sets[period], c)
		}
	}
	var all []ical.Civil
	for _, period := range order {
		set := sets[period]
		for i, c := range set {
			if len(r.BySetPos) > 0 && !counts(r.BySetPos, i+1, len(set)) {
				continue
			}
			if c > start && c < until {
				all = append(all, c)
			}
		}
	}
	return all
}

// anyRule returns a rule with a mixture of parts that RFC 5545 allows with its frequency, and
// sometimes of others.
func anyRule(random *rand.Rand, frequency Frequency) *Rule {
	r := &Rule{Frequency: frequency, Interval: 1, WeekStart: time.Monday}
	if random.IntN(3) == 0 {
		r.Interval = 1 + random.IntN(8)
	}
	if random.IntN(3) == 0 {
		r.WeekStart = time.Weekday(random.IntN(7))
	}
	numbers := func(low, high, most int) []int {
		var all []int
		for range 1 + random.IntN(most) {
			if n := low + random.IntN(high-low+1); n != 0 || low == 0 {
				all = append(all, n)
			}
		}
		return all
	}
	chance := func(n int) bool { return random.IntN(n) == 0 }
	odd := chance(12) // parts that are not allowed with the frequency
	if chance(4) {
		r.ByMonth = numbers(1, 12, 5)
	}
	if frequency == Yearly && chance(4) || odd && chance(3) {
		r.ByWeekNo = append(numbers(-53, 53, 3), []int{1, -1, 53, 52}[random.IntN(4)])
	}
	if (frequency == Yearly || frequency <= Hourly) && chance(4) || odd && chance(3) {
		r.ByYearDay = append(numbers(-366, 366, 40), 1)
	}
	if frequency != Weekly && chance(3) || odd && chance(3) {
		r.ByMonthDay = numbers(-31, 31, 8)
	}
	if chance(3) {
		for range 1 + random.IntN(4) {
			d := Day{Weekday: time.Weekday(random.IntN(7))}
			if (frequency == Monthly || odd) && chance(2) {
				d.N = 1 + random.IntN(5)
			} else if frequency == Yearly && len(r.ByWeekNo) == 0 && chance(2) {
				d.N = 1 + random.IntN(53)
			}
			if chance(2) {
				d.N = -d.N
			}
			r.ByDay = append(r.ByDay, d)
		}
	}
	return r
}

// addClock adds parts for the clock, and returns a step that hits all times.
func addClock(random *rand.Rand, r *Rule, start ical.Civil) int {
	hour, minute, second := start.Clock()
	if random.IntN(3) == 0 {
		r.ByHour = []int{hour, random.IntN(24), random.IntN(24)}
	}
	step := 3600
	if minute != 0 || r.Frequency <= Minutely {
		step = 60
	}
	if random.IntN(4) == 0 {
		r.ByMinute = []int{minute, random.IntN(60), random.IntN(60)}
		step = 60
	}
	if second != 0 || r.Frequency == Secondly {
		step = 1
	}
	if random.IntN(8) == 0 {
		r.BySecond = []int{second, random.IntN(60)}
		step = 1
	}
	return step
}

// addPositions adds BYSETPOS, if the rule has another part.
func addPositions(random *rand.Rand, r *Rule) {
	if random.IntN(4) != 0 {
		return
	}
	for range 1 + random.IntN(3) {
		if n := random.IntN(9) - 4; n != 0 {
			r.BySetPos = append(r.BySetPos, n)
		}
	}
	if random.IntN(4) == 0 {
		r.BySetPos = append(r.BySetPos, 1+random.IntN(366))
	}
}

func TestAgainstOracle(t *testing.T) {
	random := seed.New(t)
	rounds := tier.Rounds(t, 300, 4000)
	for range rounds {
		frequency := Secondly + Frequency(random.IntN(int(Yearly)))
		days := map[Frequency]int{Yearly: 3000, Monthly: 1500, Weekly: 500, Daily: 300, Hourly: 40, Minutely: 5, Secondly: 1}[frequency]
		r := anyRule(random, frequency)
		start := ical.CivilOf(1970+random.IntN(80), time.Month(1+random.IntN(12)), 1+random.IntN(31), random.IntN(24), 0, 0)
		if random.IntN(3) == 0 {
			start += ical.Civil(60 * random.IntN(60))
		}
		if frequency == Secondly {
			start += ical.Civil(random.IntN(60))
		}
		step := addClock(random, r, start)
		if step < 3600 {
			days = days/8 + 1
		}
		if step == 1 {
			days = days/20 + 1
		}
		addPositions(random, r)
		until := start + ical.Civil(days)*86400
		want := oracle(r, start, until, step)
		name := fmt.Sprintf("DTSTART:%s RRULE:%s", start, r)
		r = mustParse(t, r.String())
		compare(t, random, name, r, start, until, want)
		if t.Failed() {
			return
		}
	}
}

// compare compares an iterator with the times after DTSTART that are expected before a time,
// also after jumps and with COUNT.
func compare(t *testing.T, random *rand.Rand, name string, r *Rule, start, until ical.Civil, want []ical.Civil) {
	t.Helper()
	it := r.Iterator(start, false, NewBudget(10_000_000))
	if got, ok := it.Next(); !ok || got != start {
		t.Fatalf("%s: the first is %s, %t", name, got, ok)
	}
	var got []ical.Civil
	for {
		c, ok := it.Next()
		if it.Err() != nil {
			t.Fatalf("%s: %v", name, it.Err())
		}
		if !ok || c >= until {
			break
		}
		got = append(got, c)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("%s:\ngot %s\nwant%s", name, format(got[:min(len(got), 40)]), format(want[:min(len(want), 40)]))
	}
	want = append([]ical.Civil{start}, want...)
	for range 6 {
		from := start + ical.Civil(random.Int64N(int64(until-start)))
		if random.IntN(2) == 0 {
			from = want[random.IntN(len(want))] + ical.Civil(random.IntN(3)-1)
		}
		i, _ := slices.BinarySearch(want, from)
		counted := *r
		counted.Count = int64(1 + random.IntN(len(want)))
		for _, r := range []*Rule{r, &counted} {
			it := r.Iterator(start, false, NewBudget(10_000_000))
			it.Seek(from)
			rest := want[i:]
			if r.Count > 0 {
				rest = want[min(i, int(r.Count)):r.Count]
			}
			for n, c := range rest[:min(len(rest), 3)] {
				if got, ok := it.Next(); !ok || got != c {
					t.Fatalf("%s COUNT=%d: %d after the jump to %s: got %s, %t, %v; want %s", name, r.Count, n, from, got, ok, it.Err(), c)
				}
			}
			if r.Count > 0 && len(rest) < 3 {
				if got, ok := it.Next(); ok {
					t.Fatalf("%s COUNT=%d: after the jump to %s and %d more: got %s", name, r.Count, from, len(rest), got)
				}
			}
		}
	}
}
