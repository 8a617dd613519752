package datacmd

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/ical"
)

// importItem is an item in JSON.
type importItem struct {
	Kind     string          `json:"kind"`
	Account  string          `json:"account"`
	Calendar string          `json:"calendar"`
	File     string          `json:"file"`
	Line     int             `json:"line,omitempty"`
	Type     string          `json:"type,omitempty"`
	UID      string          `json:"uid,omitempty"`
	Summary  string          `json:"summary,omitempty"`
	Name     string          `json:"name,omitempty"`
	Result   calio.Outcome   `json:"result"`
	Reason   string          `json:"reason,omitempty"`
	Problems []importProblem `json:"problems,omitempty"`
}

// importProblem says what is wrong with an item, or what was changed to make it.
type importProblem struct {
	Severity string `json:"severity"`
	Code     string `json:"code"`
	Line     int    `json:"line,omitempty"`
	Detail   string `json:"detail"`
}

// importFault is a file, or a line of a batch, of which nothing was imported.
type importFault struct {
	Kind   string `json:"kind"`
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// importSummary is the last line.
type importSummary struct {
	Kind     string                `json:"kind"`
	Schema   string                `json:"schema"`
	DryRun   bool                  `json:"dry_run"`
	Complete bool                  `json:"complete"`
	Files    int                   `json:"files"`
	Faults   int                   `json:"faults"`
	Counts   map[calio.Outcome]int `json:"counts"`
	Change   int64                 `json:"change,omitempty"`
	Undo     string                `json:"undo,omitempty"`
}

// importPrinter reports an import: on standard output, in --report and in --reject.
type importPrinter struct {
	of             *importFiles
	format         ui.Format
	report, reject io.Writer // nil without the option
	failed         error     // the first error of writing --report or --reject
	lost           error     // the first error of writing to standard output

	at    calio.Place
	file  string
	lines bool                        // lines are those of the file
	held  map[problemKey]ical.Problem // errors of the text that belong to no item so far
	more  int                         // errors that are not held, because there are too many

	files, faults, items, warned int
	counts                       map[calio.Outcome]int
}

func newImportPrinter(o *importFiles, format ui.Format) *importPrinter {
	return &importPrinter{of: o, format: format, counts: map[calio.Outcome]int{}}
}

// begin begins a text.
func (p *importPrinter) begin(at calio.Place, file string, lines bool) {
	p.at, p.file, p.lines = at, file, lines
	p.forget()
}

// hold keeps a problem of the text that may belong to no item.
func (p *importPrinter) hold(problem ical.Problem) {
	if problem.Level != ical.Error {
		return
	}
	key := keyOf(problem)
	if _, known := p.held[key]; !known && len(p.held) == maxHeld {
		p.more++
		return
	}
	p.held[key] = problem
}

// forget drops the problems that are held.
func (p *importPrinter) forget() { p.held, p.more = map[problemKey]ical.Problem{}, 0 }

// endText reports the errors of the text that belong to no item, in the order of their lines:
// components that were left out.
func (p *importPrinter) endText() {
	more := p.more
	for _, problem := range slices.SortedFunc(maps.Values(p.held), func(a, b ical.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), strings.Compare(a.Code, b.Code), strings.Compare(a.Text, b.Text))
	}) {
		p.item(calio.Result{Source: p.file, Line: problem.Line, UID: problem.UID, Type: problem.Component, Outcome: calio.Rejected, Reason: problem.Text})
	}
	if p.forget(); more > 0 {
		p.fault(p.file, fmt.Errorf("it has %d more errors, which are not listed; what they are about was not imported", more))
	}
}

// item reports an item.
func (p *importPrinter) item(r calio.Result) {
	p.items++
	p.counts[r.Outcome]++
	record := &importItem{
		Kind: "item", Account: p.at.Address, Calendar: p.at.Calendar, File: r.Source, Line: r.Line, Type: r.Type, UID: r.UID, Summary: r.Summary,
		Name: r.Name, Result: r.Outcome, Reason: r.Reason,
	}
	warned := false
	for _, problem := range distinct(r.Problems) {
		delete(p.held, keyOf(problem))
		warned = warned || problem.Level != ical.Note
		if !p.lines {
			problem.Line = 0
		}
		record.Problems = append(record.Problems, importProblem{Severity: severity(problem.Level).String(), Code: problem.Code, Line: problem.Line, Detail: problem.Text})
	}
	if warned {
		p.warned++
	}
	if !p.lines {
		record.Line = 0
	}
	p.writeReport(record)
	if r.Outcome == calio.Rejected && p.reject != nil && p.failed == nil {
		_, p.failed = p.reject.Write(r.Text)
	}
	p.print(record)
}

