package recur

import (
	"math"
	"slices"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
)

// Iterator yields the times of a rule in ascending order. It works in civil time: times that
// summer time skips or repeats are like all others. The last possible time is in the year 9999.
// An Iterator must not be used by several goroutines at once.
type Iterator struct {
	start  ical.Civil
	count  int64 // the instances that the rule may have
	skip   Skip
	budget *Budget
	err    error
	done   bool

	days  dayFilter
	clock clock // the times of a day, or those of an hour, minute or second

	steps   stepper  // of rules with periods of up to a day
	periods *periods // of rules with longer ones; nil for the others

	given   int64      // the instances before the next one
	atStart bool       // the next one is start
	from    ical.Civil // the others are not before it
	ready   bool       // steps or periods are positioned at from
}

// Iterator returns the times of the rule for a given DTSTART. The first one is always DTSTART
// itself, whether it matches the rule or not; it is the first of COUNT (RFC 5545, 3.8.5.3).
// Then follows what the rule gives after it. COUNT ends the times, UNTIL does not, because it
// may have to be compared as an instant.
//
// What the rule does not contain is derived from DTSTART. If allDay is set, the clock of DTSTART
// and the parts BYHOUR, BYMINUTE and BYSECOND are ignored, and every time is the beginning of
// a day: that of each day in which the rule has a time.
func (r *Rule) Iterator(start ical.Civil, allDay bool, b *Budget) *Iterator {
	if allDay {
		start = start.Day()
	}
	it := &Iterator{start: start, count: math.MaxInt64, skip: r.Skip, budget: b, atStart: true, from: start + 1}
	if r.Count > 0 {
		it.count = r.Count
	}
	it.filterDays(r)
	it.setClock(r, allDay)
	if r.Frequency >= Weekly {
		it.periods = newPeriods(r, it)
	} else {
		it.steps.init(r, it, allDay)
	}
	return it
}

// filterDays sets the days that the rule allows, and takes from DTSTART what the rule lacks.
func (it *Iterator) filterDays(r *Rule) {
	f := &it.days
	f.weekStart = time.Weekday(modulo(int(r.WeekStart), 7))
	f.months = allMonths
	if len(r.ByMonth) > 0 {
		f.months = uint16(bitsOf(r.ByMonth)) & allMonths
	}
	if len(r.ByMonthDay) > 0 {
		f.setMonthDays(r.ByMonthDay)
	}
	if len(r.ByYearDay) > 0 {
		f.setYearDays(r.ByYearDay)
	}
	if len(r.ByWeekNo) > 0 {
		f.setWeekNos(r.ByWeekNo)
	}
	if len(r.ByDay) > 0 {
		useNumbers := r.Frequency == Monthly || r.Frequency == Yearly && len(r.ByWeekNo) == 0
		f.setWeekdays(r.ByDay, useNumbers)
		f.numberedInYear = r.Frequency == Yearly && len(r.ByMonth) == 0
	}
	_, month, day := it.start.Date()
	if len(r.ByDay) == 0 && len(r.ByMonthDay) == 0 && len(r.ByYearDay) == 0 {
		switch {
		case r.Frequency == Weekly || r.Frequency >= Monthly && len(r.ByWeekNo) > 0:
			f.setWeekdays([]Day{{Weekday: it.start.Weekday()}}, false)
		case r.Frequency >= Monthly:
			f.setMonthDays([]int{day})
			if r.Frequency == Yearly && len(r.ByMonth) == 0 {
				f.months = 1 << month
			}
		}
	}
	f.any = f.months == allMonths && !f.hasMonthDay && !f.hasYearDay && !f.hasWeekNo && !f.hasWeekday
}

// setClock sets the times within the period, which is a day at most.
func (it *Iterator) setClock(r *Rule, allDay bool) {
	hour, minute, second := it.start.Clock()
	it.clock = clock{hours: 1, minutes: 1, seconds: 1}
	if allDay {
		return
	}
	set := func(list []int, value int) uint64 {
		if len(list) == 0 {
			return 1 << value
		}
		return bitsOf(list)
	}
	if r.Frequency >= Daily {
		it.clock.hours = set(r.ByHour, hour) & (1<<24 - 1)
	}
	if r.Frequency >= Hourly {
		it.clock.minutes = set(r.ByMinute, minute) & (1<<60 - 1)
	}
	if r.Frequency >= Minutely {
		it.clock.seconds = set(r.BySecond, second) & (1<<60 - 1)
	}
}

// Err returns the reason why there are no more times: nil at their end, or [ErrBudget].
func (it *Iterator) Err() error { return it.err }

// spend takes n candidates from the budget.
func (it *Iterator) spend(n int) bool {
	if it.err == nil && !it.budget.Spend(n) {
		it.err = ErrBudget
	}
	return it.err == nil
}

// Next returns the next time, or false at the end and after an error.
func (it *Iterator) Next() (ical.Civil, bool) {
	if it.given >= it.count || !it.spend(1) {
		return 0, false
	}
	if it.atStart {
		it.atStart = false
		it.given++
		return it.start, true
	}
	t, ok := it.advance()
	if ok {
		it.given++
	}
	return t, ok
}

// advance returns the next time that the rule gives after DTSTART.
func (it *Iterator) advance() (ical.Civil, bool) {
	if !it.ready {
		it.position(it.from)
	}
	if it.done {
		return 0, false
	}
	next := it.steps.next
	if it.periods != nil {
		next = it.periods.next
	}
	t, ok := next(it)
	it.done = !ok
	return t, ok
}

// Seek jumps forward or back: the next time is the first one that is not before from. The
// times before it are counted for COUNT. The effort does not depend on the distance, except
// for a few rules with COUNT and INTERVAL, whose times can only be counted one by one; that
// takes from the budget. After an error, Seek has no effect.
func (it *Iterator) Seek(from ical.Civil) {
	if it.err != nil {
		return
	}
	it.given, it.ready = 0, false
	it.atStart = from <= it.start
	it.from = max(from, it.start+1)
	if !it.atStart && it.count != math.MaxInt64 {
		it.given = 1 + it.between(it.start+1, it.from)
		it.ready = false
	}
}

// position prepares for the times that are not before from.
func (it *Iterator) position(from ical.Civil) {
	it.ready = true
	if it.done = from > lastTime || it.clock.size() == 0; it.done {
		return
	}
	if it.periods != nil {
		it.periods.seek(it, from)
	} else {
		it.steps.seek(it, from)
	}
}

// lastTime is the last second of the year 9999.
const lastTime = ical.Civil(maxDay+1)*ical.SecondsPerDay - 1

// compactTimes sorts times and removes repetitions.
func compactTimes(list []ical.Civil) []ical.Civil {
	slices.Sort(list)
	return slices.Compact(list)
}
