package accountcmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/store"
)

// changeRun is shared by the commands that change accounts: the journal, the undo file,
// the work in groups, and the report.
type changeRun struct {
	console  *cmdutil.Console
	global   *cmdutil.Globals
	hints    *cmdutil.Hints
	homes    *storehome.Homes
	now      func() time.Time
	hook     fsx.Hook // sees every write of undo and reject files; nil in production
	lock     cmdutil.LockOptions
	reject   string
	retryFor time.Duration
	skip     bool // back ends whose stores cannot be used
	remark   string

	operation string   // "calendar"; "" is "account"
	action    string   // "create"
	undo      []string // the operation, the action and the options that undo it
	undoArgs  []string // options of that command for the directory, if its undo file does not name them
	format    ui.Format
	size      int  // of a group; 0 means the default
	recorded  bool // the batch is an undo file, and so is the reject file
	// runner, if not nil, returns what processes the items instead of a group; save is nil for a
	// dry run.
	runner func(save account.SaveUndo) itemRunner
	// readdresses means that the accounts get addresses other than those of their entries.
	readdresses bool
	// lazy records a change only before something is changed: what it changes has undo lines.
	lazy bool
	// areas are those of the journal that the run changes besides the accounts.
	areas []journal.Area
	// finish, if not nil, writes what a run that is not a dry run leaves. done reports whether it
	// has written anything.
	finish func(ctx context.Context) (done bool, err error)
	// next, if not nil, returns what the user has to do after the run; "" is nothing.
	next func() string

	counts  map[account.Result]int
	rejects []rejected
	total   int
	helps   bool  // running the command again may help with an item that failed
	single  error // why the only item failed
	ofLost  int   // items that failed because of their back end
	parts   int   // items that were not done, but of which a part was
	listed  bool  // items are reported one by one, even if there is only one
	many    bool  // there are several items: those that are already done are only counted
	lost    error // why the report could not be written
	written bool  // by finish
}

// rejected is a batch line that was not done.
type rejected struct {
	index int
	line  string
}

// namedNotDone is how many of the items that a stopped run did not reach are named.
const namedNotDone = 10

func (o *changeRun) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.reject, "reject", "", "write the batch lines that failed to `FILE`, so that you can run them again")
	f.DurationVar(&o.retryFor, "retry-for", time.Minute, "how long to retry when the database cannot be reached")
	f.BoolVar(&o.skip, "continue", false, "skip the accounts of back ends whose stores cannot be used, and change the others")
	f.StringVar(&o.remark, "remark", "", "reason for the change (`TEXT`), kept in the history")
	o.lock.Add(f)
}

