package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
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
	Kind     string  `json:"kind,omitempty"`
	Target   string  `json:"target"`
	Complete bool    `json:"complete"`
	Errors   int     `json:"errors"`
	Warnings int     `json:"warnings"`
	Infos    int     `json:"infos"`
	Seconds  float64 `json:"seconds"`
}

type findingLine struct {
	Kind   string         `json:"kind,omitempty"`
	Result finding.Result `json:"result"`
	finding.Finding
}

type ruleLine struct {
	Kind string `json:"kind,omitempty"`
	finding.Outcome
}

// printReport prints a report in any format and returns errFindings when it has
// something at or above failOn.
func (a *App) printReport(format ui.Format, failOn finding.Severity, schema string, r *finding.Report, target string, took time.Duration) error {
	for i := range r.Findings {
		r.Findings[i].Fix = a.withHome(r.Findings[i].Fix)
	}
	sum := summaryLine{
		Target: target, Complete: true, Errors: r.Count(finding.Error), Warnings: r.Count(finding.Warning),
		Infos: r.Count(finding.Info), Seconds: took.Seconds(),
	}
	for _, o := range r.Outcomes {
		if o.Rule == finding.CheckNotRun().ID && o.Count > 0 {
			sum.Complete = false
		}
	}
	var err error
	switch format {
	case ui.JSON:
		err = a.reportJSON(schema, r, sum)
	case ui.JSONL:
		err = a.reportJSONL(r, sum)
	case ui.CSV:
		err = a.reportCSV(r)
	case ui.Plain:
		err = a.reportPlain(r, sum)
	case ui.Table:
		err = a.reportTable(r, sum)
	}
	if err != nil {
		return err
	}
	if worst, any := r.Worst(); any && worst >= failOn {
		return errFindings
	}
	return nil
}

func (a *App) reportJSON(schema string, r *finding.Report, sum summaryLine) error {
	findings := make([]findingLine, len(r.Findings))
	for i, f := range r.Findings {
		findings[i] = findingLine{Result: finding.Failed, Finding: f}
	}
	return ui.WriteJSON(a.Streams.Out, struct {
		Schema   string            `json:"schema"`
		Findings []findingLine     `json:"findings"`
		Rules    []finding.Outcome `json:"rules"`
		Summary  summaryLine       `json:"summary"`
	}{schema, findings, r.Outcomes, sum})
}

func (a *App) reportJSONL(r *finding.Report, sum summaryLine) error {
	for _, f := range r.Findings {
		if err := ui.WriteJSONL(a.Streams.Out, findingLine{Kind: "finding", Result: finding.Failed, Finding: f}); err != nil {
			return err
		}
	}
	for _, o := range r.Outcomes {
		if err := ui.WriteJSONL(a.Streams.Out, ruleLine{Kind: "rule", Outcome: o}); err != nil {
			return err
		}
	}
	sum.Kind = "summary"
	return ui.WriteJSONL(a.Streams.Out, sum)
}

func (a *App) reportCSV(r *finding.Report) error {
	rows := make([][]string, len(r.Findings))
	for i, f := range r.Findings {
		file, line := "", ""
		if f.Where != nil {
			file = f.Where.File
			if f.Where.Line > 0 {
				line = fmt.Sprint(f.Where.Line)
			}
		}
		subject := f.Parameter + strings.Join(f.DN, "; ")
		rows[i] = []string{f.Rule, f.Severity.String(), subject, f.Attribute, f.Value, file, line, f.Detail, f.Fix}
	}
	header := []string{"rule", "severity", "subject", "attribute", "value", "file", "line", "detail", "fix"}
	return ui.WriteCSV(a.Streams.Out, header, rows)
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

func (a *App) reportPlain(r *finding.Report, sum summaryLine) error {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "finding\t%s\t%s\t%s\t%s\t%s\n", f.Severity, f.Rule, ui.Sanitize(place(f)), ui.Sanitize(f.Detail), ui.Sanitize(f.Fix))
	}
	for _, o := range r.Outcomes {
		fmt.Fprintf(&b, "rule\t%s\t%s\t%d\t%s\n", o.Result, o.Rule, o.Count, ui.Sanitize(o.Reason))
	}
	fmt.Fprintf(&b, "summary\t%d errors\t%d warnings\t%d infos\n", sum.Errors, sum.Warnings, sum.Infos)
	_, err := fmt.Fprint(a.Streams.Out, b.String())
	return err
}

// reportTable is for a person: one line a rule, then the findings, then what
// the whole amounts to.
func (a *App) reportTable(r *finding.Report, sum summaryLine) error {
	rows := make([][]string, len(r.Outcomes))
	passed := 0
	for i, o := range r.Outcomes {
		count := ""
		if o.Count > 0 {
			count = fmt.Sprint(o.Count)
		}
		if o.Result == finding.Passed {
			passed++
		}
		rows[i] = []string{o.Rule, string(o.Result), count, o.Reason}
	}
	if err := ui.WriteTable(a.Streams.Out, a.Streams.Width, []string{"rule", "result", "count", "why not run"}, rows); err != nil {
		return err
	}
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "\n%s %s\n", a.paintSeverity(f.Severity), f.Rule)
		if p := place(f); p != "" {
			fmt.Fprintf(&b, "  at:   %s\n", ui.Sanitize(p))
		}
		fmt.Fprintf(&b, "  what: %s\n", ui.Sanitize(f.Detail))
		if f.Fix != "" {
			fmt.Fprintf(&b, "  fix:  %s\n", ui.Sanitize(f.Fix))
		}
	}
	fmt.Fprintf(&b, "\n%s: %s, %s, %s; %d of %d rules passed\n", ui.Sanitize(sum.Target),
		plural(sum.Errors, "error"), plural(sum.Warnings, "warning"), plural(sum.Infos, "info"), passed, len(r.Outcomes))
	_, err := fmt.Fprint(a.Streams.Out, b.String())
	return err
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
		rows[i] = []string{r.ID, r.Severity.String(), r.Title, r.Why, r.Remedy}
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
			out[i] = row{r.ID, r.Severity, r.Title, r.Why, r.Remedy}
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
