package accountcmd

import (
	"context"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/store"
)

// accountObject is an account in JSON, or a directory entry without an account.
type accountObject struct {
	Kind             string         `json:"kind"` // "account" or "missing"
	Account          string         `json:"account"`
	ID               string         `json:"id"`
	Type             string         `json:"type"`
	Backend          string         `json:"backend"`
	State            string         `json:"state"`
	Name             string         `json:"name,omitempty"`
	Addresses        []string       `json:"addresses,omitempty"`
	Created          string         `json:"created,omitempty"`
	Changed          string         `json:"changed,omitempty"`
	Deleted          string         `json:"deleted,omitempty"`
	ACL              string         `json:"acl,omitempty"`
	Attendance       *int           `json:"attendanceflag,omitempty"`
	Notify           *bool          `json:"notifemail,omitempty"`
	NotifyTo         []string       `json:"notifrecipients,omitempty"`
	DelegateNotifyTo []string       `json:"delegate_notifaddr,omitempty"`
	Delegates        []store.Person `json:"delegates,omitempty"`
	Owners           []store.Person `json:"owners,omitempty"`
	Usage            *store.Usage   `json:"usage,omitempty"`
	Follows          []string       `json:"follows,omitempty"` // URIs of the calendars that the account subscribes to
	DN               string         `json:"dn,omitempty"`
	DNBytes          string         `json:"dn_base64,omitempty"` // DN in base64 if it is not valid UTF-8
	Why              string         `json:"why,omitempty"`
	Roles            []string       `json:"roles,omitempty"` // of the person of --delegates-of
}

// newAccountObject returns an account without its settings and its usage.
func newAccountObject(f account.Found) *accountObject {
	a := f.Account
	return &accountObject{Kind: "account", Account: a.Mail(), ID: a.ID, Type: a.Kind.String(), Backend: f.Backend, State: stateOf(a), Name: a.DisplayName,
		Created: cmdutil.TimeText(a.Created), Changed: cmdutil.TimeText(a.Changed), Deleted: cmdutil.TimeText(a.Deleted)}
}

// newDetailedObject returns an account with its settings, its usage and the URIs of the
// calendars that it subscribes to.
func newDetailedObject(f account.Found, usage store.Usage, follows []string) *accountObject {
	a, o := f.Account, newAccountObject(f)
	attendance := int(a.Attendance)
	o.Addresses, o.ACL, o.Attendance, o.Notify, o.NotifyTo = a.Addresses, a.SchedulingACL.String(), &attendance, &a.Notify, a.NotifyTo
	o.DelegateNotifyTo, o.Delegates, o.Owners, o.Usage, o.Follows = a.DelegateNotifyTo, a.Delegates, a.Owners, &usage, follows
	return o
}

// newMissingObject returns a directory entry without an account, and the reason.
func newMissingObject(e *account.Entry, backend, why string) *accountObject {
	return &accountObject{
		Kind: "missing", Account: e.Name(), ID: strings.Join(e.IDs, " "), Type: e.Kind.String(), Backend: backend, State: "missing", DN: e.DN, DNBytes: directory.DNBase64(e.DN), Why: why,
	}
}

// accountEmitter turns accounts into objects and emits them. With details, it looks up the
// usage of many accounts at once, because a query for each would be slow.
type accountEmitter struct {
	emit    func(*accountObject) error
	details bool
	held    []account.Found // accounts whose usage has not been looked up yet
	reader  store.Reader    // from which they were read
}

// maxHeld is the maximum number of accounts whose usage is looked up at once.
const maxHeld = 200

// add emits an account; with details, a later add or flush does.
func (e *accountEmitter) add(ctx context.Context, r store.Reader, f account.Found) error {
	if !e.details {
		return e.emit(newAccountObject(f))
	}
	if len(e.held) > 0 && e.reader != r || len(e.held) == maxHeld {
		if err := e.flush(ctx); err != nil {
			return err
		}
	}
	e.held, e.reader = append(e.held, f), r
	return nil
}

// flush emits the accounts that are held. It must be called before their reader is closed.
func (e *accountEmitter) flush(ctx context.Context) error {
	if len(e.held) == 0 {
		return nil
	}
	ids := make([]string, len(e.held))
	for i, f := range e.held {
		ids[i] = f.Account.ID
	}
	usage, err := e.reader.Usage(ctx, ids)
	if err != nil {
		return err
	}
	held := e.held
	e.held = e.held[:0]
	for _, f := range held {
		u := usage[f.Account.ID]
		follows, err := e.subscribedCalendars(ctx, f, u)
		if err != nil {
			return err
		}
		if err := e.emit(newDetailedObject(f, u, follows)); err != nil {
			return err
		}
	}
	return nil
}

// subscribedCalendars returns the URIs of the calendars that an account subscribes to.
func (e *accountEmitter) subscribedCalendars(ctx context.Context, f account.Found, u store.Usage) ([]string, error) {
	if u.Subscriptions == 0 {
		return nil, nil
	}
	subscriptions, err := e.reader.Subscriptions(ctx, f.Account.ID)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(subscriptions))
	for i, s := range subscriptions {
		out[i] = account.CollectionURI{Owner: s.Owner.Address, Calendar: s.Calendar}.String()
	}
	return out, nil
}

