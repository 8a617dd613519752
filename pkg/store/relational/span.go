package relational

import (
	"fmt"
	"math"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// The stored forms of an open start and an open end, so that comparisons need no NULL.
const (
	openStart = math.MinInt64
	openEnd   = math.MaxInt64
)

// shortSpan is store.ShortSpan as a difference of stored times.
const shortSpan = int64(store.ShortSpan / time.Microsecond)

// spanOf returns the stored form of the span of a component, and whether it is long.
func spanOf(m *store.Component) (start, end int64, long bool) {
	start, end = openStart, openEnd
	if !m.Start.IsZero() {
		start = micros(m.Start)
	}
	if !m.End.IsZero() {
		end = micros(m.End)
	}
	// The difference of two int64 always fits into an uint64.
	return start, end, uint64(end)-uint64(start) > uint64(shortSpan)
}

// setSpan sets the span of a component to a stored one.
func setSpan(m *store.Component, start, end int64) {
	if start != openStart {
		m.Start = time.UnixMicro(start).UTC()
	}
	if end != openEnd {
		m.End = time.UnixMicro(end).UTC()
	}
}

// addRange adds the conditions that the span of a component overlaps a time range, and
// that it is long, or not. One of the indexes on the spans serves them: it contains only
// these components, so that no other query is tempted to use it.
func (w *where) addRange(from, to time.Time, long bool) {
	w.add(fmt.Sprintf("long = %d", flag(long)))
	if !to.IsZero() {
		w.add("start_at < " + w.value(micros(to)))
	}
	if from.IsZero() {
		return
	}
	since := micros(from)
	if !long {
		w.add("start_at > " + w.value(max(since, math.MinInt64+shortSpan)-shortSpan))
	}
	// A component without duration counts at its start (RFC 4791, 9.9).
	after := w.value(since)
	w.add("(end_at > " + after + " OR (end_at = start_at AND end_at = " + after + "))")
}
