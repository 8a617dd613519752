package local

import "github.com/davadmin/davadmin/pkg/freebusy"

// without returns the parts of periods that do not lie in holes. Both are in order and
// without overlaps, as freebusy.Merge returns them.
func without(periods, holes []freebusy.Period) []freebusy.Period {
	var out []freebusy.Period
	first := 0 // holes before it end before the period begins
	for _, p := range periods {
		for first < len(holes) && !holes[first].End.After(p.Start) {
			first++
		}
		for _, hole := range holes[first:] {
			if !hole.Start.Before(p.End) {
				break
			}
			if hole.Start.After(p.Start) {
				out = append(out, freebusy.Period{Start: p.Start, End: hole.Start, Kind: p.Kind})
			}
			p.Start = hole.End
		}
		if p.Start.Before(p.End) {
			out = append(out, p)
		}
	}
	return out
}
