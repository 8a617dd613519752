package dirgen

const (
	userClasses = "objectClass: top\nobjectClass: person\nobjectClass: organizationalPerson\n" +
		"objectClass: inetOrgPerson\nobjectClass: inetUser\nobjectClass: inetMailUser\n" +
		"objectClass: inetLocalMailRecipient\nobjectClass: icsCalendarUser\n"
	groupClasses = "objectClass: top\nobjectClass: groupOfUniqueNames\n" +
		"objectClass: inetMailGroup\nobjectClass: icsCalendarGroup\n"
	resourceClasses = "objectClass: top\nobjectClass: icsCalendarResource\nobjectClass: inetResource\n"
	davClass        = "objectClass: davEntity\n"

	mostMembers = 20
)

// writer is the state of WriteLDIF.
type writer struct {
	d       *Directory
	b       []byte // text that was not written yet
	e       entry
	scratch []byte
}

// render appends the text of w.e and of the record after it.
func (w *writer) render() {
	switch w.e.kind {
	case user:
		w.user()
	case group:
		w.group()
	case resource:
		w.resource()
	}
	w.b = append(w.b, '\n')
	switch w.e.then {
	case brokenRecord:
		w.broken()
	case changeRecord:
		w.change()
	case conflictRecord:
		w.b = append(w.b, "dn: "...)
		w.b = append(w.d.appendConflictDN(w.b, &w.e), '\n')
		w.b = append(append(w.b, userClasses...), davClass...)
		w.b = append(append(append(w.b, "uid: "...), w.e.uid...), '\n')
		w.b = appendValues(w.b, "mail", &w.e.mails)
		w.b = appendValues(w.b, "davUniqueId", &w.e.ids)
		w.b = append(append(append(w.b, "nsds5ReplConflict: namingConflict "...), w.e.dn...), "\n\n"...)
	}
}

// appendConflictDN appends the DN of a replication conflict entry: that of an entry with
// an nsuniqueid in its RDN.
func (d *Directory) appendConflictDN(b []byte, e *entry) []byte {
	b = d.appendUniqueID(append(b, "nsuniqueid="...), d.spareID(e))
	return append(append(b, '+'), e.dn...)
}

func (w *writer) user() {
	e := &w.e
	b := appendLine(w.b, "dn", e.dn)
	b = append(b, userClasses...)
	if e.class {
		b = append(b, davClass...)
	}
	b = append(append(append(b, "uid: "...), e.uid...), '\n')
	b = w.personalNames(b)
	b = appendValues(b, "mail", &e.mails)
	b = appendValues(b, "mailAlternateAddress", &e.alternates)
	b = append(append(append(b, "inetUserStatus: "...), e.userStatus...), '\n')
	b = append(b, "mailUserStatus: active\n"...)
	b = w.calendar(b)
	b = append(b, e.domain.lines...)
	if e.icsStatus != "" {
		b = append(append(append(b, "icsStatus: "...), e.icsStatus...), '\n')
	}
	b = appendValues(b, "davUniqueId", &e.ids)
	b = appendValues(b, "davStore", &e.stores)
	if e.access != "" {
		b = append(append(append(b, "icsAllowedServiceAccess: "...), e.access...), '\n')
	}
	if !e.cs7 {
		b = append(append(b, "icsDWPHost: cal"...), '1'+byte(e.bits>>8&3))
		b = append(b, ".example\n"...)
	}
	if chance(e.bits, 1, 12) {
		b = append(b, w.d.notes[below(e.bits, 20, len(w.d.notes))]...)
	}
	w.b = b
}

// personalNames appends cn, sn and givenName.
func (w *writer) personalNames(b []byte) []byte {
	given, family := w.e.person.given, w.e.person.family
	w.scratch = append(append(append(w.scratch[:0], given.text...), ' '), family.text...)
	b = appendLine(b, "cn", w.scratch)
	b = append(append(b, "sn"...), family.ldif...)
	return append(append(b, "givenName"...), given.ldif...)
}

// calendar appends icsCalendar, the calendar id: the user id with the domain.
func (w *writer) calendar(b []byte) []byte {
	start := len(b)
	b = append(append(b, "icsCalendar: "...), w.e.uid...)
	return endLine(append(append(b, '@'), w.e.domain.name...), start)
}

func (w *writer) group() {
	e := &w.e
	b := appendLine(w.b, "dn", e.dn)
	b = append(b, groupClasses...)
	if e.class {
		b = append(b, davClass...)
	}
	b = w.commonName(b)
	b = appendValues(b, "mail", &e.mails)
	b = appendValues(b, "mailAlternateAddress", &e.alternates)
	b = appendValues(b, "davUniqueId", &e.ids)
	if chance(e.bits, 0, 50) {
		b = w.reference(b, "owner", w.d.anyUser(e.bits>>7), false)
	}
	w.b = w.members(b)
}

// commonName appends the cn of a group or a resource.
func (w *writer) commonName(b []byte) []byte {
	w.scratch = append(append(w.scratch[:0], w.e.first.text...), ' ')
	w.scratch = appendPadded(w.scratch, w.e.number)
	return appendLine(b, "cn", w.scratch)
}

