package recur

import (
	"math"

	"github.com/davadmin/davadmin/pkg/ical"
)

// Instance is one occurrence of an event, a task or a journal entry, or a part of a free/busy
// component.
type Instance struct {
	// Start and End are Unix times in seconds; End is exclusive, and equals Start for
	// something that takes no time. Start is math.MinInt64, or End is math.MaxInt64, if the
	// component sets no limit on that side, as a task without any date.
	Start, End int64
	// Civil is the start on the clock of Zone; the beginning of the day if AllDay is set.
	Civil ical.Civil
	// Zone is the zone of the start. For floating times and dates it is that of
	// SetOptions.
	Zone *Zone
	// AllDay means that the start is a date. Floating means that the start has no zone of
	// its own: it is a date, or a time of form 1 (RFC 5545, 3.3.5).
	AllDay, Floating bool
	// RecurrenceID is the Unix time at which the series has this instance, whether or not
	// an override has moved it (RFC 5545, 3.8.4.4). Recurring says whether there is one.
	RecurrenceID int64
	Recurring    bool
	// Component is the component whose properties apply: the master, or an override. Only
	// its dates are those of another instance.
	Component *ical.Component

	// The instance overlaps [a, b) if a < until and b > from.
	from, until int64
}

// Overlaps reports whether the instance overlaps the time range from `from` to `to`, which is
// exclusive, by the tables of RFC 4791, 9.9. These depend on the type of the component and on
// the properties that it has. An instance without length overlaps a range that contains it or
// starts with it, and a task also one that ends exactly when it is due.
func (in *Instance) Overlaps(from, to int64) bool { return from < in.until && to > in.from }

// less orders instances by their start, then by their recurrence id.
func (in *Instance) less(other *Instance) bool {
	if in.Start != other.Start {
		return in.Start < other.Start
	}
	return in.RecurrenceID < other.RecurrenceID
}

// row is a row of the tables of RFC 4791, 9.9.
type row uint8

const (
	// rowTime is a start with an end, or with a length, or alone: start < end of the
	// instance (or start <= DTSTART, if it has no length) and end > DTSTART.
	rowTime row = iota
	// rowTodoDuration is a task with DTSTART and DURATION: start <= DTSTART+DURATION, and
	// end > DTSTART or end >= DTSTART+DURATION.
	rowTodoDuration
	// rowTodoDue is a task with DTSTART and DUE: start < DUE or start <= DTSTART, and
	// end > DTSTART or end >= DUE.
	rowTodoDue
	// rowDueOnly is a task with DUE alone: start < DUE and end >= DUE.
	rowDueOnly
)

// limits returns from and until of an instance. end may be before start.
//
// Since all times are whole seconds, start <= X is start < X+1, and end >= X is end > X-1.
func (r row) limits(start, end int64) (from, until int64) {
	switch r {
	case rowTodoDuration:
		return min(start, end-1), max(start, end) + 1
	case rowTodoDue:
		return min(start, end-1), max(start+1, end)
	case rowDueOnly:
		return start - 1, start
	}
	return start, max(start+1, end)
}

// undated returns the instance of a task that has neither DTSTART nor DUE. created and
// completed are the times of these properties, or nil.
func undated(c *ical.Component, zone *Zone, created, completed *int64) Instance {
	in := Instance{Zone: zone, Component: c}
	switch {
	case created != nil && completed != nil:
		in.Start, in.End = min(*created, *completed), max(*created, *completed)
		in.from, in.until = in.Start-1, in.End+1
	case completed != nil:
		in.Start, in.End = *completed, *completed
		in.from, in.until = in.Start-1, in.End+1
	case created != nil:
		in.Start, in.End = *created, math.MaxInt64
		in.from, in.until = in.Start, in.End
	default:
		in.Start, in.End = math.MinInt64, math.MaxInt64
		in.from, in.until = in.Start, in.End
	}
	if in.Start != math.MinInt64 {
		in.Civil = zone.Civil(in.Start)
	}
	return in
}

// instanceHeap is a heap of instances, the first one in front.
type instanceHeap []Instance

func (h *instanceHeap) push(in Instance) {
	*h = append(*h, in)
	list := *h
	for i := len(list) - 1; i > 0; {
		up := (i - 1) / 2
		if !list[i].less(&list[up]) {
			return
		}
		list[i], list[up] = list[up], list[i]
		i = up
	}
}

// pop removes the first instance. The heap is not empty.
func (h *instanceHeap) pop() Instance {
	list := *h
	first := list[0]
	last := len(list) - 1
	list[0] = list[last]
	list[last] = Instance{}
	list = list[:last]
	*h = list
	for i := 0; ; {
		down := 2*i + 1
		if down >= last {
			return first
		}
		if down+1 < last && list[down+1].less(&list[down]) {
			down++
		}
		if !list[down].less(&list[i]) {
			return first
		}
		list[i], list[down] = list[down], list[i]
		i = down
	}
}
