package ldapcheck

import (
	"fmt"

	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// listRules are about the lists of who is on which server.
func listRules() []rule {
	asked := rolesOf(roleUID, roleMail, roleAlternate)
	return []rule{
		{
			Rule: newRule("listed-twice", finding.Error,
				"nobody is on the lists of both servers",
				"a person with calendars on both answers free/busy from the old one, and appointments are split",
				"find out where the person's calendars are used, and delete those on the other server"),
			kinds: []directory.Kind{directory.User, directory.Resource}, needs: asked, applies: needsBothLists,
			observe: observeListedTwice, describe: describeListedTwice,
		},
		{
			Rule: newRule("listed-not-found", finding.Warning,
				"everybody on the lists has an entry",
				"a list in another spelling than the directory's would make the rules that use it see nothing and pass",
				"correct the list; or the account is left over from a person who has gone"),
			kinds: []directory.Kind{directory.User, directory.Resource}, needs: asked, applies: needsAnyList, absence: true, describe: describeListedNotFound,
		},
		{
			Rule: newRule("entry-repeated", finding.Error,
				"no entry is there twice",
				"the files overlap or were put together: counts are wrong, and a server refuses the import",
				"audit each entry once"),
			applies: needsFiles, describe: describeRepeated,
		},
	}
}

func bothLists() []finding.Need {
	return []finding.Need{finding.NeedOldServerList, finding.NeedNewServerList}
}

func needsBothLists(a *Audit) error {
	if a.o.CS6 == nil || a.o.CS7 == nil {
		return finding.NotApplicableNeeds(bothLists(), "needs lists of the users on both servers")
	}
	return nil
}

func needsAnyList(a *Audit) error {
	if a.o.CS6 == nil && a.o.CS7 == nil {
		return finding.NotApplicableNeeds(bothLists(), "needs a list of the users on the old or the new server")
	}
	if a.o.Part {
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
	return fmt.Sprintf("the %s %s is on the list of the old server and on that of the new one", f.kind, shown(f.value)), finding.Fix{}
}

// checkListed names those on a list whom no entry matched.
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
		// Lists have no positions in the input; they come behind it.
		w.add(&fact{rule: ruleListedNotFound, pos: n, value: []byte(name), other: []byte(which + "\x00" + place)})
	}
}

func describeListedNotFound(_ *Audit, f *fact) (string, finding.Fix) {
	which, place := cutNUL(f.other)
	return fmt.Sprintf("%s is on the list of the %s server (%s), and no entry that was read is that person's", shown(f.value), which, place), finding.Fix{}
}

func describeRepeated(_ *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("the entry is there %d times", f.count), finding.Fix{}
}
