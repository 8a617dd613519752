package freebusy

import (
	"slices"
	"time"
)

// Merge returns periods clipped to a window, sorted, without overlaps and without Free: at
// each time the highest kind remains, and adjoining periods of one kind become one. The
// order of the input does not matter. A period that does not end after its start is left
// out. It takes time proportional to n log n.
func Merge(w Window, periods []Period) []Period {
	type edge struct {
		at    time.Time
		kind  Kind
		delta int
	}
	edges := make([]edge, 0, 2*len(periods))
	for _, p := range periods {
		start, end := latest(p.Start, w.Start), earliest(p.End, w.End)
		if p.Kind == Free || !end.After(start) {
			continue
		}
		edges = append(edges, edge{start, p.Kind, 1}, edge{end, p.Kind, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return a.at.Compare(b.at) })
	var out []Period
	var open [kinds]int // periods of each kind that contain the current time
	current := Free
	for i, e := range edges {
		open[e.kind] += e.delta
		if i+1 < len(edges) && edges[i+1].at.Equal(e.at) {
			continue // other periods begin or end at the same time
		}
		next := highest(&open)
		if next == current {
			continue
		}
		if current != Free {
			out[len(out)-1].End = e.at
		}
		if next != Free {
			out = append(out, Period{Start: e.at, Kind: next})
		}
		current = next
	}
	return out
}

// highest returns the highest kind that is open.
func highest(open *[kinds]int) Kind {
	for k := Busy; k > Free; k-- {
		if open[k] > 0 {
			return k
		}
	}
	return Free
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
