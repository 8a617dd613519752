package cli

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

func findingFormats() []ui.Format { return []ui.Format{ui.Table, ui.Plain, ui.JSON, ui.JSONL, ui.CSV} }

// findingOptions are the options of every command that reports findings.
type findingOptions struct{ failOn string }

func (o *findingOptions) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.failOn, "fail-on", "error", "exit 3 from this `SEVERITY` on: info, warning or error")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(finding.SeverityNames(), cobra.ShellCompDirectiveNoFileComp))
}

func (o *findingOptions) severity() (finding.Severity, error) {
	s, err := finding.ParseSeverity(o.failOn)
	if err != nil {
		return s, usagef("--fail-on: %v", err)
	}
	return s, nil
}

// summaryLine is the last object of a report in machine formats.
type summaryLine struct {
	Kind   string `json:"kind,omitempty"`
	Target string `json:"target"`
	*entriesRead
	Complete bool    `json:"complete"`
	Errors   int     `json:"errors"`
	Warnings int     `json:"warnings"`
	Infos    int     `json:"infos"`
	Seconds  float64 `json:"seconds"`
}

// entriesRead is what a report about a directory has read.
type entriesRead struct {
	Entries   int    `json:"entries"` // users, groups and resources
	Users     int    `json:"users"`
	Groups    int    `json:"groups"`
	Resources int    `json:"resources"`
	Domains   int    `json:"domains"`
	Selected  string `json:"selected,omitempty"` // where the server gave only some of them: which
	Reason    string `json:"reason,omitempty"`   // why it is not complete
}

// countEntries is what was read, by kind.
func countEntries(kinds [directory.Domain + 1]int) *entriesRead {
	return &entriesRead{
		Entries: kinds[directory.User] + kinds[directory.Group] + kinds[directory.Resource],
		Users:   kinds[directory.User], Groups: kinds[directory.Group], Resources: kinds[directory.Resource], Domains: kinds[directory.Domain],
	}
}

// report is what every command with findings prints. The findings may be more
// than memory holds.
type report struct {
	schema   string
	findings func(most int) iter.Seq2[finding.Finding, error] // of each rule; 0 is all
	outcomes []finding.Outcome
	summary  summaryLine
	worst    finding.Severity
	any      bool // there is a finding
}

type findingLine struct {
	Kind   string         `json:"kind,omitempty"`
	Result finding.Result `json:"result"`
	finding.Finding
	Fix     string          `json:"fix,omitempty"`
	FixType finding.FixType `json:"fix_type"`
}

// lineOf is a finding in machine formats.
func (a *App) lineOf(kind string, f finding.Finding) findingLine {
	return findingLine{
		Kind: kind, Result: finding.Failed, Finding: f, Fix: a.fixText(f.Fix), FixType: cmp.Or(f.Fix.Type, finding.FixNone),
	}
}

// fixText is a fix as a user sees it.
func (a *App) fixText(f finding.Fix) string {
	steps := slices.Clone(f.Steps)
	for i := range steps {
		steps[i].Text = a.withHome(steps[i].Text) // commands that are not tasks yet
	}
	return a.fixes().fix(finding.Fix{Type: f.Type, Steps: steps})
}

type ruleLine struct {
	Kind string `json:"kind,omitempty"`
	finding.Outcome
}

// printReport prints a report in any format and returns errFindings when it has
// something at or above failOn.
func (a *App) printReport(format ui.Format, failOn finding.Severity, schema string, r *finding.Report, target string, took time.Duration) error {
	out := &report{
		schema: schema, outcomes: r.Outcomes,
		findings: func(int) iter.Seq2[finding.Finding, error] {
			return func(yield func(finding.Finding, error) bool) {
				for _, f := range r.Findings {
					if !yield(f, nil) {
						return
					}
				}
			}
		},
		summary: summaryLine{
			Target: target, Complete: true, Errors: r.Count(finding.Error), Warnings: r.Count(finding.Warning),
			Infos: r.Count(finding.Info), Seconds: took.Seconds(),
		},
	}
	out.worst, out.any = r.Worst()
	for _, o := range r.Outcomes {
		if o.Rule == finding.CheckNotRun().ID && o.Count > 0 {
			out.summary.Complete = false
		}
	}
	if err := a.writeReport(format, out, a.reportTable); err != nil {
		return err
	}
	return out.verdict(failOn)
}

