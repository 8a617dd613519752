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

// NewCalendar returns the operation 'calendar'. Without an action, it lists calendars.
func NewCalendar(f *cmdutil.Factory) *cobra.Command {
	o := &calendarList{accountSelection: accountSelection{console: f.Console, getenv: f.Getenv, global: f.Global, hints: f.Hints, input: f.Input, now: f.Now, stores: storehome.NewHomes(f), known: []account.PropertyInfo{}}}
	cmd := &cobra.Command{
		Use:     "calendar [ACTION] [OPTIONS]",
		Short:   "list, create, change and delete calendars of accounts",
		GroupID: cmdutil.GroupWork,
		Long: `Lists, creates, changes and deletes the calendars of accounts. It works directly on
the calendar server's database, so the server does not need to be running.

With --dry-run, an action makes its changes in transactions and rolls them back, to find
what would fail. So it waits for other programs that write to the store, they wait for it,
and the store must not be read-only or its disk full.

Without an action, 'calendar' is 'calendar list'.`,
		Example: `  davadmin calendar list -a jdoe@example.com
  davadmin calendar create -a user1@example.com -n work -y "displayname=Work,acl=user2@example.com:r"
  davadmin calendar modify -a user1@example.com -n work -y "set-ace=user3@example.com:w"
  davadmin calendar delete -a user1@example.com -n work`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return o.start(cmd)
		},
	}
	o.addOptions(cmd)
	cmd.AddCommand(newCalendarList(f), newCalendarCreate(f), newCalendarModify(f), newCalendarDelete(f))
	return cmd
}

// calendarList is the command 'calendar list'.
type calendarList struct {
	accountSelection
	name    string
	verbose bool
	state   string
	// sharedWith is the person with whom the listed calendars are shared; "" for none.
	sharedWith string
}

func newCalendarList(f *cmdutil.Factory) *cobra.Command {
	o := &calendarList{accountSelection: accountSelection{console: f.Console, getenv: f.Getenv, global: f.Global, hints: f.Hints, input: f.Input, now: f.Now, stores: storehome.NewHomes(f), known: []account.PropertyInfo{}}}
	cmd := &cobra.Command{
		Use:   "list [-a ADDRESS | -g ID | -f FILE | --shared-with ADDRESS] [-n NAME] [-v]",
		Short: "list the calendars of accounts (by default of all)",
		Long: `Lists the calendars of accounts, sorted by name: account, name, kind, display name,
access list and state. Without -a, -g or -f, it lists those of all active accounts. With
-v, it also shows the other properties of each calendar, how much it contains, and when its
oldest and its newest component start; a series counts with its first instance.

--shared-with lists the calendars, on all back ends, whose access lists give the person with
this address a right, and shows the rights. Calendars that are shared with everyone or with
a mail domain are not listed. Someone without an account is looked up in the directory given
by --ldif, -H or the home.`,
		Example: `  davadmin calendar list
  davadmin calendar list -a jdoe@example.com
  davadmin calendar list -a jdoe@example.com -n work -v
  davadmin calendar list --shared-with jdoe@example.com
  davadmin calendar list -f accounts.txt --output jsonl`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.start(cmd) },
	}
	o.addOptions(cmd)
	return cmd
}

func (o *calendarList) addOptions(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.accounts, "account", "a", nil, "mail `ADDRESS` of the account (repeatable; default: DAVADMIN_ACCOUNT)")
	f.StringArrayVarP(&o.ids, "guid", "g", nil, "unique `ID` of the account (repeatable)")
	f.StringVarP(&o.batch, "file", "f", "", "`FILE` with one account per line (- for standard input)")
	f.StringVarP(&o.name, "name", "n", "", "list only the calendar with this `NAME`")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "also show all properties of each calendar and how much it contains")
	f.StringVar(&o.backend, "backend", "", "only accounts on the back end `ID` (default: all back ends)")
	_ = cmd.RegisterFlagCompletionFunc("backend", o.stores.CompleteBackends)
	f.StringVar(&o.state, "state", "active", "list only calendars in this `STATE` (active, deleted or any)")
	f.StringVar(&o.sharedWith, "shared-with", "", "list the calendars whose access lists name the person with this `ADDRESS` (id=ID for a unique id)")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"active", "deleted", "any"}, cobra.ShellCompDirectiveNoFileComp))
	o.AddLookup(cmd)
}

func (o *calendarList) start(cmd *cobra.Command) error {
	if err := o.checkSharedWith(cmd); err != nil {
		return err
	}
	if o.sharedWith == "" && len(o.accounts)+len(o.ids) == 0 && o.batch == "" {
		if a := o.getenv("DAVADMIN_ACCOUNT"); a != "" {
			o.accounts = []string{a}
		}
	}
	return o.list(cmd.Context())
}

