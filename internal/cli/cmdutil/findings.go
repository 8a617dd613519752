package cmdutil

import (
	"cmp"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// FindingFormats returns the output formats of a report of findings.
func FindingFormats() []ui.Format { return []ui.Format{ui.Table, ui.Plain, ui.JSON, ui.JSONL, ui.CSV} }

// FindingOptions are the options of every command that reports findings.
type FindingOptions struct{ failOn string }

// Add adds the options to a command.
func (o *FindingOptions) Add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.failOn, "fail-on", "error", "exit 3 if there are findings of this `SEVERITY` or above: info, warning or error")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(finding.SeverityNames(), cobra.ShellCompDirectiveNoFileComp))
}

// Begin returns the output format of this run and the severity of --fail-on. Every check
// begins with it, so that a wrong option is refused before anything is read.
func (o *FindingOptions) Begin(c *Console) (ui.Format, finding.Severity, error) {
	format, err := c.Format(FindingFormats()...)
	if err != nil {
		return format, 0, err
	}
	failOn, err := o.Severity()
	return format, failOn, err
}

// Severity returns the severity of --fail-on.
func (o *FindingOptions) Severity() (finding.Severity, error) {
	s, err := finding.ParseSeverity(o.failOn)
	if err != nil {
		return s, Usagef("--fail-on: %v", err)
	}
	return s, nil
}

// Summary is the last object of a report in machine formats.
type Summary struct {
	Kind   string `json:"kind,omitempty"`
	Target string `json:"target"`
	*EntriesRead
	Complete bool    `json:"complete"`
	Errors   int     `json:"errors"`
	Warnings int     `json:"warnings"`
	Infos    int     `json:"infos"`
	Seconds  float64 `json:"seconds"`
}

// EntriesRead counts what a check of a directory has read.
type EntriesRead struct {
	Entries   int    `json:"entries"` // users, groups and resources
	Users     int    `json:"users"`
	Groups    int    `json:"groups"`
	Resources int    `json:"resources"`
	Domains   int    `json:"domains"`
	Selected  string `json:"selected,omitempty"` // which entries, where the server was asked for only some of them
	Reason    string `json:"reason,omitempty"`   // why the report is incomplete
	// Absence is whether attributes that entries came without are absent: proven,
	// not-proven, or contradicted. It is omitted if none is missing.
	Absence string `json:"absence,omitempty"`
}

// CountEntries returns the counts of the entries that were read, from those of each kind.
func CountEntries(kinds [directory.Domain + 1]int) *EntriesRead {
	return &EntriesRead{
		Entries: kinds[directory.User] + kinds[directory.Group] + kinds[directory.Resource],
		Users:   kinds[directory.User], Groups: kinds[directory.Group], Resources: kinds[directory.Resource], Domains: kinds[directory.Domain],
	}
}

// AbsenceWord returns the worst of the results about absent attributes, or an empty
// string if there are none.
func AbsenceWord(list []directory.AttributeAbsence) string {
	if len(list) == 0 {
		return ""
	}
	return directory.WorstAbsence(list).String()
}

// FindingReport is the result of a check. The findings are a sequence because they may not
// fit into memory.
type FindingReport struct {
	Schema   string
	Findings func(most int) iter.Seq2[finding.Finding, error] // at most so many of each rule; 0 is all
	Outcomes []finding.Outcome
	Summary  Summary
	Worst    finding.Severity
	Any      bool // there is at least one finding
}

type findingLine struct {
	Kind   string         `json:"kind,omitempty"`
	Result finding.Result `json:"result"`
	finding.Finding
	// DNBytes contains each DN that is not valid UTF-8 in base64, and "" for the others;
	// it is empty if all are valid.
	DNBytes []string        `json:"dn_base64,omitempty"`
	Fix     string          `json:"fix,omitempty"`
	FixType finding.FixType `json:"fix_type"`
}

// lineOf returns a finding in machine formats.
func (rp *Reports) lineOf(kind string, f finding.Finding) findingLine {
	return findingLine{
		Kind: kind, Result: finding.Failed, Finding: f, DNBytes: base64DNs(f.DN), Fix: rp.FixText(f.Fix), FixType: cmp.Or(f.Fix.Type, finding.FixNone),
	}
}

// base64DNs returns the DNs that are not valid UTF-8 in base64, each in its place; nil if
// there are none.
func base64DNs(dns []string) []string {
	var out []string
	for i, dn := range dns {
		if encoded := directory.DNBase64(dn); encoded != "" {
			if out == nil {
				out = make([]string, len(dns))
			}
			out[i] = encoded
		}
	}
	return out
}

