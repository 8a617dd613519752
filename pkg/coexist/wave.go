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

// WaveOptions describe waves: groups of users who move to the new server together.
type WaveOptions struct {
	// Directory says how the directory is read: names, back ends, bases, filter, Tmp.
	// CS6 contains the owners of calendars on the old server; if it is nil, the user
	// ids of the directory are used.
	Directory ldapcheck.Options
	// Users are the users to move. If it is nil, all users and resources that are only on
	// the old server are moved: not marked, not in Directory.CS7, not locked out by a
	// status, and, if Directory.CS6 is set, in it.
	Users *cs6.UserSet
	// ExpandGroups adds the members of the groups in Users, and of the groups in these, to
	// the users to move. The source is read once more for each level of groups.
	ExpandGroups bool
	// Group is called for each group whose members were added. It may be nil.
	Group func(*WaveGroup)
	// Domain is the mail domain, in A-labels, of the users to move if Users is nil; ""
	// means all domains.
	Domain string
	// Size is the maximum number of users of a wave; 0 means no maximum, and one wave.
	Size int
	// Backend is the value of the local-user attribute; "" means the only back end.
	Backend string
	// Skipped is called for each user who is not part of a wave, with the reason. It may
	// be nil.
	Skipped func(SkippedUser)
}

// SkippedUser is a user who is not part of a wave.
type SkippedUser struct {
	DN     string // "" for a user without an entry
	Name   string // the address or user id by which a list can name the user; "" if absent
	Reason error
}

// WavePlan contains one wave or several. It is not safe for concurrent use.
type WavePlan struct {
	Total   int // number of users and resources read
	Matched int // of them, those in WaveOptions.Domain
	Entries int // number of entries that were to be moved
	Skipped int // number of calls of WaveOptions.Skipped
	Users   int // number of users in all waves
	// Absence is what is known about the attributes that the users of the wave, or for the
	// attributes by which users are found, all entries, came without.
	Absence []directory.AttributeAbsence

	moved []moved
	size  int
	tmp   string
}

// moved is the move of one user.
type moved struct {
	person        WavePerson
	owner         string
	resource      bool
	forward, back ldapchange.Record // without changes if the user was already moved
}

// Wave contains the changes that move a group of users, the changes that undo that,
// and the owners of the calendars to delete on the old server.
type Wave struct {
	Forward, Rollback *ldapchange.Draft
	Owners            []string     // quoted for a shell command
	Addresses         []string     // of the users who move
	People            []WavePerson // the same users, in the same order
	Resources         int          // how many of them are resources
}

// Waves returns the number of waves.
func (p *WavePlan) Waves() int {
	if p.size <= 0 {
		return min(1, len(p.moved))
	}
	return (len(p.moved) + p.size - 1) / p.size
}

