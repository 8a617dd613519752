package coexist

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// Side is where somebody's calendars are.
type Side string

// The sides.
const (
	On6       Side = "cs6"     // on the old server alone
	On7       Side = "cs7"     // on the new server alone
	OnBoth    Side = "both"    // marked for the new server, or known there, and with calendars on the old one
	OnNeither Side = "neither" // not marked, and without calendars on the old server
	Inactive  Side = "inactive"
)

// Sides lists those that a person can be asked for, in the order of reports.
func Sides() []Side { return []Side{On6, On7, OnBoth, OnNeither} }

// SideOf tells on which side a person is. list6 tells whether it is known who has calendars on the old
// server. Where it is not, whoever is not on the new server is taken for a person
// of the old one, as the new server does it. Inactive are people
// on neither whom a status shuts out: they have left.
func SideOf(a *ldapcheck.Account, list6 bool) Side {
	on7 := a.Marked || a.On7 != nil
	on6 := a.On6 != nil
	if !list6 {
		on6 = !on7 && !a.LockedOut
	}
	switch {
	case on6 && on7:
		return OnBoth
	case on6:
		return On6
	case on7:
		return On7
	case a.LockedOut:
		return Inactive
	}
	return OnNeither
}

// DomainCount says how many people of a mail domain are on which side.
type DomainCount struct {
	Name      string // in A-labels and lower case; "" for people without a mail address, or with one that has no domain
	On6       int
	On7       int
	Both      int
	Neither   int
	Inactive  int
	Calendars int // of those on the old server alone, where the list tells

	// Example6 and Example7 are mail addresses of one of those on each server, the first in the
	// order of the source who is not shut out.
	Example6, Example7 string
	pos6, pos7         uint64

	strays int // of Both: not on the list of the new server, so that the mark is a mistake
}

// People is how many people there are, the inactive ones left out.
func (d *DomainCount) People() int { return d.On6 + d.On7 + d.Both + d.Neither }

func (d *DomainCount) add(o *DomainCount) {
	d.On6, d.On7, d.Both, d.Neither, d.Inactive = d.On6+o.On6, d.On7+o.On7, d.Both+o.Both, d.Neither+o.Neither, d.Inactive+o.Inactive
	d.Calendars, d.strays = d.Calendars+o.Calendars, d.strays+o.strays
	if o.Example6 != "" && (d.Example6 == "" || o.pos6 < d.pos6) {
		d.Example6, d.pos6 = o.Example6, o.pos6
	}
	if o.Example7 != "" && (d.Example7 == "" || o.pos7 < d.pos7) {
		d.Example7, d.pos7 = o.Example7, o.pos7
	}
}

// mostDomains is how many mail domains are told apart.
const mostDomains = 100_000

// partition counts people by domain and side. Each worker counts on its own.
type partition struct {
	list6, list7 bool // there is a list of the server's people
	total        *counter
}

func newPartition(o *ldapcheck.Options) *partition {
	p := &partition{list6: o.CS6 != nil, list7: o.CS7 != nil}
	p.total = p.newCounter()
	return p
}

func (p *partition) watch() ldapcheck.Watcher { return p.newCounter() }

// counter is what one worker counts.
type counter struct {
	list6, list7 bool

	by   map[string]*DomainCount
	full bool // more domains than are told apart

	timed    int       // entries that tell when they were changed
	newest   time.Time // the last change
	newestDN string
	changes  map[int64]int // how many entries were changed in a second
}

func (p *partition) newCounter() *counter {
	return &counter{list6: p.list6, list7: p.list7, by: map[string]*DomainCount{}, changes: map[int64]int{}}
}

// Watch counts an account.
func (c *counter) Watch(a *ldapcheck.Account) {
	c.time(a)
	if a.Entry.Kind == directory.Group {
		return
	}
	var buf [256]byte
	d := c.domain(appendDomain(buf[:0], a.Mail))
	switch SideOf(a, c.list6) {
	case On6:
		d.On6++
		if a.On6 != nil {
			d.Calendars += a.On6.Calendars
		}
		if !a.LockedOut && isAddress(a.Mail) && (d.Example6 == "" || a.Entry.Pos < d.pos6) {
			d.Example6, d.pos6 = string(a.Mail), a.Entry.Pos
		}
	case On7:
		d.On7++
		if !a.LockedOut && isAddress(a.Mail) && (d.Example7 == "" || a.Entry.Pos < d.pos7) {
			d.Example7, d.pos7 = string(a.Mail), a.Entry.Pos
		}
	case OnBoth:
		d.Both++
		if c.list7 && a.On7 == nil {
			d.strays++
		}
	case OnNeither:
		d.Neither++
	case Inactive:
		d.Inactive++
	}
}

func (c *counter) domain(name []byte) *DomainCount {
	if d := c.by[string(name)]; d != nil {
		return d
	}
	key := ""
	if d, err := config.ParseDomain(string(name)); err == nil {
		key = d.Name
	}
	if len(c.by) >= mostDomains && c.by[key] == nil {
		c.full = true
		key = ""
	}
	if c.by[key] == nil {
		c.by[key] = &DomainCount{Name: key}
	}
	return c.by[key]
}

// collect adds up what the workers counted.
func (p *partition) collect(watchers []ldapcheck.Watcher) {
	for _, w := range watchers {
		c, ok := w.(*counter)
		if !ok {
			continue
		}
		p.total.full = p.total.full || c.full
		for name, d := range c.by {
			p.total.domain([]byte(name)).add(d)
		}
		p.total.addTimes(c)
	}
}

func (p *partition) tooMany() bool { return p.total.full }

// domains are the counts in the order of their names, people without a domain
// last.
func (p *partition) domains() []DomainCount {
	var out []DomainCount
	for _, name := range slices.SortedFunc(maps.Keys(p.total.by), func(a, b string) int {
		return cmp.Or(-cmp.Compare(min(len(a), 1), min(len(b), 1)), strings.Compare(a, b))
	}) {
		out = append(out, *p.total.by[name])
	}
	return out
}

// sum adds up all domains.
func (p *partition) sum() DomainCount {
	var all DomainCount
	for _, d := range p.total.by {
		all.add(d)
	}
	return all
}

func isAddress(mail []byte) bool {
	at := bytes.LastIndexByte(mail, '@')
	return at > 0 && at < len(mail)-1 && !bytes.ContainsAny(mail, " \t\r\n") && utf8.Valid(mail)
}

// appendDomain writes the domain of a mail address as domains are compared:
// A-labels in lower case. It writes nothing for an address that has none.
func appendDomain(dst, mail []byte) []byte {
	at := bytes.LastIndexByte(mail, '@')
	if at < 0 {
		return dst
	}
	name := bytes.TrimRight(bytes.TrimSpace(mail[at+1:]), ".")
	from := len(dst)
	for _, b := range name {
		if b >= utf8.RuneSelf || b <= ' ' {
			d, err := config.ParseDomain(string(name))
			if err != nil {
				return dst[:from]
			}
			return append(dst[:from], d.Name...)
		}
		if 'A' <= b && b <= 'Z' {
			b += 'a' - 'A'
		}
		dst = append(dst, b)
	}
	return dst
}
