// Package journal keeps the record of every change that davadmin makes to
// something precious: what was intended, by whom, with the way back on disk
// before the change, and how it ended.
//
// A journal is a directory (0700, files 0600) with
//
//	journal.jsonl       one record a line, each bound to the one before by a hash
//	versions/SHA256.gz  the content of files before and after changes
//	lock                held while a change is made
//
// It promises: a change has a record on disk before it happens; a record that
// was acknowledged is not lost; a run that was killed between intent and result
// is settled by the next one from what the file then says; versions are kept
// until they are pruned, records always.
//
// The hash chain shows accidents and careless edits. It does not stop somebody
// who may write the directory and knows how to compute it again.
//
// Reading needs no lock and may run beside a change. A Session is for one
// goroutine.
package journal

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
)

// Errors that callers tell apart.
var (
	// ErrNoJournal is returned by the readers when nothing was ever recorded.
	ErrNoJournal = errors.New("no change was ever recorded here")
	// ErrNoChange is returned for a change number that the journal does not have.
	ErrNoChange = errors.New("no such change")
	// ErrNoVersion is returned for content that was pruned or never kept.
	ErrNoVersion = errors.New("the content is not kept any more")
	// ErrDamaged is returned where content or record does not match its hash.
	ErrDamaged = errors.New("does not match its hash")
)

// Actor is who makes a change.
type Actor struct {
	User     string `json:"user"`
	UID      int    `json:"uid"`
	SudoUser string `json:"sudo_user,omitempty"` // who called sudo
	Host     string `json:"host"`
}

// Options say how a journal is written.
type Options struct {
	// Base is the directory that targets are relative to: the server home.
	Base string
	// Actor is recorded with each change.
	Actor Actor
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// LockTimeout bounds the wait for another run. Zero means one try.
	LockTimeout time.Duration
	// Hook is passed to every write; see fsx.Hook.
	Hook fsx.Hook
}

// Journal is a journal directory. The directory need not exist: the first
// change makes it. Its methods may be used by several goroutines.
type Journal struct {
	dir  string
	opts Options
}

// New returns the journal in dir. It touches nothing.
func New(dir string, opts Options) *Journal {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Journal{dir: dir, opts: opts}
}

// Dir returns the journal's directory.
func (j *Journal) Dir() string { return j.dir }

func (j *Journal) file() string     { return filepath.Join(j.dir, "journal.jsonl") }
func (j *Journal) lockFile() string { return filepath.Join(j.dir, "lock") }
func (j *Journal) versions() string { return filepath.Join(j.dir, "versions") }
