package store

import (
	"net/url"
	"slices"
	"strings"
)

// ACLUse says which letters an access list can have (davadmin.md 2.8).
type ACLUse uint8

// The uses.
const (
	// CalendarACL has n none, r read, w write, d write and delete, a all.
	CalendarACL ACLUse = iota
	// SchedulingACL has n none, f free/busy, s free/busy and invite, m act for the
	// account, too.
	SchedulingACL
)

func (u ACLUse) letters() string {
	if u == SchedulingACL {
		return "nfsm"
	}
	return "nrwda"
}

// Principal is who an access right is given to: everyone, everybody of a mail
// domain, or one person or group.
type Principal struct {
	Everyone bool
	Domain   string // lower case
	Person          // by id once it is resolved; by address alone before
}

// String writes the principal as people write it.
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

// Resolved reports whether it is known whom the principal means.
func (p Principal) Resolved() bool { return p.Everyone || p.Domain != "" || p.ID != "" }

// same reports whether both mean the same people, as far as is known.
func (p Principal) same(q Principal) bool {
	if p.Everyone != q.Everyone || p.Domain != q.Domain {
		return false
	}
	if p.ID != "" && q.ID != "" {
		return p.ID == q.ID
	}
	return FoldAddress(p.Address) == FoldAddress(q.Address)
}

// ACE gives rights to a principal.
type ACE struct {
	Principal Principal
	Rights    string // letters, each once, in the order of the use
}

// ACL is an access list: each principal once.
type ACL []ACE

// ParseACL reads 'principal:letters;…'. Principals that are people have no id
// yet. The error is an *InvalidError.
func ParseACL(text string, use ACLUse) (ACL, error) { return parseACL(text, use, "acl", false) }

// ParseACEs reads the changes of single ACEs: as ParseACL, and no letters takes
// a principal out.
func ParseACEs(text string, use ACLUse) (ACL, error) { return parseACL(text, use, "set-ace", true) }

func parseACL(text string, use ACLUse, field string, mayBeEmpty bool) (ACL, error) {
	var out ACL
	for _, word := range strings.Split(text, ";") {
		word = strings.Trim(word, " \t")
		if word == "" {
			continue
		}
		// An address can hold a colon in quotes; the letters cannot.
		colon := strings.LastIndexByte(word, ':')
		if colon < 0 {
			return nil, &InvalidError{Field: field, Value: word, Reason: "has no ':' between who and the letters, as in user@example.com:r"}
		}
		who, err := parsePrincipal(strings.TrimRight(word[:colon], " \t"), field)
		if err != nil {
			return nil, err
		}
		rights, err := parseRights(strings.TrimLeft(word[colon+1:], " \t"), use, field, mayBeEmpty)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(out, func(a ACE) bool { return a.Principal.same(who) }) {
			return nil, &InvalidError{Field: field, Value: who.String(), Reason: "stands in it twice"}
		}
		out = append(out, ACE{Principal: who, Rights: rights})
	}
	return out, nil
}

func parsePrincipal(word, field string) (Principal, error) {
	at := strings.LastIndexByte(word, '@')
	switch {
	case word == "@":
		return Principal{Everyone: true}, nil
	case at == 0:
		domain := strings.ToLower(word[1:])
		if err := checkDomain(domain); err != nil {
			return Principal{}, &InvalidError{Field: field, Value: word, Reason: err.Error()}
		}
		return Principal{Domain: domain}, nil
	case at < 0:
		return Principal{}, &InvalidError{Field: field, Value: word, Reason: "is neither @, nor @domain, nor a mail address"}
	}
	if err := CheckAddress(word); err != nil {
		return Principal{}, &InvalidError{Field: field, Value: word, Reason: err.Error()}
	}
	return Principal{Person: Person{Address: word}}, nil
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
			return "", &InvalidError{Field: field, Value: letters, Reason: "has a letter that is none of " + known}
		}
	}
	switch {
	case len(out) == 0 && !mayBeEmpty:
		return "", &InvalidError{Field: field, Reason: "no letters behind ':'; n gives no rights"}
	case len(out) > 1 && out[0] == 'n':
		return "", &InvalidError{Field: field, Value: letters, Reason: "says none (n) and something"}
	}
	return string(out), nil
}

// String writes the list as people write it.
func (l ACL) String() string {
	words := make([]string, len(l))
	for i, a := range l {
		words[i] = a.Principal.String() + ":" + a.Rights
	}
	return strings.Join(words, ";")
}

// Merge returns the list with the changes made: an ACE replaces the one of its
// principal or is added, and one without letters takes that out.
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

// Encode writes the list as a store keeps it: with ids, and with everything that
// could part it escaped.
func (l ACL) Encode() string {
	if len(l) == 0 {
		return ""
	}
	var b strings.Builder
	for i, a := range l {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(a.Rights)
		b.WriteByte(' ')
		switch {
		case a.Principal.Everyone:
			b.WriteByte('@')
		case a.Principal.Domain != "":
			b.WriteString("@" + a.Principal.Domain)
		default:
			b.WriteString(a.Principal.encode())
		}
	}
	return b.String()
}

// DecodeACL reads what Encode writes.
func DecodeACL(text string) (ACL, error) {
	if text == "" {
		return nil, nil
	}
	var out ACL
	for line := range strings.SplitSeq(text, "\n") {
		rights, who, ok := strings.Cut(line, " ")
		a := ACE{Rights: rights}
		switch {
		case !ok:
			return nil, damaged("access list", line)
		case who == "@":
			a.Principal.Everyone = true
		case strings.HasPrefix(who, "@"):
			a.Principal.Domain = who[1:]
		default:
			p, err := decodePerson(who)
			if err != nil {
				return nil, err
			}
			a.Principal.Person = p
		}
		out = append(out, a)
	}
	return out, nil
}

// encode writes 'id address', both escaped so that neither holds a blank or a
// line feed, and an id never begins with '@'.
func (p Person) encode() string { return url.QueryEscape(p.ID) + " " + url.QueryEscape(p.Address) }

func decodePerson(text string) (Person, error) {
	id, address, ok := strings.Cut(text, " ")
	i, err1 := url.QueryUnescape(id)
	a, err2 := url.QueryUnescape(address)
	if !ok || err1 != nil || err2 != nil {
		return Person{}, damaged("person", text)
	}
	return Person{ID: i, Address: a}, nil
}

// EncodePeople writes people as a store keeps them.
func EncodePeople(people []Person) string {
	lines := make([]string, len(people))
	for i, p := range people {
		lines[i] = p.encode()
	}
	return strings.Join(lines, "\n")
}

// DecodePeople reads what EncodePeople writes.
func DecodePeople(text string) ([]Person, error) {
	if text == "" {
		return nil, nil
	}
	var out []Person
	for line := range strings.SplitSeq(text, "\n") {
		p, err := decodePerson(line)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// EscapedID is the id as it stands in what Encode and EncodePeople write, for
// those who look for it there.
func EscapedID(id string) string { return url.QueryEscape(id) }
