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

// Side is where the calendars of a user are.
type Side string

// The sides.
const (
	On6       Side = "cs6"      // only on the old server
	On7       Side = "cs7"      // only on the new server
	OnBoth    Side = "both"     // marked for the new server, or on its list, and with calendars on the old server
	OnNeither Side = "neither"  // not marked, and without calendars on the old server
	Inactive  Side = "inactive" // on neither, and locked out by a status
)

// Sides returns the sides of active users, in the order of reports.
func Sides() []Side { return []Side{On6, On7, OnBoth, OnNeither} }

// SideOf returns the side of a user. list6 says whether there is a list of the users
// with calendars on the old server. Without it, anyone who is not on the new server
// and not locked out counts as a user of the old server, as the new server assumes.
// Inactive are users on neither server whose status locks them out: they have left.
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

// DomainCount counts the users of a mail domain by side.
type DomainCount struct {
	Name      string // in A-labels and lower case; "" for users without a mail address, or with an address that has no domain
	On6       int
	On7       int
	Both      int
	Neither   int
	Inactive  int
	Calendars int // of the users who are only on the old server, if its list contains calendars

	// Example6 and Example7 are the mail addresses of a user on each server: the first
	// one in the order of the source who is not locked out.
	Example6, Example7 string
	pos6, pos7         uint64

	mismarked int // of Both: not on the list of the new server, so the mark is a mistake
}

// People returns the number of users, not counting the inactive ones.
func (d *DomainCount) People() int { return d.On6 + d.On7 + d.Both + d.Neither }

func (d *DomainCount) add(o *DomainCount) {
	d.On6, d.On7, d.Both, d.Neither, d.Inactive = d.On6+o.On6, d.On7+o.On7, d.Both+o.Both, d.Neither+o.Neither, d.Inactive+o.Inactive
	d.Calendars, d.mismarked = d.Calendars+o.Calendars, d.mismarked+o.mismarked
	if o.Example6 != "" && (d.Example6 == "" || o.pos6 < d.pos6) {
		d.Example6, d.pos6 = o.Example6, o.pos6
	}
	if o.Example7 != "" && (d.Example7 == "" || o.pos7 < d.pos7) {
		d.Example7, d.pos7 = o.Example7, o.pos7
	}
}

// mostDomains is the maximum number of mail domains that are counted separately.
const mostDomains = 100_000

// partition counts users by domain and side. Each worker has its own counter.
type partition struct {
	list6, list7 bool // there is a list of the server's users
	mapped       map[string]mapLine
	total        *counter
}

// newPartition returns empty counts. Of the domains in mapped, it is also noted whether
// any entry has an address in them.
func newPartition(o *ldapcheck.Options, mapped map[string]mapLine) *partition {
	p := &partition{list6: o.CS6 != nil, list7: o.CS7 != nil, mapped: mapped}
	p.total = p.newCounter()
	return p
}

func (p *partition) watch() ldapcheck.Watcher { return p.newCounter() }

// counter contains the counts of one worker.
type counter struct {
	list6, list7 bool
	mapped       map[string]mapLine
	held         map[string]bool // the domains of mapped in which an entry has an address

	by   map[string]*DomainCount
	full bool // there are more than mostDomains domains

	timed    int       // number of entries with the time of their last change
	newest   time.Time // the latest change
	newestDN string
	changes  map[int64]int // number of entries changed in each second of Unix time
}

func (p *partition) newCounter() *counter {
	return &counter{list6: p.list6, list7: p.list7, mapped: p.mapped, held: map[string]bool{}, by: map[string]*DomainCount{}, changes: map[int64]int{}}
}

// Watch counts an account.
func (c *counter) Watch(a *ldapcheck.Account) {
	c.time(a)
	c.hold(a)
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
			d.mismarked++
		}
	case OnNeither:
		d.Neither++
	case Inactive:
		d.Inactive++
	}
}

// hold notes the mapped domains in which an entry has an address, whatever kind of entry
// it is.
func (c *counter) hold(a *ldapcheck.Account) {
	if len(c.held) == len(c.mapped) {
		return
	}
	var buf [256]byte
	for _, list := range a.Addresses {
		for _, address := range list {
			domain := appendDomain(buf[:0], address)
			if _, ok := c.mapped[string(domain)]; ok && !c.held[string(domain)] {
				c.held[string(domain)] = true
			}
		}
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

// collect adds up the counts of the workers.
func (p *partition) collect(watchers []ldapcheck.Watcher) {
	for _, w := range watchers {
		c, ok := w.(*counter)
		if !ok {
			continue
		}
		p.total.full = p.total.full || c.full
		maps.Copy(p.total.held, c.held)
		for name, d := range c.by {
			p.total.domain([]byte(name)).add(d)
		}
		p.total.addTimes(c)
	}
}

func (p *partition) tooMany() bool { return p.total.full }

// domains returns the counts sorted by domain name, with users without a domain
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

// sum returns the total of all domains.
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

// appendDomain appends the domain of a mail address in the form in which domains are
// compared: A-labels in lower case. It appends nothing if the address has no domain.
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
