package cs6

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"math"
	"strings"
)

// ErrSetFull is returned if a UserSet cannot take another user: its text has
// reached 4 GiB, or a single name has nearly 64 KiB.
var ErrSetFull = errors.New("the set of users is full")

// SetOptions configure a UserSet.
type SetOptions struct {
	// DefaultDomain is the domain of user ids without a domain, as in the parameter
	// service.defaultdomain of ics.conf. If it is empty, such a user id matches the
	// user id in every domain.
	DefaultDomain string
}

// UserSet is a set of users, each known by mail address, by user id or by both.
// Letter case of addresses, user ids and domains does not matter.
//
// It is designed for millions of users: a name takes about 30 bytes plus its own
// length, and is compared in full. Lookups are safe for concurrent use while
// nothing is added.
type UserSet struct {
	defaultDomain string
	seed          maphash.Seed
	slots         []uint32 // number of a name + 1; 0 is free
	names         pages[name]
	text          pages[byte]
	files         []string
	users         int
}

// name is one key of a user. The other data of the user are stored in the first of
// its names.
type name struct {
	at        uint32 // in the text: length and folded spelling
	user      uint32 // number of the first name
	line      uint32
	calendars uint16
	file      uint8 // number of the file + 1
	flags     nameFlags
}

type nameFlags uint8

const (
	isAddress nameFlags = 1 << iota
	isUser              // a user id, with its domain or without
	isEnabled           // at least one record does not say that it is disabled
)

// NewUserSet returns an empty set.
func NewUserSet(o SetOptions) *UserSet {
	return &UserSet{
		defaultDomain: o.DefaultDomain,
		seed:          maphash.MakeSeed(),
		slots:         make([]uint32, 16),
	}
}

// addKey is a key of a record that is being added.
type addKey struct {
	folded []byte
	flags  nameFlags
}

// Add adds one record of a list to the set. Records that share an address, or a
// user id with its domain, are one user: calendars add up, the user is disabled if
// every record is, and file and line are those of the first record. A record with
// neither address nor user id is ignored.
//
// The error is ErrSetFull; then the set is unchanged.
func (s *UserSet) Add(p ListedUser) error {
	var user, address [256]byte
	var all [2]addKey
	keys := all[:0]
	if p.UID != "" {
		keys = append(keys, addKey{appendUser(s, user[:0], p.UID, p.Domain), isUser})
	}
	if p.Address != "" {
		folded := appendFold(address[:0], p.Address)
		if len(keys) == 1 && string(keys[0].folded) == string(folded) {
			keys[0].flags |= isAddress
		} else {
			keys = append(keys, addKey{folded, isAddress})
		}
	}
	if len(keys) == 0 {
		return nil
	}
	if err := s.reserve(keys); err != nil {
		return err
	}
	s.merge(keys, p)
	return nil
}

// reserve makes sure that the keys fit, before anything is changed.
func (s *UserSet) reserve(keys []addKey) error {
	for _, k := range keys {
		if len(k.folded) > maxName {
			return fmt.Errorf("%w: a name of %d bytes", ErrSetFull, len(k.folded))
		}
	}
	// In the worst case, each key takes a new page.
	if s.text.size()+2*pageSize > math.MaxUint32-pageSize || s.names.size() > math.MaxUint32-4 {
		return fmt.Errorf("%w: %d users", ErrSetFull, s.users)
	}
	if 4*(s.names.size()+uint64(len(keys))) > 3*uint64(len(s.slots)) {
		s.grow()
	}
	return nil
}

// merge adds a record to the user who already has one of the keys, or to a new
// user. If the keys belong to two users, it goes to that of the first key: the two
// users are not merged.
func (s *UserSet) merge(keys []addKey, p ListedUser) {
	user, known := uint32(0), false
	for _, k := range keys {
		if n := s.slots[s.slot(k.folded)]; n != 0 && !known {
			user, known = s.names.at(n-1).user, true
		}
	}
	for _, k := range keys {
		slot := s.slot(k.folded)
		if n := s.slots[slot]; n != 0 {
			s.names.at(n - 1).flags |= k.flags
			continue
		}
		number := uint32(s.names.size())
		if !known {
			user, known = number, true
			s.users++
		}
		s.names.add(name{at: s.store(k.folded), user: user, flags: k.flags})
		s.slots[slot] = number + 1
	}
	first := s.names.at(user)
	if first.line == 0 {
		first.line = uint32(min(uint64(max(0, p.Line)), math.MaxUint32))
		first.file = s.fileNumber(p.File)
	}
	first.calendars = uint16(min(int(first.calendars)+max(0, min(p.Calendars, math.MaxUint16)), math.MaxUint16))
	if !p.Disabled {
		first.flags |= isEnabled
	}
}

