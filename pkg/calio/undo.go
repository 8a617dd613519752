package calio

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// UndoOutcome is what became of an undo line.
type UndoOutcome string

// The outcomes of undo lines.
const (
	Undone      UndoOutcome = "undone"
	AlreadyDone UndoOutcome = "already"  // it is as it was before the change
	NotUndone   UndoOutcome = "failed"   // see the reason
	NotReached  UndoOutcome = "not-done" // the run ended before
)

// UndoResult says what became of an undo line.
type UndoResult struct {
	Line    *UndoLine
	Outcome UndoOutcome
	Reason  string // of a line that was not undone
}

// UndoOptions say how changes are undone.
type UndoOptions struct {
	// Open opens a back end.
	Open   func(ctx context.Context, backend string) (store.Store, error)
	DryRun bool
	// Save saves the lines that undo the undoing. It is not called in a dry run.
	Save SaveUndo
	// Report is called for each line, in their order. Its error ends the run.
	Report func(UndoResult) error
	// Retry is as in ImportOptions.
	Retry func(ctx context.Context, try func(again bool) error) error
	Zones *recur.Zones // see calobj.Options
}

// Undo undoes changes, in the order of the lines, which is from the last change to the first. A
// resource or calendar that was changed since keeps what it is, and is reported as failed. An
// error ends the run; the line at which it ended is reported as not done.
func Undo(ctx context.Context, lines iter.Seq2[*UndoLine, error], o UndoOptions) error {
	if o.Retry == nil {
		o.Retry = func(_ context.Context, try func(bool) error) error { return try(false) }
	}
	if o.Zones == nil {
		o.Zones = recur.NewZones()
	}
	b := &undoBatch{o: &o, places: map[store.Place]bool{}}
	for line, err := range lines {
		if err != nil {
			return errors.Join(err, b.run(ctx))
		}
		if b.full(line) {
			if err := b.run(ctx); err != nil {
				return err
			}
		}
		b.add(line)
	}
	return b.run(ctx)
}

// The maximum size of a batch of undo lines.
const (
	undoLines = 200
	undoBytes = 8 << 20
)

// undoBatch is a group of lines that are undone in one transaction. They are about different
// resources of one back end, or about one calendar.
type undoBatch struct {
	o      *UndoOptions
	lines  []*undoing
	bytes  int
	places map[store.Place]bool
}

// full reports whether a line belongs into the next batch.
func (b *undoBatch) full(line *UndoLine) bool {
	if len(b.lines) == 0 {
		return false
	}
	last := b.lines[len(b.lines)-1].line
	return len(b.lines) >= undoLines || b.bytes >= undoBytes || last.Backend != line.Backend || last.Name == "" || line.Name == "" || b.places[line.resource()]
}

func (b *undoBatch) add(line *UndoLine) {
	b.lines = append(b.lines, &undoing{o: b.o, line: line, result: UndoResult{Line: line, Outcome: NotReached, Reason: reasonEnded}})
	b.bytes += len(line.Before)
	b.places[line.resource()] = true
}

// run undoes the lines of the batch, and reports what became of them.
func (b *undoBatch) run(ctx context.Context) error {
	lines := b.lines
	b.lines, b.bytes = nil, 0
	clear(b.places)
	if len(lines) == 0 {
		return nil
	}
	err := b.o.Retry(ctx, func(bool) error { return b.attempt(ctx, lines) })
	for _, u := range lines {
		if rerr := b.o.Report(u.result); rerr != nil && err == nil {
			err = rerr
		}
	}
	return err
}

