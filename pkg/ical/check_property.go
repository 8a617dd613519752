package ical

import "strings"

// property checks one property by itself. rule is nil if it is unknown.
func (c *checker) property(rule *propertyRule, p *Property) {
	if p.Line == 0 && hasControl(p.Content()) {
		c.reportf(Error, "control-character", p, "%s contains a control character, which no value may contain", p.Name)
	}
	declared := ""
	if p.hasParams() {
		declared = c.parameters(rule, p)
	}
	if rule == nil {
		c.sunProperty(p)
		return
	}
	if kind := c.kindOf(rule, p, declared); kind != 0 {
		c.values(rule, p, kind)
	}
	if rule.check != nil {
		rule.check(c, p)
	}
}

// hasControl reports whether a text contains a control character other than a tab.
func hasControl(s string) bool {
	control, _ := oddBytes(s)
	for i := 0; control && i < len(s); i++ {
		if isControl(s[i]) {
			return true
		}
	}
	return false
}

// kindOf returns the value type of a property, whose VALUE is declared; 0 if it is unknown.
func (c *checker) kindOf(rule *propertyRule, p *Property, declared string) valueType {
	if declared == "" {
		if rule.traits&isExplicit != 0 {
			c.reportf(Warning, "value-type-missing", p, "%s must have the parameter VALUE; it is read as VALUE=%s", p.Name, rule.normal)
		}
		return rule.normal
	}
	kind := typeNamed(declared)
	switch {
	case kind == 0 && len(declared) > 2 && equalName(declared[:2], "X-"):
	case kind == 0:
		c.reportf(c.worst(rule), "value-type", p, "%q is not a known value type; %s is read as VALUE=%s", clip(declared), p.Name, rule.normal)
		return rule.normal
	case kind&rule.allowed == 0:
		c.reportf(c.worst(rule), "value-type", p, "VALUE=%s is not allowed for %s, only %s", kind, p.Name, rule.allowed)
		return 0
	}
	return kind
}

// worst is the level of a property whose value cannot be read. No alarm makes a whole object
// invalid.
func (c *checker) worst(rule *propertyRule) Level {
	if rule.traits&isVital != 0 && c.component.Name != "VALARM" {
		return Error
	}
	return Warning
}

// parameters checks the parameters of a property, and returns its VALUE. rule is nil if the
// property is unknown.
func (c *checker) parameters(rule *propertyRule, p *Property) (declared string) {
	seen := uint64(0)
	for key, values := range p.params() {
		known := c.rules.param(key)
		if known == nil {
			c.sunParameter(p, key)
			continue
		}
		bit := uint64(1) << known.number
		if seen&bit != 0 {
			c.reportf(Warning, "parameter-repeated", p, "the parameter %s is allowed once; the first one is used", known.name)
			continue
		}
		seen |= bit
		first, _ := cutValue(values)
		if known.single && len(first) < len(values) {
			c.reportf(Warning, "parameter-values", p,
				"the parameter %s has several values, and only the first one is used; a value that contains a comma must be in quotes", known.name)
		}
		switch {
		case rule == nil:
		case rule.may&bit == 0:
			c.reportf(Note, "parameter-misplaced", p, "the parameter %s has no meaning for %s", known.name, p.Name)
		case known.name == "VALUE":
			declared = decodeParam(first)
		default:
			c.parameter(p, known.name, first, values)
		}
	}
	return declared
}

// hasName reports whether a list of names in upper case contains a name in any case.
func hasName(names, name string) bool {
	const longest = 24
	if name == "" || len(name) > longest || strings.IndexByte(name, ' ') >= 0 {
		return false
	}
	var upper [longest]byte
	for i := range len(name) {
		if upper[i] = name[i]; name[i] >= 'a' && name[i] <= 'z' {
			upper[i] -= 'a' - 'A'
		}
	}
	return hasWord(names, string(upper[:len(name)]))
}

// parameter checks the value of a registered parameter. first is the first of its values.
func (c *checker) parameter(p *Property, name, first, values string) {
	value := decodeParam(first)
	known := ""
	switch name {
	case "ENCODING":
		c.encoding(p, value)
	case "TZID":
		c.tzid(p, value)
	case "RSVP", "SCHEDULE-FORCE-SEND":
		if known = "TRUE FALSE"; name != "RSVP" {
			known = "REQUEST REPLY"
		}
	case "DERIVED":
		known = "TRUE FALSE"
	case "RELATED":
		known = "START END"
	case "RANGE":
		known = "THISANDFUTURE"
	case "SENT-BY":
		c.address(p, value, "the parameter SENT-BY")
	case "DELEGATED-FROM", "DELEGATED-TO", "MEMBER":
		for more := true; more; {
			one, rest := cutValue(values)
			more = len(one) < len(values)
			c.address(p, decodeParam(one), "the parameter "+name)
			values = rest
		}
	case "ALTREP", "DIR":
		if !isURI(value) {
			c.reportf(Warning, "parameter-value", p, "the parameter %s is not a URI; it is ignored", name)
		}
	case "CN", "PARTSTAT", "ROLE", "CUTYPE":
		if value == "" {
			c.reportf(Warning, "parameter-value", p, "the parameter %s is empty", name)
		}
	}
	if known != "" && !hasName(known, value) {
		c.reportf(Warning, "parameter-value", p, "%q is not a valid value of the parameter %s (%s); it is ignored", clip(value), name, strings.ReplaceAll(known, " ", " or "))
	}
}

// encoding checks the parameter ENCODING (RFC 5545, 3.2.7). Reading has reported
// QUOTED-PRINTABLE already, unless the property is new.
func (c *checker) encoding(p *Property, value string) {
	switch {
	case equalName(value, "BASE64"):
		if kind := p.Param("VALUE"); !equalName(kind, "BINARY") {
			c.reportf(Warning, "encoding", p, "ENCODING=BASE64 is without VALUE=BINARY")
		}
	case equalName(value, "8BIT"):
	case equalName(value, "QUOTED-PRINTABLE") && p.Line > 0:
	default:
		c.reportf(Error, "encoding", p, "the encoding %q is not allowed in iCalendar (only 8BIT and BASE64)", clip(value))
	}
}

// tzid checks a TZID of a time.
func (c *checker) tzid(p *Property, name string) {
	if !c.whole || name == "" || name[0] == '/' || name == c.lastZone {
		return // without a calendar nothing is known of its zones; a slash begins a global name
	}
	key := zoneKey(name)
	if c.zones[key] {
		c.lastZone = name
		return
	}
	if !c.missing[key] && p.needsZone() {
		if len(c.missing) < maxZonesReported {
			c.missing[key] = true
		}
		c.reportf(Warning, "vtimezone-missing", p, "the calendar has no VTIMEZONE for the TZID %q; the time zone is looked up by its name", clip(name))
	}
}

// maxZonesReported bounds how many names of missing zones are remembered.
const maxZonesReported = 10_000

// needsZone reports whether the value of a property, or the first of several, is a local time.
func (p *Property) needsZone() bool {
	value := strings.Trim(p.Value(), " \t")
	return len(value) > 8 && (len(value) < 16 || value[15]|0x20 != 'z')
}

// zoneKey returns what names of the same zone have in common: blanks around them are no difference.
func zoneKey(name string) string { return strings.TrimSpace(name) }
