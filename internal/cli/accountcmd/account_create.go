package accountcmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// accountCreate is 'account create'.
type accountCreate struct {
	accountSelection
	runner     changeRun
	properties string
	limit      cmdutil.MaxChanges
}

func newAccountCreate(f *cmdutil.Factory) *cobra.Command {
	o := &accountCreate{accountSelection: accountSelection{console: f.Console, getenv: f.Getenv, global: f.Global, hints: f.Hints, input: f.Input, now: f.Now, stores: storehome.NewHomes(f), known: account.AccountProperties()}, runner: changeRun{console: f.Console, global: f.Global, hints: f.Hints, homes: storehome.NewHomes(f), now: f.Now, hook: f.Hook, action: "create", undo: []string{"account", "delete"}, size: account.CreateGroupSize}}
	cmd := &cobra.Command{
		Use:   "create -a ADDRESS | -f FILE | -B DN -R FILTER [-y prop=value,...] [--ldif FILE | -H HOST ...]",
		Short: "create accounts for people in the directory",
		Long: `Looks up each person in the directory, which must have exactly one entry with the
address, and creates the account on the back end that the entry names, with a default
calendar, inbox, outbox and dropbox as set by davcore.autocreate.* and davcore.acl.* of
the home. People on the old server are refused, with the attribute and value that decided
it.

The whole directory is read before the first account is created. Existing accounts are
not changed; deleted ones are restored with everything they contained. So you can resume
an interrupted run with the same command.

A batch file (-f) has a line 'address' or 'address:prop=value,...' for each account;
write a comma in a value as \,. With -B and -R, the selected entries hosted on this
server get an account; without -R, only users.

` + valueHelp + `

Properties: ` + propertyHelp(account.AccountProperties()),
		Example: `  davadmin account create -a jdoe@example.com
  davadmin account create -f wave1.txt --ldif export.ldif --reject rejected.txt
  davadmin account create -B ou=People,o=example.com,o=isp -R '(uid=user*)' --dry-run`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return o.create(cmd.Context(), o.selects(cmd))
		},
	}
	o.accountSelection.add(cmd)
	o.runner.add(cmd)
	o.limit.Add(cmd)
	cmd.Flags().StringVarP(&o.properties, "property", "y", "", "initial `PROPERTIES`: prop=value, separated by commas")
	return cmd
}

// valueHelp explains values with commas, in -y and on batch lines.
const valueHelp = `In a value, \, is a comma and \\ a backslash; any other backslash stands for itself. A
comma without a backslash ends a value only if PROP= of a known property follows.`

// propertyHelp returns the list of properties for a help text.
func propertyHelp(known []account.PropertyInfo) string {
	text := ""
	for _, p := range known {
		text += "\n  " + p.Name + ": " + p.Help
	}
	return text
}

// nothingToChange returns the error for a change without properties, followed by the list of
// the known ones.
func nothingToChange(known []account.PropertyInfo) error {
	err := &cmdutil.UsageError{Text: "nothing to change; use -y prop=value,...; the properties are:"}
	for _, p := range known {
		err.More = append(err.More, p.Name+": "+p.Help)
	}
	return err
}

func (o *accountCreate) create(ctx context.Context, selects bool) (err error) {
	properties, err := account.ParseProperties(o.properties, account.AccountProperties(), account.Typed)
	if err != nil {
		return cmdutil.Usagef("-y: %v", err)
	}
	requests, err := o.requests(ctx, properties)
	if err != nil {
		return err
	}
	o.runner.recorded = o.recorded
	s, err := o.stores.Open(ctx, &o.HomeOptions, o.runner.lock.Timeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.Retry, s.SkipLost = o.runner.retry(), o.runner.lostBackends()
	d, done, err := o.stores.PeopleDirectory(ctx, &o.DirectoryOptions, s, o.tmp)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if d == nil {
		return cmdutil.Usagef("no directory given; use --ldif FILE or -H HOST, or set %sldaphost in the home", cmdutil.UserPoolPrefix)
	}
	t, err := o.selectAccounts(ctx, s, d, requests, properties, selects)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := o.limit.Check(t.count, func() (int64, error) {
		return 0, cmdutil.Usagef("--max-changes: a percentage refers to existing accounts; to create accounts, use a number")
	}); err != nil {
		return err
	}
	return o.runner.run(ctx, s, t, account.CreateOne, account.Create, func(do account.Group) account.Group {
		return account.RefuseDuplicates(s.Set, t.backends, s.SkipLost, do)
	})
}

// selectAccounts reads the whole directory.
func (o *accountCreate) selectAccounts(ctx context.Context, s *storehome.Home, d *account.Directory, requests []account.Request, p account.Properties, selects bool) (*selectedAccounts, error) {
	names, err := s.Complete(ctx) // none of them may have the accounts
	if err != nil {
		return nil, err
	}
	people, err := s.PeopleOf(ctx, d, store.SchedulingACL, requests, p)
	if err != nil {
		return nil, err
	}
	m, err := s.Builder(ctx, people)
	if err != nil {
		return nil, err
	}
	var entries *account.Entries
	if selects {
		entries, err = o.selection(ctx, d)
	} else {
		addresses := make([]string, len(requests))
		for i := range requests {
			if requests[i].Address == "" {
				return nil, cmdutil.Usagef("%sa new account requires an address, not a unique id", whereWords(requests[i].Where()))
			}
			addresses[i] = requests[i].Address
		}
		entries, err = d.ByAddress(ctx, addresses)
	}
	if err != nil {
		return nil, err
	}
	if m.Owners, err = d.OwnerLookup(ctx, entries); err != nil {
		return nil, errors.Join(err, entries.Close())
	}
	t := &selectedAccounts{count: len(requests), close: entries.Close, backends: names}
	if selects {
		t.count, t.skipped, t.why = entries.Len(), new(int), "on the old server"
		t.items = m.ItemsForEntries(ctx, entries, p, people, t.skipped)
		return t, nil
	}
	t.requests, t.items = requests, m.ItemsForRequests(ctx, requests, entries, people)
	return t, nil
}
