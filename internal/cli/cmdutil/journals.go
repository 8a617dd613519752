package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/journal"
)

// Actor returns the user of this run, as recorded in the journal.
func (j *Journals) Actor() journal.Actor {
	actor := journal.Actor{UID: os.Getuid(), SudoUser: j.getenv("SUDO_USER")}
	if u, err := user.LookupId(fmt.Sprint(actor.UID)); err == nil {
		actor.User = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		actor.Host = h
	}
	return actor
}

// Open returns the journal of a home. It does not access the file system.
func (j *Journals) Open(home string, lockTimeout time.Duration) *journal.Journal {
	return journal.New(filepath.Join(home, "history"), journal.Options{
		Base: home, Actor: j.Actor(), Now: j.now, LockTimeout: lockTimeout, Command: j.Command(), Hook: j.hook,
	})
}

// Command returns the command line of this run as recorded in the journal. Values of
// passwords cannot occur in it, and passwords in URLs are masked.
func (j *Journals) Command() []string {
	out := make([]string, 0, len(j.args)+1)
	out = append(out, "davadmin")
	for _, w := range j.args {
		out = append(out, config.MaskURLPassword(w))
	}
	return out
}

// Journals opens the journals of homes.
type Journals struct {
	console *Console
	hints   *Hints
	args    []string
	getenv  func(string) string
	now     func() time.Time
	hook    fsx.Hook
}

// Begin records the intent of a batch of changes, and returns its number; see
// Console.ChangeBegins.
func (j *Journals) Begin(ctx context.Context, s *journal.Session, in journal.Intent) (int64, error) {
	return j.BeginNumbered(ctx, s, func(int64) journal.Intent { return in })
}

// BeginNumbered is Begin for an intent that names files whose names contain its number.
func (j *Journals) BeginNumbered(ctx context.Context, s *journal.Session, intent func(change int64) journal.Intent) (int64, error) {
	j.console.ChangeBegins()
	return s.BeginNumbered(ctx, intent)
}

// WarnNotes prints warnings of what a session of the journal repaired or found.
func (j *Journals) WarnNotes(notes []journal.Note) {
	for _, n := range notes {
		if errors.Is(n.Err, journal.ErrDamaged) {
			j.console.Warnf("%s; run '%s' for details", n.Text, j.hints.Line("history", "verify"))
			continue
		}
		j.console.Warnf("%s", n.Text)
	}
}
