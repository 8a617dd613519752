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

// ErrSetFull is returned when a PeopleSet cannot take another person: its text
// has 4 GiB, or a single name has nearly 64 KiB.
var ErrSetFull = errors.New("too much for a set of people")

// SetOptions say how a PeopleSet understands what it is told.
type SetOptions struct {
	// DefaultDomain is what user ids without a domain belong to, as the parameter
	// service.defaultdomain of ics.conf says. Without it, such a user id stands
	// for the people with that user id in every domain.
	DefaultDomain string
}

// PeopleSet is a set of people, each known by mail address, by user id or by
// both. Letter case of addresses, user ids and domains does not matter.
//
// It is made for millions: a name takes about 30 bytes and its own length, and
// is compared in full. Several goroutines may ask at once while none adds.
type PeopleSet struct {
	defaultDomain string
	seed          maphash.Seed
	slots         []uint32 // number of a name + 1; 0 is free
	names         pages[name]
	text          pages[byte]
	files         []string
	people        int
}

// name is one key under which a person is known. What is known of the person
// stands at the first of its names.
type name struct {
	at        uint32 // in the text: length and folded spelling
	person    uint32 // number of the first name
	line      uint32
	calendars uint16
	file      uint8 // number of the file + 1
	flags     nameFlags
}

type nameFlags uint8

const (
	isAddress nameFlags = 1 << iota
	isUser              // a user id, with its domain or without
	isEnabled           // one record at least does not say that it is disabled
)

// NewPeopleSet returns an empty set.
func NewPeopleSet(o SetOptions) *PeopleSet {
	return &PeopleSet{
		defaultDomain: o.DefaultDomain,
		seed:          maphash.MakeSeed(),
		slots:         make([]uint32, 16),
	}
}

// addKey is a key that a record brings.
type addKey struct {
	folded []byte
	flags  nameFlags
}

// Add puts one record of a list into the set. Records that share an address, or
// a user id with its domain, are one person: calendars add up, the person is
// disabled when each record is, and file and line are those of the first. A
// record without address and user id is no person and changes nothing.
//
// It returns ErrSetFull, and then the set is as before.
func (s *PeopleSet) Add(p Person) error {
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
func (s *PeopleSet) reserve(keys []addKey) error {
	for _, k := range keys {
		if len(k.folded) > maxName {
			return fmt.Errorf("%w: a name of %d bytes", ErrSetFull, len(k.folded))
		}
	}
	// Each key takes a new page at worst.
	if s.text.size()+2*pageSize > math.MaxUint32-pageSize || s.names.size() > math.MaxUint32-4 {
		return fmt.Errorf("%w: %d people", ErrSetFull, s.people)
	}
	if 4*(s.names.size()+uint64(len(keys))) > 3*uint64(len(s.slots)) {
		s.grow()
	}
	return nil
}

// merge adds what a record tells to the person that one of the keys knows, or to
// a new one. Where the keys know two people, it goes to that of the first: the
// two stay two.
func (s *PeopleSet) merge(keys []addKey, p Person) {
	person, known := uint32(0), false
	for _, k := range keys {
		if n := s.slots[s.slot(k.folded)]; n != 0 && !known {
			person, known = s.names.at(n-1).person, true
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
			person, known = number, true
			s.people++
		}
		s.names.add(name{at: s.store(k.folded), person: person, flags: k.flags})
		s.slots[slot] = number + 1
	}
	first := s.names.at(person)
	if first.line == 0 {
		first.line = uint32(min(uint64(max(0, p.Line)), math.MaxUint32))
		first.file = s.fileNumber(p.File)
	}
	first.calendars = uint16(min(int(first.calendars)+max(0, min(p.Calendars, math.MaxUint16)), math.MaxUint16))
	if !p.Disabled {
		first.flags |= isEnabled
	}
}

// fileNumber returns 0, which is no file, for those past the 255th.
func (s *PeopleSet) fileNumber(file string) uint8 {
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

// Len returns the number of people. A person of whom two records know different
// keys, and no earlier one knows both, counts twice.
func (s *PeopleSet) Len() int { return s.people }

// Names returns the number of keys. Each Match.Number is below it.
func (s *PeopleSet) Names() int { return int(s.names.size()) }

// HasMail tells whether somebody with that mail address is in the set.
func (s *PeopleSet) HasMail(addr string) bool {
	_, ok := find(s, addr, isAddress)
	return ok
}

// HasUID tells whether somebody with that user id in that domain is in the set,
// or somebody with that user id whose domain is not known. Without a domain,
// only the latter, unless the set has a default domain.
func (s *PeopleSet) HasUID(uid, domain string) bool {
	if _, ok := findUser(s, uid, domain); ok {
		return true
	}
	_, ok := find(s, uid, isUser)
	return ok
}

// Key says by what an entry was found in a set.
type Key string

// The keys, the most telling first.
const (
	ByMail      Key = "mail"           // the primary mail address
	ByUIDDomain Key = "uid and domain" // the user id together with its domain
	ByAlternate Key = "alternate mail" // another mail address
	ByUID       Key = "uid"            // the user id, where list or entry has no domain
)

// Entry is what a directory knows of somebody, as it comes from there. Members
// may be empty. Find neither changes nor keeps them.
type Entry struct {
	UID        []byte
	Mail       []byte
	Alternates [][]byte // further mail addresses
	Domain     []byte   // that the entry stands under; if empty, that of Mail
}

// Match is a person that is in a set.
type Match struct {
	By        Key
	Number    int    // the same for each key of one person, less than Names
	File      string // of the record that was added first, "" when not known
	Line      int
	Calendars int // of all records, 65535 for more
	Disabled  bool
}

// Find looks for an entry, by its mail address first, then by user id and
// domain, then by its other addresses, and last by the user id alone. It
// allocates nothing, unless a name has more than 256 bytes.
func (s *PeopleSet) Find(e Entry) (m Match, ok bool) {
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

// All yields every person with its number, in the order in which they were
// added. Names are in folded spelling, and those that only a later record knew
// are left out.
func (s *PeopleSet) All() iter.Seq2[int, Person] {
	return func(yield func(int, Person) bool) {
		count := uint32(s.names.size())
		for i := range count {
			n := s.names.at(i)
			if n.person != i {
				continue
			}
			if !yield(int(i), s.Person(int(i))) {
				return
			}
		}
	}
}

// Person returns what the set knows of the person with a number, which is that
// of a Match or of All.
func (s *PeopleSet) Person(number int) Person {
	n := s.names.at(uint32(number))
	m := s.match(n, "")
	p := Person{File: m.File, Line: m.Line, Calendars: m.Calendars, Disabled: m.Disabled}
	s.describe(&p, n)
	if next := uint32(number) + 1; uint64(next) < s.names.size() && s.names.at(next).person == uint32(number) {
		s.describe(&p, s.names.at(next))
	}
	return p
}

// describe adds to p what a name says.
func (s *PeopleSet) describe(p *Person, n *name) {
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

func (s *PeopleSet) match(n *name, by Key) Match {
	first := s.names.at(n.person)
	m := Match{
		By: by, Number: int(n.person), Line: int(first.line),
		Calendars: int(first.calendars), Disabled: first.flags&isEnabled == 0,
	}
	if first.file > 0 {
		m.File = s.files[first.file-1]
	}
	return m
}
