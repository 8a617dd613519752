package dirgen

import "strconv"

// follow is the kind of an additional record after an entry.
type follow uint8

const (
	nothing follow = iota
	brokenRecord
	changeRecord
	conflictRecord
)

// values are up to two values of an attribute. The bytes are used again for the
// next entry.
type values struct {
	n int
	v [2][]byte
}

// next adds an empty value and returns it.
func (v *values) next() *[]byte {
	v.n++
	b := &v.v[v.n-1]
	*b = (*b)[:0]
	return b
}

// entry is a user, a group or a resource before it is written. It contains everything
// that a fault can change.
type entry struct {
	kind    kind
	number  int64 // among all entries
	index   int64 // among the entries of its kind
	bits    uint64
	cs7     bool
	person  who
	first   *name // the label of a group or a resource
	domain  *domain
	dn, uid []byte

	class      bool // it has davEntity, with or without an attribute that requires it
	ids        values
	stores     values
	mails      values
	alternates values
	icsStatus  string // "" for none, as in the next two
	userStatus string
	access     string
	unlisted   bool // the lists do not name its mail address, which is wrong or not unique
	dangling   int  // the number of members that do not exist
	ownerGone  bool
	then       follow
	planted    int // the index of its plant
}

// who is the person of a user entry, which determines its DN.
type who struct {
	given, family *name
	domain        *domain
}

func (d *Directory) who(number int64) who {
	r := d.draw(whoStream, uint64(number))
	return who{
		given:  &d.given[below(r, 0, len(d.given))],
		family: &d.family[below(r, 16, len(d.family))],
		domain: d.domainOf(r),
	}
}

func (d *Directory) domainOf(r uint64) *domain {
	return &d.domains[(r>>32)*uint64(len(d.domains))>>32]
}

// label returns the label and the domain of a group or a resource.
func (d *Directory) label(k kind, number int64) (*name, *domain) {
	r := d.draw(whoStream, uint64(number))
	if k == group {
		return &d.labels[0][below(r, 0, len(d.labels[0]))], d.domainOf(r)
	}
	return &d.labels[1][below(r, 0, len(d.labels[1]))], d.domainOf(r)
}

// build computes entry n without faults.
func (d *Directory) build(e *entry, n int64) {
	e.kind, e.index = d.layout.locate(n)
	e.number, e.bits = n, d.draw(ofStream, uint64(n))
	e.cs7 = e.kind == user && d.onCS7(e.index)
	e.uid, e.dn = e.uid[:0], e.dn[:0]
	e.icsStatus, e.userStatus, e.access = "", "", ""
	e.ids.n, e.stores.n, e.mails.n, e.alternates.n = 0, 0, 0, 0
	e.unlisted, e.dangling, e.ownerGone, e.then = false, 0, false, nothing
	e.class = !d.o.DayOne
	if e.kind == user {
		d.buildUser(e)
	} else {
		d.buildOther(e)
	}
	mail := e.mails.next()
	*mail = d.appendMail(*mail, e.kind, e.number)
	if e.class {
		id := e.ids.next()
		*id = d.appendUniqueID(*id, uint64(n))
	}
	if e.class && (e.cs7 || e.kind == resource) {
		store := e.stores.next()
		*store = append(*store, d.backend(e.bits)...)
	}
}

func (d *Directory) buildUser(e *entry) {
	e.person = d.who(e.number)
	e.domain = e.person.domain
	e.uid = appendUID(e.uid, e.number, e.person.family)
	e.dn = append(append(append(e.dn, "uid="...), e.uid...), e.domain.people...)
	e.userStatus = "active"
	switch {
	case e.cs7:
		e.access = "-http:all"
	case chance(e.bits, 16, 70):
		e.icsStatus = "active"
	}
	if chance(e.bits, 32, 15) {
		other := e.alternates.next()
		*other = append(append(appendPadded(append(*other, 'u'), e.number), '@'), e.domain.name...)
		if e.domain.alias != "" && e.bits&1 != 0 {
			at := len(*other) - len(e.domain.name)
			*other = append((*other)[:at], e.domain.alias...)
		}
	}
}

func (d *Directory) buildOther(e *entry) {
	e.first, e.domain = d.label(e.kind, e.number)
	e.dn = d.appendDN(e.dn, e.kind, e.number)
	if e.kind == resource {
		e.uid = appendPadded(append(e.uid, 'r'), e.number)
		e.icsStatus = "active"
	}
}

// backend returns a value for davStore: in 70 percent of cases the first back end.
func (d *Directory) backend(r uint64) string {
	more := len(d.o.Backends) - 1
	if more == 0 || chance(r, 48, 70) {
		return d.o.Backends[0]
	}
	return d.o.Backends[1+below(r, 0, more)]
}

// appendUniqueID appends unique id number n. Numbers below the number of entries are
// the ids of the entries; no entry has the others.
func (d *Directory) appendUniqueID(b []byte, n uint64) []byte {
	lo := d.draw(idStream2, n)
	return appendID(b, d.draw(idStream, n), lo, lo>>60 < 2)
}

// spareID returns the number of an id that no entry has, a different one for each
// plant.
func (d *Directory) spareID(e *entry) uint64 { return uint64(d.o.Entries) + uint64(e.planted) }

func appendUID(b []byte, number int64, family *name) []byte {
	return append(append(appendPadded(append(b, 'u'), number), '.'), family.ascii...)
}

// appendDN appends the DN of an entry.
func (d *Directory) appendDN(b []byte, k kind, number int64) []byte {
	if k == user {
		p := d.who(number)
		return append(appendUID(append(b, "uid="...), number, p.family), p.domain.people...)
	}
	label, domain := d.label(k, number)
	if k == resource {
		return append(appendPadded(append(b, "uid=r"...), number), domain.resources...)
	}
	b = append(append(append(b, "cn="...), label.text...), ' ')
	return append(appendPadded(b, number), domain.groups...)
}

// appendMail appends the mail address that an entry should have. It contains the
// number, which makes it unique in any letter case.
func (d *Directory) appendMail(b []byte, k kind, number int64) []byte {
	var domain *domain
	if k == user {
		p := d.who(number)
		b = append(append(append(b, p.given.ascii...), '.'), p.family.ascii...)
		domain = p.domain
	} else {
		var label *name
		label, domain = d.label(k, number)
		b = append(b, label.ascii...)
	}
	b = strconv.AppendInt(append(b, '.'), number, 10)
	return append(append(b, '@'), domain.name...)
}
