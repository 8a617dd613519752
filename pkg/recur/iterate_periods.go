package recur

import (
	"math/bits"
	"slices"

	"github.com/davadmin/davadmin/pkg/ical"
)

// periods finds the days of rules whose frequency is WEEKLY, MONTHLY or YEARLY.
type periods struct {
	frequency Frequency
	interval  int64
	base      int64 // the year, the month as 12*year+month-1, or the first day of the week
	weeks     bool  // periods are the numbered weeks of a year
	setPos    []int
	cycle     int  // the number of periods after which everything repeats
	never     bool // there are no times

	// SKIP moves missing days of the year, or days into another period.
	missingLast, missingFirst, crosses bool

	k     int64        // the period that is loaded
	days  []int        // its days; ascending
	i     int          // the next day, or the next time
	at    int          // where the search for the next time of the day begins
	times []ical.Civil // if the rule has BYSETPOS
	room  [372]int     // of days
	wide  []int        // the same, if crosses is set
}

func newPeriods(r *Rule, it *Iterator) *periods {
	p := &periods{frequency: r.Frequency, interval: int64(max(r.Interval, 1)), setPos: r.BySetPos}
	year, month, _ := it.start.Date()
	cycle := int64(400)
	switch r.Frequency {
	case Weekly:
		p.base, cycle = int64(weekBegin(dayOf(it.start), it.days.weekStart)), 20871
	case Monthly:
		p.base, cycle = 12*int64(year)+int64(month)-1, 4800
	default:
		p.base = int64(year)
		p.weeks = len(r.ByWeekNo) > 0
	}
	p.cycle = int(cycle / gcd(p.interval, cycle))
	if f := &it.days; r.Skip != Omit && len(r.ByWeekNo) == 0 {
		if r.Frequency == Yearly && len(r.ByMonthDay) == 0 {
			p.missingLast = slices.Contains(r.ByYearDay, 366)
			p.missingFirst = slices.Contains(r.ByYearDay, -366)
			p.crosses = p.missingLast && r.Skip == Forward || p.missingFirst && r.Skip == Backward
		}
		if r.Frequency == Monthly && len(r.ByYearDay) == 0 {
			p.crosses = r.Skip == Forward && f.monthDays>>28 != 0 || r.Skip == Backward && f.monthEnds>>28 != 0
		}
	}
	if p.weeks {
		p.weekYear(it)
	}
	p.never = len(p.setPos) > 0 && !p.reaches(it)
	return p
}

// reaches reports whether a period can have enough times for a value of BYSETPOS.
func (p *periods) reaches(it *Iterator) bool {
	most := 372
	switch f := &it.days; {
	case p.frequency == Weekly && f.hasWeekday:
		most = bits.OnesCount8(f.weekdays)
	case p.frequency == Weekly:
		most = 7
	case p.frequency == Monthly:
		most = 31
	}
	return slices.ContainsFunc(p.setPos, func(i int) bool {
		_, ok := position(i, most*it.clock.size())
		return ok
	})
}

// weekYear sets the year from which INTERVAL counts, if the rule has BYWEEKNO: the year to
// whose weeks DTSTART belongs, if DTSTART is a day of the rule.
func (p *periods) weekYear(it *Iterator) {
	year := p.base
	for _, p.base = range []int64{year, year - 1, year + 1} {
		p.days = p.room[:0]
		p.loadWeeks(it, 0)
		if slices.Contains(p.days, dayOf(it.start)) {
			return
		}
	}
	p.base = year
}

// number returns the number of the first period that may have times at or after a time.
func (p *periods) number(from ical.Civil) int64 {
	year, month, _ := from.Date()
	at, least, step := int64(year), int64(0), p.interval
	switch p.frequency {
	case Weekly:
		at, step = int64(dayOf(from)-6), 7*step // the first week that ends on or after the day
	case Monthly:
		at = 12*at + int64(month) - 1
	}
	switch {
	case p.weeks:
		at, least = at-1, -1
	case p.crosses:
		at -= step - 1 // the period that begins at or before the time
	}
	return max(-floorDiv(p.base-at, step), least)
}

