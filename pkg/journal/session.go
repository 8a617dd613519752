package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
)

// maxItems limits how many items a record contains.
const maxItems = 1000

// maxTorn limits how many bytes of a torn record are kept in the repair record.
const maxTorn = 4096

// Session is the exclusive right to change some areas. While it is open, no other run can
// change them, but runs of other areas add records of their own.
type Session struct {
	j      *Journal
	areas  []Area
	locks  []*fsx.Lock
	last   *Record // the newest record that was seen; nil in an empty journal
	change int64   // the highest change number that was seen

	// Notes tell the user what the session found to be wrong, and what it repaired.
	Notes []Note
}

// Note is a message to the user about the journal or its target.
type Note struct {
	Text string
	Err  error // ErrDamaged if a record does not match its hash, otherwise nil
}

// Open takes the locks of at least one area, creates the directory of the journal if it
// does not exist, and completes the records of runs that were killed while they changed
// these areas. The error wraps fsx.ErrLocked if another run holds a lock for too long.
// The areas must include all that the caller changes before it closes the session: a
// second session could wait for a run that waits for the first.
func (j *Journal) Open(ctx context.Context, areas ...Area) (*Session, error) {
	if len(areas) == 0 {
		return nil, errNoArea
	}
	if err := fsx.MkdirPrivate(ctx, j.dir, j.opts.Base, j.opts.Hook); err != nil {
		return nil, err
	}
	locks, err := j.acquireAreas(ctx, areas)
	if err != nil {
		return nil, err
	}
	s := &Session{j: j, areas: areas, locks: locks}
	if err := s.locked(ctx, func() error { return s.settle(ctx) }); err != nil {
		return nil, errors.Join(err, release(locks))
	}
	return s, nil
}

// locked calls do while no other run can add records.
func (s *Session) locked(ctx context.Context, do func() error) error {
	lock, err := s.j.acquire(ctx, s.j.lockFile(), time.Now(), max(s.j.opts.LockTimeout, recordTimeout))
	if err != nil {
		return err
	}
	return errors.Join(do(), lock.Release())
}

// Close releases the locks.
func (s *Session) Close() error {
	ctx := context.Background() // the end of a run that was asked to stop
	_ = s.locked(ctx, func() error { s.saveLast(ctx); return nil })
	return release(s.locks)
}

func (s *Session) note(text string, err error) { s.Notes = append(s.Notes, Note{text, err}) }

// settle reads the end of the journal, removes a torn record, and adds the results
// of changes that have none and whose run was killed.
func (s *Session) settle(ctx context.Context) error {
	t, err := s.readTail()
	if err != nil {
		return err
	}
	if t.damaged {
		s.note("the last record of the journal does not match its hash", ErrDamaged)
	}
	if len(t.torn) > 0 {
		if err := s.repair(ctx, t); err != nil {
			return err
		}
	}
	if err := s.checkLast(ctx, t); err != nil {
		return fmt.Errorf("check the end of the journal %s: %w", s.j.file(), err)
	}
	return s.settleOpen(ctx, t.open)
}

