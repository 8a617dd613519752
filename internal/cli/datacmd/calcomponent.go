// Package datacmd implements the actions of 'calcomponent'.
package datacmd

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// NewCalcomponent returns the operation 'calcomponent'.
func NewCalcomponent(f *cmdutil.Factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "calcomponent ACTION [OPTIONS]",
		Short:   "check calendar files, and import them into calendars",
		GroupID: cmdutil.GroupWork,
		Long: `Works on calendar data: events, tasks and journals, in files and in the calendars of
accounts. 'check' needs no home and no store. The other actions work directly on the
calendar server's database, so the server does not need to be running.`,
		Example: `  davadmin calcomponent check -m meeting.ics
  davadmin calcomponent check -m export.zip --output jsonl
  davadmin calcomponent import -a jdoe@example.com -m calendar.ics`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return cmdutil.Usagef("missing action; actions: %s", strings.Join(cmdutil.ActionsOf(cmd), ", "))
		},
	}
	cmd.AddCommand(newCheck(f), newImport(f), newRestore(f))
	return cmd
}
