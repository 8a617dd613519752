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
		list: append(propertyTable(), extensionTable()...), properties: make(map[string]*propertyRule),
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
