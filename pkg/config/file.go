package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/journal"
)

// maxFileSize bounds what is read as a configuration file.
const maxFileSize = 1 << 30

// Files of a server home, relative to it.
const (
	ServerFile = "config/davserver.properties" // the server configuration
	ClientFile = "config/davadmin.properties"  // the clifile: defaults of davadmin's own options
)

// Errors that callers tell apart.
var (
	// ErrConflict is returned when the file changes while it is being changed.
	ErrConflict = errors.New("somebody else changed the file in the meantime")
	// ErrNeeded is returned for an edit that takes away a file that must be there.
	ErrNeeded = errors.New("a home must have that file")
	// ErrNoRevision is returned for a revision that the file never had.
	ErrNoRevision = errors.New("no such revision")
)

// File is a .properties file of a server home whose changes are journalled. A
// revision of it is the number of the change that left it so.
type File struct {
	home      string
	name      string // slash path relative to the home, the journal's target
	mayCreate bool
	optional  bool
	mode      fs.FileMode
	journal   *journal.Journal
	hook      fsx.Hook
}

// FileOptions say which file, and how it is written.
type FileOptions struct {
	Home      string // the server home
	Name      string // slash path relative to the home
	MayCreate bool   // a change may make the file
	// Optional says that the file may be missing: a change may make it or take
	// it away, and that there is none is a version like any other.
	Optional bool
	// Mode is that of a file which a change makes; 0 stands for 0640.
	Mode fs.FileMode
	Hook fsx.Hook
}

// NewFile returns a file of a home. It touches nothing.
func NewFile(j *journal.Journal, o FileOptions) *File {
	return &File{home: o.Home, name: o.Name, mayCreate: o.MayCreate || o.Optional, optional: o.Optional, mode: o.Mode, journal: j, hook: o.Hook}
}

// MayCreate returns the same file, which a change then makes when it is missing.
func (f *File) MayCreate() *File {
	g := *f
	g.mayCreate = true
	return &g
}

// Path returns where the file is.
func (f *File) Path() string { return filepath.Join(f.home, filepath.FromSlash(f.name)) }

// Read returns the bytes of the file as they are now. The error wraps
// fs.ErrNotExist when there is none.
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

// Edit says what to make of the file, and what the journal shall say about it.
type Edit struct {
	Operation string
	Command   []string // as typed, secrets taken out
	Remark    string

	// Make returns the new content for the current one (nil when there is no
	// file) and what differs. Nil for an optional file takes it away. Apply calls
	// it once, under the lock.
	Make func(current []byte) (next []byte, changes []Change, err error)
	// Mask hides secrets in what is journalled; nil hides nothing.
	Mask func(key, value string) string
}

// Outcome is what a change did, or would do.
type Outcome struct {
	Revision int64 // 0 when nothing was changed
	Previous int64 // the revision to go back to; 0 when nothing was changed, and when a file that must be there was not
	Before   []byte
	After    []byte
	Changes  []Change
	Notes    []string // for the user: what was found out of order on the way
}

// Changed reports whether the bytes differ, or whether there is a file.
func (o *Outcome) Changed() bool {
	return string(o.Before) != string(o.After) || (o.Before == nil) != (o.After == nil)
}

// Preview does what Apply does, without a lock, a journal entry or a write.
func (f *File) Preview(ctx context.Context, e Edit) (*Outcome, error) {
	current, err := f.readOrNew(ctx)
	if err != nil {
		return nil, err
	}
	return f.outcome(e, current)
}

// outcome asks an edit for the new content.
func (f *File) outcome(e Edit, current []byte) (*Outcome, error) {
	next, changes, err := e.Make(current)
	if err != nil {
		return nil, err
	}
	if next == nil && !f.optional {
		return nil, fmt.Errorf("cannot take %s away: %w", f.Path(), ErrNeeded)
	}
	return &Outcome{Before: current, After: next, Changes: changes}, nil
}

// readOrNew returns the content; nil stands for a file that may be made.
func (f *File) readOrNew(ctx context.Context) ([]byte, error) {
	b, _, err := f.Read(ctx)
	if f.mayCreate && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

// Apply carries out an edit: under the lock, with both versions and the intent
// on disk before the file is replaced in one step. A version that no run of
// ours wrote is saved first. When the edit changes no byte, nothing is written.
//
// The error wraps fsx.ErrLocked, ErrConflict, ErrUnsafeEdit, or the cause of the
// system. After an error the file is what it was, unless the error says that
// it was replaced (*fsx.Error).
func (f *File) Apply(ctx context.Context, e Edit) (out *Outcome, err error) {
	if err := f.look(); err != nil {
		return nil, err
	}
	s, err := f.journal.Open(ctx)
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

// look makes sure, before the lock is taken, that there is a file to change: a
// mistyped home shall not be given a history.
func (f *File) look() error {
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
	// A stop that was asked for must not keep the result from being written.
	if jerr := s.End(context.WithoutCancel(ctx), change, result, detail); jerr != nil {
		err = errors.Join(err, jerr)
	}
	return err
}

// put brings content to disk in the place of the version before; nil takes the
// file away.
func (f *File) put(ctx context.Context, before journal.Version, content []byte) error {
	if content == nil {
		if err := f.stillIs(before); err != nil {
			return err
		}
		return fsx.RemoveSynced(ctx, f.Path(), f.hook)
	}
	return fsx.Replace(ctx, f.Path(), content, fsx.ReplaceOptions{
		Hook: f.hook, Mode: f.mode, OwnerFrom: filepath.Dir(f.Path()),
		Check: func(*os.File) error { return f.stillIs(before) },
	})
}

// noteForeign saves the present version and records it when it is not the one
// that we wrote last.
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
		out.Notes = append(out.Notes, f.Path()+" was removed by someone else since our last change")
	case known:
		out.Notes = append(out.Notes, fmt.Sprintf(
			"%s was changed by someone else since our last change; that version is kept as revision %d", f.Path(), out.Previous))
	}
	if now.Missing && !f.optional {
		out.Previous = 0 // there is no way back to what must not be
	}
	return now, err
}

// stillIs makes sure that the file is what the edit was made from.
func (f *File) stillIs(before journal.Version) error {
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

// History lists the changes of the file, oldest first. A file that was never
// changed has none.
func (f *File) History(ctx context.Context) ([]journal.Entry, error) {
	entries, err := f.journal.Entries(ctx, f.name)
	if errors.Is(err, journal.ErrNoJournal) {
		return nil, nil
	}
	return entries, err
}

// At returns the content of the file as of a revision; nil when there was none.
// The error wraps
// ErrNoRevision for a number that is none, and journal.ErrNoVersion for content
// that was pruned.
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

// BeforeLast returns the content that the file had before our last change of
// it, with the number of that change; 0 when there was none. Nil stands for no
// file.
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

// Compare lists what differs between two documents by their effective keys:
// first in the order of the old one, then what is new.
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