// seek prepares for the times at or after a time.
func (p *periods) seek(it *Iterator, from ical.Civil) {
	p.k = p.number(from)
	for empty := 0; !p.never && empty <= p.cycle+2 && p.load(it); empty++ {
		if p.skipTo(from) {
			return
		}
		if !p.forward(it) {
			break
		}
	}
	it.done = true
}

// forward goes to the next period, and skips those that cannot have days. It returns false if
// there are no more.
func (p *periods) forward(it *Iterator) bool {
	f := &it.days
	p.k++
	switch {
	case p.frequency == Weekly && (f.months != allMonths || f.hasMonthDay || f.hasYearDay || f.hasWeekNo):
		day := it.nextDay(p.begin(p.k-1) + 7)
		if day > maxDay {
			return false
		}
		p.k = p.number(civilOf(day))
	case p.frequency == Monthly && !p.crosses && f.months != allMonths:
		for range 12 {
			if f.months>>(modulo64(p.base+p.k*p.interval, 12)+1)&1 != 0 {
				break
			}
			p.k++
		}
	}
	return true
}

// skipTo skips the times of the loaded period before a given one, and reports whether others
// are left.
func (p *periods) skipTo(from ical.Civil) bool {
	if len(p.setPos) > 0 {
		p.i, _ = slices.BinarySearch(p.times, from)
		return p.i < len(p.times)
	}
	day := dayOf(from)
	p.i, p.at = 0, 0
	for p.i < len(p.days) && p.days[p.i] < day {
		p.i++
	}
	if p.i == len(p.days) {
		return false
	}
	if p.days[p.i] == day {
		p.at = int(from - civilOf(day))
	}
	return true
}

// next returns the next time.
func (p *periods) next(it *Iterator) (ical.Civil, bool) {
	for empty := 0; empty <= p.cycle+2; empty++ {
		if len(p.setPos) > 0 {
			if p.i < len(p.times) {
				p.i++
				return p.times[p.i-1], p.times[p.i-1] <= lastTime
			}
		} else {
			for p.i < len(p.days) {
				if offset, ok := it.clock.next(p.at); ok {
					p.at = offset + 1
					t := civilOf(p.days[p.i]) + ical.Civil(offset)
					return t, t <= lastTime
				}
				p.i++
				p.at = 0
			}
		}
		if !p.forward(it) || !p.load(it) {
			return 0, false
		}
		p.i, p.at = 0, 0
	}
	return 0, false
}

// load loads period k. It returns false after the year 9999, and at the end of the budget.
func (p *periods) load(it *Iterator) bool {
	if !it.spend(1+len(p.setPos)) || p.begin(p.k) > maxDay {
		p.days, p.times = p.days[:0], p.times[:0]
		return false
	}
	p.days, p.times = p.room[:0], p.times[:0]
	if !p.crosses {
		p.loadDays(it, p.k)
		p.pick(it)
		return true
	}
	// What SKIP moves into another period is returned with that one.
	first, next := p.begin(p.k), p.begin(p.k+1)
	p.wide = p.wide[:0]
	for k := p.k - 1; k <= p.k+1; k++ {
		p.days = p.room[:0]
		p.loadDays(it, k)
		p.pick(it)
		for _, day := range p.days {
			if day >= first && day < next {
				p.wide = append(p.wide, day)
			}
		}
	}
	slices.Sort(p.wide)
	p.days = slices.Compact(p.wide)
	p.times = slices.DeleteFunc(p.times, func(t ical.Civil) bool { return t < civilOf(first) || t >= civilOf(next) })
	return true
}

// begin returns the first day of a period, or a day after the year 9999.
func (p *periods) begin(k int64) int {
	step := p.interval
	if p.frequency == Weekly {
		step *= 7
	}
	at := p.base + k*step
	switch {
	case p.frequency == Weekly:
		return int(min(at, maxDay+1))
	case p.frequency == Monthly && at < 12*10000:
		return dayNumber(int(floorDiv(at, 12)), int(modulo64(at, 12))+1, 1)
	case p.frequency == Yearly && at < 10000:
		return dayNumber(int(at), 1, 1)
	}
	return maxDay + 1
}

