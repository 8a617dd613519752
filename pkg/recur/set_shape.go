package recur

import (
	"strings"

	"github.com/davadmin/davadmin/pkg/ical"
)

// stamp reads a time of a property. Without a value, it is the property's own.
func (b *builder) stamp(c *ical.Component, p *ical.Property) (stamp, bool) {
	t, err := ical.ParseTime(p.Value())
	if err != nil {
		b.report(ical.Error, "value-invalid", c, p, p.Name+" is not a date or time")
		return stamp{}, false
	}
	return b.at(c, p, t), true
}

// at adds the zone that a property names to one of its values.
func (b *builder) at(c *ical.Component, p *ical.Property, t ical.Time) stamp {
	s := stamp{Time: t}
	if t.Form == ical.Local {
		if tzid := TZID(p); tzid != "" {
			if s.zone = b.find(tzid); s.zone == nil {
				b.report(ical.Warning, zoneUnknown, c, p, "the time zone of "+p.Name+" is unknown; the time is read as one without a zone")
			}
		}
	}
	return s
}

// zoneUnknown is the code of the problem that a TZID has no meaning.
const zoneUnknown = "zone-unknown"

// find returns the zone of a TZID, nil if it is unknown.
func (b *builder) find(tzid string) *Zone {
	if tzid == "" {
		return nil
	}
	if b.tzid == tzid {
		return b.zone
	}
	if b.zones == nil {
		zones := b.options.Zones
		if zones == nil {
			zones = NewZones()
		}
		b.zones = zones.Of(b.calendar)
	}
	b.tzid = tzid
	b.zone, _ = b.zones.Find(tzid)
	return b.zone
}

// alongside returns the zone that the old Sun server writes next to its times in UTC, nil if there
// is none.
func (b *builder) alongside(c *ical.Component, p *ical.Property) *Zone {
	name := "X-NSCP-DTSTART-TZID"
	if p.Name == "DUE" {
		name = "X-NSCP-DUE-TZID"
	}
	named := c.Get(name)
	if named == nil {
		return nil
	}
	zone := b.find(named.Text())
	if zone == nil {
		b.report(ical.Warning, zoneUnknown, c, named, "the time zone is unknown; it is ignored")
	}
	return zone
}

// frame returns how a start is meant.
func (b *builder) frame(c *ical.Component, p *ical.Property, t stamp) frame {
	floating := frame{zone: b.options.Floating, floating: true}
	switch {
	case t.Form == ical.Date:
		floating.allDay = true
		if floating.alongside = b.find(TZID(p)); floating.alongside == nil {
			floating.alongside = b.alongside(c, p)
		}
		return floating
	case t.Form == ical.UTC:
		if zone := b.alongside(c, p); zone != nil {
			return frame{zone: zone}
		}
		return frame{zone: UTC()}
	case t.zone != nil:
		return frame{zone: t.zone}
	}
	return floating
}

// shape returns what a component says about its time. It returns false if it has no start; a
// task may then have been added as one without dates.
func (b *builder) shape(c *ical.Component) (*shape, bool) {
	p := c.Get("DTSTART")
	row := rowTime
	if p == nil && c.Name == "VTODO" {
		p, row = c.Get("DUE"), rowDueOnly
	}
	if p == nil {
		switch c.Name {
		case "VTODO":
			b.addUndated(c)
		case "VEVENT":
			b.set.unknown = true
			b.report(ical.Error, "property-missing", c, nil, "the event has no DTSTART; it has no instances")
		}
		return nil, false
	}
	t, ok := b.stamp(c, p)
	if !ok {
		b.set.unknown = true
		return nil, false
	}
	s := &shape{frame: b.frame(c, p, t), component: c, row: row}
	s.start = s.point(t)
	if row == rowTime {
		b.setLength(s, length{}, false)
	}
	return s, true
}

// addUndated adds a task that has neither DTSTART nor DUE.
func (b *builder) addUndated(c *ical.Component) {
	read := func(name string) *int64 {
		p := c.Get(name)
		if p == nil {
			return nil
		}
		t, ok := b.stamp(c, p)
		if !ok {
			return nil
		}
		f := b.frame(c, p, t)
		b.set.floating = b.set.floating || f.floating
		unix := f.point(t).unix
		return &unix
	}
	in := undated(c, b.options.Floating, read("CREATED"), read("COMPLETED"))
	b.set.extra = append(b.set.extra, in)
}

// addFreeBusy adds the time of a VFREEBUSY, or its periods (RFC 4791, 9.9).
func (b *builder) addFreeBusy(c *ical.Component) {
	add := func(f frame, start point, end int64, extra int64) {
		in := Instance{Start: start.unix, End: max(start.unix, end), Civil: start.civil, Zone: f.zone, AllDay: f.allDay, Floating: f.floating, Component: c}
		in.from, in.until = in.Start, in.End+extra
		b.set.floating = b.set.floating || f.floating
		b.set.extra = append(b.set.extra, in)
	}
	if start, end := c.Get("DTSTART"), c.Get("DTEND"); start != nil && end != nil {
		from, okFrom := b.stamp(c, start)
		to, okTo := b.stamp(c, end)
		if okFrom && okTo {
			f := b.frame(c, start, from)
			add(f, f.point(from), f.point(to).unix, 1)
			return
		}
	}
	for p := range c.All("FREEBUSY") {
		for value := range ical.SplitValues(p.Value()) {
			period, err := ical.ParsePeriod(value)
			if err != nil {
				b.report(invalidLevel(p), "value-invalid", c, p, "FREEBUSY contains a value that is not a period; it is ignored")
				continue
			}
			t := b.at(c, p, period.Start)
			f := b.frame(c, p, t)
			start := f.point(t)
			l, _ := b.periodLength(&f, start, period, t.zone)
			add(f, start, f.end(start, l), 0)
		}
	}
}

