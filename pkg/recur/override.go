package recur

import (
	"cmp"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/ical"
)

// override is a component with a RECURRENCE-ID.
type override struct {
	component *ical.Component
	version   version
	id        point // of the instance that it replaces
	day       bool  // the id is a date in a series of times: it replaces all that starts on that day
	future    bool  // RANGE=THISANDFUTURE
}

// segment is a part of the series with the same properties: that of the master, or what
// follows an override for this and all future instances.
//
// RFC 5545, 3.8.4.4: "When the given recurrence instance is rescheduled, all subsequent
// instances are also rescheduled by the same time difference." That difference is taken on the
// clock of the override's time zone, so that instances stay at the same time of day. The
// instances also have the duration of the override.
type segment struct {
	unix  int64 // recurrence ids from here on belong to the segment, up to the next one
	shape *shape
	moved bool // not the segment of the master
	clock bool // the shift applies to the clock of the series, as one of both has no time zone
	shift int64
	slack int64 // how much the exact shift of an instance may differ from shift
	low   int64 // the lowest exact shift in this segment and the following ones
}

// instance returns the instance of the segment with a recurrence id.
func (g *segment) instance(d *date) Instance {
	m, l := d.point, g.shape.length
	switch {
	case g.moved:
		m = g.shape.of(g.base(d.point) + ical.Civil(g.shift))
	case d.own:
		l = d.length
	}
	in := g.shape.at(m, l)
	in.RecurrenceID, in.Recurring = d.unix, true
	return in
}

// base returns the clock time of a recurrence id from which the segment shifts.
func (g *segment) base(id point) ical.Civil {
	c := id.civil
	if !g.clock {
		c = g.shape.zone.Civil(id.unix)
	}
	if g.shape.allDay {
		return c.Day()
	}
	return c
}

// addOverrides adds the components with a RECURRENCE-ID.
func (b *builder) addOverrides(components []*ical.Component) {
	list := make([]override, 0, len(components))
	for _, c := range components {
		o, ok := b.override(c)
		if ok {
			list = append(list, o)
			continue
		}
		// Without an id, it is still an instance at its own time.
		if shape, ok := b.shape(c); ok {
			b.addExtra(shape, shape.start.unix)
		}
	}
	// Of several overrides of one instance, the newest is the last, or else the first in the
	// text; one for future instances comes before one for the instance alone.
	slices.Reverse(list)
	slices.SortStableFunc(list, func(x, y override) int {
		if n := cmp.Compare(x.id.unix, y.id.unix); n != 0 {
			return n
		}
		if x.future != y.future {
			if x.future {
				return -1
			}
			return 1
		}
		return x.version.compare(y.version)
	})
	for i := range list {
		o := &list[i]
		if i+1 < len(list) && list[i+1].id.unix == o.id.unix {
			if next := &list[i+1]; next.future == o.future {
				b.report(ical.Error, "resource-overrides", o.component, o.component.Get("RECURRENCE-ID"), "another override of the same instance is newer or comes first; this one is ignored")
				continue
			}
			b.addOverride(o, false)
			continue
		}
		b.addOverride(o, true)
	}
}

// override reads the RECURRENCE-ID of a component.
func (b *builder) override(c *ical.Component) (override, bool) {
	p := c.Get("RECURRENCE-ID")
	for _, name := range [...]string{"RRULE", "RDATE", "EXDATE", "EXRULE"} {
		if own := c.Get(name); own != nil {
			b.report(ical.Warning, "override-recurs", c, own, "the component has a RECURRENCE-ID, so it is a single instance; its "+name+" is ignored")
		}
	}
	t, ok := b.stamp(c, p)
	if !ok {
		return override{}, false
	}
	o := override{component: c, version: versionOf(c)}
	if master := b.set.master; master != nil {
		o.id = master.point(t)
		if o.day = t.Form == ical.Date && !master.allDay; o.day {
			b.report(ical.Warning, "recurrence-id-type", c, p, "RECURRENCE-ID is a date, but DTSTART of the series is a time; the component replaces all instances that start on that day")
			o.id = master.sameClock(o.id.civil)
		}
	} else {
		f := b.frame(c, p, t)
		o.id = f.point(t)
	}
	switch value := p.Param("RANGE"); {
	case value == "":
	case strings.EqualFold(value, "THISANDFUTURE"):
		o.future = true
	default:
		b.report(ical.Warning, "range-unknown", c, p, "RANGE is not THISANDFUTURE; the component replaces one instance")
	}
	return o, true
}

// addOverride adds an override: the instance itself, unless another override replaces it, and
// the segment of future instances.
func (b *builder) addOverride(o *override, instance bool) {
	s := b.set
	shape, ok := b.overrideShape(o)
	if !ok {
		return
	}
	if instance {
		s.replaced = append(s.replaced, o.id.unix)
		if o.day {
			s.replacedDays = append(s.replacedDays, o.id.civil.Day())
		}
		b.addExtra(shape, o.id.unix)
	}
	if !o.future || s.master == nil {
		return
	}
	g := segment{unix: o.id.unix, shape: shape, moved: true, clock: shape.floating || s.master.floating}
	if o.day {
		g.unix = s.master.of(o.id.civil.Day()).unix
	}
	g.shift = int64(shape.start.civil - g.base(o.id))
	if !shape.zone.fixed() || !s.master.zone.fixed() || g.clock && shape.zone.offset != s.master.zone.offset {
		g.slack = maxGap
	}
	if shape.allDay && !s.master.allDay {
		g.slack += ical.SecondsPerDay
	}
	s.floating = s.floating || shape.floating
	s.segments = append(s.segments, g)
}

func (b *builder) addExtra(s *shape, id int64) {
	in := s.at(s.start, s.length)
	in.RecurrenceID, in.Recurring = id, true
	b.set.extra = append(b.set.extra, in)
	b.set.floating = b.set.floating || s.floating
}

// overrideShape returns the time of an override. Without a readable start of its own, it keeps
// that of the instance that it replaces.
func (b *builder) overrideShape(o *override) (*shape, bool) {
	c := o.component
	p := c.Get("DTSTART")
	row := rowTime
	if p == nil && c.Name == "VTODO" {
		p, row = c.Get("DUE"), rowDueOnly
	}
	if p != nil {
		if t, ok := b.stamp(c, p); ok {
			s := &shape{frame: b.frame(c, p, t), component: c, row: row}
			s.start = s.point(t)
			if row == rowTime {
				b.setLength(s, length{}, false)
			}
			return s, true
		}
	} else {
		b.report(ical.Warning, "override-without-start", c, nil, "the override has no DTSTART; it keeps the start of the instance that it replaces")
	}
	if master := b.set.master; master != nil {
		s := &shape{frame: master.frame, component: c, start: o.id, row: master.row}
		if s.row != rowDueOnly {
			b.setLength(s, master.length, true)
		}
		return s, true
	}
	id := c.Get("RECURRENCE-ID")
	t, err := ical.ParseTime(id.Value())
	if err != nil {
		return nil, false
	}
	s := &shape{frame: b.frame(c, id, b.at(c, id, t)), component: c, start: o.id}
	b.setLength(s, length{}, false)
	return s, true
}