// FixText returns a fix as a user sees it. It can have several lines.
func (rp *Reports) FixText(f finding.Fix) string { return fixRenderer{rp.hints}.fix(f) }

type ruleLine struct {
	Kind string `json:"kind,omitempty"`
	finding.Outcome
}

// Print prints a report in any format and returns a FindingsError if it has findings at or
// above failOn.
func (rp *Reports) Print(format ui.Format, failOn finding.Severity, schema string, r *finding.Report, target string, took time.Duration) error {
	return rp.Conclude(format, failOn, ReportOf(schema, r, target, took), FindingTable{All: true}, "", nil)
}

// ReportOf returns a report in memory as one that can be written.
func ReportOf(schema string, r *finding.Report, target string, took time.Duration) *FindingReport {
	out := &FindingReport{
		Schema: schema, Outcomes: r.Outcomes,
		Findings: func(int) iter.Seq2[finding.Finding, error] {
			return func(yield func(finding.Finding, error) bool) {
				for _, f := range r.Findings {
					if !yield(f, nil) {
						return
					}
				}
			}
		},
		Summary: Summary{
			Target: target, Complete: true, Errors: r.Count(finding.Error), Warnings: r.Count(finding.Warning),
			Infos: r.Count(finding.Info), Seconds: took.Seconds(),
		},
	}
	out.Worst, out.Any = r.Worst()
	for _, o := range r.Outcomes {
		if o.Rule == finding.CheckNotRun().ID && o.Count > 0 {
			out.Summary.Complete = false
		}
	}
	return out
}

// verdict returns a FindingsError if the report has findings at or above failOn.
func (r *FindingReport) verdict(failOn finding.Severity) error {
	if r.Any && r.Worst >= failOn {
		return &FindingsError{Text: r.Summary.totals()}
	}
	return nil
}

// totals counts the findings in words; those that are only informative are left out if
// there are others.
func (s *Summary) totals() string {
	if s.Errors == 0 && s.Warnings == 0 {
		return Plural(s.Infos, "info")
	}
	return Plural(s.Errors, "error") + ", " + Plural(s.Warnings, "warning")
}

// Write writes a report in any format.
func (rp *Reports) Write(format ui.Format, r *FindingReport, table FindingTable) error {
	r.Outcomes = withOptions(r.Outcomes)
	switch format {
	case ui.JSON:
		return rp.reportJSON(r)
	case ui.JSONL:
		return rp.reportJSONL(r)
	case ui.CSV:
		return rp.reportCSV(r)
	case ui.Table:
		return rp.writeTable(r, table)
	}
	return rp.reportPlain(r)
}

func (rp *Reports) reportJSON(r *FindingReport) error {
	d := ui.NewDocument(rp.console.Streams.Out)
	d.Member("schema", r.Schema)
	err := d.List("findings", func(yield func(any, error) bool) {
		for f, err := range r.Findings(0) {
			if !yield(rp.lineOf("", f), err) {
				return
			}
		}
	})
	r.Summary.Complete = r.Summary.Complete && err == nil
	d.Member("rules", r.Outcomes)
	d.Member("summary", r.Summary)
	return d.Close()
}

func (rp *Reports) reportJSONL(r *FindingReport) error {
	r.Summary.Kind = "summary"
	for f, err := range r.Findings(0) {
		if err != nil {
			r.Summary.Complete = false
			_ = ui.WriteJSONL(rp.console.Streams.Out, r.Summary) // the error of the findings matters more
			return err
		}
		if err := ui.WriteJSONL(rp.console.Streams.Out, rp.lineOf("finding", f)); err != nil {
			return err
		}
	}
	for _, o := range r.Outcomes {
		if err := ui.WriteJSONL(rp.console.Streams.Out, ruleLine{Kind: "rule", Outcome: o}); err != nil {
			return err
		}
	}
	return ui.WriteJSONL(rp.console.Streams.Out, r.Summary)
}

func (rp *Reports) reportCSV(r *FindingReport) error {
	w, err := ui.NewCSVWriter(rp.console.Streams.Out, []string{"rule", "severity", "subject", "attribute", "value", "file", "line", "detail", "fix"})
	if err != nil {
		return err
	}
	for f, err := range r.Findings(0) {
		if err != nil {
			return err
		}
		if err := w.Write(rp.csvRecord(f)); err != nil {
			return err
		}
	}
	return w.Flush()
}

