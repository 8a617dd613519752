package ldaptest

import (
	"fmt"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// truth is a value of the three-valued logic of X.511. "and" is the minimum of its
// parts, "or" the maximum, "not" the negative.
type truth int8

const (
	no        truth = -1
	undefined truth = 0
	yes       truth = 1
)

// filter is a search filter with normalized values. The kinds are go-ldap's Filter
// constants.
type filter struct {
	kind  ber.Tag
	parts []*filter // of and, or, not

	attr     *description // nil when an extensible match names none
	spelling string       // of the attribute
	value    string       // as the client sent it
	rule     rule
	want     string // normal form of value
	bad      bool   // cannot be evaluated: unknown type, unknown rule, wrong syntax

	pieces   []piece // of substrings
	ruleName string  // of an extensible match
	dnCounts bool    // also compare the attributes in the DN of the entry
	lenient  bool    // evaluate types that are not in the schema
}

// piece is one part of a substrings filter. kind is a constant of go-ldap.
type piece struct {
	kind        ber.Tag
	value, want string
}

// parseFilter parses the filter of a search request. lenient is for servers that
// evaluate unknown types.
func parseFilter(p *ber.Packet, t *types, lenient bool) (*filter, error) {
	f := &filter{kind: p.Tag, lenient: lenient}
	if p.ClassType != ber.ClassContext {
		return nil, fmt.Errorf("filter: %w", errMalformed)
	}
	var err error
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		if p.Tag == ldap.FilterNot && len(p.Children) != 1 {
			return nil, fmt.Errorf("filter: %w", errMalformed)
		}
		for _, c := range p.Children {
			part, err := parseFilter(c, t, lenient)
			if err != nil {
				return nil, err
			}
			f.parts = append(f.parts, part)
		}
	case ldap.FilterPresent:
		f.name(text(p), t)
	case ldap.FilterSubstrings:
		err = f.parseSubstrings(p, t)
	case ldap.FilterExtensibleMatch:
		f.parseExtensible(p, t)
	case ldap.FilterEqualityMatch, ldap.FilterGreaterOrEqual, ldap.FilterLessOrEqual, ldap.FilterApproxMatch:
		var c []*ber.Packet
		if c, err = children(p, 2); err == nil {
			f.name(text(c[0]), t)
			f.compareWith(text(c[1]))
		}
	default:
		err = errMalformed
	}
	if err != nil {
		return nil, fmt.Errorf("filter: %w", err)
	}
	return f, nil
}

func (f *filter) name(spelling string, t *types) {
	f.spelling = spelling
	f.attr = t.describe(spelling)
	f.rule = f.attr.rule
	f.bad = !f.attr.known && !f.lenient
}

func (f *filter) compareWith(value string) {
	var ok bool
	f.value = value
	if f.want, ok = f.rule.normal(value); !ok {
		f.bad = true
	}
}

func (f *filter) parseSubstrings(p *ber.Packet, t *types) error {
	c, err := children(p, 2)
	if err != nil {
		return err
	}
	f.name(text(c[0]), t)
	list, err := children(c[1], 1)
	if err != nil {
		return err
	}
	for i, s := range list {
		pc := piece{kind: s.Tag, value: text(s)}
		if s.Tag == ldap.FilterSubstringsInitial && i > 0 || s.Tag == ldap.FilterSubstringsFinal && i < len(list)-1 {
			return errMalformed
		}
		pc.want = f.rule.piece(pc.value)
		if f.rule == ruleFold || f.rule == ruleExact {
			switch s.Tag {
			case ldap.FilterSubstringsInitial:
				pc.want = strings.TrimLeft(pc.want, " ")
			case ldap.FilterSubstringsFinal:
				pc.want = strings.TrimRight(pc.want, " ")
			}
		}
		f.pieces = append(f.pieces, pc)
	}
	// DNs and integers have no substrings rule.
	f.bad = f.bad || f.rule == ruleDN || f.rule == ruleInteger
	return nil
}

func (f *filter) parseExtensible(p *ber.Packet, t *types) {
	value := ""
	for _, c := range p.Children {
		switch c.Tag {
		case ldap.MatchingRuleAssertionMatchingRule:
			f.ruleName = text(c)
		case ldap.MatchingRuleAssertionType:
			f.name(text(c), t)
		case ldap.MatchingRuleAssertionMatchValue:
			value = text(c)
		case ldap.MatchingRuleAssertionDNAttributes:
			f.dnCounts = text(c) != "\x00"
		}
	}
	if f.ruleName != "" {
		r, ok := ruleOf(f.ruleName)
		f.rule, f.bad = r, f.bad || !ok || f.attr != nil && !f.attr.takes(f.ruleName)
	}
	f.bad = f.bad || f.attr == nil && f.ruleName == ""
	f.compareWith(value)
}

