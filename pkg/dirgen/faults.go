package dirgen

// Fault is a fault that can be planted.
type Fault struct {
	Name string // the id of the rule that finds it
	What string // what is planted, and what counts as one finding
	// FileOnly means that a directory server refuses it, for the reason FileOnlyWhy. If
	// Unchecked is set as well, a server accepts it when it is loaded without checks,
	// for example by slapadd -s of OpenLDAP.
	FileOnly    bool
	FileOnlyWhy string
	Unchecked   bool
}

// Faults lists all faults in the order of the manifest.
func Faults() []Fault {
	all := catalogue()
	list := make([]Fault, len(all))
	for i, f := range all {
		list[i] = f.Fault
	}
	return list
}

// fault is a Fault with its implementation.
type fault struct {
	Fault
	weight   int  // findings per million entries in the usual mix
	dayOne   bool // possible with Options.DayOne
	backends int  // the number of back ends that it requires
	most     int  // the maximum number of findings in one entry; 0 means 1

	// where returns where the entries of a finding are planted. If there is no entry
	// left, they are planted in any of the places in also.
	where func(finding int) []place
	also  []place
	alter func(*Directory, *entry, *plant)
}

// usual returns the number of findings in the usual mix.
func (f *fault) usual(entries int) int {
	least := 3
	switch {
	case entries < 1000:
		least = 1
	case entries < 10000:
		least = 2
	}
	return max(least, int(int64(entries)*int64(f.weight)/1e6))
}

const (
	singleValued = "the attribute is single-valued"
	noEmptyValue = "the syntax of the attribute does not allow an empty value"
	notAnEntry   = "it is not an entry"
)

func catalogue() []fault {
	var all []fault
	all = append(all, uniqueIDFaults()...)
	all = append(all, storeFaults()...)
	all = append(all, mailFaults()...)
	all = append(all, statusFaults()...)
	all = append(all, referenceFaults()...)
	return append(all, textFaults()...)
}

// always returns a function for findings of one entry, always in the same place.
func always(p place) func(int) []place { return func(int) []place { return []place{p} } }

// anywhere is for findings of one entry in any place: one in ten is in a group, and
// one in ten in a resource.
func anywhere(finding int) []place {
	switch {
	case finding%10 == 3:
		return []place{inGroup}
	case finding%10 == 6:
		return []place{inResource}
	case finding%3 == 1:
		return []place{onCS6}
	}
	return []place{onCS7}
}

// several is for findings of two entries; every third finding is of three.
func several(finding int) []place {
	where := []place{onCS7, onCS6}
	switch finding % 4 {
	case 1:
		where[1] = inGroup
	case 3:
		where[1] = inResource
	}
	if finding%3 == 2 {
		where = append(where, onCS7)
	}
	return where
}

// withStore is for findings of one entry with davStore: a user, and every fifth time
// a resource.
func withStore(finding int) []place {
	if finding%5 == 3 {
		return []place{inResource}
	}
	return []place{onCS7}
}

func anyPlace() []place { return []place{onCS7, onCS6, inResource, inGroup} }
func anyUser() []place  { return []place{onCS7, onCS6} }

