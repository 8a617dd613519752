package accountcmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// accountMove is 'account move'.
type accountMove struct {
	accountChange
	to string
}

func newAccountMove(f *cmdutil.Factory) *cobra.Command {
	o := &accountMove{accountChange: newAccountChange(f, "move", "account", "move")}
	o.known, o.modifies, o.setBy = account.MoveProperties(), true, "--to"
	cmd := &cobra.Command{
		Use:   "move --to ID -a ADDRESS | -g ID | -f FILE | -B DN -R FILTER",
		Short: "move accounts to another back end, with everything they contain",
		Long: `Moves accounts to another back end, after confirmation: calendars, components, access lists,
attachments, subscriptions and messages to send, also those deleted and not yet purged.
While an account is copied, it can be read, and changes of it are refused. Clients then read
their calendars again. Deleted accounts are not moved.

The directory is not changed. Its entries must name the new back end afterwards: the run
says in which attribute. Until then, 'account list --missing' names the accounts that are
not where their entries say.

If a run was interrupted, run the same command again: the account that it was moving is
completed, and those already moved are left alone. With another --to, an unfinished move is
cancelled first. Both back ends must be readable.

A batch file (-f) may name a back end for each account, in lines 'address:to=ID', instead of
--to. --dry-run says what would be moved, and whether the other back end can take it.`,
		Example: `  davadmin account move -a jdoe@example.com --to store1 --dry-run
  davadmin account move -a jdoe@example.com --to store1
  davadmin account move -f people.txt --to store1 --yes`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), o.selects(cmd))
		},
	}
	o.add(cmd)
	cmd.Flags().StringVar(&o.to, "to", "", "back end `ID` to which the accounts are moved")
	_ = cmd.RegisterFlagCompletionFunc("to", o.stores.CompleteBackends)
	return cmd
}

func (o *accountMove) run(ctx context.Context, selects bool) error {
	var p account.Properties
	if o.to != "" {
		p = account.MoveTo(o.to)
	} else if o.batch == "" {
		return cmdutil.Usagef("no back end given; use --to ID ('%s' lists them)", o.hints.Line("backend", "list"))
	}
	o.also, o.runner.lazy = o.to, true
	return o.change(ctx, selects, changeWork{
		properties: p,
		question: func(n int) string {
			to := "other back ends"
			if o.to != "" {
				to = "the back end " + o.to
			}
			return fmt.Sprintf("Move %s to %s? Their directory entries are not changed.", cmdutil.Plural(n, "account"), to)
		},
		runner: func(s *storeHome, t *selectedAccounts) (func(account.SaveUndo) itemRunner, error) {
			if err := o.openTargets(ctx, s, t); err != nil {
				return nil, err
			}
			o.runner.next = o.next(s)
			return func(save account.SaveUndo) itemRunner {
				return &account.MoveBatch{
					Stores: s.set, Save: save, DryRun: o.global.DryRun, Report: o.runner.report, Retry: o.runner.retry(), Lost: s.skipLost, After: o.after(),
				}
			}, nil
		},
	})
}

// openTargets opens the back ends to which accounts are moved. In a dry run, it finds out
// whether they accept changes.
func (o *accountMove) openTargets(ctx context.Context, s *storeHome, t *selectedAccounts) error {
	var targets []string
	for i := range t.requests {
		r := &t.requests[i]
		to := r.Properties.Target()
		if slices.Contains(targets, to) {
			continue
		}
		if _, err := s.set.Location(to); err != nil {
			return cmdutil.Usagef("%s", whereWords(r.Where())+"--to: "+err.Error())
		}
		targets = append(targets, to)
	}
	if len(targets) == 0 {
		targets = []string{o.to}
	}
	for _, to := range targets {
		l, err := s.set.Location(to)
		if err != nil {
			return cmdutil.Usagef("--to: %v", err)
		}
		st, err := o.runner.retry().Open(ctx, s.set, to)
		if err == nil && o.global.DryRun {
			err = account.TryChange(ctx, st)
		}
		switch {
		case err == nil:
		case ctx.Err() != nil || !store.IsUnusable(err):
			return err
		case s.skipLost != nil && len(targets) > 1:
			s.skipLost[to] = err
		default:
			return o.hints.NoStoreError([]backends.Lost{{Location: l, Err: err}}, len(targets) > 1)
		}
	}
	return nil
}

// after lets tests interrupt a move between its transactions.
func (o *accountMove) after() func() error {
	if o.runner.hook == nil {
		return nil
	}
	return func() error { return o.runner.hook(fsx.OpWrite, "store") }
}

// next says what the directory must get, if an account was moved.
func (o *accountMove) next(s *storeHome) func() string {
	return func() string {
		if o.runner.counts[account.Moved] == 0 {
			return ""
		}
		value := "the back end on which the account is now"
		if o.to != "" {
			value = "'" + ui.Sanitize(o.to) + "'"
		}
		return fmt.Sprintf("next: set %s to %s in the directory entries of the moved accounts", s.config.Names().Store, value)
	}
}
