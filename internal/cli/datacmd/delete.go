package datacmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/store"
)

// remove is the action 'calcomponent delete'.
type remove struct {
	console *cmdutil.Console
	global  *cmdutil.Globals
	hints   *cmdutil.Hints
	hook    fsx.Hook
	placeOptions
	filterOptions
	lock     cmdutil.LockOptions
	limit    cmdutil.MaxChanges
	remark   string
	retryFor time.Duration

	format  ui.Format
	total   int // components in the calendar
	partly  int // components that are only partly in the period
	deleted int
	failed  int
	change  *storehome.Change
	lost    error // the first error of the output
	at      calio.Place
}

func newDelete(f *cmdutil.Factory) *cobra.Command {
	o := &remove{console: f.Console, global: f.Global, hints: f.Hints, hook: f.Hook, placeOptions: placeOptions{getenv: f.Getenv, homes: storehome.NewHomes(f)}}
	cmd := &cobra.Command{
		Use:   "delete -a ADDRESS [-n NAME] -i UID... | --from TIME | --to TIME | --type TYPE | --text TEXT | --organizer ADDRESS",
		Short: "delete components of a calendar",
		Long: `Deletes events, tasks and journals of a calendar, after confirmation: those with a UID or a URI
(-i), or all that the filters select. --from and --to select what takes place entirely in the
period: a series is deleted only if all of its instances are in it, and a task without dates
never is. All-day events and times without a zone are those of --timezone. The other filters
are those of 'calcomponent list'.

A UID or URI that is not found is named, the others are deleted, and the exit code is 4.
Nobody gets a cancellation or any other message. 'calendar delete' deletes a whole calendar.

'history undo' restores what was deleted.`,
		Example: `  davadmin calcomponent delete -a jdoe@example.com -i 040000008200E00074C5B7101A82E008
  davadmin calcomponent delete -a jdoe@example.com -n work --to 2020-01-01 --type VTODO --dry-run`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.placeOptions.add(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&o.filterOptions.calendar, "name", "n", store.DefaultCalendar, "`NAME` of the calendar")
	o.filterOptions.add(cmd, "delete")
	flags.DurationVar(&o.retryFor, "retry-for", time.Minute, "how long to retry when the database cannot be reached")
	flags.StringVar(&o.remark, "remark", "", "reason for the change (`TEXT`), kept in the history")
	o.limit.AddOf(cmd, "component")
	o.lock.Add(flags)
	return cmd
}

func (o *remove) run(ctx context.Context) (err error) {
	w, err := o.account()
	switch {
	case err != nil:
		return err
	case w == (who{}):
		return cmdutil.Usagef("missing account: use -a ADDRESS")
	case !o.given():
		return cmdutil.Usagef("nothing is selected: use -i UID or a filter, such as --to TIME; for a whole calendar: %s", o.hints.Line("calendar", "delete", "-a", w.String(), "-n", "NAME"))
	case o.retryFor < 0:
		return cmdutil.Usagef("--retry-for: %s is negative", o.retryFor)
	}
	if err := o.parse(); err != nil {
		return err
	}
	if o.format, err = o.console.Format(ui.Plain, ui.Table, ui.JSONL); err != nil {
		return err
	}
	retry := account.Retry{For: o.retryFor, Notify: func(text string) { o.console.Notef("davadmin: note: %s", text) }}
	t, err := o.target(ctx, o.lock.Timeout, retry)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.home.Close()) }()
	o.at = placeOf(t.found, o.filterOptions.calendar)
	doomed, err := o.doomed(ctx, t.store)
	if err != nil {
		return err
	}
	return o.delete(ctx, t.home, t.store, doomed, retry)
}

// doomed returns what the options select. If something cannot be read, nobody knows whether it
// is selected, and nothing is deleted.
func (o *remove) doomed(ctx context.Context, st store.Store) (out []calio.Doomed, err error) {
	err = st.View(ctx, func(ctx context.Context, r store.Reader) error {
		out, o.partly, o.found = nil, 0, nil
		usage, err := r.CalendarUsage(ctx, o.at.Account, o.at.Calendar)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("%s has no calendar '%s'; nothing was changed", ui.Sanitize(o.at.Address), ui.Sanitize(o.at.Calendar))
		}
		if err != nil {
			return err
		}
		o.total = usage.Components
		f, none, err := o.resolve(ctx, r, o.at.Account, o.at.Calendar)
		if err == nil {
			err = o.ambiguous()
		}
		if err != nil || none {
			return err
		}
		selector := calio.NewSelector(f, o.clock.zones)
		for x, err := range selector.Texts(ctx, r, o.at.Account, o.at.Calendar) {
			switch {
			case err != nil:
				return err
			case x.Err != nil:
				return fmt.Errorf("%s cannot be read completely, so it is unknown whether it is selected, and nothing was changed; to delete it, use -i without a filter: %w", ui.Sanitize(x.Name), x.Err)
			case !selector.Within(x):
				o.partly++
				continue
			}
			out = append(out, calio.Doomed{Name: x.Name, UID: x.UID, ETag: x.ETag, Size: x.Size})
		}
		return nil
	})
	return out, err
}

// ambiguous returns an error if a value of -i is the UID of one component and the URI of
// another: the sender of an invitation chooses its UID, and must not choose what is deleted.
func (o *remove) ambiguous() error {
	for _, id := range o.ids {
		for _, name := range o.found[id] {
			if name != id && slices.Contains(o.found[id], id) {
				return cmdutil.Usagef("-i: '%s' is the UID of %s and the URI of another component; use the URI of the one and the UID of the other", ui.Sanitize(id), ui.Sanitize(name))
			}
		}
	}
	return nil
}

