package ldapchange

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/directory"
)

// Options are the options of an Applier.
type Options struct {
	Directory directory.Options
	// Parallel is the number of connections that change entries at once; 0 means 4.
	Parallel int
	// Rate is the maximum number of entries changed per second; 0 is no limit.
	Rate float64
	// RetryFor is how long to wait for a server that is busy or unreachable; 0 means
	// one minute.
	RetryFor time.Duration
	// Continue skips entries that conflict with the plan or that the server refuses to
	// change, and continues with the others.
	Continue bool
	// Reverse processes the records from the last to the first.
	Reverse bool
	// Tmp is the directory for temporary files; "" is the system's.
	Tmp string
	// Rejected is called for each record that is not changed, by one goroutine at a
	// time. It may be nil.
	Rejected func(r *Record, why string)
	// Report is called for each record that is compared or changed, and not rejected, by one
	// goroutine at a time. It may be nil.
	Report func(r *Record, what Event)
	// Waiting is called once if the server cannot be reached at the start, before it is
	// waited for; by an Editor, also each time when it is busy or not reached later. It may
	// be nil.
	Waiting func(err error, retryFor time.Duration)

	Now func() time.Time // nil means time.Now
	// Hook sees every change of the files of a run; nil in production.
	Hook fsx.Hook
}

// Event is what Options.Report is called for.
type Event uint8

// The events.
const (
	ToChange    Event = iota // the entry must be changed
	AlreadyDone              // the entry already has the values of the plan
	Made                     // the entry was changed
)

