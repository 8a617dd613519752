package accountcmd

import (
	"context"
	"errors"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
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
func (o *changeRun) run(ctx context.Context, s *storehome.Home, t *selectedAccounts, step account.Step, group func(account.SaveUndo) account.Group, wrap func(account.Group) account.Group) error {
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
		return &account.Batch{Stores: s.Set, Do: wrap(do), Size: o.size, Report: o.report, Retry: o.retry(), Lost: s.SkipLost}
	}
	if o.global.DryRun {
		if o.runner != nil {
			return o.work(ctx, t, o.runner(nil), nil)
		}
		return o.work(ctx, t, batch(account.DryRun(step)), nil)
	}
	change, err := o.homes.OpenChange(ctx, s, storehome.Intent{
		Operation: o.name() + " " + o.action, What: cmdutil.Plural(t.count, "account"), Remark: o.remark, Undo: o.undo, Areas: o.areas, Hook: o.hook, Wait: o.lock.Timeout,
	})
	if err != nil {
		return err
	}
	return o.recordedRun(ctx, t, change, func() itemRunner {
		if group != nil {
			return batch(group(change.Keep))
		}
		return batch(account.InTransaction(step, change.Keep))
	})
}

// recordedRun processes the items, and records the result, whatever ended the run.
func (o *changeRun) recordedRun(ctx context.Context, t *selectedAccounts, change *storehome.Change, batch func() itemRunner) error {
	var runner itemRunner
	if o.runner != nil {
		runner = o.runner(change.Keep)
	} else {
		runner = batch()
	}
	if !o.lazy {
		if err := change.Begin(ctx); err != nil {
			return errors.Join(err, change.End(ctx, journal.NotDone, ""))
		}
	}
	err := o.work(ctx, t, runner, change)
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
	return errors.Join(err, change.End(ctx, ended, detail))
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
func (o *changeRun) addressBatch(s *storehome.Home, backends []string, save account.SaveUndo) *account.AddressBatch {
	return &account.AddressBatch{
		Stores: s.Set, Backends: backends, Save: save, DryRun: o.global.DryRun, Assert: o.recorded, Report: o.report, Retry: o.retry(), Lost: s.SkipLost,
		Unseen: s.Unseen(),
	}
}
