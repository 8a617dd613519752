package ldaptest

import (
	"slices"
	"strings"
)

// record is an entry prepared for searching: its attribute names are resolved, and each
// attribute is encoded.
type record struct {
	dn     string
	normal string
	attrs  []attribute
}

type attribute struct {
	name    string
	desc    *description
	values  []string
	encoded []byte // a PartialAttribute
}

// normalName returns the normal form of the DN of an entry. An invalid DN is only
// converted to lower case, because this package also simulates faulty servers.
func normalName(dn string) string {
	n, err := normalDN(dn)
	if err != nil {
		return strings.ToLower(dn)
	}
	return n
}

// newRecord prepares an entry.
func newRecord(e Entry, t *types) *record {
	r := &record{dn: e.DN, normal: normalName(e.DN), attrs: make([]attribute, 0, len(e.Attrs))}
	size := 0
	for _, a := range e.Attrs {
		size += attributeSize(a.Name, a.Values)
	}
	buf := make([]byte, 0, size)
	for _, a := range e.Attrs {
		start := len(buf)
		buf = appendAttribute(buf, a.Name, a.Values)
		r.attrs = append(r.attrs, attribute{
			name: a.Name, desc: t.describe(a.Name), values: a.Values, encoded: buf[start:len(buf):len(buf)],
		})
	}
	return r
}

func valuesSize(values []string) int {
	n := 0
	for _, v := range values {
		n += sizeOf(len(v))
	}
	return n
}

func attributeSize(name string, values []string) int {
	return sizeOf(sizeOf(len(name)) + sizeOf(valuesSize(values)))
}

func appendAttribute(b []byte, name string, values []string) []byte {
	inner := valuesSize(values)
	b = appendHeader(b, tagSequence, sizeOf(len(name))+sizeOf(inner))
	b = appendString(b, tagOctets, name)
	b = appendHeader(b, tagSet, inner)
	for _, v := range values {
		b = appendString(b, tagOctets, v)
	}
	return b
}

// has reports whether the attribute has the value, ignoring case.
func (r *record) has(base, value string) bool {
	return slices.ContainsFunc(r.values(base), func(v string) bool { return strings.EqualFold(v, value) })
}

func (r *record) values(base string) []string {
	for i := range r.attrs {
		if r.attrs[i].desc.base == base {
			return r.attrs[i].values
		}
	}
	return nil
}

// selection is the set of attributes that a search requests. It must not be used by
// several searches at once, because it caches its decisions.
type selection struct {
	user, operational bool
	names             []*description
	typesOnly         bool
	decided           map[*description]bool
}

func newSelection(asked []string, typesOnly bool, t *types) *selection {
	s := &selection{user: len(asked) == 0, typesOnly: typesOnly, decided: map[*description]bool{}}
	for _, a := range asked {
		switch a {
		case "*":
			s.user = true
		case "+":
			s.operational = true
		case "1.1": // requests no attributes
		default:
			s.names = append(s.names, t.describe(a))
		}
	}
	return s
}

func (s *selection) wants(d *description) bool {
	want, ok := s.decided[d]
	if !ok {
		want = d.operational && s.operational || !d.operational && s.user ||
			slices.ContainsFunc(s.names, func(n *description) bool { return n.covers(d) })
		s.decided[d] = want
	}
	return want
}

// size returns the encoded size of the selected attributes.
func (s *selection) size(r *record) int {
	size := 0
	for i := range r.attrs {
		if a := &r.attrs[i]; s.wants(a.desc) {
			if s.typesOnly {
				size += attributeSize(a.name, nil)
			} else {
				size += len(a.encoded)
			}
		}
	}
	return size
}

// appendEntry appends the message with a SearchResultEntry.
func (s *selection) appendEntry(b []byte, id int64, r *record) []byte {
	size := s.size(r)
	op := sizeOf(len(r.dn)) + sizeOf(size)
	b = appendHeader(b, tagSequence, sizeOf(intSize(id))+sizeOf(op))
	b = appendInt(b, tagInteger, id)
	return s.appendSized(b, r, size)
}

// appendContent appends a SearchResultEntry without the message around it.
func (s *selection) appendContent(b []byte, r *record) []byte { return s.appendSized(b, r, s.size(r)) }

func (s *selection) appendSized(b []byte, r *record, size int) []byte {
	b = appendHeader(b, opEntry, sizeOf(len(r.dn))+sizeOf(size))
	b = appendString(b, tagOctets, r.dn)
	b = appendHeader(b, tagSequence, size)
	for i := range r.attrs {
		if a := &r.attrs[i]; s.wants(a.desc) {
			if s.typesOnly {
				b = appendAttribute(b, a.name, nil)
			} else {
				b = append(b, a.encoded...)
			}
		}
	}
	return b
}
