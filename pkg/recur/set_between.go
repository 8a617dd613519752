package recur

import (
	"cmp"
	"iter"
	"slices"
)

// Between yields the instances that overlap the time range from `from` to `to`, which is
// exclusive, by the tables of RFC 4791, 9.9 ([Instance.Overlaps]). They come in the order of
// their starts, then of their recurrence ids. Cancelled instances are among them.
//
// The effort depends on the range and on the number of overrides, not on the distance from the
// first instance. It is limited by the budget; if that is nil, a new one of [DefaultBudget] is
// used. If the budget is used up, what was found comes first, and then ErrBudget with an empty
// instance.
func (s *Set) Between(from, to int64, b *Budget) iter.Seq2[Instance, error] {
	return func(yield func(Instance, error) bool) {
		if to <= from {
			return
		}
		budget := b
		if budget == nil {
			budget = NewBudget(DefaultBudget)
		}
		w := walk{set: s, from: clamp(from), to: clamp(to), yield: yield}
		if !s.extraOpen {
			w.extra = s.firstExtra(w.from)
		}
		if len(s.segments) > 0 && !w.run(budget) {
			return
		}
		for w.extra < len(s.extra) {
			if !w.yieldExtra() {
				return
			}
		}
		if w.err != nil {
			yield(Instance{}, w.err)
		}
	}
}

// firstExtra returns the first instance of extra that may overlap a range from an instant on.
func (s *Set) firstExtra(from int64) int {
	i, _ := slices.BinarySearchFunc(s.extra, from-s.extraLongest, func(in Instance, unix int64) int {
		return cmp.Compare(in.Start, unix)
	})
	return i
}

// walk yields the instances of a time range.
type walk struct {
	set      *Set
	from, to int64
	yield    func(Instance, error) bool
	extra    int          // the next of set.extra
	pending  instanceHeap // instances of the series that earlier ones may still precede
	err      error
}

// run yields the instances of the series, and those of extra up to the last of them. It returns
// false if no more are wanted.
//
// The series comes in the order of recurrence ids. Where segments shift instances, or the clock
// changes, that is not the order of the starts: an instance waits until no later one can start
// before it.
func (w *walk) run(b *Budget) bool {
	s := w.set
	g := s.series(b)
	for i := range s.segments {
		seg := &s.segments[i]
		low, high := w.ids(i)
		dates := low
		if !seg.moved { // periods may be longer than the other instances
			dates = min(low, w.from-s.longest-1)
		}
		if dates >= high {
			continue
		}
		g.seek(min(low, high), dates)
		for {
			d, ok := g.take(high)
			if !ok {
				break
			}
			in := seg.instance(&d)
			if !in.Overlaps(w.from, w.to) {
				continue
			}
			// Instances that start before this have all been found.
			done := d.unix + seg.low
			if len(w.pending) == 0 && in.Start <= done {
				if !w.emit(&in) {
					return false
				}
				continue
			}
			w.pending.push(in)
			if !w.flush(done) {
				return false
			}
			// To sort many instances costs more than to find them.
			if !b.Spend(len(w.pending) / heapCost) {
				g.err = ErrBudget
				break
			}
		}
		if g.err != nil {
			w.err = g.err
			break
		}
	}
	return w.flush(latest)
}

// heapCost is how many waiting instances make each further one cost one more candidate. So a
// budget of 100,000 allows about 7,000 of them, which need less than a megabyte.
const heapCost = 250

// ids returns the range of recurrence ids of a segment that may have instances in the time
// range.
func (w *walk) ids(i int) (low, high int64) {
	s := w.set
	seg := &s.segments[i]
	low = max(seg.unix, w.from-seg.shape.most(seg.shape.length)-seg.shift-seg.slack-1)
	high = w.to - seg.shift + seg.slack - seg.shape.least(seg.shape.length) + 2
	if i+1 < len(s.segments) {
		high = min(high, s.segments[i+1].unix)
	}
	return low, high
}

// flush yields the waiting instances that start at or before an instant.
func (w *walk) flush(unix int64) bool {
	for len(w.pending) > 0 && w.pending[0].Start <= unix {
		in := w.pending.pop()
		if !w.emit(&in) {
			return false
		}
	}
	return true
}

// emit yields an instance of the series after those of extra that come before it.
func (w *walk) emit(in *Instance) bool {
	for w.extra < len(w.set.extra) && w.set.extra[w.extra].less(in) {
		if !w.yieldExtra() {
			return false
		}
	}
	return w.yield(*in, nil)
}

// yieldExtra yields the next instance of extra, if it is in the time range.
func (w *walk) yieldExtra() bool {
	in := &w.set.extra[w.extra]
	w.extra++
	if in.Start > w.to+w.set.extraLead {
		w.extra = len(w.set.extra)
		return true
	}
	return !in.Overlaps(w.from, w.to) || w.yield(*in, nil)
}
