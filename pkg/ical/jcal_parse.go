package ical

import (
	"strconv"
	"strings"
)

// ParseJSON parses a text with exactly one VCALENDAR in jCal (RFC 7265). The result is new: its
// components and properties have no lines, and are written as iCalendar in the usual form. It does
// not refer to the text.
//
// The problems are those of reading, with the line and column of the text; [Check] finds those of
// meaning. The error, if the text cannot be read, is a *Problem; it is the first of the problems
// of level Error. With Lenient, values that do not have the form of their type are kept as they
// are, and properties and components that are not as RFC 7265 says are skipped, so the error is
// not nil only if the text is not JSON, contains no VCALENDAR or exceeds a limit.
//
// The limits are those of iCalendar: Size is that of the text, Line that of the value of a
// property. A property has at most 1,000 parameters, with 10,000 values. No text makes ParseJSON
// use more memory than a small multiple of these limits and of its own size.
func ParseJSON(text []byte, o Options) (*Component, []Problem, error) {
	r := &jcalReader{limits: o.Limits.withDefaults(), rules: registry()}
	r.lenient = o.Lenient
	if len(text) > r.limits.Size {
		r.fatal("limit-size", "the object is larger than %d bytes", r.limits.Size)
		return nil, r.problems.take(), r.err
	}
	r.text = strings.TrimPrefix(string(text), "\ufeff")
	c := r.calendar()
	if r.err != nil {
		return nil, r.problems.take(), r.err
	}
	return c, r.problems.take(), nil
}

// jcalReader reads jCal.
type jcalReader struct {
	jsonReader
	limits     Limits
	rules      *rules
	components int    // so far
	properties int    // so far
	top        string // name of the component directly in the calendar
}

// Limits of the parameters of one property.
const (
	maxJSONParams      = 1000
	maxJSONParamValues = 10_000
)

// calendar reads the whole text.
func (r *jcalReader) calendar() *Component {
	if r.peek() != '[' {
		r.fatal("no-calendar", "the text is not jCal: it does not begin with an array")
		return nil
	}
	c := r.read(0)
	if r.err == nil && (c == nil || c.Name != "VCALENDAR") {
		r.fatal("no-calendar", "the text contains no VCALENDAR")
	}
	if r.err == nil && r.peek() != 0 {
		r.flaw("text-outside-calendar", "text follows the end of the VCALENDAR")
	}
	return c
}

// read reads a component: an array of its name, its properties and its components. It returns nil
// if it skips it.
func (r *jcalReader) read(depth int) *Component {
	if r.components++; r.components > r.limits.Components {
		r.fatal("limit-components", "the object has more than %d components", r.limits.Components)
	}
	if depth == r.limits.Depth {
		r.fatal("limit-depth", "components are nested more than %d deep", r.limits.Depth)
	}
	if r.err != nil {
		return nil
	}
	if r.peek() != '[' {
		r.flaw("jcal-component", "a component is not an array")
		r.skip()
		return nil
	}
	r.expect('[')
	name, _, ok := "", isNull, false
	if r.peek() != ']' {
		name, _, ok = r.scalar()
	}
	name = upper(name)
	if r.err != nil {
		return nil
	}
	if !ok || !IsName(name) {
		r.flaw("component-name", "%q is not a valid name of a component", clip(name))
		r.rest(1)
		return nil
	}
	if depth == 1 {
		r.top = name
	}
	if depth > 0 && name == "VCALENDAR" || depth > 1 && isWhole(name) && isWhole(r.top) {
		// As iCalendar, it could not be told from a component that does not end.
		r.flaw("component-misplaced", "%s is not allowed in %s", name, r.component)
		r.rest(1)
		return nil
	}
	outer := r.component
	c := NewComponent(strings.Clone(name))
	r.component = name
	n := 1
	for ; r.err == nil && !r.end(']', n); n++ {
		switch {
		case n > 2:
			r.flaw("jcal-component", "a component has more than a name, properties and components")
			r.skip()
		case r.peek() != '[':
			r.flaw("jcal-component", "the properties or the components of a component are not an array")
			r.skip()
		case n == 1:
			r.readProperties(c)
		default:
			r.readComponents(c, depth)
		}
	}
	if r.err == nil && n < 3 {
		r.flaw("jcal-component", "a component has no array of components")
	}
	r.component = outer
	return c
}

// rest skips the rest of an array after n elements.
func (r *jcalReader) rest(n int) {
	for ; r.err == nil && !r.end(']', n); n++ {
		r.skip()
	}
}

func (r *jcalReader) readComponents(c *Component, depth int) {
	r.expect('[')
	for n := 0; r.err == nil && !r.end(']', n); n++ {
		if child := r.read(depth + 1); child != nil {
			c.AddComponent(child)
		}
	}
}