// calendarObject is a calendar in JSON.
type calendarObject struct {
	Kind        string               `json:"kind"`
	Account     string               `json:"account"`
	ID          string               `json:"id"`
	Name        string               `json:"name"`
	Type        string               `json:"type"`
	URI         string               `json:"uri"`
	State       string               `json:"state"`
	DisplayName string               `json:"displayname,omitempty"`
	Description string               `json:"calendar-description,omitempty"`
	Components  []string             `json:"supported-calendar-component-set,omitempty"`
	ACL         string               `json:"acl,omitempty"`
	Rights      string               `json:"rights,omitempty"` // of the person of --shared-with
	Colour      string               `json:"colour,omitempty"`
	Order       int64                `json:"order,omitempty"`
	TimeZone    string               `json:"timezone,omitempty"`
	Transparent bool                 `json:"transparent,omitempty"`
	Created     string               `json:"created"`
	Changed     string               `json:"changed"`
	Deleted     string               `json:"deleted,omitempty"`
	Token       string               `json:"sync_token,omitempty"`
	Usage       *store.CalendarUsage `json:"usage,omitempty"`
}

func (o *calendarList) list(ctx context.Context) (err error) {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON, ui.JSONL, ui.CSV)
	if err != nil {
		return err
	}
	state, err := parseState(o.state)
	if err != nil {
		return err
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
	return cmdutil.PrintProduced(calendarListing(o.verbose, o.sharedWith != ""), o.console, format, func(emit func(*calendarObject) error) error {
		if o.sharedWith != "" {
			err := o.shared(ctx, s, names, emit)
			if err == nil {
				err = incomplete
			}
			return err
		}
		if len(requests) == 0 {
			return errors.Join(o.all(ctx, s, names, state, emit), incomplete)
		}
		return o.named(ctx, s, names, requests, state, incomplete, emit)
	})
}

// all emits the calendars of every active account.
func (o *calendarList) all(ctx context.Context, s *storehome.Home, names []string, state store.StateFilter, emit func(*calendarObject) error) error {
	done := func() error { return nil }
	return s.EachAccount(ctx, names, store.AccountFilter{Brief: true}, func(r store.Reader, f account.Found) error {
		calendars, err := o.ofAccount(ctx, r, f.Account, state)
		for _, c := range calendars {
			if err == nil {
				err = emit(c)
			}
		}
		return err
	}, done)
}

// named emits the calendars of the accounts that are requested, and reports the accounts that
// are not found.
func (o *calendarList) named(ctx context.Context, s *storehome.Home, names []string, requests []account.Request, state store.StateFilter, incomplete error, emit func(*calendarObject) error) error {
	failed := 0
	for item, err := range s.Finder(names, o.backend).ItemsForRequests(ctx, requests, false) {
		if err != nil {
			return err
		}
		calendars, err := o.ofItem(ctx, s, item, state)
		switch {
		case err != nil && len(requests) == 1 && incomplete == nil && (item.Refused != nil || errors.Is(err, store.ErrNotFound)):
			return fmt.Errorf("%s: %w", item.Name, err)
		case err != nil && (item.Refused != nil || errors.Is(err, store.ErrNotFound)):
			failed++
			o.console.Say("davadmin: calendar: " + whereWords(item.Where) + ui.Sanitize(item.Name) + ": " + o.hints.ErrorText(err))
			continue
		case err != nil:
			return err
		}
		for _, c := range calendars {
			if err := emit(c); err != nil {
				return err
			}
		}
	}
	return notListed(s, failed, len(requests), incomplete)
}

// ofItem returns the collections of one account, or the reason why the account is refused.
func (o *calendarList) ofItem(ctx context.Context, s *storehome.Home, item *account.Item, state store.StateFilter) ([]*calendarObject, error) {
	if item.Refused != nil {
		return nil, item.Refused
	}
	st, err := s.Set.Open(ctx, item.Backend)
	if err != nil {
		return nil, err
	}
	var out []*calendarObject
	err = st.View(ctx, func(ctx context.Context, r store.Reader) error {
		a, err := r.Account(ctx, item.ID)
		if err == nil {
			out, err = o.ofAccount(ctx, r, a, state)
		}
		return err
	})
	if err == nil && len(out) == 0 && o.name != "" {
		err = fmt.Errorf("calendar %s: %w", o.name, store.ErrNotFound)
	}
	return out, err
}

// ofAccount returns the collections of an account that the options select.
func (o *calendarList) ofAccount(ctx context.Context, r store.Reader, a *store.Account, state store.StateFilter) ([]*calendarObject, error) {
	var out []*calendarObject
	for c, err := range r.Calendars(ctx, a.ID, store.CalendarFilter{State: state}) {
		if err != nil {
			return nil, err
		}
		if o.name != "" && c.Name != o.name {
			continue
		}
		object := newCalendarObject(store.Person{ID: a.ID, Address: a.Mail()}, c)
		if err := o.addUsage(ctx, r, object, c); err != nil {
			return nil, err
		}
		out = append(out, object)
	}
	return out, nil
}

