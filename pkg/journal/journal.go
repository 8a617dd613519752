// Package journal records every change that davadmin makes to valuable data: what
// was intended, by whom, how to undo it (on disk before the change), and how it
// ended.
//
// A journal is a directory (0700, files 0600) with
//
//	journal.jsonl       one record per line, each linked to the previous one by a hash
//	journal.last        which record is the last one
//	versions/SHA256.gz  the content of files before and after changes
//	lock-AREA           held while a change of the area is made; see Area
//	lock                held while a record is written
//
// A change has a record on disk before it is made. An acknowledged record is not
// lost. If a run is killed between intent and result, the next run determines the
// result from the content of the file. Versions are kept until they are pruned;
// records are kept forever.
//
// The hash chain and the number of the last record reveal accidents and careless edits. It does not stop anyone who
// can write the directory and knows how to recompute the hashes.
//
// Reading needs no lock and may run during a change. A Session must be used by only
// one goroutine.
package journal

import (
	"errors"
	"path/filepath"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
)

// Errors that callers distinguish.
var (
	// ErrNoJournal is returned by functions that read a journal in which nothing was
	// ever recorded.
	ErrNoJournal = errors.New("no change was ever recorded here")
	// ErrNoChange is returned for a change number that is not in the journal.
	ErrNoChange = errors.New("no such change")
	// ErrNoVersion is returned for content that was pruned or never kept.
	ErrNoVersion = errors.New("the content is no longer kept")
	// ErrDamaged is returned for content or a record that does not match its hash.
	ErrDamaged = errors.New("does not match its hash")
)

// Actor identifies who makes a change.
type Actor struct {
	User     string `json:"user"`
	UID      int    `json:"uid"`
	SudoUser string `json:"sudo_user,omitempty"` // who called sudo
	Host     string `json:"host"`
}

// Options control how a journal is written.
type Options struct {
	// Base is the directory that targets are relative to: the server home.
	Base string
	// Actor is recorded with each change.
	Actor Actor
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// LockTimeout limits the wait for another run that changes the same area. Zero means
	// only one attempt.
	LockTimeout time.Duration
	// Command is the command of this run, without secrets, for the runs that wait for it.
	Command []string
	// Hook is passed to every write; see fsx.Hook.
	Hook fsx.Hook
}

// Journal is a journal directory. It need not exist: the first change creates it.
// The methods may be used by several goroutines at once.
type Journal struct {
	dir  string
	opts Options
}

// New returns the journal in dir. It does not access the file system.
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