func (o Options) withDefaults() Options {
	if o.Parallel <= 0 {
		o.Parallel = 4
	}
	if o.RetryFor <= 0 {
		o.RetryFor = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// ErrReadOnly is returned for a server that accepts no changes: a read-only
// replica, or a server that refers to another one.
var ErrReadOnly = errors.New("the server does not accept changes")

// ErrConflict is returned when entries do not have the values that the plan expects.
var ErrConflict = errors.New("the directory no longer matches the plan")

// ErrRefused is returned when the server refused changes, for example because the
// bind DN may not make them.
var ErrRefused = errors.New("the server refused changes")

// RefusedError says which changes the server refused. It wraps ErrRefused.
type RefusedError struct {
	Entries int    // the number of entries that were refused
	DN      string // one of them
	Err     error  // wraps the *directory.ResultError of that entry
}

// Error states how many changes were refused, and the answer to one of them.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%v: %d, for example: %v", ErrRefused, e.Entries, e.Err)
}

// Unwrap returns ErrRefused and the answer of the server.
func (e *RefusedError) Unwrap() []error { return []error{ErrRefused, e.Err} }

// Denied reports whether the bind DN lacks the right to make the change (result code 50).
func (e *RefusedError) Denied() bool { return directory.ResultCode(e.Err) == codeNoRights }

// Checked is what a plan would do to the directory in its present state.
type Checked struct {
	Server    string
	Guard     Guard
	ToChange  int
	Already   int // entries that already have the values of the plan
	Conflicts int // entries without the expected values
}

// Applier checks a plan against a directory and applies it. It can be used for one
// Check and one Apply.
type Applier struct {
	o        Options
	plan     *Plan
	sessions []*session
	todo     *Draft
	undo     *Draft
	rejects  *Draft
	checked  Checked
	insist   bool         // missing rights do not end a run with Options.Continue
	seen     atomic.Int64 // the records processed in the present phase
	telling  sync.Mutex   // guards Options.Rejected, rejects and fresh
	pace     *rate.Limiter
	bulk     *bulk    // nil if each entry is read by itself
	fresh    []Record // rejected since the last append to the file of the run
	hidden   *hiding
	waiting  func(error) // called by retry before the second pause; nil if there are several sessions
}

// NewApplier connects to the server of the options, and waits for it up to Options.RetryFor
// if it cannot be reached. Close closes the connections.
func NewApplier(ctx context.Context, plan *Plan, o Options) (*Applier, error) {
	a := &Applier{o: o.withDefaults(), plan: plan}
	a.pace = newLimiter(a.o.Rate)
	for range a.o.Parallel {
		s, err := a.connectRetrying(ctx)
		if err != nil {
			a.Close()
			return nil, err
		}
		a.sessions = append(a.sessions, s)
		if first := a.sessions[0]; s.guard != first.guard {
			a.Close()
			return nil, fmt.Errorf("%s guards changes by %s, but %s by %s: a run needs one server, or servers of the same kind", first.c.URL(), first.guard, s.c.URL(), s.guard)
		}
	}
	a.checked.Server, a.checked.Guard = a.sessions[0].c.URL(), a.sessions[0].guard
	var err error
	for _, d := range []**Draft{&a.todo, &a.undo, &a.rejects} {
		if *d, err = NewDraft(a.o.Tmp); err != nil {
			a.Close()
			return nil, err
		}
	}
	return a, nil
}

// Close closes the connections and removes temporary files.
func (a *Applier) Close() {
	a.bulk.close()
	for _, s := range a.sessions {
		s.close()
	}
	for _, d := range []*Draft{a.todo, a.undo, a.rejects} {
		if d != nil {
			_ = d.Close()
		}
	}
}

// Server returns the URL of the server.
func (a *Applier) Server() string { return a.checked.Server }

// Seen returns the number of records processed so far. It may be called by any
// goroutine.
func (a *Applier) Seen() int64 { return a.seen.Load() }

// look is the result of comparing an entry with its record.
type look struct {
	record  Record // with all expectations
	undo    Record
	already bool
	absent  []string // attributes to change of which the entry shows no value
	why     string   // the conflict
	err     error    // why the entry could not be read
}

// Check reads every entry of the plan and compares it. It changes nothing, and
// writes only temporary files. The error is about reading, or it is an ErrConflict with
// a *directory.HiddenError: an entry has values that the server does not show to the
// bind DN, so the plan must not be applied at all. Other conflicts are only counted.
func (a *Applier) Check(ctx context.Context) (Checked, error) {
	a.seen.Store(0)
	a.hidden = newHiding(a.plan.attributes)
	if err := a.scan(ctx); err != nil {
		return a.checked, err
	}
	for records, err := range ahead(a.plan.All(a.o.Reverse)) {
		if err != nil {
			return a.checked, err
		}
		looks := make([]look, len(records))
		unread, err := a.lookAhead(records, looks)
		if err != nil {
			return a.checked, err
		}
		a.each(ctx, len(unread), func(s **session, i int) {
			looks[unread[i]] = a.look(ctx, s, &records[unread[i]])
			a.seen.Add(1)
		})
		if err := ctx.Err(); err != nil {
			return a.checked, ctx.Err()
		}
		if err := a.take(looks); err != nil {
			return a.checked, err
		}
	}
	return a.checked, a.askHidden(ctx)
}

// each calls fn for the numbers from 0 to n-1, in as many goroutines as there are
// sessions, each with its own session.
func (a *Applier) each(ctx context.Context, n int, fn func(s **session, i int)) {
	var next atomic.Int64
	var wait crash.Group
	for k := range a.sessions {
		wait.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				fn(&a.sessions[k], i)
			}
		})
	}
	wait.Wait()
}

// lookAhead compares the entries that the scan found. It returns the numbers of those
// that must be read: the scan did not find them, or they do not match.
func (a *Applier) lookAhead(records []Record, looks []look) (unread []int, err error) {
	compared := make([]bool, len(records))
	errs := make([]error, len(records))
	if a.bulk != nil {
		inParts(len(records), func(i int) {
			now, ok, err := a.bulk.values(records[i].DN)
			if errs[i] = err; ok {
				looks[i] = compare(&records[i], now)
				compared[i] = looks[i].why == ""
			}
		})
	}
	for i := range records {
		if errs[i] != nil {
			return nil, errs[i]
		}
		if compared[i] {
			a.seen.Add(1)
		} else {
			unread = append(unread, i)
		}
	}
	return unread, nil
}

