package ical

import (
	"iter"
	"strings"
)

// Param is a parameter of a property. Values are without quotes and decoded as RFC 6868 says.
type Param struct {
	Name   string // in upper case
	Values []string
}

// Param returns the first value of a parameter given by its name in upper case; "" if it is
// missing.
func (p *Property) Param(name string) string {
	for key, list := range p.params() {
		if equalName(key, name) {
			value, _ := cutValue(list)
			return decodeParam(value)
		}
	}
	return ""
}

// HasParam reports whether the property has a parameter given by its name in upper case.
func (p *Property) HasParam(name string) bool {
	for key := range p.params() {
		if equalName(key, name) {
			return true
		}
	}
	return false
}

// Params yields the parameters in their order.
func (p *Property) Params() iter.Seq[Param] {
	return func(yield func(Param) bool) {
		for key, list := range p.params() {
			param := Param{Name: upper(key)}
			for more := true; more; {
				var value string
				rest := list
				value, list = cutValue(rest)
				more = len(value) < len(rest)
				param.Values = append(param.Values, decodeParam(value))
			}
			if !yield(param) {
				return
			}
		}
	}
}

// params yields the names and lists of values as they are written. Blanks around a name are
// removed.
func (p *Property) params() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if p.at == 0 {
			return
		}
		for rest := p.text[p.nameEnd : p.at-1]; rest != ""; {
			rest = rest[1:] // the semicolon
			end := paramEnd(rest)
			key, list, _ := strings.Cut(rest[:end], "=")
			if !yield(strings.Trim(key, " \t"), list) {
				return
			}
			rest = rest[end:]
		}
	}
}

// paramEnd returns where a parameter ends: at a semicolon outside of quotes, or at the end.
func paramEnd(s string) int {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case !quoted && s[i] == ';':
			return i
		}
	}
	return len(s)
}

// cutValue cuts the first value off a list, at a comma outside of quotes.
func cutValue(list string) (value, rest string) {
	quoted := false
	for i := range len(list) {
		switch {
		case list[i] == '"':
			quoted = !quoted
		case !quoted && list[i] == ',':
			return list[:i], list[i+1:]
		}
	}
	return list, ""
}

// decodeParam removes quotes and decodes carets (RFC 6868). In a value that has more quotes than
// the two around it, a backslash and a quote stand for a quote: no standard allows this, but it is
// common.
func decodeParam(value string) string {
	if strings.IndexByte(value, '"') >= 0 {
		value = strings.Trim(value, " \t")
		if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		value = strings.ReplaceAll(value, `\"`, "^'")
		value = strings.ReplaceAll(value, `"`, "")
	}
	if strings.IndexByte(value, '^') < 0 {
		return value
	}
	b := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == '^' && i+1 < len(value) {
			switch value[i+1] {
			case 'n':
				c, i = '\n', i+1
			case '^':
				i++
			case '\'':
				c, i = '"', i+1
			}
		}
		b = append(b, c)
	}
	return string(b)
}

// equalName compares a name with one in upper case.
func equalName(name, upper string) bool {
	if len(name) != len(upper) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != upper[i] {
			return false
		}
	}
	return true
}
