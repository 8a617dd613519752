package ldapcheck

import (
	"fmt"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldif"
)

func uniqueIDRules() []rule {
	id := rolesOf(roleID)
	return []rule{
		{
			Rule: newRule("uniqueid-missing", finding.Error,
				"every user, group and resource has a unique id",
				"the unique id is the key of the account: without it the server creates none, and nobody can share with the person or invite the resource; this also applies to people on the old server",
				"add a new value and the object class that allows it; never use a value that another entry has or had"),
			kinds: people(), needs: rolesOf(roleID, roleClass), lacking: id, missing: roleID, observe: observeMissing, describe: describeMissing,
		},
		{
			Rule: newRule("uniqueid-empty", finding.Error,
				"no unique id is empty",
				"a search for entries with a unique id finds the entry, but an empty value cannot be the key of an account",
				"replace it with a new value"),
			kinds: people(), needs: id, observe: observeEmpty, describe: describeEmpty,
		},
		{
			Rule: newRule("uniqueid-multivalued", finding.Error,
				"no entry has two unique ids",
				"the server uses one of them, not always the same one: the person has two accounts and sees one",
				"find out which value the account has, and remove the other"),
			kinds: people(), needs: id, observe: observeMultivalued, describe: describeMultivalued,
		},
		{
			Rule: newRule("uniqueid-duplicate", finding.Error,
				"no two entries have the same unique id",
				"they share one account: each sees and changes the other's calendars and responds to the other's invitations",
				"find out whose account it is, and give every other entry a new value"),
			kinds: people(), needs: id, describe: describeDuplicate,
		},
		{
			Rule: newRule("uniqueid-case-collision", finding.Error,
				"no two unique ids differ only in letter case, blanks or Unicode form",
				"to the directory they are one value, to the database two: a look-up by id finds the wrong person, and a directory that enforces uniqueness refuses the import",
				"give all but one of the entries a new value"),
			kinds: people(), needs: id, describe: describeCollision,
		},
		{
			Rule: newRule("uniqueid-malformed", finding.Warning,
				"every unique id has a usual format",
				"the server accepts any text, but a value that was not made by an id generator may be made again",
				"find out where the value comes from; if it is a format of your own, give the audit a pattern for it"),
			kinds: people(), needs: id, observe: observeMalformed, describe: describeMalformed,
		},
		{
			Rule: newRule("uniqueid-unstable", finding.Error,
				"the unique id is an attribute that the directory does not change by itself",
				"the directory assigns new operational attributes when an entry is re-created or moved to another server: the account loses its calendars",
				"give every entry a davUniqueId with the present value, then change davcore.uriinfo.permanentuniqueid"),
			still: true, describe: describeUnstable,
		},
		{
			Rule: newRule("uniqueid-class-missing", finding.Error,
				"every entry with a unique id has the object class that allows it",
				"a directory that checks its schema refuses the entry at the next import, or at the next change",
				"add the object class"),
			kinds: people(), needs: rolesOf(roleID, roleClass), applies: needsClass,
			observe: observeClassMissing, describe: describeClassMissing,
		},
	}
}

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

// checkUnstable checks only the configuration.
func (a *Audit) checkUnstable(w *worker) error {
	if config.IsOperationalAttribute(a.o.Names.UniqueID) {
		w.add(&fact{rule: ruleUnstable, value: []byte(a.o.Names.UniqueID)})
	}
	return w.err
}

func describeMissing(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("the %s has no %s", f.kind, a.o.Names.UniqueID), a.newIDFix(f.dns[0], ldif.OpAdd, f.code == codeHasClass)
}

func describeEmpty(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("the only %s of the %s is empty", a.o.Names.UniqueID, f.kind), a.newIDFix(f.dns[0], ldif.OpReplace, true)
}

func describeMultivalued(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("%s has several values: %s", a.o.Names.UniqueID, quoteList(f.values)),
		a.removeSecond(f, a.o.Names.UniqueID, "keep the value that the account has; this removes the other one")
}

func describeDuplicate(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("%d entries have the %s %s", f.count, a.o.Names.UniqueID, quote(f.value)), a.decideFix(f)
}

func describeCollision(a *Audit, f *fact) (string, finding.Fix) {
	if f.code == codeApart {
		return fmt.Sprintf("%d entries have a %s that is the same by RFC 4518, although this directory treats the values as different: %s", f.count, a.o.Names.UniqueID, quoteList(f.values)), a.decideFix(f)
	}
	return fmt.Sprintf("%d entries have a %s that is the same to the directory but not to the database: %s", f.count, a.o.Names.UniqueID, quoteList(f.values)), a.decideFix(f)
}

func describeMalformed(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("%s is neither four groups of eight hexadecimal digits nor a UUID: %s", a.o.Names.UniqueID, quote(f.value)), finding.Fix{}
}

func describeUnstable(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("davcore.uriinfo.permanentuniqueid is %s, which the directory itself assigns and changes", quote(f.value)),
		finding.Text(finding.FixNone, "do not change the parameter until every entry has a davUniqueId with the present value: changing it alone loses all data")
}

func describeClassMissing(a *Audit, f *fact) (string, finding.Fix) {
	return fmt.Sprintf("the %s has a %s but not the object class %s", f.kind, a.o.Names.UniqueID, a.o.Names.UniqueIDClass),
		a.modifyFix(f.dns[0], ldif.OpAdd, "objectClass", []byte(a.o.Names.UniqueIDClass))
}