// members appends 2 to 20 users, each once, and possibly a group. Groups form a tree,
// because group n contains no other group than 2n+1.
func (w *writer) members(b []byte) []byte {
	e, l := &w.e, &w.d.layout
	count := min(int64(2+below(e.bits, 16, mostMembers-1)), l.users)
	step := max(1, l.users/mostMembers)
	at := int64(w.d.draw(ofStream, uint64(e.number)|1<<63) % uint64(l.users))
	for i := range count {
		member := l.number(user, (at+i*step)%l.users)
		b = w.reference(b, "uniqueMember", member, (e.bits>>40+uint64(i))&31 == 0)
	}
	if inner := 2*e.index + 1; inner < l.groups && chance(e.bits, 32, 40) {
		w.scratch = w.d.appendDN(w.scratch[:0], group, l.number(group, inner))
		b = appendLine(b, "uniqueMember", w.scratch)
	}
	for i := range e.dangling {
		w.scratch = w.appendNobody(w.scratch[:0], i)
		b = appendLine(b, "uniqueMember", w.scratch)
	}
	return b
}

// anyUser returns the number of a user.
func (d *Directory) anyUser(r uint64) int64 {
	return d.layout.number(user, int64(r%uint64(d.layout.users)))
}

// reference appends the DN of a user as a value. If respelt, it has another spelling,
// as typed by a person, which is equal to the directory.
func (w *writer) reference(b []byte, attribute string, number int64, respelt bool) []byte {
	w.scratch = w.d.appendDN(w.scratch[:0], user, number)
	if respelt {
		w.scratch = respell(w.scratch)
	}
	return appendLine(b, attribute, w.scratch)
}

// respell changes the first RDN to upper case and adds a space after each comma.
func respell(dn []byte) []byte {
	first := true
	for i := 0; i < len(dn); i++ {
		switch c := dn[i]; {
		case c == ',':
			first = false
			dn = append(dn, 0)
			copy(dn[i+2:], dn[i+1:])
			dn[i+1] = ' '
			i++
		case first && 'a' <= c && c <= 'z':
			dn[i] = c - 'a' + 'A'
		}
	}
	return dn
}

// appendNobody appends the DN of a user that does not exist.
func (w *writer) appendNobody(b []byte, i int) []byte {
	b = appendPadded(append(b, "uid=gone"...), w.e.number)
	b = append(append(b, '-', 'a'+byte(i)), w.e.domain.people...)
	return b
}

func (w *writer) resource() {
	e := &w.e
	b := appendLine(w.b, "dn", e.dn)
	b = append(b, resourceClasses...)
	if e.class {
		b = append(b, davClass...)
	}
	b = append(append(append(b, "uid: "...), e.uid...), '\n')
	b = w.commonName(b)
	b = appendValues(b, "mail", &e.mails)
	b = append(b, "inetResourceStatus: active\n"...)
	b = append(append(append(b, "icsStatus: "...), e.icsStatus...), '\n')
	b = w.calendar(b)
	if e.ownerGone {
		w.scratch = w.appendNobody(w.scratch[:0], 0)
		b = appendLine(b, "owner", w.scratch)
	} else {
		b = w.reference(b, "owner", w.d.anyUser(e.bits>>7), chance(e.bits, 16, 5))
	}
	if chance(e.bits, 32, 30) {
		number := w.d.anyUser(e.bits >> 11)
		w.scratch = appendUID(w.scratch[:0], number, w.d.who(number).family)
		b = appendLine(b, "icsSecondaryowners", w.scratch)
	}
	b = appendValues(b, "davUniqueId", &e.ids)
	w.b = appendValues(b, "davStore", &e.stores)
}

func appendValues(b []byte, attribute string, v *values) []byte {
	for _, value := range v.v[:v.n] {
		b = appendLine(b, attribute, value)
	}
	return b
}

// broken appends a record that cannot be read, for one of two reasons. It has a unique
// id of its own, so that the number of id lines still equals that of records.
func (w *writer) broken() {
	w.scratch = w.d.appendBrokenDN(w.scratch[:0], &w.e)
	b := appendLine(w.b, "dn", w.scratch)
	b = append(b, userClasses+davClass...)
	b = append(w.d.appendUniqueID(append(b, "davUniqueId: "...), w.d.spareID(&w.e)), '\n')
	if w.d.plants[w.e.planted].finding%2 == 0 {
		b = append(b, "cn:: QnJva2Vu*IHJlY29yZA==\nsn: record\n\n"...)
	} else {
		b = append(b, "cn: Broken record\nthe rest of this record was lost\nsn: record\n\n"...)
	}
	w.b = b
}

func (d *Directory) appendBrokenDN(b []byte, e *entry) []byte {
	return append(appendPadded(append(b, "uid=broken"...), e.number), e.domain.people...)
}

// change appends a change of the entry before it.
func (w *writer) change() {
	b := appendLine(w.b, "dn", w.e.dn)
	w.b = append(b, "changetype: modify\nreplace: description\ndescription: has moved to the new building\n-\n\n"...)
}
