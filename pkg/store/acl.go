package store

import (
	"slices"
	"strings"
)

// ACLUse is the use of an access list. It determines the valid letters.
type ACLUse uint8

// Uses of access lists.
const (
	// CalendarACL has the letters n (none), r (read), w (write), d (write and delete)
	// and a (all).
	CalendarACL ACLUse = iota
	// SchedulingACL has the letters n (none), f (free/busy), s (free/busy and invite)
	// and m (also act on behalf of the account).
	SchedulingACL
)

func (u ACLUse) letters() string {
	if u == SchedulingACL {
		return "nfsm"
	}
	return "nrwda"
}

// Principal is the grantee of an entry in an access list: everyone, everyone in a
// mail domain, or one Person. Exactly one of Everyone, Domain and Person is set.
type Principal struct {
	Everyone bool
	Domain   string // lower case
	Person          // only the address until the principal is resolved
}

// String returns the principal in the syntax of ParseACL.
func (p Principal) String() string {
	switch {
	case p.Everyone:
		return "@"
	case p.Domain != "":
		return "@" + p.Domain
	case p.Address != "":
		return p.Address
	}
	return p.ID
}

// Resolved reports whether the principal is everyone, a domain, or a person whose
// id is known.
func (p Principal) Resolved() bool { return p.Everyone || p.Domain != "" || p.ID != "" }

// same reports whether both principals are the same. Persons are compared by id, or
// by address if an id is unknown.
func (p Principal) same(q Principal) bool {
	if p.Everyone != q.Everyone || p.Domain != q.Domain {
		return false
	}
	if p.ID != "" && q.ID != "" {
		return p.ID == q.ID
	}
	return FoldAddress(p.Address) == FoldAddress(q.Address)
}

// ACE is an access control entry: it grants rights to a principal.
type ACE struct {
	Principal Principal
	Rights    string // letters of the ACLUse, in its order, each at most once
}

// ACL is an access list. Each principal occurs at most once.
type ACL []ACE

// ParseACL parses an access list such as 'principal:letters;principal:letters'. The
// persons in the result have only an address. The error is an *InvalidError.
func ParseACL(text string, use ACLUse) (ACL, error) { return parseACL(text, use, "acl", false) }

// ParseACEs parses changes of single entries, in the syntax of ParseACL. An entry
// without letters removes the principal. The error is an *InvalidError.
func ParseACEs(text string, use ACLUse) (ACL, error) { return parseACL(text, use, "set-ace", true) }

func parseACL(text string, use ACLUse, field string, mayBeEmpty bool) (ACL, error) {
	var out ACL
	for _, entry := range strings.Split(text, ";") {
		entry = strings.Trim(entry, " \t")
		if entry == "" {
			continue
		}
		// An address can contain a quoted colon; the letters cannot.
		colon := strings.LastIndexByte(entry, ':')
		if colon < 0 {
			return nil, &InvalidError{Field: field, Value: entry, Reason: "has no ':' between principal and rights (example: user@example.com:r)"}
		}
		principal, err := parsePrincipal(strings.TrimRight(entry[:colon], " \t"), field)
		if err != nil {
			return nil, err
		}
		rights, err := parseRights(strings.TrimLeft(entry[colon+1:], " \t"), use, field, mayBeEmpty)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(a ACE) bool { return a.Principal.same(principal) }) {
			return nil, &InvalidError{Field: field, Value: principal.String(), Reason: "is listed twice"}
		}
		out = append(out, ACE{Principal: principal, Rights: rights})
	}
	return out, nil
}

func parsePrincipal(entry, field string) (Principal, error) {
	entry = CutMailto(entry)
	at := strings.LastIndexByte(entry, '@')
	switch {
	case entry == "@":
		return Principal{Everyone: true}, nil
	case at == 0:
		domain := strings.ToLower(entry[1:])
		if err := checkDomain(domain); err != nil {
			return Principal{}, &InvalidError{Field: field, Value: entry, Reason: err.Error()}
		}
		return Principal{Domain: domain}, nil
	case at < 0:
		return Principal{}, &InvalidError{Field: field, Value: entry, Reason: "is not a valid principal (@, @domain, or a mail address)"}
	}
	if err := CheckAddress(entry); err != nil {
		return Principal{}, &InvalidError{Field: field, Value: entry, Reason: err.Error()}
	}
	return Principal{Person: Person{Address: entry}}, nil
}

func parseRights(letters string, use ACLUse, field string, mayBeEmpty bool) (string, error) {
	known := use.letters()
	var out []byte
	for i := range len(known) {
		if strings.IndexByte(letters, known[i]) >= 0 {
			out = append(out, known[i])
		}
	}
	for _, r := range letters {
		if !strings.ContainsRune(known, r) {
			return "", &InvalidError{Field: field, Value: letters, Reason: "contains a letter other than " + strings.Join(strings.Split(known, ""), ", ")}
		}
	}
	switch {
	case len(out) == 0 && !mayBeEmpty:
		return "", &InvalidError{Field: field, Reason: `no rights after ':' (use n for "no rights")`}
	case len(out) > 1 && out[0] == 'n':
		return "", &InvalidError{Field: field, Value: letters, Reason: `combines n ("no rights") with other rights`}
	}
	return string(out), nil
}

// String returns the list in the syntax of ParseACL.
func (l ACL) String() string {
	words := make([]string, len(l))
	for i, a := range l {
		words[i] = a.Principal.String() + ":" + a.Rights
	}
	return strings.Join(words, ";")
}

// Merge returns a copy of the list with the changes applied. An entry replaces the
// entry of the same principal, or is added; an entry without letters removes it.
func (l ACL) Merge(changes ACL) ACL {
	out := slices.Clone(l)
	for _, c := range changes {
		i := slices.IndexFunc(out, func(a ACE) bool { return a.Principal.same(c.Principal) })
		switch {
		case i >= 0 && c.Rights == "":
			out = slices.Delete(out, i, i+1)
		case i >= 0:
			out[i] = c
		case c.Rights != "":
			out = append(out, c)
		}
	}
	return out
}
