package directory

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// compiler compiles a filter.
type compiler struct {
	m       *matcher
	numbers map[*attributeType]int // of the types in m.names
	foreign map[string]int         // of the names that are not in the schema
}

// compileFilter compiles a filter for a file. It returns nil for an empty one. The
// attributes in text and the object classes in classes are known, although the standard
// schema may not define them; the attributes are compared as text.
func compileFilter(filter string, text, classes []string) (*matcher, error) {
	if filter == "" {
		return nil, nil
	}
	p, err := parseFilter(filter)
	if err != nil {
		return nil, err
	}
	s := newTypeSchema(text)
	for _, name := range classes {
		if name = foldASCII(strings.Trim(name, " \t")); name != "" && s.classes[name] == nil {
			s.classes[name] = &objectClass{names: []string{name}}
		}
	}
	c := &compiler{m: &matcher{names: newNames(nil), schema: s}, numbers: map[*attributeType]int{}, foreign: map[string]int{}}
	for _, name := range everyEntryHas() {
		c.m.marks |= 1 << c.number(s.types[name])
	}
	if c.m.root, err = c.compile(p); err != nil {
		return nil, fmt.Errorf("filter %q: %w", filter, err)
	}
	return c.m, nil
}

// everyEntryHas returns operational attributes, in lower case, that every entry has that
// was not made very long ago. See condition.hidden.
func everyEntryHas() []string {
	return []string{"createtimestamp", "modifytimestamp", "creatorsname", "modifiersname", "entryuuid", "entrycsn", "nsuniqueid"}
}

// isVirtual reports whether servers compute the attribute when it is requested.
func isVirtual(t *attributeType) bool {
	return slices.Contains([]string{"hassubordinates", "numsubordinates", "subschemasubentry", "nsrole", "ismemberof"}, t.names[0])
}

// parseFilter parses the notation of RFC 4515.
func parseFilter(filter string) (*ber.Packet, error) {
	p, err := ldap.CompileFilter(filter)
	if err != nil {
		var of *ldap.Error
		if errors.As(err, &of) && of.Err != nil {
			err = of.Err
		}
		return nil, fmt.Errorf("filter %q: %s", filter, strings.TrimPrefix(err.Error(), "ldap: "))
	}
	return p, nil
}

// number returns the number of a type, and adds its names to the table.
func (c *compiler) number(t *attributeType) int {
	n, ok := c.numbers[t]
	if !ok {
		n = len(c.numbers) + len(c.foreign)
		c.numbers[t] = n
		for _, name := range t.names {
			c.m.names.add(name, n)
		}
	}
	return n
}

func (c *compiler) compile(p *ber.Packet) (*condition, error) {
	f := &condition{kind: p.Tag, namesOf: c.m.names}
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		for _, child := range p.Children {
			part, err := c.compile(child)
			if err != nil {
				return nil, err
			}
			f.parts = append(f.parts, part)
		}
		return f, nil
	case ldap.FilterPresent:
		_, err := c.describe(f, packetText(p))
		return f, err
	case ldap.FilterExtensibleMatch:
		return f, c.extensible(f, p)
	}
	if len(p.Children) != 2 {
		return nil, fmt.Errorf("a comparison has %d parts, not 2", len(p.Children))
	}
	t, err := c.describe(f, packetText(p.Children[0]))
	if err != nil {
		return nil, err
	}
	if p.Tag == ldap.FilterSubstrings {
		return f, c.substrings(f, t, p.Children[1].Children)
	}
	rule := t.equality
	switch p.Tag {
	case ldap.FilterGreaterOrEqual, ldap.FilterLessOrEqual:
		rule = t.ordering
	case ldap.FilterApproxMatch:
		if t.syntax == syntaxDirectoryString || t.syntax == syntaxIA5 || f.unknown {
			return nil, fmt.Errorf("what \"~=\" matches depends on the server")
		}
	}
	return f, c.compareWith(f, rule, []byte(packetText(p.Children[1])))
}

// packetText returns the octets of p, which go-ldap created from text.
func packetText(p *ber.Packet) string { return p.Data.String() }

// describe sets the attribute of a condition, and returns its type.
func (c *compiler) describe(f *condition, description string) (*attributeType, error) {
	parts := strings.Split(foldASCII(description), ";")
	for _, part := range parts {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool { return r > '~' || !isDescriptionByte(byte(r)) }) {
			return nil, fmt.Errorf("%q is not a valid attribute name", description)
		}
	}
	f.text, f.options = parts[0], parts[1:]
	t := c.m.schema.types[f.text]
	if t == nil {
		f.unknown = true
		n, ok := c.foreign[f.text]
		if !ok {
			n = len(c.numbers) + len(c.foreign)
			c.foreign[f.text] = n
			c.m.names.add(f.text, n)
		}
		f.types.add(n)
		return &attributeType{}, nil
	}
	c.cover(f, t)
	if r, ok := ruleNamed(t.equality); ok {
		f.form = r.form
	}
	return t, nil
}

