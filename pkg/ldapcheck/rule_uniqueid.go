package ldapcheck

import (
	"fmt"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
)

func uniqueIDRules() []rule {
	id := rolesOf(roleID)
	return []rule{
		{
			Rule: newRule("uniqueid-missing", finding.Error,
				"every user, group and resource has a unique id",
				"the unique id keys the account: without it the server makes none, and nobody can share with the person or invite the resource; this holds for those on the old server too",
				"give the entry a new value, and the object class that allows it; never one that another entry has or had"),
			kinds: people(), needs: rolesOf(roleID, roleClass), observe: observeMissing, describe: describeMissing,
		},
		{
			Rule: newRule("uniqueid-empty", finding.Error,
				"no unique id is empty",
				"an empty value looks like one to whoever asks for its presence, and keys nothing",
				"replace it by a new value"),
			kinds: people(), needs: id, observe: observeEmpty, describe: describeEmpty,
		},
		{
			Rule: newRule("uniqueid-multivalued", finding.Error,
				"no entry has two unique ids",
				"the server takes one of them, not always the same: the person has two accounts and sees one",
				"find out under which value the account is, and remove the other"),
			kinds: people(), needs: id, observe: observeMultivalued, describe: describeMultivalued,
		},
		{
			Rule: newRule("uniqueid-duplicate", finding.Error,
				"no two entries have the same unique id",
				"they share one account: each sees, changes and answers for the other's calendars",
				"find out whose account it is; give every other entry a new value"),
			kinds: people(), needs: id, applies: needsBoth, describe: describeDuplicate,
		},
		{
			Rule: newRule("uniqueid-case-collision", finding.Error,
				"no two unique ids differ in letter case or blanks alone",
				"the directory takes them for one value and the database for two: a look-up by id finds the wrong person, and a directory that checks uniqueness refuses the import",
				"give all but one of the entries a new value"),
			kinds: people(), needs: id, applies: needsBoth, describe: describeCollision,
		},
		{
			Rule: newRule("uniqueid-malformed", finding.Warning,
				"every unique id looks like one",
				"the server takes any text; but a value that no generator of ids makes was made in another way, which may make it again",
				"find out where the value comes from; if it is a format of your own, give the audit a pattern for it"),
			kinds: people(), needs: id, observe: observeMalformed, describe: describeMalformed,
		},
		{
			Rule: newRule("uniqueid-unstable", finding.Error,
				"the unique id is an attribute that the directory does not change by itself",
				"the directory gives its operational attributes anew when an entry is made anew or moved to another server: the account is cut off from its calendars",
				"give every entry a davUniqueId with the present value, then change davcore.uriinfo.permanentuniqueid"),
			still: true, describe: describeUnstable,
		},
		{
			Rule: newRule("uniqueid-class-missing", finding.Error,
				"every entry with a unique id has the object class that allows it",
				"a directory that checks its schema refuses the entry at the next import, or the next change of it",
				"add the object class"),
			kinds: people(), needs: rolesOf(roleID, roleClass), applies: needsClass,
			observe: observeClassMissing, describe: describeClassMissing,
		},
	}
}

// needsBoth is for rules that work on what worker.remember notes.
func needsBoth(*Audit) error { return nil }

func needsClass(a *Audit) error {
	if a.o.Names.UniqueIDClass == "" {
		return finding.NotApplicable("the object class that allows %s is unknown", a.o.Names.UniqueID)
	}
	return nil
}

func observeMissing(w *worker, s *subject) {
	if len(s.values[roleID]) == 0 {
		code := codePlain
		if s.classed {
			code = codeHasClass
		}
		w.found(ruleMissing, code, roleID, nil, nil)
	}
}

func observeEmpty(w *worker, s *subject) {
	if s.idValues == 0 && len(s.values[roleID]) > 0 {
		w.found(ruleEmpty, codePlain, roleID, s.values[roleID][0], nil)
	}
}

func observeMultivalued(w *worker, s *subject) {
	if s.idValues > 1 {
		w.foundAll(ruleMultivalued, codePlain, roleID)
	}
}

func observeMalformed(w *worker, s *subject) {
	if s.idValues != 1 {
		return
	}
	for _, v := range s.values[roleID] {
		if !isBlank(v) && !isUniqueIDShape(v) && (w.a.o.IDPattern == nil || !w.a.o.IDPattern.Match(v)) {
			w.found(ruleMalformed, codePlain, roleID, v, nil)
		}
	}
}

func observeClassMissing(w *worker, s *subject) {
	if s.idValues > 0 && !s.classed {
		w.found(ruleClassMissing, codePlain, roleID, first(s.values[roleID]), nil)
	}
}

// checkUnstable is about the configuration alone.
func (a *Audit) checkUnstable(w *worker) error {
	if config.IsOperationalAttribute(a.o.Names.UniqueID) {
		w.add(&fact{rule: ruleUnstable, value: []byte(a.o.Names.UniqueID)})
	}
	return w.err
}

func describeMissing(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("the %s has no %s", f.kind, a.o.Names.UniqueID), a.newIDFix(f.dns[0], "add", f.code == codeHasClass)
}

func describeEmpty(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("the only %s of the %s is empty", a.o.Names.UniqueID, f.kind), a.newIDFix(f.dns[0], "replace", true)
}

func describeMultivalued(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("%s has several values: %s", a.o.Names.UniqueID, shownList(f.values)),
		a.removeSecond(f, a.o.Names.UniqueID, "keep the value under which the account is; this removes the other one")
}

func describeDuplicate(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("%d entries have the %s %s", f.count, a.o.Names.UniqueID, shown(f.value)), a.decideFix(f)
}

func describeCollision(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("%d entries have a %s that the directory takes for the same and the database does not: %s", f.count, a.o.Names.UniqueID, shownList(f.values)), a.decideFix(f)
}

func describeMalformed(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("%s is neither four groups of eight hexadecimal digits nor a UUID: %s", a.o.Names.UniqueID, shown(f.value)), finding.Fix{}
}

func describeUnstable(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("davcore.uriinfo.permanentuniqueid is %s, which the directory itself gives and changes", shown(f.value)),
		finding.Text(finding.FixNone, "do not change the parameter before every entry has a davUniqueId with the present value: changing it alone loses all data")
}

func describeClassMissing(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("the %s has a %s and not the object class %s", f.kind, a.o.Names.UniqueID, a.o.Names.UniqueIDClass),
		a.modifyFix(f.dns[0], "add", "objectClass", []byte(a.o.Names.UniqueIDClass))
}
