package secretcmd

import "github.com/davadmin/davadmin/internal/cli/cmdutil"

// Undoers returns how the changes of the vault are undone.
func Undoers(f *cmdutil.Factory) []cmdutil.Undoer {
	u := cmdutil.FileUndoer(f.Hints, vaultKind(), "passfile create", "passfile modify", "passfile delete", "passfile revert")
	ofFile := u.Undo
	u.Undo = func(change cmdutil.Undoable) (cmdutil.UndoCommand, error) {
		c, err := ofFile(change)
		c.Effect = "restores the whole vault as it was before"
		return c, err
	}
	return []cmdutil.Undoer{u}
}
