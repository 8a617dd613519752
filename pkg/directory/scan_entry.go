package directory

import "slices"

// openEntry takes the body of a SearchResultEntry apart into its DN and its
// attributes, to be read by nextAttribute (RFC 4511 section 4.5.2).
func openEntry(body []byte) (dn, attrs []byte, ok bool) {
	dn, body, ok = cutTag(body, tagOctets)
	if !ok {
		return nil, nil, false
	}
	attrs, body, ok = cutTag(body, tagSequence)
	return dn, attrs, ok && wellFormed(body)
}

// nextAttribute takes the first attribute off a list, as its name and its values,
// which are octet strings.
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

// entryReader makes entries of messages. The entry is the same for all of them.
type entryReader struct {
	plan       *livePlan
	everywhere bool              // the search is for the selections that are asked for everywhere
	unasked    func(name []byte) // told of attributes that nobody asked for
	e          Entry
	found      uint64 // places of values in e
	referral   bool   // the entry stands for a part of another server
}

// read reads the body of a SearchResultEntry into r.e. wanted tells whether it is
// one that was asked for.
func (r *entryReader) read(body []byte) (wanted bool, err error) {
	dn, attrs, ok := openEntry(body)
	if !ok {
		return false, errMalformed
	}
	p := r.plan
	r.e.DN, r.e.Kind, r.e.Values, r.found = dn, Other, r.e.Values[:0], 0
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
		for len(values) > 0 {
			var v []byte
			if v, values, ok = cutTag(values, tagOctets); !ok {
				return false, errMalformed
			}
			if place == p.classPlace {
				selection = min(selection, p.classes.find(v))
			}
			if keep {
				r.e.Values = append(r.e.Values, Value{Attr: place, Data: v})
				r.found |= 1 << place
			}
		}
	}
	return r.judge(p.classes.selection(selection)), nil
}

// judge makes the entry one of a selection, or of none.
func (r *entryReader) judge(selection int) (wanted bool) {
	p := r.plan
	if r.referral = selection == referralSelection; selection < 0 {
		return false
	}
	if selection == p.classes.none || p.apart && p.kinds[selection].everywhere != r.everywhere {
		// One that is asked for everywhere has a search of its own.
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
