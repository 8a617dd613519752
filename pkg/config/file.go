package config

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/journal"
)

// maxFileSize limits the size of a configuration file, in bytes.
const maxFileSize = 1 << 30

// Files of a server home, relative to it.
const (
	ServerFile = "config/davserver.properties" // the server configuration
	ClientFile = "config/davadmin.properties"  // the clifile: defaults of davadmin's own options
)

// Errors that callers distinguish.
var (
	// ErrConflict is returned when someone else changes the file during an edit.
	ErrConflict = errors.New("someone else changed the file in the meantime")
	// ErrNeeded is returned for an edit that removes a required file.
	ErrNeeded = errors.New("a server home must contain that file")
	// ErrNoRevision is returned for a revision that the file never had.
	ErrNoRevision = errors.New("no such revision")
)

// File is a .properties file of a server home whose changes are journalled. A
// revision is the number of the change after which the file had that content.
type File struct {
	home      string
	name      string // slash path relative to the home, the journal's target
	mayCreate bool
	optional  bool
	mode      fs.FileMode
	area      journal.Area
	journal   *journal.Journal
	hook      fsx.Hook
}

// FileOptions specify a file and how it is written.
type FileOptions struct {
	Home      string // the server home
	Name      string // slash path relative to the home
	MayCreate bool   // a change may create the file
	// Optional means that the file may be missing: a change may create or remove
	// it, and a missing file is a version like any other.
	Optional bool
	// Mode is the mode of a file that a change creates; 0 stands for 0640.
	Mode fs.FileMode
	// Area is what a change of the file locks; "" stands for journal.Configuration.
	Area journal.Area
	Hook fsx.Hook
}

// NewFile returns a file of a home. It does not access the file system.
func NewFile(j *journal.Journal, o FileOptions) *File {
	area := cmp.Or(o.Area, journal.Configuration)
	return &File{home: o.Home, name: o.Name, mayCreate: o.MayCreate || o.Optional, optional: o.Optional, mode: o.Mode, area: area, journal: j, hook: o.Hook}
}

// MayCreate returns the same file with FileOptions.MayCreate set.
func (f *File) MayCreate() *File {
	g := *f
	g.mayCreate = true
	return &g
}

// Path returns the path of the file.
func (f *File) Path() string { return filepath.Join(f.home, filepath.FromSlash(f.name)) }

// Read returns the current content of the file. The error wraps fs.ErrNotExist if
// the file does not exist.
func (f *File) Read(ctx context.Context) ([]byte, fs.FileInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	return fsx.ReadLimited(f.Path(), maxFileSize)
}

// Load reads and parses the file.
func (f *File) Load(ctx context.Context) (*Document, error) {
	b, _, err := f.Read(ctx)
	if err != nil {
		return nil, err
	}
	d, err := Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Path(), err)
	}
	return d, nil
}

// Edit is a change of a file, with what the journal records about it.
type Edit struct {
	Operation string
	Command   []string // as typed, without secrets
	Remark    string

	// Make returns the new content for the current one, which is nil if there is
	// no file, and the changes. The new content nil removes an optional file. Apply
	// calls Make once, under the lock.
	Make func(current []byte) (next []byte, changes []Change, err error)
	// Mask hides secrets in what is recorded in the journal; nil hides nothing.
	Mask func(key, value string) string
}

// Outcome is the effect of an edit, or the effect that it would have.
type Outcome struct {
	Revision int64 // 0 if nothing was changed
	Previous int64 // the revision to go back to; 0 if nothing was changed, or if a required file was missing
	Before   []byte
	After    []byte
	Changes  []Change
	Notes    []journal.Note // for the user: what was found to be wrong along the way
}

// Changed reports whether the bytes differ, or whether only one of the two versions
// exists.
func (o *Outcome) Changed() bool {
	return string(o.Before) != string(o.After) || (o.Before == nil) != (o.After == nil)
}

// Preview returns what Apply would do, without a lock, a journal entry or a write.
func (f *File) Preview(ctx context.Context, e Edit) (*Outcome, error) {
	current, err := f.readOrNew(ctx)
	if err != nil {
		return nil, err
	}
	return f.outcome(e, current)
}

// outcome returns the effect of an edit on the current content.
func (f *File) outcome(e Edit, current []byte) (*Outcome, error) {
	next, changes, err := e.Make(current)
	if err != nil {
		return nil, err
	}
	if next == nil && !f.optional {
		return nil, fmt.Errorf("cannot remove %s: %w", f.Path(), ErrNeeded)
	}
	return &Outcome{Before: current, After: next, Changes: changes}, nil
}

