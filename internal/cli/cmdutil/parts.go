package cmdutil

import (
	"fmt"
	"iter"
	"strings"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/finding"
)

// PartState is how a part of a report of several checks ended.
type PartState string

// The states of a part, which are part of the JSON contract.
const (
	PartOK         PartState = "ok"         // everything was looked at, and there are no findings
	PartFindings   PartState = "findings"   // everything was looked at, and there are findings
	PartIncomplete PartState = "incomplete" // only some of it was looked at
	PartFailed     PartState = "failed"     // it could not be run
	PartNotRun     PartState = "not-run"    // another part has to be repaired first
	PartNotSetUp   PartState = "not-set-up" // there is nothing to look at
)

// Part is one check in a report of several.
type Part struct {
	Kind     string    `json:"kind,omitempty"`
	Name     string    `json:"part"`
	State    PartState `json:"state"`
	Reason   string    `json:"reason,omitempty"`
	Errors   int       `json:"errors"`
	Warnings int       `json:"warnings"`
	Infos    int       `json:"infos"`
	Rules    int       `json:"rules"`
	// Unfed counts the rules that did not run because a fact was not given.
	Unfed    int     `json:"rules_not_run"`
	Command  string  `json:"command"`
	ExitCode int     `json:"exit_code"`
	Seconds  float64 `json:"seconds"`

	Report *FindingReport `json:"-"` // nil if absent
}

// SetReport sets the state and the counts to those of a report.
func (p *Part) SetReport(r *FindingReport) {
	p.Report, p.Errors, p.Warnings, p.Infos, p.Rules = r, r.Summary.Errors, r.Summary.Warnings, r.Summary.Infos, len(r.Outcomes)
	p.Unfed = 0
	for _, o := range r.Outcomes {
		if o.Result == finding.NotRun && OptionsFor(o) != "" {
			p.Unfed++
		}
	}
	p.State = PartOK
	if r.Any {
		p.State = PartFindings
	}
	if !r.Summary.Complete {
		p.State = PartIncomplete
	}
}

// Words returns the state in words, without the reason.
func (p *Part) Words() string {
	var counts []string
	for _, c := range []struct {
		n    int
		word string
	}{{p.Errors, "error"}, {p.Warnings, "warning"}, {p.Infos, "info"}} {
		if c.n > 0 {
			counts = append(counts, Plural(c.n, c.word))
		}
	}
	words := strings.Join(counts, ", ")
	if total := p.Errors + p.Warnings + p.Infos; len(counts) > 0 {
		words = fmt.Sprintf("%s (%s)", Plural(total, "finding"), words)
	}
	switch p.State {
	case PartFailed:
		words = "could not be run"
	case PartNotRun:
		words = "not run"
	case PartNotSetUp:
		words = "not set up"
	case PartIncomplete:
		words = strings.TrimSuffix("incomplete, "+words, ", ")
	case PartFindings:
	default:
		words = "ok"
	}
	if p.Unfed > 0 {
		words += fmt.Sprintf("; %d of %d rules did not run, because no option or setting gives what they need", p.Unfed, p.Rules)
	}
	return words
}

// text returns the state in words, with the reason.
func (p *Part) text() string {
	if p.Reason == "" {
		return p.Words()
	}
	return p.Words() + ": " + p.Reason
}

// PartSummary is the last object of a report of parts in machine formats.
type PartSummary struct {
	Kind     string  `json:"kind,omitempty"`
	Target   string  `json:"target"`
	Complete bool    `json:"complete"` // every part that is set up was looked at as a whole
	Parts    int     `json:"parts"`
	Errors   int     `json:"errors"`
	Warnings int     `json:"warnings"`
	Infos    int     `json:"infos"`
	ExitCode int     `json:"exit_code"`
	Seconds  float64 `json:"seconds"`
}

// PartReport is the result of several checks, in the order in which to repair what they find.
type PartReport struct {
	Schema  string
	Parts   []*Part
	Summary PartSummary
	Next    string // what to do next
}

