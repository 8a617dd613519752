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
		Short:   "check events, tasks and journals in calendar files",
		GroupID: cmdutil.GroupWork,
		Long: `Works on calendar data: events, tasks and journals in iCalendar files. Needs no home and no
store.`,
		Example: `  davadmin calcomponent check -m meeting.ics
  davadmin calcomponent check -m export.zip --output jsonl`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return cmdutil.Usagef("missing action; actions: %s", strings.Join(cmdutil.ActionsOf(cmd), ", "))
		},
	}
	cmd.AddCommand(newCheck(f))
	return cmd
}