// csvRecord returns a finding as a line of a CSV report.
func (rp *Reports) csvRecord(f finding.Finding) []string {
	file, line := "", ""
	if f.Where != nil {
		file = f.Where.File
		if f.Where.Line > 0 {
			line = fmt.Sprint(f.Where.Line)
		}
	}
	subject := f.Parameter + strings.Join(f.DN, "; ")
	return []string{f.Rule, f.Severity.String(), subject, f.Attribute, f.Value, file, line, f.Detail, rp.FixText(f.Fix)}
}

// Location returns the file and line of a finding, as in "FILE:12", or an empty string.
func Location(f finding.Finding) string {
	switch {
	case f.Where == nil:
		return ""
	case f.Where.Line == 0:
		return f.Where.File
	}
	return fmt.Sprintf("%s:%d", f.Where.File, f.Where.Line)
}

// reportPlain writes one line per finding, then one per rule, then the summary. A fix of
// several lines follows its finding, each line after "fix" and a tab.
func (rp *Reports) reportPlain(r *FindingReport) error {
	for f, err := range r.Findings(0) {
		if err != nil {
			return err
		}
		if err := rp.plainFinding("finding", f); err != nil {
			return err
		}
	}
	var b strings.Builder
	for _, o := range r.Outcomes {
		fmt.Fprintf(&b, "rule\t%s\t%s\t%d\t%s\n", o.Result, o.Rule, o.Count, ui.Sanitize(o.Reason))
	}
	fmt.Fprintf(&b, "summary\t%s\t%s\t%s", Plural(r.Summary.Errors, "error"), Plural(r.Summary.Warnings, "warning"), Plural(r.Summary.Infos, "info"))
	if e := r.Summary.EntriesRead; e != nil {
		fmt.Fprintf(&b, "\t%s\t%s", EntryCount(e.Entries), completeness(r.Summary.Complete))
		if e.Absence != "" {
			fmt.Fprintf(&b, "\tabsence %s", e.Absence)
		}
	}
	b.WriteString("\n")
	_, err := fmt.Fprint(rp.console.Streams.Out, b.String())
	return err
}

// plainFinding writes the line of a finding, which begins with the first words, and the lines
// of its fix if it has several.
func (rp *Reports) plainFinding(first string, f finding.Finding) error {
	at, fix := Location(f), strings.TrimRight(rp.FixText(f.Fix), "\n")
	var lines []string
	if strings.Contains(fix, "\n") {
		fix, lines = "", strings.Split(fix, "\n")
	}
	if len(f.DN) > 0 {
		at = strings.TrimPrefix(at+" "+strings.Join(f.DN, "; "), " ")
	}
	if _, err := fmt.Fprintf(rp.console.Streams.Out, "%s\t%s\t%s\t%s\t%s\t%s\n", first, f.Severity, f.Rule, ui.Sanitize(at), ui.Sanitize(f.Detail), ui.Sanitize(fix)); err != nil {
		return err
	}
	for _, line := range lines {
		if _, err := fmt.Fprintf(rp.console.Streams.Out, "fix\t%s\n", ui.Sanitize(line)); err != nil {
			return err
		}
	}
	return nil
}

// ruleRow is a rule in a list of rules.
type ruleRow struct {
	Rule     string           `json:"rule"`
	Severity finding.Severity `json:"severity"`
	Title    string           `json:"title"`
	Why      string           `json:"why"`
	Remedy   string           `json:"remedy"`
}

// PrintRules prints a list of rules in any format. Plain text and tables contain only the
// rule, its severity and its title.
func (rp *Reports) PrintRules(schema string, rules []finding.Rule) error {
	format, err := rp.console.Format(ui.Table, ui.Plain, ui.JSON, ui.CSV)
	if err != nil {
		return err
	}
	short := func(r ruleRow) []string { return []string{r.Rule, r.Severity.String(), r.Title} }
	list := List[ruleRow]{
		Schema: schema, Member: "rules", Header: []string{"rule", "severity", "passes if", "otherwise", "what to do"},
		Record:  func(r ruleRow) []string { return append(short(r), r.Why, r.Remedy) },
		Columns: []ui.Column{{Title: "rule", Key: true}, {Title: "severity", Priority: 1}, {Title: "passes if"}},
		Row:     short,
		Plain:   func(r ruleRow) string { return TabLine(short(r)) + "\n" },
	}
	rows := make([]ruleRow, len(rules))
	for i, r := range rules {
		rows[i] = ruleRow{r.ID, r.Severity, r.Title, r.Why, rp.Remedy(r)}
	}
	return list.PrintAll(rp.console, format, rows)
}

func completeness(complete bool) string {
	if complete {
		return "complete"
	}
	return "INCOMPLETE"
}