// settleOpen adds the results of changes without one whose run was killed: those of the
// areas whose locks we hold. A record without an area is of an earlier version, whose runs
// held the lock of the journal, which we hold as well.
func (s *Session) settleOpen(ctx context.Context, open []int64) error {
	intents, err := findIntents(s.j.file(), open)
	if err != nil {
		return fmt.Errorf("read journal %s: %w", s.j.file(), err)
	}
	for _, r := range intents {
		if r.Area != "" && !slices.Contains(s.areas, r.Area) {
			continue
		}
		if err := s.finishInterrupted(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// repair removes a record that was only partly written. If it was an intent, its
// change never began; if it was a result, it is determined again.
func (s *Session) repair(ctx context.Context, t *tail) error {
	if err := fsx.Truncate(ctx, s.j.file(), t.size-int64(len(t.torn)), s.j.opts.Hook); err != nil {
		return fmt.Errorf("remove the torn record from the journal: %w", err)
	}
	detail := fmt.Sprintf("%d bytes of an unfinished record removed: %q", len(t.torn), clip(string(t.torn), maxTorn))
	s.note("the journal ended in an unfinished record of an interrupted run; it was removed and copied to a repair record", nil)
	return s.write(ctx, &Record{Kind: KindRepair, Detail: detail})
}

// finishInterrupted writes the result that a killed run could not write. It
// determines the result from the content of the target.
func (s *Session) finishInterrupted(ctx context.Context, r *Record) error {
	result := &Record{Kind: KindResult, Change: r.Change, Result: Unfinished}
	var now Version
	var err error
	if r.Target != "" {
		now, err = VersionOfFile(s.j.targetPath(r.Target))
	}
	switch {
	case r.Target == "":
		result.Detail = "the run was interrupted; how far it got is unknown"
	case err != nil:
		result.Detail = fmt.Sprintf("the run was interrupted, and the target cannot be read: %v", err)
	case r.After != nil && now.Same(*r.After):
		result.Result, result.Detail = Done, "the run was interrupted after the change; recorded by a later run"
	case r.Before != nil && now.Same(*r.Before):
		result.Result, result.Detail = NotDone, "the run was interrupted before the change; recorded by a later run"
	default:
		result.Detail = "the run was interrupted, and the target has neither the old nor the intended content"
	}
	if r.Target != "" {
		if _, err := fsx.CleanTemp(s.j.targetPath(r.Target)); err != nil {
			return fmt.Errorf("remove the temporary files of an interrupted run: %w", err)
		}
	}
	s.note(fmt.Sprintf("change %d (%s) was interrupted: %s", r.Change, r.Operation, result.Detail), nil)
	return s.write(ctx, result)
}

func (j *Journal) targetPath(target string) string {
	return filepath.Join(j.opts.Base, filepath.FromSlash(target))
}

// Intent describes a change that is about to be made.
type Intent struct {
	Operation string   // "config modify"
	Command   []string // as typed, without secrets
	Remark    string
	Target    string // slash path relative to the base
	Before    Version
	After     Version
	Items     []Item
}

// Begin records an intent and returns its change number once the record is on disk.
// The versions that are needed to undo the change must have been saved before.
func (s *Session) Begin(ctx context.Context, in Intent) (int64, error) {
	return s.BeginNumbered(ctx, func(int64) Intent { return in })
}

// BeginNumbered is Begin for an intent that depends on its change number, such as one that
// names its undo file. intent must only build it: other runs wait meanwhile.
func (s *Session) BeginNumbered(ctx context.Context, intent func(change int64) Intent) (int64, error) {
	change, err := s.addChange(ctx, func(change int64) *Record {
		in := intent(change)
		items := clipItems(in.Items[:min(len(in.Items), maxItems)])
		r := &Record{
			Kind: KindIntent, Area: s.areas[0], Operation: in.Operation,
			Command: clipAll(in.Command), Remark: in.Remark, Target: in.Target,
			Items: items, More: len(in.Items) - len(items),
		}
		if in.Target != "" {
			r.Before, r.After = &in.Before, &in.After
		}
		return r
	})
	if err != nil {
		return 0, fmt.Errorf("record the intended change: %w", err)
	}
	return change, nil
}

// addChange appends the record that make returns for the next change number.
func (s *Session) addChange(ctx context.Context, make func(change int64) *Record) (change int64, err error) {
	err = s.locked(ctx, func() error {
		t, err := s.refresh(ctx)
		if err != nil {
			return err
		}
		change = s.change + 1
		r := make(change)
		r.Change, r.Actor = change, &s.j.opts.Actor
		return s.writeAfter(ctx, t, r)
	})
	return change, err
}

// End records how a change ended.
func (s *Session) End(ctx context.Context, change int64, result Result, detail string) error {
	r := &Record{Kind: KindResult, Change: change, Result: result, Detail: detail}
	if err := s.append(ctx, r); err != nil {
		return fmt.Errorf("record the result of change %d: %w", change, err)
	}
	return nil
}

// Found records a version of the target that davadmin did not write. It returns the
// change number that identifies the version.
func (s *Session) Found(ctx context.Context, target string, v Version, detail string) (int64, error) {
	change, err := s.addChange(ctx, func(int64) *Record {
		return &Record{Kind: KindFound, Operation: "found", Target: target, After: &v, Result: Done, Detail: detail}
	})
	if err != nil {
		return 0, fmt.Errorf("record the version that was found: %w", err)
	}
	return change, nil
}

// LastVersion returns the version of the target after the newest completed change or
// discovery, and its change number. known is false if the target is not in the
// journal.
func (s *Session) LastVersion(target string) (v Version, change int64, known bool, err error) {
	return lastVersion(s.j.file(), target)
}

// append appends one record and waits until it is on disk.
func (s *Session) append(ctx context.Context, r *Record) error {
	return s.locked(ctx, func() error {
		t, err := s.refresh(ctx)
		if err != nil {
			return err
		}
		return s.writeAfter(ctx, t, r)
	})
}

// refresh reads the end of the journal, to which other runs may have added records, and
// removes a record that a killed run left unfinished there. The lock must be held.
func (s *Session) refresh(ctx context.Context) (*tail, error) {
	t, err := s.readTail()
	if err != nil || len(t.torn) == 0 {
		return t, err
	}
	if err := s.repair(ctx, t); err != nil {
		return nil, err
	}
	return s.readTail()
}

// readTail reads the end of the journal. If records that we saw are missing, the next one
// still follows them, so that the gap is found.
func (s *Session) readTail() (*tail, error) {
	t, err := readTail(s.j.file())
	if err != nil {
		return nil, fmt.Errorf("read journal %s: %w", s.j.file(), err)
	}
	if s.last == nil || t.last != nil && t.last.Seq >= s.last.Seq {
		s.last = t.last
	}
	s.change = max(s.change, t.change)
	return t, nil
}

// write appends one record while the lock is held.
func (s *Session) write(ctx context.Context, r *Record) error {
	t, err := s.readTail()
	if err != nil {
		return err
	}
	return s.writeAfter(ctx, t, r)
}

// writeAfter appends one record after t while the lock is held. The record names the
// changes that are still without a result, as those of other areas may be at work.
func (s *Session) writeAfter(ctx context.Context, t *tail, r *Record) error {
	r.Seq, r.Time = 1, s.j.opts.Now().UTC()
	if s.last != nil {
		r.Seq, r.Prev = s.last.Seq+1, s.last.hash
	}
	for _, n := range t.open {
		if n != r.Change {
			r.Open = append(r.Open, n)
		}
	}
	if s.change > r.Change {
		r.Highest = s.change
	}
	line, err := r.encode()
	if err != nil {
		return err
	}
	if err := fsx.Append(ctx, s.j.file(), line, s.j.dir, s.j.opts.Hook); err != nil {
		return err
	}
	s.last, s.change = r, max(s.change, r.Change)
	return nil
}

func clipAll(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = clip(w, maxItemText)
	}
	return out
}
