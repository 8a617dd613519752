package recur

import (
	"math/bits"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
)

// dayFilter is the set of days that a rule allows: the parts BYMONTH, BYWEEKNO, BYYEARDAY,
// BYMONTHDAY and BYDAY as limits. A day is a number of days since 1970-01-01.
type dayFilter struct {
	any       bool   // there are no limits
	months    uint16 // bit 1 is January
	monthDays uint32 // bit 0 is the first of the month
	monthEnds uint32 // bit 0 is the last of the month
	yearDays  [2][6]uint64
	weekNos   uint64 // bit 1 is the first week
	weekEnds  uint64 // bit 1 is the last week
	weekdays  uint8  // bit 0 is Sunday: those without a number
	numbered  []Day  // includes those without a number

	hasMonthDay, hasYearDay, hasWeekNo, hasWeekday bool
	numberedInYear                                 bool // numbers of numbered count in the year, not in the month
	weekStart                                      time.Weekday

	cached month // the last month that was looked at
}

// month is a month with the days in it that a filter allows.
type month struct {
	year, number int // 1 is January
	first        int // the day
	length       int
	days         uint32 // bit 0 is the first
}

const (
	allMonths   = 1<<13 - 2
	allWeekdays = 1<<7 - 1
	minDay      = -719528 // 0000-01-01
	maxDay      = 2932896 // 9999-12-31
)

func dayNumber(year, month, day int) int {
	return int(ical.DayOf(year, time.Month(month), day) / ical.SecondsPerDay)
}

func civilOf(day int) ical.Civil { return ical.Civil(day) * ical.SecondsPerDay }

// dayOf returns the number of the day that contains a time.
func dayOf(c ical.Civil) int { return int(c.Day() / ical.SecondsPerDay) }

func weekdayOf(day int) int { return modulo(day+4, 7) } // 1970-01-01 was a Thursday

func isLeap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func daysInYear(year int) int {
	if isLeap(year) {
		return 366
	}
	return 365
}

var monthLengths = [13]int{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}

// monthAt returns a month without its allowed days.
func monthAt(year, number int) month {
	length := monthLengths[number]
	if number == 2 && isLeap(year) {
		length++
	}
	return month{year: year, number: number, first: dayNumber(year, number, 1), length: length}
}

