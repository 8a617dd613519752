package coexist

import (
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// GroupError is the reason for skipping a group: groups are not moved. What both servers
// need of a group is its unique id.
type GroupError struct {
	DN        string
	Attribute string // that contains the unique id
	HasID     bool
}

// Error says what the group lacks.
func (e *GroupError) Error() string {
	if e.HasID {
		return "it is a group"
	}
	return "it is a group without " + e.Attribute
}

// group notes a group that matches a user of the list.
func (p *wavePlanner) group(e *directory.Entry, v ldapchange.Values) {
	if p.o.Users == nil {
		return
	}
	found, ok := p.o.Users.Find(p.names6(v))
	if !ok || p.groups[found.Number] != nil {
		return
	}
	p.groups[found.Number] = &GroupError{
		DN: string(e.DN), Attribute: p.n.UniqueID, HasID: strings.TrimSpace(string(firstOf(v, p.n.UniqueID))) != "",
	}
}

// choose returns the number of the user whose entry has these values. ok is false if the user
// is not to be moved.
func (p *wavePlanner) choose(v ldapchange.Values) (user int, ok bool) {
	if p.o.Users != nil {
		m, ok := p.o.Users.Find(p.names6(v))
		return m.Number, ok
	}
	if !p.isLeft(v) {
		return 0, false
	}
	mail := firstOf(v, p.n.Mail)
	if len(mail) == 0 {
		return -1 - len(p.moves), true // it is skipped for that
	}
	key := string(directory.AppendFold(nil, mail))
	number, known := p.numbers[key]
	if !known {
		number = len(p.numbers)
		p.numbers[key] = number
	}
	return number, true
}

// isLeft reports whether an entry is that of a user in the domain who is only on the old
// server.
func (p *wavePlanner) isLeft(v ldapchange.Values) bool {
	if p.o.Domain != "" && string(appendDomain(nil, firstOf(v, p.n.Mail))) != p.o.Domain {
		return false
	}
	p.matched++
	if strings.TrimSpace(string(firstOf(v, p.n.LocalUserAttr()))) != "" {
		return false
	}
	for _, name := range []string{p.n.Status, p.n.UserStatus} {
		if isLocked(strings.TrimSpace(string(firstOf(v, name)))) {
			return false
		}
	}
	who := p.names6(v)
	if set := p.o.Directory.CS7; set != nil {
		if _, on7 := set.Find(who); on7 {
			return false
		}
	}
	if set := p.o.Directory.CS6; set != nil {
		_, on6 := set.Find(who)
		return on6
	}
	return true
}
