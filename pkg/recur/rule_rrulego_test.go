package recur

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/teambition/rrule-go"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/ical"
)

// judged makes a rule one about which rrule-go and python-dateutil, from which it is ported,
// do not differ from RFC 5545 as docs/decisions/0012 reads it. TestArguable has those
// differences: the days of BYWEEKNO, the weeks at the turn of the year, BYSETPOS in
// the first week, and lists of days of which only some have numbers.
func judged(random *rand.Rand, r *Rule) {
	if len(r.ByWeekNo) > 0 {
		if r.Frequency != Yearly || len(r.ByDay) == 0 && len(r.ByMonthDay) == 0 && len(r.ByYearDay) == 0 {
			r.ByDay = []Day{{Weekday: time.Weekday(random.IntN(7))}}
		}
		for i := range r.ByDay {
			r.ByDay[i].N = 0
		}
		for i, n := range r.ByWeekNo {
			r.ByWeekNo[i] = max(-51, min(51, n))
			if n == 1 || n == -1 {
				r.ByWeekNo[i] = 2 * n
			}
		}
		r.Interval = 1
		r.BySetPos = nil
	}
	if r.Frequency == Weekly {
		r.BySetPos = nil
	}
	if slices.ContainsFunc(r.ByDay, func(d Day) bool { return d.N == 0 }) {
		// rrule-go intersects the days with numbers and those without.
		for i := range r.ByDay {
			r.ByDay[i].N = 0
		}
	}
	slices.Sort(r.BySetPos)
	r.BySetPos = slices.Compact(r.BySetPos)
	for _, list := range []*[]int{&r.ByHour, &r.ByMinute, &r.BySecond} {
		slices.Sort(*list) // rrule-go returns a time twice for a repeated value
		*list = slices.Compact(*list)
	}
}

// judgedRule returns a rule of any frequency with a start, both as text and parsed.
func judgedRule(random *rand.Rand) (*Rule, ical.Civil) {
	r := anyRule(random, Secondly+Frequency(random.IntN(int(Yearly))))
	start := ical.CivilOf(1990+random.IntN(50), time.Month(1+random.IntN(12)), 1+random.IntN(31),
		random.IntN(24), random.IntN(60), random.IntN(60))
	addClock(random, r, start)
	addPositions(random, r)
	judged(random, r)
	return r, start
}

// after returns up to n times of the rule after start, within a few years; false if finding
// them takes long, because it would take others for ever.
func after(r *Rule, start ical.Civil, n, budget int) ([]ical.Civil, bool) {
	it := r.Iterator(start, false, NewBudget(budget))
	it.Next()
	var all []ical.Civil
	for range n {
		c, ok := it.Next()
		if !ok || c > start+40*366*86400 {
			return all, false
		}
		all = append(all, c)
	}
	return all, it.Err() == nil
}

func toRRuleGo(t testing.TB, r *Rule, start ical.Civil) *rrule.RRule {
	t.Helper()
	frequencies := map[Frequency]rrule.Frequency{Yearly: rrule.YEARLY, Monthly: rrule.MONTHLY, Weekly: rrule.WEEKLY,
		Daily: rrule.DAILY, Hourly: rrule.HOURLY, Minutely: rrule.MINUTELY, Secondly: rrule.SECONDLY}
	weekdays := []rrule.Weekday{rrule.SU, rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA}
	o := rrule.ROption{Freq: frequencies[r.Frequency], Dtstart: time.Unix(int64(start), 0).UTC(), Interval: r.Interval,
		Wkst: weekdays[r.WeekStart], Bysetpos: r.BySetPos, Bymonth: r.ByMonth, Bymonthday: r.ByMonthDay, Byyearday: r.ByYearDay,
		Byweekno: r.ByWeekNo, Byhour: r.ByHour, Byminute: r.ByMinute, Bysecond: r.BySecond}
	for _, d := range r.ByDay {
		o.Byweekday = append(o.Byweekday, weekdays[d.Weekday].Nth(d.N))
	}
	other, err := rrule.NewRRule(o)
	if err != nil {
		t.Fatalf("%s: %v", r, err)
	}
	return other
}

func TestAgainstRRuleGo(t *testing.T) {
	random := seed.New(t)
	rounds := tier.Rounds(t, 2000, 100_000)
	rare := 0
	// rrule-go panics if a day is counted over the beginning or the end of the year.
	panics := func(r *Rule) bool {
		return slices.ContainsFunc(r.ByDay, func(d Day) bool {
			return d.N < -52 || (d.N < -4 || d.N > 5) && (r.Frequency == Monthly || len(r.ByMonth) > 0)
		})
	}
	for done := 0; done < rounds; {
		r, start := judgedRule(random)
		want, ok := after(r, start, 12, 3000)
		if !ok || panics(r) {
			if rare++; rare > 10*rounds {
				t.Fatal("most rules have few instances")
			}
			continue
		}
		done++
		next := toRRuleGo(t, r, start).Iterator()
		var got []ical.Civil
		for len(got) < len(want) {
			c, ok := next()
			if !ok {
				break
			}
			if at := ical.Civil(c.Unix()); at > start {
				got = append(got, at)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s\nrrule-go%s\nwe      %s", fmt.Sprintf("DTSTART:%s RRULE:%s", start, r), format(got), format(want))
		}
	}
	t.Logf("%d rules, and %d with fewer instances that were not compared", rounds, rare)
}
