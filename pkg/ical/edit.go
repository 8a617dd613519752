package ical

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Add adds a property after the others, before the first component, and returns it. The value is
// taken as it is written: a TEXT must be escaped ([EscapeText]). The values of parameters are
// plain text, and are quoted and encoded here (RFC 6868).
//
// No value can break the line: in the value, line endings become \n, other control characters are
// removed, and what is not UTF-8 becomes U+FFFD. If a name is not valid ([IsName]), Add changes
// nothing and returns nil.
func (c *Component) Add(name, value string, params ...Param) *Property {
	p, ok := newProperty(name, value, params)
	if !ok {
		return nil
	}
	at := len(c.Properties)
	if len(c.Components) > 0 {
		at = c.before(0)
		for i := range c.follows {
			c.follows[i]++
		}
	}
	c.Properties = slices.Insert(c.Properties, at, p)
	return &c.Properties[at]
}

// Set gives a property one value: it replaces the first property of the name, removes the others,
// or adds the property if absent. It returns the property; it takes the same arguments as
// Add. A property that is already the same keeps its text.
func (c *Component) Set(name, value string, params ...Param) *Property {
	p, ok := newProperty(name, value, params)
	if !ok {
		return nil
	}
	first := slices.IndexFunc(c.Properties, func(q Property) bool { return q.Name == p.Name })
	if first < 0 {
		return c.Add(name, value, params...)
	}
	c.removeIf(func(i int) bool { return i > first && c.Properties[i].Name == p.Name })
	old := &c.Properties[first]
	old.replace(p.text, int(p.nameEnd), int(p.at))
	return old
}

// Remove removes all properties of a name, given in any case, and returns how many there were.
func (c *Component) Remove(name string) int {
	name = upper(name)
	return c.removeIf(func(i int) bool { return c.Properties[i].Name == name })
}

// AddComponent adds a component after the others and reports whether it did: it does not add nil,
// a component whose name is not valid, or the component itself. A component belongs to one other component at a time.
func (c *Component) AddComponent(child *Component) bool {
	if child == nil || child == c || !IsName(child.Name) {
		return false
	}
	// Properties that follow the last component are before the new one.
	for len(c.follows) < len(c.Components) {
		c.follows = append(c.follows, len(c.Properties))
	}
	c.Components = append(c.Components, child)
	c.follows = append(c.follows, len(c.Properties))
	return true
}

// RemoveComponent removes a component that is directly in this one, and reports whether it was.
func (c *Component) RemoveComponent(child *Component) bool {
	i := slices.Index(c.Components, child)
	if i < 0 {
		return false
	}
	at := c.before(i)
	c.Components = slices.Delete(slices.Clone(c.Components), i, i+1)
	if i < len(c.follows) {
		c.follows = slices.Delete(c.follows, i, i+1)
	}
	// Blank and broken lines before the component stay, before what follows it.
	switch {
	case child.lead == "":
	case i < len(c.Components) && c.before(i) <= at:
		next := c.Components[i]
		next.lead = child.lead + next.lead
	case at < len(c.Properties):
		c.Properties[at].prepend(child.lead)
	default:
		c.tail = child.lead + c.tail
	}
	child.lead = ""
	return true
}

