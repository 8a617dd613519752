package local

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// availability is a VAVAILABILITY (RFC 7953, 3.1), with times in Unix seconds.
type availability struct {
	priority   int // the one with the higher number is considered later
	start, end int64
	kind       freebusy.Kind     // of the time that is not available
	available  []freebusy.Period // merged
}

// maxAvailabilities bounds the availabilities of an account. With more, nothing is known.
const maxAvailabilities = 500

// The sides of an availability that is open.
const (
	openStart = math.MinInt64 / 2
	openEnd   = math.MaxInt64 / 2
)

// availability keeps the VAVAILABILITY components of an object.
func (b *busy) availability(x *calobj.Object) {
	zones := b.options.Zones.Of(x.Calendar)
	for c := range x.Calendar.Children("VAVAILABILITY") {
		v := availability{start: openStart, end: openEnd, priority: priority(c.Value("PRIORITY")), kind: busyType(c.Value("BUSYTYPE"))}
		if at, ok := b.point(zones, c.Get("DTSTART")); ok {
			v.start = at
		}
		d, err := ical.ParseDuration(c.Value("DURATION"))
		if at, ok := b.point(zones, c.Get("DTEND")); ok {
			v.end = at
		} else if err == nil && d.IsPositive() && v.start != openStart {
			v.end = v.start + d.Days*ical.SecondsPerDay + d.Seconds
		}
		if v.end <= v.start {
			continue
		}
		if len(b.availabilities) == maxAvailabilities {
			b.add(b.window.Start.Unix(), ceilUnix(b.window), freebusy.Unknown)
			return
		}
		v.available = b.available(x.Calendar, c)
		b.availabilities = append(b.availabilities, v)
	}
}

// priority turns PRIORITY, of which 1 is the highest and 0 or none the lowest, into an order.
func priority(value string) int {
	n, err := strconv.Atoi(strings.TrimSpace(value))
	if err != nil || n < 1 || n > 9 {
		return 0
	}
	return 10 - n
}

// busyType returns the kind of BUSYTYPE (RFC 7953, 3.2).
func busyType(value string) freebusy.Kind {
	switch upper(value) {
	case "BUSY":
		return freebusy.Busy
	case "BUSY-TENTATIVE":
		return freebusy.Tentative
	}
	return freebusy.Unavailable
}

// point returns the time of a property.
func (b *busy) point(zones *recur.ObjectZones, p *ical.Property) (int64, bool) {
	if p == nil {
		return 0, false
	}
	t, err := ical.ParseTime(p.Value())
	if err != nil {
		return 0, false
	}
	return b.instant(zones, recur.TZID(p), valueOf(t)), true
}

// available returns the times of the AVAILABLE components in the window. Those that cannot be
// computed are missing, so that they do not count as available.
func (b *busy) available(calendar, c *ical.Component) []freebusy.Period {
	byUID := map[string][]*ical.Component{}
	var uids []string
	for a := range c.Children("AVAILABLE") {
		uid := a.Value("UID")
		if byUID[uid] == nil {
			uids = append(uids, uid)
		}
		byUID[uid] = append(byUID[uid], asEvent(a))
	}
	if b.budget == nil {
		b.budget = recur.NewBudget(recur.DefaultBudget)
	}
	var out []freebusy.Period
	for _, uid := range uids {
		set, _, err := recur.NewSet(calendar, byUID[uid], recur.SetOptions{Zones: b.options.Zones, Floating: b.zone})
		if err != nil {
			continue
		}
		for in, err := range set.Between(b.window.Start.Unix(), ceilUnix(b.window), b.budget) {
			if err != nil {
				break
			}
			out = append(out, freebusy.Period{Start: time.Unix(in.Start, 0).UTC(), End: time.Unix(in.End, 0).UTC(), Kind: freebusy.Busy})
		}
	}
	return freebusy.Merge(b.window, out)
}

// asEvent returns an event at the times of an AVAILABLE component, which recurs in the same way
// (RFC 7953, 3.1).
func asEvent(a *ical.Component) *ical.Component {
	e := ical.NewComponent("VEVENT")
	times := []string{"UID", "DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID"}
	for i := range a.Properties {
		if p := &a.Properties[i]; slices.Contains(times, p.Name) {
			var params []ical.Param
			for param := range p.Params() {
				params = append(params, param)
			}
			e.Add(p.Name, p.Value(), params...)
		}
	}
	return e
}

// unavailable returns the times that the availabilities leave out, as RFC 7953, 4 computes
// them: the one with the highest priority decides.
func (b *busy) unavailable() []freebusy.Period {
	slices.SortStableFunc(b.availabilities, func(x, y availability) int { return cmp.Compare(x.priority, y.priority) })
	var out []freebusy.Period
	for _, v := range b.availabilities {
		w := freebusy.Window{Start: time.Unix(max(v.start, b.window.Start.Unix()), 0).UTC(), End: time.Unix(min(v.end, ceilUnix(b.window)), 0).UTC()}
		if w.End.After(w.Start) {
			out = append(outside(out, w), without(w, v.available, v.kind)...)
		}
	}
	return out
}

// outside returns what a list of periods says about the time outside of a window.
func outside(list []freebusy.Period, w freebusy.Window) (out []freebusy.Period) {
	for _, p := range list {
		if p.Start.Before(w.Start) {
			out = append(out, freebusy.Period{Start: p.Start, End: earliest(p.End, w.Start), Kind: p.Kind})
		}
		if p.End.After(w.End) {
			out = append(out, freebusy.Period{Start: latest(p.Start, w.End), End: p.End, Kind: p.Kind})
		}
	}
	return out
}

// without returns periods of a kind for the time of a window that is not in a merged list.
func without(w freebusy.Window, list []freebusy.Period, kind freebusy.Kind) (out []freebusy.Period) {
	at := w.Start
	for _, p := range list {
		if start := earliest(p.Start, w.End); start.After(at) {
			out = append(out, freebusy.Period{Start: at, End: start, Kind: kind})
		}
		at = latest(at, p.End)
	}
	if w.End.After(at) {
		out = append(out, freebusy.Period{Start: at, End: w.End, Kind: kind})
	}
	return out
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
