package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// firstFindings is how many findings of a rule the table shows without --all.
const firstFindings = 3

// auditTable is the report about a directory for a person.
type auditTable struct {
	*App
	all  bool                               // show every finding, not the first of each rule
	next func(r *report, hidden int) string // what to do now; hidden findings were not shown
}

// write writes what was read, one line a rule, the first findings of each, and
// what to do next.
func (o *auditTable) write(r *report) error {
	sum := r.summary
	var b strings.Builder
	fmt.Fprintf(&b, "read:      %s\n", ui.Sanitize(sum.Target))
	if sum.entriesRead != nil {
		fmt.Fprintf(&b, "entries:   %d (%s, %s, %s)%s\n", sum.Entries, plural(sum.Users, "user"), plural(sum.Groups, "group"),
			plural(sum.Resources, "resource"), selectedWords(sum.Selected))
	}
	fmt.Fprintf(&b, "time:      %.1f s", sum.Seconds)
	if sum.entriesRead != nil && sum.Seconds >= 0.01 {
		fmt.Fprintf(&b, ", %.0f entries a second", float64(sum.Entries)/sum.Seconds)
	}
	b.WriteString("\n")
	fmt.Fprintf(&b, "complete:  %s\n\n", completeWords(sum))
	if _, err := fmt.Fprint(o.Streams.Out, b.String()); err != nil {
		return err
	}
	var rows [][]string
	passed, unasked := 0, 0
	for _, out := range r.outcomes {
		switch {
		case notSelected(out):
			unasked++
			continue
		case out.Result == finding.Passed:
			passed++
		}
		rows = append(rows, []string{out.Rule, out.Severity.String(), string(out.Result), countCell(out.Count), out.Reason})
	}
	if err := ui.WriteTable(o.Streams.Out, o.Streams.Width, []string{"rule", "severity", "result", "count", "why not run"}, rows); err != nil {
		return err
	}
	if unasked > 0 {
		if _, err := fmt.Fprintf(o.Streams.Out, "%s: not selected (--rules)\n", plural(unasked, "other rule")); err != nil {
			return err
		}
	}
	hidden, err := o.writeFindings(r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.Streams.Out, "\n%s, %s, %s; %d of %d rules passed\nnext: %s\n", plural(sum.Errors, "error"),
		plural(sum.Warnings, "warning"), plural(sum.Infos, "info"), passed, len(r.outcomes), ui.Sanitize(o.next(r, hidden)))
	return err
}

func selectedWords(selected string) string {
	if selected == "" {
		return ""
	}
	return "; only " + ui.Sanitize(selected) + " were asked for"
}

func completeWords(sum summaryLine) string {
	if sum.Complete {
		return "yes"
	}
	if sum.entriesRead == nil {
		return "NO"
	}
	return "NO: " + ui.Sanitize(sum.Reason)
}

// writeFindings shows the first findings of each rule, or all of them, and
// returns how many it did not show.
func (o *auditTable) writeFindings(r *report) (hidden int, err error) {
	most := firstFindings
	if o.all {
		most = 0
	}
	shown := map[string]int{}
	for f, err := range r.findings(most) {
		if err != nil {
			return 0, err
		}
		shown[f.Rule]++
		if err := o.writeFinding(f); err != nil {
			return 0, err
		}
	}
	for _, out := range r.outcomes {
		hidden += out.Count - shown[out.Rule]
	}
	return hidden, nil
}

// next is the command to type now.
func (o *ldapAudit) next(r *report, hidden int) string {
	sum := r.summary
	if !sum.Complete {
		return "remove what kept the audit from reading everything, and run it again" + limitAdvice(o.ended)
	}
	if hidden > 0 {
		return o.again("--all") + fmt.Sprintf("   (shows %s more; --output jsonl is for programs)", plural(hidden, "finding"))
	}
	if sum.Errors > 0 || sum.Warnings > 0 {
		return "davadmin ldap rules --output json   (tells of each rule why it matters and what to do); then audit again"
	}
	for _, out := range r.outcomes {
		if out.Result == finding.NotRun && needsList(out) {
			return o.again("--cs6-list FILE --cs7-list FILE") + "   (runs the rules that must know who is on which server)"
		}
	}
	return "davadmin config check   (looks at the server's side)"
}

// again is the command line of this run with something more.
func (a *App) again(more string) string {
	words := []string{"davadmin"}
	for _, w := range a.Args {
		words = append(words, a.quote(w))
	}
	return strings.Join(append(words, more), " ")
}

// limitAdvice says what to do about a limit of the server.
func limitAdvice(ended error) string {
	var short *directory.IncompleteError
	if !errors.As(ended, &short) {
		return ""
	}
	switch short.Code {
	case 3, 4, 11:
		return "; the limit is one of the server's for whoever is bound here: bind as somebody without limits (-D), or let an administrator of the directory raise them"
	case 32:
		return "; -B names where to begin"
	}
	return ""
}