// Totals counts the findings in words.
func (r *PartReport) Totals() string {
	s := Summary{Errors: r.Summary.Errors, Warnings: r.Summary.Warnings, Infos: r.Summary.Infos}
	return s.totals()
}

// partFinding is a finding of a part.
type partFinding struct {
	findingLine
	Part string `json:"part"`
}

// partRule is a rule of a part.
type partRule struct {
	Kind string `json:"kind,omitempty"`
	Part string `json:"part"`
	finding.Outcome
}

// each yields the findings of all parts, at most so many of each rule; 0 is all.
func (r *PartReport) each(most int) iter.Seq2[*Part, findingOrError] {
	return func(yield func(*Part, findingOrError) bool) {
		for _, p := range r.Parts {
			if p.Report == nil {
				continue
			}
			for f, err := range p.Report.Findings(most) {
				if !yield(p, findingOrError{f, err}) || err != nil {
					return
				}
			}
		}
	}
}

type findingOrError struct {
	finding.Finding
	err error
}

// rules yields the rules of all parts, with the options that would let them run.
func (r *PartReport) rules(kind string) []partRule {
	list := []partRule{}
	for _, p := range r.Parts {
		if p.Report == nil {
			continue
		}
		for _, o := range withOptions(p.Report.Outcomes) {
			list = append(list, partRule{kind, p.Name, o})
		}
	}
	return list
}

// WriteParts writes a report of parts in any format.
func (rp *Reports) WriteParts(format ui.Format, r *PartReport) error {
	switch format {
	case ui.JSON:
		return rp.partsJSON(r)
	case ui.JSONL:
		return rp.partsJSONL(r)
	case ui.CSV:
		return rp.partsCSV(r)
	case ui.Table:
		return rp.partsTable(r)
	}
	return rp.partsPlain(r)
}

func (rp *Reports) partsJSON(r *PartReport) error {
	d := ui.NewDocument(rp.console.Streams.Out)
	d.Member("schema", r.Schema)
	d.Member("parts", r.Parts)
	err := d.List("findings", func(yield func(any, error) bool) {
		for p, f := range r.each(0) {
			if !yield(partFinding{rp.lineOf("", f.Finding), p.Name}, f.err) {
				return
			}
		}
	})
	r.Summary.Complete = r.Summary.Complete && err == nil
	d.Member("rules", r.rules(""))
	d.Member("summary", r.Summary)
	return d.Close()
}

func (rp *Reports) partsJSONL(r *PartReport) error {
	out := rp.console.Streams.Out
	r.Summary.Kind = "summary"
	for _, p := range r.Parts {
		p.Kind = "part"
		if err := ui.WriteJSONL(out, p); err != nil {
			return err
		}
	}
	for p, f := range r.each(0) {
		if f.err != nil {
			r.Summary.Complete = false
			_ = ui.WriteJSONL(out, r.Summary) // the error of the findings matters more
			return f.err
		}
		if err := ui.WriteJSONL(out, partFinding{rp.lineOf("finding", f.Finding), p.Name}); err != nil {
			return err
		}
	}
	for _, o := range r.rules("rule") {
		if err := ui.WriteJSONL(out, o); err != nil {
			return err
		}
	}
	return ui.WriteJSONL(out, r.Summary)
}

// partsCSV writes a line for each part, and one for each finding.
func (rp *Reports) partsCSV(r *PartReport) error {
	w, err := ui.NewCSVWriter(rp.console.Streams.Out, []string{"part", "state", "rule", "severity", "subject", "attribute", "value", "file", "line", "detail", "fix"})
	if err != nil {
		return err
	}
	for _, p := range r.Parts {
		if err := w.Write([]string{p.Name, string(p.State), "", "", "", "", "", "", "", p.text(), p.Command}); err != nil {
			return err
		}
	}
	for p, f := range r.each(0) {
		if f.err != nil {
			return f.err
		}
		if err := w.Write(append([]string{p.Name, "finding"}, rp.csvRecord(f.Finding)...)); err != nil {
			return err
		}
	}
	return w.Flush()
}

