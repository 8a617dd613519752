package directory

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// matcher is a filter of RFC 4515 for entries whose schema is unknown. All values are
// compared without regard to case and to insignificant blanks, and with >= and <= as
// numbers if both are numbers. A name matches only itself, not its aliases and
// subtypes, and it matches attributes with further options that the filter does not
// name. Approximately equal means equal. A comparison with an attribute that the entry
// does not have is false, never Undefined.
//
// A matcher is safe for concurrent use. The nil matcher matches all entries.
type matcher struct {
	kind  ber.Tag // as in go-ldap's Filter constants
	parts []*matcher

	name    string   // in lower case, without options
	options []string // in lower case
	want    []byte   // folded
	pieces  []piece
}

// piece is one part of a substrings filter. kind is a constant of go-ldap.
type piece struct {
	kind ber.Tag
	want []byte
}

// compileFilter compiles a filter. It returns nil for an empty one.
func compileFilter(filter string) (*matcher, error) {
	if filter == "" {
		return nil, nil
	}
	p, err := ldap.CompileFilter(filter)
	var m *matcher
	if err == nil {
		m, err = newMatcher(p)
	}
	if err != nil {
		var of *ldap.Error
		if errors.As(err, &of) && of.Err != nil {
			err = of.Err
		}
		return nil, fmt.Errorf("filter %q: %s", filter, strings.TrimPrefix(err.Error(), "ldap: "))
	}
	return m, nil
}

func newMatcher(p *ber.Packet) (*matcher, error) {
	m := &matcher{kind: p.Tag}
	switch p.Tag {
	case ldap.FilterAnd, ldap.FilterOr, ldap.FilterNot:
		for _, c := range p.Children {
			part, err := newMatcher(c)
			if err != nil {
				return nil, err
			}
			m.parts = append(m.parts, part)
		}
		return m, nil
	case ldap.FilterPresent:
		return m, m.setName(packetText(p))
	case ldap.FilterExtensibleMatch:
		return nil, errors.New("comparisons with \":=\" require a server")
	}
	if len(p.Children) != 2 {
		return nil, fmt.Errorf("a comparison has %d parts, not 2", len(p.Children))
	}
	if err := m.setName(packetText(p.Children[0])); err != nil {
		return nil, err
	}
	if p.Tag == ldap.FilterSubstrings {
		return m, m.setPieces(p.Children[1].Children)
	}
	m.want = AppendFold(nil, []byte(packetText(p.Children[1])))
	return m, nil
}

// packetText returns the octets of p, which go-ldap created from text.
func packetText(p *ber.Packet) string { return p.Data.String() }

func (m *matcher) setName(description string) error {
	parts := strings.Split(foldASCII(description), ";")
	for _, part := range parts {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool { return r > '~' || !isDescriptionByte(byte(r)) }) {
			return fmt.Errorf("%q is not a valid attribute name", description)
		}
	}
	m.name, m.options = parts[0], parts[1:]
	return nil
}

func (m *matcher) setPieces(list []*ber.Packet) error {
	if len(list) == 0 {
		return fmt.Errorf("the comparison with %s consists only of stars", m.name)
	}
	for _, s := range list {
		want := appendFolded(nil, []byte(packetText(s)))
		switch s.Tag {
		case ldap.FilterSubstringsInitial:
			want = bytes.TrimLeft(want, " ")
		case ldap.FilterSubstringsFinal:
			want = bytes.TrimRight(want, " ")
		}
		m.pieces = append(m.pieces, piece{s.Tag, want})
	}
	return nil
}

// matches reports whether an entry with these attributes matches. scratch is a buffer
// that is reused by each call.
func (m *matcher) matches(attrs []ldif.Attribute, scratch *[]byte) bool {
	if m == nil {
		return true
	}
	switch m.kind {
	case ldap.FilterAnd:
		for _, p := range m.parts {
			if !p.matches(attrs, scratch) {
				return false
			}
		}
		return true
	case ldap.FilterOr:
		for _, p := range m.parts {
			if p.matches(attrs, scratch) {
				return true
			}
		}
		return false
	case ldap.FilterNot:
		return !m.parts[0].matches(attrs, scratch)
	}
	for i := range attrs {
		if a := &attrs[i]; m.isAbout(a) && m.matchesValue(a.Value, scratch) {
			return true
		}
	}
	return false
}

// isAbout reports whether the filter applies to the attribute.
func (m *matcher) isAbout(a *ldif.Attribute) bool {
	if !equalFolded(a.Name, m.name) || a.Options != nil && isDeleted(a.Options) {
		return false
	}
	for _, o := range m.options {
		if !hasOption(a.Options, o) {
			return false
		}
	}
	return true
}

// hasOption reports whether the options of an attribute include option, which is in
// lower case.
func hasOption(options []byte, option string) bool {
	for len(options) > 0 {
		var have []byte
		have, options, _ = bytes.Cut(options, []byte{';'})
		if equalFolded(have, option) {
			return true
		}
	}
	return false
}

// isDeleted reports whether the options mark a deleted value, as 389 Directory Server
// and its ancestors write it into the export of a replica:
// "cn;vdcsn-4f8ac2a1000000010000;deleted: Anna".
func isDeleted(options []byte) bool {
	return hasOption(options, "deleted") || hasOption(options, "deletedattribute")
}

func (m *matcher) matchesValue(value []byte, scratch *[]byte) bool {
	if m.kind == ldap.FilterPresent {
		return true
	}
	have := AppendFold((*scratch)[:0], value)
	*scratch = have
	switch m.kind {
	case ldap.FilterSubstrings:
		return matchesPieces(have, m.pieces)
	case ldap.FilterGreaterOrEqual:
		return compareFolded(have, m.want) >= 0
	case ldap.FilterLessOrEqual:
		return compareFolded(have, m.want) <= 0
	default:
		return bytes.Equal(have, m.want)
	}
}

func matchesPieces(have []byte, pieces []piece) bool {
	for _, p := range pieces {
		switch p.kind {
		case ldap.FilterSubstringsInitial:
			if !bytes.HasPrefix(have, p.want) {
				return false
			}
			have = have[len(p.want):]
		case ldap.FilterSubstringsFinal:
			return bytes.HasSuffix(have, p.want)
		default:
			i := bytes.Index(have, p.want)
			if i < 0 {
				return false
			}
			have = have[i+len(p.want):]
		}
	}
	return true
}

// compareFolded compares two values: as integers of any size if both are integers,
// else byte by byte.
func compareFolded(a, b []byte) int {
	x, xNegative, ok1 := digitsOf(a)
	y, yNegative, ok2 := digitsOf(b)
	switch {
	case !ok1 || !ok2:
		return bytes.Compare(a, b)
	case xNegative != yNegative:
		return cmp.Compare(sign(xNegative), sign(yNegative))
	}
	order := cmp.Compare(len(x), len(y))
	if order == 0 {
		order = bytes.Compare(x, y)
	}
	return order * sign(xNegative)
}

func sign(negative bool) int {
	if negative {
		return -1
	}
	return 1
}

// digitsOf returns the digits of an integer without leading zeros. Zero has no digits
// and is not negative.
func digitsOf(v []byte) (digits []byte, negative, ok bool) {
	digits, negative = bytes.CutPrefix(v, []byte{'-'})
	if len(digits) == 0 || slices.ContainsFunc(digits, func(c byte) bool { return c-'0' > 9 }) {
		return nil, false, false
	}
	digits = bytes.TrimLeft(digits, "0")
	return digits, negative && len(digits) > 0, true
}
