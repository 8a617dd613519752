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
// components has a time that cannot be read.
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
	span := Span{Floating: s.floating, Recurring: s.recurring}
	if e.low > e.high || s.unknown { // no instances, or not all
		e.low, e.high = math.MinInt64, math.MaxInt64
	}
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

// part returns a budget for a part of the work, and a function that takes what was spent of it
// from the whole.
func part(b *Budget) (*Budget, func()) {
	given := min(spanBudget, b.Left())
	p := NewBudget(given)
	return p, func() { b.Spend(given - p.Left()) }
}

// begin adds the beginning of the series.
func (s *Set) begin(e *extent, b *Budget) {
	budget, done := part(b)
	defer done()
	g := s.series(budget)
	d, ok := g.take(latest)
	switch {
	case ok:
	case g.err != nil:
		d = date{moment: s.dates[0].moment} // DTSTART, or an RDATE before it
		if b.Left() <= spanBudget {
			e.err = ErrBudget
		}
	default:
		return
	}
	in := s.segments[0].instance(&d)
	e.addLow(in.from, in.Floating)
	for i := range s.segments[1:] {
		seg := &s.segments[i+1]
		d.unix = max(d.unix, seg.unix)
		low := d.unix + seg.shift - seg.slack
		e.addLow(low-1, seg.shape.floating)
	}
}

// end adds the end of the series.
func (s *Set) end(e *extent, b *Budget) {
	last, ok := s.last(b)
	if !ok {
		if e.addHigh(math.MaxInt64, false); b.Left() == 0 {
			e.err = ErrBudget
		}
		return
	}
	for i := range s.segments {
		seg := &s.segments[i]
		if i+1 < len(s.segments) || seg.moved {
			// An instance at the end of the segment, whether or not there is one.
			unix := last
			if i+1 < len(s.segments) {
				unix = min(unix, s.segments[i+1].unix)
			}
			if unix >= seg.unix {
				e.addHigh(unix+seg.shift+seg.slack+seg.shape.most(seg.shape.length)+1, seg.shape.floating)
			}
		}
	}
	if len(s.segments) == 1 {
		s.tail(e, last, b)
	}
}

// last returns an instant after which the series has no instance, and false if there is none
// or it costs too much to find.
func (s *Set) last(b *Budget) (int64, bool) {
	last := s.dates[len(s.dates)-1].unix
	for i := range s.rules {
		r := &s.rules[i]
		unix, bounded := int64(0), r.until.set
		switch {
		case r.until.exact:
			unix = r.until.unix
		case bounded:
			unix = s.master.ceiling(r.until.civil)
		case r.Count == 0:
			return 0, false
		}
		if r.Count > 0 {
			if found, ok := s.lastCounted(r, b); ok {
				unix, bounded = found, true
			}
		}
		if !bounded {
			return 0, false
		}
		last = max(last, unix)
	}
	return last, true
}

// lastCounted returns the last moment of a rule with COUNT.
func (s *Set) lastCounted(r *rule, b *Budget) (int64, bool) {
	budget, done := part(b)
	defer done()
	if r.Count > int64(budget.Left()) {
		return 0, false
	}
	source := newRuleSource(r, s.master, budget)
	last := s.master.start.unix
	for source.ok {
		last = source.head.unix
		source.advance()
	}
	return last, source.it.Err() == nil
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
// before the last possible moment, in growing steps, until there is an instance.
func (s *Set) tail(e *extent, last int64, b *Budget) {
	budget, done := part(b)
	defer done()
	first := s.dates[0].unix
	for i := range s.dates {
		if d := &s.dates[i]; d.own && !contains(s.exdates, d.unix) && !contains(s.replaced, d.unix) {
			in := s.segments[0].instance(d)
			e.addHigh(in.until, in.Floating)
		}
	}
	step := int64(2 * ical.SecondsPerDay)
	for i := range s.rules {
		step = max(step, s.rules[i].period())
	}
	for {
		low := last - step
		g := s.series(budget)
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
			found = true
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

// period returns about how long it takes from one moment of a rule to the next, in seconds.
func (r *Rule) period() int64 {
	lengths := [...]int64{Secondly: 1, Minutely: 60, Hourly: 3600, Daily: 86400, Weekly: 8 * 86400, Monthly: 32 * 86400, Yearly: 367 * 86400}
	if int(r.Frequency) >= len(lengths) {
		return 0
	}
	return min(lengths[r.Frequency]*int64(max(r.Interval, 1)), latest)
}
