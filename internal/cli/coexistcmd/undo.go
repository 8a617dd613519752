package coexistcmd

import (
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/planrun"
)

// Undoers returns how waves are undone. A wave that was applied, or rolled back, is a run
// like any other, whose undo file does not depend on the directory of the wave.
func Undoers() []cmdutil.Undoer {
	apply, rollback := planrun.Undoer("coexist apply"), planrun.Undoer("coexist rollback")
	return []cmdutil.Undoer{
		withEffect(apply, "; the users of the wave are on the old server again, but calendars that were deleted there are not restored"),
		withEffect(rollback, "; the users of the wave are on the new server again"),
	}
}

// withEffect adds to what the undo says that it does.
func withEffect(u cmdutil.Undoer, more string) cmdutil.Undoer {
	undo := u.Undo
	u.Undo = func(change cmdutil.Undoable) (cmdutil.UndoCommand, error) {
		c, err := undo(change)
		c.Effect += more
		return c, err
	}
	return u
}
