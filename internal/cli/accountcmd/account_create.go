package accountcmd

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// accountCreate is 'account create'.
type accountCreate struct {
	accountTargets
	runner     changeRunner
	properties string
	limit      cmdutil.MaxChanges
}

func newAccountCreate(f *cmdutil.Factory) *cobra.Command {
	o := &accountCreate{accountTargets: accountTargets{console: f.Console, getenv: f.Getenv, global: f.Global, hints: f.Hints, input: f.Input, now: f.Now, stores: newStoreHomes(f), known: account.AccountProperties()}, runner: changeRunner{console: f.Console, global: f.Global, hints: f.Hints, journals: f.Journals, now: f.Now, hook: f.Hook, action: "create", undo: []string{"account", "delete"}, size: account.CreateGroupSize}}
	cmd := &cobra.Command{
		Use:   "create -a ADDRESS | -f FILE | -B DN -R FILTER [-y prop=value,...] [--ldif FILE | -H HOST ...]",
		Short: "make accounts for people of the directory",
		Long: `Looks each person up in the directory, which must have exactly one entry with the
address, and makes the account on the back end that the entry names: with a
default calendar, inbox, outbox and dropbox, as davcore.autocreate.* and
davcore.acl.* of the home say. Who is on the old server is refused, with what decided it.

The whole directory is read before the first account is made. An account that is
there already is left as it is; one that was deleted is brought back with all that
it held. So the same command can be given again after a run that was stopped.

A batch file (-f) has a line 'address' or 'address:prop=value,...' for each account;
a comma in a value is written \,. Of entries that -B and -R select, those hosted here are given an account;
without -R, users.

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
	o.accountTargets.add(cmd)
	o.runner.add(cmd)
	o.limit.Add(cmd)
	cmd.Flags().StringVarP(&o.properties, "property", "y", "", "`PROPERTIES` to begin with, prop=value with commas between")
	return cmd
}

// propertyHelp lists properties for a help text.
func propertyHelp(known []account.PropertyInfo) string {
	text := ""
	for _, p := range known {
		text += "\n  " + p.Name + ": " + p.Help
	}
	return text
}

func (o *accountCreate) create(ctx context.Context, selects bool) (err error) {
	properties, err := account.ParseProperties(o.properties, account.AccountProperties())
	if err != nil {
		return cmdutil.Usagef("-y: %v", err)
	}
	requests, err := o.requests(ctx, properties)
	if err != nil {
		return err
	}
	s, err := o.stores.Open(ctx, &o.HomeOptions, o.runner.lock.Timeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.patience = o.runner.patience()
	d, done, err := o.stores.PeopleDirectory(ctx, &o.DirectoryOptions, s, o.tmp)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if d == nil {
		return cmdutil.Usagef("which directory? Give --ldif FILE or -H HOST, or set %sldaphost in the home", cmdutil.UserPoolPrefix)
	}
	t, err := o.targets(ctx, s, d, requests, properties, selects)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := o.limit.Check(t.count, func() (int64, error) {
		return 0, cmdutil.Usagef("--max-changes: a part is one of the accounts that there are; to make accounts, give a number")
	}); err != nil {
		return err
	}
	return o.runner.run(ctx, s, t, account.CreateOne, account.Create, func(do account.Group) account.Group { return account.RefuseDuplicates(s.set, t.backends, do) })
}

// targets reads the directory to its end.
func (o *accountCreate) targets(ctx context.Context, s *storeHome, d *account.Directory, requests []account.Request, p account.Properties, selects bool) (*targets, error) {
	names, err := s.chosen(ctx, "")
	if err != nil {
		return nil, err
	}
	people, err := s.peopleOf(ctx, d, store.SchedulingACL, requests, p)
	if err != nil {
		return nil, err
	}
	m, err := s.maker(ctx, people)
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
				return nil, cmdutil.Usagef("%sa new account is named by its address, not by a unique id", whereWords(requests[i].Where()))
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
	t := &targets{count: len(requests), close: entries.Close, backends: names}
	if selects {
		t.count, t.skipped, t.why = entries.Len(), new(int), "on the old server"
		t.items = m.ItemsForEntries(ctx, entries, p, people, t.skipped)
		return t, nil
	}
	t.requests, t.items = requests, m.ItemsForRequests(ctx, requests, entries, people)
	return t, nil
}
