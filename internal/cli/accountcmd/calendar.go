package accountcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// NewCalendar is the operation 'calendar'. Without an action it lists.
func NewCalendar(f *cmdutil.Factory) *cobra.Command {
	o := &calendarList{accountTargets: accountTargets{console: f.Console, getenv: f.Getenv, global: f.Global, hints: f.Hints, input: f.Input, now: f.Now, stores: newStoreHomes(f), known: []account.PropertyInfo{}}}
	cmd := &cobra.Command{
		Use:     "calendar [ACTION] [OPTIONS]",
		Short:   "list, create, change and delete calendars of accounts",
		GroupID: cmdutil.GroupWork,
		Long: `Works on the calendars of accounts: on the calendar server's own database, so that
no server needs to run.

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

// calendarList is 'calendar list'.
type calendarList struct {
	accountTargets
	name    string
	verbose bool
	state   string
}

func newCalendarList(f *cmdutil.Factory) *cobra.Command {
	o := &calendarList{accountTargets: accountTargets{console: f.Console, getenv: f.Getenv, global: f.Global, hints: f.Hints, input: f.Input, now: f.Now, stores: newStoreHomes(f), known: []account.PropertyInfo{}}}
	cmd := &cobra.Command{
		Use:   "list -a ADDRESS | -g ID | -f FILE [-n NAME] [-v]",
		Short: "list the calendars of accounts",
		Long: `Lists the collections of accounts, in the order of their names: account, name, kind,
display name, access list. With -v also the other properties and what each holds.`,
		Example: `  davadmin calendar list -a jdoe@example.com
  davadmin calendar list -a jdoe@example.com -n work -v
  davadmin calendar list -f accounts.txt --output jsonl`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.start(cmd) },
	}
	o.addOptions(cmd)
	return cmd
}

func (o *calendarList) addOptions(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.accounts, "account", "a", nil, "mail `ADDRESS` of the account (else DAVADMIN_ACCOUNT); may be repeated")
	f.StringArrayVarP(&o.ids, "guid", "g", nil, "unique `ID` of the account; may be repeated")
	f.StringVarP(&o.batch, "file", "f", "", "`FILE` with one account a line (- for standard input)")
	f.StringVarP(&o.name, "name", "n", "", "only the calendar of this `NAME`")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "all properties, and what each calendar holds")
	f.StringVar(&o.state, "state", "active", "which: active, deleted or any")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"active", "deleted", "any"}, cobra.ShellCompDirectiveNoFileComp))
	o.HomeOptions.Add(f)
	o.AddVault(f)
}

func (o *calendarList) start(cmd *cobra.Command) error {
	if len(o.accounts)+len(o.ids) == 0 && o.batch == "" {
		if a := o.getenv("DAVADMIN_ACCOUNT"); a != "" {
			o.accounts = []string{a}
		} else {
			return cmdutil.Usagef("whose calendars? Give -a ADDRESS")
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
	states := map[string]store.StateFilter{"active": store.OnlyActive, "deleted": store.OnlyDeleted, "any": store.AnyState}
	state, ok := states[o.state]
	if !ok {
		return cmdutil.Usagef("--state: '%s' is none of active, deleted, any", o.state)
	}
	requests, err := o.requests(ctx, nil)
	if err != nil {
		return err
	}
	s, err := o.stores.Open(ctx, &o.HomeOptions, cmdutil.DefaultLockTimeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	names, err := s.selected(ctx, "")
	if err != nil {
		return err
	}
	var all []calendarObject
	failed := 0
	for item, err := range s.finder(names).ItemsForRequests(ctx, requests, false) {
		if err != nil {
			return err
		}
		if item.Refused == nil {
			var got []calendarObject
			if got, item.Refused = o.ofAccount(ctx, s, item, state); item.Refused == nil {
				all = append(all, got...)
				continue
			}
			if !errors.Is(item.Refused, store.ErrNotFound) {
				return item.Refused
			}
		}
		if len(requests) == 1 {
			return fmt.Errorf("%s: %w", item.Name, item.Refused)
		}
		failed++
		o.console.Say("davadmin: calendar: " + whereWords(item.Where) + ui.Sanitize(item.Name) + ": " + o.hints.ErrorText(item.Refused))
	}
	if err := o.print(format, all); err != nil {
		return err
	}
	if failed > 0 {
		return &cmdutil.PartialError{Text: fmt.Sprintf("not listed, and named above: %d of %d", failed, len(requests))}
	}
	return nil
}

// ofAccount reads the collections of one account.
func (o *calendarList) ofAccount(ctx context.Context, s *storeHome, item *account.Item, state store.StateFilter) ([]calendarObject, error) {
	st, err := s.set.Open(ctx, item.Backend)
	if err != nil {
		return nil, err
	}
	var out []calendarObject
	err = st.View(ctx, func(r store.Reader) error {
		a, err := r.Account(ctx, item.ID)
		if err != nil {
			return err
		}
		for c, err := range r.Calendars(ctx, a.ID, store.CalendarFilter{State: state}) {
			if err != nil {
				return err
			}
			if o.name != "" && c.Name != o.name {
				continue
			}
			x := calendarObjectOf(a, c)
			if o.verbose && c.Deleted.IsZero() {
				u, err := r.CalendarUsage(ctx, a.ID, c.Name)
				if err != nil {
					return err
				}
				x.Usage, x.Token = &u, c.Token().String()
			}
			out = append(out, x)
		}
		return nil
	})
	if err == nil && len(out) == 0 && o.name != "" {
		err = fmt.Errorf("calendar %s: %w", o.name, store.ErrNotFound)
	}
	return out, err
}

func calendarObjectOf(a *store.Account, c *store.Calendar) calendarObject {
	state := "active"
	if !c.Deleted.IsZero() {
		state = "deleted"
	}
	return calendarObject{
		Kind: "calendar", Account: a.Mail(), ID: a.ID, Name: c.Name, Type: c.Kind.String(), URI: account.CollectionURI{Owner: a.Mail(), Calendar: c.Name}.String(),
		State: state, DisplayName: c.DisplayName, Description: c.Description, Components: c.Components, ACL: c.ACL.String(), Colour: c.Colour, Order: c.Order,
		TimeZone: c.TimeZone, Transparent: c.Transparent, Created: timeText(c.Created), Changed: timeText(c.Changed), Deleted: timeText(c.Deleted),
	}
}

func (o *calendarList) print(format ui.Format, all []calendarObject) error {
	out := o.console.Streams.Out
	switch format {
	case ui.JSON:
		if all == nil {
			all = []calendarObject{}
		}
		return ui.WriteJSON(out, struct {
			Schema    string           `json:"schema"`
			Calendars []calendarObject `json:"calendars"`
		}{"davadmin.calendar.list.1", all})
	case ui.JSONL:
		for _, c := range all {
			if err := ui.WriteJSONL(out, c); err != nil {
				return err
			}
		}
		return nil
	case ui.Plain:
		if o.verbose {
			return o.printBlocks(out, all)
		}
	}
	rows := make([][]string, len(all))
	for i, c := range all {
		acl := c.ACL
		if acl == "" {
			acl = "(owner only)"
		}
		rows[i] = []string{c.Account, c.Name, c.Type, c.DisplayName, acl, c.State}
		if o.verbose {
			components, bytes := "", ""
			if c.Usage != nil {
				components, bytes = fmt.Sprint(c.Usage.Components), fmt.Sprint(c.Usage.Bytes)
			}
			rows[i] = append(rows[i], strings.Join(c.Components, " "), components, bytes, c.Colour, c.TimeZone)
		}
	}
	header := []string{"account", "name", "kind", "display name", "acl", "state"}
	if o.verbose {
		header = append(header, "takes", "components", "bytes", "colour", "time zone")
	}
	switch {
	case format == ui.CSV:
		return ui.WriteCSV(out, header, rows)
	case format == ui.Table && len(rows) > 0:
		return ui.WriteTable(out, o.console.Streams.Width, header, rows)
	case format == ui.Plain:
		for _, r := range rows {
			if _, err := io.WriteString(out, cmdutil.TabLine(r)+"\n"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *calendarList) printBlocks(out io.Writer, all []calendarObject) error {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, ui.Sanitize(ui.Clip(value, cmdutil.MaxShown)))
		}
	}
	for i, c := range all {
		if i > 0 {
			b.WriteString("\n")
		}
		line("account", c.Account)
		line("name", c.Name)
		line("uri", c.URI)
		line("kind", c.Type)
		line("state", c.State)
		line("displayname", c.DisplayName)
		line("calendar-description", c.Description)
		line("supported-calendar-component-set", strings.Join(c.Components, " "))
		line("acl", c.ACL)
		line("colour", c.Colour)
		line("order", fmt.Sprint(c.Order))
		line("timezone", c.TimeZone)
		line("transparent", flagWord(c.Transparent))
		if c.Usage != nil {
			line("components", fmt.Sprint(c.Usage.Components))
			line("bytes", fmt.Sprint(c.Usage.Bytes))
			line("sync token", c.Token)
		}
		line("created", c.Created)
		line("changed", c.Changed)
		line("deleted", c.Deleted)
	}
	_, err := io.WriteString(out, b.String())
	return err
}
