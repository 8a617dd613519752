package coexist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapchange"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// WaveOptions describe a wave: a group of users who move to the new server together.
type WaveOptions struct {
	// Directory says how the directory is read: names, back ends, bases, filter, Tmp.
	// CS6 contains the owners of calendars on the old server; if it is nil, the user
	// ids of the directory are used.
	Directory ldapcheck.Options
	Users     *cs6.UserSet
	// Backend is the value of the local-user attribute; "" means the only back end.
	Backend string
	// Skipped is called for each user who is not part of the wave, with the reason; dn
	// is empty for a user without an entry. It may be nil.
	Skipped func(dn string, reason error)
}

// Wave contains the changes that move a group of users, the changes that undo that,
// and the owners of the calendars to delete on the old server.
type Wave struct {
	Forward, Rollback *ldapchange.Draft
	Owners            []string     // quoted for a shell command
	Addresses         []string     // of the users who move
	People            []WavePerson // the same users, in the same order
	Total             int          // number of users and resources read
	Entries           int          // number of entries that match a user of the list
	Skipped           int          // number of calls of WaveOptions.Skipped
	// Absence is what is known about the attributes that the users of the wave, or for the
	// attributes by which users are found, all entries, came without.
	Absence []directory.AttributeAbsence
}

// ErrBackend is returned if there are several back ends and WaveOptions does not
// name one.
var ErrBackend = errors.New("there are several back ends, and none was named")

// NoUniqueIDError is the reason for skipping an entry without a unique id.
type NoUniqueIDError struct {
	Attribute string // that contains the unique id
}

// Error says which attribute is missing.
func (e *NoUniqueIDError) Error() string { return "it has no " + e.Attribute }

// Close removes the temporary files.
func (w *Wave) Close() error { return errors.Join(w.Forward.Close(), w.Rollback.Close()) }

// PlanWave reads the directory and plans a wave. Users are skipped if they do not
// match exactly one entry, have no unique id or no address, are locked out, or have a
// user id that cannot be used in a command. If the directory could not be read to its
// end, PlanWave returns the reason and no wave; if it hides an attribute that the wave
// depends on, that is a *directory.HiddenError.
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
	if err := p.prove(ctx); err != nil {
		return nil, err
	}
	return p.write()
}

// wavePlanner is the state of PlanWave. A wave is small, so its users are kept in
// memory.
type wavePlanner struct {
	o       WaveOptions
	n       *ldapcheck.Names
	backend string
	names   []string // attributes of the query
	moves   []move
	total   int
	seen    map[int][]int      // from the number of a user to indexes in moves
	absence *directory.Absence // nil for files
	absent  []directory.AttributeAbsence
}

// move is an entry that matches a user of the list.
type move struct {
	dn     string
	kind   directory.Kind
	user   int // the number of the user
	values ldapchange.Values
	why    string // why it cannot be moved; "" if it may be
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
	q := p.query()
	p.expect()
	return directory.Read(ctx, src, q, directory.Handlers{
		Entry: p.entry,
		Problem: func(problem *directory.Problem) error {
			switch {
			case problem.Kind == directory.ChangeRecord && !problem.Addition:
				return nil
			case problem.Kind == directory.InvalidDN:
				return p.match(problem.Entry, problem.Detail)
			}
			return problem
		},
		Restart: func(*directory.RestartError) error {
			p.moves, p.total, p.seen = nil, 0, map[int][]int{}
			p.expect()
			return nil
		},
	})
}

func (p *wavePlanner) entry(e *directory.Entry) error {
	if directory.IsConflictDN(e.DN) {
		return nil // the entry that it conflicts with is the user's
	}
	return p.match(e, "")
}

// match notes an entry if it is that of a user of the list. why is why it cannot be
// moved.
func (p *wavePlanner) match(e *directory.Entry, why string) error {
	p.total++
	var have uint64
	values := ldapchange.Values{}
	for _, v := range e.Values {
		have |= 1 << v.Attr
		key := strings.ToLower(p.names[v.Attr])
		values[key] = append(values[key], append([]byte{}, v.Data...))
	}
	who := cs6.Entry{UID: firstOf(values, p.n.UID), Mail: firstOf(values, p.n.Mail), Alternates: values[strings.ToLower(p.n.AlternateMail)]}
	m, ok := p.o.Users.Find(who)
	p.note(e, have, ok)
	if !ok {
		return nil
	}
	p.seen[m.Number] = append(p.seen[m.Number], len(p.moves))
	p.moves = append(p.moves, move{dn: string(e.DN), kind: e.Kind, user: m.Number, values: values, why: why})
	return nil
}

