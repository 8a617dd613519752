package ldapcheck

import (
	"iter"
	"slices"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// Account is a user, a group or a resource as extra rules and watchers see it. The
// account and everything in it are valid until the function that received it returns.
type Account struct {
	Entry *directory.Entry
	UID   []byte // the first value, nil if absent
	Mail  []byte // the first value, nil if absent
	// Addresses are all values of the attributes with mail addresses, the alternate ones
	// last. "@domain" means all addresses of the domain.
	Addresses [2][][]byte
	// Marked means that Names.LocalUserAttr, the attribute of people on the new server,
	// has a value that is not blank.
	Marked bool
	// On6 and On7 are the matches on the lists of the old and the new server; nil if
	// there is no list or the person is not on it.
	On6, On7 *cs6.Match
	// LockedOut means that a status locks the person out of both servers.
	LockedOut bool
	// Denied means that icsAllowedServiceAccess denies http, whether or not that is
	// effective.
	Denied bool
	// Modified is modifyTimestamp, nil if it is unknown or Options.Times is not set.
	Modified []byte
}

// Hit is what an extra rule found in an account. The audit copies both values.
type Hit struct {
	Value []byte // the value at fault
	Other []byte // what else Describe needs
}

// Fact is a hit that is to be described.
type Fact struct {
	DN    []byte
	Kind  directory.Kind
	Value []byte
	Other []byte
	File  string // the file of the entry, "" if it has none
	Line  int    // the line of the entry, 0 if it has none
}

// Extra is a rule that runs in addition to those of the catalogue.
type Extra struct {
	Rule  finding.Rule
	Kinds []directory.Kind
	// Skip is why the rule has nothing to look at, as finding.NotApplicable and
	// finding.NotApplicableNeeds return it; nil to run the rule.
	Skip error
	// Observe reports whether the account violates the rule. It is called by several
	// goroutines at once.
	Observe func(*Account) (Hit, bool)
	// Describe returns the detail and the fix of a hit. It is called by one goroutine
	// at a time.
	Describe func(Fact) (detail string, fix finding.Fix)
}

// Watcher receives every account that the rules see, in an order that depends on
// timing. It is called by one goroutine at a time.
type Watcher interface{ Watch(*Account) }

// accountRoles returns the roles of attributes that an Account needs.
func (o *Options) accountRoles() roles {
	s := rolesOf(roleUID, roleMail, roleAlternate, roleLocal, roleAccess, roleStatus, roleUserStatus, roleResourceStatus)
	if o.Times {
		s |= rolesOf(roleModified)
	}
	return s
}

// hasExtra reports whether a watcher or an extra rule looks at the accounts of a kind.
func (a *Audit) hasExtra(kind directory.Kind) bool {
	if !slices.Contains(people(), kind) {
		return false
	}
	return a.o.Watch != nil || slices.ContainsFunc(a.o.Extras, func(x Extra) bool { return x.Skip == nil && slices.Contains(x.Kinds, kind) })
}

// extraRules returns the extra rules as rules, numbered after those of the catalogue.
func extraRules(o *Options) []rule {
	out := make([]rule, len(o.Extras))
	for i, x := range o.Extras {
		number := ruleCount + ruleNumber(i)
		out[i] = rule{
			Rule: x.Rule, kinds: x.Kinds, lacking: o.accountRoles(),
			applies: func(*Audit) error { return x.Skip },
			observe: func(w *worker, s *subject) {
				if hit, ok := x.Observe(&w.account); ok {
					w.found(number, codePlain, roleNone, hit.Value, hit.Other)
				}
			},
			describe: func(a *Audit, f *fact) (string, finding.Fix) { return x.Describe(a.public(f)) },
		}
	}
	return out
}

func (a *Audit) public(f *fact) Fact {
	out := Fact{Kind: f.kind, Value: f.value, Other: f.other}
	if len(f.dns) > 0 {
		out.DN = f.dns[0]
	}
	if f.line > 0 {
		out.File, out.Line = a.fileName(f.file), f.line
	}
	return out
}

// show sets the Account of the current entry and passes it to the watcher.
func (w *worker) show(s *subject) {
	w.account = Account{
		Entry: s.entry, UID: first(s.values[roleUID]), Mail: first(s.values[roleMail]), Marked: s.filled(roleLocal),
		Addresses: [2][][]byte{s.values[roleMail], s.values[roleAlternate]},
		LockedOut: s.lockedByStatus(), Denied: s.denied(), Modified: first(s.values[roleModified]),
	}
	if s.in6 {
		w.account.On6 = &s.match6
	}
	if s.in7 {
		w.account.On7 = &s.match7
	}
	if w.watcher != nil {
		w.watcher.Watch(&w.account)
	}
}

// Watchers returns the watchers that Options.Watch created for the run of the report.
func (r *Report) Watchers() []Watcher {
	var out []Watcher
	for _, w := range r.a.workers {
		if w.watcher != nil {
			out = append(out, w.watcher)
		}
	}
	return out
}

// Facts yields what one of the extra rules found, in the order of the source. An
// error ends the iteration; then facts are missing.
func (r *Report) Facts(id string) iter.Seq2[Fact, error] {
	want := slices.IndexFunc(r.a.table, func(x rule) bool { return x.ID == id })
	return func(yield func(Fact, error) bool) {
		if want < 0 || r.a.dropped[want] != "" {
			return
		}
		n := ruleNumber(want)
		for p, err := range r.a.sortedRange(factKey(n, 0), factKey(n, 1<<posBits-1), func(w *worker) *spill.Sorter { return w.order }) {
			var f *fact
			if err == nil {
				var b []byte
				if b, err = r.record(p.Ref); err == nil {
					f, err = decodeFact(b)
				}
			}
			if err != nil {
				yield(Fact{}, err)
				return
			}
			if !yield(r.a.public(f), nil) {
				return
			}
		}
	}
}

// removalRemark adds a warning to a fix that would hide the calendars of anyone who
// was moved, which cannot be known without the list of the new server.
func (a *Audit) removalRemark(fix finding.Fix) finding.Fix {
	if a.o.CS7 != nil {
		return fix
	}
	return withRemark("only if the person has not been moved; otherwise keep the value and delete the calendars on the old server", fix)
}
