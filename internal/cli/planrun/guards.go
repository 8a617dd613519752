package planrun

import (
	"context"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// guardAccess asks before a plan changes who may read and change entries. --yes is not
// enough for that; undoing such a change is.
func (o *Runner) guardAccess(ctx context.Context, plan *ldapchange.Plan) error {
	if plan.AccessControl == 0 || o.access || o.undoes != 0 {
		return nil
	}
	verb := "change"
	if plan.AccessControl == 1 {
		verb = "changes"
	}
	text := fmt.Sprintf("%s %s access-control attributes, which decide who may read and change entries", cmdutil.Plural(plan.AccessControl, "record"), verb)
	if o.global.DryRun {
		o.console.Notef("davadmin: note: %s; without a terminal to ask on, --access-control is required", text)
		return nil
	}
	if o.global.Yes || !o.console.Streams.InTTY {
		return cmdutil.Usagef("%s; use --access-control to allow this; nothing was changed", text)
	}
	return o.console.Confirm(ctx, text+". Proceed?")
}

// namedAttributes is how many attributes a question names.
const namedAttributes = 5

// removesQuestion returns the question for a plan with records that remove values.
func removesQuestion(plan *ldapchange.Plan) string {
	verb := "remove or replace"
	if plan.Removes == 1 {
		verb = "removes or replaces"
	}
	names := plan.RemovesFrom
	more := ""
	if n := len(names) - namedAttributes; n > 0 {
		names, more = names[:namedAttributes], fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("%s %s existing values of %s%s. Proceed?", cmdutil.Plural(plan.Removes, "record"), verb, ui.Sanitize(strings.Join(names, ", ")), more)
}

// guardSize returns an error if the plan changes more entries than --max-changes allows.
func (o *Runner) guardSize(plan *ldapchange.Plan) error {
	limit, limited, err := cmdutil.NewMaxChanges(o.maxChanges).Limit(func() (int64, error) {
		if plan.Header.Entries == 0 {
			return 0, cmdutil.Usagef("--max-changes: the plan does not contain the total number of entries, of which %s would be a part; give a number instead", o.maxChanges)
		}
		return int64(plan.Header.Entries), nil
	})
	if err != nil || !limited || int64(plan.Records) <= limit {
		return err
	}
	return cmdutil.Usagef("the plan changes %s, but --max-changes %s allows only %d; nothing was changed (check the plan, and raise the limit if this is intended)",
		entries(plan.Records), o.maxChanges, limit)
}
