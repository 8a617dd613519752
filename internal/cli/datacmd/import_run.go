package datacmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/davadmin/davadmin/internal/calfile"
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// importRun is one run of an import.
type importRun struct {
	*importFiles
	home    *storehome.Home
	finder  *account.Finder
	change  *storehome.Change // nil in a dry run
	zones   *recur.Zones
	printer *importPrinter
	done    atomic.Int64 // items, for the status line

	job      *importJob
	at       calio.Place
	importer *calio.Importer
}

// run imports the jobs.
func (o *importFiles) run(ctx context.Context, jobs []importJob) (err error) {
	format, err := o.console.Format(ui.Plain, ui.Table, ui.JSONL)
	if err != nil {
		return err
	}
	s, err := o.open(ctx, o.lock.Timeout, o.retry())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r := &importRun{importFiles: o, home: s, zones: recur.NewZones(), printer: newImportPrinter(o, format)}
	if r.finder, err = o.finder(ctx, s); err != nil {
		return err
	}
	if !o.global.DryRun {
		r.change, err = o.homes.OpenChange(ctx, s, storehome.Intent{
			Operation: "calcomponent import", What: cmdutil.Plural(len(jobs), "calendar"), Remark: o.remark, Undo: undoCommand(), Hook: o.hook, Wait: o.lock.Timeout,
		})
		if err != nil {
			return err
		}
	}
	began := o.now()
	stop := o.console.StartStatus(func() string {
		n := r.done.Load()
		return fmt.Sprintf("%d items, %.0f per second", n, float64(n)/max(o.now().Sub(began).Seconds(), 0.001))
	})
	err = r.withOutputs(ctx, func() error { return r.all(ctx, jobs) })
	stop()
	return r.end(ctx, len(jobs), err)
}

// undoCommand is the command that undoes changes of components.
func undoCommand() []string { return []string{"calcomponent", "restore"} }

// withOutputs runs do, during which --report and --reject are written. What was written stays,
// whatever ended the run.
func (r *importRun) withOutputs(ctx context.Context, do func() error) error {
	var worked error
	write := func(path, option string, to *io.Writer, next func() error) func() error {
		if path == "" {
			return next
		}
		return func() error {
			finishing, finished := cmdutil.Finishing(ctx)
			defer finished()
			err := fsx.WriteOutput(finishing, path, r.output(), func(w io.Writer) error {
				*to = w
				err := next()
				*to = nil
				return err
			})
			if err != nil {
				return fmt.Errorf("%s: %w", option, err)
			}
			return nil
		}
	}
	run := write(r.report, "--report", &r.printer.report, write(r.reject, "--reject", &r.printer.reject, func() error {
		worked = do()
		return r.printer.failed
	}))
	return errors.Join(worked, run())
}

// all imports the jobs, one after the other.
func (r *importRun) all(ctx context.Context, jobs []importJob) error {
	for i := range jobs {
		err := r.one(ctx, &jobs[i])
		var failed *jobError
		switch {
		case errors.As(err, &failed):
			r.printer.fault(failed.name, failed.err)
		case err != nil:
			for _, rest := range jobs[i+1:] {
				r.printer.notReached(rest)
			}
			return err
		}
	}
	return nil
}

// jobError is why a job failed, while others can go on.
type jobError struct {
	name string
	err  error
}

func (e *jobError) Error() string { return e.name + ": " + e.err.Error() }

func (e *jobError) Unwrap() error { return e.err }

// one imports the files of a job.
func (r *importRun) one(ctx context.Context, job *importJob) error {
	name := job.who.String()
	if job.where != "" {
		name = job.where + ": " + name
	}
	found, err := find(ctx, r.finder, job.who)
	switch {
	case errors.Is(err, store.ErrNotFound) || errors.Is(err, account.ErrAmbiguous):
		return r.jobFailed(name, err)
	case err != nil:
		return err
	}
	r.job, r.at = job, placeOf(found, job.calendar)
	st, err := r.finder.Retry.Open(ctx, r.home.Set, found.Backend)
	if err != nil {
		return err
	}
	options := calio.ImportOptions{
		Store: st, Place: r.at, Conflict: calio.Conflict(r.onConflict), DryRun: r.global.DryRun, Report: r.item,
		Retry: func(ctx context.Context, try func(bool) error) error { return r.retry().Do(ctx, found.Backend, try) },
	}
	if r.change != nil {
		options.Save = r.change.Keep
	}
	if r.create {
		if options.Create, err = r.newCalendar(ctx, found); err != nil {
			return err
		}
	} else if err := r.requireCalendar(ctx, st); err != nil {
		return r.jobFailed(name, err)
	}
	r.importer = calio.NewImporter(options)
	for _, path := range job.paths {
		s := &calfile.Source{Open: r.input.Open, Tmp: r.tmp, Text: func(t calfile.Text) error { return r.text(ctx, t) }, Fault: r.fault}
		if err := s.Each(ctx, path, cmdutil.BatchName(path)); err != nil {
			return errors.Join(err, r.importer.End(ctx))
		}
	}
	return r.importer.End(ctx)
}

