package datacmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
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
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// restore is the action 'calcomponent restore'.
type restore struct {
	console *cmdutil.Console
	global  *cmdutil.Globals
	hints   *cmdutil.Hints
	now     func() time.Time
	hook    fsx.Hook
	homes   *storehome.Homes
	cmdutil.HomeOptions
	lock     cmdutil.LockOptions
	file     string
	remark   string
	retryFor time.Duration

	format ui.Format
	counts map[calio.UndoOutcome]int
	done   atomic.Int64
	lost   error // the first error of the output
}

func newRestore(f *cmdutil.Factory) *cobra.Command {
	o := &restore{console: f.Console, global: f.Global, hints: f.Hints, now: f.Now, hook: f.Hook, homes: storehome.NewHomes(f), counts: map[calio.UndoOutcome]int{}}
	cmd := &cobra.Command{
		Use:   "restore -f FILE",
		Short: "undo an import or a deletion of components",
		Long: `Undoes what an import or a deletion of components changed, with its undo file: components
that were created are deleted, and those that were replaced or deleted get the text that they
had. 'history undo' runs this command with the right file, and 'history list' shows the
changes.

A component that somebody has changed since keeps what it is, and is named; the exit code is 4
then. Nobody gets an invitation or any other message. The restoration itself can be undone.`,
		Example: `  davadmin history undo 12
  davadmin calcomponent restore -f /var/opt/davserver/history/accounts/12.undo --dry-run`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.file, "file", "f", "", "undo `FILE` of the change")
	flags.DurationVar(&o.retryFor, "retry-for", time.Minute, "how long to retry when the database cannot be reached")
	flags.StringVar(&o.remark, "remark", "", "reason for the change (`TEXT`), kept in the history")
	o.lock.Add(flags)
	o.HomeOptions.Add(flags)
	return cmd
}

