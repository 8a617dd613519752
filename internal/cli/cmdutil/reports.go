package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// Reports prints what checks found.
type Reports struct {
	global  *Globals
	console *Console
	hints   *Hints
	getenv  func(string) string
}

// WorkerCount reads --workers.
func WorkerCount(n int) (int, error) {
	switch {
	case n < 0:
		return 0, Usagef("--workers: %d is less than 0, which is all cores", n)
	case n == 0:
		return runtime.NumCPU(), nil
	}
	return n, nil
}

// UntilStopped yields the findings of a report until ctx ends.
func UntilStopped(ctx context.Context, complete bool, findings func(int) iter.Seq2[finding.Finding, error]) func(int) iter.Seq2[finding.Finding, error] {
	return func(most int) iter.Seq2[finding.Finding, error] {
		return func(yield func(finding.Finding, error) bool) {
			for f, err := range findings(most) {
				// A report about a part is written to its end: it is what a stop gives.
				if err == nil && complete {
					err = ctx.Err()
				}
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}

// ProgressLine words progress: what is done, how much, how fast, how long still.
func ProgressLine(p ldapcheck.Progress, source directory.Source, took time.Duration) string {
	seconds := max(took.Seconds(), 0.001)
	line := fmt.Sprintf("%s: %d entries, %.0f a second", p.Phase, p.Entries, float64(p.Entries)/seconds)
	if s, ok := source.(directory.Progresser); ok && p.Phase == ldapcheck.PhaseReading {
		if b := s.Progress(); b.Total > 0 {
			part := min(1, float64(b.Done)/float64(b.Total))
			line += fmt.Sprintf(", %.0f %%", 100*part)
			if part > 0.01 {
				line += fmt.Sprintf(", %s left", (time.Duration(seconds * (1 - part) / part * float64(time.Second))).Round(time.Second))
			}
		} else {
			line += fmt.Sprintf(", %d MB", b.Done/1e6)
		}
	}
	return line
}

// Conclude prints a report about a directory, and says how the command ends. what
// is what was done, ended why not everything was read.
func (rp *Reports) Conclude(format ui.Format, failOn finding.Severity, r *FindingReport, table AuditTable, what string, ended error) error {
	if err := rp.Write(format, r, table.write); err != nil {
		return err
	}
	if ended != nil {
		return rp.EndedShort("the "+what+" is not complete, and the report is about a part", ended)
	}
	return r.verdict(failOn)
}

// EndedShort is the error of a command that read only a part, once all that it
// has to say of that part is written.
func (rp *Reports) EndedShort(what string, ended error) error {
	if rp.console.Streams.Flush != nil {
		if err := rp.console.Streams.Flush(); err != nil {
			return fmt.Errorf("the output could not be written: %w", err)
		}
	}
	return fmt.Errorf("%s: %w", what, ended)
}

// firstFindings is how many findings of a rule the table shows without --all.
const firstFindings = 3

// AuditTable is the report about a directory for a person.
type AuditTable struct {
	Console *Console
	Reports *Reports
	All     bool                                      // show every finding, not the first of each rule
	Next    func(r *FindingReport, hidden int) string // what to do now; hidden findings were not shown
}

// write writes what was read, one line a rule, the first findings of each, and
// what to do next.
func (o *AuditTable) write(r *FindingReport) error {
	sum := r.Summary
	var b strings.Builder
	fmt.Fprintf(&b, "read:      %s\n", ui.Sanitize(sum.Target))
	if sum.EntriesRead != nil {
		fmt.Fprintf(&b, "entries:   %d (%s, %s, %s)%s\n", sum.Entries, Plural(sum.Users, "user"), Plural(sum.Groups, "group"),
			Plural(sum.Resources, "resource"), selectedWords(sum.Selected))
	}
	fmt.Fprintf(&b, "time:      %.1f s", sum.Seconds)
	if sum.EntriesRead != nil && sum.Seconds >= 0.01 {
		fmt.Fprintf(&b, ", %.0f entries a second", float64(sum.Entries)/sum.Seconds)
	}
	b.WriteString("\n")
	fmt.Fprintf(&b, "complete:  %s\n\n", completeWords(sum))
	if _, err := fmt.Fprint(o.Console.Streams.Out, b.String()); err != nil {
		return err
	}
	var rows [][]string
	passed, unasked := 0, 0
	for _, out := range r.Outcomes {
		switch {
		case notSelected(out):
			unasked++
			continue
		case out.Result == finding.Passed:
			passed++
		}
		rows = append(rows, []string{out.Rule, out.Severity.String(), string(out.Result), countCell(out.Count), out.Reason})
	}
	if err := ui.WriteTable(o.Console.Streams.Out, o.Console.Streams.Width, []string{"rule", "severity", "result", "count", "why not run"}, rows); err != nil {
		return err
	}
	if unasked > 0 {
		if _, err := fmt.Fprintf(o.Console.Streams.Out, "%s: not selected (--rules)\n", Plural(unasked, "other rule")); err != nil {
			return err
		}
	}
	hidden, err := o.writeFindings(r)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.Console.Streams.Out, "\n%s, %s, %s; %d of %d rules passed\nnext: %s\n", Plural(sum.Errors, "error"),
		Plural(sum.Warnings, "warning"), Plural(sum.Infos, "info"), passed, len(r.Outcomes), ui.Sanitize(o.Next(r, hidden)))
	return err
}

func selectedWords(selected string) string {
	if selected == "" {
		return ""
	}
	return "; only " + ui.Sanitize(selected) + " were asked for"
}

func completeWords(sum Summary) string {
	if sum.Complete {
		return "yes"
	}
	if sum.EntriesRead == nil {
		return "NO"
	}
	return "NO: " + ui.Sanitize(sum.Reason)
}

// writeFindings shows the first findings of each rule, or all of them, and
// returns how many it did not show.
func (o *AuditTable) writeFindings(r *FindingReport) (hidden int, err error) {
	most := firstFindings
	if o.All {
		most = 0
	}
	shown := map[string]int{}
	for f, err := range r.Findings(most) {
		if err != nil {
			return 0, err
		}
		shown[f.Rule]++
		if err := o.Reports.WriteFinding(f); err != nil {
			return 0, err
		}
	}
	for _, out := range r.Outcomes {
		hidden += out.Count - shown[out.Rule]
	}
	return hidden, nil
}

// LimitAdvice says what to do about a limit of the server.
func LimitAdvice(ended error) string {
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
