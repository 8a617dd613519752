package ical

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// AppendJSON appends a component and all that is in it as jCal (RFC 7265), on one line, and
// returns the extended buffer. The component is usually a VCALENDAR.
//
// The value type of a property is that of VALUE, or the default of the standard that defines it
// (RFC 5545, RFC 7986 and those that [Check] knows), or unknown. A value that does not have the
// form of its type is written as it is, with the type unknown and, against RFC 7265, with its
// VALUE as a parameter, so that [ParseJSON] returns the same value. Several parameters of one
// name become one with several values. Blank lines, and lines that reading left out, have no place
// in jCal.
//
// The error is a *Problem if a text is not UTF-8, which JSON must be, or if components are nested
// more than 1,000 deep. The buffer is then returned without an addition.
func AppendJSON(b []byte, c *Component) ([]byte, error) {
	w := jsonWriter{b: b, rules: registry()}
	w.component(c, 0)
	if w.err != nil {
		return b, w.err
	}
	return w.b, nil
}

// jsonWriter appends jCal.
type jsonWriter struct {
	b     []byte
	rules *rules
	err   *Problem
	line  int    // of the property that is written
	name  string // of the property that is written
}

func (w *jsonWriter) fail(code, text string) {
	if w.err == nil {
		w.err = &Problem{Level: Error, Code: code, Line: w.line, Property: w.name, Text: text}
	}
}

func (w *jsonWriter) component(c *Component, depth int) {
	if depth > maxCheckDepth {
		w.fail("limit-depth", fmt.Sprintf("components are nested more than %d deep", maxCheckDepth))
		return
	}
	w.line, w.name = c.Line, ""
	w.b = append(w.b, '[')
	w.string(strings.ToLower(c.Name))
	w.b = append(w.b, ",["...)
	for i := range c.Properties {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.property(&c.Properties[i])
	}
	w.b = append(w.b, "],["...)
	for i, child := range c.Components {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.component(child, depth+1)
	}
	w.b = append(w.b, "]]"...)
}

// typeUnknown is the type of values whose type is not known (RFC 7265, 5).
const typeUnknown = "unknown"

func (w *jsonWriter) property(p *Property) {
	w.line, w.name = p.Line, p.Name
	kind, rule := w.rules.typeOf(p)
	value := p.Value()
	var converted []byte
	typeName := typeUnknown
	if kind != 0 {
		if kind == typeDateTime && rule != nil && rule.allowed&typeDate != 0 && !p.HasParam("VALUE") && isDates(rule, value) {
			kind = typeDate // read as a date, as Check says
		}
		out := jsonValues{rule: rule, kind: kind}
		if ok := out.values(value); ok {
			converted, typeName = out.b, strings.ToLower(kind.String())
		}
	}
	declared := ""
	if p.hasParams() {
		declared = p.Param("VALUE")
	}
	if converted == nil && kind == 0 && IsName(declared) {
		typeName, declared = strings.ToLower(declared), "" // a type that no standard knows
	}
	w.b = append(w.b, '[')
	w.string(strings.ToLower(p.Name))
	w.b = append(w.b, ',')
	keep := ""
	if typeName == typeUnknown {
		keep = declared
	}
	w.params(p, keep)
	w.b = append(w.b, ',')
	w.string(typeName)
	w.b = append(w.b, ',')
	if converted == nil {
		w.string(value)
	} else {
		w.checkUTF8(value)
		w.b = append(w.b, converted...)
	}
	w.b = append(w.b, ']')
}

// isDates reports whether all values are dates.
func isDates(rule *propertyRule, value string) bool {
	for rest, more := value, true; more; {
		var one string
		if one, rest, more = strings.Cut(rest, ","); more && rule.traits&isList == 0 {
			return false
		}
		if t, err := ParseTime(one); err != nil || t.Form != Date {
			return false
		}
	}
	return true
}

// params appends the parameters as an object. VALUE is only kept if it is given.
func (w *jsonWriter) params(p *Property, value string) {
	w.b = append(w.b, '{')
	first := true
	add := func(q Param) {
		if !first {
			w.b = append(w.b, ',')
		}
		first = false
		w.string(strings.ToLower(q.Name))
		w.b = append(w.b, ':')
		if len(q.Values) == 1 {
			w.string(q.Values[0])
			return
		}
		for i, v := range q.Values {
			w.b = append(w.b, "[,"[min(i, 1)])
			w.string(v)
		}
		w.b = append(w.b, ']')
	}
	if value != "" {
		add(Param{Name: "VALUE", Values: []string{value}})
	}
	if p.hasParams() {
		for _, q := range mergedParams(p) {
			add(q)
		}
	}
	w.b = append(w.b, '}')
}

// mergedParams returns the parameters without VALUE; those of one name are joined.
func mergedParams(p *Property) []Param {
	var list []Param
	index := make(map[string]int)
	for q := range p.Params() {
		switch at, twice := index[q.Name]; {
		case q.Name == "VALUE":
		case twice:
			list[at].Values = append(list[at].Values, q.Values...)
		default:
			index[q.Name] = len(list)
			list = append(list, q)
		}
	}
	return list
}

// string appends a JSON string.
func (w *jsonWriter) string(s string) {
	w.checkUTF8(s)
	w.b = appendJSONString(w.b, s)
}

func (w *jsonWriter) checkUTF8(s string) {
	if !utf8.ValidString(s) {
		w.fail("not-utf-8", "the text is not UTF-8, so it cannot be written as JSON")
	}
}

