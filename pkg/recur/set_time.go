package recur

import "github.com/davadmin/davadmin/pkg/ical"

// point is a time on the clock of a frame, and its instant. The clock time need not exist: it
// may be one that summer time skips.
type point struct {
	civil ical.Civil
	unix  int64
}

// frame is how the times of a component are meant.
type frame struct {
	zone      *Zone // of floating times and dates, that of the options
	allDay    bool
	floating  bool  // set for dates too
	alongside *Zone // the zone of date-times that are meant as dates; nil if absent
}

// stamp is a value as it is written.
type stamp struct {
	ical.Time
	zone *Zone // named by TZID; nil if absent
}

// of returns the point of a civil time of the frame.
func (f *frame) of(c ical.Civil) point { return point{c, f.zone.Unix(c)} }

// point reads a value of the series that the frame belongs to. The kinds of value may differ,
// although RFC 5545 does not allow that:
//
//   - an all-day series takes the date, which for a time in UTC is that in the zone alongside it,
//     if there is one;
//   - a floating series takes the clock as it is written, so that its instances do not depend on
//     the reader;
//   - a series in a zone compares instants. A time without a zone is one of the series' zone.
//     A date is the beginning of the day.
func (f *frame) point(t stamp) point {
	switch {
	case f.allDay && t.Form == ical.UTC && f.alongside != nil:
		return f.of(f.alongside.Civil(int64(t.Civil)).Day())
	case f.allDay:
		return f.of(t.Civil.Day())
	case f.floating || t.Form == ical.Date:
		return f.of(t.Civil)
	case t.Form == ical.UTC:
		return point{f.zone.Civil(int64(t.Civil)), int64(t.Civil)}
	case t.zone != nil && t.zone != f.zone:
		unix := t.zone.Unix(t.Civil)
		return point{f.zone.Civil(unix), unix}
	}
	return f.of(t.Civil)
}

// fixed reports whether the clock of the zone never changes.
func (z *Zone) fixed() bool { return z.source == nil }

// lowest returns the lowest offset between two instants that are at most twice maxGap apart.
func (z *Zone) lowest(from, to int64) int {
	if z.fixed() {
		return int(z.offset)
	}
	start, _ := z.fold(from)
	end := start + to - from
	b := z.at(start)
	i := b.find(start)
	low := b.offsets[i]
	for b.end(i) <= end {
		if i++; i == len(b.offsets) {
			b, i = z.at(b.end(i-1)), 0
		}
		low = min(low, b.offsets[i])
	}
	return int(low)
}

// maxGap is the maximum that a clock is put forward or back at once.
const maxGap = 2 * ical.SecondsPerDay

// floor returns a civil time such that no earlier one is at the instant or after it. Without a
// change of the clock nearby, it is that of the instant. Times that the clock skips are after
// later ones, so the clock time of the instant alone would not do.
func (z *Zone) floor(unix int64) ical.Civil {
	return ical.Civil(unix + int64(z.lowest(unix-maxGap, unix+maxGap)))
}

// length is how long the instances of a component last: first the civil part is added to the
// clock, then the exact part to the instant (RFC 5545, 3.3.6). It may be negative in a task.
type length struct {
	civil int64
	exact int64
}

// end returns the end of an instance in the frame. It may be before the start.
func (f *frame) end(m point, l length) int64 {
	if l.civil == 0 {
		return m.unix + l.exact
	}
	return f.zone.Unix(m.civil+ical.Civil(l.civil)) + l.exact
}

// most returns the maximum exact length, at least 0.
func (f *frame) most(l length) int64 {
	n := max(0, l.civil+l.exact)
	if l.civil != 0 && !f.zone.fixed() {
		n += maxGap
	}
	return n
}

// least returns the minimum exact length, at most 0. Only a task that is due before its start
// has less than 0.
func (f *frame) least(l length) int64 {
	n := l.civil + l.exact
	if n >= 0 {
		return 0
	}
	return n - maxGap
}

// shape is what the properties of a component say about the time of its instances.
type shape struct {
	frame
	component *ical.Component
	start     point
	length    length
	row       row
}

// at returns the instance of the shape at a point, with a length of its own. RecurrenceID is
// not set.
func (s *shape) at(m point, l length) Instance {
	in := Instance{
		Start: m.unix, Civil: m.civil, Zone: s.zone,
		AllDay: s.allDay, Floating: s.floating, Component: s.component,
	}
	end := s.end(m, l)
	in.End = max(end, in.Start)
	in.from, in.until = s.row.limits(in.Start, end)
	if !s.floating && !s.zone.fixed() {
		in.Civil = s.zone.Civil(in.Start) // m.civil may be a time that the clock skips
	}
	return in
}

// The limits of times in computations, far outside of all years, so that sums do not overflow.
const (
	earliest = -1 << 50
	latest   = 1 << 50
)

// clamp limits an instant that a caller gives.
func clamp(unix int64) int64 { return max(earliest, min(latest, unix)) }