// look reads an entry and compares it with its record.
func (a *Applier) look(ctx context.Context, s **session, r *Record) look {
	now, err := a.readRetrying(ctx, s, r)
	var connect *directory.ConnectError
	switch {
	case directory.ResultCode(err) == codeInvalidDN && !errors.As(err, &connect):
		return look{record: *r, why: "the server does not accept the DN: " + err.Error()}
	case errors.Is(err, errNoEntry):
		return look{record: *r, why: err.Error()}
	case err != nil:
		return look{record: *r, err: err}
	}
	return compare(r, now)
}

// compare compares the values of an entry with its record.
func compare(r *Record, now Values) look {
	out := look{record: *r, absent: absentFrom(r, now)}
	out.record.Expect = derived(r, now)
	if out.why = unmet(out.record.Expect, now); out.why == "" {
		var then Values
		if then, out.why = after(r.Changes, now); out.why == "" {
			out.undo = inverse(r, now, then)
			out.already = len(out.undo.Changes) == 0
		}
	}
	if out.why != "" && already(r, now) {
		out.why, out.already = "", true
	}
	return out
}

// take counts the results of comparisons, and adds the records to those to do.
func (a *Applier) take(looks []look) error {
	var todo []*look
	for i := range looks {
		l := &looks[i]
		a.hidden.note(l)
		switch {
		case l.err != nil:
			return fmt.Errorf("reading %q: %w", l.record.DN, l.err)
		case l.already:
			a.checked.Already++
			a.report(&l.record, AlreadyDone)
		case l.why != "":
			a.checked.Conflicts++
			err := a.reject(&l.record, l.why)
			a.fresh = nil // Write writes all of them
			if err != nil {
				return err
			}
		default:
			a.checked.ToChange++
			a.report(&l.record, ToChange)
			todo = append(todo, l)
		}
	}
	var errs [2]error
	var both crash.Group
	both.Go(func() {
		for i := 0; i < len(todo) && errs[0] == nil; i++ {
			errs[0] = a.todo.Add(&todo[i].record)
		}
	})
	both.Go(func() {
		for i := 0; i < len(todo) && errs[1] == nil; i++ {
			errs[1] = a.undo.Add(&todo[i].undo)
		}
	})
	both.Wait()
	return errors.Join(errs[:]...)
}

// report calls Options.Report.
func (a *Applier) report(r *Record, what Event) {
	if a.o.Report != nil {
		a.o.Report(r, what)
	}
}

// reject adds a record to those that are not changed.
func (a *Applier) reject(r *Record, why string) error {
	a.telling.Lock()
	defer a.telling.Unlock()
	if a.o.Rejected != nil {
		a.o.Rejected(r, why)
	}
	noted := *r
	noted.Note = why
	a.fresh = append(a.fresh, noted)
	return a.rejects.Add(&noted)
}

// Write writes the files of a run to an existing directory: the changes to make, and
// those that undo them. They are on disk when it returns; nothing has been changed.
func (a *Applier) Write(dir string, id, undoes int64) (*Run, error) {
	r := &Run{dir: dir, Info: Info{
		ID: id, Undoes: undoes, State: Ready, Plan: a.plan.Path(), Digest: a.plan.Sum, Server: a.checked.Server, Guard: a.checked.Guard,
		Started: a.o.Now().UTC(), ToChange: a.checked.ToChange,
	}}
	r.Counts = Counts{Already: a.checked.Already, Conflicts: a.checked.Conflicts}
	r.Checked = r.Counts
	header := Header{Made: a.o.Now(), By: fmt.Sprintf("run %d", id), Source: a.checked.Server, Entries: a.plan.Header.Entries}
	for name, d := range map[string]*Draft{todoFile: a.todo, UndoFile: a.undo} {
		if err := writeRunFile(filepath.Join(dir, name), a.o.Hook, func(w io.Writer) error { return d.Write(w, header) }); err != nil {
			return nil, err
		}
	}
	if a.rejects.Changes() > 0 {
		if err := writeRunFile(filepath.Join(dir, RejectFile), a.o.Hook, a.rejects.writeRecords); err != nil {
			return nil, err
		}
	}
	return r, r.save(a.o.Hook)
}
