package accountcmd

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// accountObject is an account in JSON.
type accountObject struct {
	Kind             string         `json:"kind"`
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
	Follows          []string       `json:"follows,omitempty"` // URIs of calendars
	DN               string         `json:"dn,omitempty"`
	Why              string         `json:"why,omitempty"`
}

// accountPrinter prints accounts as they come. With details it looks up what many
// hold at once.
type accountPrinter struct {
	console *cmdutil.Console
	out     io.Writer
	format  ui.Format
	verbose bool
	// compared says that accounts are set against entries: rows have two columns
	// more.
	compared bool

	held   []account.Found // that wait for their usage
	reader store.Reader    // of those
	// follows are the calendars that the account follows which is being printed.
	follows []string
	rows    [][]string // of a table
	all     []any      // of JSON
	csv     *ui.CSVWriter
	count   int
}

// heldAccounts is how many are looked up at once.
const heldAccounts = 200

func (o *accountList) newPrinter(format ui.Format) *accountPrinter {
	return &accountPrinter{console: o.console, out: o.console.Streams.Out, format: format, verbose: o.verbose}
}

func accountHeader(verbose bool) []string {
	header := []string{"account", "id", "kind", "back end", "state"}
	if verbose {
		header = append(header, "name", "calendars", "components", "bytes", "subscriptions", "created", "changed", "acl", "attendanceflag", "notifemail", "notifrecipients")
	}
	return header
}

func stateOf(a *store.Account) string {
	if a.Active() {
		return "active"
	}
	return "deleted"
}

// add prints an account, or keeps it until its usage is looked up.
func (p *accountPrinter) add(ctx context.Context, r store.Reader, f account.Found) error {
	if !p.verbose {
		return p.print(f, store.Usage{}, "")
	}
	if len(p.held) > 0 && p.reader != r || len(p.held) == heldAccounts {
		if err := p.flush(ctx); err != nil {
			return err
		}
	}
	p.held, p.reader = append(p.held, f), r
	return nil
}

// flush prints what is held, while its reader is good.
func (p *accountPrinter) flush(ctx context.Context) error {
	if len(p.held) == 0 {
		return nil
	}
	ids := make([]string, len(p.held))
	for i, f := range p.held {
		ids[i] = f.Account.ID
	}
	usage, err := p.reader.Usage(ctx, ids)
	if err != nil {
		return err
	}
	held := p.held
	p.held = p.held[:0]
	for _, f := range held {
		if p.follows, err = p.followed(ctx, f, usage[f.Account.ID]); err != nil {
			return err
		}
		if err := p.print(f, usage[f.Account.ID], ""); err != nil {
			return err
		}
	}
	return nil
}

// followed are the URIs of the calendars that an account follows.
func (p *accountPrinter) followed(ctx context.Context, f account.Found, u store.Usage) ([]string, error) {
	if u.Subscriptions == 0 {
		return nil, nil
	}
	subscriptions, err := p.reader.Subscriptions(ctx, f.Account.ID)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(subscriptions))
	for i, s := range subscriptions {
		out[i] = account.CollectionURI{Owner: s.Owner.Address, Calendar: s.Calendar}.String()
	}
	return out, nil
}

// note prints an account with what is to be said of it.
func (p *accountPrinter) note(f account.Found, why string) error {
	return p.print(f, store.Usage{}, why)
}

// entry prints an entry that has no account.
func (p *accountPrinter) entry(e *account.Entry, backend, why string) error {
	p.count++
	cells := []string{e.Name(), strings.Join(e.IDs, " "), e.Kind.String(), backend, "missing", e.DN, why}
	if p.format == ui.JSON || p.format == ui.JSONL {
		return p.object(accountObject{
			Kind: "missing", Account: e.Name(), ID: strings.Join(e.IDs, " "), Type: e.Kind.String(), Backend: backend, State: "missing", DN: e.DN, Why: why,
		})
	}
	return p.cells(cells)
}

func (p *accountPrinter) print(f account.Found, u store.Usage, why string) error {
	p.count++
	if p.format == ui.JSON || p.format == ui.JSONL {
		o := objectOf(f, u, p.verbose, why)
		o.Follows = p.follows
		return p.object(o)
	}
	a := f.Account
	if p.verbose && p.format == ui.Plain {
		return p.block(f, u)
	}
	cells := []string{a.Mail(), a.ID, a.Kind.String(), f.Backend, stateOf(a)}
	if p.verbose {
		cells = append(cells, a.DisplayName, fmt.Sprint(u.Calendars), fmt.Sprint(u.Components), fmt.Sprint(u.Bytes), fmt.Sprint(u.Subscriptions),
			timeText(a.Created), timeText(a.Changed), a.SchedulingACL.String(), fmt.Sprint(a.Attendance), flagWord(a.Notify), strings.Join(a.NotifyTo, " "))
	}
	if p.compared {
		cells = append(cells, "", why)
	}
	return p.cells(cells)
}