func (o *restore) run(ctx context.Context) (err error) {
	if o.format, err = o.console.Format(ui.Plain, ui.Table, ui.JSONL); err != nil {
		return err
	}
	switch {
	case o.file == "":
		return cmdutil.Usagef("missing undo file: use -f FILE; '%s' lists the changes", o.hints.Line("history", "list"))
	case o.retryFor < 0:
		return cmdutil.Usagef("--retry-for: %s is negative", o.retryFor)
	}
	f, size, err := o.open()
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := o.homes.Open(ctx, &o.HomeOptions, o.lock.Timeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	retry := account.Retry{For: o.retryFor, Notify: func(text string) { o.console.Notef("davadmin: note: %s", text) }}
	u := calio.UndoOptions{
		Open:   func(ctx context.Context, backend string) (store.Store, error) { return s.Set.Open(ctx, backend) },
		DryRun: o.global.DryRun, Report: o.report, Zones: recur.NewZones(),
		Retry: func(ctx context.Context, try func(bool) error) error { return retry.Do(ctx, "", try) },
	}
	var change *storehome.Change
	if !o.global.DryRun {
		change, err = o.homes.OpenChange(ctx, s, storehome.Intent{
			Operation: "calcomponent restore", What: "undo file: " + o.file, Remark: o.remark, Undo: undoCommand(), Hook: o.hook, Wait: o.lock.Timeout,
		})
		if err != nil {
			return err
		}
		u.Save = change.Keep
	}
	stop := o.console.StartStatus(func() string { return cmdutil.Plural(int(o.done.Load()), "component") + " done" })
	err = calio.Undo(ctx, calio.ReadUndo(ctx, f, size), u)
	stop()
	return o.end(ctx, change, err)
}

// open opens the undo file, and returns its size.
func (o *restore) open() (f *os.File, size int64, err error) {
	if f, err = fsx.OpenRegular(o.file); err != nil {
		return nil, 0, fmt.Errorf("undo file: %w", err)
	}
	head := make([]byte, 4096)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return nil, 0, errors.Join(fmt.Errorf("undo file: %w", err), f.Close())
	}
	err = nil
	line, _, _ := strings.Cut(string(head[:n]), "\n")
	switch command, ok := storehome.CutUndoMark(line); {
	case !ok:
		err = cmdutil.Usagef("%s is not an undo file; nothing was changed", ui.Sanitize(o.file))
	case !slices.Equal(command, undoCommand()) && len(command) > 1:
		err = cmdutil.Usagef("%s is an undo file of another kind, so nothing was changed; to undo: %s", ui.Sanitize(o.file), o.hints.Line(command[0], command[1], append(slices.Clone(command[2:]), "-f", o.file)...))
	}
	info, serr := f.Stat()
	if err = errors.Join(err, serr); err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// restoreItem is a line in JSON.
type restoreItem struct {
	Kind     string            `json:"kind"`
	Account  string            `json:"account"`
	Calendar string            `json:"calendar"`
	Name     string            `json:"name,omitempty"`
	UID      string            `json:"uid,omitempty"`
	Change   calio.ChangeKind  `json:"change"` // that is undone
	Result   calio.UndoOutcome `json:"result"`
	Reason   string            `json:"reason,omitempty"`
}

// restoreSummary is the last line.
type restoreSummary struct {
	Kind     string                    `json:"kind"`
	Schema   string                    `json:"schema"`
	DryRun   bool                      `json:"dry_run"`
	Complete bool                      `json:"complete"`
	Counts   map[calio.UndoOutcome]int `json:"counts"`
	Change   int64                     `json:"change,omitempty"`
	Undo     string                    `json:"undo,omitempty"`
}

// report is called for each line of the undo file.
func (o *restore) report(r calio.UndoResult) error {
	o.counts[r.Outcome]++
	o.done.Add(1)
	what := strings.TrimSpace(r.Line.Address + " " + r.Line.Calendar + " " + r.Line.Name)
	if r.Outcome == calio.NotUndone || r.Outcome == calio.NotReached && o.counts[r.Outcome] <= namedNotDone {
		o.console.Say("davadmin: calcomponent: " + ui.Sanitize(what) + ": not undone: " + ui.Sanitize(r.Reason))
	}
	if o.format == ui.JSONL {
		o.wrote(ui.WriteJSONL(o.console.Streams.Out, restoreItem{"item", r.Line.Address, r.Line.Calendar, r.Line.Name, r.Line.UID, r.Line.Kind, r.Outcome, r.Reason}))
		return nil
	}
	if o.global.Quiet || r.Outcome != calio.Undone {
		return nil
	}
	verb := map[calio.ChangeKind]string{
		calio.ResourceCreated: "deleted", calio.ResourceReplaced: "restored", calio.ResourceDeleted: "restored", calio.CalendarCreated: "deleted calendar", calio.CalendarDeleted: "restored calendar",
	}[r.Line.Kind]
	if o.global.DryRun {
		verb = "would be " + verb
	}
	_, err := fmt.Fprintf(o.console.Streams.Out, "%s: %s\n", verb, ui.Sanitize(what))
	o.wrote(err)
	return nil
}

// wrote keeps the first error of the output. The work continues.
func (o *restore) wrote(err error) {
	if o.lost == nil {
		o.lost = err
	}
}

// words says how many lines had which result.
func (o *restore) words() string {
	var parts []string
	for _, r := range []calio.UndoOutcome{calio.Undone, calio.AlreadyDone, calio.NotUndone, calio.NotReached} {
		if n := o.counts[r]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", strings.ReplaceAll(string(r), "-", " "), n))
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// end records the result, prints the summary, and returns the error of the run.
func (o *restore) end(ctx context.Context, change *storehome.Change, err error) error {
	bad := o.counts[calio.NotUndone] + o.counts[calio.NotReached]
	undo, number := "", int64(0)
	if change != nil {
		result := journal.Done
		var unknown *store.CommitUnknown
		switch {
		case errors.As(err, &unknown):
			result = journal.Unknown
		case err != nil:
			result = journal.Unfinished
		}
		if number = change.Number(); number != 0 && !change.Undo().Empty() {
			undo = o.hints.Line("calcomponent", "restore", "-f", change.Undo().Path())
		}
		err = errors.Join(err, change.End(ctx, result, o.words()))
	}
	if o.format == ui.JSONL {
		o.wrote(ui.WriteJSONL(o.console.Streams.Out, restoreSummary{"summary", "davadmin.calcomponent.restore.1", o.global.DryRun, err == nil, o.counts, number, undo}))
	} else {
		o.console.Notef("%s", o.words())
	}
	switch {
	case o.global.DryRun:
		o.console.Notef("dry run: nothing was changed")
	case undo != "":
		o.console.Notef("change %d; to undo: %s", number, undo)
	}
	if !o.global.DryRun {
		_ = o.console.LostReport(o.words(), undo, o.lost)
	}
	switch {
	case err != nil && o.counts[calio.Undone] > 0 && !o.global.DryRun:
		return &cmdutil.PartialError{Text: o.words() + "; the rest was not done: " + o.hints.ErrorText(err) + "; run the same command again to continue"}
	case err != nil:
		return err
	case bad > 0:
		return &cmdutil.PartialError{Text: fmt.Sprintf("not undone, and listed above: %d", bad)}
	case o.global.DryRun:
		return o.lost
	}
	return nil
}
