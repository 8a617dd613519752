package ldapchange

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/davadmin/davadmin/pkg/directory"
)

// Run is one application of a plan, with its files.
type Run struct {
	Info
	dir string
}

// OpenRun returns a run that was begun before, to be taken up again.
func OpenRun(runs Runs, id int64) (*Run, error) {
	info, err := runs.Load(id)
	return &Run{Info: info, dir: runs.Path(id)}, err
}

// Dir is where the files of the run are.
func (r *Run) Dir() string { return r.dir }

func (r *Run) save(dir string) error {
	if err := r.Info.save(dir); err != nil {
		return fmt.Errorf("noting how far the run has come: %w", err)
	}
	return nil
}

// outcome is what became of one record.
type outcome struct {
	done, already bool
	why           string // it is not as the plan expects, or the server refused it
	failed        bool   // the server refused it
	err           error  // the whole run cannot go on
}

// Apply changes what Write wrote down, group by group. A run that was stopped goes
// on behind the last group that was done, and looks first at what it may have
// changed of the next. The error says why not all was tried; it wraps ErrReadOnly,
// ErrConflict without Options.Continue, or what ended the connection. Whatever the
// error, run says what was done.
func (a *Applier) Apply(ctx context.Context, run *Run) error {
	a.seen.Store(0)
	todo, err := OpenPlan(filepath.Join(run.dir, todoFile))
	if err != nil {
		return err
	}
	defer func() { _ = todo.Close() }()
	p, err := openProgress(run.dir)
	if err != nil {
		return err
	}
	defer func() { _ = p.close() }()
	again, done := run.State != Ready, p.done
	run.State, run.settled = Begun, run.Checked
	if done > 0 {
		run.settled = p.counts
	}
	run.Counts = run.settled
	if err := run.save(run.dir); err != nil {
		return err
	}
	group := 0
	for records, err := range todo.All(false) {
		if err != nil {
			return a.end(run, err)
		}
		if group++; group <= done {
			continue
		}
		// Where nothing is known of groups that are done, any may have been begun.
		unsure := again && (group == done+1 || done == 0)
		if err := a.applyGroup(ctx, run, records, unsure, group == 1); err != nil {
			return a.end(run, err)
		}
		if err := p.end(run.Counts); err != nil {
			return a.end(run, fmt.Errorf("noting how far the run has come: %w", err))
		}
		run.settled = run.Counts
	}
	return a.end(run, nil)
}

// mostAtOnce is how many changes are on their way on one connection.
const mostAtOnce = 32

// applyGroup changes the entries of a group. The very first change is sent alone:
// a server that takes none says so before others are on their way.
func (a *Applier) applyGroup(ctx context.Context, run *Run, records []Record, again, first bool) error {
	outcomes := make([]outcome, len(records))
	from := 0
	if first && len(records) > 0 {
		outcomes[0] = a.applyOne(ctx, &a.sessions[0], &records[0], again)
		if from = 1; outcomes[0].err != nil {
			return a.count(run, records[:1], outcomes[:1])
		}
	}
	stopping, stop := context.WithCancel(ctx)
	defer stop()
	parts := a.parts(len(records)-from, again)
	a.each(stopping, len(parts), func(s **session, i int) {
		low, high := from+parts[i].low, from+parts[i].high
		a.applyPart(stopping, s, records[low:high], outcomes[low:high], again)
		for _, o := range outcomes[low:high] {
			if o.err != nil {
				stop()
			}
		}
	})
	if err := a.count(run, records, outcomes); err != nil {
		return err
	}
	return ctx.Err()
}

type part struct{ low, high int }

// parts divides a group among the sessions. What has to be looked at first, or is
// paced, goes one by one.
func (a *Applier) parts(n int, again bool) []part {
	size := min(mostAtOnce, max(1, (n+len(a.sessions)-1)/len(a.sessions)))
	if again || a.o.Rate > 0 || a.checked.Guard == GuardReread {
		size = 1
	}
	var out []part
	for low := 0; low < n; low += size {
		out = append(out, part{low, min(low+size, n)})
	}
	return out
}

// applyPart changes some entries. What was not answered, or is to be tried again, is
// looked at one by one.
func (a *Applier) applyPart(ctx context.Context, s **session, records []Record, outcomes []outcome, again bool) {
	if len(records) == 1 {
		outcomes[0] = a.applyOne(ctx, s, &records[0], again)
		return
	}
	for i, err := range (*s).modify(records) {
		if err != nil && isPassing(err) {
			outcomes[i] = a.applyOne(ctx, s, &records[i], true)
			continue
		}
		outcomes[i] = judge(err)
		a.seen.Add(1)
	}
}