// expect prepares for finding out whether attributes are absent or hidden.
func (p *wavePlanner) expect() {
	if prove := p.o.Directory.Prove; prove != nil {
		p.absence = directory.NewAbsence(p.names, prove.Contexts)
	}
}

// note records what an entry came without: of users of the list, everything matters, of
// others, the attributes by which they would be found.
func (p *wavePlanner) note(e *directory.Entry, have uint64, listed bool) {
	if p.absence == nil {
		return
	}
	var needed uint64
	for i, name := range p.names {
		if listed || hasFold([]string{p.n.UID, p.n.Mail, p.n.AlternateMail}, name) {
			needed |= 1 << i
		}
	}
	p.absence.Note(e.DN, have, needed&^have)
}

// prove finds out whether attributes are absent or hidden.
func (p *wavePlanner) prove(ctx context.Context) (err error) {
	if p.absence == nil {
		return nil
	}
	if p.absent, err = p.absence.Ask(ctx, p.o.Directory.Prove); err != nil {
		return err
	}
	if hidden := directory.FirstHidden(p.absent); hidden != nil {
		return hidden
	}
	return nil
}

func firstOf(v ldapchange.Values, name string) []byte {
	if list := v[strings.ToLower(name)]; len(list) > 0 {
		return list[0]
	}
	return nil
}

// write creates the plans.
func (p *wavePlanner) write() (_ *Wave, err error) {
	w := &Wave{Total: p.total, Entries: len(p.moves), Absence: p.absent}
	if w.Forward, err = ldapchange.NewDraft(p.o.Directory.Tmp); err != nil {
		return nil, err
	}
	if w.Rollback, err = ldapchange.NewDraft(p.o.Directory.Tmp); err != nil {
		return nil, errors.Join(err, w.Forward.Close())
	}
	for i := range p.moves {
		if reason := p.add(w, &p.moves[i]); reason != nil {
			p.skip(w, p.moves[i].dn, reason)
		}
	}
	for number, user := range p.o.Users.All() {
		if len(p.seen[number]) == 0 {
			p.skip(w, "", fmt.Errorf("%s:%d: no entry found for %s", user.File, user.Line, cmp.Or(user.Address, user.UID)))
		}
	}
	return w, nil
}

func (p *wavePlanner) skip(w *Wave, dn string, reason error) {
	w.Skipped++
	if p.o.Skipped != nil {
		p.o.Skipped(dn, reason)
	}
}

// add plans the move of one user, or returns why the user is skipped.
func (p *wavePlanner) add(w *Wave, m *move) error {
	mail := string(firstOf(m.values, p.n.Mail))
	owner, ownerErr := p.owner(m)
	status, userStatus := strings.TrimSpace(string(firstOf(m.values, p.n.Status))), strings.TrimSpace(string(firstOf(m.values, p.n.UserStatus)))
	switch {
	case m.why != "":
		return errors.New(m.why)
	case len(p.seen[m.user]) > 1:
		return fmt.Errorf("%d entries match the same user of the list", len(p.seen[m.user]))
	case !isAddress([]byte(mail)):
		return errors.New("it has no mail address")
	case strings.TrimSpace(string(firstOf(m.values, p.n.UniqueID))) == "":
		return &NoUniqueIDError{p.n.UniqueID}
	case status != "" && !strings.EqualFold(status, "active"):
		return fmt.Errorf("%s is '%s', which locks the user out of both servers", p.n.Status, status)
	case userStatus != "" && !strings.EqualFold(userStatus, "active"):
		return fmt.Errorf("%s is '%s', which locks the user out of both servers", p.n.UserStatus, userStatus)
	case ownerErr != nil:
		return ownerErr
	}
	r := ldapchange.Record{DN: m.dn}
	p.mark(&r, m)
	if m.kind == directory.User {
		if err := p.lock(&r, m, status); err != nil {
			return err
		}
	}
	changed := len(r.Changes) > 0 // else already marked and locked out
	if changed {
		back, why := ldapchange.Invert(&r, m.values)
		if why != "" {
			return errors.New(why)
		}
		if err := errors.Join(w.Forward.Add(&r), w.Rollback.Add(&back)); err != nil {
			return err
		}
	}
	w.Addresses = append(w.Addresses, mail)
	w.People = append(w.People, WavePerson{DN: m.dn, Address: mail, Changed: changed})
	if owner != "" {
		w.Owners = append(w.Owners, owner)
	}
	return nil
}

