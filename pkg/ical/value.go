package ical

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// TimeForm is how a date or time is written (RFC 5545, 3.3.4 and 3.3.5).
type TimeForm uint8

// The forms. A time with a TZID is Local: its zone is not part of the value.
const (
	Date  TimeForm = iota // a date
	Local                 // without Z: in the zone of TZID, or floating without one
	UTC                   // with Z
)

// Time is a DATE or DATE-TIME as it is written.
type Time struct {
	Civil Civil // of a date, its beginning
	Form  TimeForm
}

// String formats the time as RFC 5545 does.
func (t Time) String() string {
	b := t.Civil.append(nil, t.Form != Date)
	if t.Form == UTC {
		b = append(b, 'Z')
	}
	return string(b)
}

var (
	errNotTime     = errors.New("is not a date or time")
	errNotDuration = errors.New("is not a duration")
	errNotPeriod   = errors.New("is not a period")
)

// ParseTime parses a DATE or DATE-TIME. Years are 0000 to 9999. A leap second (60) is read as
// second 59. Blanks around the value and a T or Z in lower case are accepted.
func ParseTime(s string) (Time, error) {
	s = strings.Trim(s, " \t")
	if len(s) != 8 && len(s) != 15 && len(s) != 16 {
		return Time{}, errNotTime
	}
	year, ok1 := number(s[0:4])
	month, ok2 := number(s[4:6])
	day, ok3 := number(s[6:8])
	if !ok1 || !ok2 || !ok3 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month) {
		return Time{}, errNotTime
	}
	t := Time{Civil: DayOf(int(year), time.Month(month), int(day)), Form: Date}
	if len(s) == 8 {
		return t, nil
	}
	hour, ok1 := number(s[9:11])
	minute, ok2 := number(s[11:13])
	second, ok3 := number(s[13:15])
	if s[8]|0x20 != 't' || !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 60 {
		return Time{}, errNotTime
	}
	t.Form = Local
	if len(s) == 16 {
		if s[15]|0x20 != 'z' {
			return Time{}, errNotTime
		}
		t.Form = UTC
	}
	t.Civil += Civil(hour*3600 + minute*60 + min(second, 59))
	return t, nil
}

// Duration is a DURATION (RFC 5545, 3.3.6). Days and weeks are days of the calendar, hours,
// minutes and seconds are exact; both parts have the same sign.
type Duration struct {
	Days    int64
	Seconds int64
}

// MaxDuration is the maximum length of a duration in days, ten thousand years.
const MaxDuration = 3_660_000

// IsPositive reports whether the duration is greater than zero.
func (d Duration) IsPositive() bool { return d.Days > 0 || d.Seconds > 0 }

// String formats the duration as RFC 5545 does.
func (d Duration) String() string {
	var b strings.Builder
	days, seconds := d.Days, d.Seconds
	if days < 0 || seconds < 0 {
		b.WriteByte('-')
		days, seconds = -days, -seconds
	}
	b.WriteByte('P')
	if seconds == 0 && days != 0 && days%7 == 0 {
		fmt.Fprintf(&b, "%dW", days/7)
		return b.String()
	}
	if days != 0 {
		fmt.Fprintf(&b, "%dD", days)
	}
	if seconds == 0 && days != 0 {
		return b.String()
	}
	b.WriteByte('T')
	hours, minutes := seconds/3600, seconds/60%60
	if hours != 0 {
		fmt.Fprintf(&b, "%dH", hours)
	}
	// RFC 5545 does not allow hours and seconds without minutes between them.
	if minutes != 0 || hours != 0 && seconds%60 != 0 {
		fmt.Fprintf(&b, "%dM", minutes)
	}
	if seconds%60 != 0 || seconds == 0 {
		fmt.Fprintf(&b, "%dS", seconds%60)
	}
	return b.String()
}

// ParseDuration parses a DURATION. It accepts what is common though not allowed: weeks with
// other parts, hours and seconds without minutes, letters in lower case, and an empty time after T if
// there are days. It does not accept signs within the value, repeated or swapped parts, or
// more than MaxDuration.
func ParseDuration(s string) (Duration, error) {
	s = strings.Trim(s, " \t")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if len(s) < 2 || s[0]|0x20 != 'p' {
		return Duration{}, errNotDuration
	}
	var d Duration
	const units = "wdthms" // in this order
	next, any := 0, false
	for rest := s[1:]; rest != ""; {
		n := 0
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if n == len(rest) || n > 12 {
			return Duration{}, errNotDuration
		}
		at := strings.IndexByte(units, rest[n]|0x20)
		if at < next || (units[at] == 't') != (n == 0) || at > 2 && next < 3 {
			return Duration{}, errNotDuration
		}
		value, _ := number(rest[:n])
		switch units[at] {
		case 'w':
			d.Days = 7 * value
		case 'd':
			d.Days += value
		case 'h':
			d.Seconds = 3600 * value
		case 'm':
			d.Seconds += 60 * value
		case 's':
			d.Seconds += value
		}
		any = any || n > 0
		next, rest = at+1, rest[n+1:]
	}
	if !any || d.Days > MaxDuration || d.Seconds > MaxDuration*SecondsPerDay {
		return Duration{}, errNotDuration
	}
	if negative {
		d.Days, d.Seconds = -d.Days, -d.Seconds
	}
	return d, nil
}

// Period is a PERIOD (RFC 5545, 3.3.9): a start with an end or a duration.
type Period struct {
	Start    Time
	End      Time     // if HasEnd is set
	Duration Duration // otherwise
	HasEnd   bool
}

// ParsePeriod parses a PERIOD. It does not compare the start and the end.
func ParsePeriod(s string) (Period, error) {
	start, end, ok := strings.Cut(s, "/")
	if !ok {
		return Period{}, errNotPeriod
	}
	var p Period
	var err error
	if p.Start, err = ParseTime(start); err != nil || p.Start.Form == Date {
		return Period{}, errNotPeriod
	}
	if p.Duration, err = ParseDuration(end); err == nil {
		return p, nil
	}
	if p.End, err = ParseTime(end); err != nil || p.End.Form != p.Start.Form {
		return Period{}, errNotPeriod
	}
	p.HasEnd = true
	return p, nil
}
