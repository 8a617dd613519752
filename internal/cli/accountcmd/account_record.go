package accountcmd

import (
	"context"
	"errors"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/journal"
)

// itemRunner processes items; see account.Batch.
type itemRunner interface {
	Add(ctx context.Context, item *account.Item) error
	Stop(err error)
	End(ctx context.Context) error
}

// run applies step to the selected accounts, one transaction for each group. If group is not nil, it
// is used instead of step. wrap, if not nil, wraps the group.
func (o *changeRun) run(ctx context.Context, s *storeHome, t *selectedAccounts, step account.Step, group func(account.SaveUndo) account.Group, wrap func(account.Group) account.Group) error {
	var err error
	if o.format, err = o.console.Format(ui.Plain, ui.Table, ui.JSONL); err != nil {
		return err
	}
	if o.retryFor < 0 {
		return cmdutil.Usagef("--retry-for: %s is negative", o.retryFor)
	}
	if err := cmdutil.CheckReject(o.reject, o.rejectOutput()); err != nil {
		return err
	}
	o.counts, o.many, o.listed = map[account.Result]int{}, t.count > 1, t.count > 1
	if wrap == nil {
		wrap = func(do account.Group) account.Group { return do }
	}
	batch := func(do account.Group) itemRunner {
		return &account.Batch{Stores: s.set, Do: wrap(do), Size: o.size, Report: o.report, Retry: o.retry(), Lost: s.skipLost}
	}
	if o.global.DryRun {
		if o.runner != nil {
			return o.work(ctx, t, o.runner(nil), nil, new(int64))
		}
		return o.work(ctx, t, batch(account.DryRun(step)), nil, new(int64))
	}
	j := o.journals.Open(s.dir, o.lock.Timeout)
	session, err := j.Open(ctx, append([]journal.Area{journal.Accounts}, o.areas...)...)
	if err != nil {
		return err
	}
	o.journals.WarnNotes(session.Notes)
	r := &recording{of: o, session: session, count: t.count, undo: &undoFile{head: "davadmin " + strings.Join(o.undo, " ") + undoInput, hook: o.hook}, dir: j.Dir()}
	return r.run(ctx, t, func() itemRunner {
		if group != nil {
			return batch(group(r.keep))
		}
		return batch(account.InTransaction(step, r.keep))
	})
}

// recording is the record of a run in the journal, with its undo file.
type recording struct {
	of      *changeRun
	session *journal.Session
	count   int
	undo    *undoFile
	dir     string
	change  int64 // 0 until it begins
}

// begin records that the run is about to change something.
func (r *recording) begin(ctx context.Context) (err error) {
	o := r.of
	r.change, err = o.journals.BeginNumbered(ctx, r.session, func(change int64) journal.Intent {
		r.undo.path = undoPath(r.dir, change)
		return journal.Intent{
			Operation: o.name() + " " + o.action, Command: o.journals.Command(), Remark: o.remark,
			Items: []journal.Item{{Name: cmdutil.Plural(r.count, "account"), New: "undo file: " + r.undo.path, IsSet: true}},
		}
	})
	return err
}

// keep saves undo lines. If nothing has been changed yet, it records the change first.
func (r *recording) keep(lines []string) (forget func() error, err error) {
	if r.change == 0 {
		if err := r.begin(context.Background()); err != nil {
			return nil, err
		}
	}
	return r.undo.keep(lines)
}

// run processes the items, and records the result, whatever ended the run.
func (r *recording) run(ctx context.Context, t *selectedAccounts, batch func() itemRunner) error {
	o := r.of
	var runner itemRunner
	if o.runner != nil {
		runner = o.runner(r.keep)
	} else {
		runner = batch()
	}
	if !o.lazy {
		if err := r.begin(ctx); err != nil {
			return errors.Join(err, r.session.Close())
		}
	}
	err := o.work(ctx, t, runner, r.undo, &r.change)
	if r.change == 0 {
		return errors.Join(err, r.session.Close())
	}
	ended, detail := journal.Done, o.countWords()
	if o.counts[account.NotDone]+o.counts[account.Unknown]+o.parts > 0 || err != nil && o.touched() == 0 {
		ended = journal.Unfinished
		if o.touched() == 0 {
			ended = journal.NotDone
		}
	}
	if o.counts[account.Unknown] > 0 {
		ended = journal.Unknown
		detail += "; to find out: " + o.findOut()
	}
	endErr := r.session.End(context.WithoutCancel(ctx), r.change, ended, detail)
	return errors.Join(err, endErr, r.session.Close())
}

// notDoneWords says of an item that it was not done, or only a part of it.
func notDoneWords(out account.Outcome) string {
	if out.Part {
		return "only a part was done; run the same command again to complete it: "
	}
	return "not done: "
}

// addressRunner processes items that may change addresses, which are changed together, and
// others, which are changed in groups.
type addressRunner struct {
	plain     *account.Batch // nil if all items change addresses
	addresses *account.AddressBatch
}

// Add implements itemRunner.
func (r *addressRunner) Add(ctx context.Context, item *account.Item) error {
	for _, p := range item.Properties {
		if p.Name == "addresses" {
			return r.addresses.Add(ctx, item)
		}
	}
	if r.plain != nil {
		return r.plain.Add(ctx, item)
	}
	return r.addresses.Add(ctx, item)
}

// Stop implements itemRunner.
func (r *addressRunner) Stop(err error) {
	if r.plain != nil {
		r.plain.Stop(err)
	}
	r.addresses.Stop(err)
}

// End implements itemRunner.
func (r *addressRunner) End(ctx context.Context) error {
	if r.plain != nil {
		if err := r.plain.End(ctx); err != nil {
			r.addresses.Stop(err)
			return errors.Join(err, onlyReport(r.addresses.End(ctx), err))
		}
	}
	return r.addresses.End(ctx)
}

// onlyReport returns the error of a runner unless it is that for which it was stopped.
func onlyReport(err, stopped error) error {
	if errors.Is(err, stopped) {
		return nil
	}
	return err
}

// addressBatch returns the batch that changes addresses.
func (o *changeRun) addressBatch(s *storeHome, backends []string, save account.SaveUndo) *account.AddressBatch {
	return &account.AddressBatch{
		Stores: s.set, Backends: backends, Save: save, DryRun: o.global.DryRun, Assert: o.recorded, Report: o.report, Retry: o.retry(), Lost: s.skipLost,
		Unseen: s.unseen(),
	}
}
