package ldapcmd

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapchange"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// writeFixPlan writes a plan with the fixes that need no human decision, and notes which
// findings need one.
func (o *ldapAudit) writeFixPlan(ctx context.Context, r *ldapcheck.Report, source string) error {
	if !r.Complete {
		return nil // the error of the audit says why
	}
	draft, err := ldapchange.NewDraft(o.tmp)
	if err != nil {
		return err
	}
	defer func() { _ = draft.Close() }()
	fixed := map[string]int{}
	for repair, err := range r.Repairs() {
		if err != nil {
			return err
		}
		record := recordOf(&repair)
		if err := draft.Add(&record); err != nil {
			return err
		}
		for _, p := range repair.Parts {
			fixed[p.Rule]++
		}
	}
	if draft.Changes() > 0 {
		h := ldapchange.Header{Made: o.now(), By: strings.Join(o.journals.Command(), " "), Source: source, Entries: r.Accounts()}
		if err := o.plan.write(ctx, draft, h); err != nil {
			return err
		}
	}
	o.planned = draft.Changes()
	o.noteFixPlan(r, draft.Changes(), fixed)
	return nil
}

// recordOf returns the repair of an entry as a record of a plan.
func recordOf(repair *ldapcheck.Repair) ldapchange.Record {
	out := ldapchange.Record{DN: repair.DN}
	for _, p := range repair.Parts {
		out.Changes = append(out.Changes, p.Change)
		e := ldapchange.Expectation{Name: p.Change.Name, Need: ldapchange.NeedLacks, Values: p.Change.Values}
		if p.Present != nil {
			e.Need, e.Values = ldapchange.NeedAll, p.Present
		}
		out.Expect = append(out.Expect, e)
	}
	return out
}

// noteFixPlan notes how many changes the plan contains and how many findings of each rule it
// does not fix.
func (o *ldapAudit) noteFixPlan(r *ldapcheck.Report, changes int, fixed map[string]int) {
	var undecided []string
	for _, out := range r.Outcomes {
		if n := out.Count - fixed[out.Rule]; n > 0 && !slices.Contains([]string{finding.CheckNotRun().ID, "absence-not-proven"}, out.Rule) {
			text := fmt.Sprintf("%s %d", out.Rule, n)
			if slices.Contains([]string{"uniqueid-missing", "uniqueid-empty"}, out.Rule) {
				text += fmt.Sprintf(" ('%s' adds new ones)", o.hints.Line("ldap", "populate", "-O", "PLAN"))
			}
			undecided = append(undecided, text)
		}
	}
	if changes == 0 {
		o.console.Notef("davadmin: note: no finding can be fixed without a decision, so no plan was written")
	} else {
		o.console.Notef("davadmin: note: %s in %s; next: %s", cmdutil.Plural(changes, "change"), ui.Sanitize(o.plan.path), o.applyPlan())
	}
	if len(undecided) > 0 {
		o.console.Notef("davadmin: note: not fixed, because you have to decide: %s; each finding gives the details and what to do", strings.Join(undecided, ", "))
	}
}

// applyPlan returns the command that compares the plan with the directory.
func (o *ldapAudit) applyPlan() string {
	return o.hints.Line("ldap", "apply", append(append([]string{o.plan.name()}, o.ChangeArgs()...), "--dry-run")...)
}
