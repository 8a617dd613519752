package store

import "strings"

// Reads reports whether a calendar's list lets a person read the calendar: the entry for the
// person decides, else that for the domain of an address, else that for everyone. The right
// to write or delete includes the right to read. others means that the list lets other
// persons read, which may be groups that contain this one.
func (l ACL) Reads(id string, addresses []string) (reads, others bool) {
	return l.allows("rwda", id, addresses)
}

// ShowsFreeBusy reports whether an account's scheduling list lets a person know when the
// account is busy, in the same way. The rights to invite and to act for the account include
// that.
func (l ACL) ShowsFreeBusy(id string, addresses []string) (shows, others bool) {
	return l.allows("fsm", id, addresses)
}

// allows reports whether the entry that decides about a person has one of the letters.
func (l ACL) allows(letters, id string, addresses []string) (allowed, others bool) {
	best := 0
	for _, e := range l {
		can := strings.ContainsAny(e.Rights, letters)
		match := e.Principal.match(id, addresses)
		if match > best {
			best, allowed = match, can
		}
		if match == 0 && can && !e.Principal.Everyone && e.Principal.Domain == "" {
			others = true
		}
	}
	return allowed, others
}

// match returns how exactly a principal is a person: 3 for the person, 2 for the domain, 1
// for everyone, 0 for another principal.
func (p Principal) match(id string, addresses []string) int {
	switch {
	case p.Everyone:
		return 1
	case p.Domain == "" && p.ID != "":
		if p.ID == id {
			return 3
		}
		return 0
	}
	for _, a := range addresses {
		a = FoldAddress(a)
		if p.Domain == "" && a == FoldAddress(p.Address) {
			return 3
		}
		if _, domain, ok := strings.Cut(a, "@"); ok && p.Domain != "" && domain == strings.ToLower(p.Domain) {
			return 2
		}
	}
	return 0
}
