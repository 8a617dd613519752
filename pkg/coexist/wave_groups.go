package coexist

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// The bounds of the expansion of groups.
const (
	maxGroupDepth   = 32
	maxGroupMembers = 1_000_000
)

// ErrGroupMembers is returned if the groups of a list have too many members to be expanded.
var ErrGroupMembers = fmt.Errorf("the groups have more than %d members", maxGroupMembers)

// WaveGroup is a group whose members are moved.
type WaveGroup struct {
	DN      string
	Address string     // its mail address; "" if it has none
	Within  *WaveGroup // the group that contains it; nil for a group of the list
	Members int        // number of its values for members, without memberURL
	URLs    []string   // values of memberURL
	HasID   bool
	Cycle   bool // it contains a group that it is in

	key string // the normal form of its DN
}

// MemberError is the reason for skipping a member of a group: no entry was found.
type MemberError struct {
	Member string // the DN or the address, as it is in the group
	Group  string // the DN of the group
	Cause  string // "" if the entry was looked for and not found
}

// Error says which group has the member.
func (e *MemberError) Error() string {
	if e.Cause != "" {
		return fmt.Sprintf("%s is a member of the group %s, but %s", e.Member, e.Group, e.Cause)
	}
	return fmt.Sprintf("no user, resource or group found for %s, a member of the group %s", e.Member, e.Group)
}

// DynamicGroupError is the reason for skipping members of a group that a search finds: the
// search is not done, because only the servers know how they do it.
type DynamicGroupError struct {
	Attribute string
	URLs      []string // LDAP URLs (RFC 4516), as they are in the group
}

// Error says where the members are.
func (e *DynamicGroupError) Error() string {
	return "members of the group are found by the search in " + e.Attribute + ", which is not evaluated"
}

// EmptyGroupError is the reason for skipping a group that shows no member.
type EmptyGroupError struct{ Attributes []string }

// Error says which attributes were read.
func (e *EmptyGroupError) Error() string {
	return "the group has no members, or does not show them (" + strings.Join(e.Attributes, ", ") + ")"
}

// NestedGroupError is the reason for skipping a group that is nested too deep.
type NestedGroupError struct{ Group string }

// Error states the bound.
func (e *NestedGroupError) Error() string {
	return fmt.Sprintf("the group is in the group %s, more than %d levels below a group of the list", e.Group, maxGroupDepth)
}

// member is a member of a group.
type member struct {
	text   string
	group  *WaveGroup
	number int // of the user: negative, because those of the list are not
	found  bool
	cause  string
}

// expansion finds the members of the groups of a list. The groups and their members are kept
// in memory.
type expansion struct {
	p       *wavePlanner
	names   []string // attributes of the query
	dns     map[string]*member
	mails   map[string]*member
	members []*member
	groups  []*WaveGroup
	known   map[string]bool // normal DNs and folded addresses of all groups
	done    map[string]bool // normal DNs of the groups expanded
	listed  map[int]bool    // numbers of the users of the list that are groups
	round   []groupFound    // found in this reading
	absence *directory.Absence
}

// groupFound is a group to expand.
type groupFound struct {
	group  *WaveGroup
	values map[int][]string // by index of the attribute
	listed int              // the number of the user of the list; -1 for none
	via    []*member
}

// expand reads the groups of the list, and those that they contain, until there is none that is
// new. Each reading goes one level deeper.
func (p *wavePlanner) expand(ctx context.Context, src directory.Source) error {
	x := &expansion{
		p: p, dns: map[string]*member{}, mails: map[string]*member{}, known: map[string]bool{}, done: map[string]bool{}, listed: map[int]bool{},
	}
	p.expansion = x
	for depth := 0; ; depth++ {
		if err := x.read(ctx, src); err != nil {
			return err
		}
		if err := x.prove(ctx); err != nil {
			return err
		}
		if depth > maxGroupDepth {
			x.tooDeep()
			return nil
		}
		if more, err := x.add(); err != nil || !more {
			return err
		}
	}
}

