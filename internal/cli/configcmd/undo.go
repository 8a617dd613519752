package configcmd

import "github.com/davadmin/davadmin/internal/cli/cmdutil"

// Undoers returns how the changes of configuration files are undone.
func Undoers(f *cmdutil.Factory) []cmdutil.Undoer {
	return []cmdutil.Undoer{
		cmdutil.FileUndoer(f.Hints, cmdutil.ConfigKind(), "config modify", "config revert", "ldappool create", "ldappool modify", "ldappool delete"),
		cmdutil.FileUndoer(f.Hints, cmdutil.DomainKind(), "domainmap create", "domainmap modify", "domainmap delete", "domainmap revert"),
		cmdutil.CannotUndo(func(cmdutil.Undoable) string { return "it created the home; remove the directory of the home instead" }, "init"),
	}
}
