package directory

import (
	"bytes"
	"slices"
)

// openEntry splits the body of a SearchResultEntry into its DN and its attributes,
// which nextAttribute parses (RFC 4511 section 4.5.2).
func openEntry(body []byte) (dn, attrs []byte, ok bool) {
	dn, body, ok = cutTag(body, tagOctets)
	if !ok {
		return nil, nil, false
	}
	attrs, body, ok = cutTag(body, tagSequence)
	return dn, attrs, ok && wellFormed(body)
}

// nextAttribute splits a list of attributes after the first one, and returns its name,
// its values, which are octet strings, and the rest of the list.
func nextAttribute(list []byte) (name, values, rest []byte, ok bool) {
	a, rest, ok := cutTag(list, tagSequence)
	if !ok {
		return nil, nil, nil, false
	}
	name, a, ok = cutTag(a, tagOctets)
	if !ok {
		return nil, nil, nil, false
	}
	values, a, ok = cutTag(a, tagSet)
	return name, values, rest, ok && wellFormed(a)
}

// entryReader converts messages into entries. It reuses the same Entry for all.
type entryReader struct {
	plan       *livePlan
	everywhere bool              // the search is for the selections with Everywhere
	unasked    func(name []byte) // called for attributes that were not requested
	e          Entry
	found      uint64   // bit set of the attributes with values in e
	referral   bool     // the entry refers to another server
	classless  bool     // the entry came without an object class
	ranged     [][]byte // descriptions of attributes that came with some of their values only
}

// read parses the body of a SearchResultEntry into r.e. wanted reports whether the
// query selects the entry.
func (r *entryReader) read(body []byte) (wanted bool, err error) {
	dn, attrs, ok := openEntry(body)
	if !ok {
		return false, errMalformed
	}
	p := r.plan
	r.e.DN, r.e.Kind, r.e.Values, r.found = dn, Other, r.e.Values[:0], 0
	r.ranged, r.classless = r.ranged[:0], true
	selection := p.classes.none
	for len(attrs) > 0 {
		var name, values []byte
		if name, values, attrs, ok = nextAttribute(attrs); !ok {
			return false, errMalformed
		}
		place := p.names.find(name)
		if place < 0 {
			r.unasked(name)
		}
		keep := place >= 0 && p.union>>place&1 != 0
		if at := bytes.IndexByte(name, ';'); keep && at >= 0 && isRanged(name[at+1:]) {
			r.ranged = append(r.ranged, bytes.Clone(name))
		}
		for len(values) > 0 {
			var v []byte
			if v, values, ok = cutTag(values, tagOctets); !ok {
				return false, errMalformed
			}
			if place == p.classPlace {
				selection, r.classless = min(selection, p.classes.find(v)), false
			}
			if keep {
				r.e.Values = append(r.e.Values, Value{Attr: place, Data: v})
				r.found |= 1 << place
			}
		}
	}
	return r.judge(p.classes.selection(selection)), nil
}

// judge sets the kind of the entry and removes the values that its selection does not
// want.
func (r *entryReader) judge(selection int) (wanted bool) {
	p := r.plan
	if r.referral = selection == referralSelection; selection < 0 {
		return false
	}
	if selection == p.classes.none || p.separate && p.kinds[selection].everywhere != r.everywhere {
		// A selection with Everywhere has a search of its own.
		r.e.Values = r.e.Values[:0]
		return selection == p.classes.none && p.others && !r.everywhere
	}
	k := &p.kinds[selection]
	r.e.Kind = k.kind
	if r.found&^k.wanted != 0 {
		r.e.Values = slices.DeleteFunc(r.e.Values, func(v Value) bool { return k.wanted>>v.Attr&1 == 0 })
	}
	return true
}
