package recur

import (
	"math/bits"

	"github.com/davadmin/davadmin/pkg/ical"
)

// between returns how many times the rule gives from one time, after DTSTART, until before
// another. Where the times follow a pattern, it does not look at each of them. It may stop once
// it has counted as many as the rule may have.
func (it *Iterator) between(from, until ical.Civil) int64 {
	if until = min(until, lastTime+1); from >= until || it.clock.size() == 0 {
		return 0
	}
	s, p := &it.steps, it.periods
	switch {
	case p != nil && p.interval == 1 && len(p.setPos) == 0 && it.skip == Omit && !p.weeks:
		// Then the days are those that the filter allows.
		return it.betweenDays(it.clock.before, from, until)
	case p != nil:
		return p.between(it, from, until)
	case s.never:
		return 0
	case it.days.any && !s.hasLimits():
		return s.before(it, until) - s.before(it, from)
	case ical.SecondsPerDay%s.step == 0:
		return it.betweenDays(func(t int) int { return s.beforeInDay(it, t) }, from, until)
	}
	if !s.hasLimits() {
		return s.betweenRuns(it, from, until)
	}
	return s.between(it, from, until)
}

// betweenDays counts the times from one time until before another, if each allowed day has the
// same ones. The function returns how many a day has before a time of the day.
func (it *Iterator) betweenDays(before func(int) int, from, until ical.Civil) int64 {
	first, last := dayOf(from), dayOf(until)
	n := int64(it.daysBetween(first, last)) * int64(before(ical.SecondsPerDay))
	if it.days.has(first) {
		n -= int64(before(int(from - civilOf(first))))
	}
	if it.days.has(last) {
		n += int64(before(int(until - civilOf(last))))
	}
	return n
}

// daysBetween returns the number of allowed days from one day until before another.
func (it *Iterator) daysBetween(from, until int) int {
	f := &it.days
	if f.any {
		return until - from
	}
	n := 0
	var perYear [14]int // the allowed days of each kind of year, and 1
	for from < until && it.spend(1) {
		m := f.at(from)
		if m.number != 1 || from != m.first || from+daysInYear(m.year) > until || f.hasWeekNo {
			end := min(m.first+m.length, until)
			days := m.days & (1<<(end-m.first) - 1) >> (from - m.first)
			n += bits.OnesCount32(days)
			from = end
			continue
		}
		length := daysInYear(m.year)
		kind := &perYear[weekdayOf(from)+7*(length-365)]
		if *kind == 0 {
			*kind = 1
			for number := 1; number <= 12; number++ {
				other := monthAt(m.year, number)
				f.load(&other)
				*kind += bits.OnesCount32(other.days)
			}
		}
		n += *kind - 1
		// The year that follows is not looked up, because only January would be loaded.
		f.cached = monthAt(m.year+1, 1)
		f.load(&f.cached)
		from += length
	}
	return n
}

// before returns the number of times before a given one, in the period of DTSTART or later, of
// a rule without limits.
func (s *stepper) before(it *Iterator, t ical.Civil) int64 {
	k := s.notBefore(s.floor(t))
	n := k * int64(it.clock.size())
	if s.at(k) == s.floor(t) {
		n += int64(it.clock.before(int(t - s.floor(t))))
	}
	return n
}

// beforeInDay returns the number of times of an allowed day before a time of the day, if the
// interval divides a day.
func (s *stepper) beforeInDay(it *Iterator, end int) int {
	c := &it.clock
	if s.step == s.length && c.list == nil {
		all := s.limits
		switch s.length {
		case ical.SecondsPerDay:
			all = *c
		case 3600:
			all.minutes, all.seconds = c.minutes, c.seconds
		case 60:
			all.seconds = c.seconds
		}
		return all.before(end)
	}
	first, step := int(modulo64(int64(s.base), s.step)), int(s.step)
	n := 0
	if !s.hasLimits() {
		if end <= first {
			return 0
		}
		k := (end - first - 1) / step // the last period that begins before the end
		return k*c.size() + c.before(min(end-first-k*step, int(s.length)))
	}
	for t := first; t < end; t += step {
		if s.allowed(t) {
			if !it.spend(1) {
				break
			}
			n += c.before(min(end-t, int(s.length)))
		}
	}
	return n
}

