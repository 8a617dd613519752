package accountcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/journal"
)

// changeRunner is what the commands that change accounts share: the journal, the way
// back, the work in groups, the report.
type changeRunner struct {
	console  *cmdutil.Console
	global   *cmdutil.Globals
	hints    *cmdutil.Hints
	journals *cmdutil.Journals
	now      func() time.Time
	hook     fsx.Hook // sees every write of undo and reject files; nil in production
	lock     cmdutil.LockOptions
	reject   string
	retryFor time.Duration
	remark   string

	operation string   // "calendar"; "" is "account"
	action    string   // "create"
	undo      []string // the operation, the action and the options that undo it
	format    ui.Format
	size      int // of a group; 0 is the usual one

	counts  map[account.Result]int
	rejects []rejected
	total   int
	single  error // why the only item failed
	listed  bool  // the items are named by lines or entries, even where it is one
	lost    error // why the report could not be written
}

// rejected is a line that was not done.
type rejected struct {
	place int
	line  string
}

// namedNotDone is how many items are named that the run ended before.
const namedNotDone = 10

func (o *changeRunner) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.reject, "reject", "", "write the batch lines that were not done to `FILE`, to be run again")
	f.DurationVar(&o.retryFor, "retry-for", time.Minute, "how long to wait for a database that is gone")
	f.StringVar(&o.remark, "remark", "", "`TEXT` for the history: why")
	o.lock.Add(f)
}

// name is the operation as messages and the journal have it.
func (o *changeRunner) name() string {
	if o.operation == "" {
		return "account"
	}
	return o.operation
}

// accountLine is one outcome in JSON.
type accountLine struct {
	Kind    string   `json:"kind"`
	Account string   `json:"account"`
	ID      string   `json:"id,omitempty"`
	Backend string   `json:"backend,omitempty"`
	Result  string   `json:"result"`
	Details []string `json:"details,omitempty"`
	Error   string   `json:"error,omitempty"`
	Where   string   `json:"where,omitempty"`
}

// accountSummary is the last line.
type accountSummary struct {
	Kind    string         `json:"kind"`
	Schema  string         `json:"schema"`
	DryRun  bool           `json:"dry_run"`
	Counts  map[string]int `json:"counts"`
	Skipped int            `json:"skipped,omitempty"`
	Change  int64          `json:"change,omitempty"`
	Undo    string         `json:"undo,omitempty"`
}

// run works through the targets with the step, one group a transaction; group
// replaces the step where it has a faster way, and round, which may be nil, stands
// round both.
func (o *changeRunner) run(ctx context.Context, s *storeHome, t *targets, step account.Step, group func(account.SaveUndo) account.Group, round func(account.Group) account.Group) error {
	var err error
	if o.format, err = o.console.Format(ui.Plain, ui.Table, ui.JSONL); err != nil {
		return err
	}
	o.counts = map[account.Result]int{}
	if round == nil {
		round = func(do account.Group) account.Group { return do }
	}
	if o.global.DryRun {
		return o.work(ctx, s, t, round(account.DryRun(step)), nil, 0)
	}
	j := o.journals.Open(s.dir, o.lock.Timeout)
	session, err := j.Open(ctx)
	if err != nil {
		return err
	}
	o.journals.WarnNotes(session.Notes)
	way := &undoFile{path: filepath.Join(s.dir, "history", "accounts", fmt.Sprintf("%d.undo", session.Next())), head: "davadmin " + strings.Join(o.undo, " ") + " -f THIS-FILE", hook: o.hook}
	change, err := session.Begin(ctx, journal.Intent{
		Operation: o.name() + " " + o.action, Command: o.journals.Command(), Remark: o.remark,
		Items: []journal.Item{{Name: cmdutil.Plural(t.count, "account"), New: "way back: " + way.path, IsSet: true}},
	})
	if err != nil {
		return errors.Join(err, session.Close())
	}
	do := account.InTransaction(step, way.keep)
	if group != nil {
		do = group(way.keep)
	}
	err = o.work(ctx, s, t, round(do), way, change)
	ended, detail := journal.Done, o.countWords()
	if o.counts[account.NotDone] > 0 || err != nil && o.touched() == 0 {
		ended = journal.Unfinished
		if o.touched() == 0 {
			ended = journal.NotDone
		}
	}
	// The result is written whatever ended the run.
	endErr := session.End(context.WithoutCancel(ctx), change, ended, detail)
	return errors.Join(err, endErr, session.Close())
}