// verdict is errFindings for a report with something at or above failOn.
func (r *report) verdict(failOn finding.Severity) error {
	if r.any && r.worst >= failOn {
		return errFindings
	}
	return nil
}

// writeReport writes a report in any format, the table by the given function.
func (a *App) writeReport(format ui.Format, r *report, table func(*report) error) error {
	switch format {
	case ui.JSON:
		return a.reportJSON(r)
	case ui.JSONL:
		return a.reportJSONL(r)
	case ui.CSV:
		return a.reportCSV(r)
	case ui.Table:
		return table(r)
	}
	return a.reportPlain(r)
}

func (a *App) reportJSON(r *report) error {
	d := ui.NewDocument(a.Streams.Out)
	d.Member("schema", r.schema)
	d.List("findings", func(yield func(any, error) bool) {
		for f, err := range r.findings(0) {
			if !yield(a.lineOf("", f), err) {
				return
			}
		}
	})
	d.Member("rules", r.outcomes)
	d.Member("summary", r.summary)
	return d.Close()
}

func (a *App) reportJSONL(r *report) error {
	for f, err := range r.findings(0) {
		if err != nil {
			return err
		}
		if err := ui.WriteJSONL(a.Streams.Out, a.lineOf("finding", f)); err != nil {
			return err
		}
	}
	for _, o := range r.outcomes {
		if err := ui.WriteJSONL(a.Streams.Out, ruleLine{Kind: "rule", Outcome: o}); err != nil {
			return err
		}
	}
	r.summary.Kind = "summary"
	return ui.WriteJSONL(a.Streams.Out, r.summary)
}

func (a *App) reportCSV(r *report) error {
	w, err := ui.NewCSVWriter(a.Streams.Out, []string{"rule", "severity", "subject", "attribute", "value", "file", "line", "detail", "fix"})
	if err != nil {
		return err
	}
	for f, err := range r.findings(0) {
		if err != nil {
			return err
		}
		file, line := "", ""
		if f.Where != nil {
			file = f.Where.File
			if f.Where.Line > 0 {
				line = fmt.Sprint(f.Where.Line)
			}
		}
		subject := f.Parameter + strings.Join(f.DN, "; ")
		if err := w.Write([]string{f.Rule, f.Severity.String(), subject, f.Attribute, f.Value, file, line, f.Detail, a.fixText(f.Fix)}); err != nil {
			return err
		}
	}
	return w.Flush()
}

func place(f finding.Finding) string {
	switch {
	case f.Where == nil:
		return ""
	case f.Where.Line == 0:
		return f.Where.File
	}
	return fmt.Sprintf("%s:%d", f.Where.File, f.Where.Line)
}

func (a *App) reportPlain(r *report) error {
	for f, err := range r.findings(0) {
		if err != nil {
			return err
		}
		at, fix := place(f), a.fixText(f.Fix)
		if strings.Contains(fix, "\n") {
			fix = "" // lines do not fit here; the other formats have it
		}
		if len(f.DN) > 0 {
			at = strings.TrimPrefix(at+" "+strings.Join(f.DN, "; "), " ")
		}
		if _, err := fmt.Fprintf(a.Streams.Out, "finding\t%s\t%s\t%s\t%s\t%s\n", f.Severity, f.Rule, ui.Sanitize(at), ui.Sanitize(f.Detail), ui.Sanitize(fix)); err != nil {
			return err
		}
	}
	var b strings.Builder
	for _, o := range r.outcomes {
		fmt.Fprintf(&b, "rule\t%s\t%s\t%d\t%s\n", o.Result, o.Rule, o.Count, ui.Sanitize(o.Reason))
	}
	fmt.Fprintf(&b, "summary\t%d errors\t%d warnings\t%d infos", r.summary.Errors, r.summary.Warnings, r.summary.Infos)
	if e := r.summary.entriesRead; e != nil {
		fmt.Fprintf(&b, "\t%d entries\t%s", e.Entries, completeness(r.summary.Complete))
	}
	b.WriteString("\n")
	_, err := fmt.Fprint(a.Streams.Out, b.String())
	return err
}

