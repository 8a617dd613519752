// Package accountcmd holds the commands that work on the stores of a home: account,
// calendar, backend and db.
package accountcmd

import (
	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// NewAccount returns the operation 'account'. Without an action, it lists accounts.
func NewAccount(f *cmdutil.Factory) *cobra.Command {
	list := newAccountList(f)
	cmd := &cobra.Command{
		Use:     "account [ACTION] [OPTIONS]",
		Short:   "list, create, change, move, delete and repair accounts",
		GroupID: cmdutil.GroupWork,
		Long: `Lists, creates, changes, moves, deletes and repairs the accounts of the calendar server.
It works directly on the server's database, so the server does not need to be running. An
account is identified by the unique id of its directory entry, and is stored on the
back end that the entry names. The directory is never changed.

With --dry-run, an action makes its changes in transactions and rolls them back, to find
what would fail. So it waits for other programs that write to the store, they wait for it,
and the store must not be read-only or its disk full.

Without an action, 'account' is 'account list'.`,
		Example: list.Example,
		Args:    cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return list.RunE(cmd, args)
		},
	}
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, newAccountCreate(f), newAccountModify(f), newAccountDelete(f), newAccountMove(f), newAccountSubscribe(f, true), newAccountSubscribe(f, false),
		newAccountRepair(f), newAccountUpgrade(f), newAccountDelComponent(f))
	return cmd
}
