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
		Base: home, Actor: j.Actor(), Now: j.now, LockTimeout: lockTimeout, Hook: j.hook,
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
	j.console.ChangeBegins()
	return s.Begin(ctx, in)
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