// touched is how many accounts were changed.
func (o *changeRunner) touched() int {
	return o.counts[account.Created] + o.counts[account.Restored] + o.counts[account.Changed] + o.counts[account.Deleted]
}

func (o *changeRunner) countWords() string {
	var parts []string
	for _, r := range []account.Result{account.Created, account.Restored, account.Changed, account.Deleted, account.Already, account.Failed, account.NotDone} {
		if n := o.counts[r]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", r, n))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// work does the items and says how that ended.
func (o *changeRunner) work(ctx context.Context, s *storeHome, t *targets, do account.Group, way *undoFile, change int64) error {
	b := &account.Batch{Stores: s.set, Do: do, Size: o.size, Report: o.report, Retry: o.patience()}
	done := 0
	start := o.now()
	stop := o.console.StartStatus(func() string {
		rate := float64(done) / max(o.now().Sub(start).Seconds(), 0.001)
		return fmt.Sprintf("%d of %d accounts, %.0f a second", done, t.count, rate)
	})
	err := func() error {
		for item, err := range t.items {
			if err != nil {
				return err
			}
			item.Index = done
			done++
			if err := b.Add(ctx, item); err != nil {
				return err
			}
		}
		return nil
	}()
	if err != nil {
		b.Stop(err)
	}
	stopped := b.End(ctx)
	if err != nil && done < len(t.requests) {
		for i := range t.requests[done:] {
			r := &t.requests[done+i]
			_ = o.report(account.Outcome{Item: &account.Item{Where: r.Where(), Line: r.Line, Name: r.Name(), Index: done + i}, Result: account.NotDone})
		}
	}
	stop()
	return o.end(ctx, t, stopped, way, change)
}

// patience is that of the run with a database that is gone.
func (o *changeRunner) patience() account.Retry {
	return account.Retry{For: o.retryFor, Notify: func(text string) { o.console.Notef("davadmin: note: %s", text) }}
}

// end prints the summary, writes the rejects and words the verdict.
func (o *changeRunner) end(ctx context.Context, t *targets, err error, way *undoFile, change int64) error {
	skipped := 0
	if t.skipped != nil {
		skipped = *t.skipped
	}
	undo := ""
	if !way.empty() {
		undo = o.hints.Line(o.undo[0], o.undo[1], append(slices.Clone(o.undo[2:]), "-f", way.path)...)
	}
	if rerr := o.writeRejects(context.WithoutCancel(ctx)); rerr != nil {
		err = errors.Join(err, rerr)
	}
	if perr := o.printSummary(t, skipped, undo, change); o.lost == nil {
		o.lost = perr
	}
	failed, notDone := o.counts[account.Failed], o.counts[account.NotDone]
	switch {
	case o.lost != nil && err == nil && o.touched() > 0 && !o.global.DryRun:
		return fmt.Errorf("%s; that was done, but its report could not be written: %w", o.countWords(), o.lost)
	case o.lost != nil && err == nil:
		return o.lost
	case err != nil && o.touched() > 0 && !errors.Is(err, context.Canceled):
		return &cmdutil.PartialError{Text: fmt.Sprintf("%s; the rest was not done: %s", o.countWords(), o.hints.ErrorText(err)) + o.againWords()}
	case err != nil && o.touched() > 0:
		return fmt.Errorf("%s; the rest was not done: %w%s", o.countWords(), err, o.againWords())
	case err != nil:
		return err
	case failed == 1 && o.total == 1 && !o.listed:
		return o.single
	case failed+notDone > 0:
		return &cmdutil.PartialError{Text: fmt.Sprintf("not done, and named above: %d of %d", failed+notDone, o.total) + o.againWords()}
	}
	return nil
}

func (o *changeRunner) againWords() string {
	switch {
	case o.global.DryRun:
		return ""
	case o.reject != "":
		return "; " + o.reject + " has the lines to run again"
	}
	return "; the same command goes on where this one ended"
}

// report is told of each item.
func (o *changeRunner) report(out account.Outcome) error {
	o.counts[out.Result]++
	o.total++
	o.listed = o.listed || o.total > 1 || out.Item.Where != ""
	if out.Result == account.Failed || out.Result == account.NotDone {
		if o.reject != "" && out.Item.Line != "" {
			o.rejects = append(o.rejects, rejected{out.Item.Index, out.Item.Line})
		}
	}
	if o.format == ui.JSONL {
		line := accountLine{
			Kind: "account", Account: out.Item.Name, ID: out.Item.ID, Backend: out.Item.Backend, Result: string(out.Result),
			Details: o.detailTexts(out.Details), Where: out.Item.Where,
		}
		if out.Err != nil {
			line.Error = o.hints.ErrorText(out.Err)
		}
		o.wrote(ui.WriteJSONL(o.console.Streams.Out, line))
	}
	switch out.Result {
	case account.Failed:
		o.single = fmt.Errorf("%s: %w", out.Item.Name, out.Err)
		if o.listed {
			o.console.Say("davadmin: " + o.name() + ": " + whereWords(out.Item.Where) + ui.Sanitize(out.Item.Name) + ": not done: " + o.hints.ErrorText(out.Err))
		}
		return nil
	case account.NotDone:
		if n := o.counts[account.NotDone]; n <= namedNotDone && o.listed {
			o.console.Say("davadmin: " + o.name() + ": " + whereWords(out.Item.Where) + ui.Sanitize(out.Item.Name) + ": not done: the run ended before")
		}
		return nil
	}
	if o.format == ui.JSONL || o.global.Quiet {
		return nil
	}
	o.wrote(o.printOutcome(out))
	return nil
}

// wrote notes why the report could not be written. The work goes on: it was asked
// for, and what it does is in the journal.
func (o *changeRunner) wrote(err error) {
	if o.lost == nil {
		o.lost = err
	}
}

func whereWords(where string) string {
	if where == "" {
		return ""
	}
	return where + ": "
}

// detailTexts returns the details of an outcome, with what to type for their hints.
func (o *changeRunner) detailTexts(details []account.Detail) []string {
	var out []string
	for _, d := range details {
		switch d.Hint {
		case account.HintModify:
			d.Text += "; '" + o.hints.Line("account", "modify", "-a", "ADDRESS", "-y", "PROP=VALUE") + "' changes them"
		case account.HintUpdateAddresses:
			d.Text += "; '" + o.hints.Line("account", "repair", "-m", "-a", "ADDRESS") + "' copies those of the entry"
		}
		out = append(out, d.Text)
	}
	return out
}

func (o *changeRunner) printOutcome(out account.Outcome) error {
	verb := string(out.Result)
	if o.global.DryRun && out.Result != account.Already {
		verb = "would be " + verb
	}
	_, err := fmt.Fprintf(o.console.Streams.Out, "%s: %s (%s)\n", verb, ui.Sanitize(out.Item.Name), ui.Sanitize(out.Item.Backend))
	for _, d := range o.detailTexts(out.Details) {
		if err == nil {
			_, err = fmt.Fprintf(o.console.Streams.Out, "  %s\n", ui.Sanitize(ui.Clip(d, cmdutil.MaxShown)))
		}
	}
	return err
}

func (o *changeRunner) printSummary(t *targets, skipped int, undo string, change int64) error {
	if o.format == ui.JSONL {
		counts := map[string]int{}
		for r, n := range o.counts {
			counts[string(r)] = n
		}
		sum := accountSummary{"summary", "davadmin." + o.name() + "." + o.action + ".1", o.global.DryRun, counts, skipped, change, undo}
		if err := ui.WriteJSONL(o.console.Streams.Out, sum); err != nil {
			return err
		}
	}
	if n := o.counts[account.NotDone]; n > namedNotDone {
		o.console.Say(fmt.Sprintf("davadmin: %s: not done: the run ended before %d more", o.name(), n-namedNotDone))
	}
	if skipped > 0 {
		o.console.Notef("left out, %s: %d", t.why, skipped)
	}
	if o.total > 1 && o.format != ui.JSONL {
		o.console.Notef("%s", o.countWords())
	}
	switch {
	case o.global.DryRun:
		o.console.Notef("dry run: nothing was changed")
	case o.touched() == 0 && o.counts[account.Already] > 0 && o.counts[account.Failed] == 0:
		o.console.Notef("nothing to do: it is so already")
	case undo != "":
		o.console.Notef("change %d; to undo: %s", change, undo)
	}
	return nil
}

// writeRejects writes the lines that were not done to the file of --reject, and
// replaces the one of an earlier run.
func (o *changeRunner) writeRejects(ctx context.Context) error {
	if o.reject == "" {
		return nil
	}
	slices.SortStableFunc(o.rejects, func(a, b rejected) int { return a.place - b.place })
	var text strings.Builder
	for _, r := range o.rejects {
		text.WriteString(r.line + "\n")
	}
	err := fsx.WriteOutput(ctx, o.reject, fsx.OutputOptions{Hook: o.hook, Overwrite: true}, func(w io.Writer) error {
		_, err := io.WriteString(w, text.String())
		return err
	})
	if err != nil {
		return fmt.Errorf("--reject: %w", err)
	}
	return nil
}
