package calobj

import (
	"errors"

	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// Offsets of the zones in which a floating time is the earliest and the latest.
const (
	earliestZone = 14 * 3600
	latestZone   = 12 * 3600
)

// index computes the index, and adds the problems with that. What cannot be computed leaves
// the span open, so that no query misses the object.
func (x *Object) index(o Options) {
	zones := o.Zones
	if zones == nil {
		zones = recur.NewZones()
	}
	components := x.components()
	x.Index.Status, x.Index.Transparent = statusOf(components), x.Type == "VEVENT"
	for _, c := range components {
		x.Index.Transparent = x.Index.Transparent && token(c.Value("TRANSP")) == "TRANSPARENT"
		x.Index.Recurring = x.Index.Recurring || isRecurring(c)
	}
	var span recur.Span
	switch x.Type {
	case "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY":
		span = x.spanOfSet(zones, components)
	default:
		span = spanOfPeriods(zones.Of(x.Calendar), components)
	}
	x.Index.Floating, x.Index.Recurring = span.Floating, x.Index.Recurring || span.Recurring
	if !span.OpenStart {
		x.Index.Start = unix(span.Start)
	}
	if !span.OpenEnd {
		x.Index.End = unix(max(span.End, span.Start))
	}
}

// components returns the master and the overrides, in the order of the text.
func (x *Object) components() (out []*ical.Component) {
	for _, c := range x.Calendar.Components {
		if c.Name == x.Type {
			out = append(out, c)
		}
	}
	return out
}

// statusOf returns the status of the master or, if absent, of the first override.
func statusOf(components []*ical.Component) string {
	for _, c := range components {
		if c.Get("RECURRENCE-ID") == nil {
			return token(c.Value("STATUS"))
		}
	}
	return token(components[0].Value("STATUS"))
}

func isRecurring(c *ical.Component) bool {
	for i := range c.Properties {
		switch c.Properties[i].Name {
		case "RRULE", "RDATE", "RECURRENCE-ID":
			return true
		}
	}
	return false
}

// spanOfSet returns the span of a recurrence set.
func (x *Object) spanOfSet(zones *recur.Zones, components []*ical.Component) recur.Span {
	open := recur.Span{OpenStart: true, OpenEnd: true}
	set, problems, err := recur.NewSet(x.Calendar, components, recur.SetOptions{Zones: zones})
	x.Problems = append(x.Problems, problems...)
	if err != nil {
		x.failed("no-instances", err)
		return open
	}
	x.set = set
	span, err := set.Span(recur.NewBudget(recur.DefaultBudget))
	if err != nil && !errors.Is(err, recur.ErrBudget) {
		x.failed("no-span", err)
		return open
	}
	return span
}

// failed adds the error with which the instances cannot be computed.
func (x *Object) failed(code string, err error) {
	var p *ical.Problem
	if errors.As(err, &p) {
		x.Problems = append(x.Problems, *p)
		return
	}
	x.Problems = append(x.Problems, ical.Problem{Level: ical.Error, Code: code, Line: x.Calendar.Line, Component: x.Type, UID: x.UID, Text: err.Error()})
}

// spanOfPeriods returns the span of components that have no recurrence set, such as
// VAVAILABILITY: from DTSTART to DTEND or DURATION. A side that is missing is open (RFC 7953,
// 3.1).
func spanOfPeriods(zones *recur.ObjectZones, components []*ical.Component) (out recur.Span) {
	for i, c := range components {
		span := spanOfComponent(zones, c)
		if i == 0 {
			out = span
			continue
		}
		out.Start, out.End = min(out.Start, span.Start), max(out.End, span.End)
		out.OpenStart, out.OpenEnd = out.OpenStart || span.OpenStart, out.OpenEnd || span.OpenEnd
		out.Floating = out.Floating || span.Floating
	}
	return out
}

func spanOfComponent(zones *recur.ObjectZones, c *ical.Component) recur.Span {
	start, earlier, hasStart := instant(zones, c.Get("DTSTART"))
	end, later, hasEnd := instant(zones, c.Get("DTEND"))
	if p := c.Get("DURATION"); !hasEnd && hasStart && p != nil {
		if d, err := ical.ParseDuration(p.Value()); err == nil && d.IsPositive() {
			end, later, hasEnd = start+d.Days*ical.SecondsPerDay+d.Seconds, earlier, true
		}
	}
	if earlier {
		start -= earliestZone
	}
	if later {
		end += latestZone
	}
	if hasStart && hasEnd && end < start {
		hasEnd = false
	}
	return recur.Span{Start: start, End: end, OpenStart: !hasStart, OpenEnd: !hasEnd, Floating: earlier || later}
}

// instant returns the time of a property. A floating one is read as if it were in UTC.
func instant(zones *recur.ObjectZones, p *ical.Property) (unix int64, floating, ok bool) {
	if p == nil {
		return 0, false, false
	}
	t, err := ical.ParseTime(p.Value())
	if err != nil {
		return 0, false, false
	}
	if t.Form == ical.Local && p.HasParam("TZID") {
		if zone, _ := zones.Find(p.Param("TZID")); zone != nil {
			return zone.Unix(t.Civil), false, true
		}
	}
	return int64(t.Civil), t.Form != ical.UTC, true
}
