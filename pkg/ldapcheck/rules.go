package ldapcheck

import (
	"fmt"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// ruleNumber is the index of a rule in the catalogue, which is the order in reports.
type ruleNumber int

const (
	ruleMissing ruleNumber = iota
	ruleEmpty
	ruleMultivalued
	ruleDuplicate
	ruleCollision
	ruleMalformed
	ruleUnstable
	ruleClassMissing
	ruleStoreMissing
	ruleStorePresent
	ruleStoreUnknown
	ruleStoreEmpty
	ruleStoreMultivalued
	ruleMailMissing
	ruleMailMalformed
	ruleMailDuplicate
	ruleLockIneffective
	ruleLockMissing
	ruleStatusUnknown
	ruleStatusInactive
	ruleMemberDangling
	ruleOwnerDangling
	ruleDomainUnknown
	ruleListedTwice
	ruleListedNotFound
	ruleEntryRepeated
	ruleConflict
	ruleSchemaMissing
	ruleIndexMissing
	ruleRecordBroken
	ruleChangeRecord
	ruleReferral
	ruleAbsence
	ruleMoreValues
	ruleIncomplete
	ruleNotRun
	ruleCount
)

// ruleLimit is the maximum number of rules.
const ruleLimit = 64

// people returns the kinds of entries that have an account.
func people() []directory.Kind {
	return []directory.Kind{directory.User, directory.Group, directory.Resource}
}

// rule is a rule with its implementation.
type rule struct {
	finding.Rule
	kinds []directory.Kind // the kinds of entries that it checks
	needs roles            // the attributes that it needs
	// lacking are those of the attributes whose absence the rule draws conclusions from.
	lacking roles
	// missing is the attribute whose absence is the whole finding; roleNone for most rules.
	missing role
	// applies returns why the rule has nothing to look at in this run, nil when it
	// has.
	applies func(a *Audit) error
	// observe checks one entry; nil for a rule about the directory as a whole.
	observe func(w *worker, s *subject)
	// absence marks rules about what is missing, which cannot run unless everything was
	// read.
	absence bool
	// still marks rules that do not look at entries.
	still bool
	// source marks rules about the reading itself. They cannot be deselected.
	source bool
	// describe returns the detail and the fix of a finding.
	describe func(a *Audit, f *fact) (detail string, fix finding.Fix)
}

// catalogue returns every rule, in the order of the numbers.
func catalogue() []rule {
	var all []rule
	for _, part := range [][]rule{uniqueIDRules(), storeRules(), mailRules(), accessRules(), referenceRules(), listRules(), serverRules(), sourceRules()} {
		all = append(all, part...)
	}
	return all
}

// Rules returns the rules of the catalogue.
func Rules() []finding.Rule {
	all := catalogue()
	out := make([]finding.Rule, len(all))
	for i, r := range all {
		out[i] = r.Rule
	}
	return out
}

func newRule(id string, s finding.Severity, title, why, remedy string) finding.Rule {
	return finding.Rule{ID: id, Severity: s, Title: title, Why: why, Remedy: remedy}
}

// sourceRules are the rules about the reading. They are in every report.
func sourceRules() []rule {
	return []rule{
		{
			Rule: newRule("record-broken", finding.Error,
				"every record of the files could be read",
				"no rule checked an entry that cannot be read, and a server would refuse to import it",
				"repair the record or export again, then audit again"),
			source: true, describe: describeBroken,
		},
		{
			Rule: newRule("change-record", finding.Warning,
				"the files contain entries, not change records",
				"a change record is not an entry: what it would change was not checked",
				"apply the changes, export the directory, and audit the export; an export in which every record has changetype: add can be read as entries"),
			source: true, describe: describeChange,
		},
		{
			Rule: newRule("referral-not-followed", finding.Error,
				"no part of the tree is on another server",
				"referrals are never followed: the entries that they refer to were not checked",
				"audit the other server too, or choose base DNs that exclude its part"),
			source: true, describe: describeReferral,
		},
		{
			Rule: newRule("absence-not-proven", finding.Warning,
				"missing attributes are absent, not hidden from the bind DN",
				"if the bind DN may not read an attribute, the server returns entries without it: all findings about missing values may be wrong",
				"audit again as a bind DN that may read the attribute, or name one to be asked as well"),
			source: true, applies: needsProver, describe: describeAbsence,
		},
		{
			Rule: newRule("values-incomplete", finding.Error,
				"all values of every attribute were read",
				"the server returned only a range of the values (the option range, Active Directory): the others were not checked",
				"export the entry with all values, for example with a larger MaxValRange or with a search for each range, then audit again"),
			source: true, describe: describeSource,
		},
		{
			Rule: newRule("audit-incomplete", finding.Error,
				"everything was read",
				"what was not read was not checked and may contain any fault",
				"remove the cause and audit again; the findings listed are correct but not complete"),
			source: true, describe: describeSource,
		},
		{
			Rule:   finding.CheckNotRun(),
			source: true, describe: describeSource,
		},
	}
}

func describeSource(_ *Audit, f *fact) (string, finding.Fix) { return string(f.other), finding.Fix{} }

func describeChange(_ *Audit, f *fact) (string, finding.Fix) {
	if f.code == codeAddition {
		return string(f.other), finding.Do(finding.FixCommand, finding.Task{Do: finding.ReadAdditions})
	}
	return string(f.other), finding.Fix{}
}

func describeBroken(a *Audit, f *fact) (string, finding.Fix) {
	if f.code == codeNoEntry {
		return string(f.other), finding.Fix{}
	}
	return string(f.other) + "; no rule checked the entry", finding.Fix{}
}

func describeReferral(_ *Audit, f *fact) (string, finding.Fix) {
	if len(f.value) == 0 {
		return string(f.other), finding.Fix{}
	}
	return fmt.Sprintf("%s: %s", f.other, f.value), finding.Fix{}
}
