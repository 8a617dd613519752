package ical

import (
	"fmt"
	"strings"
)

// The preconditions of CalDAV that an object can break (RFC 4791, 5.3.2.1), in the namespace
// urn:ietf:params:xml:ns:caldav.
const (
	ValidCalendarData          = "valid-calendar-data"
	ValidCalendarResource      = "valid-calendar-object-resource"
	SupportedCalendarComponent = "supported-calendar-component"
)

// Precondition returns the precondition that an object with a problem of this code breaks: that
// of RFC 4791, 4.1, for the codes of [CheckResource], and [ValidCalendarData] for all others. A
// problem of level Warning or Note is no reason to refuse an object.
func Precondition(code string) string {
	switch code {
	case "resource-component":
		return SupportedCalendarComponent
	case "resource-method", "resource-empty", "resource-types", "resource-uids", "resource-no-uid", "resource-masters", "resource-overrides":
		return ValidCalendarResource
	}
	return ValidCalendarData
}

// CheckResource checks whether a calendar can be a calendar object resource of CalDAV (RFC 4791,
// 4.1): it has no METHOD, and it contains components of one type and one UID, besides
// time zones. At most one of them has no RECURRENCE-ID, and each RECURRENCE-ID occurs once. All
// problems are of level Error; [Precondition] returns which precondition they break. The
// calendar can be valid for [Check] all the same.
//
// Different values that mean the same instance, such as one in UTC and one in a time zone, are not
// recognised here. At most 1,000 problems are listed; if there are more, the last one has the code
// more-problems.
func CheckResource(calendar *Component) []Problem {
	c := &checker{rules: registry(), calendar: calendar, component: calendar}
	if calendar.Name != "VCALENDAR" {
		c.reportf(Error, "resource-empty", nil, "%s is not a VCALENDAR", calendar.Name)
		return c.result()
	}
	if p := calendar.Get("METHOD"); p != nil {
		c.reportf(Error, "resource-method", p, "the calendar has a METHOD, which is only allowed in messages")
	}
	r := resource{checker: c, seen: make(map[string]int)}
	for _, child := range calendar.Components {
		if child.Name != "VTIMEZONE" {
			r.add(child)
		}
	}
	if r.first == nil {
		c.component = calendar
		c.reportf(Error, "resource-empty", nil, "the calendar contains no component besides time zones")
	}
	return c.result()
}

// resource checks the components of a resource.
type resource struct {
	*checker
	first  *Component
	uidOf  string         // UID of the first
	master int            // line of the component without RECURRENCE-ID
	has    bool           // there is one
	seen   map[string]int // lines by RECURRENCE-ID
	types  bool           // a component of another type was reported
	uids   bool           // another UID was reported
}

// add checks a component against those before it.
func (r *resource) add(c *Component) {
	r.component, r.uid = c, c.Value("UID")
	id := c.Get("UID")
	if r.uid == "" {
		r.reportf(Error, "resource-no-uid", id, "%s has no UID", c.Name)
	}
	if r.first == nil {
		r.first, r.uidOf = c, r.uid
		if !isResourceType(c.Name) {
			r.reportf(Error, "resource-component", nil, "%s is not a component that a calendar of CalDAV contains", clip(c.Name))
		}
	} else if c.Name != r.first.Name && !r.types {
		r.types = true
		r.reportf(Error, "resource-types", nil, "the calendar contains components of several types: %s and %s", clip(r.first.Name), clip(c.Name))
	} else if r.uid != "" && r.uidOf != "" && !r.sameUID() && !r.uids {
		r.uids = true
		r.reportf(Error, "resource-uids", id, "the calendar contains several UIDs: %q and %q", clip(r.uidOf), clip(r.uid))
	}
	if id != nil && r.sameUID() && c.Name == r.first.Name {
		r.instance(c)
	}
}

// sameUID reports whether the component has the UID of the first, however both are escaped.
func (r *resource) sameUID() bool {
	return r.uid == r.uidOf || UnescapeText(r.uid) == UnescapeText(r.uidOf)
}

// instance checks that a component is for another instance than those before it.
func (r *resource) instance(c *Component) {
	id := c.Get("RECURRENCE-ID")
	if id == nil {
		if r.has {
			r.reportf(Error, "resource-masters", nil, "two components have the UID %q and no RECURRENCE-ID%s", clip(r.uid), inLine(r.master))
			return
		}
		r.has, r.master = true, c.Line
		return
	}
	key := strings.TrimSpace(id.Value())
	if t, err := ParseTime(key); err == nil {
		key = zoneOf(id, t) + "\x00" + t.String()
	}
	if line, twice := r.seen[key]; twice {
		r.reportf(Error, "resource-overrides", id, "two components have the RECURRENCE-ID %q%s", clip(id.Value()), inLine(line))
		return
	}
	r.seen[key] = c.Line
}

// inLine names the line of the other component, if it is known.
func inLine(line int) string {
	if line == 0 {
		return ""
	}
	return fmt.Sprintf(" (the other one begins in line %d)", line)
}

// isResourceType reports whether components of this name can be resources.
func isResourceType(name string) bool {
	switch name {
	case "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY":
		return true
	}
	return false
}
