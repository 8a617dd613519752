package recur

import (
	"slices"
	"strconv"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
)

// Frequency is the unit in which a rule repeats (RFC 5545, FREQ).
type Frequency uint8

// The frequencies, from the shortest to the longest.
const (
	Secondly Frequency = iota + 1
	Minutely
	Hourly
	Daily
	Weekly
	Monthly
	Yearly
)

var frequencyNames = [...]string{"", "SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"}

// String returns the name as in RFC 5545, "" for a value that is not a frequency.
func (f Frequency) String() string {
	if int(f) < len(frequencyNames) {
		return frequencyNames[f]
	}
	return ""
}

// Skip is what happens to dates that do not exist, such as 29 February (RFC 7529, SKIP).
type Skip uint8

// The values of SKIP.
const (
	Omit     Skip = iota // there is no instance
	Backward             // the day before is used
	Forward              // the day after is used
)

var skipNames = [...]string{"OMIT", "BACKWARD", "FORWARD"}

// String returns the name as in RFC 7529, "" for any other value.
func (s Skip) String() string {
	if int(s) < len(skipNames) {
		return skipNames[s]
	}
	return ""
}

// Day is a value of BYDAY: a day of the week, and which of them in the month or year. N is
// negative if it counts from the end, and 0 if every such day is meant.
type Day struct {
	N       int
	Weekday time.Weekday
}

var weekdayNames = [...]string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

// String formats the value as RFC 5545 does, such as -1FR.
func (d Day) String() string {
	name := weekdayNames[modulo(int(d.Weekday), 7)]
	if d.N == 0 {
		return name
	}
	return strconv.Itoa(d.N) + name
}

// Rule is a recurrence rule of the Gregorian calendar (RFC 5545, 3.3.10; RFC 7529). Empty
// lists are absent. A Rule that is not changed may be used by several goroutines at once.
type Rule struct {
	Frequency Frequency
	Interval  int       // every how many periods, at least 1; 0 is read as 1
	Count     int64     // the number of instances, DTSTART included; 0 if the rule has no COUNT
	Until     ical.Time // the last moment or day, as it is written; see HasUntil
	HasUntil  bool

	BySecond   []int // 0 to 59
	ByMinute   []int // 0 to 59
	ByHour     []int // 0 to 23
	ByMonthDay []int // 1 to 31, -31 to -1
	ByYearDay  []int // 1 to 366, -366 to -1
	ByWeekNo   []int // 1 to 53, -53 to -1
	ByMonth    []int // 1 to 12
	BySetPos   []int // 1 to 366, -366 to -1
	ByDay      []Day

	WeekStart time.Weekday // the first day of a week; Monday if the rule has no WKST
	Skip      Skip
}

// String returns the canonical text of the rule: the parts in a fixed order, lists sorted and
// without repetitions, and without parts that have their default. Parsing it gives an equal rule.
func (r *Rule) String() string {
	b := make([]byte, 0, 64)
	if r.Skip != Omit {
		b = append(b, "RSCALE=GREGORIAN;"...)
	}
	b = append(append(b, "FREQ="...), r.Frequency.String()...)
	if r.HasUntil {
		b = append(append(b, ";UNTIL="...), r.Until.String()...)
	}
	if r.Count > 0 {
		b = strconv.AppendInt(append(b, ";COUNT="...), r.Count, 10)
	}
	if r.Interval > 1 {
		b = strconv.AppendInt(append(b, ";INTERVAL="...), int64(r.Interval), 10)
	}
	b = appendNumbers(b, ";BYSECOND=", r.BySecond)
	b = appendNumbers(b, ";BYMINUTE=", r.ByMinute)
	b = appendNumbers(b, ";BYHOUR=", r.ByHour)
	b = appendDays(b, r.ByDay, r.WeekStart)
	b = appendNumbers(b, ";BYMONTHDAY=", r.ByMonthDay)
	b = appendNumbers(b, ";BYYEARDAY=", r.ByYearDay)
	b = appendNumbers(b, ";BYWEEKNO=", r.ByWeekNo)
	b = appendNumbers(b, ";BYMONTH=", r.ByMonth)
	b = appendNumbers(b, ";BYSETPOS=", r.BySetPos)
	if r.WeekStart != time.Monday {
		b = append(append(b, ";WKST="...), weekdayNames[modulo(int(r.WeekStart), 7)]...)
	}
	if r.Skip != Omit {
		b = append(append(b, ";SKIP="...), r.Skip.String()...)
	}
	return string(b)
}

// appendNumbers appends a part: positive numbers in ascending order, then negative ones from
// the earliest to the last.
func appendNumbers(b []byte, name string, list []int) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(b, name...)
	list = slices.Clone(list)
	slices.SortFunc(list, func(x, y int) int {
		if (x < 0) != (y < 0) {
			return y - x
		}
		return x - y
	})
	for i, n := range slices.Compact(list) {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return b
}

func appendDays(b []byte, list []Day, weekStart time.Weekday) []byte {
	if len(list) == 0 {
		return b
	}
	b = append(b, ";BYDAY="...)
	list = slices.Clone(list)
	slices.SortFunc(list, func(x, y Day) int {
		if x.N != y.N {
			if (x.N < 0) != (y.N < 0) {
				return y.N - x.N
			}
			return x.N - y.N
		}
		return modulo(int(x.Weekday-weekStart), 7) - modulo(int(y.Weekday-weekStart), 7)
	})
	for i, d := range slices.Compact(list) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, d.String()...)
	}
	return b
}