// betweenRuns counts the times of a rule that limits only the days: those of the rule without
// limits, for each run of allowed days in a month.
func (s *stepper) betweenRuns(it *Iterator, from, until ical.Civil) int64 {
	n := int64(0)
	day := it.nextDay(dayOf(from))
	for day <= maxDay && civilOf(day) < until && n < it.count && it.spend(1) {
		m := it.days.at(day)
		end := day + bits.TrailingZeros32(^(m.days >> (day - m.first)))
		n += s.before(it, min(civilOf(end), until)) - s.before(it, max(civilOf(day), from))
		day = it.nextDay(end)
	}
	return n
}

// between counts the times period by period.
func (s *stepper) between(it *Iterator, from, until ical.Civil) int64 {
	n := int64(0)
	for it.position(from); !it.done && s.found && s.begin < until && n < it.count; s.find(it) {
		c := &it.clock
		if end := until - s.begin; int64(end) < s.length {
			n += int64(c.before(int(end)))
		} else {
			n += int64(c.size())
		}
		n -= int64(c.before(s.offset))
		if !it.spend(1) {
			break
		}
		s.k++
		s.found, s.offset = false, 0
	}
	return n
}

// between counts the times period by period. For periods in the middle, it counts those of
// periods of the same kind only once.
func (p *periods) between(it *Iterator, from, until ical.Civil) int64 {
	if it.position(from); it.done {
		return 0
	}
	n := p.left(it)
	if last := p.number(until); p.k < last {
		if p.skipTo(until) {
			return n - p.left(it)
		}
		n += p.betweenKinds(it, last)
		if p.k = last; !p.load(it) {
			return n
		}
		p.i, p.at = 0, 0
		n += p.left(it)
	}
	for {
		if p.skipTo(until) {
			return n - p.left(it)
		}
		// Only the numbered weeks of a year may begin before the period itself.
		p.k++
		if n >= it.count || civilOf(p.begin(p.k)-7) > until || !p.load(it) {
			return n
		}
		p.i, p.at = 0, 0
		n += p.left(it)
	}
}

// betweenKinds counts the times of the periods after k and before last.
func (p *periods) betweenKinds(it *Iterator, last int64) int64 {
	f := &it.days
	var kinds [4 * 7]int64 // the times of a period of each kind, and 1
	n := int64(0)
	for p.k++; p.k < last && n < it.count; p.k++ {
		kind := -1
		at := p.base + p.k*p.interval
		switch {
		case p.crosses || f.hasYearDay && (p.weeks || p.frequency != Yearly) || f.hasWeekNo && !p.weeks:
		case p.frequency == Yearly:
			kind = weekdayOf(dayNumber(int(at), 1, 1)) + 7*(daysInYear(int(at))-365)
		case p.frequency == Monthly:
			number := int(modulo64(at, 12)) + 1
			if f.months>>number&1 == 0 {
				continue
			}
			m := monthAt(int(floorDiv(at, 12)), number)
			kind = weekdayOf(m.first) + 7*(m.length-28)
		case f.months == allMonths && !f.hasMonthDay:
			kind = 0 // all weeks are the same
		}
		if kind >= 0 && kinds[kind] > 0 {
			times := kinds[kind] - 1
			if p.frequency == Weekly {
				return n + times*(last-p.k)
			}
			n += times
			continue
		}
		if !p.load(it) {
			break
		}
		p.i, p.at = 0, 0
		times := p.left(it)
		if n += times; kind >= 0 {
			kinds[kind] = times + 1
		}
	}
	return n
}

// left returns the number of times that are left in the loaded period.
func (p *periods) left(it *Iterator) int64 {
	if len(p.setPos) > 0 {
		return int64(len(p.times) - p.i)
	}
	n := int64(len(p.days)-p.i) * int64(it.clock.size())
	if p.i < len(p.days) {
		n -= int64(it.clock.before(p.at))
	}
	return n
}