// print prints an item.
func (p *importPrinter) print(r *importItem) {
	where := ui.Sanitize(r.File)
	if r.Line > 0 {
		where += fmt.Sprintf(":%d", r.Line)
	}
	what := strings.TrimSpace(r.Type + " " + r.UID)
	switch {
	case r.Result == calio.Rejected:
		p.of.console.Say("davadmin: calcomponent: " + where + ": " + ui.Sanitize(what) + ": rejected: " + ui.Sanitize(r.Reason))
	case r.Result == calio.NotDone && p.counts[calio.NotDone] <= namedNotDone:
		p.of.console.Say("davadmin: calcomponent: " + where + ": " + ui.Sanitize(what) + ": not done: " + ui.Sanitize(r.Reason))
	}
	if p.format == ui.JSONL {
		p.wrote(ui.WriteJSONL(p.of.console.Streams.Out, r))
		return
	}
	if r.Result == calio.Rejected || r.Result == calio.NotDone || p.of.global.Quiet || r.Result == calio.Unchanged && !p.of.global.Detail {
		return
	}
	verb := string(r.Result)
	if p.of.global.DryRun && r.Result != calio.Unchanged && r.Result != calio.Skipped {
		verb = "would be " + verb
	}
	line := verb + ": " + where + ": " + ui.Sanitize(what)
	if r.Summary != "" {
		line += ", " + ui.Sanitize(r.Summary)
	}
	if r.Reason != "" {
		line += ": " + ui.Sanitize(r.Reason)
	}
	_, err := fmt.Fprintln(p.of.console.Streams.Out, line)
	p.wrote(err)
}

// namedNotDone is how many of the items that a stopped run did not reach are named.
const namedNotDone = 10

// fault reports a file, or a line of a batch, of which nothing was imported.
func (p *importPrinter) fault(name string, err error) {
	p.faults++
	record := &importFault{Kind: "fault", File: name, Reason: p.of.hints.ErrorText(err)}
	p.writeReport(record)
	p.of.console.Say("davadmin: calcomponent: " + ui.Sanitize(name) + ": " + ui.Sanitize(record.Reason))
	if p.format == ui.JSONL {
		p.wrote(ui.WriteJSONL(p.of.console.Streams.Out, record))
	}
}

// notReached reports a job that a stopped run did not reach.
func (p *importPrinter) notReached(job importJob) {
	p.fault(strings.TrimPrefix(job.where+": ", ": ")+job.who.String(), fmt.Errorf("not done: the run ended before"))
}

func (p *importPrinter) writeReport(record any) {
	if p.report != nil && p.failed == nil {
		p.failed = ui.WriteJSONL(p.report, record)
	}
}

// wrote keeps the first error of the output. The import continues.
func (p *importPrinter) wrote(err error) {
	if p.lost == nil {
		p.lost = err
	}
}

// touched returns how many items were written.
func (p *importPrinter) touched() int {
	if p.of.global.DryRun {
		return 0
	}
	return p.counts[calio.Created] + p.counts[calio.Replaced]
}

// bad returns how many items and files were not imported.
func (p *importPrinter) bad() int {
	return p.counts[calio.Rejected] + p.counts[calio.NotDone] + p.faults
}

// badWords says what bad counts.
func (p *importPrinter) badWords() string {
	var parts []string
	if n := p.counts[calio.Rejected] + p.counts[calio.NotDone]; n > 0 {
		parts = append(parts, fmt.Sprintf("%d of %s", n, cmdutil.Plural(p.items, "item")))
	}
	if p.faults > 0 {
		parts = append(parts, cmdutil.Plural(p.faults, "file"))
	}
	return strings.Join(parts, ", ")
}

// words says how many items had which result.
func (p *importPrinter) words() string {
	var parts []string
	for _, o := range calio.Outcomes() {
		if n := p.counts[o]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(string(o), "-", " "), n))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// summary prints what follows the items, and returns why something could not be printed.
func (p *importPrinter) summary(change int64, undo string, complete bool) error {
	c := p.of.console
	if p.format == ui.JSONL {
		p.wrote(ui.WriteJSONL(c.Streams.Out, importSummary{
			Kind: "summary", Schema: "davadmin.calcomponent.import.1", DryRun: p.of.global.DryRun, Complete: complete, Files: p.files, Faults: p.faults,
			Counts: p.counts, Change: change, Undo: undo,
		}))
	} else if p.items > 0 || complete {
		words := p.words()
		if p.counts[calio.Unchanged] > 0 && !p.of.global.Detail {
			words += "; -e lists those that are unchanged"
		}
		c.Notef("%s", words)
	}
	if p.warned > 0 {
		c.Notef("with warnings: %s; --report FILE lists the warnings", cmdutil.Plural(p.warned, "item"))
	}
	if p.touched() == 0 && p.bad() == 0 && !p.of.global.DryRun && p.items > 0 {
		c.Notef("nothing to do: the calendar was not changed")
	}
	switch {
	case p.of.global.DryRun:
		c.Notef("dry run: nothing was changed")
	case undo != "":
		c.Notef("change %d; to undo: %s", change, undo)
	}
	return p.lost
}