// fileNumber returns the number of a file, from 1; 0, which means no file, for ""
// and for any file after the 255th.
func (s *UserSet) fileNumber(file string) uint8 {
	for i, known := range s.files {
		if known == file {
			return uint8(i + 1)
		}
	}
	if file == "" || len(s.files) == math.MaxUint8 {
		return 0
	}
	s.files = append(s.files, strings.Clone(file))
	return uint8(len(s.files))
}

// Len returns the number of users. A user is counted twice if two records have
// different keys of the user and no earlier record has both.
func (s *UserSet) Len() int { return s.users }

// Names returns the number of keys. Each Match.Number is below it.
func (s *UserSet) Names() int { return int(s.names.size()) }

// HasMail reports whether a user with that mail address is in the set.
func (s *UserSet) HasMail(addr string) bool {
	_, ok := find(s, addr, isAddress)
	return ok
}

// HasUID reports whether the set contains a user with that user id in that domain,
// or a user with that user id whose domain is unknown. With an empty domain it
// looks only for the latter, unless the set has a default domain.
func (s *UserSet) HasUID(uid, domain string) bool {
	if _, ok := findUser(s, uid, domain); ok {
		return true
	}
	_, ok := find(s, uid, isUser)
	return ok
}

// Key is the kind of name by which an entry was found in a set.
type Key string

// The keys, the most reliable first.
const (
	ByMail      Key = "mail"           // the primary mail address
	ByUIDDomain Key = "uid and domain" // the user id together with its domain
	ByAlternate Key = "alternate mail" // another mail address
	ByUID       Key = "uid"            // the user id, if the list or the entry has no domain
)

// Entry contains the names in a directory entry, as received from the directory.
// Members may be empty. Find neither changes nor keeps them.
type Entry struct {
	UID        []byte
	Mail       []byte
	Alternates [][]byte // further mail addresses
	Domain     []byte   // the domain that contains the entry; if empty, that of Mail
}

// Match is a user found in a set.
type Match struct {
	By        Key
	Number    int    // the same for each key of one user, less than Names
	File      string // of the record that was added first, "" if unknown
	Line      int
	Calendars int // of all records, at most 65535
	Disabled  bool
}

// Find looks up an entry, first by its mail address, then by user id and domain,
// then by its other addresses, and last by the user id alone. It does not allocate
// unless a name has more than 256 bytes.
func (s *UserSet) Find(e Entry) (m Match, ok bool) {
	if n, ok := find(s, e.Mail, isAddress); ok {
		return s.match(n, ByMail), true
	}
	domain := e.Domain
	if len(domain) == 0 {
		_, domain, _ = bytes.Cut(e.Mail, []byte{'@'})
	}
	if n, ok := findUser(s, e.UID, domain); ok {
		return s.match(n, ByUIDDomain), true
	}
	for _, addr := range e.Alternates {
		if n, ok := find(s, addr, isAddress); ok {
			return s.match(n, ByAlternate), true
		}
	}
	n, ok := find(s, e.UID, isUser)
	if !ok && len(e.Domain) == 0 {
		n, ok = findUser(s, e.UID, nil)
	}
	if !ok {
		return Match{}, false
	}
	return s.match(n, ByUID), true
}

// All yields every user with its number, in the order in which they were added.
// Names are case-folded, and names that only a later record had are omitted.
func (s *UserSet) All() iter.Seq2[int, ListedUser] {
	return func(yield func(int, ListedUser) bool) {
		count := uint32(s.names.size())
		for i := range count {
			n := s.names.at(i)
			if n.user != i {
				continue
			}
			if !yield(int(i), s.User(int(i))) {
				return
			}
		}
	}
}

// User returns the data of the user with a number, which is that of a Match or of
// All.
func (s *UserSet) User(number int) ListedUser {
	n := s.names.at(uint32(number))
	m := s.match(n, "")
	p := ListedUser{File: m.File, Line: m.Line, Calendars: m.Calendars, Disabled: m.Disabled}
	s.describe(&p, n)
	if next := uint32(number) + 1; uint64(next) < s.names.size() && s.names.at(next).user == uint32(number) {
		s.describe(&p, s.names.at(next))
	}
	return p
}

// describe adds the data of a name to p.
func (s *UserSet) describe(p *ListedUser, n *name) {
	text := string(s.folded(n))
	uid, domain, _ := strings.Cut(text, "@")
	if n.flags&isUser != 0 && p.UID == "" {
		p.UID, p.Domain = uid, domain
	}
	if n.flags&isAddress != 0 && p.Address == "" {
		p.Address = text
		if p.UID == "" {
			p.Domain = domain
		}
	}
}

func (s *UserSet) match(n *name, by Key) Match {
	first := s.names.at(n.user)
	m := Match{
		By: by, Number: int(n.user), Line: int(first.line),
		Calendars: int(first.calendars), Disabled: first.flags&isEnabled == 0,
	}
	if first.file > 0 {
		m.File = s.files[first.file-1]
	}
	return m
}
