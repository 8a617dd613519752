package cli

import "github.com/spf13/cobra"

// coexistCommand is the operation 'coexist': two calendar servers over one
// directory. Without an action it lists.
func coexistCommand(f *Factory) *cobra.Command {
	o := &coexistList{coexistPeople: coexistPeople{console: f.Console, directories: f.Directories, hints: f.Hints, homeFiles: f.HomeFiles, hook: f.Hook, journals: f.Journals, now: f.Now, reports: f.Reports, stores: f.Stores}}
	cmd := &cobra.Command{
		Use:     "coexist [ACTION] [OPTIONS]",
		Short:   "an old Calendar Server 6 beside a new server over one directory",
		GroupID: groupWork,
		Long: `Works on a deployment in which an old Calendar Server 6 and a new server share
one directory: part of the people have their calendars on each. Nothing is changed.

Without an action, 'coexist' is 'coexist list'.`,
		Example: `  davadmin coexist check --ics-conf ics.conf --cs6-list cscal-list.txt --cs7-list migrated.txt
  davadmin coexist status --cs6-list cscal-list.txt
  davadmin coexist list --side both --cs6-list cscal-list.txt
  davadmin coexist explain -a jdoe@example.com --from boss@example.com --ics-conf ics.conf`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseMirrored(cmd); err != nil {
				return err
			}
			if err := o.check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addOptions(cmd)
	cmd.AddCommand(coexistStatusCommand(f), coexistListCommand(f), coexistCheckCommand(f), coexistExplainCommand(f),
		coexistPlanCommand(f), coexistApplyCommand(f), coexistVerifyCommand(f), coexistRollbackCommand(f))
	return cmd
}
