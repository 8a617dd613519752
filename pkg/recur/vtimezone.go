package recur

import (
	"cmp"
	"slices"
	"sort"

	"github.com/davadmin/davadmin/pkg/ical"
)

// onset is an instant from which an observance of a VTIMEZONE holds.
type onset struct {
	at     int64
	offset int32
	rank   int32 // of two at the same instant, the one with the higher rank holds
}

func compareOnsets(a, b onset) int {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.rank, b.rank))
}

// onsetRule gives the onsets of an observance with a rule.
type onsetRule struct {
	rule   *Rule // without COUNT
	start  ical.Civil
	skip   bool  // DTSTART does not match the rule, and is only its lower limit
	before int32 // TZOFFSETFROM, in which the civil times of the rule are read
	offset int32 // TZOFFSETTO
	rank   int32

	until       int64 // the last instant at which an onset may be; maxInstant if there is no end
	first, last int64 // onsets; last is maxInstant if there is no end
}

// The numbers of candidates that may be tried to read a VTIMEZONE, and to find the changes of
// one block. Those that the world writes need less than a fifth of them.
const (
	readBudget  = 15_000
	blockBudget = 5_000
	// The VTIMEZONEs of one object together may need as many as ten that are at the limit.
	objectBudget = 10 * readBudget
)

// between calls yield with the onsets in [from, to), ascending.
func (r *onsetRule) between(from, to int64, budget *Budget, yield func(int64)) {
	it := r.rule.Iterator(r.start, false, budget)
	it.Seek(max(r.start, ical.Civil(from+int64(r.before))))
	for {
		c, ok := it.Next()
		at := int64(c) - int64(r.before)
		if !ok || at >= to || at > r.until {
			return
		}
		if c != r.start || !r.skip {
			yield(at)
		}
	}
}

// latest returns the last onset that is not after an instant. It calls yield, if that is not
// nil, with those after it and before to.
func (r *onsetRule) latest(unix, to int64, budget *Budget, yield func(int64)) (int64, bool) {
	begin := int64(r.start) - int64(r.before)
	found, ok := int64(0), false
	const year = 366 * ical.SecondsPerDay
	// Most rules have an onset in each year; some only in leap years or at long intervals.
	for span := int64(max(1, r.rule.Interval)) * year; ; span *= 8 {
		from := max(begin, unix-span)
		r.between(from, to, budget, func(at int64) {
			switch {
			case at <= unix:
				found, ok = at, true
			case yield != nil:
				yield(at)
			}
		})
		if ok || from == begin || budget.Left() == 0 {
			return found, ok
		}
		yield, to = nil, unix+1 // those after it were found at the first attempt
	}
}

// vtimezone is a zone that is defined by a VTIMEZONE.
type vtimezone struct {
	single []onset // DTSTART, RDATE and rules with COUNT, sorted
	rules  []onsetRule

	first  int64 // the first onset
	before *Zone // holds before it; nil if offset does
	offset int32 // TZOFFSETFROM of the observance that begins first
}

func (v *vtimezone) load(b *block, from, to int64) {
	budget := NewBudget(blockBudget)
	start := onset{at: minInstant - maxOffset, rank: -1}
	low := sort.Search(len(v.single), func(i int) bool { return v.single[i].at > from })
	if low > 0 {
		start = v.single[low-1]
	}
	var found []onset
	for _, o := range v.single[low:] {
		if o.at >= to {
			break
		}
		found = append(found, o)
	}
	for i := range v.rules {
		r := &v.rules[i]
		if r.first >= to || r.last <= start.at {
			continue
		}
		at, ok := r.last, true
		if from < r.last {
			at, ok = r.latest(from, to, budget, func(at int64) {
				found = append(found, onset{at, r.offset, r.rank})
			})
		}
		if o := (onset{at, r.offset, r.rank}); ok && compareOnsets(o, start) > 0 {
			start = o
		}
	}
	v.begin(b, from, to, start.offset)
	slices.SortFunc(found, compareOnsets)
	for _, o := range found {
		b.change(o.at, o.offset)
	}
}

// begin sets what holds at the beginning of a block, and the changes up to the first onset.
// Once that has passed, the offset of the last one holds.
func (v *vtimezone) begin(b *block, from, to int64, last int32) {
	switch {
	case from >= v.first:
		b.start(last)
	case v.before == nil:
		b.start(v.offset)
	case v.before.source == nil:
		b.start(v.before.offset)
	default:
		v.before.source.load(b, from, min(to, v.first))
	}
}

// cycle returns an instant from which the changes repeat every 400 years, which the intervals
// of all rules divide.
func (v *vtimezone) cycle(budget *Budget) int64 {
	settled, endless := v.first, false
	if n := len(v.single); n > 0 {
		settled = max(settled, v.single[n-1].at)
	}
	for i := range v.rules {
		r := &v.rules[i]
		if r.last != maxInstant {
			settled = max(settled, r.last)
			continue
		}
		settled, endless = max(settled, r.first), true
	}
	if !endless {
		return settled
	}
	// Until a rule without end has its next onset, what holds may be something else.
	next := int64(maxInstant)
	for i := range v.rules {
		if r := &v.rules[i]; r.last == maxInstant {
			it := r.rule.Iterator(r.start, false, budget)
			it.Seek(ical.Civil(settled + int64(r.before)))
			if c, ok := it.Next(); ok {
				next = min(next, int64(c)-int64(r.before))
			}
		}
	}
	return next
}

// everyCycle reports whether the interval of a rule divides the cycle of the calendar.
func everyCycle(r *Rule) bool {
	periods := 400
	if r.Frequency == Monthly {
		periods = 12 * 400
	}
	return periods%max(1, r.Interval) == 0
}

// changesPerYear returns at least how many onsets a rule can have in a year, and a large
// number for those that no time zone needs.
func changesPerYear(r *Rule) int {
	if r.Frequency < Monthly {
		return tooFrequent
	}
	months := 1
	switch {
	case len(r.ByMonth) > 0:
		months = len(r.ByMonth)
	case r.Frequency == Monthly || len(r.ByMonthDay) > 0:
		months = 12
	}
	n := months
	switch {
	case len(r.ByYearDay) > 0:
		n = len(r.ByYearDay)
	case len(r.ByMonthDay) > 0 && len(r.ByDay) > 0:
		n = months * min(len(r.ByMonthDay), 5*len(r.ByDay))
	case len(r.ByMonthDay) > 0:
		n = months * len(r.ByMonthDay)
	case len(r.ByWeekNo) > 0:
		n = len(r.ByWeekNo) * max(1, len(r.ByDay))
	case len(r.ByDay) > 0:
		n = 0
		for _, day := range r.ByDay {
			switch {
			case day.N != 0:
				n += months
			case len(r.ByMonth) > 0 || r.Frequency == Monthly:
				n += 5 * months
			default:
				n += 53
			}
		}
	}
	n *= max(1, len(r.ByHour)) * max(1, len(r.ByMinute)) * max(1, len(r.BySecond))
	if len(r.BySetPos) > 0 {
		sets := 1
		if r.Frequency == Monthly {
			sets = 12
		}
		n = min(n, sets*len(r.BySetPos))
	}
	return n
}

// tooFrequent is more than any zone needs.
const tooFrequent = 1 << 20