// name is the operation as messages and the journal have it.
func (o *changeRun) name() string {
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

// touched returns how many accounts were changed, or may have been.
func (o *changeRun) touched() int {
	return o.parts + o.counts[account.Unknown] + o.counts[account.Created] + o.counts[account.Restored] + o.counts[account.Changed] + o.counts[account.Deleted] + o.counts[account.Moved]
}

func (o *changeRun) countWords() string {
	var parts []string
	for _, r := range []account.Result{account.Created, account.Restored, account.Changed, account.Deleted, account.Moved, account.Already, account.Failed, account.Unknown, account.NotDone} {
		if n := o.counts[r]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", r, n))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// work processes the items, and returns an error if not all were done. change is nil for a dry
// run.
func (o *changeRun) work(ctx context.Context, t *selectedAccounts, b itemRunner, change *storehome.Change) error {
	done := 0
	var shown atomic.Int64 // done, for the goroutine of the status line
	start := o.now()
	stop := o.console.StartStatus(func() string {
		n := shown.Load()
		return fmt.Sprintf("%d of %d accounts, %.0f per second", n, t.count, float64(n)/max(o.now().Sub(start).Seconds(), 0.001))
	})
	err := func() error {
		for item, err := range t.items {
			if err != nil {
				return err
			}
			item.Index = done
			done++
			shown.Store(int64(done))
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
	return o.end(ctx, t, stopped, change)
}

// retry says how long the run waits for an unavailable database.
func (o *changeRun) retry() account.Retry {
	return account.Retry{For: o.retryFor, Notify: func(text string) { o.console.Notef("davadmin: note: %s", text) }}
}

// lostBackends returns where the back ends that the run skips are collected; nil if it stops
// at them.
func (o *changeRun) lostBackends() account.Lost {
	if !o.skip {
		return nil
	}
	return account.Lost{}
}

// end prints the summary, writes the rejects, and returns the error of the run.
func (o *changeRun) end(ctx context.Context, t *selectedAccounts, err error, change *storehome.Change) (result error) {
	skipped := 0
	if t.skipped != nil {
		skipped = *t.skipped
	}
	undo, number := "", int64(0)
	if change != nil {
		number = change.Number()
	}
	if change != nil && !change.Undo().Empty() {
		undo = o.hints.Line(o.undo[0], o.undo[1], append(slices.Clone(o.undo[2:]), slices.Concat(o.undoArgs, []string{"-f", change.Undo().Path()})...)...)
	}
	finishing, finished := cmdutil.Finishing(ctx)
	defer finished()
	if o.finish != nil && !o.global.DryRun {
		var ferr error
		o.written, ferr = o.finish(finishing)
		defer func() { result = errors.Join(result, ferr) }()
	}
	if rerr := o.writeRejects(finishing); rerr != nil {
		err = errors.Join(err, rerr)
	}
	if perr := o.printSummary(t, skipped, undo, number); o.lost == nil {
		o.lost = perr
	}
	if !o.global.DryRun {
		made := o.countWords()
		if o.touched() > 0 {
			made += "; the changes were made"
			if o.counts[account.Unknown] > 0 {
				made += ", except for what is unknown"
			}
		}
		_ = o.console.LostReport(made, undo, o.lost)
	}
	failed, notDone := o.counts[account.Failed], o.counts[account.NotDone]+o.counts[account.Unknown]
	rest := "; the rest was not done: "
	if o.counts[account.NotDone] == 0 && o.counts[account.Unknown] > 0 {
		rest = ": "
	}
	switch {
	case o.lost != nil && err == nil && o.global.DryRun:
		return o.lost
	case err != nil && o.touched() > 0 && !errors.Is(err, context.Canceled):
		return &cmdutil.PartialError{Text: o.countWords() + rest + o.hints.ErrorText(err) + o.findOutWords() + o.againWords(passes(err))}
	case err != nil && o.touched() > 0:
		return fmt.Errorf("%s%s%w%s%s", o.countWords(), rest, err, o.findOutWords(), o.againWords(passes(err)))
	case err != nil:
		return err
	case failed == 1 && o.total == 1 && !o.listed:
		return o.single
	case failed+notDone > 0:
		return &cmdutil.PartialError{Text: fmt.Sprintf("not done, and listed above: %d of %d", failed+notDone, o.total) + o.findOutWords() + o.againWords(o.helps)}
	}
	return nil
}

// passes reports whether what caused an error may pass without a change of the command, its
// input or the rights.
func passes(err error) bool {
	for _, of := range []error{store.ErrUnavailable, store.ErrLocked, store.ErrTimeLimit, store.ErrConflict, store.ErrFull, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, of) {
			return true
		}
	}
	var unknown *store.CommitUnknown
	var connect *directory.ConnectError
	return errors.As(err, &unknown) || errors.As(err, &connect) && directory.ResultCode(err) == 0
}

// findOut returns the command that shows which of the unknown changes were made. One that set
// addresses would not find an account again that it named by its old address.
func (o *changeRun) findOut() string {
	if o.readdresses {
		return o.hints.Line("account", "list", "-v")
	}
	return o.hints.Again("--dry-run")
}

// findOutWords says how to find out what is unknown; "" if nothing is.
func (o *changeRun) findOutWords() string {
	if o.counts[account.Unknown] == 0 {
		return ""
	}
	return "; to find out: " + o.findOut()
}

// againWords returns how to do what was not done: the lines of the reject file, or the same
// command if that helps.
func (o *changeRun) againWords(helps bool) string {
	switch {
	case o.global.DryRun:
		return ""
	case o.reject != "":
		return "; to retry, run the lines in " + o.reject
	case !helps:
		return ""
	}
	return "; run the same command again to continue"
}

// report is called with the outcome of each item.
func (o *changeRun) report(out account.Outcome) error {
	o.counts[out.Result]++
	o.total++
	if out.Part {
		o.parts++
	}
	o.listed = o.listed || o.total > 1 || out.Item.Where != ""
	if out.Result == account.Failed || out.Result == account.NotDone || out.Result == account.Unknown {
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
		o.helps = o.helps || passes(out.Err)
		o.single = fmt.Errorf("%s: %w", out.Item.Name, out.Err)
		var lost *account.BackendError
		if errors.As(out.Err, &lost) {
			o.ofLost++
		}
		if o.listed && (lost == nil || o.ofLost <= namedNotDone) {
			o.console.Say("davadmin: " + o.name() + ": " + whereWords(out.Item.Where) + ui.Sanitize(out.Item.Name) + ": " + notDoneWords(out) + o.hints.ErrorText(out.Err))
		}
		return nil
	case account.Unknown:
		o.helps = true
		if n := o.counts[account.Unknown]; n <= namedNotDone {
			o.console.Say("davadmin: " + o.name() + ": " + whereWords(out.Item.Where) + ui.Sanitize(out.Item.Name) + ": unknown: " + o.hints.ErrorText(out.Err))
		}
		return nil
	case account.NotDone:
		if out.Part {
			o.helps = true
			o.console.Say("davadmin: " + o.name() + ": " + whereWords(out.Item.Where) + ui.Sanitize(out.Item.Name) + ": only a part was done; run the same command again to complete it")
			return nil
		}
		if n := o.counts[account.NotDone]; n <= namedNotDone && o.listed {
			o.console.Say("davadmin: " + o.name() + ": " + whereWords(out.Item.Where) + ui.Sanitize(out.Item.Name) + ": not done: the run stopped before this item")
		}
		return nil
	}
	if o.format == ui.JSONL || o.global.Quiet || out.Result == account.Already && !o.global.Detail && (o.many || len(out.Details) == 0) {
		return nil
	}
	o.wrote(o.printOutcome(out))
	return nil
}

// wrote keeps the first error of the report. The work continues: it was asked for, and
// what it does is recorded in the journal.
func (o *changeRun) wrote(err error) {
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
func (o *changeRun) detailTexts(details []account.Detail) []string {
	var out []string
	for _, d := range details {
		switch d.Hint {
		case account.HintModify:
			d.Text += "; '" + o.hints.Line("account", "modify", "-a", "ADDRESS", "-y", "PROP=VALUE") + "' changes them"
		case account.HintGrant:
			d.Text += "; to give it: " + o.hints.Line("calendar", "modify", "-a", d.Grant.Owner, "-n", d.Grant.Calendar, "-y", "set-ace="+d.Grant.Person+":r")
		case account.HintUpdateAddresses:
			d.Text += "; '" + o.hints.Line("account", "repair", "-m", "-a", "ADDRESS") + "' copies those of the entry"
		}
		out = append(out, d.Text)
	}
	return out
}

func (o *changeRun) printOutcome(out account.Outcome) error {
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

func (o *changeRun) printSummary(t *selectedAccounts, skipped int, undo string, change int64) error {
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
		o.console.Say(fmt.Sprintf("davadmin: %s: not done: the run stopped before %d more items", o.name(), n-namedNotDone))
	}
	if n := o.counts[account.Unknown]; n > namedNotDone {
		o.console.Say(fmt.Sprintf("davadmin: %s: unknown, for the same reason: %d more items", o.name(), n-namedNotDone))
	}
	if n := o.ofLost; n > namedNotDone {
		o.console.Say(fmt.Sprintf("davadmin: %s: not done: %d more items on back ends whose stores cannot be used", o.name(), n-namedNotDone))
	}
	if skipped > 0 {
		o.console.Notef("skipped, %s: %d", t.why, skipped)
	}
	if o.total > 1 && o.format != ui.JSONL {
		words := o.countWords()
		if o.counts[account.Already] > 0 && !o.global.Detail {
			words += "; -e lists those already done"
		}
		o.console.Notef("%s", words)
	}
	if o.touched() == 0 && !o.written && o.counts[account.Already] > 0 && o.counts[account.Failed]+o.counts[account.NotDone] == 0 {
		o.console.Notef("nothing to do: already done")
	}
	switch {
	case o.global.DryRun:
		o.console.Notef("dry run: nothing was changed")
	case undo != "":
		o.console.Notef("change %d; to undo: %s", change, undo)
	}
	if o.next != nil && !o.global.DryRun {
		if text := o.next(); text != "" {
			o.console.Notef("%s", text)
		}
	}
	return nil
}

// rejectMark begins the first line of a reject file. The operation and the action follow.
const rejectMark = "# reject file: davadmin "

// rejectOutput returns how the file of --reject is written: an existing file is
// replaced only if it is a reject file.
func (o *changeRun) rejectOutput() fsx.OutputOptions {
	return fsx.OutputOptions{Hook: o.hook, Ours: func(head []byte) bool { return bytes.HasPrefix(head, []byte(rejectMark)) }}
}

// writeRejects writes the lines that were not done to the file of --reject, and
// replaces the one of an earlier run. Without such lines, the file is empty.
func (o *changeRun) writeRejects(ctx context.Context) error {
	if o.reject == "" {
		return nil
	}
	slices.SortStableFunc(o.rejects, func(a, b rejected) int { return a.index - b.index })
	var text strings.Builder
	if len(o.rejects) > 0 {
		text.WriteString(rejectMark + o.name() + " " + o.action + "\n")
	}
	if len(o.rejects) > 0 && o.recorded {
		text.WriteString(storehome.UndoMark([]string{o.name(), o.action}) + "\n")
		slices.Reverse(o.rejects)
	}
	for _, r := range o.rejects {
		text.WriteString(r.line + "\n")
	}
	err := fsx.WriteOutput(ctx, o.reject, o.rejectOutput(), func(w io.Writer) error {
		_, err := io.WriteString(w, text.String())
		return err
	})
	if err != nil {
		return fmt.Errorf("--reject: %w", err)
	}
	return nil
}
