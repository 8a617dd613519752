package relational

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// Table is a table that contains rows of a new account.
type Table struct {
	Name    string
	Columns []string
}

// Insert returns the statement that inserts a row, with numbered parameters.
func (t Table) Insert() string {
	return t.insert(func(i int) string { return fmt.Sprintf("$%d", i+1) })
}

// InsertInOrder is like Insert, with parameters that are not numbered. For SQLite they
// are faster, because it looks up a number like a name, for each value of each row.
func (t Table) InsertInOrder() string { return t.insert(func(int) string { return "?" }) }

func (t Table) insert(place func(int) string) string {
	places := make([]string, len(t.Columns))
	for i := range places {
		places[i] = place(i)
	}
	return "INSERT INTO " + t.Name + " (" + strings.Join(t.Columns, ", ") + ") VALUES (" + strings.Join(places, ", ") + ")"
}

// Accounts returns the table of accounts. A new account has rows in Accounts,
// Addresses, Collections, ACEs and Representatives, which must be inserted in this order.
func Accounts() Table {
	return Table{"account", []string{"id", "folded", "kind", "mail", "addresses", "name", "attendance", "notify", "notify_to",
		"delegate_notify_to", "created", "changed", "deleted", "version", "next_number", "revision_base"}}
}

// Addresses returns the table of the addresses of active accounts.
func Addresses() Table { return Table{"address", []string{"address", "account"}} }

// Collections returns the table of collections.
func Collections() Table {
	return Table{"collection", []string{"account", "number", "name", "kind", "display_name", "description", "components", "colour", "sort_order",
		"time_zone", "transparent", "created", "changed", "deleted", "revision", "floor", "version", "incarnation"}}
}

// Prepare checks a new account and its collections and sets the fields that the
// store sets, with the stamp as the time. The error wraps a *store.InvalidError.
//
// The numbers of the collections start at the stamp of the account's creation. An
// account that is purged and created again therefore never reuses a number, and an
// old sync token is never mistaken for a new one.
func Prepare(a *store.NewAccount, backend string, stamp int64) error {
	acc := &a.Account
	acc.Backend, acc.Created, acc.Changed, acc.Version = backend, Time(stamp), Time(stamp), 1
	if err := acc.Check(); err != nil {
		return err
	}
	for i := range a.Calendars {
		c := &a.Calendars[i]
		for j := range a.Calendars[:i] {
			if a.Calendars[j].Name == c.Name {
				return &store.InvalidError{Field: "calendar", Value: c.Name, Reason: "is listed twice"}
			}
		}
		c.Account, c.Number, c.Created, c.Changed, c.Revision, c.Version = acc.ID, stamp+int64(i), Time(stamp), Time(stamp), 0, 1
		c.Incarnation = newIncarnation()
		if err := c.Check(); err != nil {
			return err
		}
	}
	return nil
}

// AccountRow returns the row in Accounts for a prepared account. The revisions of its home
// start at the stamp, too, and follow those of a purged account with the same id.
func AccountRow(a *store.NewAccount) []any {
	acc, stamp := &a.Account, Stamp(a.Account.Created)
	return []any{acc.ID, store.FoldID(acc.ID), int64(acc.Kind), acc.Mail(), lines(acc.Addresses), acc.DisplayName,
		int64(acc.Attendance), flag(acc.Notify), lines(acc.NotifyTo), lines(acc.DelegateNotifyTo), stamp, stamp, int64(0), int64(1), stamp + int64(len(a.Calendars)), stamp}
}

// AddressRow returns the row in Addresses for an address of an account.
func AddressRow(address, account string) []any { return []any{store.FoldAddress(address), account} }

// CollectionRow returns the row in Collections for a prepared collection.
func CollectionRow(c *store.Calendar) []any {
	stamp := Stamp(c.Created)
	return []any{c.Account, c.Number, c.Name, int64(c.Kind), c.DisplayName, c.Description, strings.Join(c.Components, " "), c.Colour, c.Order,
		c.TimeZone, flag(c.Transparent), stamp, stamp, int64(0), int64(0), int64(0), int64(1), c.Incarnation}
}

// lines joins words that contain no line feed.
func lines(words []string) string { return strings.Join(words, "\n") }

func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
