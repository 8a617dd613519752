package storehome

import (
	"context"
	"errors"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/journal"
)

// Intent says what a change is going to do.
type Intent struct {
	Operation string // with the action, such as "account create"
	What      string // what it changes, such as "3 accounts"
	Remark    string
	// Undo is the command that reads the undo file, without the name of the program and -f.
	Undo []string
	// Areas are those of the journal that it changes besides the accounts.
	Areas []journal.Area
	Hook  fsx.Hook      // sees every write of the undo file; nil in production
	Wait  time.Duration // for the lock of the journal
}

// Change is a change of the data of a home. It holds the lock of the journal from OpenChange
// to End, and is recorded when it begins. It must not be used by several goroutines.
type Change struct {
	journals *cmdutil.Journals
	session  *journal.Session
	intent   Intent
	dir      string
	undo     *UndoFile
	number   int64
}

// OpenChange takes the lock of the journal. Nothing is recorded before Begin or Keep.
func (sh *Homes) OpenChange(ctx context.Context, s *Home, in Intent) (*Change, error) {
	j := sh.journals.Open(s.Dir, in.Wait)
	session, err := j.Open(ctx, append([]journal.Area{journal.Accounts}, in.Areas...)...)
	if err != nil {
		return nil, err
	}
	sh.journals.WarnNotes(session.Notes)
	return &Change{journals: sh.journals, session: session, intent: in, dir: j.Dir(), undo: NewUndoFile("", in.Undo, in.Hook)}, nil
}

// Number returns the number of the change; 0 before it begins.
func (c *Change) Number() int64 { return c.number }

// Undo returns the undo file.
func (c *Change) Undo() *UndoFile { return c.undo }

// Begin records that something is about to be changed.
func (c *Change) Begin(ctx context.Context) (err error) {
	c.number, err = c.journals.BeginNumbered(ctx, c.session, func(change int64) journal.Intent {
		c.undo.path = UndoPath(c.dir, change)
		return journal.Intent{
			Operation: c.intent.Operation, Command: c.journals.Command(), Remark: c.intent.Remark,
			Items: []journal.Item{{Name: c.intent.What, New: "undo file: " + c.undo.path, IsSet: true}},
		}
	})
	return err
}

// Keep appends undo lines and syncs them to disk, and returns what removes them again. If
// nothing has been changed yet, it records the change first. It takes no context, because what
// undoes a change is written whatever ends the run.
func (c *Change) Keep(lines []string) (forget func() error, err error) {
	if c.number == 0 {
		if err := c.Begin(context.Background()); err != nil {
			return nil, err
		}
	}
	return c.undo.Keep(lines)
}

// End records the result, if the change began, and releases the lock.
func (c *Change) End(ctx context.Context, result journal.Result, detail string) error {
	if c.number == 0 {
		return c.session.Close()
	}
	err := c.session.End(context.WithoutCancel(ctx), c.number, result, detail)
	return errors.Join(err, c.session.Close())
}
