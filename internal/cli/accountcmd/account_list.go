package accountcmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// accountList is the command 'account list'.
type accountList struct {
	accountSelection
	verbose bool
	orphans bool
	missing bool
	changed bool
	// delegatesOf is the person whose accounts to act for are listed; "" for none.
	delegatesOf string
	kinds       []string
	state       string
	domain      string
	match       string
	sort        string
	reverse     bool
	limit       int
}

func newAccountList(f *cmdutil.Factory) *cobra.Command {
	o := &accountList{accountSelection: accountSelection{console: f.Console, getenv: f.Getenv, global: f.Global, hints: f.Hints, input: f.Input, now: f.Now, stores: storehome.NewHomes(f), known: []account.PropertyInfo{}}}
	cmd := &cobra.Command{
		Use:   "list [-a ADDRESS | -g ID | -f FILE | -B DN -R FILTER | --delegates-of ADDRESS] [-v] [--orphans] [--missing] [--changed]",
		Short: "list accounts (by default all)",
		Long: `Lists accounts, by default sorted by address: address, unique id, kind, back end and
state. With -v, it also shows the settings of each account and how much it contains.
--output jsonl prints one JSON object per account.

--orphans lists accounts whose unique id is not in the directory. --missing lists
directory entries of local people who have no account, with the reason if none
can be created. --changed lists accounts whose addresses, primary or alternate, differ from
those of their entries, with both; 'account repair -m -f' reads the list and updates them.
All three read the whole directory first. The exit code is 3 if anything is listed.

--delegates-of lists the accounts on whose behalf a person may act: those that have the
person as a delegate or an owner, or whose scheduling list gives the person the right m. It
does not list the delegates of the person's own account, which -a with -v shows. The column
roles says why: delegate, owner, or acl for the right m. Someone without an account is
looked up in the directory given by --ldif, -H or the home.`,
		Example: `  davadmin account list
  davadmin account list -a jdoe@example.com -v
  davadmin account list --state deleted --output jsonl
  davadmin account list --delegates-of assistant@example.com
  davadmin account list --orphans --missing --ldif export.ldif
  davadmin account list --changed --output csv`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			return o.list(cmd.Context(), o.selects(cmd))
		},
	}
	o.add(cmd)
	o.addExisting(cmd)
	flags := cmd.Flags()
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "also show the settings of each account and how much it contains")
	flags.BoolVar(&o.orphans, "orphans", false, "list only accounts without a directory entry")
	flags.BoolVar(&o.missing, "missing", false, "list directory entries of local people who have no account")
	flags.StringVar(&o.delegatesOf, "delegates-of", "", "list the accounts that the person with this `ADDRESS` may act for, as a delegate or an owner or by the right m (not that person's own delegates; id=ID for a unique id)")
	flags.BoolVar(&o.changed, "changed", false, "list only accounts whose addresses differ from those of their directory entries")
	flags.StringSliceVar(&o.kinds, "kind", nil, "list only accounts of this `KIND` (user, group, resource or location; separate several by commas)")
	flags.StringVar(&o.state, "state", "active", "list only accounts in this `STATE` (active, deleted or any)")
	flags.StringVar(&o.domain, "domain", "", "list only accounts with an address in this `DOMAIN`")
	flags.StringVar(&o.match, "match", "", "list only accounts whose address or name contains this `TEXT`")
	flags.StringVar(&o.sort, "sort", "mail", "sort by this `KEY` (mail, id, name, created or changed)")
	flags.BoolVar(&o.reverse, "reverse", false, "reverse the order")
	flags.IntVar(&o.limit, "limit", 0, "list at most this `NUMBER` of accounts (0 means all)")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"active", "deleted", "any"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("sort", cobra.FixedCompletions(accountOrders(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// check returns an error for options that would otherwise be ignored silently.
func (o *accountList) check(cmd *cobra.Command) error {
	if err := o.DirectoryOptions.Check(cmd); err != nil {
		return err
	}
	f := cmd.Flags()
	named := len(o.accounts)+len(o.ids) > 0 || o.batch != ""
	compared := o.compares()
	switch {
	case len(o.accounts)+len(o.ids) > 0 && o.batch != "", named && o.selects(cmd):
		return cmdutil.Usagef("use only one of these: -a and -g, -f, or -B and -R")
	case compared && (named || f.Changed("ldapfilter")):
		return cmdutil.Usagef("--orphans, --missing and --changed compare all accounts with all entries, so they cannot be combined with -a, -g, -f or -R")
	case compared && o.verbose:
		return cmdutil.Usagef("--orphans, --missing and --changed cannot be combined with -v")
	case f.Changed("delegates-of"):
		return o.checkDelegatesOf(cmd)
	}
	for _, name := range []string{"kind", "domain", "match", "sort", "reverse", "limit"} {
		if f.Changed(name) && (named || compared || o.selects(cmd)) {
			return cmdutil.Usagef("--%s applies only to the listing of all accounts, so it cannot be combined with -a, -g, -f, -B, -R, --orphans, --missing or --changed", name)
		}
	}
	if f.Changed("state") && (compared || o.selects(cmd)) {
		return cmdutil.Usagef("--state cannot be combined with -B, -R, --orphans, --missing or --changed")
	}
	return nil
}

// compares reports whether accounts are compared with the directory.
func (o *accountList) compares() bool { return o.orphans || o.missing || o.changed }

// accountOrders returns the values of --sort, in the order of store.AccountOrder.
func accountOrders() []string { return []string{"mail", "id", "name", "created", "changed"} }

// parseState returns the filter for a value of --state.
func parseState(value string) (store.StateFilter, error) {
	switch value {
	case "active":
		return store.OnlyActive, nil
	case "deleted":
		return store.OnlyDeleted, nil
	case "any":
		return store.AnyState, nil
	}
	return 0, cmdutil.Usagef("--state: '%s' is not a valid state (active, deleted, any)", value)
}

// storeFilter returns the filter that the options describe.
func (o *accountList) storeFilter() (store.AccountFilter, error) {
	f := store.AccountFilter{Domain: o.domain, Match: o.match, Reverse: o.reverse, Limit: o.limit}
	state, err := parseState(o.state)
	if err != nil {
		return f, err
	}
	f.State = state
	for _, k := range o.kinds {
		kind, err := store.ParseKind(k)
		if err != nil {
			return f, cmdutil.Usagef("--%v", err)
		}
		f.Kinds = append(f.Kinds, kind)
	}
	order := -1
	for i, word := range accountOrders() {
		if word == o.sort {
			order = i
		}
	}
	if order < 0 {
		return f, cmdutil.Usagef("--sort: '%s' is not a valid key (%s)", o.sort, strings.Join(accountOrders(), ", "))
	}
	if o.limit < 0 {
		return f, cmdutil.Usagef("--limit: %d is negative (use 0 for all)", o.limit)
	}
	f.Order = store.AccountOrder(order)
	return f, nil
}

func (o *accountList) list(ctx context.Context, selects bool) (err error) {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON, ui.JSONL, ui.CSV)
	if err != nil {
		return err
	}
	filter, err := o.storeFilter()
	if err != nil {
		return err
	}
	if len(o.accounts)+len(o.ids) == 0 && o.batch == "" && !selects && !o.compares() && o.delegatesOf == "" {
		if a := o.getenv("DAVADMIN_ACCOUNT"); a != "" {
			o.accounts = []string{a}
		}
	}
	requests, err := o.requests(ctx, nil)
	if err != nil {
		return err
	}
	s, err := o.stores.Open(ctx, &o.HomeOptions, cmdutil.DefaultLockTimeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	names, incomplete, err := s.Readable(ctx, o.backend)
	if err != nil {
		return err
	}
	switch {
	case o.delegatesOf != "":
		return o.represented(ctx, s, names, format, incomplete)
	case o.compares():
		return o.compare(ctx, s, names, format, incomplete)
	case len(requests) > 0:
		return o.named(ctx, s, names, requests, format, incomplete)
	case selects:
		return o.selected(ctx, s, names, format, incomplete)
	}
	// Without details, a row needs nothing but what Brief returns, and nothing is looked up
	// during the listing.
	filter.Alone, filter.WithoutRights = !o.verbose, !o.verbose
	filter.Brief = filter.Alone && format != ui.JSON && format != ui.JSONL && filter.Order != store.ByName && filter.Order != store.ByCreated && filter.Order != store.ByChanged
	return o.print(format, func(out *accountEmitter) error {
		err := s.EachAccount(ctx, names, filter, func(r store.Reader, f account.Found) error { return out.add(ctx, r, f) }, func() error { return out.flush(ctx) })
		if err == nil {
			err = incomplete
		}
		return err
	})
}

// print prints the accounts that produce adds to the emitter.
func (o *accountList) print(format ui.Format, produce func(*accountEmitter) error) error {
	more := noMore
	if o.compares() {
		more = columnsOfResult
	}
	return cmdutil.PrintProduced(accountListing(o.verbose, more), o.console, format, func(emit func(*accountObject) error) error {
		return produce(&accountEmitter{emit: emit, details: o.verbose})
	})
}

// named lists the accounts that -a, -g and -f name. It reports those that are not found, and
// lists the others.
func (o *accountList) named(ctx context.Context, s *storehome.Home, names []string, requests []account.Request, format ui.Format, incomplete error) error {
	failed := 0
	return o.print(format, func(out *accountEmitter) error {
		for item, err := range s.Finder(names, o.backend).ItemsForRequests(ctx, requests, o.state != "active") {
			switch {
			case err != nil:
				return err
			case item.Refused != nil && len(requests) == 1 && incomplete == nil:
				return fmt.Errorf("%s: %w", item.Name, item.Refused)
			case item.Refused != nil:
				failed++
				o.console.Say("davadmin: account: " + whereWords(item.Where) + ui.Sanitize(item.Name) + ": " + o.hints.ErrorText(item.Refused))
				continue
			}
			if err := o.addItem(ctx, s, item, out); err != nil {
				return err
			}
		}
		return notListed(s, failed, len(requests), incomplete)
	})
}

// notListed returns the error of a listing of named accounts that is complete but for the
// failed ones, which were reported before; nil if there are none: a back end that cannot be
// read does not matter if every account was found on another one. If the listing is
// incomplete for another reason, that is the error.
func notListed(s *storehome.Home, failed, requested int, incomplete error) error {
	switch {
	case failed == 0:
		s.Warn()
		return nil
	case incomplete != nil:
		return incomplete
	}
	return &cmdutil.PartialError{Text: fmt.Sprintf("%d of %d accounts could not be listed; see the messages above", failed, requested)}
}

// addItem adds the account of an item to the listing.
func (o *accountList) addItem(ctx context.Context, s *storehome.Home, item *account.Item, out *accountEmitter) error {
	st, err := s.Set.Open(ctx, item.Backend)
	if err != nil {
		return err
	}
	return st.View(ctx, func(ctx context.Context, r store.Reader) error {
		a, err := r.Account(ctx, item.ID)
		if err != nil {
			return err
		}
		if err := out.add(ctx, r, account.Found{Backend: item.Backend, Account: a}); err != nil {
			return err
		}
		return out.flush(ctx)
	})
}

// selected lists the accounts of the directory entries that -B and -R select.
func (o *accountList) selected(ctx context.Context, s *storehome.Home, names []string, format ui.Format, incomplete error) (err error) {
	d, done, err := o.mustDirectory(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	entries, err := o.selection(ctx, d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, entries.Close()) }()
	without, failed := 0, 0
	err = o.print(format, func(out *accountEmitter) error {
		for item, err := range s.Finder(names, o.backend).ItemsForEntries(ctx, entries, nil, &without) {
			if err == nil && item.Refused != nil {
				if failed++; failed <= namedNotDone {
					o.console.Say("davadmin: account: " + ui.Sanitize(item.Name) + ": " + o.hints.ErrorText(item.Refused))
				}
				continue
			}
			if err == nil {
				err = o.addItem(ctx, s, item, out)
			}
			if err != nil {
				return err
			}
		}
		return notListed(s, failed, entries.Len(), incomplete)
	})
	if err == nil && without > 0 {
		o.console.Notef("entries without an account: %d", without)
	}
	return err
}

// mustDirectory opens the directory, and returns an error if none is given or configured.
func (o *accountSelection) mustDirectory(ctx context.Context, s *storehome.Home) (*account.Directory, func() error, error) {
	d, done, err := o.stores.PeopleDirectory(ctx, &o.DirectoryOptions, s, o.tmp)
	if err == nil && d == nil {
		return nil, done, cmdutil.Usagef("missing directory: use --ldif FILE or -H HOST, or set %sldaphost in the home", cmdutil.UserPoolPrefix)
	}
	return d, done, err
}
