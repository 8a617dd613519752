package ldapcmd

import (
	"fmt"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/finding"
)

// next is the command to type now.
func (o *ldapAudit) next(r *cmdutil.FindingReport, hidden int) string {
	sum := r.Summary
	if !sum.Complete {
		return "remove what kept the audit from reading everything, and run it again" + cmdutil.LimitHint(o.ended)
	}
	if hidden > 0 {
		return o.hints.Again("--all") + fmt.Sprintf("   (shows %s more; --output jsonl is for programs)", cmdutil.Plural(hidden, "finding"))
	}
	if sum.Errors > 0 || sum.Warnings > 0 {
		return "davadmin ldap rules --output json   (tells of each rule why it matters and what to do); then audit again"
	}
	for _, out := range r.Outcomes {
		if out.Result == finding.NotRun && cmdutil.NeedsUserList(out) {
			return o.hints.Again("--cs6-list", "FILE", "--cs7-list", "FILE") + "   (runs the rules that must know who is on which server)"
		}
	}
	return "davadmin config check   (looks at the server's side)"
}
