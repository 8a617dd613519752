package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/accountcmd"
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/coexistcmd"
	"github.com/davadmin/davadmin/internal/cli/configcmd"
	"github.com/davadmin/davadmin/internal/cli/datacmd"
	"github.com/davadmin/davadmin/internal/cli/historycmd"
	"github.com/davadmin/davadmin/internal/cli/ldapcmd"
	"github.com/davadmin/davadmin/internal/cli/secretcmd"
)

// newHistory returns the operation 'history'. Its action 'undo' runs commands of every
// family, which only this package knows.
func newHistory(f *cmdutil.Factory) *cobra.Command {
	return historycmd.NewHistory(f, historycmd.Undo{
		Undoers: slices.Concat(configcmd.Undoers(f), secretcmd.Undoers(f), ldapcmd.Undoers(), coexistcmd.Undoers(), accountcmd.Undoers(f), datacmd.Undoers()),
		Command: func(operation, action string) (*cobra.Command, error) { return actionOf(f, operation, action) },
	})
}

// actionOf returns a new command for an action of an operation. It has no global options,
// because those of the run already have their values.
func actionOf(f *cmdutil.Factory, operation, action string) (*cobra.Command, error) {
	root := &cobra.Command{Use: "davadmin"}
	for _, o := range operations(root) {
		if o.name != operation {
			continue
		}
		root.AddCommand(o.newCommand(f))
		if found, rest, err := root.Find([]string{operation, action}); err == nil && len(rest) == 0 && found.Name() == action {
			return found, nil
		}
	}
	return nil, fmt.Errorf("there is no command '%s %s'", operation, action)
}
