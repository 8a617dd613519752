package accountcmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// accountChange is shared by the actions that change existing accounts.
type accountChange struct {
	accountSelection
	runner  changeRun
	limit   cmdutil.MaxChanges
	deleted bool // deleted accounts are selected as well
	// byEntry finds accounts by the directory entry that has the address or the unique id,
	// because the address of the account may be different.
	byEntry bool
	// entries means that the entries of the accounts are needed.
	entries bool
	// also is a back end on which accounts are found even if -n names another one: those that
	// an interrupted run has moved.
	also string
}

func newAccountChange(f *cmdutil.Factory, action string, undo ...string) accountChange {
	return accountChange{accountSelection: accountSelection{console: f.Console, getenv: f.Getenv, global: f.Global, hints: f.Hints, input: f.Input, now: f.Now, stores: storehome.NewHomes(f)}, runner: changeRun{console: f.Console, global: f.Global, hints: f.Hints, homes: storehome.NewHomes(f), now: f.Now, hook: f.Hook, action: action, undo: undo}}
}

func (o *accountChange) add(cmd *cobra.Command) {
	o.accountSelection.add(cmd)
	o.addExisting(cmd)
	o.runner.add(cmd)
	o.limit.Add(cmd)
}

// changeWork is what to do with each account. The directory is nil if none was given.
type changeWork struct {
	properties account.Properties
	// use says which letters are valid in the access lists of the properties.
	use  store.ACLUse
	step func(s *storehome.Home, d *account.Directory, t *selectedAccounts) (account.Step, error)
	// runner, if not nil, returns what is used instead of a step; see changeRun.
	runner   func(s *storehome.Home, t *selectedAccounts) (func(account.SaveUndo) itemRunner, error)
	question func(n int) string // asked before something is destroyed; nil asks nothing
	// addresses means that nothing but addresses changes, for which all back ends must be
	// readable.
	addresses bool
}

func (o *accountChange) change(ctx context.Context, selects bool, w changeWork) error {
	requests, err := o.requests(ctx, w.properties)
	if err != nil {
		return err
	}
	o.runner.recorded = o.recorded
	return o.changeRequested(ctx, selects, requests, w)
}

