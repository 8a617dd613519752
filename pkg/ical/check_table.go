package ical

import (
	"strings"
	"sync"
)

// valueType is a set of value types (RFC 5545, 3.3, and RFC 9253, 3).
type valueType uint32

// The value types.
const (
	typeBinary valueType = 1 << iota
	typeBoolean
	typeCalAddress
	typeDate
	typeDateTime
	typeDuration
	typeFloat
	typeInteger
	typePeriod
	typeRecur
	typeText
	typeTime
	typeURI
	typeUTCOffset
	typeUID
	typeXMLReference
)

// typeNames are the names of the value types, in the order of their bits.
var typeNames = [...]string{
	"BINARY", "BOOLEAN", "CAL-ADDRESS", "DATE", "DATE-TIME", "DURATION", "FLOAT", "INTEGER",
	"PERIOD", "RECUR", "TEXT", "TIME", "URI", "UTC-OFFSET", "UID", "XML-REFERENCE",
}

// typeNamed returns the value type of a name in any case; 0 for a name that no standard knows.
func typeNamed(name string) valueType {
	for i, known := range typeNames {
		if equalName(name, known) {
			return 1 << i
		}
	}
	return 0
}

// String returns the names of the types in the set.
func (t valueType) String() string {
	var names []string
	for i, name := range typeNames {
		if t&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

// trait is a set of traits of a property.
type trait uint8

const (
	// Vital properties determine when something happens or what it is. One that cannot be
	// read is an error; of others it is a warning.
	isVital trait = 1 << iota
	// Lists have several values, separated by commas.
	isList
	// Structured properties have a value of several parts, separated by semicolons.
	isStructured
	// Explicit properties have no default value type, so VALUE is required.
	isExplicit
	// UTC properties are never local times.
	isUTC
)

// propertyRule is what the standards say about a property, whatever component it is in.
type propertyRule struct {
	name   string
	types  string // allowed value types; the first is the default
	params string // registered parameters that are allowed, besides VALUE
	traits trait
	check  func(*checker, *Property) // checks of the value beyond its type; may be nil

	number  int // index in the table
	normal  valueType
	allowed valueType
	may     uint64 // registered parameters that are allowed, by number
}

// paramRule is a registered parameter.
type paramRule struct {
	name   string
	number int  // index in the table, below 64
	single bool // it has one value
}

// maxRules is more than the number of properties in the table.
const maxRules = 128

// componentRule is what the standards say about a component.
type componentRule struct {
	name     string
	parents  string // names of the components that may contain it; "" for VCALENDAR
	required string
	once     string // at most once
	many     string
	check    func(*checker, *Component) // rules that join properties; may be nil

	limit [maxRules]cardinality // by number of the property
	needs []*propertyRule       // those required
}

// cardinality is how often a component may contain a property.
type cardinality uint8

const (
	never cardinality = iota
	exactlyOnce
	atMostOnce
	anyNumber
)

// rules is the registry: components, properties and parameters of RFC 5545, 7986 and those
// that extend them.
type rules struct {
	list       []propertyRule
	properties map[string]*propertyRule
	components map[string]*componentRule
	params     map[string]*paramRule
}

// registry returns the rules. It builds them at the first call.
var registry = sync.OnceValue(newRules)

func newRules() *rules {
	r := &rules{
		list: propertyTable(), properties: make(map[string]*propertyRule),
		components: make(map[string]*componentRule), params: make(map[string]*paramRule),
	}
	for _, list := range [...]string{singleParams, listParams} {
		for name := range strings.FieldsSeq(list) {
			r.params[name] = &paramRule{name: name, number: len(r.params), single: list == singleParams}
		}
	}
	for i := range r.list {
		rule := &r.list[i]
		rule.number = i
		for name := range strings.FieldsSeq("VALUE ENCODING " + rule.params) {
			rule.may |= 1 << r.params[name].number
		}
		for j, name := range strings.Fields(rule.types) {
			t := typeNamed(name)
			rule.allowed |= t
			if j == 0 {
				rule.normal = t
			}
		}
		r.properties[rule.name] = rule
	}
	for _, component := range componentTable() {
		for names, limit := range map[string]cardinality{component.required: exactlyOnce, component.once: atMostOnce, component.many: anyNumber} {
			for name := range strings.FieldsSeq(names) {
				component.limit[r.properties[name].number] = limit
			}
		}
		for name := range strings.FieldsSeq(component.required) {
			component.needs = append(component.needs, r.properties[name])
		}
		r.components[component.name] = &component
	}
	return r
}

// maxParamName is the length of the longest name of a registered parameter.
const maxParamName = 24

// param returns the rule of a parameter whose name is in any case; nil if it is not registered.
func (r *rules) param(name string) *paramRule {
	if len(name) > maxParamName {
		return nil
	}
	var b [maxParamName]byte
	for i := range len(name) {
		if b[i] = name[i]; b[i] >= 'a' && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return r.params[string(b[:len(name)])]
}

// typeOf returns the value type of a property: that of VALUE, or the default. It is 0 if the
// property is unknown and has no VALUE, or if VALUE is unknown.
func (r *rules) typeOf(p *Property) (t valueType, rule *propertyRule) {
	rule = r.properties[p.Name]
	if p.hasParams() {
		if name := p.Param("VALUE"); name != "" {
			return typeNamed(strings.TrimSpace(name)), rule
		}
	}
	if rule == nil {
		return 0, nil
	}
	return rule.normal, rule
}

// hasParams reports whether the property has parameters, without reading them.
func (p *Property) hasParams() bool { return p.at > p.nameEnd+1 }

// The parameters of addresses of people.
const (
	organizerParams = "CN DIR SENT-BY LANGUAGE EMAIL SCHEDULE-AGENT SCHEDULE-FORCE-SEND SCHEDULE-STATUS"
	attendeeParams  = organizerParams + " CUTYPE MEMBER ROLE PARTSTAT RSVP DELEGATED-TO DELEGATED-FROM ORDER"
	textParams      = "ALTREP LANGUAGE ORDER DERIVED"
)

// propertyTable returns the properties of RFC 5545, RFC 7986 (COLOR, CONFERENCE, IMAGE, NAME,
// REFRESH-INTERVAL, SOURCE), RFC 7808 (TZUNTIL, TZID-ALIAS-OF), RFC 7953 (BUSYTYPE), RFC 9073,
// RFC 9074 (ACKNOWLEDGED, PROXIMITY), RFC 9253 (CONCEPT, LINK, REFID) and EXRULE of RFC 2445.
func propertyTable() []propertyRule {
	return []propertyRule{
		{name: "CALSCALE", types: "TEXT", check: (*checker).calscale},
		{name: "METHOD", types: "TEXT"},
		{name: "PRODID", types: "TEXT"},
		{name: "VERSION", types: "TEXT", check: (*checker).version},
		{name: "ATTACH", types: "URI BINARY", params: "ENCODING FMTTYPE FILENAME MANAGED-ID SIZE ORDER LABEL"},
		{name: "CATEGORIES", types: "TEXT", params: "LANGUAGE ORDER", traits: isList},
		{name: "CLASS", types: "TEXT", check: (*checker).class},
		{name: "COMMENT", types: "TEXT", params: textParams},
		{name: "DESCRIPTION", types: "TEXT", params: textParams},
		{name: "GEO", types: "FLOAT", traits: isStructured, params: "DERIVED", check: (*checker).geo},
		{name: "LOCATION", types: "TEXT", params: textParams},
		{name: "PERCENT-COMPLETE", types: "INTEGER", check: (*checker).percent},
		{name: "PRIORITY", types: "INTEGER", check: (*checker).priority},
		{name: "RESOURCES", types: "TEXT", params: textParams, traits: isList},
		{name: "STATUS", types: "TEXT", check: (*checker).status},
		{name: "SUMMARY", types: "TEXT", params: textParams},
		{name: "COMPLETED", types: "DATE-TIME", traits: isUTC},
		{name: "DTEND", types: "DATE-TIME DATE", params: "TZID", traits: isVital},
		{name: "DUE", types: "DATE-TIME DATE", params: "TZID", traits: isVital},
		{name: "DTSTART", types: "DATE-TIME DATE", params: "TZID", traits: isVital},
		{name: "DURATION", types: "DURATION", traits: isVital},
		{name: "FREEBUSY", types: "PERIOD", params: "FBTYPE", traits: isList | isVital | isUTC},
		{name: "TRANSP", types: "TEXT", check: (*checker).transp},
		{name: "TZID", types: "TEXT"},
		{name: "TZNAME", types: "TEXT", params: "LANGUAGE"},
		{name: "TZOFFSETFROM", types: "UTC-OFFSET", traits: isVital},
		{name: "TZOFFSETTO", types: "UTC-OFFSET", traits: isVital},
		{name: "TZURL", types: "URI"},
		{name: "TZUNTIL", types: "DATE-TIME", traits: isUTC},
		{name: "TZID-ALIAS-OF", types: "TEXT"},
		{name: "ATTENDEE", types: "CAL-ADDRESS", params: attendeeParams},
		{name: "CONTACT", types: "TEXT", params: textParams},
		{name: "ORGANIZER", types: "CAL-ADDRESS", params: organizerParams},
		{name: "RECURRENCE-ID", types: "DATE-TIME DATE", params: "TZID RANGE", traits: isVital},
		{name: "RELATED-TO", types: "TEXT URI UID", params: "RELTYPE GAP ORDER"},
		{name: "URL", types: "URI", params: "ORDER DERIVED"},
		{name: "UID", types: "TEXT"},
		{name: "EXDATE", types: "DATE-TIME DATE", params: "TZID", traits: isList | isVital},
		{name: "RDATE", types: "DATE-TIME DATE PERIOD", params: "TZID", traits: isList | isVital},
		{name: "RRULE", types: "RECUR"},
		{name: "EXRULE", types: "RECUR"},
		{name: "ACTION", types: "TEXT"},
		{name: "REPEAT", types: "INTEGER", check: (*checker).notNegative},
		{name: "TRIGGER", types: "DURATION DATE-TIME", params: "RELATED"},
		{name: "CREATED", types: "DATE-TIME", traits: isUTC},
		{name: "DTSTAMP", types: "DATE-TIME", traits: isUTC},
		{name: "LAST-MODIFIED", types: "DATE-TIME", traits: isUTC},
		{name: "SEQUENCE", types: "INTEGER", check: (*checker).notNegative},
		{name: "REQUEST-STATUS", types: "TEXT", params: "LANGUAGE", traits: isStructured, check: (*checker).requestStatus},

		{name: "NAME", types: "TEXT", params: textParams},
		{name: "REFRESH-INTERVAL", types: "DURATION", traits: isExplicit, check: (*checker).refreshInterval},
		{name: "SOURCE", types: "URI", traits: isExplicit},
		{name: "COLOR", types: "TEXT", check: (*checker).color},
		{name: "IMAGE", types: "URI BINARY", params: "ENCODING FMTTYPE ALTREP DISPLAY ORDER", traits: isExplicit},
		{name: "CONFERENCE", types: "URI", params: "FEATURE LABEL LANGUAGE ORDER", traits: isExplicit},
		{name: "BUSYTYPE", types: "TEXT"},
		{name: "ACKNOWLEDGED", types: "DATE-TIME", traits: isUTC},
		{name: "PROXIMITY", types: "TEXT"},
		{name: "CALENDAR-ADDRESS", types: "CAL-ADDRESS"},
		{name: "LOCATION-TYPE", types: "TEXT", traits: isList},
		{name: "PARTICIPANT-TYPE", types: "TEXT", params: "ORDER"},
		{name: "RESOURCE-TYPE", types: "TEXT", params: "ORDER"},
		{name: "STRUCTURED-DATA", types: "TEXT URI BINARY", params: "ENCODING FMTTYPE SCHEMA ORDER", traits: isExplicit},
		{name: "STYLED-DESCRIPTION", types: "TEXT URI", params: "FMTTYPE " + textParams, traits: isExplicit},
		{name: "CONCEPT", types: "URI"},
		{name: "LINK", types: "URI UID XML-REFERENCE", params: "LINKREL FMTTYPE LABEL LANGUAGE", traits: isExplicit},
		{name: "REFID", types: "TEXT"},
	}
}

// singleParams are the registered parameters that have one value.
const singleParams = "ALTREP CN CUTYPE DIR ENCODING FMTTYPE FBTYPE LANGUAGE PARTSTAT RANGE RELATED RELTYPE ROLE RSVP SENT-BY TZID VALUE " +
	"EMAIL LABEL SCHEDULE-AGENT SCHEDULE-FORCE-SEND FILENAME MANAGED-ID SIZE ORDER SCHEMA DERIVED GAP LINKREL"

// listParams are the registered parameters that may have several values.
const listParams = "DELEGATED-FROM DELEGATED-TO MEMBER DISPLAY FEATURE SCHEDULE-STATUS"