// delete deletes the components.
func (o *remove) delete(ctx context.Context, s *storehome.Home, st store.Store, doomed []calio.Doomed, retry account.Retry) error {
	if o.partly > 0 {
		o.console.Notef("not selected, because they are not entirely in the period or have no dates: %s", cmdutil.Plural(o.partly, "component"))
	}
	missing := o.missing()
	if len(missing) > 0 && len(missing) == len(o.ids) {
		return fmt.Errorf("the calendar has no such component; nothing was changed")
	}
	for _, id := range missing {
		if err := o.report(calio.DeleteResult{Doomed: calio.Doomed{UID: id}, Reason: "the calendar has no such component"}); err != nil {
			return err
		}
	}
	if len(doomed) == 0 {
		if len(missing) > 0 {
			return fmt.Errorf("nothing is selected; nothing was changed")
		}
		o.console.Notef("nothing to do: nothing is selected")
		return nil
	}
	if err := o.limit.Check(len(doomed), func() (int64, error) { return int64(o.total), nil }); err != nil {
		return err
	}
	options := calio.DeleteOptions{
		Store: st, Place: o.at, DryRun: o.global.DryRun, Report: o.report,
		Retry: func(ctx context.Context, try func(bool) error) error { return retry.Do(ctx, o.at.Backend, try) },
	}
	if !o.global.DryRun {
		if err := o.console.Confirm(ctx, fmt.Sprintf("Delete %s of %s in the calendar '%s' of %s?", cmdutil.Plural(len(doomed), "component"), fmt.Sprint(o.total), ui.Sanitize(o.at.Calendar), ui.Sanitize(o.at.Address))); err != nil {
			return err
		}
		var err error
		o.change, err = o.homes.OpenChange(ctx, s, storehome.Intent{
			Operation: "calcomponent delete", What: cmdutil.Plural(len(doomed), "component"), Remark: o.remark, Undo: undoCommand(), Hook: o.hook, Wait: o.lock.Timeout,
		})
		if err != nil {
			return err
		}
		options.Save = o.change.Keep
	}
	return o.end(ctx, calio.Delete(ctx, doomed, options))
}

// deleteItem is a component in JSON.
type deleteItem struct {
	Kind     string `json:"kind"`
	Account  string `json:"account"`
	Calendar string `json:"calendar"`
	URI      string `json:"uri"`
	UID      string `json:"uid"`
	Result   string `json:"result"`
	Reason   string `json:"reason,omitempty"`
}

// deleteSummary is the last line.
type deleteSummary struct {
	Kind     string `json:"kind"`
	Schema   string `json:"schema"`
	DryRun   bool   `json:"dry_run"`
	Complete bool   `json:"complete"`
	Deleted  int    `json:"deleted"`
	Failed   int    `json:"failed"`
	Change   int64  `json:"change,omitempty"`
	Undo     string `json:"undo,omitempty"`
}

func (o *remove) wrote(err error) {
	if o.lost == nil {
		o.lost = err
	}
}

// report is called for each component.
func (o *remove) report(r calio.DeleteResult) error {
	result := "deleted"
	if !r.Deleted {
		result = "failed"
		o.failed++
		name := r.Name
		if name == "" {
			name = r.UID
		}
		o.console.Say("davadmin: calcomponent: " + ui.Sanitize(name) + ": not deleted: " + ui.Sanitize(r.Reason))
	} else {
		o.deleted++
	}
	switch {
	case o.format == ui.JSONL:
		o.wrote(ui.WriteJSONL(o.console.Streams.Out, deleteItem{"item", o.at.Address, o.at.Calendar, r.Name, r.UID, result, r.Reason}))
	case r.Deleted && !o.global.Quiet:
		verb := "deleted"
		if o.global.DryRun {
			verb = "would be deleted"
		}
		_, err := fmt.Fprintf(o.console.Streams.Out, "%s: %s (%s)\n", verb, ui.Sanitize(r.UID), ui.Sanitize(r.Name))
		o.wrote(err)
	}
	return nil
}

// end records the result, prints the summary, and returns the error of the run.
func (o *remove) end(ctx context.Context, err error) error {
	words := fmt.Sprintf("deleted %d", o.deleted)
	if o.failed > 0 {
		words += fmt.Sprintf(", not deleted %d", o.failed)
	}
	undo, number := "", int64(0)
	if o.change != nil {
		result := journal.Done
		var unknown *store.CommitUnknown
		switch {
		case errors.As(err, &unknown):
			result = journal.Unknown
		case err != nil:
			result = journal.Unfinished
		}
		if number = o.change.Number(); number != 0 && !o.change.Undo().Empty() {
			undo = o.hints.Line("calcomponent", "restore", "-f", o.change.Undo().Path())
		}
		err = errors.Join(err, o.change.End(ctx, result, words))
	}
	if o.format == ui.JSONL {
		o.wrote(ui.WriteJSONL(o.console.Streams.Out, deleteSummary{"summary", "davadmin.calcomponent.delete.1", o.global.DryRun, err == nil, o.deleted, o.failed, number, undo}))
	} else {
		o.console.Notef("%s", words)
	}
	switch {
	case o.global.DryRun:
		o.console.Notef("dry run: nothing was changed")
	case undo != "":
		o.console.Notef("change %d; to undo: %s", number, undo)
	}
	if !o.global.DryRun {
		_ = o.console.LostReport(words, undo, o.lost)
	}
	switch {
	case err != nil && o.deleted > 0 && !o.global.DryRun:
		return &cmdutil.PartialError{Text: words + ": " + o.hints.ErrorText(err) + "; run the same command again to continue"}
	case err != nil:
		return err
	case o.failed > 0:
		return &cmdutil.PartialError{Text: fmt.Sprintf("not deleted, and listed above: %d", o.failed)}
	case o.global.DryRun:
		return o.lost
	}
	return nil
}
