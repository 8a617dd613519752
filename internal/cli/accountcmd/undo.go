package accountcmd

import (
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
)

// Undoers returns how the changes of accounts, calendars and back ends are undone.
func Undoers(f *cmdutil.Factory) []cmdutil.Undoer {
	backend := cmdutil.ConfigKind()
	created := cmdutil.FileUndoer(f.Hints, backend, "backend create")
	ofFile := created.Undo
	created.Undo = func(u cmdutil.Undoable) (cmdutil.UndoCommand, error) {
		c, err := ofFile(u)
		c.Effect += "; the store of the back end is kept, but its accounts are no longer found"
		return c, err
	}
	return []cmdutil.Undoer{
		cmdutil.FileUndoer(f.Hints, backend, "backend delete"),
		{
			Operations: []string{
				"account create", "account modify", "account delete", "account move", "account subscribe", "account unsubscribe", "account repair", "account upgrade",
				"account delcomponent", "calendar create", "calendar modify", "calendar delete",
			},
			Undo: func(u cmdutil.Undoable) (cmdutil.UndoCommand, error) {
				return storehome.UndoByFile(u, "account", "calendar")
			},
		},
		created,
		cmdutil.CannotUndo(func(cmdutil.Undoable) string { return "what a purge removes is gone" }, "backend purge"),
		cmdutil.CannotUndo(func(cmdutil.Undoable) string {
			return "what it writes is computed from the texts of the components, which it does not change"
		}, "db verify"),
		cmdutil.CannotUndo(func(u cmdutil.Undoable) string {
			if kept, ok := strings.CutPrefix(u.Detail, keptStore); ok {
				return "accounts may have been created in the new store since; the old store is kept: " + kept
			}
			return "accounts may have been created in the store since"
		}, "db init"),
		cmdutil.CannotUndo(func(u cmdutil.Undoable) string {
			reason := "the store may have been changed since"
			if u.Detail != "" {
				reason += " (" + u.Detail + ")"
			}
			return reason
		}, "db schema_fullupgrade"),
	}
}