// attempt undoes lines of one back end.
func (b *undoBatch) attempt(ctx context.Context, lines []*undoing) error {
	st, err := b.o.Open(ctx, lines[0].line.Backend)
	if err != nil {
		return err
	}
	var ops []*op
	err = st.View(ctx, func(ctx context.Context, r store.Reader) error {
		ops = nil
		for _, u := range lines {
			if u.result.Outcome == Undone {
				continue // by an attempt that ended later
			}
			change, err := u.plan(ctx, r)
			switch {
			case errors.Is(err, store.ErrNotFound):
				u.set(NotUndone, "the account or the calendar does not exist any more")
			case err != nil:
				return err
			case change != nil && b.o.DryRun:
				u.set(Undone, "")
			case change != nil:
				ops = append(ops, change)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c := &changer{store: st, save: b.o.Save, single: []error{store.ErrExists, store.ErrConflict, store.ErrInvalid, store.ErrNotFound, store.ErrDeleted}}
	return c.run(ctx, ops, nil)
}

// undoing undoes one line.
type undoing struct {
	o      *UndoOptions
	line   *UndoLine
	result UndoResult
	tried  bool // the end of an attempt is unknown
}

func (u *undoing) set(outcome UndoOutcome, reason string) {
	u.result.Outcome, u.result.Reason = outcome, reason
}

// plan returns the change that undoes the line; nil if there is nothing to do, which is the
// result then.
func (u *undoing) plan(ctx context.Context, r store.Reader) (*op, error) {
	l := u.line
	switch l.Kind {
	case CalendarCreated, CalendarDeleted:
		return u.planCalendar(ctx, r)
	}
	if _, err := r.Calendar(ctx, l.Account, l.Calendar); err != nil {
		return nil, err
	}
	c, err := r.Component(ctx, l.Account, l.Calendar, l.Name)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	exists := err == nil
	before := ""
	if l.Before != nil {
		before = store.ETagOf(l.Before)
	}
	switch {
	case !exists && l.Kind == ResourceCreated, exists && before != "" && c.ETag == before:
		u.already()
		return nil, nil
	case exists && c.ETag != l.After, !exists && l.Kind == ResourceReplaced:
		u.set(NotUndone, "it was changed since")
		return nil, nil
	case l.Kind == ResourceCreated:
		return u.remove(c), nil
	case l.Kind == ResourceReplaced:
		return u.put(c)
	}
	return u.put(nil)
}

// already sets the result of a line that needs no change.
func (u *undoing) already() {
	if u.tried {
		u.set(Undone, "")
		return
	}
	u.set(AlreadyDone, "")
}

// inverse returns the line that undoes the undoing.
func (u *undoing) inverse(kind ChangeKind) *UndoLine {
	l := *u.line
	l.Kind, l.Before, l.After, l.ScheduleTag = kind, nil, "", ""
	return &l
}

// unsure is called if it is unknown whether the line was undone.
func (u *undoing) unsure() {
	u.tried = true
	u.set(NotReached, reasonUnknown)
}

func (u *undoing) settled(err error) {
	switch {
	case err == nil:
		u.set(Undone, "")
	case errors.Is(err, store.ErrConflict):
		u.set(NotUndone, "it was changed since")
	default:
		u.set(NotUndone, err.Error())
	}
}

// remove returns the change that deletes a resource that was created.
func (u *undoing) remove(c *store.Component) *op {
	l := u.line
	inverse := u.inverse(ResourceDeleted)
	inverse.Before, inverse.ScheduleTag = c.Text, c.ScheduleTag
	return &op{
		undo: inverse,
		do: func(ctx context.Context, w store.Writer) error {
			return w.DeleteComponent(ctx, l.Account, l.Calendar, l.Name, store.Condition{IfETag: c.ETag})
		},
		settled: u.settled,
		unknown: u.unsure,
	}
}

// put returns the change that writes the text from before the change over a resource, or
// creates it again if it does not exist.
func (u *undoing) put(over *store.Component) (*op, error) {
	l := u.line
	object, err := calobj.Parse(l.Before, calobj.Options{Zones: u.o.Zones, Lenient: true})
	if err != nil {
		u.set(NotUndone, fmt.Sprintf("its text cannot be read: %v", err))
		return nil, nil
	}
	condition := store.Condition{IfAbsent: true}
	inverse := u.inverse(ResourceCreated)
	inverse.After = object.ETag()
	if over != nil {
		condition = store.Condition{IfETag: over.ETag}
		inverse.Kind, inverse.Before, inverse.ScheduleTag = ResourceReplaced, over.Text, over.ScheduleTag
	}
	return &op{
		undo: inverse,
		do: func(ctx context.Context, w store.Writer) error {
			at := store.Place{Account: l.Account, Calendar: l.Calendar, Name: l.Name}
			_, err := calobj.Put(ctx, w, at, object, calobj.PutOptions{ScheduleTag: l.ScheduleTag, Condition: condition})
			return err
		},
		settled: u.settled,
		unknown: u.unsure,
	}, nil
}

// planCalendar is plan for a line about a calendar. One that was created is deleted only if it
// has nothing in it, because what is in it came from somebody else.
func (u *undoing) planCalendar(ctx context.Context, r store.Reader) (*op, error) {
	l := u.line
	_, err := r.Calendar(ctx, l.Account, l.Calendar)
	exists := err == nil
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return nil, err
	case exists == (l.Kind == CalendarDeleted):
		u.already()
		return nil, nil
	case l.Kind == CalendarDeleted:
		return &op{
			undo:    u.inverse(CalendarCreated),
			do:      func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, l.Account, l.Calendar) },
			settled: u.settled,
			unknown: u.unsure,
		}, nil
	}
	usage, err := r.CalendarUsage(ctx, l.Account, l.Calendar)
	if err != nil {
		return nil, err
	}
	if usage.Components > 0 && !u.o.DryRun {
		u.set(NotUndone, "the calendar is not empty")
		return nil, nil
	}
	return &op{
		undo:    u.inverse(CalendarDeleted),
		do:      func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, l.Account, l.Calendar) },
		settled: u.settled,
		unknown: u.unsure,
	}, nil
}