// accountColumns are the columns of an account: the short ones, and the details of -v.
// Their titles are also the header of CSV.
func accountColumns(verbose bool) []ui.Column {
	columns := []ui.Column{
		{Title: "account", Key: true, Priority: 3}, {Title: "id", Key: true, Priority: 3},
		{Title: "kind", Priority: 2}, {Title: "back end", Priority: 2}, {Title: "state", Priority: 2},
	}
	if verbose {
		columns = append(columns, ui.Column{Title: "name", Priority: 1},
			ui.Column{Title: "calendars", Number: true, Priority: 1}, ui.Column{Title: "components", Number: true, Priority: 1},
			ui.Column{Title: "bytes", Number: true, Priority: 1}, ui.Column{Title: "subscriptions", Number: true, Priority: 1},
			ui.Column{Title: "created"}, ui.Column{Title: "changed"}, ui.Column{Title: "acl"},
			ui.Column{Title: "attendanceflag"}, ui.Column{Title: "notifemail"}, ui.Column{Title: "notifrecipients"})
	}
	return columns
}

// moreColumns are the columns that only some listings of accounts have.
type moreColumns uint8

const (
	noMore          moreColumns = iota
	columnsOfResult             // of a comparison with the directory; not with -v
	columnsOfRoles              // of --delegates-of
)

// accountListing returns the description of a listing of accounts.
func accountListing(verbose bool, more moreColumns) cmdutil.List[*accountObject] {
	columns := accountColumns(verbose)
	switch more {
	case columnsOfResult:
		columns = append(columns, ui.Column{Title: "dn", Key: true, Priority: 3}, ui.Column{Title: "why", Priority: 2})
	case columnsOfRoles:
		columns = append(columns, ui.Column{Title: "roles", Priority: 3})
	case noMore:
	}
	l := cmdutil.List[*accountObject]{
		Schema: "davadmin.account.list.1", Member: "accounts", Header: titles(columns), Columns: columns,
		Record: func(o *accountObject) []string { return o.cells(verbose, more) },
	}
	if more != columnsOfResult {
		l.None = "no accounts to list"
	}
	if verbose {
		l.Plain, l.Blocks = (*accountObject).block, true
	}
	return l
}

func titles(columns []ui.Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.Title
	}
	return out
}

// cells returns the values of accountColumns, and of more columns.
func (o *accountObject) cells(verbose bool, more moreColumns) []string {
	cells := append(make([]string, 0, 16), o.Account, o.ID, o.Type, o.Backend, o.State)
	if verbose {
		cells = append(cells, o.Name, fmt.Sprint(o.Usage.Calendars), fmt.Sprint(o.Usage.Components), fmt.Sprint(o.Usage.Bytes), fmt.Sprint(o.Usage.Subscriptions),
			o.Created, o.Changed, o.ACL, attendanceWords(*o.Attendance), cmdutil.YesNo(*o.Notify), strings.Join(o.NotifyTo, " "))
	}
	switch more {
	case columnsOfResult:
		cells = append(cells, o.DN, o.Why)
	case columnsOfRoles:
		cells = append(cells, strings.Join(o.Roles, " "))
	case noMore:
	}
	return cells
}

// block returns an account with its details as lines "key: value".
func (o *accountObject) block() string {
	var b blockText
	b.line("account", o.Account)
	b.line("id", o.ID)
	b.line("kind", o.Type)
	b.line("backend", o.Backend)
	b.line("state", o.State)
	b.line("name", o.Name)
	b.line("addresses", strings.Join(o.Addresses, " "))
	b.line("acl", o.ACL)
	b.line("attendanceflag", attendanceWords(*o.Attendance))
	b.line("notifemail", cmdutil.YesNo(*o.Notify))
	b.line("notifrecipients", strings.Join(o.NotifyTo, " "))
	b.line("delegate_notifaddr", strings.Join(o.DelegateNotifyTo, " "))
	b.line("roles", strings.Join(o.Roles, " "))
	b.line("delegates", addressesOf(o.Delegates))
	b.line("owners", addressesOf(o.Owners))
	b.line("calendars", fmt.Sprint(o.Usage.Calendars))
	b.line("components", fmt.Sprint(o.Usage.Components))
	b.line("bytes", fmt.Sprint(o.Usage.Bytes))
	b.line("attachments", fmt.Sprint(o.Usage.Attachments))
	b.line("attachment_bytes", fmt.Sprint(o.Usage.AttachmentBytes))
	b.line("subscriptions", fmt.Sprint(o.Usage.Subscriptions))
	b.line("follows", strings.Join(o.Follows, " "))
	b.line("created", o.Created)
	b.line("changed", o.Changed)
	b.line("deleted", o.Deleted)
	return b.String()
}

// blockText is text of lines "key: value".
type blockText struct{ strings.Builder }

// line adds a line, unless the value is empty. The value is sanitised, and clipped if it is
// very long.
func (b *blockText) line(name, value string) {
	if value != "" {
		fmt.Fprintf(b, "%s: %s\n", name, ui.Sanitize(ui.Clip(value, cmdutil.MaxShown)))
	}
}

func stateOf(a *store.Account) string {
	if a.Active() {
		return "active"
	}
	return "deleted"
}

// attendanceWords returns the property attendanceflag with what it means.
func attendanceWords(n int) string { return account.InWords("attendanceflag", fmt.Sprint(n)) }

func addressesOf(people []store.Person) string {
	addresses := make([]string, len(people))
	for i, p := range people {
		addresses[i] = p.Address
	}
	return strings.Join(addresses, " ")
}
