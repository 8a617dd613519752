package calobj

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/pkg/ical"
)

// CompareNewness returns 1 if a is a newer version of an object than b, -1 if it is an older
// one, and 0 if nothing tells. What counts is the highest SEQUENCE of its components, then the
// latest LAST-MODIFIED, then the latest DTSTAMP (RFC 5545, 3.8.7).
func CompareNewness(a, b *Object) int { return slices.Compare(newest(a), newest(b)) }

// newest returns what the newness of an object is compared by.
func newest(x *Object) []int64 {
	out := newnessOf(ical.NewComponent(x.Type)) // of a component without any
	for _, c := range x.Calendar.Components {
		if c.Name != x.Type {
			continue
		}
		for i, n := range newnessOf(c) {
			out[i] = max(out[i], n)
		}
	}
	return out[:]
}

// newnessOf returns SEQUENCE, LAST-MODIFIED and DTSTAMP of a component.
func newnessOf(c *ical.Component) [3]int64 {
	return [3]int64{whole(c.Value("SEQUENCE")), moment(c, "LAST-MODIFIED"), moment(c, "DTSTAMP")}
}

// whole returns a whole number; 0 for other text.
func whole(value string) int64 {
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// moment returns the time of a property; the beginning of time if it is missing.
func moment(c *ical.Component, name string) int64 {
	t, err := ical.ParseTime(c.Value(name))
	if err != nil {
		return math.MinInt64
	}
	return int64(t.Civil)
}
