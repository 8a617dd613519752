package planrun

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// stopped returns the error of a run that was stopped: how far it got, and what to do.
func (o *Runner) stopped(plan *ldapchange.Plan, run *ldapchange.Run, ended error) error {
	progress := fmt.Sprintf("run %d ended with %d of %d changed", run.ID, run.Changed, run.ToChange)
	undo := ""
	if run.Changed > 0 {
		undo = fmt.Sprintf("'%s' undoes what was changed", o.undoLine(run.ID))
	}
	var refused *ldapchange.RefusedError
	if errors.As(ended, &refused) && refused.Denied() {
		return fmt.Errorf("insufficient access: %w; %s; %s", &deniedError{who: o.bindWords(), err: refused}, progress, joined(o.rightsHint(plan, run), undo))
	}
	next := joined(o.nextStep(ended), undo)
	if next != "" {
		next = "; " + next
	}
	return fmt.Errorf("%s: %w%s", progress, ended, next)
}

// deniedError is a *ldapchange.RefusedError with the text that a person needs.
type deniedError struct {
	who string
	err *ldapchange.RefusedError
}

func (e *deniedError) Error() string {
	return fmt.Sprintf("%s may not change the entries of the plan (%v)", e.who, WithoutDN(e.err.Err.Error(), e.err.DN))
}

func (e *deniedError) Unwrap() error { return e.err }

// bindWords names the identity of the connection.
func (o *Runner) bindWords() string {
	switch {
	case o.bound.External:
		return "the identity of --external"
	case o.bound.BindDN == "":
		return "an anonymous client"
	}
	return "the bind DN '" + ui.Sanitize(o.bound.BindDN) + "'"
}

// maxAttributes is the number of attributes of a plan that a message names.
const maxAttributes = 5

// rightsHint returns what to do about missing rights.
func (o *Runner) rightsHint(plan *ldapchange.Plan, run *ldapchange.Run) string {
	names := plan.Attributes()
	what := strings.Join(names[:min(len(names), maxAttributes)], ", ")
	if more := len(names) - maxAttributes; more > 0 {
		what += fmt.Sprintf(" and %d more", more)
	}
	hint := fmt.Sprintf("on the server, give it the right to write %s ('%s' shows how), or bind as a user who has that right (-D)",
		ui.Sanitize(what), o.hints.Line("ldap", "test", o.Args()...))
	if o.skip {
		return hint + "; other entries were not tried, and to try all of them, skipping those that it may not change: run the same command again"
	}
	if run.Changed > 0 {
		hint += "; to skip the entries that it may not change: --continue"
	}
	return hint
}

// nextStep returns what helps after a run ended with an error, or an empty string.
func (o *Runner) nextStep(ended error) string {
	var connect *directory.ConnectError
	var path *fs.PathError
	switch {
	case errors.Is(ended, ldapchange.ErrConflict):
		return "to skip such entries, run the same command with --continue"
	case errors.Is(ended, ldapchange.ErrRefused):
		return "correct the plan or the entries, or skip such entries with --continue"
	case errors.Is(ended, ldapchange.ErrReadOnly):
		return "use -H to name a server that accepts changes"
	case errors.Is(ended, context.Canceled), ldapchange.IsUnavailable(ended), errors.As(ended, &path),
		errors.As(ended, &connect) && directory.ResultCode(ended) == 0:
		return "run the same command again to continue"
	}
	return ""
}

// joined returns the parts that are not empty.
func joined(parts ...string) string {
	out := ""
	for _, p := range parts {
		switch {
		case p == "":
		case out == "":
			out = p
		default:
			out += "; " + p
		}
	}
	return out
}

// WithoutDN returns the answer of a server with other words for the DN of the entry, which
// the message names already: 389 Directory Server repeats it.
func WithoutDN(text, dn string) string {
	if dn == "" {
		return text
	}
	for _, quoted := range []string{"'" + dn + "'", `"` + dn + `"`, dn} {
		for _, before := range []string{"the entry ", "entry ", ""} {
			text = replaceWord(text, before+quoted, "the entry")
		}
	}
	return text
}

// replaceWord replaces text between blanks or punctuation, regardless of letter case.
func replaceWord(text, old, replacement string) string {
	lower, old := strings.ToLower(text), strings.ToLower(old)
	if len(lower) != len(text) { // letters whose lower case has another length
		return text
	}
	var out strings.Builder
	for from := 0; ; {
		i := strings.Index(lower[from:], old)
		if i < 0 {
			return out.String() + text
		}
		i += from
		end := i + len(old)
		if i > 0 && !strings.ContainsRune(" (", rune(text[i-1])) || end < len(text) && !strings.ContainsRune(" ).:;\n", rune(text[end])) {
			from = end // a part of another name
			continue
		}
		out.WriteString(text[:i] + replacement)
		text, lower, from = text[end:], lower[end:], 0
	}
}

// listed returns the function that lists the entries of a run with --detail; nil without it,
// and for JSON, which has only the counts.
func (o *Runner) listed() func(*ldapchange.Record, ldapchange.Event) {
	if !o.global.Detail || o.format == ui.JSON {
		return nil
	}
	return func(r *ldapchange.Record, what ldapchange.Event) {
		verb := "changed"
		switch {
		case what == ldapchange.AlreadyDone:
			verb = "already done"
		case what == ldapchange.ToChange && !o.global.DryRun:
			return // it is listed when it was changed
		case what == ldapchange.ToChange:
			verb = "would be changed"
		}
		// The error of the output is returned when the counts are printed.
		_, _ = fmt.Fprintf(o.console.Streams.Out, "%s: %s\n", verb, ui.Sanitize(ui.Clip(r.DN, cmdutil.MaxShown)))
		if what == ldapchange.AlreadyDone {
			return
		}
		for _, c := range r.Changes {
			line := c.Op.String() + " " + c.Name
			for i, v := range c.Values {
				if i == 0 {
					line += ":"
				}
				line += " " + string(v)
			}
			_, _ = fmt.Fprintf(o.console.Streams.Out, "  %s\n", ui.Sanitize(ui.Clip(line, cmdutil.MaxShown)))
		}
	}
}