func (r *jcalReader) readProperties(c *Component) {
	r.expect('[')
	for n := 0; r.err == nil && !r.end(']', n); n++ {
		if r.properties++; r.properties > r.limits.Properties {
			r.fatal("limit-properties", "the object has more than %d properties", r.limits.Properties)
			return
		}
		r.readProperty(c)
		r.property = ""
	}
}

// readProperty reads a property: an array of its name, its parameters, the type of its values,
// and the values. It adds it to the component unless it skips it.
func (r *jcalReader) readProperty(c *Component) {
	if r.peek() != '[' {
		r.flaw("jcal-property", "a property is not an array")
		r.skip()
		return
	}
	r.expect('[')
	name, ok := r.head(0, isString)
	name = upper(name)
	if ok && !IsName(name) {
		r.flaw("property-name", "%q is not a valid name of a property", clip(name))
		r.rest(1)
		return
	}
	r.property = name
	if !ok || r.err != nil {
		return
	}
	if r.end(']', 1) {
		r.short(-1)
		return
	}
	if r.peek() != '{' {
		r.short(1)
		return
	}
	params, declared := r.readParams()
	typeName, ok := r.head(2, isString)
	if !ok || r.err != nil {
		return
	}
	if !IsName(typeName) {
		r.flaw("value-type", "%q is not a valid type", clip(typeName))
		r.rest(3)
		return
	}
	rule := r.rules.properties[name]
	if value := r.declare(rule, typeName, declared); value != "" {
		params = append([]Param{{Name: "VALUE", Values: []string{value}}}, params...)
	}
	value := r.values(rule, typeNamed(typeName))
	switch {
	case r.err != nil:
	case len(value) > r.limits.Line:
		r.fatal("limit-line", "the value of a property is longer than %d bytes", r.limits.Line)
	default:
		c.Add(strings.Clone(name), value, params...)
	}
}

// head reads a string at the beginning of a property, which is element n of its array.
func (r *jcalReader) head(n int, want scalarKind) (string, bool) {
	if r.end(']', n) {
		r.short(-1)
		return "", false
	}
	if r.peek() != '"' {
		r.short(n)
		return "", false
	}
	s, kind, ok := r.scalar()
	return s, ok && kind == want
}

// short reports that a property does not begin with a name, parameters and a type. n is the
// index of the element that is wrong; -1 if the array has ended.
func (r *jcalReader) short(n int) {
	r.flaw("jcal-property", "a property does not begin with a name, an object of parameters and a type")
	if n < 0 || r.err != nil {
		return
	}
	r.skip()
	r.rest(n + 1)
}

// declare returns the parameter VALUE for a type; "" if it is not needed. declared is the VALUE
// that AppendJSON writes for a value whose type is unknown because it does not have its form.
func (r *jcalReader) declare(rule *propertyRule, typeName, declared string) string {
	if equalName(typeName, "UNKNOWN") {
		return declared
	}
	if declared != "" {
		r.flaw("jcal-value", "a property has a type and a parameter VALUE")
	}
	kind := typeNamed(typeName)
	if rule != nil && kind == rule.normal && rule.traits&isExplicit == 0 {
		return ""
	}
	return upper(typeName)
}

// readParams reads the object of parameters. VALUE is returned apart from the others.
func (r *jcalReader) readParams() (list []Param, declared string) {
	r.expect('{')
	total := 0
	for n := 0; r.err == nil && !r.end('}', n); n++ {
		q := Param{Name: upper(r.string())}
		r.expect(':')
		if r.peek() != '[' {
			q.Values = r.paramValue(q.Values)
		} else {
			r.expect('[')
			for m := 0; r.err == nil && !r.end(']', m); m++ {
				if q.Values = r.paramValue(q.Values); total+len(q.Values) > maxJSONParamValues {
					r.fatal("limit-parameters", "the parameters of a property have more than %d values", maxJSONParamValues)
				}
			}
		}
		total += len(q.Values)
		switch {
		case r.err != nil:
		case n == maxJSONParams:
			r.fatal("limit-parameters", "a property has more than %d parameters", maxJSONParams)
		case !IsName(q.Name):
			r.flaw("parameter-name", "%q is not a valid name of a parameter", clip(q.Name))
		case len(q.Values) == 0:
			r.flaw("parameter-value", "the parameter %s has no value", clip(q.Name))
		case q.Name == "VALUE":
			declared = q.Values[0]
		default:
			list = append(list, q)
		}
	}
	return list, declared
}

// paramValue reads a value of a parameter.
func (r *jcalReader) paramValue(list []string) []string {
	s, _, ok := r.scalar()
	switch {
	case !ok:
		r.flaw("parameter-value", "the value of a parameter is not a string")
		return list
	case losesControl(s):
		r.flaw("control-character", "the value of a parameter contains a control character, which is removed")
	}
	return append(list, s)
}

