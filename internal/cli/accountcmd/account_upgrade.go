package accountcmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// accountUpgrade is 'account upgrade'.
type accountUpgrade struct {
	accountChange
	back   bool
	ofLine map[string]string // the collection that a line of the way back names
}

func newAccountUpgrade(f *cmdutil.Factory) *cobra.Command {
	o := &accountUpgrade{accountChange: newAccountChange(f, "upgrade", "account", "upgrade", "--undo"), ofLine: map[string]string{}}
	cmd := &cobra.Command{
		Use:   "upgrade -a ADDRESS | -f FILE | -B DN -R FILTER",
		Short: "give accounts of an earlier version what this one expects",
		Long: `Gives accounts the collections that a home begins with and that they lack: default
calendar, inbox, outbox, dropbox. What is there is not touched. The schema of a store is
upgraded by 'db schema_fullupgrade'.

--undo -f FILE takes away what a run made, as far as nothing is in it; the run names the file.`,
		Example: `  davadmin account upgrade -a jdoe@example.com
  davadmin account upgrade -f accounts.txt --dry-run`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			if o.back {
				return o.takeBack(cmd.Context())
			}
			return o.change(cmd.Context(), o.selects(cmd), changeWork{step: func(s *storeHome, d *account.Directory, _ *targets) (account.Step, error) {
				names, err := s.chosen(cmd.Context(), "")
				if err != nil {
					return nil, err
				}
				defaults, err := s.defaults(cmd.Context(), s.people(names, d))
				return account.Upgrade(defaults), err
			}})
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVar(&o.back, "undo", false, "take away what a run made, which the lines of -f name")
	return cmd
}

func (o *accountUpgrade) takeBack(ctx context.Context) error {
	if o.batch == "" {
		return cmdutil.Usagef("--undo takes the file that the run named: -f FILE")
	}
	o.runner.undo = []string{"account", "upgrade"}
	o.parseRest = func(rest string, r *account.Request) error {
		name, _, err := account.ParseCalendarLine(rest)
		o.ofLine[r.Line] = name
		return err
	}
	return o.change(ctx, false, changeWork{use: store.CalendarACL, step: func(*storeHome, *account.Directory, *targets) (account.Step, error) {
		return account.UndoUpgrade(func(item *account.Item) string { return o.ofLine[item.Line] }), nil
	}})
}
