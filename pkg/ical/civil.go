package ical

import (
	"strconv"
	"time"
)

// Civil is a time of a calendar and a clock without a time zone, as the number of seconds since
// 1970-01-01 00:00:00 of the proleptic Gregorian calendar, without leap seconds. Differences
// are those of the clock on the wall: an hour that summer time skips or repeats does not count.
type Civil int64

// SecondsPerDay is the length of a day of civil time.
const SecondsPerDay = 86400

// CivilOf returns the civil time of a date and a clock. Values outside of their usual ranges
// are carried over, as in time.Date: 32 January is 1 February.
func CivilOf(year int, month time.Month, day, hour, minute, second int) Civil {
	return DayOf(year, month, day) + Civil(hour)*3600 + Civil(minute)*60 + Civil(second)
}

// DayOf returns the beginning of a day. Values outside of their usual ranges are carried over.
func DayOf(year int, month time.Month, day int) Civil {
	m := int(month) - 1
	year += floorDiv(m, 12)
	m = m - floorDiv(m, 12)*12 + 1
	// Days are counted in years that begin in March, so that the leap day is the last one.
	y := int64(year)
	if m <= 2 {
		y--
		m += 12
	}
	era := floorDiv64(y, 400)
	yearOfEra := y - era*400
	dayOfYear := int64((153*(m-3)+2)/5) + int64(day) - 1
	dayOfEra := yearOfEra*365 + yearOfEra/4 - yearOfEra/100 + dayOfYear
	return Civil((era*146097 + dayOfEra - 719468) * SecondsPerDay)
}

// Date returns the year, month and day.
func (c Civil) Date() (year int, month time.Month, day int) {
	days := floorDiv64(int64(c), SecondsPerDay) + 719468
	era := floorDiv64(days, 146097)
	dayOfEra := days - era*146097
	yearOfEra := (dayOfEra - dayOfEra/1460 + dayOfEra/36524 - dayOfEra/146096) / 365
	dayOfYear := dayOfEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	m := (5*dayOfYear + 2) / 153
	day = int(dayOfYear-(153*m+2)/5) + 1
	year = int(yearOfEra + era*400)
	if m < 10 {
		return year, time.Month(m + 3), day
	}
	return year + 1, time.Month(m - 9), day
}

// Clock returns the hour, minute and second of the day.
func (c Civil) Clock() (hour, minute, second int) {
	s := int(c - c.Day())
	return s / 3600, s / 60 % 60, s % 60
}

// Day returns the beginning of the day.
func (c Civil) Day() Civil {
	return Civil(floorDiv64(int64(c), SecondsPerDay) * SecondsPerDay)
}

// Weekday returns the day of the week.
func (c Civil) Weekday() time.Weekday {
	days := floorDiv64(int64(c), SecondsPerDay) + 4 // 1970-01-01 was a Thursday
	return time.Weekday(days - floorDiv64(days, 7)*7)
}

// AddDays returns the same time of the day n days later.
func (c Civil) AddDays(n int) Civil { return c + Civil(n)*SecondsPerDay }

// String formats the time as RFC 5545 does, such as 20261130T101500. Years that RFC 5545 cannot
// write have more than four digits or a minus sign.
func (c Civil) String() string { return string(c.append(nil, true)) }

func (c Civil) append(b []byte, clock bool) []byte {
	year, month, day := c.Date()
	if year < 0 {
		b = append(b, '-')
		year = -year
	}
	if year > 9999 {
		b = strconv.AppendInt(b, int64(year), 10)
	} else {
		b = digits(b, year, 4)
	}
	b = digits(b, int(month), 2)
	b = digits(b, day, 2)
	if clock {
		hour, minute, second := c.Clock()
		b = append(b, 'T')
		b = digits(b, hour, 2)
		b = digits(b, minute, 2)
		b = digits(b, second, 2)
	}
	return b
}

// digits appends the last n decimal digits of a number that is not negative.
func digits(b []byte, number, n int) []byte {
	for i := n - 1; i >= 0; i-- {
		power := 1
		for range i {
			power *= 10
		}
		b = append(b, byte('0'+number/power%10))
	}
	return b
}

func floorDiv(a, b int) int { return int(floorDiv64(int64(a), int64(b))) }

// floorDiv64 divides by a positive number and rounds down.
func floorDiv64(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