// memberNames returns the attributes with DNs of members.
func memberNames(n *ldapcheck.Names) []string {
	var out []string
	for _, name := range append(append([]string{}, n.Members...), "uniqueMember", "member") {
		if !hasFold(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// read reads all groups and keeps those that are in the list or in a group, and not done.
func (x *expansion) read(ctx context.Context, src directory.Source) error {
	n := x.p.n
	x.names = append(append([]string{}, n.UID, n.Mail, n.AlternateMail, n.UniqueID, n.MailMember, n.MemberURL, "objectClass"), memberNames(n)...)
	q := directory.Query{Bases: x.p.o.Directory.Bases, Scope: x.p.o.Directory.Scope, Filter: x.p.o.Directory.Filter, Attributes: x.names}
	q.Selections = []directory.Selection{{Kind: directory.Group, Classes: n.GroupClasses, Attributes: 1<<len(x.names) - 1}}
	start := func() {
		x.round, x.absence = nil, nil
		if prove := x.p.o.Directory.Prove; prove != nil {
			x.absence = directory.NewAbsence(x.names, prove.Contexts)
		}
	}
	start()
	return directory.Read(ctx, src, q, directory.Handlers{
		Entry: func(e *directory.Entry) error {
			if e.Kind == directory.Group && !directory.IsConflictDN(e.DN) {
				x.entry(e)
			}
			return nil
		},
		Problem: func(problem *directory.Problem) error {
			if problem.Kind == directory.ChangeRecord && !problem.Addition || problem.Kind == directory.InvalidDN {
				return nil // the reading that plans the wave deals with it
			}
			return problem
		},
		Restart: func(*directory.RestartError) error {
			start()
			return nil
		},
	})
}

// entry keeps a group that is to be expanded.
func (x *expansion) entry(e *directory.Entry) {
	key, err := directory.AppendNormalDN(nil, e.DN)
	if err != nil {
		return
	}
	values := map[int][]string{}
	var have uint64
	for _, v := range e.Values {
		// The values of several attributes with one name have the index of the first.
		values[v.Attr] = append(values[v.Attr], string(v.Data))
		have |= 1 << v.Attr
	}
	if x.moves(valuesOf(x.names, values)) {
		return
	}
	x.known[string(key)] = true
	who := x.p.names6(valuesOf(x.names, values))
	var via []*member
	if m := x.dns[string(key)]; m != nil {
		via = append(via, m)
	}
	for _, address := range append([][]byte{who.Mail}, who.Alternates...) {
		if folded := string(directory.AppendFold(nil, address)); folded != "" {
			x.known[folded] = true
			if m := x.mails[folded]; m != nil {
				via = append(via, m)
			}
		}
	}
	found := groupFound{group: &WaveGroup{DN: string(e.DN), Address: string(who.Mail), key: string(key)}, values: values, listed: -1, via: via}
	if user, ok := x.p.o.Users.Find(who); ok {
		found.listed = user.Number
	}
	if found.listed < 0 && len(via) == 0 {
		return
	}
	if x.absence != nil && !x.done[string(key)] {
		x.absence.Note(e.DN, have, (1<<len(x.names)-1)&^have)
	}
	x.round = append(x.round, found)
}

// moves reports whether an entry is that of a user or a resource, which the reading that plans
// the wave prefers to a group.
func (x *expansion) moves(v map[string][][]byte) bool {
	for _, class := range v["objectclass"] {
		if c := strings.TrimSpace(string(class)); hasFold(x.p.n.UserClasses, c) || hasFold(x.p.n.ResourceClasses, c) {
			return true
		}
	}
	return false
}

// valuesOf returns values by the names of their attributes in lower case.
func valuesOf(names []string, values map[int][]string) map[string][][]byte {
	out := map[string][][]byte{}
	for i, list := range values {
		out[strings.ToLower(names[i])] = text(list...)
	}
	return out
}

// prove returns an error if members are hidden from the bind DN.
func (x *expansion) prove(ctx context.Context) error {
	if x.absence == nil {
		return nil
	}
	absent, err := x.absence.Ask(ctx, x.p.o.Directory.Prove)
	if err != nil {
		return err
	}
	if hidden := directory.FirstHidden(absent); hidden != nil {
		return hidden
	}
	return nil
}

// add adds the members of the groups that were found. more reports whether some of them are
// groups that were not expanded yet.
func (x *expansion) add() (more bool, err error) {
	for i := range x.round {
		f := &x.round[i]
		g := f.group
		if f.listed >= 0 {
			x.listed[f.listed] = true
		}
		for _, m := range f.via {
			m.found = true
			if g.Within == nil && f.listed < 0 {
				g.Within = m.group
			}
			for up := m.group; up != nil; up = up.Within {
				if up.key == g.key {
					m.group.Cycle = true
				}
			}
		}
		if x.done[g.key] {
			continue
		}
		x.done[g.key] = true
		x.groups = append(x.groups, g)
		for j, name := range x.names {
			again, err := x.values(g, name, f.values[j])
			if err != nil {
				return false, err
			}
			more = more || again
		}
	}
	return more, nil
}

// values adds the values of an attribute of a group. more reports whether some of them are
// groups that were not expanded yet.
func (x *expansion) values(g *WaveGroup, name string, values []string) (more bool, err error) {
	n := x.p.n
	switch {
	case len(values) == 0:
		return false, nil
	case strings.EqualFold(name, n.UniqueID):
		g.HasID = strings.TrimSpace(values[0]) != ""
		return false, nil
	case strings.EqualFold(name, n.MemberURL):
		g.URLs = values
		return false, nil
	case hasFold(memberNames(n), name):
		for _, dn := range values {
			dn = withoutUID(dn)
			m := &member{text: dn, group: g}
			key, err := directory.AppendNormalDN(nil, []byte(dn))
			if err != nil || len(key) == 0 {
				m.cause = "the DN is invalid"
				key = []byte(dn)
			}
			more = x.member(x.dns, string(key), m) || more
		}
	case strings.EqualFold(name, n.MailMember):
		for _, address := range values {
			more = x.member(x.mails, string(directory.AppendFold(nil, []byte(address))), &member{text: strings.TrimSpace(address), group: g}) || more
		}
	}
	if len(x.members) > maxGroupMembers {
		return false, ErrGroupMembers
	}
	return more, nil
}

// member adds a member by its key, and reports whether it is a group that was not expanded yet.
func (x *expansion) member(to map[string]*member, key string, m *member) (more bool) {
	m.group.Members++
	if to[key] == nil {
		m.number, m.found = -1-len(x.members), x.done[key]
		to[key] = m
		x.members = append(x.members, m)
	} else if !x.known[key] {
		return false
	}
	for up := m.group; up != nil; up = up.Within {
		m.group.Cycle = m.group.Cycle || up.key == key
	}
	return x.known[key] && !x.done[key]
}

// withoutUID removes the optional unique identifier from a value of uniqueMember, whose syntax
// is Name and Optional UID (RFC 4517, section 3.3.21): "DN#'0101'B".
func withoutUID(value string) string {
	i := strings.LastIndex(value, "#'")
	if i <= 0 || !strings.HasSuffix(value, "'B") || strings.Trim(value[i+2:len(value)-2], "01") != "" || value[i-1] == '\\' {
		return value
	}
	return value[:i]
}

// tooDeep notes the groups that were found below the last level.
func (x *expansion) tooDeep() {
	for i := range x.round {
		f := &x.round[i]
		if x.done[f.group.key] {
			continue
		}
		for _, m := range f.via {
			m.found = true
		}
		x.done[f.group.key] = true
		f.group.Within = f.via[0].group
		x.p.deep = append(x.p.deep, f.group)
	}
}

// find returns the members whose entry has a DN or an address, the one with the DN first.
func (x *expansion) find(dn []byte, v map[string][][]byte) (found []*member) {
	if x == nil || len(x.members) == 0 {
		return nil
	}
	if len(x.dns) > 0 {
		if key, err := directory.AppendNormalDN(nil, dn); err == nil {
			if m := x.dns[string(key)]; m != nil {
				found = append(found, m)
			}
		}
	}
	if len(x.mails) == 0 {
		return found
	}
	who := x.p.names6(v)
	for _, address := range append([][]byte{who.Mail}, who.Alternates...) {
		if m := x.mails[string(directory.AppendFold(nil, bytes.TrimSpace(address)))]; m != nil && len(address) > 0 {
			found = append(found, m)
		}
	}
	return found
}

// report reports the groups, and what of them is not moved.
func (x *expansion) report(w *WavePlan) {
	p := x.p
	for _, g := range x.groups {
		if p.o.Group != nil {
			p.o.Group(g)
		}
		name := g.Address
		if g.Within != nil {
			name = ""
		}
		switch {
		case len(g.URLs) > 0:
			p.skip(w, SkippedUser{g.DN, name, &DynamicGroupError{p.n.MemberURL, g.URLs}})
		case g.Members == 0:
			p.skip(w, SkippedUser{g.DN, name, &EmptyGroupError{append(memberNames(p.n), p.n.MailMember, p.n.MemberURL)}})
		}
	}
	for _, g := range p.deep {
		p.skip(w, SkippedUser{g.DN, g.Address, &NestedGroupError{g.Within.DN}})
	}
	for _, m := range x.members {
		if m.found {
			continue
		}
		name := ""
		if x.mails[string(directory.AppendFold(nil, []byte(m.text)))] == m {
			name = m.text
		}
		p.skip(w, SkippedUser{"", name, &MemberError{m.text, m.group.DN, m.cause}})
	}
}