func modulo(a, b int) int {
	if m := a % b; m < 0 {
		return m + b
	} else {
		return m
	}
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// setMonthDays limits the days of the month.
func (f *dayFilter) setMonthDays(list []int) {
	f.hasMonthDay = true
	for _, n := range list {
		switch {
		case n >= 1 && n <= 31:
			f.monthDays |= 1 << (n - 1)
		case n >= -31 && n <= -1:
			f.monthEnds |= 1 << (-n - 1)
		}
	}
}

// setYearDays limits the days of the year, once for years of 365 and once for 366 days.
func (f *dayFilter) setYearDays(list []int) {
	f.hasYearDay = true
	for leap := range 2 {
		length := 365 + leap
		for _, n := range list {
			i := n - 1
			if n < 0 {
				i = length + n
			}
			if n != 0 && i >= 0 && i < length {
				f.yearDays[leap][i/64] |= 1 << (i % 64)
			}
		}
	}
}

func (f *dayFilter) setWeekNos(list []int) {
	f.hasWeekNo = true
	for _, n := range list {
		switch {
		case n >= 1 && n <= 53:
			f.weekNos |= 1 << n
		case n >= -53 && n <= -1:
			f.weekEnds |= 1 << -n
		}
	}
}

func (f *dayFilter) setWeekdays(list []Day, useNumbers bool) {
	f.hasWeekday = true
	for _, d := range list {
		if d.N == 0 || !useNumbers {
			f.weekdays |= 1 << modulo(int(d.Weekday), 7)
		} else {
			f.numbered = list
		}
	}
}

// load sets the allowed days of a month.
func (f *dayFilter) load(m *month) {
	m.days = 0
	if f.months>>m.number&1 == 0 {
		return
	}
	days := uint32(1)<<m.length - 1
	if f.hasMonthDay {
		days &= f.monthDays | bits.Reverse32(f.monthEnds)>>(32-m.length)
	}
	if f.hasWeekday && days != 0 {
		days &= f.weekdaysOf(m)
	}
	if f.hasYearDay && days != 0 {
		days &= f.yearDaysOf(m)
	}
	if f.hasWeekNo && days != 0 {
		days &= f.weeksOf(m)
	}
	m.days = days
}

// weekdaysOf returns the days of a month that BYDAY allows. Bits after the last day of the
// month have no meaning.
func (f *dayFilter) weekdaysOf(m *month) uint32 {
	first := weekdayOf(m.first)
	week := uint64(f.weekdays)
	week = (week>>first | week<<(7-first)) & allWeekdays
	days := uint32(week * (1 | 1<<7 | 1<<14 | 1<<21 | 1<<28))
	if f.numbered == nil {
		return days
	}
	begin, length := 0, m.length // of what the numbers count in, from the first of the month
	if f.numberedInYear {
		begin = dayNumber(m.year, 1, 1) - m.first
		length = daysInYear(m.year)
		first = weekdayOf(m.first + begin)
	}
	for _, d := range f.numbered {
		day := modulo(int(d.Weekday)-first, 7)
		switch {
		case d.N > 53 || d.N < -53:
			continue
		case d.N > 0:
			day += 7 * (d.N - 1)
		case d.N < 0:
			day += 7 * ((length-1-day)/7 + d.N + 1)
		default:
			continue
		}
		if day < 0 || day >= length {
			continue
		}
		if day += begin; day >= 0 && day < m.length {
			days |= 1 << day
		}
	}
	return days
}

func (f *dayFilter) yearDaysOf(m *month) uint32 {
	leap := daysInYear(m.year) - 365
	begin := m.first - dayNumber(m.year, 1, 1)
	set := f.yearDays[leap][begin/64] >> (begin % 64)
	if begin/64+1 < len(f.yearDays[leap]) {
		set |= f.yearDays[leap][begin/64+1] << (64 - begin%64)
	}
	return uint32(set)
}

// weekOne returns the first day of the first week of a year: the week with at least four days
// in it (RFC 5545, BYWEEKNO), that is, with 4 January.
func weekOne(year int, weekStart time.Weekday) int {
	return weekBegin(dayNumber(year, 1, 4), weekStart)
}

// weekBegin returns the first day of the week that contains a day.
func weekBegin(day int, weekStart time.Weekday) int {
	return day - modulo(weekdayOf(day)-int(weekStart), 7)
}

// hasWeek reports whether BYWEEKNO allows week number n of a year with so many weeks.
func (f *dayFilter) hasWeek(n, weeks int) bool {
	return f.weekNos>>n&1 != 0 || f.weekEnds>>(weeks+1-n)&1 != 0
}

func (f *dayFilter) weeksOf(m *month) uint32 {
	days := uint32(0)
	one := weekOne(m.year, f.weekStart)
	next := weekOne(m.year+1, f.weekStart)
	for week := weekBegin(m.first, f.weekStart); week < m.first+m.length; week += 7 {
		from, until := one, next
		switch {
		case week < one:
			from, until = weekOne(m.year-1, f.weekStart), one
		case week >= next:
			from, until = next, weekOne(m.year+2, f.weekStart)
		}
		if !f.hasWeek((week-from)/7+1, (until-from)/7) {
			continue
		}
		if shift := week - m.first; shift < 0 {
			days |= allWeekdays >> -shift
		} else {
			days |= allWeekdays << shift
		}
	}
	return days
}

// at returns the month that contains a day, with the allowed days.
func (f *dayFilter) at(day int) *month {
	if m := &f.cached; day < m.first || day >= m.first+m.length {
		year, number, _ := civilOf(day).Date()
		*m = monthAt(year, int(number))
		f.load(m)
	}
	return &f.cached
}

// has reports whether a day is allowed.
func (f *dayFilter) has(day int) bool {
	if f.any {
		return true
	}
	m := f.at(day)
	return m.days>>(day-m.first)&1 != 0
}
