package cmdutil

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/finding"
)

const (
	firstFindings = 3  // findings of a rule that a table shows without --all
	mostNames     = 10 // entries of a finding that a table shows
)

// FindingTable says what the table of a report shows.
type FindingTable struct {
	All  bool                                      // every finding, not only the first of each rule
	Next func(r *FindingReport, hidden int) string // what to do next; hidden findings were not shown; may be nil
}

// writeTable writes a report for people: what was read, one line per rule, the findings,
// the totals, and what to do next.
func (rp *Reports) writeTable(r *FindingReport, t FindingTable) error {
	if err := rp.writeHead(r.Summary); err != nil {
		return err
	}
	passed, err := rp.writeOutcomes(r.Outcomes)
	if err != nil {
		return err
	}
	hidden, err := rp.writeFindings(r, t.All)
	if err != nil {
		return err
	}
	sum := r.Summary
	text := fmt.Sprintf("\n%s, %s, %s; %d of %d rules passed\n", Plural(sum.Errors, "error"), Plural(sum.Warnings, "warning"), Plural(sum.Infos, "info"),
		passed, len(r.Outcomes))
	if t.Next != nil {
		text += "next: " + ui.Sanitize(t.Next(r, hidden)) + "\n"
	}
	_, err = fmt.Fprint(rp.console.Streams.Out, text)
	return err
}

// writeHead writes what was read.
func (rp *Reports) writeHead(sum Summary) error {
	var b strings.Builder
	fmt.Fprintf(&b, "read:      %s\n", ui.Sanitize(sum.Target))
	if sum.EntriesRead != nil {
		fmt.Fprintf(&b, "entries:   %d (%s, %s, %s)%s\n", sum.Entries, Plural(sum.Users, "user"), Plural(sum.Groups, "group"),
			Plural(sum.Resources, "resource"), selectedText(sum.Selected))
	}
	fmt.Fprintf(&b, "time:      %.1f s", sum.Seconds)
	if sum.EntriesRead != nil && sum.Entries > 0 && sum.Seconds >= 0.01 {
		fmt.Fprintf(&b, ", %.0f entries per second", float64(sum.Entries)/sum.Seconds)
	}
	fmt.Fprintf(&b, "\ncomplete:  %s\n", completeText(sum))
	if sum.EntriesRead != nil && sum.Absence != "" {
		fmt.Fprintf(&b, "absence:   %s\n", sum.Absence)
	}
	b.WriteString("\n")
	_, err := fmt.Fprint(rp.console.Streams.Out, b.String())
	return err
}

// writeOutcomes writes one line per rule, and the number of rules that were not
// selected. It returns how many passed.
func (rp *Reports) writeOutcomes(outcomes []finding.Outcome) (passed int, err error) {
	var rows [][]string
	unselected := 0
	for _, o := range outcomes {
		switch {
		case notSelected(o):
			unselected++
			continue
		case o.Result == finding.Passed:
			passed++
		}
		rows = append(rows, []string{o.Rule, o.Severity.String(), string(o.Result), countCell(o.Count), o.Reason})
	}
	columns := []ui.Column{
		{Title: "rule", Key: true}, {Title: "severity", Priority: 1}, {Title: "result", Priority: 3}, {Title: "count", Number: true, Priority: 2}, {Title: "why not run"},
	}
	if err := ui.WriteColumns(rp.console.Streams.Out, rp.console.Streams.Width, columns, rows); err != nil {
		return 0, err
	}
	if unselected > 0 {
		_, err = fmt.Fprintf(rp.console.Streams.Out, "%s: not selected (--rules)\n", Plural(unselected, "other rule"))
	}
	return passed, err
}

func selectedText(selected string) string {
	if selected == "" {
		return ""
	}
	return "; only " + ui.Sanitize(selected) + " were asked for"
}

func completeText(sum Summary) string {
	switch {
	case sum.Complete:
		return "yes"
	case sum.EntriesRead == nil || sum.Reason == "":
		return "NO"
	}
	return "NO: " + ui.Sanitize(sum.Reason)
}

// writeFindings shows the first findings of each rule, or all of them, and returns how
// many it did not show.
func (rp *Reports) writeFindings(r *FindingReport, all bool) (hidden int, err error) {
	most := firstFindings
	if all {
		most = 0
	}
	shown := map[string]int{}
	for f, err := range r.Findings(most) {
		if err != nil {
			return 0, err
		}
		shown[f.Rule]++
		if err := rp.writeFinding(f); err != nil {
			return 0, err
		}
	}
	for _, o := range r.Outcomes {
		hidden += o.Count - shown[o.Rule]
	}
	return hidden, nil
}

// writeFinding writes a finding as a block of lines.
func (rp *Reports) writeFinding(f finding.Finding) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s %s\n", rp.paintSeverity(f.Severity), f.Rule)
	if at := Location(f); at != "" {
		fmt.Fprintf(&b, "  at:   %s\n", ui.Sanitize(at))
	}
	for i, dn := range f.DN {
		if i == mostNames {
			fmt.Fprintf(&b, "        and %d more\n", len(f.DN)-mostNames)
			break
		}
		fmt.Fprintf(&b, "  dn:   %s\n", ui.Sanitize(dn))
	}
	b.WriteString(ui.Field("  what: ", ui.Sanitize(f.Detail), rp.console.Streams.Width))
	switch fix := rp.FixText(f.Fix); {
	case strings.Contains(fix, "\n"):
		// Several lines can only be copied if nothing precedes them.
		fmt.Fprintf(&b, "  fix:\n%s\n", strings.TrimRight(ui.SanitizeLines(fix), "\n"))
	case fix != "":
		fmt.Fprintf(&b, "  fix:  %s\n", ui.Sanitize(fix))
	}
	_, err := fmt.Fprint(rp.console.Streams.Out, b.String())
	return err
}

func (rp *Reports) paintSeverity(s finding.Severity) string {
	if !rp.console.Colour() {
		return s.String()
	}
	switch s {
	case finding.Error:
		return ui.Red(s.String())
	case finding.Warning:
		return ui.Yellow(s.String())
	}
	return s.String()
}
