package accountcmd

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// accountMove is 'account move'.
type accountMove struct {
	accountChange
	to        string
	directory bool   // change the entries, too
	out       string // the file for a plan of the changes of the entries
	force     bool   // overwrite it
}

func newAccountMove(f *cmdutil.Factory) *cobra.Command {
	o := &accountMove{accountChange: newAccountChange(f, "move", "account", "move")}
	o.known, o.modifies, o.setBy = account.MoveProperties(), true, "--to"
	cmd := &cobra.Command{
		Use:   "move --to ID -a ADDRESS | -g ID | -f FILE | -B DN -R FILTER [--directory | -O PLAN]",
		Short: "move accounts to another back end, with everything they contain",
		Long: `Moves accounts to another back end, after confirmation: calendars, components, access lists,
attachments, subscriptions and messages to send, also those deleted and not yet purged.
While an account is copied, it can be read, and changes of it are refused. Clients then read
their calendars again. Deleted accounts are not moved.

Without further options, the directory is not changed: the run says in which attribute the
entries must name the new back end afterwards. Until then, 'account list --missing' names the
accounts that are not where their entries say.

--directory changes this attribute, too, in each entry right after its account was moved, and
only if it still has the expected value. Before the first account is moved, all entries are
found by their unique ids, and the server is asked whether the bind DN may change them. An
account is refused if its entry names neither its back end nor the new one, or if it is not
on this server. The undo moves the accounts back and restores the values, also of a run that had only
to change the entries.

-O writes a plan of these changes instead, for 'ldap apply', so that those who administer the
directory can apply it. It contains the entries of accounts that were moved, also by earlier
runs, and that do not name the new back end yet.

If a run was interrupted, run the same command again: the account that it was moving is
completed, and those already moved are left alone. With another --to, an unfinished move is
cancelled first. Both back ends must be readable. With --directory, this also completes an
account whose entry was not changed yet.

A batch file (-f) may name a back end for each account, in lines 'address:to=ID', instead of
--to. --dry-run says what would be moved, and whether the other back end can take it.`,
		Example: `  davadmin account move -a jdoe@example.com --to store1 --dry-run
  davadmin account move -a jdoe@example.com --to store1
  davadmin account move -f people.txt --to store1 --directory -H ldap1 --starttls -D cn=manager --password-file pw
  davadmin account move -f people.txt --to store1 --yes -O plan.ldif`,
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
	cmd.Flags().BoolVar(&o.directory, "directory", false, "also change the directory entries of the accounts, so that they name the new back end")
	cmd.Flags().StringVarP(&o.out, "out", "O", "", "write a plan of the changes of the directory entries to `FILE`, which is private to you")
	cmd.Flags().BoolVar(&o.force, "force", false, "overwrite an existing file with the plan")
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
	if err := o.checkDirectory(); err != nil {
		return err
	}
	o.also, o.runner.lazy = o.to, true
	return o.change(ctx, selects, changeWork{
		properties: p,
		question: func(n int) string {
			to := "other back ends"
			if o.to != "" {
				to = "the back end " + o.to
			}
			entries := "Their directory entries are not changed."
			switch {
			case o.directory:
				entries = "Their directory entries are changed as well."
			case o.out != "":
				entries = "A plan for their directory entries is written to " + ui.Sanitize(o.out) + "."
			}
			return fmt.Sprintf("Move %s to %s? %s", cmdutil.Plural(n, "account"), to, entries)
		},
		runner: func(s *storehome.Home, t *selectedAccounts) (func(account.SaveUndo) itemRunner, error) {
			if err := o.openTargets(ctx, s, t); err != nil {
				return nil, err
			}
			entries, err := o.findEntries(ctx, s, t)
			if err != nil {
				return nil, err
			}
			o.runner.next = o.next(s)
			return func(save account.SaveUndo) itemRunner {
				return &account.MoveBatch{
					Stores: s.Set, Save: save, DryRun: o.global.DryRun, Report: o.runner.report, Retry: o.runner.retry(), Lost: s.SkipLost, After: o.after(), Entries: entries,
				}
			}, nil
		},
	})
}

// checkValue returns an error if a batch line says how an entry spells the back end, and no
// entry is changed, or if that means another back end.
func (o *accountMove) checkValue(r *account.Request) error {
	p := r.Properties
	if err := p.CheckTarget(); err != nil {
		return cmdutil.Usagef("%s%v; nothing was changed", whereWords(r.Where()), err)
	}
	if len(p) > 1 && !o.entries {
		return cmdutil.Usagef("%s%s has an effect only with --directory or -O; nothing was changed", whereWords(r.Where()), p[len(p)-1].Name)
	}
	return nil
}

// openTargets opens the back ends to which accounts are moved. In a dry run, it finds out
// whether they accept changes.
func (o *accountMove) openTargets(ctx context.Context, s *storehome.Home, t *selectedAccounts) error {
	var targets []string
	for i := range t.requests {
		r := &t.requests[i]
		to := r.Properties.Target()
		if err := o.checkValue(r); err != nil {
			return err
		}
		if slices.Contains(targets, to) {
			continue
		}
		if _, err := s.Set.Location(to); err != nil {
			return cmdutil.Usagef("%s", whereWords(r.Where())+"--to: "+err.Error())
		}
		targets = append(targets, to)
	}
	if len(targets) == 0 {
		targets = []string{o.to}
	}
	for _, to := range targets {
		l, err := s.Set.Location(to)
		if err != nil {
			return cmdutil.Usagef("--to: %v", err)
		}
		st, err := o.runner.retry().Open(ctx, s.Set, to)
		if err == nil && o.global.DryRun {
			err = account.TryChange(ctx, st)
		}
		switch {
		case err == nil:
		case ctx.Err() != nil || !store.IsUnusable(err):
			return err
		case s.SkipLost != nil && len(targets) > 1:
			s.SkipLost[to] = err
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
func (o *accountMove) next(s *storehome.Home) func() string {
	return func() string {
		if text, ok := o.nextOfEntries(); ok {
			return text
		}
		if o.runner.counts[account.Moved] == 0 {
			return ""
		}
		value := "the back end on which the account is now"
		if o.to != "" {
			value = "'" + ui.Sanitize(o.to) + "'"
		}
		text := fmt.Sprintf("next: set %s to %s in the directory entries of the moved accounts", s.Config.Names().Store, value)
		live := len(o.Hosts) > 0 || len(o.Files) == 0 && s.Config.IsSet(cmdutil.UserPoolPrefix+"ldaphost")
		if live && !o.recorded && o.batch != "-" {
			text += "; to let davadmin do that: " + o.hints.Again("--directory")
		}
		return text
	}
}
