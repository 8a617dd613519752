package recur

import (
	"math/bits"

	"github.com/davadmin/davadmin/pkg/ical"
)

// stepper finds the periods of rules whose frequency is DAILY or shorter. Every period that
// the limits allow has the same times, those of the iterator's clock.
type stepper struct {
	base   ical.Civil // where the period with number 0 begins
	step   int64      // seconds between the beginnings; of all-day rules it need not be a multiple of length
	length int64      // of a period, in seconds
	limits clock      // the allowed hours, minutes and seconds of the beginning of a period
	never  bool       // no period is allowed
	plain  bool       // every period is allowed, and step is a multiple of length

	k      int64      // the period, or where the search for it begins
	begin  ical.Civil // of period k, if found
	found  bool
	offset int // where the search for the next time begins, from begin
}

var periodLengths = [...]int64{Secondly: 1, Minutely: 60, Hourly: 3600, Daily: 86400}

// init prepares the steps of a rule.
func (s *stepper) init(r *Rule, it *Iterator, allDay bool) {
	frequency := r.Frequency
	if frequency == 0 {
		frequency = Daily
	}
	s.length = periodLengths[frequency]
	s.step = s.length * int64(max(r.Interval, 1))
	if allDay && frequency < Daily {
		// Each day with a time in it is one result. Steps of up to a day leave out no day.
		s.length = ical.SecondsPerDay
		s.step = max(s.step, s.length)
		frequency = Daily
	}
	s.base = it.start - ical.Civil(modulo64(int64(it.start), s.length))
	s.limits = clock{hours: 1<<24 - 1, minutes: 1<<60 - 1, seconds: 1<<60 - 1}
	if len(r.ByHour) > 0 && frequency < Daily {
		s.limits.hours &= bitsOf(r.ByHour)
	}
	if len(r.ByMinute) > 0 && frequency < Hourly {
		s.limits.minutes &= bitsOf(r.ByMinute)
	}
	if len(r.BySecond) > 0 && frequency < Minutely {
		s.limits.seconds &= bitsOf(r.BySecond)
	}
	if len(r.BySetPos) > 0 {
		it.clock.pick(r.BySetPos)
	}
	s.plain = it.days.any && !s.hasLimits() && s.step%s.length == 0
	s.never = it.clock.size() == 0 || s.limits.size() == 0 || !s.reaches(it)
}

// reaches reports whether any period can fit the limits of the clock and the days of the week:
// with long intervals, the periods never fall on some of them.
func (s *stepper) reaches(it *Iterator) bool {
	if s.step%(7*ical.SecondsPerDay) == 0 && it.days.hasWeekday {
		if it.days.weekdays>>weekdayOf(dayOf(s.base))&1 == 0 {
			return false
		}
	}
	if s.step == s.length || s.length == ical.SecondsPerDay || !s.hasLimits() {
		return true
	}
	// The periods begin at the times of day that differ from base by a multiple of gap.
	gap := int(gcd(s.step, ical.SecondsPerDay))
	for t := modulo(int(s.base-s.base.Day()), gap); t < ical.SecondsPerDay; t += gap {
		if s.allowed(t) {
			return true
		}
	}
	return false
}

// hasLimits reports whether the clock limits the periods.
func (s *stepper) hasLimits() bool { return s.limits.size() < ical.SecondsPerDay }

// allowed reports whether a period may begin at a time of the day.
func (s *stepper) allowed(t int) bool {
	return s.limits.hours>>(t/3600)&1 != 0 && s.limits.minutes>>(t/60%60)&1 != 0 && s.limits.seconds>>(t%60)&1 != 0
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

func modulo64(a, b int64) int64 { return a - floorDiv(a, b)*b }

// at returns where a period begins.
func (s *stepper) at(k int64) ical.Civil {
	if s.step%s.length == 0 {
		return s.base + ical.Civil(k*s.step)
	}
	return s.base + ical.Civil(k*s.step/s.length*s.length)
}

// notBefore returns the number of the first period that begins at or after a time, which must
// be the beginning of a period length. The number is not negative.
func (s *stepper) notBefore(t ical.Civil) int64 {
	if t <= s.base {
		return 0
	}
	return (int64(t-s.base) + s.step - 1) / s.step
}

// floor returns the beginning of the period length that contains a time.
func (s *stepper) floor(t ical.Civil) ical.Civil {
	return t - ical.Civil(modulo64(int64(t), s.length))
}

func (s *stepper) seek(it *Iterator, from ical.Civil) {
	s.k = s.notBefore(s.floor(from))
	s.found, s.offset = false, 0
	if s.never {
		it.done = true
		return
	}
	if s.find(it) && s.begin < from {
		s.offset = int(from - s.begin)
	}
}

// next returns the next time.
func (s *stepper) next(it *Iterator) (ical.Civil, bool) {
	for {
		if s.found {
			if offset, ok := it.clock.next(s.offset); ok {
				s.offset = offset + 1
				return s.begin + ical.Civil(offset), true
			}
			s.k++
			s.found, s.offset = false, 0
		}
		if it.done || !s.find(it) {
			return 0, false
		}
	}
}

// find sets k and begin to the first allowed period that is not before k.
func (s *stepper) find(it *Iterator) bool {
	for it.err == nil {
		begin := s.at(s.k)
		if begin > lastTime {
			it.done = true
			return false
		}
		if s.plain {
			s.begin, s.found = begin, true
			return true
		}
		day := dayOf(begin)
		if !it.days.has(day) {
			if day = it.nextDay(day + 1); day > maxDay || !it.spend(1) {
				it.done = true
				return false
			}
			s.k = s.notBefore(civilOf(day))
			continue
		}
		t := int(begin - civilOf(day))
		if s.allowed(t) {
			s.begin, s.found = begin, true
			return true
		}
		next, ok := s.limits.next(t)
		if !ok {
			next = ical.SecondsPerDay
		}
		s.k = max(s.k+1, s.notBefore(s.floor(civilOf(day)+ical.Civil(next))))
		it.spend(1)
	}
	return false
}

// nextDay returns the first allowed day that is not before a given one, or a day after the
// year 9999.
func (it *Iterator) nextDay(day int) int {
	f := &it.days
	switch {
	case f.any || day > maxDay:
		return day
	case f.months == 0:
		return maxDay + 1
	}
	m := f.at(day)
	if rest := m.days >> (day - m.first); rest != 0 {
		return day + bits.TrailingZeros32(rest)
	}
	// After 400 years, the calendar repeats itself.
	for end := m.year + 400; m.year <= end && it.spend(1); {
		year, number := m.year, m.number+1
		rest := f.months >> number
		if rest == 0 {
			year, number, rest = year+1, 0, f.months
		}
		if year > 9999 {
			break
		}
		*m = monthAt(year, number+bits.TrailingZeros16(rest))
		if f.load(m); m.days != 0 {
			return m.first + bits.TrailingZeros32(m.days)
		}
	}
	return maxDay + 1
}