// owner returns the name of the user on the old server as a word of a shell command;
// "" if the user has no calendars there.
func (p *wavePlanner) owner(m *move) (word string, err error) {
	owner := string(firstOf(m.values, p.n.UID))
	if set := p.o.Directory.CS6; set != nil {
		who := cs6.Entry{UID: firstOf(m.values, p.n.UID), Mail: firstOf(m.values, p.n.Mail), Alternates: m.values[strings.ToLower(p.n.AlternateMail)]}
		found, ok := set.Find(who)
		if !ok {
			return "", nil
		}
		if user := set.User(found.Number); user.UID != "" {
			if owner = user.UID; user.Domain != "" {
				owner += "@" + user.Domain
			}
		}
	}
	if word = config.ShellWord(owner); word == "" || strings.HasPrefix(owner, "-") {
		return "", errors.New("its user id cannot be used in a command")
	}
	return word, nil
}

func text(values ...string) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		out[i] = []byte(v)
	}
	return out
}

// put adds a change that replaces all values of an attribute, now, by one value.
func put(r *ldapchange.Record, name string, now [][]byte, value string) {
	if len(now) == 0 {
		r.Changes = append(r.Changes, ldif.Modification{Op: ldif.OpAdd, Name: name, Values: text(value)})
		r.Expect = append(r.Expect, ldapchange.Expectation{Name: name, Need: ldapchange.NeedAbsent})
		return
	}
	r.Changes = append(r.Changes, ldif.Modification{Op: ldif.OpReplace, Name: name, Values: text(value)})
	r.Expect = append(r.Expect, ldapchange.Expectation{Name: name, Need: ldapchange.NeedAll, Values: now})
}

// mark adds the change that marks an entry as a user of the new server.
func (p *wavePlanner) mark(r *ldapchange.Record, m *move) {
	now := m.values[strings.ToLower(p.n.LocalUserAttr())]
	if strings.TrimSpace(string(firstOf(m.values, p.n.LocalUserAttr()))) != "" {
		return
	}
	const class = "davEntity"
	hasClass := slices.ContainsFunc(m.values["objectclass"], func(c []byte) bool { return strings.EqualFold(string(c), class) })
	if !hasClass && strings.EqualFold(p.n.LocalUserAttr(), "davStore") {
		r.Changes = append(r.Changes, ldif.Modification{Op: ldif.OpAdd, Name: "objectClass", Values: text(class)})
		r.Expect = append(r.Expect, ldapchange.Expectation{Name: "objectClass", Need: ldapchange.NeedLacks, Values: text(class)})
	}
	put(r, p.n.LocalUserAttr(), now, p.backend)
}

// lock adds the changes that lock a user out of the web interface of the old server.
// It removes icsStatus, because the server evaluates icsAllowedServiceAccess only if
// icsStatus is absent.
func (p *wavePlanner) lock(r *ldapchange.Record, m *move, status string) error {
	const deny = "-http:all"
	now := m.values[strings.ToLower(p.n.ServiceAccess)]
	switch {
	case len(now) > 1:
		return fmt.Errorf("%s has several values, and how the old server evaluates them is unknown", p.n.ServiceAccess)
	case len(now) == 1 && ldapcheck.DeniesHTTP(now[0]):
	case len(now) == 1 && strings.TrimSpace(string(now[0])) != "":
		put(r, p.n.ServiceAccess, now, deny+"$"+string(now[0]))
	default:
		put(r, p.n.ServiceAccess, now, deny)
	}
	if all := m.values[strings.ToLower(p.n.Status)]; status != "" {
		r.Changes = append(r.Changes, ldif.Modification{Op: ldif.OpDelete, Name: p.n.Status})
		r.Expect = append(r.Expect, ldapchange.Expectation{Name: p.n.Status, Need: ldapchange.NeedAll, Values: all})
	}
	return nil
}