// count adds up what became of a group. Without Options.Continue a record that was
// not changed ends the run behind its group.
func (a *Applier) count(run *Run, records []Record, outcomes []outcome) error {
	var ending error
	for i, o := range outcomes {
		switch {
		case o.done:
			run.Changed++
		case o.already:
			run.Already++
		case o.failed:
			run.Failed++
		case o.why != "":
			run.Conflicts++
		}
		if o.why != "" {
			if err := a.reject(&records[i], o.why); err != nil {
				return err
			}
		}
		if o.err != nil && (ending == nil || errors.Is(ending, context.Canceled)) {
			ending = o.err
		}
	}
	if ending == nil && !a.o.Continue && run.refused() > run.settled.refused() {
		ending = fmt.Errorf("%w: %d are not as it expects, and %d were refused by the server", ErrConflict, run.Conflicts, run.Failed)
	}
	return ending
}

// applyOne changes one entry, and tries again while the server is busy or gone.
func (a *Applier) applyOne(ctx context.Context, s **session, r *Record, again bool) outcome {
	if err := a.pace.wait(ctx); err != nil {
		return outcome{err: err}
	}
	defer a.seen.Add(1)
	unsure := again // it is not known whether the change was made
	return judge(a.patiently(ctx, s, func(s *session) error {
		var before Values
		if unsure || s.guard == GuardReread {
			now, err := s.read(r.DN, r.attributes())
			if err != nil {
				return err
			}
			if why := unmet(r.Expect, now); why != "" {
				if already(r, now) {
					return errAlready
				}
				return &conflictError{why}
			}
			before = now
		}
		unsure = true
		if err := s.modifyOne(r); err != nil || s.guard != GuardReread {
			return err
		}
		return s.confirm(r, before)
	}))
}

// errAlready says that an entry is as it should become.
var errAlready = errors.New("it is so already")

func judge(err error) outcome {
	var conflict *conflictError
	switch code := directory.ResultCode(err); {
	case err == nil:
		return outcome{done: true}
	case errors.Is(err, errAlready):
		return outcome{already: true}
	case errors.As(err, &conflict), errors.Is(err, errNoEntry):
		return outcome{why: err.Error()}
	case code == codeReferral, code == codeUnwilling:
		return outcome{err: fmt.Errorf("%w: %w", ErrReadOnly, err)}
	case code != 0 && !isPassing(err):
		return outcome{why: err.Error(), failed: true}
	}
	return outcome{err: err}
}

// Pauses between tries grow from the first to the second.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
)

// patiently does something with a session, and does it again, on a new connection
// where the old one is gone, as long as the server is busy or gone.
func (a *Applier) patiently(ctx context.Context, s **session, do func(*session) error) error {
	var until time.Time
	pause := firstPause
	for {
		err := do(*s)
		if err == nil || !isPassing(err) || ctx.Err() != nil {
			return err
		}
		if until.IsZero() {
			until = time.Now().Add(a.o.RetryFor)
		}
		if time.Now().After(until) {
			return fmt.Errorf("given up after %v: %w", a.o.RetryFor, err)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, longPause)
		if !(*s).lost {
			continue
		}
		if fresh, err := connect(ctx, a.o.Directory); err == nil {
			fresh.plain = (*s).plain
			(*s).close()
			*s = fresh
		}
	}
}

// readPatiently reads the entry of a record.
func (a *Applier) readPatiently(ctx context.Context, s **session, r *Record) (now Values, err error) {
	err = a.patiently(ctx, s, func(s *session) error {
		now, err = s.read(r.DN, r.attributes())
		return err
	})
	return now, err
}

// IsGone tells whether an error means that the server went away, or stayed busy.
func IsGone(err error) bool { return err != nil && isPassing(err) }

// isPassing tells whether trying again may help.
func isPassing(err error) bool {
	code := directory.ResultCode(err)
	return code == codeBusy || code == codeUnavailable || directory.IsLost(err)
}

// end notes how a run ended, and writes what was rejected.
func (a *Applier) end(run *Run, err error) error {
	run.Ended = a.o.Now().UTC()
	switch {
	case err != nil:
		run.State, run.Detail = Stopped, err.Error()
	case run.refused() > 0:
		run.State, run.Detail = Partly, ""
	default:
		run.State, run.Detail = Done, ""
	}
	return errors.Join(err, a.WriteRejects(filepath.Join(run.dir, RejectFile), run.Server), run.save(run.dir))
}

// Rejects is how many records were not changed.
func (a *Applier) Rejects() int { return a.rejects.Changes() }

// WriteRejects writes the records that were not changed, each with the reason, as
// a plan that can be applied again; it writes nothing where there are none.
func (a *Applier) WriteRejects(path, source string) error {
	if a.rejects.Changes() == 0 {
		return nil
	}
	return writeFile(path, func(f *os.File) error {
		return a.rejects.Write(f, Header{Made: a.o.Now(), By: "what was not changed", Source: source})
	})
}
