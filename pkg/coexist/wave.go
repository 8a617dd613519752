package coexist

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapchange"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// WaveOptions say who moves to the new server together.
type WaveOptions struct {
	// Directory says how the directory is read: names, back ends, bases, filter, Tmp.
	// CS6 names the owners of calendars on the old server; nil takes the user ids of the
	// directory.
	Directory ldapcheck.Options
	People    *cs6.UserSet
	// Backend is the value of the mark; "" takes the only back end that there is.
	Backend string
	// Left is told of each person who is left out, with an empty DN of one without
	// an entry; it may be nil.
	Left func(dn, why string)
}

// Wave is what moves some people: the changes of the directory, what takes them back, and whose
// calendars are to be deleted on the old server.
type Wave struct {
	Forward, Back *ldapchange.Draft
	Owners        []string // as words of a shell command
	Addresses     []string // of those who move
	Total         int      // users and resources that were looked at
	Entries       int      // that are people of the list
	LeftOut       int
}

// ErrBackend is returned when somebody has to say on which back end the people
// are to be.
var ErrBackend = errors.New("there are several back ends, and none was named")

// Close gives temporary files back.
func (w *Wave) Close() error { return errors.Join(w.Forward.Close(), w.Back.Close()) }

// PlanWave reads the directory and plans a wave. People who are not one entry, who
// have no unique id or no address, who are shut out, or whose names cannot stand in a
// command, are left out. The error says why the directory could not be read to its
// end; then there is no wave.
func PlanWave(ctx context.Context, src directory.Source, o WaveOptions) (*Wave, error) {
	p := &wavePlanner{o: o, n: &o.Directory.Names, seen: map[int][]int{}}
	if p.backend = o.Backend; p.backend == "" {
		var ok bool
		if p.backend, ok = o.Directory.LocalUserValue(); !ok {
			return nil, ErrBackend
		}
	}
	if err := p.scan(ctx, src); err != nil {
		return nil, err
	}
	return p.write()
}

// wavePlanner is the work of PlanWave. A wave is small: its people are in memory.
type wavePlanner struct {
	o       WaveOptions
	n       *ldapcheck.Names
	backend string
	names   []string // attributes of the query
	moves   []move
	total   int
	seen    map[int][]int // number of a person to places in moves
}

// move is one entry that is a person of the list.
type move struct {
	dn     string
	kind   directory.Kind
	person int
	values ldapchange.Values
}

func (p *wavePlanner) query() directory.Query {
	q := directory.Query{Bases: p.o.Directory.Bases, Scope: p.o.Directory.Scope, Filter: p.o.Directory.Filter}
	for _, name := range []string{p.n.UID, p.n.Mail, p.n.AlternateMail, p.n.UniqueID, p.n.LocalUserAttr(), p.n.ServiceAccess, p.n.Status, p.n.UserStatus, "objectClass"} {
		if !hasFold(q.Attributes, name) {
			q.Attributes = append(q.Attributes, name)
		}
	}
	p.names = q.Attributes
	for _, s := range []directory.Selection{{Kind: directory.Resource, Classes: p.n.ResourceClasses}, {Kind: directory.User, Classes: p.n.UserClasses}} {
		s.Attributes = 1<<len(q.Attributes) - 1
		q.Selections = append(q.Selections, s)
	}
	return q
}

func (p *wavePlanner) scan(ctx context.Context, src directory.Source) error {
	for e, err := range src.Entries(ctx, p.query()) {
		var again *directory.RestartError
		var problem *directory.Problem
		switch {
		case errors.As(err, &again):
			p.moves, p.total, p.seen = nil, 0, map[int][]int{}
			continue
		case errors.As(err, &problem) && problem.Kind == directory.ChangeRecord:
			continue
		case err != nil:
			return err
		}
		p.entry(e)
	}
	return nil
}

func (p *wavePlanner) entry(e *directory.Entry) {
	p.total++
	values := ldapchange.Values{}
	for _, v := range e.Values {
		key := strings.ToLower(p.names[v.Attr])
		values[key] = append(values[key], append([]byte{}, v.Data...))
	}
	who := cs6.Entry{UID: firstOf(values, p.n.UID), Mail: firstOf(values, p.n.Mail), Alternates: values[strings.ToLower(p.n.AlternateMail)]}
	m, ok := p.o.People.Find(who)
	if !ok {
		return
	}
	p.seen[m.Number] = append(p.seen[m.Number], len(p.moves))
	p.moves = append(p.moves, move{dn: string(e.DN), kind: e.Kind, person: m.Number, values: values})
}

func firstOf(v ldapchange.Values, name string) []byte {
	if list := v[strings.ToLower(name)]; len(list) > 0 {
		return list[0]
	}
	return nil
}

// write makes the plans.
func (p *wavePlanner) write() (_ *Wave, err error) {
	w := &Wave{Total: p.total, Entries: len(p.moves)}
	if w.Forward, err = ldapchange.NewDraft(p.o.Directory.Tmp); err != nil {
		return nil, err
	}
	if w.Back, err = ldapchange.NewDraft(p.o.Directory.Tmp); err != nil {
		return nil, errors.Join(err, w.Forward.Close())
	}
	for i := range p.moves {
		if why := p.add(w, &p.moves[i]); why != "" {
			p.leave(w, p.moves[i].dn, why)
		}
	}
	for number, person := range p.o.People.All() {
		if len(p.seen[number]) == 0 {
			name := person.Address
			if name == "" {
				name = person.UID
			}
			p.leave(w, "", fmt.Sprintf("%s:%d: no entry is that of %s", person.File, person.Line, name))
		}
	}
	return w, nil
}