// partsPlain writes a line for each part, then the findings, then the summary.
func (rp *Reports) partsPlain(r *PartReport) error {
	for _, p := range r.Parts {
		if _, err := fmt.Fprintf(rp.console.Streams.Out, "part\t%s\n", TabLine([]string{p.Name, p.text(), p.Command})); err != nil {
			return err
		}
	}
	for p, f := range r.each(0) {
		if f.err != nil {
			return f.err
		}
		if err := rp.plainFinding("finding\t"+p.Name, f.Finding); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(rp.console.Streams.Out, "summary\t%s\t%s\t%s\t%s\n", Plural(r.Summary.Errors, "error"), Plural(r.Summary.Warnings, "warning"),
		Plural(r.Summary.Infos, "info"), completeness(r.Summary.Complete))
	return err
}

// partsTable writes a report for people: one line for each part, the findings that matter,
// and what to do next. With --detail, all findings, and the rules that did not run.
func (rp *Reports) partsTable(r *PartReport) error {
	out := rp.console.Streams.Out
	if _, err := fmt.Fprintf(out, "home:  %s\ntime:  %.1f s\n\n", ui.Sanitize(r.Summary.Target), r.Summary.Seconds); err != nil {
		return err
	}
	var rows [][]string
	for _, p := range r.Parts {
		rows = append(rows, []string{p.Name, p.text()})
	}
	if err := ui.WriteColumns(out, rp.console.Streams.Width, []ui.Column{{Title: "part", Key: true}, {Title: "state"}}, rows); err != nil {
		return err
	}
	if err := rp.partsUnfed(r); err != nil {
		return err
	}
	hidden, err := rp.partsFindings(r)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("\n%s, %s, %s", Plural(r.Summary.Errors, "error"), Plural(r.Summary.Warnings, "warning"), Plural(r.Summary.Infos, "info"))
	if hidden > 0 {
		text += fmt.Sprintf("; not shown: %d ('%s' shows all)", hidden, ui.Sanitize(rp.hints.Again("-e")))
	}
	_, err = fmt.Fprintf(out, "%s\nnext: %s\n", text, ui.Sanitize(r.Next))
	return err
}

// partsUnfed lists the rules that did not run, if --detail is given.
func (rp *Reports) partsUnfed(r *PartReport) error {
	if !rp.global.Detail {
		return nil
	}
	var rows [][]string
	for _, o := range r.rules("") {
		if o.Result == finding.NotRun {
			rows = append(rows, []string{o.Part, o.Rule, o.Reason})
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := fmt.Fprintln(rp.console.Streams.Out); err != nil {
		return err
	}
	return ui.WriteColumns(rp.console.Streams.Out, rp.console.Streams.Width,
		[]ui.Column{{Title: "part", Key: true}, {Title: "rule", Key: true}, {Title: "why not run"}}, rows)
}

// partsFindings shows the first errors and warnings of each rule, or with --detail every
// finding, and returns how many it did not show.
func (rp *Reports) partsFindings(r *PartReport) (hidden int, err error) {
	most := firstFindings
	if rp.global.Detail {
		most = 0
	}
	hidden = r.Summary.Errors + r.Summary.Warnings + r.Summary.Infos
	shown := map[[2]string]int{}
	for p, f := range r.each(most) {
		if f.err != nil {
			return 0, f.err
		}
		rule := [2]string{p.Name, f.Rule}
		if !rp.global.Detail && (f.Severity == finding.Info || shown[rule] == firstFindings) {
			continue
		}
		shown[rule]++
		hidden--
		if err := rp.writeFinding(f.Finding); err != nil {
			return 0, err
		}
	}
	return hidden, nil
}
