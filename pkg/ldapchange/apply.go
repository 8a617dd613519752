package ldapchange

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/directory"
)

// Run is the application of a plan, with its files.
type Run struct {
	Info
	dir string
}

// OpenRun returns a run that was begun before, to be resumed.
func OpenRun(runs Runs, id int64) (*Run, error) {
	info, err := runs.Load(id)
	return &Run{Info: info, dir: runs.Path(id)}, err
}

// Dir returns the directory that contains the files of the run.
func (r *Run) Dir() string { return r.dir }

func (r *Run) save(hook fsx.Hook) error {
	if err := r.Info.save(r.dir, hook); err != nil {
		return fmt.Errorf("recording the progress of the run: %w", err)
	}
	return nil
}

// outcome is the result of one record.
type outcome struct {
	done, already bool
	before        bool   // done by the run before it was stopped
	why           string // the conflict, or why the server refused the change
	refusal       error  // the answer of a server that refused the change
	err           error  // why the run cannot continue
}

// untried reports whether a record was not tried, or not to the end.
func (o *outcome) untried() bool { return !o.done && !o.already && o.why == "" }

// Apply makes the changes that Write recorded, group by group. A stopped run resumes
// after the last finished group, and first checks which entries of the next group it
// has already changed. If it ended because the bind DN seemed to have no rights at all, it
// now tries all records with Options.Continue: rights may differ between subtrees. The error is why not all records were tried: it wraps
// ErrReadOnly, ErrConflict or ErrRefused (the latter two without Options.Continue, and a
// *RefusedError with it if the bind DN seems to have no rights at all), or what ended the
// connection. Whatever the error, run states what was done.
func (a *Applier) Apply(ctx context.Context, run *Run) error {
	a.seen.Store(0)
	todo, err := openRunPlan(filepath.Join(run.dir, todoFile))
	if err != nil {
		return err
	}
	defer func() { _ = todo.Close() }()
	p, err := openProgress(run.dir, a.o.Hook)
	if err != nil {
		return err
	}
	again, done := run.State != Ready, p.done
	a.insist = run.State == Stopped && run.Failed >= maxDenied && run.Changed == 0
	if again {
		if err := a.carry(run, todo, done); err != nil {
			return err
		}
	}
	run.State, run.settled = Begun, run.Checked
	if done > 0 {
		run.settled = p.counts
	}
	run.changedBefore = run.Changed
	if err := run.save(a.o.Hook); err != nil {
		return err
	}
	run.Counts = run.settled
	first, tried := true, 0 // groups, by this call
	for batch, err := range ahead(a.batches(todo, done)) {
		if err != nil {
			return a.end(run, err)
		}
		if err := a.applyBatch(ctx, run, batch, p, again, first && done == 0); err != nil {
			return a.end(run, err)
		}
		// Batches are begun in order, so no batch after one that was not begun was begun.
		// If no group is recorded as done, any of them may have been. This batch may be
		// smaller than that of the stopped run, which had another rate.
		tried += len(batch)
		again = again && (done == 0 || run.foundChanged > 0 || tried < batchGroups)
		first = false
	}
	return a.end(run, nil)
}

// batchGroups is the number of groups that are applied together, so that connections
// wait less often for each other and for the disk.
const batchGroups = 4

