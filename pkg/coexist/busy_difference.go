package coexist

import (
	"slices"
	"time"

	"github.com/davadmin/davadmin/pkg/ischedule"
)

const (
	// day is the length of an all-day item.
	day = 24 * time.Hour
	// clockChange is by how much a day can be longer or shorter when the clocks change.
	clockChange = time.Hour
)

// busyAnswers are the busy times of one person, from several answers to the same query.
// Periods may overlap, and may extend beyond the time range of the query.
type busyAnswers struct {
	asked       span               // time range of the query
	newServer   []ischedule.Period // from the new server
	oldServer   []ischedule.Period // from the old server
	oldDefault  []ischedule.Period // from the old server, about the default calendar alone
	withDefault bool               // oldDefault is known
}

// span is a time range from start up to but not including end.
type span struct{ start, end time.Time }

func (s span) length() time.Duration { return s.end.Sub(s.start) }

// reason is what explains a difference between two answers.
type reason int

const (
	unexplained     reason = iota
	allDayItems            // the old server leaves all-day items out, unless it is configured to include them
	defaultCalendar        // one answer is about the default calendar alone
)

// difference is a time for which the answers of the two servers differ.
type difference struct {
	span
	newType, oldType ischedule.BusyType // the strongest type in each answer; "" means free
	why              reason
}

// differences returns the times within a span for which the answers differ, in order of
// time. Of several periods at the same time, the strongest type counts, because servers
// may merge them.
func (a *busyAnswers) differences(within span) []difference {
	timelines := [4][]ischedule.Period{
		strongest(a.newServer, within),
		strongest(a.withoutAllDay(), within),
		strongest(a.oldServer, within),
		strongest(a.oldDefault, within),
	}
	var out []difference
	eachStretch(timelines[:], within, func(s span, types []ischedule.BusyType) {
		d := difference{span: s, newType: types[0], oldType: types[2]}
		timed, alone := types[1], types[3]
		switch {
		case d.newType == d.oldType:
			return
		case rank(timed) <= rank(d.oldType) && rank(d.oldType) < rank(d.newType):
			// A merged period hides how much of it is timed, so less than the old server
			// shows is no contradiction.
			d.why = allDayItems
		case a.withDefault && (d.newType == alone || timed == alone):
			d.why = defaultCalendar
		}
		if n := len(out) - 1; n >= 0 && out[n].end.Equal(d.start) && out[n].newType == d.newType && out[n].oldType == d.oldType && out[n].why == d.why {
			out[n].end = d.end
			return
		}
		out = append(out, d)
	})
	return out
}

// withoutAllDay returns the periods of the new server that cannot be all-day items of
// which the old server does not know.
func (a *busyAnswers) withoutAllDay() []ischedule.Period {
	wide := a.asked
	for _, p := range a.oldServer {
		if p.Start.Before(wide.start) {
			wide.start = p.Start
		}
		if p.End.After(wide.end) {
			wide.end = p.End
		}
	}
	known := slices.Clone(a.oldServer)
	for i := range known {
		known[i].Type = ischedule.Busy // so that adjacent periods become one
	}
	known = strongest(known, wide)
	return slices.DeleteFunc(slices.Clone(a.newServer), func(p ischedule.Period) bool { return a.allDay(p, known) })
}

// allDay reports whether a period of the new server can be one of all-day items. The zone
// of the person is unknown, so only the length shows it: a number of whole days. Where the
// new server merged timed items with all-day ones, the period is longer, but the old server
// knows the timed ones: what is left between them counts. A period that reaches the end of
// the time range of the query is cut off there, so its length is unknown; it is taken as
// one of whole days if a day of it is left.
//
// known is what the old server says, merged and in order.
func (a *busyAnswers) allDay(p ischedule.Period, known []ischedule.Period) bool {
	s := span{p.Start, p.End}
	days := (s.length() + clockChange) / day
	if days == 0 {
		return false
	}
	if !s.start.After(a.asked.start) || !s.end.Before(a.asked.end) {
		return true
	}
	if k, ok := covering(known, s.start); ok {
		s.start = k.End
	}
	// The last instant is a second before the end: times have no fractions.
	if k, ok := covering(known, s.end.Add(-time.Second)); ok {
		s.end = k.Start
	}
	return s.length() <= days*day+clockChange
}

// covering returns the period that contains a time. The periods must be in order and must
// not overlap.
func covering(list []ischedule.Period, t time.Time) (ischedule.Period, bool) {
	i, _ := slices.BinarySearchFunc(list, t, func(p ischedule.Period, t time.Time) int {
		if p.End.After(t) {
			return 1
		}
		return -1
	})
	if i == len(list) || list[i].Start.After(t) {
		return ischedule.Period{}, false
	}
	return list[i], true
}

// rank orders the types of periods by strength, from 0 for free time up to strongestRank.
func rank(t ischedule.BusyType) int {
	switch t {
	case "":
		return 0
	case ischedule.Tentative:
		return 1
	case ischedule.Unavailable:
		return strongestRank
	}
	return 2
}

const strongestRank = 3

// edge is where a period begins or ends.
type edge struct {
	at   time.Time
	kind ischedule.BusyType
	step int // 1 where it begins, -1 where it ends
}

// strongest returns the parts of periods within a span, with the strongest type at each
// time: in order, without overlaps, and joined where adjacent parts have the same type.
func strongest(list []ischedule.Period, within span) []ischedule.Period {
	edges := make([]edge, 0, 2*len(list))
	for _, p := range list {
		start, end := p.Start, p.End
		if start.Before(within.start) {
			start = within.start
		}
		if end.After(within.end) {
			end = within.end
		}
		if !start.Before(end) {
			continue
		}
		edges = append(edges, edge{start, p.Type, 1}, edge{end, p.Type, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return a.at.Compare(b.at) })
	var out []ischedule.Period
	var open [strongestRank + 1]int // periods at the time of the edge, by rank
	var kinds [strongestRank + 1]ischedule.BusyType
	for i, e := range edges {
		open[rank(e.kind)] += e.step
		kinds[rank(e.kind)] = e.kind
		if i+1 < len(edges) && edges[i+1].at.Equal(e.at) {
			continue
		}
		top := strongestRank
		for top > 0 && open[top] == 0 {
			top--
		}
		last := len(out) - 1
		isOpen := last >= 0 && out[last].End.IsZero()
		if isOpen && out[last].Type == kinds[top] {
			continue
		}
		if isOpen {
			out[last].End = e.at
		}
		if top > 0 {
			out = append(out, ischedule.Period{Start: e.at, Type: kinds[top]})
		}
	}
	return out
}

// eachStretch calls f for the parts of a span in which no timeline changes, with the type
// of each timeline. The timelines are those of strongest, for the same span.
func eachStretch(timelines [][]ischedule.Period, within span, f func(span, []ischedule.BusyType)) {
	bounds := []time.Time{within.start, within.end}
	for _, line := range timelines {
		for _, p := range line {
			bounds = append(bounds, p.Start, p.End)
		}
	}
	slices.SortFunc(bounds, time.Time.Compare)
	bounds = slices.CompactFunc(bounds, time.Time.Equal)
	next := make([]int, len(timelines))
	types := make([]ischedule.BusyType, len(timelines))
	for i := range len(bounds) - 1 {
		s := span{bounds[i], bounds[i+1]}
		for n, line := range timelines {
			for next[n] < len(line) && !line[next[n]].End.After(s.start) {
				next[n]++
			}
			types[n] = ""
			if next[n] < len(line) && !line[next[n]].Start.After(s.start) {
				types[n] = line[next[n]].Type
			}
		}
		f(s, types)
	}
}