func (p *wavePlanner) leave(w *Wave, dn, why string) {
	w.LeftOut++
	if p.o.Left != nil {
		p.o.Left(dn, why)
	}
}

// add plans one person, or says why not.
func (p *wavePlanner) add(w *Wave, m *move) (why string) {
	mail := string(firstOf(m.values, p.n.Mail))
	owner, why := p.owner(m)
	status, user := strings.TrimSpace(string(firstOf(m.values, p.n.Status))), strings.TrimSpace(string(firstOf(m.values, p.n.UserStatus)))
	switch {
	case len(p.seen[m.person]) > 1:
		return fmt.Sprintf("%d entries are one person of the list: it is not known which is meant", len(p.seen[m.person]))
	case !isAddress([]byte(mail)):
		return "it has no mail address"
	case strings.TrimSpace(string(firstOf(m.values, p.n.UniqueID))) == "":
		return "it has no " + p.n.UniqueID + "; 'davadmin ldap populate' gives it one"
	case status != "" && !strings.EqualFold(status, "active"):
		return fmt.Sprintf("%s is '%s', which shuts the person out of both servers", p.n.Status, status)
	case user != "" && !strings.EqualFold(user, "active"):
		return fmt.Sprintf("%s is '%s', which shuts the person out of both servers", p.n.UserStatus, user)
	case why != "":
		return why
	}
	r := ldapchange.Record{DN: m.dn}
	p.mark(&r, m)
	if m.kind == directory.User {
		if why := p.lock(&r, m, status); why != "" {
			return why
		}
	}
	w.Addresses = append(w.Addresses, mail)
	if owner != "" {
		w.Owners = append(w.Owners, owner)
	}
	if len(r.Changes) == 0 {
		return "" // marked and locked already
	}
	back, why := ldapchange.Invert(&r, m.values)
	if why != "" {
		return why
	}
	if err := errors.Join(w.Forward.Add(&r), w.Back.Add(&back)); err != nil {
		return err.Error()
	}
	return ""
}

// owner is the word by which the old server knows whose calendars are to be
// deleted; "" where it has none.
func (p *wavePlanner) owner(m *move) (word, why string) {
	owner := string(firstOf(m.values, p.n.UID))
	if set := p.o.Directory.CS6; set != nil {
		who := cs6.Entry{UID: firstOf(m.values, p.n.UID), Mail: firstOf(m.values, p.n.Mail), Alternates: m.values[strings.ToLower(p.n.AlternateMail)]}
		found, ok := set.Find(who)
		if !ok {
			return "", "" // nothing of the person is there
		}
		if person := set.User(found.Number); person.UID != "" {
			if owner = person.UID; person.Domain != "" {
				owner += "@" + person.Domain
			}
		}
	}
	if word = config.ShellWord(owner); word == "" || strings.HasPrefix(owner, "-") {
		return "", "its user id cannot stand in a command"
	}
	return word, ""
}

func text(values ...string) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		out[i] = []byte(v)
	}
	return out
}

// put adds a change that gives an attribute one value, whatever it has.
func put(r *ldapchange.Record, name string, now [][]byte, value string) {
	if len(now) == 0 {
		r.Changes = append(r.Changes, ldif.Change{Op: ldif.OpAdd, Name: name, Values: text(value)})
		r.Expect = append(r.Expect, ldapchange.Expectation{Name: name, Need: ldapchange.NeedAbsent})
		return
	}
	r.Changes = append(r.Changes, ldif.Change{Op: ldif.OpReplace, Name: name, Values: text(value)})
	r.Expect = append(r.Expect, ldapchange.Expectation{Name: name, Need: ldapchange.NeedAll, Values: now})
}

// mark makes an entry one of the new server's.
func (p *wavePlanner) mark(r *ldapchange.Record, m *move) {
	now := m.values[strings.ToLower(p.n.LocalUserAttr())]
	if strings.TrimSpace(string(firstOf(m.values, p.n.LocalUserAttr()))) != "" {
		return
	}
	const class = "davEntity"
	classy := false
	for _, c := range m.values["objectclass"] {
		classy = classy || strings.EqualFold(string(c), class)
	}
	if !classy && strings.EqualFold(p.n.LocalUserAttr(), "davStore") {
		r.Changes = append(r.Changes, ldif.Change{Op: ldif.OpAdd, Name: "objectClass", Values: text(class)})
		r.Expect = append(r.Expect, ldapchange.Expectation{Name: "objectClass", Need: ldapchange.NeedLacks, Values: text(class)})
	}
	put(r, p.n.LocalUserAttr(), now, p.backend)
}

// lock shuts a user out of the web of the old server, in the form that works:
// icsAllowedServiceAccess is looked at only where icsStatus is absent.
func (p *wavePlanner) lock(r *ldapchange.Record, m *move, status string) (why string) {
	const deny = "-http:all"
	now := m.values[strings.ToLower(p.n.ServiceAccess)]
	switch {
	case len(now) > 1:
		return fmt.Sprintf("%s has several values, and it is not known how the old server reads them", p.n.ServiceAccess)
	case len(now) == 1 && ldapcheck.DeniesHTTP(now[0]):
	case len(now) == 1 && strings.TrimSpace(string(now[0])) != "":
		put(r, p.n.ServiceAccess, now, deny+"$"+string(now[0]))
	default:
		put(r, p.n.ServiceAccess, now, deny)
	}
	if all := m.values[strings.ToLower(p.n.Status)]; status != "" {
		r.Changes = append(r.Changes, ldif.Change{Op: ldif.OpDelete, Name: p.n.Status})
		r.Expect = append(r.Expect, ldapchange.Expectation{Name: p.n.Status, Need: ldapchange.NeedAll, Values: all})
	}
	return ""
}
