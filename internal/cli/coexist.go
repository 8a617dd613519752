package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// coexistCommand is the operation 'coexist': two calendar servers over one
// directory.
func (a *App) coexistCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "coexist ACTION [OPTIONS]",
		Short:   "an old Calendar Server 6 beside a new server over one directory",
		GroupID: groupWork,
		Long: `Works on a deployment in which an old Calendar Server 6 and a new server share
one directory: part of the people have their calendars on each. Nothing is changed.`,
		Example: `  davadmin coexist explain -a jdoe@example.com
  davadmin coexist explain -a jdoe@example.com --from boss@example.com --ics-conf ics.conf`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseMirrored(cmd); err != nil {
				return err
			}
			return usagef("an action is missing; 'coexist' has: %s", strings.Join(actionsOf(cmd), ", "))
		},
	}
	cmd.AddCommand(a.coexistExplainCommand())
	return cmd
}