// values reads the values up to the end of the property, and returns them as iCalendar.
func (r *jcalReader) values(rule *propertyRule, kind valueType) string {
	v := valueReader{jcalReader: r, kind: kind}
	separator := byte(',')
	if rule != nil && rule.traits&isStructured != 0 {
		separator = ';' // GEO and REQUEST-STATUS of old drafts
	}
	n := 0
	for ; r.err == nil && !r.end(']', n+3); n++ {
		if n == 1 && rule != nil && rule.traits&(isList|isStructured) == 0 {
			r.flaw("value-count", "%s has several values, but may have one", rule.name)
		}
		if n > 0 {
			v.b = append(v.b, separator)
		}
		v.value()
		if len(v.b) > r.limits.Line {
			r.fatal("limit-line", "the value of a property is longer than %d bytes", r.limits.Line)
		}
	}
	if n == 0 && r.err == nil {
		r.flaw("value-count", "a property has no value")
	}
	return string(v.b)
}

// valueReader reads the values of one property.
type valueReader struct {
	*jcalReader
	kind valueType
	b    []byte
}

// value reads one value: a scalar, an array or an object.
func (v *valueReader) value() {
	switch v.peek() {
	case '{':
		if v.kind == typeRecur {
			v.b = append(v.b, v.recur()...)
			return
		}
	case '[':
		separator := byte(';')
		if v.kind == typePeriod {
			separator = '/'
		}
		v.expect('[')
		for n := 0; v.err == nil && !v.end(']', n); n++ {
			if n > 0 {
				v.b = append(v.b, separator)
			}
			v.scalarValue()
		}
		return
	}
	v.scalarValue()
}

// scalarValue reads a value that is not an array or object.
func (v *valueReader) scalarValue() {
	s, kind, ok := v.scalar()
	if v.err != nil {
		return
	}
	if ok && losesControl(s) {
		v.flaw("control-character", "a value contains a control character, which is removed")
	}
	out, valid := "", false
	if ok {
		out, valid = basic(v.kind, s, kind)
	}
	switch {
	case !ok:
		v.flaw("value-invalid", "a value is not a string, a number or a boolean")
	case !valid:
		v.flaw("value-invalid", "%q does not have the form of the type %s", clip(s), strings.ToLower(v.kind.String()))
	}
	v.b = append(v.b, out...)
}

// basic converts a scalar of JSON to the form of iCalendar; ok is false if it does not have the
// form of its type.
func basic(kind valueType, s string, scalar scalarKind) (out string, ok bool) {
	switch kind {
	case typeText:
		return EscapeText(s), scalar == isString
	case typeDate, typeDateTime:
		out = basicTime(s)
		t, err := ParseTime(out)
		return out, err == nil && (t.Form == Date) == (kind == typeDate) && scalar == isString
	case typeDuration:
		_, err := ParseDuration(s)
		return s, err == nil
	case typePeriod:
		if start, end, both := strings.Cut(s, "/"); both {
			out = basicTime(start) + "/" + basicTime(end)
			_, err := ParsePeriod(out)
			return out, err == nil
		}
		out = basicTime(s)
		_, err1 := ParseTime(out)
		_, err2 := ParseDuration(out)
		return out, err1 == nil || err2 == nil
	case typeInteger:
		_, ok = parseInteger(s)
		return s, ok && scalar == isNumber
	case typeFloat:
		out = plainNumber(s)
		return out, isFloat(out) && scalar == isNumber
	case typeBoolean:
		return s, scalar == isBoolean
	case typeUTCOffset:
		out = strings.ReplaceAll(s, ":", "")
		return out, isUTCOffset(out)
	case typeTime:
		out = strings.ReplaceAll(s, ":", "")
		return out, isClock(strings.TrimSuffix(out, "Z"))
	}
	return s, scalar == isString || kind == 0
}

// losesControl reports whether a text contains control characters that iCalendar cannot have. Line
// endings become \n.
func losesControl(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n', c == '\r' && i+1 < len(s) && s[i+1] == '\n':
		case isControl(c):
			return true
		}
	}
	return false
}

// basicTime returns the basic form of a date or time in the extended form of ISO 8601. Any other text
// is returned as it is.
func basicTime(s string) string {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return s
	}
	date := s[:4] + s[5:7] + s[8:10]
	if len(s) == 10 {
		return date
	}
	if len(s) < 19 || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return s
	}
	return date + "T" + s[11:13] + s[14:16] + s[17:]
}

// plainNumber returns a number without an exponent. One that would be long is returned as it is.
func plainNumber(s string) string {
	if !strings.ContainsAny(s, "eE") {
		return s
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	const longest = 40
	if out := strconv.FormatFloat(n, 'f', -1, 64); len(out) <= longest {
		return out
	}
	return s
}