// removeIf removes properties by their index, and returns how many. Blank and broken lines before
// them stay, before what follows in the text.
func (c *Component) removeIf(drop func(i int) bool) int {
	n := 0
	for i := range c.Properties {
		if drop(i) {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	var lines []byte
	kept := make([]Property, 0, len(c.Properties)-n)
	follows := make([]int, 0, len(c.Components))
	for i := 0; ; i++ {
		for next := len(follows); next < len(c.Components) && c.before(next) <= i; next++ {
			child := c.Components[next]
			child.lead, lines = string(lines)+child.lead, nil
			follows = append(follows, len(kept))
		}
		if i == len(c.Properties) {
			break
		}
		p := c.Properties[i]
		if drop(i) {
			lines = append(lines, p.raw[:p.lead]...)
			continue
		}
		p.prepend(string(lines))
		lines = nil
		kept = append(kept, p)
	}
	c.tail = string(lines) + c.tail
	c.Properties, c.follows = kept, follows
	return n
}

// prepend puts lines before the property.
func (p *Property) prepend(lines string) {
	p.raw = lines + p.raw
	p.lead += int32(len(lines))
}

// SetValue sets the value as it is written, and keeps the parameters. The value is made safe as
// that of Add.
func (p *Property) SetValue(value string) {
	p.replace(p.text[:p.at]+safeValue(value), int(p.nameEnd), int(p.at))
}

// replace gives the property another content line, unless it is the same.
func (p *Property) replace(text string, nameEnd, at int) {
	if text == p.text || p.at == 0 { // a zero Property stays one
		return
	}
	p.raw, p.edited = p.raw[:p.lead], true
	p.text, p.nameEnd, p.at = text, int32(nameEnd), int32(at)
}

// newProperty makes a property; ok is false if a name is not valid.
func newProperty(name, value string, params []Param) (p Property, ok bool) {
	if !IsName(name) {
		return p, false
	}
	p.Name = upper(name)
	b := []byte(p.Name)
	for _, q := range params {
		if !IsName(q.Name) {
			return Property{}, false
		}
		b = appendParam(b, upper(q.Name), q.Values)
	}
	p.nameEnd, p.at, p.edited = int32(len(p.Name)), int32(len(b)+1), true
	b = append(append(b, ':'), safeValue(value)...)
	p.text = string(b)
	return p, true
}

// safeValue returns a value that is one line of UTF-8.
func safeValue(value string) string {
	control, high := oddBytes(value)
	if high {
		value = strings.ToValidUTF8(value, "\ufffd")
	}
	if !control {
		return value
	}
	b := make([]byte, 0, len(value)+8)
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\r' && i+1 < len(value) && value[i+1] == '\n':
		case c == '\n' || c == '\r':
			b = append(b, '\\', 'n')
		case isControl(c):
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// SetParam sets a parameter to values in plain text, in place of those that it has, and reports
// whether it did: it does nothing if the name, which can be in any case, is not valid. Without
// values, it removes the parameter.
func (p *Property) SetParam(name string, values ...string) bool {
	if !IsName(name) || p.at == 0 {
		return false
	}
	p.editParam(upper(name), values)
	return true
}

// RemoveParam removes all parameters of a name, given in any case, and returns how many there
// were.
func (p *Property) RemoveParam(name string) int { return p.editParam(upper(name), nil) }

// editParam replaces the first parameter of a name and removes the others; without values, it
// removes all. It returns how many there were. Other parameters keep their text.
func (p *Property) editParam(upper string, values []string) int {
	if p.at == 0 {
		return 0
	}
	b := []byte(p.text[:p.nameEnd])
	found := 0
	for rest := p.text[p.nameEnd : p.at-1]; rest != ""; {
		end := 1 + paramEnd(rest[1:])
		key, _, _ := strings.Cut(rest[1:end], "=")
		key = strings.Trim(key, " \t")
		if !equalName(key, upper) {
			if found == 0 && strings.Count(rest[:end], `"`)%2 == 1 && len(values) > 0 {
				// A quote that has no end would swallow what follows it.
				b = appendParam(b, upper, values)
				values = nil
			}
			b = append(b, rest[:end]...)
		} else {
			if found == 0 && len(values) > 0 {
				b = appendParam(b, key, values)
			}
			found++
		}
		rest = rest[end:]
	}
	if found == 0 && len(values) > 0 {
		b = appendParam(b, upper, values)
	}
	at := len(b) + 1
	p.replace(string(b)+p.text[p.at-1:], int(p.nameEnd), at)
	return found
}

// appendParam appends a semicolon and a parameter, encoded as RFC 6868 says.
func appendParam(b []byte, name string, values []string) []byte {
	b = append(append(append(b, ';'), name...), '=')
	for i, value := range values {
		if i > 0 {
			b = append(b, ',')
		}
		quoted := strings.ContainsAny(value, ";:,")
		if quoted {
			b = append(b, '"')
		}
		b = appendParamValue(b, value)
		if quoted {
			b = append(b, '"')
		}
	}
	return b
}

// appendParamValue appends a value. Control characters are removed, and what is not UTF-8 becomes
// U+FFFD.
func appendParamValue(b []byte, value string) []byte {
	if !utf8.ValidString(value) {
		value = strings.ToValidUTF8(value, "\ufffd")
	}
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '^':
			b = append(b, '^', '^')
		case c == '"':
			b = append(b, '^', '\'')
		case c == '\r' && i+1 < len(value) && value[i+1] == '\n':
		case c == '\n' || c == '\r':
			b = append(b, '^', 'n')
		case isControl(c):
		default:
			b = append(b, c)
		}
	}
	return b
}
