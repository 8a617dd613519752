package ldapcheck

import (
	"iter"
	"slices"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// Account is a user, a group or a resource as those see it who look at the
// stream together with the rules. It and all that it holds are good until the
// function that was given it returns.
type Account struct {
	Entry *directory.Entry
	UID   []byte // the first value, nil without
	Mail  []byte // likewise
	// Marked tells that the attribute of people on the new server has a value that
	// is more than blanks.
	Marked bool
	// On6 and On7 are what the lists know of the person; nil where there is no
	// list, or the person is not on it.
	On6, On7 *cs6.Match
	// LockedOut tells that a status keeps the person from both servers.
	LockedOut bool
	// Denied tells that icsAllowedServiceAccess denies http, whether that has an
	// effect or not.
	Denied bool
	// Modified is modifyTimestamp, nil where it is not known or Options.Times was
	// not set.
	Modified []byte
}

// Hit is what an extra rule found in an account. Both are copied.
type Hit struct {
	Value []byte // the value at fault
	Other []byte // what else Describe needs
}

// Fact is a hit when it is put into words.
type Fact struct {
	DN    []byte
	Kind  directory.Kind
	Value []byte
	Other []byte
	File  string // and Line: where the entry stands; "" and 0 where there is no such place
	Line  int
}

// Extra is a rule that is run beside those of the catalogue.
type Extra struct {
	Rule  finding.Rule
	Kinds []directory.Kind
	// Skip is why the rule has nothing to look at, as finding.NotApplicable and
	// finding.NotApplicableNeeds return it; nil to run the rule.
	Skip error
	// Observe tells whether the account breaks the rule. Several goroutines call
	// it at once.
	Observe func(*Account) (Hit, bool)
	// Describe returns the detail and the fix of a hit. Only one goroutine calls it
	// at a time.
	Describe func(Fact) (detail string, fix finding.Fix)
}

// Watcher sees every account that the rules see, in an order that depends on
// timing. One goroutine calls it at a time.
type Watcher interface{ Watch(*Account) }

// accountRoles are what an Account shows.
func (o *Options) accountRoles() roles {
	s := rolesOf(roleUID, roleMail, roleAlternate, roleLocal, roleAccess, roleStatus, roleUserStatus, roleResourceStatus)
	if o.Times {
		s |= rolesOf(roleModified)
	}
	return s
}

// looksOn tells whether somebody besides the catalogue looks at the accounts of
// a kind.
func (a *Audit) looksOn(kind directory.Kind) bool {
	if !slices.Contains(people(), kind) {
		return false
	}
	return a.o.Watch != nil || slices.ContainsFunc(a.o.Extras, func(x Extra) bool { return x.Skip == nil && slices.Contains(x.Kinds, kind) })
}

// extraRules are the caller's rules in the shape of ours, numbered behind the
// catalogue.
func extraRules(extras []Extra) []rule {
	out := make([]rule, len(extras))
	for i, x := range extras {
		number := ruleCount + ruleNumber(i)
		out[i] = rule{
			Rule: x.Rule, kinds: x.Kinds,
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

// show makes the Account of the entry in hand, and hands it to the watcher.
func (w *worker) show(s *subject) {
	w.account = Account{
		Entry: s.entry, UID: first(s.values[roleUID]), Mail: first(s.values[roleMail]), Marked: s.filled(roleLocal),
		LockedOut: s.shutByStatus(), Denied: s.denied(), Modified: first(s.values[roleModified]),
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

// Watchers returns those that Options.Watch made for the run that the report is
// about.
func (r *Report) Watchers() []Watcher {
	var out []Watcher
	for _, w := range r.a.workers {
		if w.watcher != nil {
			out = append(out, w.watcher)
		}
	}
	return out
}

// Facts yields what one of the extra rules found, in the order of the source.
// An error is the last word: then facts are missing.
func (r *Report) Facts(id string) iter.Seq2[Fact, error] {
	want := slices.IndexFunc(r.a.table, func(x rule) bool { return x.ID == id })
	return func(yield func(Fact, error) bool) {
		for p, err := range r.a.sorted(func(w *worker) *spill.Sorter { return w.order }) {
			if err == nil && int(p.Key>>posBits) != want {
				continue
			}
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

// removalRemark warns of a fix that would hide the calendars of somebody who
// has moved: without the list of the new server that cannot be told.
func (a *Audit) removalRemark(fix finding.Fix) finding.Fix {
	if a.o.CS7 != nil {
		return fix
	}
	return withRemark("only if the person has not been moved; who has been keeps it, and the calendars on the old server are deleted", fix)
}
