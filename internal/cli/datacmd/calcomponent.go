// Package datacmd implements the actions of 'calcomponent'.
package datacmd

import (
	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// NewCalcomponent returns the operation 'calcomponent'. Without an action, it lists components.
func NewCalcomponent(f *cmdutil.Factory) *cobra.Command {
	o := newListing(f)
	cmd := &cobra.Command{
		Use:     "calcomponent [ACTION] [OPTIONS]",
		Short:   "list, import, export, delete and check events, tasks and journals",
		GroupID: cmdutil.GroupWork,
		Long: `Works on calendar data: events, tasks and journals, in files and in the calendars of
accounts. 'check' needs no home and no store. The other actions work directly on the
calendar server's database, so the server does not need to be running. Nobody gets an
invitation or any other message.

Without an action, 'calcomponent' is 'calcomponent list'.`,
		Example: `  davadmin calcomponent list -a jdoe@example.com --from 2026-03-01 --to 2026-04-01
  davadmin calcomponent import -a jdoe@example.com -m calendar.ics
  davadmin calcomponent export -a jdoe@example.com -m jdoe.ics
  davadmin calcomponent delete -a jdoe@example.com -i 040000008200E00074C5B7101A82E008
  davadmin calcomponent check -m meeting.ics`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addTo(cmd)
	cmd.AddCommand(newList(f), newImport(f), newExport(f), newDelete(f), newRestore(f), newCheck(f))
	return cmd
}