// changeRequested is change for a command that has read the batch, which can only be read
// once: it may be a pipe.
func (o *accountChange) changeRequested(ctx context.Context, selects bool, requests []account.Request, w changeWork) (err error) {
	s, err := o.stores.Open(ctx, &o.HomeOptions, o.runner.lock.Timeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.Retry, s.SkipLost, s.NeedsAll = o.runner.retry(), o.runner.lostBackends(), w.addresses || setsAddresses(requests, w.properties)
	s.LookUp = func(ctx context.Context) (*account.Directory, func() error, error) {
		return o.stores.PeopleDirectory(ctx, &o.DirectoryOptions, s, o.tmp)
	}
	d, done, err := o.directoryFor(ctx, s, selects)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if w.addresses && s.SkipLost == nil {
		if err := s.RequireAll(ctx); err != nil {
			return err
		}
	}
	names, err := s.Selected(ctx, o.backend)
	if err != nil {
		return err
	}
	searched := names
	if o.backend != "" && o.also != "" && o.also != o.backend {
		searched = append(slices.Clone(names), o.also)
	}
	t, err := o.selectAccounts(ctx, s, d, searched, requests, w.properties, selects)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	t.directory = d
	if t.people, err = s.PeopleOf(ctx, d, w.use, requests, w.properties); err != nil {
		return err
	}
	if err := o.limit.Check(t.count, func() (int64, error) { return s.CountAll(ctx, names) }); err != nil {
		return err
	}
	var step account.Step
	if w.runner != nil {
		o.runner.runner, err = w.runner(s, t)
	} else {
		step, err = w.step(s, d, t)
	}
	if err != nil {
		return err
	}
	if w.question != nil && !o.global.DryRun {
		if err := o.console.Confirm(ctx, w.question(t.count)); err != nil {
			return err
		}
	}
	return o.runner.run(ctx, s, t, step, nil, nil)
}

// setsAddresses reports whether a request, or what is set for all of them, sets addresses.
func setsAddresses(requests []account.Request, all account.Properties) bool {
	sets := func(p account.Properties) bool { return slices.Contains(p.Names(), "addresses") }
	return sets(all) || slices.ContainsFunc(requests, func(r account.Request) bool { return sets(r.Properties) })
}

// directoryFor opens the directory if it is needed, or if the command line names one.
func (o *accountChange) directoryFor(ctx context.Context, s *storehome.Home, selects bool) (*account.Directory, func() error, error) {
	none := func() error { return nil }
	needed := selects || o.byEntry || o.entries
	if !needed && len(o.Files) == 0 && len(o.Hosts) == 0 {
		return nil, none, nil
	}
	d, done, err := o.stores.PeopleDirectory(ctx, &o.DirectoryOptions, s, o.tmp)
	if err == nil && d == nil && needed {
		return nil, none, cmdutil.Usagef("no directory given; use --ldif FILE or -H HOST, or set %sldaphost in the home", cmdutil.UserPoolPrefix)
	}
	return d, done, err
}

func (o *accountChange) selectAccounts(ctx context.Context, s *storehome.Home, d *account.Directory, names []string, requests []account.Request, p account.Properties, selects bool) (*selectedAccounts, error) {
	f := s.Finder(names, o.backend)
	switch {
	case selects:
		entries, err := o.selection(ctx, d)
		if err != nil {
			return nil, err
		}
		t := &selectedAccounts{count: entries.Len(), close: entries.Close, skipped: new(int), why: "without an account", entries: entries}
		t.items = f.ItemsForEntries(ctx, entries, p, t.skipped)
		return t, nil
	case o.byEntry:
		return accountsOfEntries(ctx, f, d, requests)
	}
	return &selectedAccounts{count: len(requests), requests: requests, items: f.ItemsForRequests(ctx, requests, o.deleted), close: func() error { return nil }}, nil
}

// accountsOfEntries finds accounts by the entries with the requested addresses or unique ids.
// An address may also be the one that the account has had so far.
func accountsOfEntries(ctx context.Context, f *account.Finder, d *account.Directory, requests []account.Request) (*selectedAccounts, error) {
	entries, err := f.EntriesOf(ctx, d, requests)
	if err != nil {
		return nil, err
	}
	return &selectedAccounts{count: len(requests), requests: requests, items: f.ItemsForRequestedEntries(ctx, requests, entries), close: entries.Close, entries: entries}, nil
}

// accountModify is 'account modify'.
type accountModify struct {
	accountChange
	properties string
	undelete   bool
}

func newAccountModify(f *cmdutil.Factory) *cobra.Command {
	o := &accountModify{accountChange: newAccountChange(f, "modify", "account", "modify")}
	o.known = account.AccountProperties()
	cmd := &cobra.Command{
		Use:   "modify -a ADDRESS -y prop=value,... | -f FILE | -B DN -R FILTER -y ... | --undelete -a ADDRESS",
		Short: "change properties of accounts, or restore deleted ones",
		Long: `Sets properties of accounts. People named by a property are looked up by their accounts,
then in the directory given by --ldif, -H or the home, and are stored by their unique
ids.

A batch file (-f) has a line 'address:prop=value,...' for each account. --undelete restores deleted accounts with everything they contained, until
they are purged.

` + valueHelp + `

Properties: ` + propertyHelp(account.AccountProperties()),
		Example: `  davadmin account modify -a jdoe@example.com -y notifemail=0
  davadmin account modify -a room1@example.com -y attendanceflag=7
  davadmin account modify -a boss@example.com -y 'set-ace=jdoe@example.com:m'
  davadmin account modify -a jdoe@example.com --undelete`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return o.modify(cmd.Context(), o.selects(cmd))
		},
	}
	o.add(cmd)
	cmd.Flags().StringVarP(&o.properties, "property", "y", "", "`PROPERTIES` to set: prop=value, separated by commas")
	cmd.Flags().BoolVar(&o.undelete, "undelete", false, "restore deleted accounts")
	return cmd
}

