package ldapcheck

import (
	"fmt"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// ruleNumber is the place of a rule in the catalogue, which is the order of
// reports.
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
	ruleSchemaMissing
	ruleIndexMissing
	ruleRecordBroken
	ruleChangeRecord
	ruleReferral
	ruleIncomplete
	ruleNotRun
	ruleCount
)

// ruleLimit is how many rules there is room for.
const ruleLimit = 64

// people are the kinds that have an account.
func people() []directory.Kind {
	return []directory.Kind{directory.User, directory.Group, directory.Resource}
}

// rule is a rule with what it takes to look for its failures.
type rule struct {
	finding.Rule
	kinds []directory.Kind // that it looks at
	needs roles            // that it looks at
	// applies returns why the rule has nothing to look at in this run, nil when it
	// has.
	applies func(a *Audit) error
	// observe looks at one entry; nil for a rule that is about the whole.
	observe func(w *worker, s *subject)
	// absence marks rules about what is not there, which say nothing as long as
	// not everything has been read.
	absence bool
	// still marks rules for which no entry is looked at.
	still bool
	// source marks what is about the reading itself. No option turns it off.
	source bool
	// describe returns the detail and the fix of a finding.
	describe func(a *Audit, f *fact) (detail string, fix finding.Fix)
}

// catalogue is every rule, in the order of the numbers.
func catalogue() []rule {
	var all []rule
	for _, part := range [][]rule{uniqueIDRules(), storeRules(), mailRules(), accessRules(), referenceRules(), listRules(), serverRules(), sourceRules()} {
		all = append(all, part...)
	}
	return all
}

// Rules returns the catalogue.
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

// sourceRules are about the reading, and are listed in every report.
func sourceRules() []rule {
	return []rule{
		{
			Rule: newRule("record-broken", finding.Error,
				"every record of the files could be read",
				"an entry that cannot be read was not looked at by any rule, and a server would refuse to import it",
				"mend the record, or export again, and audit again"),
			source: true, describe: describeBroken,
		},
		{
			Rule: newRule("change-record", finding.Warning,
				"the files hold entries and no changes",
				"a change record is not an entry: what it would do was not looked at",
				"apply the changes, export, and audit the export"),
			source: true, describe: describeSource,
		},
		{
			Rule: newRule("referral-not-followed", finding.Error,
				"no part of the tree is held by another server",
				"referrals are never followed: the entries behind them were not looked at",
				"audit the other server too, or choose bases that leave its part out"),
			source: true, describe: describeReferral,
		},
		{
			Rule: newRule("audit-incomplete", finding.Error,
				"everything was read",
				"what was not read was not looked at, and may hold any fault",
				"remove the cause and audit again; what is listed here is true, and is not all"),
			source: true, describe: describeSource,
		},
		{
			Rule:   finding.CheckNotRun(),
			source: true, describe: describeSource,
		},
	}
}

func describeSource(_ *Audit, f *fact) (string, finding.Fix) { return string(f.other), finding.Fix{} }

func describeBroken(a *Audit, f *fact) (string, finding.Fix) {
	return string(f.other) + "; no rule has looked at the entry", finding.Fix{}
}

func describeReferral(_ *Audit, f *fact) (string, finding.Fix) {
	if len(f.value) == 0 {
		return string(f.other), finding.Fix{}
	}
	return fmt.Sprintf("%s: %s", f.other, f.value), finding.Fix{}
}