// appendJSONString appends a JSON string (RFC 8259, 7). The text is UTF-8.
func appendJSONString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' && c != 0x7f {
			continue
		}
		b = append(b, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			const hex = "0123456789abcdef"
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	return append(append(b, s[start:]...), '"')
}

// jsonValues converts the values of one property.
type jsonValues struct {
	b    []byte
	rule *propertyRule
	kind valueType
}

// values appends all values, separated by commas, and reports whether they have the form of their
// type.
func (v *jsonValues) values(value string) bool {
	traits := trait(0)
	if v.rule != nil {
		traits = v.rule.traits
	}
	switch {
	case traits&isStructured != 0:
		return v.structure(value)
	case traits&isList == 0:
		return v.one(value)
	case v.kind == typeText:
		for one := range SplitValues(value) {
			v.comma()
			v.b = appendJSONString(v.b, UnescapeText(one))
		}
		return true
	}
	for one := range strings.SplitSeq(value, ",") {
		v.comma()
		if !v.one(one) {
			return false
		}
	}
	return true
}

func (v *jsonValues) comma() {
	if len(v.b) > 0 {
		v.b = append(v.b, ',')
	}
}

// structure appends a structured value, GEO or REQUEST-STATUS, as an array.
func (v *jsonValues) structure(value string) bool {
	v.b = append(v.b, '[')
	start, n := 0, 0
	part := func(s string) bool {
		if n > 0 {
			v.b = append(v.b, ',')
		}
		n++
		return v.one(s)
	}
	for i := 0; i < len(value); i++ {
		switch {
		case value[i] == '\\' && v.kind == typeText:
			i++
		case value[i] == ';':
			if !part(value[start:i]) {
				return false
			}
			start = i + 1
		}
	}
	ok := part(value[start:])
	v.b = append(v.b, ']')
	return ok && (v.kind != typeFloat || n == 2)
}

// one appends one value.
func (v *jsonValues) one(value string) bool {
	switch v.kind {
	case typeText:
		v.b = appendJSONString(v.b, UnescapeText(value))
		return true
	case typeDate, typeDateTime:
		return v.time(value, v.kind == typeDate)
	case typeDuration:
		_, err := ParseDuration(value)
		v.b = appendJSONString(v.b, plainUpper(value))
		return err == nil
	case typePeriod:
		return v.period(value)
	case typeInteger:
		n, ok := parseInteger(value)
		v.b = strconv.AppendInt(v.b, n, 10)
		return ok
	case typeFloat:
		return v.float(value)
	case typeBoolean:
		yes := equalName(value, "TRUE")
		v.b = strconv.AppendBool(v.b, yes)
		return yes || equalName(value, "FALSE")
	case typeUTCOffset:
		return v.offset(value)
	case typeTime:
		return v.clock(value)
	case typeRecur:
		return v.recur(value)
	}
	// BINARY, CAL-ADDRESS, UID, URI and XML-REFERENCE.
	v.b = appendJSONString(v.b, value)
	return true
}

// plainUpper returns a value of digits and letters without blanks around it, in upper case.
func plainUpper(s string) string { return upper(strings.Trim(s, " \t")) }

// extended returns a date or time in the extended form of ISO 8601; ok is false if it does not have
// the form of a DATE or DATE-TIME.
func extended(value string) (s string, form TimeForm, ok bool) {
	t, err := ParseTime(value)
	if err != nil {
		return "", Date, false
	}
	s = plainUpper(value)
	date := s[:4] + "-" + s[4:6] + "-" + s[6:8]
	if t.Form == Date {
		return date, Date, true
	}
	return date + "T" + s[9:11] + ":" + s[11:13] + ":" + s[13:], t.Form, true
}

func (v *jsonValues) time(value string, date bool) bool {
	s, form, ok := extended(value)
	v.b = appendJSONString(v.b, s)
	return ok && (form == Date) == date
}

func (v *jsonValues) period(value string) bool {
	p, err := ParsePeriod(value)
	if err != nil {
		return false
	}
	start, end, _ := strings.Cut(value, "/")
	s, _, _ := extended(start)
	e := plainUpper(end)
	if p.HasEnd {
		e, _, _ = extended(end)
	}
	v.b = append(appendJSONString(append(v.b, '['), s), ',')
	v.b = append(appendJSONString(v.b, e), ']')
	return true
}

func (v *jsonValues) float(value string) bool {
	if !isFloat(value) {
		return false
	}
	if s, negative := strings.CutPrefix(value, "-"); negative {
		v.b, value = append(v.b, '-'), s
	}
	value = strings.TrimLeft(strings.TrimPrefix(value, "+"), "0")
	if value == "" || value[0] == '.' {
		v.b = append(v.b, '0')
	}
	v.b = append(v.b, value...)
	return true
}

func (v *jsonValues) offset(value string) bool {
	if !isUTCOffset(value) {
		return false
	}
	s := value[:3] + ":" + value[3:5]
	if len(value) > 5 {
		s += ":" + value[5:]
	}
	v.b = appendJSONString(v.b, s)
	return true
}

// clock appends a TIME (RFC 5545, 3.3.12).
func (v *jsonValues) clock(value string) bool {
	s, utc := strings.CutSuffix(plainUpper(value), "Z")
	if !isClock(s) {
		return false
	}
	s = s[:2] + ":" + s[2:4] + ":" + s[4:]
	if utc {
		s += "Z"
	}
	v.b = appendJSONString(v.b, s)
	return true
}

func isClock(s string) bool {
	return len(s) == 6 && isDigits(s) && s[:2] < "24" && s[2] < '6' && s[4:] < "61"
}