// loadDays adds the days of a period.
func (p *periods) loadDays(it *Iterator, k int64) {
	switch {
	case p.frequency == Weekly:
		first := p.begin(k)
		for day := first; day < first+7; day++ {
			if it.days.has(day) {
				p.days = append(p.days, day)
			}
		}
	case p.frequency == Monthly:
		at := p.base + k*p.interval
		if number := int(modulo64(at, 12)) + 1; it.days.months>>number&1 != 0 && at < 12*10000 {
			p.addMonth(it, monthAt(int(floorDiv(at, 12)), number))
		}
	case p.weeks:
		p.loadWeeks(it, k)
	default:
		if at := p.base + k*p.interval; at < 10000 {
			p.loadYear(it, int(at))
		}
	}
}

func (p *periods) loadYear(it *Iterator, year int) {
	if p.missingFirst && !isLeap(year) {
		first := dayNumber(year, 1, 1)
		p.addMoved(it, 1, first, first-1)
	}
	for months := it.days.months; months != 0; months &= months - 1 {
		p.addMonth(it, monthAt(year, bits.TrailingZeros16(months)))
	}
	if p.missingLast && !isLeap(year) {
		next := dayNumber(year+1, 1, 1)
		p.addMoved(it, 12, next, next-1)
	}
}

// addMoved adds the day to which a day that does not exist is moved, if BYMONTH allows the
// month of the missing day and BYDAY allows the new one.
func (p *periods) addMoved(it *Iterator, month, forward, backward int) {
	day := backward
	if it.skip == Forward {
		day = forward
	}
	f := &it.days
	if f.months>>month&1 == 0 {
		return
	}
	if f.hasWeekday {
		year, number, _ := civilOf(day).Date()
		m := monthAt(year, int(number))
		if f.weekdaysOf(&m)>>(day-m.first)&1 == 0 {
			return
		}
	}
	p.addDay(day)
}

func (p *periods) addDay(day int) {
	if n := len(p.days); n == 0 || p.days[n-1] < day {
		p.days = append(p.days, day)
	}
}

// addMonth adds the allowed days of a month. Days that the month does not have are moved as
// SKIP says, before BYDAY limits them (RFC 7529, 4.1).
func (p *periods) addMonth(it *Iterator, m month) {
	f := &it.days
	f.load(&m)
	skips := it.skip != Omit && f.hasMonthDay && !f.hasYearDay && !f.hasWeekNo
	if skips && f.monthEnds>>m.length != 0 {
		p.addMoved(it, m.number, m.first, m.first-1)
	}
	for days := m.days; days != 0; days &= days - 1 {
		p.addDay(m.first + bits.TrailingZeros32(days))
	}
	if skips && f.monthDays>>m.length != 0 {
		p.addMoved(it, m.number, m.first+m.length, m.first+m.length-1)
	}
}

// loadWeeks sets the days of the numbered weeks of the year with number k.
func (p *periods) loadWeeks(it *Iterator, k int64) {
	f := &it.days
	year := int(p.base + k*p.interval)
	one := weekOne(year, f.weekStart)
	weeks := (weekOne(year+1, f.weekStart) - one) / 7
	for n := 1; n <= weeks; n++ {
		if !f.hasWeek(n, weeks) {
			continue
		}
		for day := one + 7*(n-1); day < one+7*n; day++ {
			if f.has(day) {
				p.days = append(p.days, day)
			}
		}
	}
}

// pick adds the times of the loaded days that BYSETPOS selects.
func (p *periods) pick(it *Iterator) {
	if len(p.setPos) == 0 {
		return
	}
	it.spend(len(p.days) / 16) // of a year, more days are looked at than are returned
	perDay := it.clock.size()
	for _, i := range p.setPos {
		if n, ok := position(i, perDay*len(p.days)); ok {
			p.times = append(p.times, civilOf(p.days[n/perDay])+ical.Civil(it.clock.at(n%perDay)))
		}
	}
	p.times = compactTimes(p.times)
}