func (o *accountModify) modify(ctx context.Context, selects bool) error {
	properties, err := account.ParseProperties(o.properties, account.AccountProperties(), account.Typed)
	if err != nil {
		return cmdutil.Usagef("-y: %v", err)
	}
	switch {
	case o.undelete && len(properties) > 0:
		return cmdutil.Usagef("--undelete cannot be combined with -y; change properties afterwards")
	case o.undelete && selects:
		return cmdutil.Usagef("--undelete requires -a, -g or -f")
	case o.undelete:
		o.deleted, o.runner.undo = true, []string{"account", "delete"}
		return o.change(ctx, false, changeWork{step: func(*storehome.Home, *account.Directory, *selectedAccounts) (account.Step, error) {
			return account.Undelete, nil
		}})
	case len(properties) == 0 && o.batch == "":
		return nothingToChange(account.AccountProperties())
	}
	o.modifies = true
	return o.change(ctx, selects, changeWork{properties: properties, use: store.SchedulingACL, runner: func(s *storehome.Home, t *selectedAccounts) (func(account.SaveUndo) itemRunner, error) {
		var names []string
		var err error
		if s.NeedsAll { // otherwise, another back end is not even opened
			o.runner.readdresses = true
			names, err = s.Selected(ctx, "")
		}
		return func(save account.SaveUndo) itemRunner {
			step := account.Modify(t.people)
			plain := &account.Batch{Stores: s.Set, Do: account.InTransaction(step, save), Report: o.runner.report, Retry: o.runner.retry(), Lost: s.SkipLost}
			if o.global.DryRun {
				plain.Do = account.DryRun(step)
			}
			addresses := o.runner.addressBatch(s, names, save)
			addresses.Prepare = account.SetProperties(t.people)
			return &addressRunner{plain, addresses}
		}, err
	}})
}

func newAccountDelete(f *cmdutil.Factory) *cobra.Command {
	o := newAccountChange(f, "delete", "account", "modify", "--undelete")
	force := false
	cmd := &cobra.Command{
		Use:   "delete -a ADDRESS | -g ID | -f FILE | -B DN -R FILTER",
		Short: "delete accounts; they can be restored until they are purged",
		Long: `Deletes accounts, after confirmation. Their calendars are kept in the store until the purge
delay of the back end has passed and 'backend purge' runs; until then 'account modify
--undelete' restores everything.

The directory is not changed. Accounts that are still enabled there will be re-created at
the next login or invitation, so disable the entry first.`,
		Example: `  davadmin account delete -a jdoe@example.com
  davadmin account delete -g 426dfa81-3ec811e0-808bb160-e71a5247
  davadmin account delete -f gone.txt --yes --max-changes 5%`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			o.global.Yes = o.global.Yes || force
			o.deleted = true // a run that continues a stopped one finds them already done
			return o.change(cmd.Context(), o.selects(cmd), changeWork{
				step: func(*storehome.Home, *account.Directory, *selectedAccounts) (account.Step, error) {
					return account.Delete, nil
				},
				question: func(n int) string {
					return fmt.Sprintf("Delete %s? Accounts still enabled in the directory will be re-created at the next login.", cmdutil.Plural(n, "account"))
				},
			})
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVarP(&force, "force", "r", false, "do not ask; the same as --yes")
	return cmd
}

func newAccountRepair(f *cmdutil.Factory) *cobra.Command {
	o := newAccountChange(f, "repair", "account", "modify")
	var mail, owners bool
	cmd := &cobra.Command{
		Use:   "repair -m | -o -a ADDRESS | -g ID | -f FILE | -B DN -R FILTER",
		Short: "update the addresses or owners of accounts from the directory",
		Long: `-m copies the current addresses of an entry to its account, which is found by the unique
id. If the primary address changes, it is also updated in the access lists, delegates,
owners and subscriptions of all back ends that name this person. -o copies the owners of
resources and groups from their entries.

Give the account by the current address of its entry, by its unique id, or by its old
address if no entry has that any more. People who exchanged addresses are repaired
together, also on different back ends, if all of them are selected. An address that
another account keeps is refused, and that account named. If a run was interrupted, run
the same command again. 'account list --changed' lists the accounts to repair.`,
		Example: `  davadmin account repair -m -a jdoe@example.com
  davadmin account list --changed --output csv | davadmin account repair -m -f -
  davadmin account repair -o -B ou=Resources,o=example.com,o=isp -R '(objectClass=icsCalendarResource)'`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			if mail == owners {
				return cmdutil.Usagef("nothing to repair; use -m for addresses or -o for owners")
			}
			o.byEntry = true
			if mail {
				return o.repairAddresses(cmd.Context(), o.selects(cmd))
			}
			return o.change(cmd.Context(), o.selects(cmd), changeWork{step: func(_ *storehome.Home, d *account.Directory, t *selectedAccounts) (account.Step, error) {
				find, err := d.OwnerLookup(cmd.Context(), t.entries)
				return account.UpdateOwners(find), err
			}})
		},
	}
	o.add(cmd)
	cmd.Flags().BoolVarP(&mail, "email", "m", false, "copy the addresses from the entries")
	cmd.Flags().BoolVarP(&owners, "ownerlists", "o", false, "copy the owners from the entries")
	return cmd
}

