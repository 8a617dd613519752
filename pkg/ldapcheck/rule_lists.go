package ldapcheck

import (
	"fmt"

	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// listRules are the rules about the lists of the people on each server.
func listRules() []rule {
	asked := rolesOf(roleUID, roleMail, roleAlternate)
	return []rule{
		{
			Rule: newRule("listed-twice", finding.Error,
				"nobody is on the lists of both servers",
				"free/busy requests about a person with calendars on both servers are answered from the old one, and appointments are split between the two",
				"find out which server the person uses, and delete the calendars on the other one"),
			kinds: []directory.Kind{directory.User, directory.Resource}, needs: asked, applies: needsBothLists,
			observe: observeListedTwice, describe: describeListedTwice,
		},
		{
			Rule: newRule("listed-not-found", finding.Warning,
				"everybody on the lists has an entry",
				"if the spelling in a list differs from the directory, the rules that use the list find nothing and pass",
				"correct the list, unless the account belongs to a person who has left"),
			kinds: []directory.Kind{directory.User, directory.Resource}, needs: asked, lacking: asked, applies: needsAnyList, absence: true, describe: describeListedNotFound,
		},
		{
			Rule: newRule("entry-repeated", finding.Error,
				"no entry is repeated",
				"the files overlap or were concatenated: counts are wrong, and a server refuses the import",
				"audit each entry only once"),
			applies: needsFiles, describe: describeRepeated,
		},
		{
			Rule: newRule("replication-conflict", finding.Error,
				"no entry is a replication conflict",
				"the entry was created on two replicas with the same DN: a look-up by address or unique id finds two entries, and the server uses either",
				"find out which of the two entries is the right one, and delete or rename the other one as the manual of the directory server describes; never give a conflict entry a unique id of its own"),
			kinds: people(), describe: describeConflict,
		},
	}
}

func bothLists() []finding.Need {
	return []finding.Need{finding.NeedOldServerList, finding.NeedNewServerList}
}

// ListMissing returns why a rule that depends on a list without users is not run, or the given
// error if the list is missing for another reason.
func ListMissing(empty bool, otherwise error) error {
	if empty {
		return finding.NotApplicable("the list is empty")
	}
	return otherwise
}

// unreadListError is the reason why a rule is not run that depends on a list that could not
// be read.
type unreadListError struct{ err error }

// Error returns the reason.
func (e *unreadListError) Error() string { return e.err.Error() }

// Unwrap returns the *finding.NotApplicableError.
func (e *unreadListError) Unwrap() error { return e.err }

// NewListMissing returns why a rule that depends on CS7 is not run: the list could not be
// read, or what ListMissing returns.
func (o *Options) NewListMissing(empty bool, otherwise error) error {
	if o.UnreadCS7 != "" {
		return &unreadListError{finding.NotApplicable("the users on the new server could not be read: %s", o.UnreadCS7)}
	}
	return ListMissing(empty, otherwise)
}

func needsBothLists(a *Audit) error {
	if a.o.CS6 == nil || a.o.CS7 == nil {
		return a.o.NewListMissing(a.o.EmptyCS6 || a.o.EmptyCS7, finding.NotApplicableNeeds(bothLists(), "needs lists of the users on both servers"))
	}
	return nil
}

func needsAnyList(a *Audit) error {
	if a.o.CS6 == nil && a.o.CS7 == nil {
		return a.o.NewListMissing(a.o.EmptyCS6 || a.o.EmptyCS7, finding.NotApplicableNeeds(bothLists(), "needs a list of the users on the old or the new server"))
	}
	if a.o.Partial {
		return finding.NotApplicableNeeds([]finding.Need{finding.NeedWholeDirectory}, "only part of the directory is read")
	}
	return nil
}

func needsFiles(a *Audit) error {
	if a.o.Server != nil {
		return finding.NotApplicable("a directory server cannot contain an entry twice")
	}
	return nil
}

func observeListedTwice(w *worker, s *subject) {
	if s.in6 && s.in7 {
		w.found(ruleListedTwice, codePlain, roleMail, first(s.values[roleMail]), nil)
	}
}

func describeListedTwice(_ *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("the %s %s is on the lists of both the old and the new server", f.kind, quote(f.value)), finding.Fix{}
}

// checkListed reports the people on the lists that no entry matched.
func (a *Audit) checkListed(w *worker) error {
	a.checkList(w, a.o.CS6, "old", func(o *worker) []uint64 { return o.seen6 })
	a.checkList(w, a.o.CS7, "new", func(o *worker) []uint64 { return o.seen7 })
	return w.err
}

func (a *Audit) checkList(w *worker, set *cs6.UserSet, which string, seen func(*worker) []uint64) {
	if set == nil {
		return
	}
	all := make([]uint64, set.Names()/64+1)
	for _, o := range a.workers {
		for i, bits := range seen(o) {
			all[i] |= bits
		}
	}
	n := uint64(0)
	for number, p := range set.All() {
		n++
		if all[number/64]&(1<<(number%64)) != 0 {
			continue
		}
		name := p.Address
		if name == "" {
			name = p.UID
			if p.Domain != "" {
				name += "@" + p.Domain
			}
		}
		place := p.File
		if p.Line > 0 {
			place = fmt.Sprintf("%s:%d", p.File, p.Line)
		}
		// Lists have no position in the input, so their order is used.
		w.add(&fact{rule: ruleListedNotFound, pos: n, value: []byte(name), other: []byte(which + "\x00" + place)})
	}
}

func describeListedNotFound(_ *Audit, f *fact) (string, finding.Fix) {
	which, place := cutNUL(f.other)
	return fmt.Sprintf("%s is on the list of the %s server (%s), but no entry was found for that person", quote(f.value), which, place), finding.Fix{}
}

// isConflict reports whether the current entry is a replication conflict entry. Such an
// entry is not a person of its own: no other rule looks at it, and a fix that repaired
// it would make it look like one.
func (s *subject) isConflict() bool {
	return len(s.values[roleConflict]) > 0 || directory.IsConflictDN(s.entry.DN)
}

// conflict records a replication conflict entry. References to it are not dangling.
func (w *worker) conflict(s *subject) {
	if w.a.runs(ruleConflict) && s.entry.Kind != directory.Other && s.entry.Kind != directory.Domain {
		w.found(ruleConflict, codePlain, roleConflict, first(s.values[roleConflict]), nil)
	}
	if w.a.runs(ruleEntryRepeated) {
		for _, r := range []role{roleID, roleMail, roleAlternate} {
			s.values[r] = s.values[r][:0] // the entry that it conflicts with has the same ones
		}
		w.remember(s)
	}
	if w.a.needsDNs() {
		w.rememberDN(s)
	}
}

func describeConflict(_ *Audit, f *fact) (string, finding.Fix) {
	detail := fmt.Sprintf("the %s is a replication conflict entry", f.kind)
	if len(f.value) > 0 {
		detail += fmt.Sprintf(" (%s)", quote(f.value))
	}
	return detail + "; no other rule checked it", finding.Fix{}
}

func describeRepeated(_ *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("the entry occurs %d times", f.count), finding.Fix{}
}
