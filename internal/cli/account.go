package cli

import "github.com/spf13/cobra"

func accountCommand(f *Factory) *cobra.Command {
	list := accountListCommand(f)
	cmd := &cobra.Command{
		Use:     "account [ACTION] [OPTIONS]",
		Short:   "list, create, change, delete and repair accounts",
		GroupID: groupWork,
		Long: `Works on the accounts of the calendar server: on its own database, so that no
server needs to run. Each account is kept under the unique id of its directory
entry, and is on the back end that the entry names. The directory is never changed.

Without an action, 'account' is 'account list'.`,
		Example: list.Example,
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := refuseMirrored(cmd); err != nil {
				return err
			}
			return list.RunE(cmd, args)
		},
	}
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, accountCreateCommand(f), accountModifyCommand(f), accountDeleteCommand(f), accountSubscribeCommand(f, true), accountSubscribeCommand(f, false),
		accountRepairCommand(f), accountUpgradeCommand(f), accountDelComponentCommand(f))
	return cmd
}