// batches yields the groups of a plan after those that are done, several at a time unless
// the rate is limited.
func (a *Applier) batches(todo *Plan, done int) iter.Seq2[[][]Record, error] {
	size := batchGroups
	if a.o.Rate > 0 {
		size = 1
	}
	return func(yield func([][]Record, error) bool) {
		var batch [][]Record
		group := 0
		for records, err := range todo.All(false) {
			if err != nil {
				yield(nil, err)
				return
			}
			if group++; group <= done {
				continue
			}
			if batch = append(batch, records); len(batch) == size {
				if !yield(batch, nil) {
					return
				}
				batch = nil
			}
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

// applyBatch changes the entries of some groups, and records the groups that are
// finished. The error is why the run ends.
func (a *Applier) applyBatch(ctx context.Context, run *Run, batch [][]Record, p *progress, again, first bool) error {
	records := slices.Concat(batch...)
	outcomes := make([]outcome, len(records))
	a.applyRecords(ctx, run, batch, records, outcomes, again, first)
	run.foundChanged = 0
	var finished []Counts // up to the end of each finished group
	var ending error
	from := 0
	for _, group := range batch {
		to := from + len(group)
		err := a.count(run, records[from:to], outcomes[from:to])
		if err != nil && (ending == nil || errors.Is(ending, context.Canceled)) {
			ending = err
		}
		if ending == nil && !slices.ContainsFunc(outcomes[from:to], func(o outcome) bool { return o.untried() }) {
			finished = append(finished, run.Counts)
			run.settled = run.Counts
		}
		from = to
	}
	if len(finished) > 0 {
		if err := errors.Join(a.appendRejects(run), p.end(finished)); err != nil {
			return fmt.Errorf("recording the progress of the run: %w", err)
		}
	}
	var refused *RefusedError
	if ending == nil || ctx.Err() != nil && errors.As(ending, &refused) {
		return ctx.Err()
	}
	return ending
}

// applyRecords changes the entries of some groups. The very first change of a run is sent
// alone, so that a server that accepts no changes is found before others are sent.
// Without Options.Continue, no part of a later group is begun after a record that was not
// changed. Missing rights stop the run at once, or with Options.Continue after maxDenied of
// them. The outcome of a record that was not tried is zero.
func (a *Applier) applyRecords(ctx context.Context, run *Run, batch [][]Record, records []Record, outcomes []outcome, again, first bool) {
	var end atomic.Int64 // of the last group to begin
	end.Store(int64(len(records)))
	note := func(low, high int) {
		if a.o.Continue || !slices.ContainsFunc(outcomes[low:high], func(o outcome) bool { return o.why != "" }) {
			return
		}
		limit := 0
		for _, group := range batch {
			if limit += len(group); limit > low {
				break
			}
		}
		for old := end.Load(); int64(limit) < old && !end.CompareAndSwap(old, int64(limit)); old = end.Load() {
		}
	}
	from := 0
	if first {
		outcomes[0] = resumed(a.applyOne(ctx, &a.sessions[0], &records[0], again, nil), again)
		if from = 1; outcomes[0].err != nil || !a.o.Continue && outcomes[0].denied() {
			return
		}
		note(0, 1)
	}
	stopping, stop := context.WithCancel(ctx)
	defer stop()
	limit := &denials{stop: stop, all: a.o.Continue, insist: a.insist}
	limit.denied.Store(int64(run.Failed))
	limit.changed.Store(int64(run.Changed))
	if from == 1 {
		limit.count(&outcomes[0])
	}
	parts := a.parts(batch, from, again)
	a.each(stopping, len(parts), func(s **session, i int) {
		low, high := parts[i].low, parts[i].high
		if int64(low) >= end.Load() {
			return
		}
		a.applyPart(stopping, s, records[low:high], outcomes[low:high], again)
		note(low, high)
		for i := low; i < high; i++ {
			limit.count(&outcomes[i])
		}
	})
}

// maxPipelined is the number of changes that are sent on one connection before the
// response to the first one.
const maxPipelined = 32

type part struct{ low, high int }

// parts divides each group among the sessions, without the records before from. Records
// that must be checked first or whose rate is limited are processed one by one.
func (a *Applier) parts(batch [][]Record, from int, again bool) []part {
	var out []part
	end := 0
	for _, group := range batch {
		end += len(group)
		size := min(maxPipelined, max(1, (end-from+len(a.sessions)-1)/len(a.sessions)))
		if again || a.o.Rate > 0 || a.checked.Guard == GuardReread {
			size = 1
		}
		for ; from < end; from += size {
			out = append(out, part{from, min(from+size, end)})
		}
		from = end
	}
	return out
}

// applyPart changes some entries. Changes without a response and those to retry are
// then processed one by one, until one of them ends the run.
func (a *Applier) applyPart(ctx context.Context, s **session, records []Record, outcomes []outcome, again bool) {
	errs := make([]error, len(records))
	one := len(records) == 1 || (*s).guard == GuardReread
	if !one {
		errs = (*s).modify(records)
	}
	ended := false
	for i, err := range errs {
		if !one && !isTransient(err) {
			outcomes[i] = judge(err)
			ended = ended || outcomes[i].err != nil
			a.seen.Add(1)
		}
	}
	for i, err := range errs {
		if owed := (*unrestoredError)(nil); one && !ended || isTransient(err) && (errors.As(err, &owed) || !ended) {
			outcomes[i] = resumed(a.applyOne(ctx, s, &records[i], again || !one, owed), again)
			ended = ended || outcomes[i].err != nil
		}
	}
}

// count adds the outcomes of a group to the counts of the run. Without
// Options.Continue, a record that was not changed ends the run after its group.
func (a *Applier) count(run *Run, records []Record, outcomes []outcome) error {
	var ending error
	var refused *RefusedError
	for i := range outcomes {
		o := &outcomes[i]
		switch {
		case o.done:
			run.Changed++
			a.report(&records[i], Made)
			if o.before {
				run.foundChanged++
			}
		case o.already:
			run.Already++
			a.report(&records[i], AlreadyDone)
		case o.refusal != nil:
			run.Failed++
			if refused == nil || o.denied() && !refused.Denied() {
				refused = &RefusedError{DN: records[i].DN, Err: o.refusal}
			}
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
	conflicts, failed := run.Conflicts-run.settled.Conflicts, run.Failed-run.settled.Failed
	if refused != nil {
		refused.Entries = failed
	}
	denied := refused != nil && refused.Denied() && (!a.o.Continue || !a.insist && run.Failed >= maxDenied && run.Changed == 0)
	switch {
	case ending != nil && !errors.Is(ending, context.Canceled):
		return ending
	case denied: // which may have stopped the others
		return refused
	case ending != nil || a.o.Continue:
		return ending
	case conflicts > 0 && failed > 0:
		return fmt.Errorf("%w: conflicts: %d; refused by the server: %d, for example: %s", ErrConflict, conflicts, failed, refused.Err.Error())
	case conflicts > 0:
		return fmt.Errorf("%w: conflicts: %d", ErrConflict, conflicts)
	case failed > 0:
		return refused
	}
	return nil
}

// applyOne changes one entry, and retries while the server is busy or unreachable.
// owed, if not nil, is a change of the entry to undo, which is done even after ctx
// has ended.
func (a *Applier) applyOne(ctx context.Context, s **session, r *Record, again bool, owed *unrestoredError) outcome {
	if owed == nil {
		if err := sleep(ctx, a.pace.Reserve().Delay()); err != nil {
			return outcome{err: err}
		}
		if err := ctx.Err(); err != nil {
			return outcome{err: err}
		}
	}
	defer a.seen.Add(1)
	unsure := again // the change may have been made already
	do := func(s *session) error {
		if owed != nil {
			return s.restoreAgain(owed)
		}
		err := s.change(r, unsure)
		unsure = true
		_ = errors.As(err, &owed)
		return err
	}
	if owed == nil {
		if err := a.retry(ctx, s, do); owed == nil || ctx.Err() == nil {
			return judge(err)
		}
	}
	return judge(a.retry(context.WithoutCancel(ctx), s, do))
}

// resumed counts a change that was found to be made already as one of this run, if the
// run was stopped before and may have made it: the entry did not have these values when
// the run began.
func resumed(o outcome, again bool) outcome {
	if o.already && again {
		return outcome{done: true, before: true}
	}
	return o
}

// errAlready is returned for an entry that already has the values of the plan.
var errAlready = errors.New("already done")

func judge(err error) outcome {
	var conflict *conflictError
	var connect *directory.ConnectError
	switch code := directory.ResultCode(err); {
	case err == nil:
		return outcome{done: true}
	case errors.As(err, &connect): // its result code is not that of the change
		return outcome{err: err}
	case errors.Is(err, errAlready):
		return outcome{already: true}
	case errors.As(err, &conflict), errors.Is(err, errNoEntry):
		return outcome{why: err.Error()}
	case code == codeReferral, code == codeUnwilling:
		return outcome{err: fmt.Errorf("%w: %w", ErrReadOnly, err)}
	case code != 0 && !isTransient(err):
		return outcome{why: err.Error(), refusal: err}
	}
	return outcome{err: err}
}

// Pauses between attempts grow from the first to the second value.
const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
)

// retry calls do with a session, on a new connection if the old one is lost, and
// repeats that for Options.RetryFor while the server is busy or unreachable.
func (a *Applier) retry(ctx context.Context, s **session, do func(*session) error) error {
	var until time.Time
	var told bool
	pause := firstPause
	for {
		err := a.renew(ctx, s)
		if err == nil {
			err = do(*s)
		}
		switch {
		case err == nil || !isTransient(err):
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
		if until.IsZero() {
			until = time.Now().Add(a.o.RetryFor)
		} else if !told && a.waiting != nil {
			told = true // a connection that is replaced at once is not worth a note
			a.waiting(err)
		}
		if time.Now().After(until) {
			return fmt.Errorf("gave up after %v: %w", a.o.RetryFor, err)
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, longPause)
	}
}

// renew reconnects a session whose connection is lost. The server, which may be
// another one or have been restarted, must not offer a weaker guard than was promised.
func (a *Applier) renew(ctx context.Context, s **session) error {
	old := *s
	if !old.lost {
		return nil
	}
	fresh, err := connect(ctx, a.o.Directory)
	if err != nil {
		return err
	}
	if fresh.guard != old.guard && fresh.guard != GuardAssertion && old.guard != GuardReread {
		fresh.close()
		return fmt.Errorf("after reconnecting, %s guards changes by %s instead of %s: the run must be resumed", fresh.c.URL(), fresh.guard, old.guard)
	}
	fresh.guard, fresh.plain = old.guard, old.plain
	old.close()
	*s = fresh
	return nil
}

// readRetrying reads the entry of a record, with retries.
func (a *Applier) readRetrying(ctx context.Context, s **session, r *Record) (now Values, err error) {
	err = a.retry(ctx, s, func(s *session) error {
		now, err = s.read(r.DN, r.attributes())
		return err
	})
	return now, err
}

// IsUnavailable reports whether err means that the connection was lost or that the
// server remained busy.
func IsUnavailable(err error) bool { return err != nil && isTransient(err) }

// isTransient reports whether a retry may succeed.
func isTransient(err error) bool {
	code := directory.ResultCode(err)
	return code == codeBusy || code == codeUnavailable || directory.IsLost(err)
}

// end records how a run ended, and writes the rejected records.
func (a *Applier) end(run *Run, err error) error {
	run.Ended = a.o.Now().UTC()
	if err != nil {
		// Entries that the run changed before it was stopped, and did not reach again.
		run.Changed = max(run.Changed, run.changedBefore)
	}
	switch {
	case err != nil:
		run.State, run.Detail = Stopped, err.Error()
	case run.refused() > 0:
		run.State, run.Detail = Partly, ""
	default:
		run.State, run.Detail = Done, ""
	}
	return errors.Join(err, a.saveRejects(run), run.save(a.o.Hook))
}
