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

// writeFixPlan writes a plan of what can be mended without a human's decision, and
// says what is left to somebody.
func (o *ldapAudit) writeFixPlan(ctx context.Context, r *ldapcheck.Report, source string) error {
	if !r.Complete {
		return nil // the error of the run says why
	}
	draft, err := ldapchange.NewDraft(o.tmp)
	if err != nil {
		return err
	}
	defer func() { _ = draft.Close() }()
	mended := map[string]int{}
	for m, err := range r.Repairs() {
		if err != nil {
			return err
		}
		record := recordOf(&m)
		if err := draft.Add(&record); err != nil {
			return err
		}
		for _, p := range m.Parts {
			mended[p.Rule]++
		}
	}
	if draft.Changes() > 0 {
		h := ldapchange.Header{Made: o.now(), By: strings.Join(o.journals.Command(), " "), Source: source, Entries: r.Accounts()}
		if err := o.plan.write(ctx, draft, h); err != nil {
			return err
		}
	}
	o.sayFixPlan(r, draft.Changes(), mended)
	return nil
}

// recordOf makes a record of a plan of what mends an entry.
func recordOf(m *ldapcheck.Repair) ldapchange.Record {
	out := ldapchange.Record{DN: m.DN}
	for _, p := range m.Parts {
		out.Changes = append(out.Changes, p.Change)
		e := ldapchange.Expectation{Name: p.Change.Name, Need: ldapchange.NeedLacks, Values: p.Change.Values}
		if p.Present != nil {
			e.Need, e.Values = ldapchange.NeedAll, p.Present
		}
		out.Expect = append(out.Expect, e)
	}
	return out
}

// sayFixPlan says what the plan mends, and what it leaves.
func (o *ldapAudit) sayFixPlan(r *ldapcheck.Report, changes int, mended map[string]int) {
	var left []string
	for _, out := range r.Outcomes {
		if n := out.Count - mended[out.Rule]; n > 0 && out.Rule != finding.CheckNotRun().ID {
			text := fmt.Sprintf("%s %d", out.Rule, n)
			if slices.Contains([]string{"uniqueid-missing", "uniqueid-empty"}, out.Rule) {
				text += " ('davadmin ldap populate' gives new ones)"
			}
			left = append(left, text)
		}
	}
	if changes == 0 {
		o.console.Notef("davadmin: note: nothing that was found can be mended without a decision, and no plan was made")
	} else {
		o.console.Notef("davadmin: note: %s in %s; next: %s", cmdutil.Plural(changes, "change"), ui.Sanitize(o.plan.path), o.hints.Line("ldap", "apply", append(append([]string{o.plan.path}, o.Args()...), "--dry-run")...))
	}
	if len(left) > 0 {
		o.console.Notef("davadmin: note: left to a decision: %s; the findings say what is known of each, and what to type", strings.Join(left, ", "))
	}
}