// eval evaluates the filter for an entry.
func (f *filter) eval(r *record) truth {
	switch f.kind {
	case ldap.FilterAnd:
		out := yes
		for _, p := range f.parts {
			out = min(out, p.eval(r))
		}
		return out
	case ldap.FilterOr:
		out := no
		for _, p := range f.parts {
			out = max(out, p.eval(r))
		}
		return out
	case ldap.FilterNot:
		return -f.parts[0].eval(r)
	}
	if f.bad {
		return undefined
	}
	if f.dnCounts && f.matchesName(r) {
		return yes
	}
	for i := range r.attrs {
		if a := &r.attrs[i]; f.means(a) && f.matchesAny(a.values) {
			return yes
		}
	}
	return no
}

// means reports whether the filter applies to that attribute of an entry.
func (f *filter) means(a *attribute) bool {
	if f.attr == nil {
		return a.desc.rule == f.rule
	}
	return f.attr.covers(a.desc)
}

func (f *filter) matchesAny(values []string) bool {
	if f.kind == ldap.FilterPresent {
		return len(values) > 0
	}
	for _, v := range values {
		if n, ok := f.rule.normal(v); ok && f.matches(n) {
			return true
		}
	}
	return false
}

func (f *filter) matches(have string) bool {
	switch f.kind {
	case ldap.FilterGreaterOrEqual:
		return f.rule.compare(have, f.want) >= 0
	case ldap.FilterLessOrEqual:
		return f.rule.compare(have, f.want) <= 0
	case ldap.FilterSubstrings:
		return matchPieces(have, f.pieces)
	default:
		return have == f.want
	}
}

func matchPieces(have string, pieces []piece) bool {
	for _, p := range pieces {
		switch p.kind {
		case ldap.FilterSubstringsInitial:
			if !strings.HasPrefix(have, p.want) {
				return false
			}
			have = have[len(p.want):]
		case ldap.FilterSubstringsFinal:
			return strings.HasSuffix(have, p.want)
		default:
			i := strings.Index(have, p.want)
			if i < 0 {
				return false
			}
			have = have[i+len(p.want):]
		}
	}
	return true
}

// matchesName evaluates the filter for the attributes in the DN of the entry.
func (f *filter) matchesName(r *record) bool {
	dn, err := ldap.ParseDN(r.dn)
	if err != nil {
		return false
	}
	for _, rdn := range dn.RDNs {
		for _, a := range rdn.Attributes {
			n, ok := f.rule.normal(a.Value)
			if ok && n == f.want && (f.attr == nil || strings.EqualFold(a.Type, f.attr.base)) {
				return true
			}
		}
	}
	return false
}

// examines reports whether a server with an equality index for every attribute would
// examine the entry. Look-through limits count these entries.
func (f *filter) examines(r *record) bool {
	switch f.kind {
	case ldap.FilterEqualityMatch:
		return f.eval(r) == yes
	case ldap.FilterAnd:
		for _, p := range f.parts {
			if !p.examines(r) {
				return false
			}
		}
		return true
	case ldap.FilterOr:
		for _, p := range f.parts {
			if p.examines(r) {
				return true
			}
		}
		return false
	default:
		return true
	}
}

// String returns the filter in the notation of RFC 4515.
func (f *filter) String() string {
	var b strings.Builder
	f.write(&b)
	return b.String()
}

func (f *filter) write(b *strings.Builder) {
	b.WriteByte('(')
	switch f.kind {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		b.WriteByte("&|!"[f.kind])
		for _, p := range f.parts {
			p.write(b)
		}
	case ldap.FilterPresent:
		b.WriteString(f.spelling + "=*")
	case ldap.FilterSubstrings:
		b.WriteString(f.spelling + "=")
		for _, p := range f.pieces {
			if p.kind != ldap.FilterSubstringsInitial {
				b.WriteByte('*')
			}
			b.WriteString(ldap.EscapeFilter(p.value))
		}
		if f.pieces[len(f.pieces)-1].kind != ldap.FilterSubstringsFinal {
			b.WriteByte('*')
		}
	case ldap.FilterExtensibleMatch:
		b.WriteString(f.spelling)
		if f.dnCounts {
			b.WriteString(":dn")
		}
		if f.ruleName != "" {
			b.WriteString(":" + f.ruleName)
		}
		b.WriteString(":=" + ldap.EscapeFilter(f.value))
	default:
		op := map[ber.Tag]string{ldap.FilterGreaterOrEqual: ">=", ldap.FilterLessOrEqual: "<=", ldap.FilterApproxMatch: "~="}[f.kind]
		if op == "" {
			op = "="
		}
		b.WriteString(f.spelling + op + ldap.EscapeFilter(f.value))
	}
	b.WriteByte(')')
}