// jobFailed returns the error of a job: that of the run if it is the only one.
func (r *importRun) jobFailed(name string, err error) error {
	if r.batch == "" && r.dir == "" {
		if err, ok := errors.AsType[*cmdutil.UsageError](err); ok {
			return err
		}
		return fmt.Errorf("%s: %w; nothing was changed", ui.Sanitize(name), err)
	}
	return &jobError{name, err}
}

// requireCalendar returns an error if the calendar does not exist: a file may be long.
func (r *importRun) requireCalendar(ctx context.Context, st store.Store) error {
	err := st.View(ctx, func(ctx context.Context, s store.Reader) error {
		_, err := s.Calendar(ctx, r.at.Account, r.at.Calendar)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("there is no calendar '%s'; to create it, add --create-calendar", ui.Sanitize(r.at.Calendar))
	}
	return err
}

// newCalendar returns a new calendar of an account.
func (r *importRun) newCalendar(ctx context.Context, found account.Found) (*store.Calendar, error) {
	d, err := r.home.Defaults(ctx, r.home.People(nil))
	if err != nil {
		return nil, err
	}
	return d.Calendar(found.Account.Kind), nil
}

// text imports a text.
func (r *importRun) text(ctx context.Context, t calfile.Text) error {
	r.printer.files++
	in, source, lines, err := reader(ctx, t)
	switch {
	case errors.Is(err, errUnread):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		r.printer.fault(t.Name, err)
		return nil
	}
	r.printer.begin(r.at, t.Name, lines)
	err = r.importer.Read(ctx, t.Name, in, calio.ReadOptions{Zones: r.zones, Dir: r.tmp, Report: r.printer.hold})
	var broken *calio.SourceError
	var problem *ical.Problem
	switch {
	case ctx.Err() != nil || !errors.As(err, &broken):
	case source.err != nil:
		r.printer.forget()
		err = errUnread
	case errors.As(err, &problem):
		r.printer.forget()
		r.printer.fault(t.Name, fmt.Errorf("%w; nothing of the file was imported", problem))
		err = errUnread
	}
	if errors.Is(err, errUnread) {
		return nil // it was reported, and the other files are imported all the same
	}
	if err != nil {
		return err
	}
	// Items that are still in the group are reported later, but what belongs to no item is known.
	if err := r.importer.End(ctx); err != nil {
		return err
	}
	r.printer.endText()
	return nil
}

// item is called with the result of each item.
func (r *importRun) item(result calio.Result) error {
	r.done.Add(1)
	r.printer.item(result)
	return nil
}

// fault is called for each file with which something is wrong.
func (r *importRun) fault(f calfile.Fault) error {
	if cmdutil.IsUsage(f.Err) {
		return f.Err
	}
	text := strings.TrimPrefix(f.Err.Error(), f.Name+": ")
	if f.Kind == calfile.Skipped {
		r.console.Notef("davadmin: note: %s: %s", ui.Sanitize(f.Name), ui.Sanitize(text))
		return nil
	}
	r.printer.fault(f.Name, errors.New(text))
	return nil
}

// end records the result, prints the summary, and returns the error of the run.
func (r *importRun) end(ctx context.Context, jobs int, err error) error {
	p := r.printer
	undo, number := "", int64(0)
	if r.change != nil {
		result := journal.Done
		var unknown *store.CommitUnknown
		switch {
		case errors.As(err, &unknown):
			result = journal.Unknown
		case err != nil:
			result = journal.Unfinished
		}
		if number = r.change.Number(); number != 0 && !r.change.Undo().Empty() {
			undo = r.hints.Line("calcomponent", "restore", "-f", r.change.Undo().Path())
		}
		err = errors.Join(err, r.change.End(ctx, result, p.words()))
	}
	lost := p.summary(number, undo, err == nil)
	if !r.global.DryRun {
		_ = r.console.LostReport(p.words(), undo, lost)
	}
	again := "; run the same command again to continue"
	if r.global.DryRun {
		again = ""
	}
	switch {
	case err != nil && p.touched() > 0:
		return &cmdutil.PartialError{Text: p.words() + "; the rest was not done: " + r.hints.ErrorText(err) + again}
	case err != nil:
		return err
	case lost != nil && r.global.DryRun:
		return lost
	case p.bad() > 0 && p.items == p.counts[calio.Rejected] && p.touched() == 0 && p.counts[calio.Unchanged] == 0 && jobs == 1:
		return &cmdutil.PartialError{Text: "nothing was imported: " + p.badWords()}
	case p.bad() > 0:
		return &cmdutil.PartialError{Text: "not imported, and listed above: " + p.badWords()}
	}
	return nil
}
