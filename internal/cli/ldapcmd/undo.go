package ldapcmd

import (
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/planrun"
)

// Undoers returns how the changes of the directory are undone.
func Undoers() []cmdutil.Undoer { return []cmdutil.Undoer{planrun.Undoer("ldap apply", "ldap undo")} }
