package ldapcmd

import (
	"fmt"
	"slices"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/finding"
)

// next returns what to do after the report: usually a command to run.
func (o *ldapAudit) next(r *cmdutil.FindingReport, hidden int) string {
	sum := r.Summary
	if !sum.Complete {
		return "remove the cause of the incomplete read, and run the audit again" + cmdutil.LimitHint(o.ended)
	}
	if o.planned > 0 {
		return o.applyPlan() + "   (compares the plan with the directory, and changes nothing)"
	}
	if n := lackingIDs(r); n > fewIDs {
		return o.hints.Line("ldap", "populate", append(o.SourceArgs(), "-O", "PLAN")...) + fmt.Sprintf("   (plans an id for each of the %d)", n)
	}
	if hidden > 0 {
		return o.hints.Again("--all") + fmt.Sprintf("   (shows %s more; for programs, use --output jsonl)", cmdutil.Plural(hidden, "finding"))
	}
	if sum.Errors > 0 || sum.Warnings > 0 {
		return o.hints.Line("ldap", "rules", "--output", "json") + "   (explains why each rule matters and what to do); then run the audit again"
	}
	for _, out := range r.Outcomes {
		if out.Result == finding.NotRun && cmdutil.NeedsUserList(out) {
			return o.hints.Again("--cs6-list", "FILE", "--cs7-list", "FILE") + "   (also runs the rules that need to know which users are on which server)"
		}
	}
	return o.hints.Line("config", "check") + "   (checks the configuration of the server)"
}

// fewIDs is how many missing ids one may add by hand.
const fewIDs = 10

// lackingIDs returns how many entries have no unique id.
func lackingIDs(r *cmdutil.FindingReport) int {
	n := 0
	for _, out := range r.Outcomes {
		if slices.Contains([]string{"uniqueid-missing", "uniqueid-empty"}, out.Rule) {
			n += out.Count
		}
	}
	return n
}