// repairAddresses copies the addresses of entries to their accounts.
func (o *accountChange) repairAddresses(ctx context.Context, selects bool) error {
	o.runner.lazy, o.preferID = true, true
	return o.change(ctx, selects, changeWork{addresses: true, runner: func(s *storehome.Home, _ *selectedAccounts) (func(account.SaveUndo) itemRunner, error) {
		names, err := s.Selected(ctx, "")
		return func(save account.SaveUndo) itemRunner {
			addresses := o.runner.addressBatch(s, names, save)
			addresses.Prepare = account.CopyAddresses
			return &addressRunner{nil, addresses}
		}, err
	}})
}

func newAccountDelComponent(f *cmdutil.Factory) *cobra.Command {
	o := newAccountChange(f, "delcomponent", "account", "delcomponent", "--undelete")
	var days int
	var undelete string
	force := false
	cmd := &cobra.Command{
		Use:   "delcomponent -d DAYS -a ADDRESS | -f FILE | -B DN -R FILTER",
		Short: "delete old events and tasks of accounts",
		Long: `Deletes, after confirmation, the components (events and tasks) that ended more than
DAYS days ago, in all calendars of the accounts. A recurring component ends with its
last instance. Components without an end are kept. --undelete TIME restores what was
deleted at that time or later, until it is purged.`,
		Example: `  davadmin account delcomponent -d 730 -a jdoe@example.com
  davadmin account delcomponent --undelete 2026-11-25T10:00:00Z -a jdoe@example.com`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			o.global.Yes = o.global.Yes || force
			w, err := o.componentWork(cmd.Flags().Changed("days"), days, undelete)
			if err != nil {
				return err
			}
			return o.change(cmd.Context(), o.selects(cmd), w)
		},
	}
	o.add(cmd)
	flags := cmd.Flags()
	flags.IntVarP(&days, "days", "d", 0, "delete what ended more than this `NUMBER` of days ago")
	flags.StringVar(&undelete, "undelete", "", "restore what was deleted at this `TIME` (RFC 3339) or later")
	flags.BoolVarP(&force, "force", "r", false, "do not ask; the same as --yes")
	return cmd
}

// maxDays is the maximum of -d: so many days ago, there was no calendar.
const maxDays = 700_000

func (o *accountChange) componentWork(byAge bool, days int, undelete string) (changeWork, error) {
	switch {
	case byAge == (undelete != ""):
		return changeWork{}, cmdutil.Usagef("no components selected; use -d DAYS to delete old ones, or --undelete TIME to restore deleted ones")
	case undelete != "":
		since, err := time.Parse(time.RFC3339Nano, undelete)
		if err != nil {
			return changeWork{}, cmdutil.Usagef("--undelete: '%s' is not a time such as 2026-11-25T10:00:00Z", undelete)
		}
		o.runner.undo = []string{"account", "delcomponent"}
		return changeWork{step: func(*storehome.Home, *account.Directory, *selectedAccounts) (account.Step, error) {
			return account.UndeleteComponents(since), nil
		}}, nil
	case days < 1 || days > maxDays:
		return changeWork{}, cmdutil.Usagef("-d: %d is not a number of days from 1 to %d", days, maxDays)
	}
	now := o.now()
	before := now.AddDate(0, 0, -days)
	// The store records the time of the deletion by the same clock.
	o.runner.undo = []string{"account", "delcomponent", "--undelete", now.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)}
	return changeWork{
		step: func(*storehome.Home, *account.Directory, *selectedAccounts) (account.Step, error) {
			return account.DeleteComponents(before), nil
		},
		question: func(n int) string {
			return fmt.Sprintf("Delete the components of %s that ended before %s?", cmdutil.Plural(n, "account"), before.UTC().Format(time.DateOnly))
		},
	}, nil
}
