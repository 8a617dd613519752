package datacmd

import (
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
)

// Undoers returns how the changes of components are undone.
func Undoers() []cmdutil.Undoer {
	return []cmdutil.Undoer{{
		Operations: []string{"calcomponent import", "calcomponent delete", "calcomponent restore"},
		Undo: func(u cmdutil.Undoable) (cmdutil.UndoCommand, error) {
			return storehome.UndoByFile(u, "calcomponent")
		},
	}}
}
