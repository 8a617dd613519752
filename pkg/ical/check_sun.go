package ical

import "strings"

// The calendar servers of iPlanet and Sun (Calendar Server 5 and 6) extend iCalendar in their own
// way. These quirks are notes, so that a list of problems shows what is wrong with an object
// and not where it comes from. Each is reported once for a calendar.

// isSun reports whether a calendar shows that it comes from a calendar server of Sun.
func isSun(calendar *Component) bool {
	product := calendar.Value("PRODID")
	for _, name := range [...]string{"//iPlanet/", "//SunONE/", "//SunJavaSystem/", "//Sun/Calendar"} {
		if strings.Contains(product, name) {
			return true
		}
	}
	if hasSunProperty(calendar) {
		return true
	}
	for _, child := range calendar.Components {
		if hasSunProperty(child) {
			return true
		}
	}
	return false
}

func hasSunProperty(c *Component) bool {
	for i := range c.Properties {
		if isSunName(c.Properties[i].Name) {
			return true
		}
	}
	return false
}

// isSunName reports whether a property or parameter in upper case is an extension of Sun.
// X-NSCP_ and X-SICS- are misspelled in the manuals, and may be in files.
func isSunName(name string) bool {
	return len(name) > 7 && name[0] == 'X' && (name[2] == 'N' && (name[:7] == "X-NSCP-" || name[:7] == "X-NSCP_") ||
		name[2] == 'S' && (name[:7] == "X-S1CS-" || name[:7] == "X-SICS-"))
}

// sunProperty notes an extension of Sun.
func (c *checker) sunProperty(p *Property) {
	if !isSunName(p.Name) {
		return
	}
	switch p.Name {
	case "X-NSCP-DTSTART-TZID", "X-NSCP-DTEND-TZID", "X-NSCP-DUE-TZID":
		c.quirk("sun-zone-alongside", p, "times are in UTC, and their time zone is in %s next to them", p.Name)
	default:
		c.quirk("sun-property", p, "properties such as %s belong to the calendar servers of Sun; they are kept", clip(p.Name))
	}
}

// sunParameter notes a parameter that is an extension of Sun.
func (c *checker) sunParameter(p *Property, name string) {
	if len(name) > 7 && (name[0] == 'X' || name[0] == 'x') && isSunName(upper(name)) {
		c.quirk("sun-parameter", p, "parameters such as %s belong to the calendar servers of Sun; they are kept", clip(upper(name)))
	}
}

// quirk adds a note, once for the calendar.
func (c *checker) quirk(code string, p *Property, format string, args ...any) {
	if !c.reported[code] {
		c.reported[code] = true
		c.reportf(Note, code, p, format, args...)
	}
}