// cover adds a type and its subtypes to a condition.
func (c *compiler) cover(f *condition, t *attributeType) {
	for _, other := range c.m.schema.list {
		if c.m.schema.isSubtype(other, t) {
			f.types.add(c.number(other))
		}
	}
	f.class = t.names[0] == "objectclass"
	f.entryDN = t.names[0] == "entrydn"
	f.operating = t.operational && !f.entryDN
	f.virtual = isVirtual(t)
}

// compareWith sets the rule and the value of a condition.
func (c *compiler) compareWith(f *condition, rule string, value []byte) error {
	if f.unknown {
		return nil
	}
	if rule == "" {
		f.never = true
		return nil
	}
	r, ok := ruleNamed(rule)
	if !ok {
		return fmt.Errorf("the rule %s by which %s is compared requires a server", rule, f.text)
	}
	f.form = r.form
	if f.class {
		c.setClass(f, string(trimmed(value)))
		return nil
	}
	f.want, ok = f.form.normalize(nil, value)
	f.never = !ok || f.form == formInteger && !isCanonical(value)
	return nil
}

// isCanonical reports whether an integer has the form of RFC 4517 section 3.3.16, without
// zeros in front.
func isCanonical(v []byte) bool {
	digits, _, _ := digitsOf(v)
	return string(v) == "0" || len(digits) > 0 && len(digits) == len(bytes.TrimPrefix(v, []byte{'-'}))
}

// setClass sets the object class of a condition.
func (c *compiler) setClass(f *condition, name string) {
	f.classes = newNames(nil)
	want := c.m.schema.classes[foldASCII(name)]
	if want == nil {
		f.noClass, f.text = true, name
		f.classes.add(name, 0)
		return
	}
	for other := range c.m.schema.classes {
		if c.m.schema.isSubclass(other, want, 0) {
			f.classes.add(other, 0)
		}
	}
}

// substrings sets the pieces of a condition.
func (c *compiler) substrings(f *condition, t *attributeType, list []*ber.Packet) error {
	if len(list) == 0 {
		return fmt.Errorf("the comparison with %s consists only of stars", f.text)
	}
	if f.unknown {
		return nil
	}
	r, ok := ruleNamed(t.substr)
	switch {
	case t.substr == "":
		f.never = true
		return nil
	case !ok:
		return fmt.Errorf("the rule %s by which %s is compared requires a server", t.substr, f.text)
	}
	f.form = r.form
	for _, s := range list {
		want, ok := f.form.normalizePiece(nil, []byte(packetText(s)), s.Tag == ldap.FilterSubstringsInitial, s.Tag == ldap.FilterSubstringsFinal)
		if ok && len(want) == 0 && (f.form == formFold || f.form == formExact) { // OpenLDAP and 389 Directory Server disagree
			return fmt.Errorf("the first or last part of the comparison with %s has only spaces; whether it matches depends on the server", f.text)
		}
		f.never = f.never || !ok
		f.pieces = append(f.pieces, piece{s.Tag, want})
	}
	return nil
}

// extensible compiles "name:dn:rule:=value" (RFC 4511 section 4.5.1.7.7).
func (c *compiler) extensible(f *condition, p *ber.Packet) error {
	var rule string
	var value []byte
	var t *attributeType
	for _, child := range p.Children {
		var err error
		switch child.Tag {
		case ldap.MatchingRuleAssertionMatchingRule:
			rule = foldASCII(packetText(child))
		case ldap.MatchingRuleAssertionType:
			t, err = c.describe(f, packetText(child))
		case ldap.MatchingRuleAssertionMatchValue:
			value = []byte(packetText(child))
		case ldap.MatchingRuleAssertionDNAttributes:
			f.named = true
		}
		if err != nil {
			return err
		}
	}
	if rule == "" {
		if t == nil {
			return errors.New("a comparison with \":=\" requires an attribute or a rule")
		}
		return c.compareWith(f, t.equality, value)
	}
	r, ok := ruleNamed(rule)
	if !ok || len(r.syntaxes) == 0 || f.class {
		return fmt.Errorf("the rule %q in a comparison with \":=\" requires a server", rule)
	}
	if t == nil {
		f.text, f.loose = rule, true
		for _, t := range c.m.schema.list {
			n := c.number(t)
			if slices.Contains(r.syntaxes, t.syntax) {
				f.types.add(n)
			}
		}
	} else if !f.unknown && !slices.Contains(r.syntaxes, t.syntax) {
		return fmt.Errorf("whether the rule %q applies to %s depends on the server", rule, f.text)
	}
	return c.compareWith(f, rule, value)
}
