package ical

import (
	"strconv"
	"strings"
)

// recurNumbers are the parts of a rule whose values are numbers (RFC 5545, 3.3.10).
const recurNumbers = "COUNT INTERVAL BYSECOND BYMINUTE BYHOUR BYMONTHDAY BYYEARDAY BYWEEKNO BYMONTH BYSETPOS"

// recurLists are the parts of a rule that have several values.
const recurLists = "BYSECOND BYMINUTE BYHOUR BYDAY BYMONTHDAY BYYEARDAY BYWEEKNO BYMONTH BYSETPOS"

// maxRecurParts is more than the number of parts that a rule can have.
const maxRecurParts = 50

// recur appends a RECUR as an object (RFC 7265, 3.6.10).
func (v *jsonValues) recur(value string) bool {
	v.b = append(v.b, '{')
	var seen []string
	for part := range strings.SplitSeq(strings.TrimSuffix(strings.Trim(value, " \t"), ";"), ";") {
		key, list, ok := strings.Cut(part, "=")
		key = plainUpper(key)
		if !ok || !IsName(key) || list == "" || hasWord(strings.Join(seen, " "), key) || len(seen) == maxRecurParts {
			return false // part by part, the object would lose or invent something
		}
		if len(seen) > 0 {
			v.b = append(v.b, ',')
		}
		seen = append(seen, key)
		v.b = append(appendJSONString(v.b, strings.ToLower(key)), ':')
		if !v.recurPart(key, list) {
			return false
		}
	}
	v.b = append(v.b, '}')
	return true
}

// recurPart appends the value of one part of a rule.
func (v *jsonValues) recurPart(key, list string) bool {
	if key == "UNTIL" {
		s, _, ok := extended(list)
		v.b = appendJSONString(v.b, s)
		return ok
	}
	if !hasWord(recurLists, key) {
		return v.recurItem(key, list)
	}
	several := strings.IndexByte(list, ',') >= 0
	if several {
		v.b = append(v.b, '[')
	}
	n := 0
	for item := range strings.SplitSeq(list, ",") {
		if n > 0 {
			v.b = append(v.b, ',')
		}
		n++
		if !v.recurItem(key, item) {
			return false
		}
	}
	if several {
		v.b = append(v.b, ']')
	}
	return true
}

func (v *jsonValues) recurItem(key, item string) bool {
	trimmed := strings.Trim(item, " \t")
	if hasWord(recurNumbers, key) {
		if n, ok := parseInteger(trimmed); ok {
			v.b = strconv.AppendInt(v.b, n, 10)
			return true
		}
		if key != "BYMONTH" { // 5L is a leap month (RFC 7529)
			return false
		}
	}
	v.b = appendJSONString(v.b, trimmed)
	return trimmed != ""
}

// recur reads an object as a RECUR. FREQ becomes the first part, which old programs need.
func (r *jsonReader) recur() string {
	var first, others []byte
	r.expect('{')
	for n := 0; r.err == nil && !r.end('}', n); n++ {
		key := upper(r.string())
		r.expect(':')
		part := &others
		if key == "FREQ" && len(first) == 0 {
			part = &first
		}
		if !IsName(key) {
			r.flaw("value-invalid", "%q is not the name of a part of a rule", clip(key))
			r.skip()
			continue
		}
		if len(*part) > 0 {
			*part = append(*part, ';')
		}
		*part = append(append(*part, key...), '=')
		*part = r.recurValues(*part, key)
	}
	if len(first) > 0 && len(others) > 0 {
		first = append(first, ';')
	}
	return string(append(first, others...))
}

// recurValues appends the value or the values of one part of a rule.
func (r *jsonReader) recurValues(b []byte, key string) []byte {
	if r.peek() != '[' {
		return r.recurValue(b, key)
	}
	r.expect('[')
	for n := 0; r.err == nil && !r.end(']', n); n++ {
		if n > 0 {
			b = append(b, ',')
		}
		b = r.recurValue(b, key)
	}
	return b
}

func (r *jsonReader) recurValue(b []byte, key string) []byte {
	s, _, ok := r.scalar()
	if !ok {
		r.flaw("value-invalid", "the part %s of a rule is not a text or a number", clip(key))
		return b
	}
	if key == "UNTIL" {
		s = basicTime(s)
	}
	if strings.ContainsAny(s, ";=\r\n") {
		r.flaw("value-invalid", "%q is not a valid value of the part %s of a rule", clip(s), clip(key))
		return b
	}
	return append(b, s...)
}