// Wave returns the wave with an index. The caller closes it.
func (p *WavePlan) Wave(i int) (_ *Wave, err error) {
	all := p.moved
	if p.size > 0 {
		all = all[i*p.size : min((i+1)*p.size, len(all))]
	}
	w := &Wave{}
	if w.Forward, err = ldapchange.NewDraft(p.tmp); err != nil {
		return nil, err
	}
	if w.Rollback, err = ldapchange.NewDraft(p.tmp); err != nil {
		return nil, errors.Join(err, w.Forward.Close())
	}
	for i := range all {
		m := &all[i]
		if m.person.Changed {
			if err := errors.Join(w.Forward.Add(&m.forward), w.Rollback.Add(&m.back)); err != nil {
				return nil, errors.Join(err, w.Close())
			}
		}
		w.Addresses = append(w.Addresses, m.person.Address)
		w.People = append(w.People, m.person)
		if m.owner != "" {
			w.Owners = append(w.Owners, m.owner)
		}
		if m.resource {
			w.Resources++
		}
	}
	return w, nil
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

// PlanWaves reads the directory and plans waves. Users are skipped if they do not
// match exactly one entry, have no unique id or no address, are locked out, or have a
// user id that cannot be used in a command; groups are skipped with a *GroupError, unless
// they are expanded: then the reasons are a *MemberError, *DynamicGroupError,
// *EmptyGroupError or *NestedGroupError, or the error is ErrGroupMembers. If
// the directory could not be read to its end, PlanWaves returns the reason and no wave;
// if it hides an attribute that a wave depends on, that is a *directory.HiddenError.
func PlanWaves(ctx context.Context, src directory.Source, o WaveOptions) (*WavePlan, error) {
	p := &wavePlanner{o: o, n: &o.Directory.Names}
	p.reset()
	if p.backend = o.Backend; p.backend == "" {
		var ok bool
		if p.backend, ok = o.Directory.LocalUserValue(); !ok {
			return nil, ErrBackend
		}
	}
	if o.ExpandGroups && o.Users != nil {
		if err := p.expand(ctx, src); err != nil {
			return nil, err
		}
	}
	if err := p.scan(ctx, src); err != nil {
		return nil, err
	}
	if err := p.prove(ctx); err != nil {
		return nil, err
	}
	return p.finish(), nil
}

// wavePlanner is the state of PlanWaves. The users to move are kept in memory.
type wavePlanner struct {
	o       WaveOptions
	n       *ldapcheck.Names
	backend string
	names   []string // attributes of the query
	moves   []move
	total   int
	matched int                 // of them, those in the domain
	seen    map[int][]int       // from the number of a user to indexes in moves
	groups  map[int]*GroupError // the first group that matches a user of the list
	numbers map[string]int      // without a list, the numbers of users by folded address
	// expansion contains the members of groups; it is nil if they are not expanded.
	expansion *expansion
	deep      []*WaveGroup       // groups nested too deep
	absence   *directory.Absence // nil for files
	absent    []directory.AttributeAbsence
}

// move is an entry that matches a user of the list.
type move struct {
	dn     string
	kind   directory.Kind
	user   int // the number of the user
	values ldapchange.Values
	why    string // why it cannot be moved; "" if it may be
}

// reset forgets what was read.
func (p *wavePlanner) reset() {
	p.moves, p.total, p.matched, p.seen, p.groups, p.numbers = nil, 0, 0, map[int][]int{}, map[int]*GroupError{}, map[string]int{}
}

func (p *wavePlanner) query() directory.Query {
	q := directory.Query{Bases: p.o.Directory.Bases, Scope: p.o.Directory.Scope, Filter: p.o.Directory.Filter}
	for _, name := range []string{p.n.UID, p.n.Mail, p.n.AlternateMail, p.n.UniqueID, p.n.LocalUserAttr(), p.n.ServiceAccess, p.n.Status, p.n.UserStatus, "objectClass"} {
		if !hasFold(q.Attributes, name) {
			q.Attributes = append(q.Attributes, name)
		}
	}
	p.names = q.Attributes
	for _, s := range []directory.Selection{{Kind: directory.Resource, Classes: p.n.ResourceClasses}, {Kind: directory.User, Classes: p.n.UserClasses}, {Kind: directory.Group, Classes: p.n.GroupClasses}} {
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
			p.reset()
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

// match notes an entry if it is that of a user to move. why is why it cannot be moved.
func (p *wavePlanner) match(e *directory.Entry, why string) error {
	var have uint64
	values := ldapchange.Values{}
	for _, v := range e.Values {
		have |= 1 << v.Attr
		key := strings.ToLower(p.names[v.Attr])
		values[key] = append(values[key], append([]byte{}, v.Data...))
	}
	if e.Kind == directory.Group {
		p.group(e, values)
		return nil
	}
	p.total++
	user, ok := p.choose(values)
	members := p.expansion.find(e.DN, values)
	p.note(e, have, ok || len(members) > 0 || p.o.Users == nil)
	for i, m := range members {
		m.found = true
		if !ok && i == 0 {
			user, ok = m.number, true
		} else if m.number != user {
			p.seen[m.number] = append(p.seen[m.number], len(p.moves))
		}
	}
	if !ok {
		return nil
	}
	p.seen[user] = append(p.seen[user], len(p.moves))
	p.moves = append(p.moves, move{dn: string(e.DN), kind: e.Kind, user: user, values: values, why: why})
	return nil
}

// names6 returns the names by which an entry is found in a list.
func (p *wavePlanner) names6(v ldapchange.Values) cs6.Entry {
	return cs6.Entry{UID: firstOf(v, p.n.UID), Mail: firstOf(v, p.n.Mail), Alternates: v[strings.ToLower(p.n.AlternateMail)]}
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

// finish plans the move of each user.
func (p *wavePlanner) finish() *WavePlan {
	w := &WavePlan{Total: p.total, Matched: p.matched, Entries: len(p.moves), Absence: p.absent, size: p.o.Size, tmp: p.o.Directory.Tmp}
	for i := range p.moves {
		m := &p.moves[i]
		one, reason := p.plan(m)
		if reason != nil {
			name := string(firstOf(m.values, p.n.Mail))
			if cs6.AddressFault(name) != "" { // a list with it could not be read
				name = string(firstOf(m.values, p.n.UID))
			}
			p.skip(w, SkippedUser{m.dn, name, reason})
			continue
		}
		w.moved = append(w.moved, *one)
	}
	w.Users = len(w.moved)
	if p.o.Users == nil {
		return w
	}
	for number, user := range p.o.Users.All() {
		name := cmp.Or(user.Address, user.UID)
		switch g := p.groups[number]; {
		case len(p.seen[number]) > 0:
		case p.expansion != nil && p.expansion.listed[number]:
		case g != nil:
			p.skip(w, SkippedUser{g.DN, name, g})
		default:
			p.skip(w, SkippedUser{"", name, fmt.Errorf("%s:%d: no entry found for %s", user.File, user.Line, name)})
		}
	}
	if p.expansion != nil {
		p.expansion.report(w)
	}
	return w
}

func (p *wavePlanner) skip(w *WavePlan, s SkippedUser) {
	w.Skipped++
	if p.o.Skipped != nil {
		p.o.Skipped(s)
	}
}

// plan plans the move of one user, or returns why the user is skipped.
func (p *wavePlanner) plan(m *move) (*moved, error) {
	mail := string(firstOf(m.values, p.n.Mail))
	owner, ownerErr := p.owner(m)
	status, userStatus := strings.TrimSpace(string(firstOf(m.values, p.n.Status))), strings.TrimSpace(string(firstOf(m.values, p.n.UserStatus)))
	switch {
	case m.why != "":
		return nil, errors.New(m.why)
	case len(p.seen[m.user]) > 1 && p.o.Users == nil:
		return nil, fmt.Errorf("%d entries have the same mail address", len(p.seen[m.user]))
	case len(p.seen[m.user]) > 1 && m.user < 0:
		return nil, fmt.Errorf("%d entries match the same member of a group", len(p.seen[m.user]))
	case len(p.seen[m.user]) > 1:
		return nil, fmt.Errorf("%d entries match the same user of the list", len(p.seen[m.user]))
	case strings.TrimSpace(mail) == "":
		return nil, errors.New("it has no mail address")
	case !isAddress([]byte(mail)) || cs6.AddressFault(mail) != "":
		// A list of the users of the wave could not be read.
		return nil, fmt.Errorf("its mail address '%s' is not valid: %s", mail, cmp.Or(cs6.AddressFault(mail), "not an address"))
	case strings.TrimSpace(string(firstOf(m.values, p.n.UniqueID))) == "":
		return nil, &NoUniqueIDError{p.n.UniqueID}
	case isLocked(status):
		return nil, fmt.Errorf("%s is '%s', which locks the user out of both servers", p.n.Status, status)
	case isLocked(userStatus):
		return nil, fmt.Errorf("%s is '%s', which locks the user out of both servers", p.n.UserStatus, userStatus)
	case ownerErr != nil:
		return nil, ownerErr
	}
	out := &moved{person: WavePerson{DN: m.dn, Address: mail}, owner: owner, resource: m.kind == directory.Resource, forward: ldapchange.Record{DN: m.dn}}
	p.mark(&out.forward, m)
	if m.kind == directory.User {
		if err := p.lock(&out.forward, m, status); err != nil {
			return nil, err
		}
	}
	if len(out.forward.Changes) == 0 {
		return out, nil // already marked and locked out
	}
	out.person.Changed = true
	back, why := ldapchange.Invert(&out.forward, m.values)
	if why != "" {
		return nil, errors.New(why)
	}
	out.back = back
	return out, nil
}

// isLocked reports whether a status locks a user out of both servers.
func isLocked(status string) bool { return status != "" && !strings.EqualFold(status, "active") }

// owner returns the name of the user on the old server as a word of a shell command;
// "" if the user has no calendars there.
func (p *wavePlanner) owner(m *move) (word string, err error) {
	owner := string(firstOf(m.values, p.n.UID))
	if set := p.o.Directory.CS6; set != nil {
		found, ok := set.Find(p.names6(m.values))
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