func flagWord(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// cells prints a row of the formats that have rows.
func (p *accountPrinter) cells(cells []string) error {
	switch p.format {
	case ui.Table:
		p.rows = append(p.rows, cells)
		return nil
	case ui.CSV:
		if p.csv == nil {
			var err error
			if p.csv, err = ui.NewCSVWriter(p.out, p.header()); err != nil {
				return err
			}
		}
		return p.csv.Write(cells)
	}
	err := p.line(cells)
	if p.count == soonShown && err == nil && p.console.Streams.Flush != nil {
		err = p.console.Streams.Flush()
	}
	return err
}

// line prints what tabbed makes of the cells, without making it: a listing can have
// millions.
func (p *accountPrinter) line(cells []string) error {
	for i, c := range cells {
		if i > 0 {
			if _, err := io.WriteString(p.out, "\t"); err != nil {
				return err
			}
		}
		if _, err := io.WriteString(p.out, ui.Sanitize(c)); err != nil {
			return err
		}
	}
	_, err := io.WriteString(p.out, "\n")
	return err
}

// soonShown is how many lines go out at once, so that who looks sees something
// while the rest is read.
const soonShown = 50

// header names the columns; the last two are of a comparison.
func (p *accountPrinter) header() []string {
	header := accountHeader(p.verbose)
	if p.compared {
		header = append(header, "dn", "why")
	}
	return header
}

func (p *accountPrinter) object(v accountObject) error {
	if p.format == ui.JSONL {
		return ui.WriteJSONL(p.out, v)
	}
	p.all = append(p.all, v)
	return nil
}

func objectOf(f account.Found, u store.Usage, verbose bool, why string) accountObject {
	a := f.Account
	o := accountObject{Kind: "account", Account: a.Mail(), ID: a.ID, Type: a.Kind.String(), Backend: f.Backend, State: stateOf(a), Name: a.DisplayName,
		Created: timeText(a.Created), Changed: timeText(a.Changed), Deleted: timeText(a.Deleted), Why: why}
	if !verbose {
		return o
	}
	attendance := int(a.Attendance)
	o.Addresses, o.ACL, o.Attendance, o.Notify, o.NotifyTo = a.Addresses, a.SchedulingACL.String(), &attendance, &a.Notify, a.NotifyTo
	o.DelegateNotifyTo, o.Delegates, o.Owners, o.Usage = a.DelegateNotifyTo, a.Delegates, a.Owners, &u
	return o
}

// block prints an account as 'key: value' lines, with a blank line between two.
func (p *accountPrinter) block(f account.Found, u store.Usage) error {
	var b strings.Builder
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, ui.Sanitize(ui.Clip(value, cmdutil.MaxShown)))
		}
	}
	if p.count > 1 {
		b.WriteString("\n")
	}
	a := f.Account
	line("account", a.Mail())
	line("id", a.ID)
	line("kind", a.Kind.String())
	line("backend", f.Backend)
	line("state", stateOf(a))
	line("name", a.DisplayName)
	line("addresses", strings.Join(a.Addresses, " "))
	line("acl", a.SchedulingACL.String())
	line("attendanceflag", fmt.Sprint(a.Attendance))
	line("notifemail", flagWord(a.Notify))
	line("notifrecipients", strings.Join(a.NotifyTo, " "))
	line("delegate_notifaddr", strings.Join(a.DelegateNotifyTo, " "))
	line("delegates", personWords(a.Delegates))
	line("owners", personWords(a.Owners))
	line("calendars", fmt.Sprint(u.Calendars))
	line("components", fmt.Sprint(u.Components))
	line("bytes", fmt.Sprint(u.Bytes))
	line("subscriptions", fmt.Sprint(u.Subscriptions))
	line("follows", strings.Join(p.follows, " "))
	line("created", timeText(a.Created))
	line("changed", timeText(a.Changed))
	line("deleted", timeText(a.Deleted))
	_, err := io.WriteString(p.out, b.String())
	return err
}

func personWords(people []store.Person) string {
	words := make([]string, len(people))
	for i, p := range people {
		words[i] = p.Address
	}
	return strings.Join(words, " ")
}

// end prints what was kept back. An error that ended the listing goes first: what was
// printed is then a part, and no document says otherwise.
func (p *accountPrinter) end(err error) error {
	if err == nil {
		err = p.flush(context.Background())
	}
	if err != nil {
		return err
	}
	switch p.format {
	case ui.Table:
		if len(p.rows) == 0 {
			return nil
		}
		return ui.WriteTable(p.out, p.console.Streams.Width, p.header(), p.rows)
	case ui.CSV:
		if p.csv == nil {
			return ui.WriteCSV(p.out, p.header(), nil)
		}
		return p.csv.Flush()
	case ui.JSON:
		if p.all == nil {
			p.all = []any{}
		}
		return ui.WriteJSON(p.out, struct {
			Schema   string `json:"schema"`
			Accounts []any  `json:"accounts"`
		}{"davadmin.account.list.1", p.all})
	}
	return nil
}
