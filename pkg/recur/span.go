package recur

import (
	"math"

	"github.com/davadmin/davadmin/pkg/ical"
)

// Span is a time span that contains all instances of a Set.
type Span struct {
	// Start and End are Unix times in seconds; End is exclusive, and after Start. A time range
	// that some instance overlaps overlaps the span too, as a plain comparison of both. So an
	// instance without length has a span of a second, and a task one that begins a second
	// before it is due.
	Start, End int64
	// OpenStart and OpenEnd mean that the span has no limit on that side. Start or End is 0
	// then.
	OpenStart, OpenEnd bool
	// Floating means that some instance is floating. Its part of the span contains it in
	// every time zone: it begins 14 hours earlier and ends 12 hours later than in UTC.
	Floating bool
	// Recurring means that there is a recurrence, or an override.
	Recurring bool
}

// The distances of the time zones from UTC that are farthest away, in seconds.
const (
	eastmost = 14 * 3600
	westmost = 12 * 3600
)

// The candidates that Span spends at most on one side.
const spanBudget = 20_000

// Span returns a small time span that contains all instances. It is the smallest one if the set
// has no THISANDFUTURE, and its ends can be found at little cost. A side is open if the set has
// no limit on it, if its limit would cost too much to compute, and if something in the
// components has a time that cannot be read. A series of which nothing is left has the span of
// a second at its start; what has no time at all is open.
//
// If the budget is used up, the span is open, and the error is ErrBudget. A nil budget means a
// new one. The span does not depend on SetOptions.Floating.
func (s *Set) Span(b *Budget) (Span, error) {
	if b == nil {
		b = NewBudget(DefaultBudget)
	}
	set := s
	if s.again != nil {
		if set = s.again(UTC()); set == nil {
			return Span{OpenStart: true, OpenEnd: true, Floating: s.floating, Recurring: s.recurring}, nil
		}
	}
	e := extent{low: math.MaxInt64, high: math.MinInt64}
	for i := range set.extra {
		e.add(&set.extra[i])
	}
	if set.master != nil {
		set.begin(&e, b)
		set.end(&e, b)
	}
	if e.low > e.high && set.master != nil { // nothing is left of the series
		e.addLow(set.master.start.unix, set.master.floating)
		e.addHigh(set.master.start.unix+1, set.master.floating)
	}
	if e.low > e.high || s.unknown { // no instances, or not all
		e.low, e.high = math.MinInt64, math.MaxInt64
	}
	span := Span{Floating: s.floating, Recurring: s.recurring}
	if span.OpenStart = e.low == math.MinInt64; !span.OpenStart {
		span.Start = e.low
	}
	if span.OpenEnd = e.high == math.MaxInt64; !span.OpenEnd {
		span.End = e.high
	}
	return span, e.err
}

// extent grows with what it must contain.
type extent struct {
	low, high int64
	err       error
}

func (e *extent) add(in *Instance) {
	e.addLow(in.from, in.Floating)
	e.addHigh(in.until, in.Floating)
}

func (e *extent) addLow(unix int64, floating bool) {
	if floating && unix != math.MinInt64 {
		unix -= eastmost
	}
	e.low = min(e.low, unix)
}

func (e *extent) addHigh(unix int64, floating bool) {
	if floating && unix != math.MaxInt64 {
		unix += westmost
	}
	e.high = max(e.high, unix)
}

// part is a budget for a part of the work.
type part struct {
	*Budget
	whole *Budget
	given int
}

func partOf(b *Budget) part {
	given := min(spanBudget, b.Left())
	return part{NewBudget(given), b, given}
}

// end takes what was spent from the whole.
func (p part) end() { p.whole.Spend(p.given - p.Left()) }

// err returns the error for a part that was used up: none if only Span's own limit was reached.
func (p part) err() error {
	if p.given < spanBudget {
		return ErrBudget
	}
	return nil
}

// begin adds the beginning of the series.
func (s *Set) begin(e *extent, b *Budget) {
	p := partOf(b)
	defer p.end()
	limit := int64(latest)
	if len(s.segments) > 1 {
		limit = s.segments[1].unix
	}
	// The first one is DTSTART, or an RDATE before it. If the clock skips DTSTART, later times of
	// the rule may come first.
	skips := s.master.skips()
	d, ok := s.dates[0], true
	gap := s.gap()
	if gap == 0 && (skips || len(s.except) > 0 || s.removes(&d.point) || d.unix >= limit) {
		g := s.series(p.Budget)
		if d, ok = g.take(limit); !ok && g.err != nil {
			d, ok = s.dates[0], true
			e.err = p.err()
		} else if ok {
			skips = false
		}
	}
	if ok {
		in := s.segments[0].instance(&d)
		if skips {
			in.from -= maxGap
		}
		e.addLow(in.from, in.Floating)
	}
	for i := range s.segments {
		if seg := &s.segments[i]; seg.moved {
			e.addLow(seg.unix-gap+seg.shift-seg.slack+seg.shape.least(seg.shape.length)-1, seg.shape.floating)
		}
	}
}

