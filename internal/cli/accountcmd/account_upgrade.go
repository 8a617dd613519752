package accountcmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// accountUpgrade is 'account upgrade'.
type accountUpgrade struct {
	accountChange
	undo   bool
	ofLine map[string]string // the collection named by each line of the undo file
}

func newAccountUpgrade(f *cmdutil.Factory) *cobra.Command {
	o := &accountUpgrade{accountChange: newAccountChange(f, "upgrade", "account", "upgrade", "--undo"), ofLine: map[string]string{}}
	cmd := &cobra.Command{
		Use:   "upgrade -a ADDRESS | -f FILE | -B DN -R FILTER",
		Short: "add the collections that accounts of an earlier version lack",
		Long: `Creates the default collections that accounts lack: default calendar, inbox, outbox and
dropbox. Existing collections are not changed. To upgrade the schema of a store, use
'db schema_fullupgrade'.

--undo -f FILE undoes a run: it removes the collections that the run created, except
those that are no longer empty. FILE is the undo file, whose name the run prints.`,
		Example: `  davadmin account upgrade -a jdoe@example.com
  davadmin account upgrade -f accounts.txt --dry-run`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			if o.undo {
				return o.undoUpgrade(cmd.Context())
			}
			return o.change(cmd.Context(), o.selects(cmd), changeWork{step: func(s *storehome.Home, d *account.Directory, _ *selectedAccounts) (account.Step, error) {
				defaults, err := s.Defaults(cmd.Context(), s.People(d))
				return account.Upgrade(defaults), err
			}})
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&o.undo, "undo", false, "undo a run: remove the collections listed in its undo file (-f)")
	return cmd
}

func (o *accountUpgrade) undoUpgrade(ctx context.Context) error {
	if o.batch == "" {
		return cmdutil.Usagef("--undo requires -f FILE, the undo file that the run printed")
	}
	o.runner.undo = []string{"account", "upgrade"}
	o.parseRest = func(rest string, form account.Form, r *account.Request) error {
		name, _, err := account.ParseCalendarLine(rest, form)
		o.ofLine[r.Line] = name
		return err
	}
	return o.change(ctx, false, changeWork{use: store.CalendarACL, step: func(*storehome.Home, *account.Directory, *selectedAccounts) (account.Step, error) {
		return account.UndoUpgrade(func(item *account.Item) string { return o.ofLine[item.Line] }), nil
	}})
}
