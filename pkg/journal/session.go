package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/fsx"
)

// maxItems limits how many items a record contains.
const maxItems = 1000

// maxTorn limits how many bytes of a torn record are kept in the repair record.
const maxTorn = 4096

// Session is the exclusive right to make changes that the journal records. While it
// is open, no other run can change anything.
type Session struct {
	j      *Journal
	lock   *fsx.Lock
	last   *Record // nil in an empty journal
	change int64   // the highest change number

	written *lastRecord // the last record as of the file for it; nil if unknown or wrong

	// Notes tell the user what the session found to be wrong, and what it repaired.
	Notes []Note
}

// Note is a message to the user about the journal or its target.
type Note struct {
	Text string
	Err  error // ErrDamaged if a record does not match its hash, otherwise nil
}

// Open takes the lock, creates the directory of the journal if it does not exist,
// and completes the records of a run that was killed. The error wraps
// fsx.ErrLocked if another run holds the lock for too long.
func (j *Journal) Open(ctx context.Context) (*Session, error) {
	if err := fsx.MkdirPrivate(ctx, j.dir, j.opts.Base, j.opts.Hook); err != nil {
		return nil, err
	}
	lock, err := fsx.AcquireLock(ctx, j.lockFile(), j.opts.LockTimeout, j.dir)
	if err != nil {
		return nil, err
	}
	s := &Session{j: j, lock: lock}
	if err := s.settle(ctx); err != nil {
		return nil, errors.Join(err, lock.Release())
	}
	return s, nil
}

// Next returns the number that the next change will have.
func (s *Session) Next() int64 { return s.change + 1 }

// Close releases the lock.
func (s *Session) Close() error {
	s.saveLast()
	return s.lock.Release()
}

func (s *Session) note(text string, err error) { s.Notes = append(s.Notes, Note{text, err}) }

// settle reads the end of the journal, removes a torn record, and adds the result
// of a change that has none.
func (s *Session) settle(ctx context.Context) error {
	t, err := readTail(s.j.file())
	if err != nil {
		return fmt.Errorf("read journal %s: %w", s.j.file(), err)
	}
	s.last, s.change = t.last, t.change
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
	if t.pending != nil {
		return s.finishInterrupted(ctx, t.pending)
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
	return s.append(ctx, &Record{Kind: KindRepair, Detail: detail})
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
	return s.append(ctx, result)
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
	items := clipItems(in.Items[:min(len(in.Items), maxItems)])
	r := &Record{
		Kind: KindIntent, Change: s.change + 1, Actor: &s.j.opts.Actor, Operation: in.Operation,
		Command: clipAll(in.Command), Remark: in.Remark, Target: in.Target,
		Items: items, More: len(in.Items) - len(items),
	}
	if in.Target != "" {
		r.Before, r.After = &in.Before, &in.After
	}
	if err := s.append(ctx, r); err != nil {
		return 0, fmt.Errorf("record the intended change: %w", err)
	}
	s.change++
	return s.change, nil
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
	r := &Record{
		Kind: KindFound, Change: s.change + 1, Actor: &s.j.opts.Actor, Operation: "found",
		Target: target, After: &v, Result: Done, Detail: detail,
	}
	if err := s.append(ctx, r); err != nil {
		return 0, fmt.Errorf("record the version that was found: %w", err)
	}
	s.change++
	return s.change, nil
}

// LastVersion returns the version of the target after the newest completed change or
// discovery, and its change number. known is false if the target is not in the
// journal.
func (s *Session) LastVersion(target string) (v Version, change int64, known bool, err error) {
	return lastVersion(s.j.file(), target)
}

// append appends one record and waits until it is on disk.
func (s *Session) append(ctx context.Context, r *Record) error {
	r.Seq, r.Time = 1, s.j.opts.Now().UTC()
	if s.last != nil {
		r.Seq, r.Prev = s.last.Seq+1, s.last.hash
	}
	line, err := r.encode()
	if err != nil {
		return err
	}
	if err := fsx.Append(ctx, s.j.file(), line, s.j.dir, s.j.opts.Hook); err != nil {
		return err
	}
	s.last = r
	return nil
}

func clipAll(words []string) []string {
	out := make([]string, len(words))
	for i, w := range words {
		out[i] = clip(w, maxItemText)
	}
	return out
}