// setLength sets the length of a shape from DTEND, DUE and DURATION. An override without any of
// them has the one that it inherits, if any.
//
// RFC 5545, 3.8.5.3: with DTEND or DUE, "the same exact duration will apply to all the members
// of the generated recurrence set"; with DURATION, "the same nominal duration".
func (b *builder) setLength(s *shape, inherited length, inherits bool) {
	c := s.component
	name := "DTEND"
	switch c.Name {
	case "VTODO":
		name = "DUE"
	case "VJOURNAL":
		if s.allDay {
			s.length.civil = ical.SecondsPerDay
		}
		return
	}
	end, duration := c.Get(name), c.Get("DURATION")
	if end != nil && duration != nil {
		b.report(ical.Error, strings.ToLower(name)+"-and-duration", c, duration, "the component has both "+name+" and DURATION; DURATION is ignored")
	}
	if end != nil && b.setEnd(s, end) {
		return
	}
	if end == nil && duration != nil && b.setDuration(s, duration) {
		return
	}
	switch {
	case end == nil && duration == nil && inherits:
		s.length = inherited
	case s.allDay && c.Name == "VEVENT":
		s.length.civil = ical.SecondsPerDay
	}
}

// setEnd sets the length from DTEND or DUE, and returns false if that is not possible.
func (b *builder) setEnd(s *shape, p *ical.Property) bool {
	c := s.component
	t, ok := b.stamp(c, p)
	if !ok {
		return false
	}
	if (t.Form == ical.Date) != s.allDay {
		level := ical.Error
		if c.Name == "VTODO" { // as ical.Check says
			level = ical.Warning
		}
		b.report(level, strings.ToLower(p.Name)+"-type", c, p, "of the start and "+p.Name+", one is a date and the other a time; "+p.Name+" is read like the start")
	}
	m := s.point(t)
	l := length{exact: m.unix - s.start.unix}
	if s.floating {
		l = length{civil: int64(m.civil - s.start.civil)}
	}
	short := l.civil + l.exact
	switch {
	case c.Name == "VTODO":
		if short < 0 {
			b.report(ical.Warning, "due-before-dtstart", c, p, "DUE is before DTSTART")
		}
		s.row = rowTodoDue
	case short < 0:
		b.report(ical.Error, "dtend-before-dtstart", c, p, p.Name+" is before DTSTART; it is ignored")
		return false
	case short == 0:
		b.report(ical.Warning, "dtend-not-after-dtstart", c, p, p.Name+" equals DTSTART; it is ignored")
		return false
	}
	s.length = l
	return true
}

// setDuration sets the length from DURATION, and returns false if that is not possible.
func (b *builder) setDuration(s *shape, p *ical.Property) bool {
	c := s.component
	d, err := ical.ParseDuration(p.Value())
	switch {
	case err != nil:
		b.report(ical.Error, "value-invalid", c, p, "DURATION is not a duration; it is ignored")
		return false
	case d.Days < 0 || d.Seconds < 0:
		b.report(ical.Error, "duration-negative", c, p, "DURATION is negative; it is ignored")
		return false
	case s.allDay && d.Seconds > 0:
		b.report(ical.Warning, "duration-of-date", c, p, "DURATION contains a time, but DTSTART is a date; it is rounded up to days")
	}
	l := s.nominal(d)
	if c.Name == "VTODO" {
		s.row = rowTodoDuration
	} else if l == (length{}) {
		return false
	}
	s.length = l
	return true
}

// nominal returns the length of a duration that is not negative: days are those of the clock,
// and the rest is exact (RFC 5545, 3.3.6). Instances of whole days have whole days.
func (f *frame) nominal(d ical.Duration) length {
	if f.allDay {
		return length{civil: (d.Days + (d.Seconds+ical.SecondsPerDay-1)/ical.SecondsPerDay) * ical.SecondsPerDay}
	}
	return length{civil: d.Days * ical.SecondsPerDay, exact: d.Seconds}
}

// periodLength returns the length of a period, and false if it has none that is positive.
func (b *builder) periodLength(f *frame, start point, p ical.Period, zone *Zone) (length, bool) {
	if !p.HasEnd {
		if !p.Duration.IsPositive() {
			return length{}, false
		}
		return f.nominal(p.Duration), true
	}
	end := f.point(stamp{p.End, zone})
	l := length{exact: end.unix - start.unix}
	switch {
	case f.allDay:
		// The last day counts, unless the period ends when it begins.
		if p.End.Form != ical.Date && p.End.Civil != p.End.Civil.Day() {
			end.civil = end.civil.AddDays(1)
		}
		l = length{civil: int64(end.civil - start.civil)}
	case f.floating:
		l = length{civil: int64(end.civil - start.civil)}
	}
	return l, l.civil+l.exact > 0
}