// addUsage adds what a calendar contains, with -v.
func (o *calendarList) addUsage(ctx context.Context, r store.Reader, object *calendarObject, c *store.Calendar) error {
	if !o.verbose || !c.Deleted.IsZero() {
		return nil
	}
	u, err := r.CalendarUsage(ctx, c.Account, c.Name)
	if err != nil {
		return err
	}
	token, err := r.Token(ctx, c)
	if err != nil {
		return err
	}
	object.Usage, object.Token = &u, token.String()
	return nil
}

func newCalendarObject(owner store.Person, c *store.Calendar) *calendarObject {
	state := "active"
	if !c.Deleted.IsZero() {
		state = "deleted"
	}
	return &calendarObject{
		Kind: "calendar", Account: owner.Address, ID: owner.ID, Name: c.Name, Type: c.Kind.String(), URI: account.CollectionURI{Owner: owner.Address, Calendar: c.Name}.String(),
		State: state, DisplayName: c.DisplayName, Description: c.Description, Components: c.Components, ACL: c.ACL.String(), Colour: c.Colour, Order: c.Order,
		TimeZone: c.TimeZone, Transparent: c.Transparent, Created: cmdutil.TimeText(c.Created), Changed: cmdutil.TimeText(c.Changed), Deleted: cmdutil.TimeText(c.Deleted),
	}
}

// calendarListing returns the description of a listing of calendars. With shared, it shows the
// rights of a person.
func calendarListing(verbose, shared bool) cmdutil.List[*calendarObject] {
	columns := []ui.Column{
		{Title: "account", Key: true, Priority: 3}, {Title: "name", Key: true, Priority: 3}, {Title: "kind", Priority: 2},
		{Title: "display name", Priority: 2}, {Title: "acl", Priority: 2}, {Title: "state", Priority: 2},
	}
	if verbose {
		columns = append(columns, ui.Column{Title: "takes"}, ui.Column{Title: "components", Number: true, Priority: 1},
			ui.Column{Title: "bytes", Number: true, Priority: 1}, ui.Column{Title: "oldest"}, ui.Column{Title: "newest"}, ui.Column{Title: "colour"}, ui.Column{Title: "time zone"})
	}
	if shared {
		columns = append(columns, ui.Column{Title: "rights", Priority: 3})
	}
	l := cmdutil.List[*calendarObject]{
		Schema: "davadmin.calendar.list.1", Member: "calendars", Header: titles(columns), Columns: columns, None: "no calendars to list",
		Record: func(c *calendarObject) []string { return c.cells(verbose, shared) },
	}
	if verbose {
		l.Plain, l.Blocks = (*calendarObject).block, true
	}
	return l
}

// cells returns the values of the columns of calendarListing.
func (c *calendarObject) cells(verbose, shared bool) []string {
	acl := c.ACL
	if acl == "" {
		acl = "(owner only)"
	}
	cells := []string{c.Account, c.Name, c.Type, c.DisplayName, acl, c.State}
	if verbose {
		components, bytes, oldest, newest := "", "", "", ""
		if u := c.Usage; u != nil {
			components, bytes, oldest, newest = fmt.Sprint(u.Components), fmt.Sprint(u.Bytes), cmdutil.TimeText(u.Oldest), cmdutil.TimeText(u.Newest)
		}
		cells = append(cells, strings.Join(c.Components, " "), components, bytes, oldest, newest, c.Colour, c.TimeZone)
	}
	if shared {
		cells = append(cells, c.Rights)
	}
	return cells
}

// block returns a calendar with its details as lines "key: value".
func (c *calendarObject) block() string {
	var b blockText
	b.line("account", c.Account)
	b.line("name", c.Name)
	b.line("uri", c.URI)
	b.line("kind", c.Type)
	b.line("state", c.State)
	b.line("displayname", c.DisplayName)
	b.line("calendar-description", c.Description)
	b.line("supported-calendar-component-set", strings.Join(c.Components, " "))
	b.line("acl", c.ACL)
	b.line("rights", c.Rights)
	b.line("colour", c.Colour)
	b.line("order", fmt.Sprint(c.Order))
	b.line("timezone", c.TimeZone)
	b.line("transparent", cmdutil.YesNo(c.Transparent))
	if c.Usage != nil {
		b.line("components", fmt.Sprint(c.Usage.Components))
		b.line("bytes", fmt.Sprint(c.Usage.Bytes))
		b.line("oldest", cmdutil.TimeText(c.Usage.Oldest))
		b.line("newest", cmdutil.TimeText(c.Usage.Newest))
		b.line("sync token", c.Token)
	}
	b.line("created", c.Created)
	b.line("changed", c.Changed)
	b.line("deleted", c.Deleted)
	return b.String()
}