// reportTable is for a person: one line a rule, then the findings, then what
// the whole amounts to.
func (a *App) reportTable(r *report) error {
	rows := make([][]string, len(r.outcomes))
	passed := 0
	for i, o := range r.outcomes {
		if o.Result == finding.Passed {
			passed++
		}
		rows[i] = []string{o.Rule, string(o.Result), countCell(o.Count), o.Reason}
	}
	if err := ui.WriteTable(a.Streams.Out, a.Streams.Width, []string{"rule", "result", "count", "why not run"}, rows); err != nil {
		return err
	}
	for f, err := range r.findings(0) {
		if err != nil {
			return err
		}
		if err := a.writeFinding(f); err != nil {
			return err
		}
	}
	sum := r.summary
	_, err := fmt.Fprintf(a.Streams.Out, "\n%s: %s, %s, %s; %d of %d rules passed\n", ui.Sanitize(sum.Target),
		plural(sum.Errors, "error"), plural(sum.Warnings, "warning"), plural(sum.Infos, "info"), passed, len(r.outcomes))
	return err
}

func countCell(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// mostNames is how many entries of one finding a person is shown.
const mostNames = 10

// writeFinding shows a finding to a person.
func (a *App) writeFinding(f finding.Finding) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s %s\n", a.paintSeverity(f.Severity), f.Rule)
	if p := place(f); p != "" {
		fmt.Fprintf(&b, "  at:   %s\n", ui.Sanitize(p))
	}
	for i, dn := range f.DN {
		if i == mostNames {
			fmt.Fprintf(&b, "        and %d more\n", len(f.DN)-mostNames)
			break
		}
		fmt.Fprintf(&b, "  dn:   %s\n", ui.Sanitize(dn))
	}
	fmt.Fprintf(&b, "  what: %s\n", ui.Sanitize(f.Detail))
	if fix := a.fixText(f.Fix); !strings.Contains(fix, "\n") && fix != "" {
		fmt.Fprintf(&b, "  fix:  %s\n", ui.Sanitize(fix))
	} else if fix != "" {
		// It can be copied as it stands only without anything in front.
		fmt.Fprintf(&b, "  fix:\n%s\n", strings.TrimRight(ui.SanitizeLines(fix), "\n"))
	}
	_, err := fmt.Fprint(a.Streams.Out, b.String())
	return err
}

func completeness(complete bool) string {
	if complete {
		return "complete"
	}
	return "INCOMPLETE"
}

// plural counts things in words: "1 error", "2 errors".
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// colour tells whether output may be coloured.
func (a *App) colour() bool {
	return a.Streams.OutTTY && !a.opts.noColor && a.Getenv("NO_COLOR") == ""
}

func (a *App) paintSeverity(s finding.Severity) string {
	if !a.colour() {
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

// printRules prints a catalogue of rules.
func (a *App) printRules(schema string, rules []finding.Rule) error {
	format, err := a.format(ui.Table, ui.Plain, ui.JSON, ui.CSV)
	if err != nil {
		return err
	}
	rows := make([][]string, len(rules))
	for i, r := range rules {
		rows[i] = []string{r.ID, r.Severity.String(), r.Title, r.Why, a.fixes().remedy(r)}
	}
	header := []string{"rule", "severity", "holds when", "otherwise", "what to do"}
	switch format {
	case ui.JSON:
		type row struct {
			Rule     string           `json:"rule"`
			Severity finding.Severity `json:"severity"`
			Title    string           `json:"title"`
			Why      string           `json:"why"`
			Remedy   string           `json:"remedy"`
		}
		out := make([]row, len(rules))
		for i, r := range rules {
			out[i] = row{r.ID, r.Severity, r.Title, r.Why, a.fixes().remedy(r)}
		}
		return ui.WriteJSON(a.Streams.Out, struct {
			Schema string `json:"schema"`
			Rules  []row  `json:"rules"`
		}{schema, out})
	case ui.CSV:
		return ui.WriteCSV(a.Streams.Out, header, rows)
	case ui.Table:
		for i := range rows {
			rows[i] = rows[i][:3]
		}
		return ui.WriteTable(a.Streams.Out, a.Streams.Width, header[:3], rows)
	}
	for _, r := range rows {
		if _, err := fmt.Fprintln(a.Streams.Out, strings.Join(r[:3], "\t")); err != nil {
			return err
		}
	}
	return nil
}