func uniqueIDFaults() []fault {
	return []fault{{
		Fault:  Fault{Name: "uniqueid-missing", What: "an entry without davUniqueId"},
		weight: 300, where: anywhere, also: anyPlace(), alter: func(_ *Directory, e *entry, _ *plant) {
			e.ids.n = 0
			e.class = e.stores.n > 0
		},
	}, {
		Fault: Fault{
			Name: "uniqueid-empty", What: "an entry whose davUniqueId is empty",
			FileOnly: true, FileOnlyWhy: noEmptyValue, Unchecked: true,
		},
		weight: 20, where: anywhere, also: anyPlace(), alter: func(_ *Directory, e *entry, _ *plant) {
			e.ids.v[0] = e.ids.v[0][:0]
		},
	}, {
		Fault: Fault{
			Name: "uniqueid-multivalued", What: "an entry with two valid values of davUniqueId",
			FileOnly: true, FileOnlyWhy: singleValued, Unchecked: true,
		},
		weight: 20, where: anywhere, also: anyPlace(), alter: func(d *Directory, e *entry, _ *plant) {
			id := e.ids.next()
			*id = d.appendUniqueID(*id, d.spareID(e))
		},
	}, {
		Fault:  Fault{Name: "uniqueid-duplicate", What: "two or three entries with the same davUniqueId, which are one finding"},
		weight: 60, where: several, also: anyPlace(), alter: func(d *Directory, e *entry, p *plant) {
			e.ids.v[0] = d.appendUniqueID(e.ids.v[0][:0], uint64(p.partner))
		},
	}, {
		Fault:  Fault{Name: "uniqueid-case-collision", What: "two or three entries whose davUniqueId differs only in letter case, which are one finding"},
		weight: 40, where: several, also: anyPlace(), alter: func(d *Directory, e *entry, p *plant) {
			e.ids.v[0] = collide(d.appendUniqueID(e.ids.v[0][:0], uint64(p.partner)), p.member)
		},
	}, {
		Fault:  Fault{Name: "uniqueid-malformed", What: "an entry whose davUniqueId is neither four groups of hexadecimal digits nor a UUID"},
		weight: 40, where: anywhere, also: anyPlace(), alter: func(_ *Directory, e *entry, p *plant) {
			e.ids.v[0] = malformID(e.ids.v[0], e, p.finding)
		},
	}, {
		Fault: Fault{
			Name: "uniqueid-class-missing", What: "a user with davUniqueId but without the class davEntity",
			FileOnly: true, FileOnlyWhy: "the schema allows the attribute only with the class", Unchecked: true,
		},
		weight: 20, where: always(onCS6), alter: func(_ *Directory, e *entry, _ *plant) {
			e.class = false
		},
	}}
}

// collide changes an id to one of three spellings. It sets the end to letters, so that
// the spellings differ.
func collide(id []byte, member uint8) []byte {
	end := len(id) - 2
	copy(id[end:], "ce")
	from := end + 1 // one letter
	switch member {
	case 0:
		return id
	case 1:
		from = 0
	}
	for i := from; i < len(id); i++ {
		if c := id[i]; 'a' <= c && c <= 'f' {
			id[i] = c - 'a' + 'A'
		}
	}
	return id
}

// malformID changes an id to one of four malformed forms, which nobody else has.
func malformID(id []byte, e *entry, finding int32) []byte {
	switch finding % 4 {
	case 0:
		return appendPadded(append(id[:0], "staff no. "...), e.number)
	case 1:
		return id[:len(id)-1]
	case 2:
		id[len(id)-1] = 'x'
		return id
	}
	return append(id[:0], e.mails.v[0]...)
}

func storeFaults() []fault {
	return []fault{{
		Fault:  Fault{Name: "davstore-missing", What: "a user of Calendar Server 7 without davStore"},
		weight: 60, where: always(onCS7), alter: func(_ *Directory, e *entry, _ *plant) {
			e.stores.n = 0
		},
	}, {
		Fault:  Fault{Name: "davstore-present", What: "a user of Calendar Server 6 with davStore"},
		weight: 60, where: always(onCS6), alter: func(d *Directory, e *entry, _ *plant) {
			store := e.stores.next()
			*store = append(*store, d.backend(e.bits)...)
		},
	}, {
		Fault:  Fault{Name: "davstore-unknown-backend", What: "a user or resource whose davStore is not a back end"},
		weight: 20, where: withStore, also: []place{onCS7}, alter: func(_ *Directory, e *entry, _ *plant) {
			e.stores.v[0] = append(e.stores.v[0][:0], noBackend...)
		},
	}, {
		Fault: Fault{
			Name: "davstore-empty", What: "a user or resource whose davStore is empty",
			FileOnly: true, FileOnlyWhy: noEmptyValue, Unchecked: true,
		},
		weight: 10, where: withStore, also: []place{onCS7}, alter: func(_ *Directory, e *entry, _ *plant) {
			e.stores.v[0] = e.stores.v[0][:0]
		},
	}, {
		Fault: Fault{
			Name: "davstore-multivalued", What: "a user or resource with two back ends as davStore",
			FileOnly: true, FileOnlyWhy: singleValued, Unchecked: true,
		},
		weight: 10, backends: 2, where: withStore, also: []place{onCS7}, alter: func(d *Directory, e *entry, _ *plant) {
			other := d.o.Backends[0]
			if string(e.stores.v[0]) == other {
				other = d.o.Backends[1]
			}
			store := e.stores.next()
			*store = append(*store, other...)
		},
	}}
}
