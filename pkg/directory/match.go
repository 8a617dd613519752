package directory

import (
	"bytes"
	"fmt"
	"math/bits"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// truth is a value of the three-valued logic of filters (RFC 4511 section 4.5.1.7):
// "and" is the minimum of its parts, "or" the maximum, "not" the negative.
type truth int8

const (
	no        truth = -1
	undefined truth = 0
	yes       truth = 1
)

// span is what is known of the truth of a filter: it is not below lo nor above hi. They
// differ where the value depends on something that the file does not show.
type span struct{ lo, hi truth }

// matcher is a filter of RFC 4515, compiled for the entries of a file. It chooses the
// entries that a server with the same schema would choose, which is OpenLDAP where the
// standards leave a choice. It is safe for concurrent use. The nil matcher matches all
// entries.
type matcher struct {
	root *condition
	// names finds the number of an attribute, which all names of its type and its
	// subtypes share.
	names  *names
	schema *typeSchema
	marks  uint64 // see hidden; the bits of the numbers
}

// condition is a part of a filter.
type condition struct {
	kind  ber.Tag // as in go-ldap's Filter constants
	parts []*condition

	text      string   // of the attribute or rule, for messages
	never     bool     // Undefined for every entry
	unknown   bool     // the type is not in the schema
	types     bitset   // the numbers of the attributes to compare
	options   []string // in lower case
	form      form
	want      []byte // in normal form
	pieces    []piece
	class     bool   // about the object classes of the entry
	classes   *names // of the object class and those below it
	noClass   bool   // the object class is not in the schema
	loose     bool   // attributes that are not in the schema could match
	named     bool   // the attributes in the DN of the entry count, too
	entryDN   bool   // the DN of the entry itself is a value
	operating bool   // exports omit the attribute unless it is requested
	namesOf   *names // of the matcher
	virtual   bool   // servers compute the attribute, and no export contains it
}

// piece is one part of a substrings filter. kind is a constant of go-ldap.
type piece struct {
	kind ber.Tag
	want []byte
}

// bitset is a set of small numbers.
type bitset []uint64

func (s bitset) has(n int) bool { return n>>6 < len(s) && s[n>>6]>>(n&63)&1 != 0 }

func (s *bitset) add(n int) {
	for n>>6 >= len(*s) {
		*s = append(*s, 0)
	}
	(*s)[n>>6] |= 1 << (n & 63)
}

// FilterError is returned when a filter cannot be evaluated for an entry of a file,
// although a server could evaluate it.
type FilterError struct {
	DN   string
	Line int
	Item string // the attribute, or the object class
	Why  string
}

// Error states what cannot be evaluated, and for which entry.
func (e *FilterError) Error() string {
	return fmt.Sprintf("the filter cannot be evaluated for the entry %q (line %d): %s: %s", e.DN, e.Line, e.Item, e.Why)
}

// matchState is the memory of one worker for the evaluation of filters.
type matchState struct {
	scratch []byte
	refs    []ref
	dn      []byte
	seen    uint64 // the marks of the entry
	foreign bool   // the entry has attributes that are not in the schema
	item    string // an item that cannot be evaluated, and the reason
	why     string
}

// ref is an attribute that the filter asks for.
type ref struct {
	number int
	a      *ldif.Attribute
}

// matches reports whether the filter selects the entry. The error is a *FilterError.
func (m *matcher) matches(rec *ldif.Record, s *matchState) (bool, error) {
	if m == nil {
		return true, nil
	}
	s.dn, s.refs, s.seen, s.foreign = rec.DN, s.refs[:0], 0, false
	number, last := -1, []byte(nil)
	for i := range rec.Attributes {
		a := &rec.Attributes[i]
		if string(a.Name) != string(last) {
			last, number = a.Name, m.names.findValid(a.Name)
		}
		switch {
		case number < 0:
			s.foreign = true
		case a.Options == nil || !isDeleted(a.Options):
			s.refs = append(s.refs, ref{number, a})
			if number < 64 {
				s.seen |= 1 << number & m.marks
			}
		}
	}
	got := m.root.eval(s)
	switch {
	case got.lo == yes:
		return true, nil
	case got.hi < yes:
		return false, nil
	}
	return false, &FilterError{DN: string(rec.DN), Line: rec.Line, Item: s.item, Why: s.why}
}

func (f *condition) eval(s *matchState) span {
	switch f.kind {
	case ldap.FilterAnd:
		out := span{yes, yes}
		for _, p := range f.parts {
			got := p.eval(s)
			if out.lo, out.hi = min(out.lo, got.lo), min(out.hi, got.hi); out.hi == no {
				break
			}
		}
		return out
	case ldap.FilterOr:
		out := span{no, no}
		for _, p := range f.parts {
			got := p.eval(s)
			if out.lo, out.hi = max(out.lo, got.lo), max(out.hi, got.hi); out.lo == yes {
				break
			}
		}
		return out
	case ldap.FilterNot:
		got := f.parts[0].eval(s)
		return span{-got.hi, -got.lo}
	}
	if f.never {
		return span{undefined, undefined}
	}
	return f.evalItem(s)
}

// evalItem evaluates a comparison with the attributes of an entry.
func (f *condition) evalItem(s *matchState) span {
	found := false
	for i := range s.refs {
		r := &s.refs[i]
		if !f.types.has(r.number) || !f.hasOptions(r.a) {
			continue
		}
		found = true
		if f.kind == ldap.FilterPresent || !f.unknown && f.matchesValue(r.a.Value, s) {
			return span{yes, yes}
		}
	}
	if f.entryDN && (f.kind == ldap.FilterPresent || f.matchesValue(s.dn, s)) || f.named && f.matchesName(s) {
		return span{yes, yes}
	}
	if f.class {
		return f.evalNoClass(s, found)
	}
	switch {
	case f.unknown && found:
		return f.open(s, span{no, yes}, "its matching rules are unknown, because it is not in the standard schema")
	case f.unknown:
		return f.open(s, span{no, undefined}, "it is not in the standard schema, and it is unknown whether the server knows it")
	case !found && f.hidden(s):
		return f.open(s, span{no, yes}, "the file does not contain this operational attribute")
	case f.loose && s.foreign:
		return f.open(s, span{no, yes}, "the entry has attributes that are not in the standard schema")
	}
	return span{no, no}
}

// evalNoClass returns the truth of a comparison with object classes that found none.
func (f *condition) evalNoClass(s *matchState, found bool) span {
	switch {
	case f.kind == ldap.FilterPresent:
		return span{yes, yes} // every entry has a class, whether the file shows it or not
	case !found:
		return f.open(s, span{no, yes}, "the file does not contain the object classes of the entry")
	case f.noClass:
		return f.open(s, span{no, undefined}, "it is not in the standard schema, and it is unknown whether the server knows it")
	}
	return span{no, no}
}

// open notes why the truth of an item is not known.
func (f *condition) open(s *matchState, known span, why string) span {
	s.item, s.why = f.text, why
	return known
}

// hidden reports whether the entry can have the operational attribute although the file
// does not show it. An export contains either all operational attributes or none that
// were not requested, so two of those that every entry has show that it has them all.
func (f *condition) hidden(s *matchState) bool {
	return f.virtual || f.operating && bits.OnesCount64(s.seen) < 2
}

// hasOptions reports whether an attribute has all options of the filter.
func (f *condition) hasOptions(a *ldif.Attribute) bool {
	for _, o := range f.options {
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

func (f *condition) matchesValue(value []byte, s *matchState) bool {
	if f.classes != nil {
		return f.classes.findBase(trimmed(value)) >= 0
	}
	have, ok := f.form.normalize(s.scratch[:0], value)
	if cap(have) > cap(s.scratch) {
		s.scratch = have
	}
	if !ok {
		return false
	}
	switch f.kind {
	case ldap.FilterSubstrings:
		return matchesPieces(have, f.pieces)
	case ldap.FilterGreaterOrEqual:
		return f.form.compare(have, f.want) >= 0
	case ldap.FilterLessOrEqual:
		return f.form.compare(have, f.want) <= 0
	default:
		return f.form.compare(have, f.want) == 0
	}
}

// matchesName compares the attributes in the DN of the entry.
func (f *condition) matchesName(s *matchState) bool {
	dn, err := ldap.ParseDN(string(s.dn))
	if err != nil {
		return false
	}
	for _, rdn := range dn.RDNs {
		for _, a := range rdn.Attributes {
			if n := f.namesOf.findBase([]byte(a.Type)); n >= 0 && f.types.has(n) && len(f.options) == 0 && f.matchesValue([]byte(a.Value), s) {
				return true
			}
		}
	}
	return false
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