// readOrNew returns the content, or nil for a missing file that may be created.
func (f *File) readOrNew(ctx context.Context) ([]byte, error) {
	b, _, err := f.Read(ctx)
	if f.mayCreate && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Apply carries out an edit: under the lock, with both versions and the intent on
// disk before the file is replaced atomically. A version that davadmin did not
// write is saved first. If the edit changes no byte, nothing is written.
//
// The error wraps fsx.ErrLocked, ErrConflict, ErrUnsafeEdit, or an error of the
// operating system. After an error the file is unchanged, unless the error says
// that it was replaced (*fsx.Error).
func (f *File) Apply(ctx context.Context, e Edit) (out *Outcome, err error) {
	if err := f.checkExists(); err != nil {
		return nil, err
	}
	s, err := f.journal.Open(ctx, f.area)
	if err != nil {
		return nil, fmt.Errorf("%w; nothing was changed", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	current, err := f.readOrNew(ctx)
	if err != nil {
		return nil, err
	}
	if out, err = f.outcome(e, current); err != nil {
		return nil, err
	}
	if !out.Changed() {
		out.Notes = s.Notes
		return out, nil
	}
	err = f.replace(ctx, s, e, out)
	out.Notes = append(s.Notes, out.Notes...)
	return out, err
}

// checkExists makes sure, before the lock is taken, that there is a file to change,
// so that no history is created in a mistyped home.
func (f *File) checkExists() error {
	fi, err := os.Stat(f.Path())
	switch {
	case f.mayCreate && errors.Is(err, fs.ErrNotExist):
		_, err := os.Stat(filepath.Dir(f.Path()))
		return err
	case err != nil:
		return err
	case fi.IsDir():
		return fmt.Errorf("cannot change %s: it is a directory; nothing was changed", f.Path())
	case !fi.Mode().IsRegular():
		return fmt.Errorf("cannot change %s: it is not a regular file; nothing was changed", f.Path())
	case fi.Size() > maxFileSize:
		return fmt.Errorf("cannot change %s: it is too large, over %d bytes; nothing was changed", f.Path(), maxFileSize)
	}
	return nil
}

func (f *File) replace(ctx context.Context, s *journal.Session, e Edit, out *Outcome) error {
	before, err := f.noteForeign(ctx, s, out)
	if err != nil {
		return err
	}
	after := journal.Version{Missing: true}
	if out.After != nil {
		if after, err = s.SaveVersion(ctx, out.After); err != nil {
			return err
		}
	}
	change, err := s.Begin(ctx, journal.Intent{
		Operation: e.Operation, Command: e.Command, Remark: e.Remark, Target: f.name,
		Before: before, After: after, Items: items(out.Changes, e.Mask),
	})
	if err != nil {
		return err
	}
	err = f.put(ctx, before, out.After)
	result, detail := journal.Done, ""
	var ferr *fsx.Error
	if err != nil {
		detail = err.Error()
		if !errors.As(err, &ferr) || !ferr.Replaced {
			result = journal.NotDone
		}
	}
	if result == journal.Done {
		out.Revision = change
	}
	// The result must be written even if the run was asked to stop.
	if jerr := s.End(context.WithoutCancel(ctx), change, result, detail); jerr != nil {
		err = errors.Join(err, jerr)
	}
	return err
}

// put replaces the version before by content, or removes the file if content is nil.
func (f *File) put(ctx context.Context, before journal.Version, content []byte) error {
	if content == nil {
		if err := f.checkUnchanged(before); err != nil {
			return err
		}
		return fsx.RemoveSynced(ctx, f.Path(), f.hook)
	}
	return fsx.Replace(ctx, f.Path(), content, fsx.ReplaceOptions{
		Hook: f.hook, Mode: f.mode, OwnerFrom: filepath.Dir(f.Path()),
		Check: func(*os.File) error { return f.checkUnchanged(before) },
	})
}

// noteForeign saves the current version, and records it if it is not the version
// that davadmin wrote last.
func (f *File) noteForeign(ctx context.Context, s *journal.Session, out *Outcome) (journal.Version, error) {
	now := journal.Version{Missing: true}
	if out.Before != nil {
		var err error
		if now, err = s.SaveVersion(ctx, out.Before); err != nil {
			return now, err
		}
	}
	last, change, known, err := s.LastVersion(f.name)
	if err != nil {
		return now, fmt.Errorf("read the journal: %w", err)
	}
	out.Previous = change
	if known && last.Same(now) || !known && now.Missing && !f.optional {
		return now, nil
	}
	detail := "first seen"
	switch {
	case known && now.Missing:
		detail = "removed by someone else"
	case known:
		detail = "changed by someone else"
	case now.Missing:
		detail = "no file yet"
	}
	out.Previous, err = s.Found(ctx, f.name, now, detail)
	switch {
	case err != nil:
	case known && now.Missing:
		out.Notes = append(out.Notes, journal.Note{Text: f.Path() + " was removed by someone else since our last change"})
	case known:
		out.Notes = append(out.Notes, journal.Note{Text: fmt.Sprintf(
			"%s was changed by someone else since our last change; that version is kept as revision %d", f.Path(), out.Previous)})
	}
	if now.Missing && !f.optional {
		out.Previous = 0 // a required file cannot be reverted to a missing one
	}
	return now, err
}

// checkUnchanged returns ErrConflict if the file is no longer the version that the
// edit was made from.
func (f *File) checkUnchanged(before journal.Version) error {
	now, err := journal.VersionOfFile(f.Path())
	if err != nil {
		return err
	}
	if !now.Same(before) {
		return ErrConflict
	}
	return nil
}

func items(changes []Change, mask func(key, value string) string) []journal.Item {
	if mask == nil {
		mask = func(_, value string) string { return value }
	}
	out := make([]journal.Item, len(changes))
	for i, c := range changes {
		out[i] = journal.Item{
			Name: c.Key, Old: mask(c.Key, c.Old), New: mask(c.Key, c.New), WasSet: c.HadOld, IsSet: c.HasNew,
		}
	}
	return out
}

// History returns the changes of the file, oldest first. It returns none for a file
// that was never changed.
func (f *File) History(ctx context.Context) ([]journal.Entry, error) {
	entries, err := f.journal.Entries(ctx, f.name)
	if errors.Is(err, journal.ErrNoJournal) {
		return nil, nil
	}
	return entries, err
}

// At returns the content of the file at a revision, or nil if there was no file.
// The error wraps ErrNoRevision for a number that is not a revision, and
// journal.ErrNoVersion for content that was pruned.
func (f *File) At(ctx context.Context, revision int64) ([]byte, error) {
	entries, err := f.History(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Change != revision {
			continue
		}
		v, ok := e.Left()
		if !ok {
			return nil, fmt.Errorf("revision %d: %w: that change was not carried out (%s)", revision, ErrNoRevision, e.Result)
		}
		return f.journal.Content(ctx, v)
	}
	return nil, fmt.Errorf("revision %d: %w", revision, ErrNoRevision)
}

// Gone returns whether the content of an error that wraps journal.ErrNoVersion was pruned,
// and the path of the file that contained it. If it was not pruned, it was lost.
func (f *File) Gone(ctx context.Context, err error) (pruned bool, path string) {
	var none *journal.NoVersionError
	if !errors.As(err, &none) {
		return true, ""
	}
	pruned, rerr := f.journal.Pruned(ctx, none.SHA256)
	return pruned && rerr == nil, f.journal.VersionFile(none.SHA256)
}

// BeforeLast returns the content of the file before the last change by davadmin,
// with the number of that change, or 0 if there was no change. The content is nil
// if there was no file.
func (f *File) BeforeLast(ctx context.Context) ([]byte, int64, error) {
	entries, err := f.History(ctx)
	if err != nil {
		return nil, 0, err
	}
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i]
		if e.Kind != journal.KindIntent || e.Result != journal.Done || e.Before == nil || e.Before.Missing && !f.optional {
			continue
		}
		b, err := f.journal.Content(ctx, *e.Before)
		return b, e.Change, err
	}
	return nil, 0, nil
}

// Compare returns the differences between the effective keys of two documents:
// first those of the old document in its order, then the new keys.
func Compare(old, next *Document) []Change {
	var out []Change
	for key, was := range old.All() {
		is, ok := next.Get(key)
		if !ok || is != was {
			out = append(out, Change{Key: key, Old: was, HadOld: true, New: is, HasNew: ok})
		}
	}
	for key, is := range next.All() {
		if _, had := old.Get(key); !had {
			out = append(out, Change{Key: key, New: is, HasNew: true})
		}
	}
	return out
}