// end adds the end of the series.
func (s *Set) end(e *extent, b *Budget) {
	last, ok, err := s.last(b)
	if !ok {
		e.addHigh(math.MaxInt64, false)
		e.err = err
		return
	}
	if len(s.segments) == 1 {
		s.tail(e, last, b)
		return
	}
	gap, next := s.gap(), 0
	for i := range s.segments {
		seg := &s.segments[i]
		for next < len(s.segments) && (next <= i || s.segments[next].unix <= seg.unix+gap && gap > 0) {
			next++
		}
		unix := last + gap
		if next < len(s.segments) {
			unix = min(unix, s.segments[next].unix+gap)
		}
		if unix >= seg.unix {
			// As if there were an instance at the end of the segment.
			longest := seg.shape.most(seg.shape.length)
			if !seg.moved {
				longest = max(longest, s.longest)
			}
			e.addHigh(unix+seg.shift+seg.slack+longest+1, seg.shape.floating)
		}
	}
}

// gap returns how far the ids of a floating series with segments may be from those in UTC. Where
// the reader's clock skips them, even their order is another one, and so are the segments.
func (s *Set) gap() int64 {
	if s.master.floating && len(s.segments) > 1 {
		return maxGap
	}
	return 0
}

// last returns an instant after which the series has no instance. ok is false if it has no end,
// or it costs too much to find; err is ErrBudget if that is so only because of the budget.
func (s *Set) last(b *Budget) (last int64, ok bool, err error) {
	last = s.dates[len(s.dates)-1].unix
	for i := range s.rules {
		r := &s.rules[i]
		unix, bounded := int64(0), r.until.set
		switch {
		case r.until.exact:
			unix = r.until.unix
		case bounded:
			unix = s.master.ceiling(r.until.civil)
		case r.Count == 0:
			return 0, false, nil
		}
		if r.Count > 0 {
			found, ok, err := s.lastCounted(r, b)
			if !ok && !bounded {
				return 0, false, err
			}
			if ok {
				unix = found
			}
		}
		last = max(last, unix)
	}
	return last, true, nil
}

// lastCounted returns the last point of a rule with COUNT, or one after it.
func (s *Set) lastCounted(r *rule, b *Budget) (last int64, ok bool, err error) {
	p := partOf(b)
	defer p.end()
	if r.Count > int64(p.given) {
		return 0, false, p.err()
	}
	it := r.Iterator(s.master.start.civil, s.master.allDay, p.Budget)
	end := s.master.start.civil
	for c, ok := it.Next(); ok && (r.until.exact || !r.until.set || c <= r.until.civil); c, ok = it.Next() {
		end = c
	}
	if it.Err() != nil {
		return 0, false, p.err()
	}
	if last = s.master.ceiling(end); r.until.exact {
		last = min(last, r.until.unix)
	}
	return last, true, nil
}

// skips reports whether the clock skips the start.
func (s *shape) skips() bool {
	return !s.zone.fixed() && s.zone.Civil(s.start.unix) != s.start.civil
}

// ceiling returns an instant that is not before that of the civil time or of an earlier one.
func (f *frame) ceiling(c ical.Civil) int64 {
	unix := f.zone.Unix(c)
	return unix + f.jump(unix)
}

// jump returns how far the clock may have been put forward shortly before an instant. An
// earlier time on the clock, one that it skipped, is at most so much later.
func (f *frame) jump(unix int64) int64 {
	if f.zone.fixed() {
		return 0
	}
	return int64(f.zone.Offset(unix) - f.zone.lowest(unix-maxGap, unix))
}

// tail adds the end of the last instances of a series without segments. It looks at the time
// before the last possible point, in growing steps, until there is an instance.
func (s *Set) tail(e *extent, last int64, b *Budget) {
	p := partOf(b)
	defer p.end()
	first := s.dates[0].unix - maxGap
	for i := range s.dates {
		if d := &s.dates[i]; d.own && !s.removes(&d.point) {
			in := s.segments[0].instance(d)
			e.addHigh(in.until, in.Floating)
		}
	}
	step := int64(60)
	for i := range s.rules {
		step = max(step, s.rules[i].period())
	}
	for {
		low := last - step
		g := s.series(p.Budget)
		g.seek(low, low)
		found := false
		for {
			d, ok := g.take(last + 1)
			if !ok {
				break
			}
			in := s.segments[0].instance(&d)
			until := in.until
			if s.master.length.civil != 0 {
				until += s.master.jump(in.End)
			}
			e.addHigh(until, in.Floating)
			// A period says nothing about the end of the longer instances before it.
			found = found || !d.own
		}
		switch {
		case g.err != nil:
			m := s.master
			end := m.end(m.of(m.zone.Civil(last)), m.length)
			_, until := m.row.limits(last, max(last, end)+m.jump(end))
			e.addHigh(until, m.floating)
			return
		case found || low <= first:
			return
		}
		step *= 8
	}
}

// period returns about how long it takes from one point of a rule to the next, in seconds.
func (r *Rule) period() int64 {
	lengths := [...]int64{Secondly: 1, Minutely: 60, Hourly: 3600, Daily: 86400, Weekly: 8 * 86400, Monthly: 32 * 86400, Yearly: 367 * 86400}
	if int(r.Frequency) >= len(lengths) {
		return 0
	}
	return min(lengths[r.Frequency]*int64(max(r.Interval, 1)), latest)
}
