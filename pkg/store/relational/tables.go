package relational

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// Table is a table that accounts are loaded into.
type Table struct {
	Name    string
	Columns []string
}

// Insert is the statement that adds a row, with numbered places.
func (t Table) Insert() string {
	return t.insert(func(i int) string { return fmt.Sprintf("$%d", i+1) })
}

// InsertInOrder is Insert with places that have no numbers: SQLite looks a number
// up as a name, for each value of each row.
func (t Table) InsertInOrder() string { return t.insert(func(int) string { return "?" }) }

func (t Table) insert(place func(int) string) string {
	places := make([]string, len(t.Columns))
	for i := range places {
		places[i] = place(i)
	}
	return "INSERT INTO " + t.Name + " (" + strings.Join(t.Columns, ", ") + ") VALUES (" + strings.Join(places, ", ") + ")"
}

// Accounts is the table of accounts. A new account has rows in it, in Addresses
// and in Collections, and they are filled in this order.
func Accounts() Table {
	return Table{"account", []string{"id", "folded", "kind", "mail", "addresses", "name", "sched_acl", "attendance", "notify", "notify_to",
		"delegate_notify_to", "delegates", "owners", "created", "changed", "deleted", "version", "next_number"}}
}

// Addresses has a row for each address of an account that is not deleted.
func Addresses() Table { return Table{"address", []string{"address", "account"}} }

// Collections has a row for each collection.
func Collections() Table {
	return Table{"collection", []string{"account", "number", "name", "kind", "display_name", "description", "components", "acl", "colour", "sort_order",
		"time_zone", "transparent", "created", "changed", "deleted", "revision", "floor", "version"}}
}

// Prepare checks a new account and sets what the store sets in it and in its
// collections, dated with the stamp. The error is an *store.InvalidError.
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
				return &store.InvalidError{Field: "calendar", Value: c.Name, Reason: "is given twice"}
			}
		}
		c.Account, c.Number, c.Created, c.Changed, c.Revision, c.Version = acc.ID, stamp+int64(i), Time(stamp), Time(stamp), 0, 1
		if err := c.Check(); err != nil {
			return err
		}
	}
	return nil
}

// The collections of an account are numbered from its creation on: an account that
// was purged and is made again never has a number twice, and a sync token of
// before is not taken for one of after.

// AccountRow is the row of an account that was prepared, in Accounts.
func AccountRow(a *store.NewAccount) []any {
	acc, stamp := &a.Account, Stamp(a.Account.Created)
	return []any{acc.ID, store.FoldID(acc.ID), int64(acc.Kind), acc.Mail(), lines(acc.Addresses), acc.DisplayName, acc.SchedulingACL.Encode(),
		int64(acc.Attendance), flag(acc.Notify), lines(acc.NotifyTo), lines(acc.DelegateNotifyTo), store.EncodePeople(acc.Delegates),
		store.EncodePeople(acc.Owners), stamp, stamp, int64(0), int64(1), stamp + int64(len(a.Calendars))}
}

// AddressRow is the row of an address, in Addresses.
func AddressRow(address, account string) []any { return []any{store.FoldAddress(address), account} }

// CollectionRow is the row of a collection that was prepared, in Collections.
func CollectionRow(c *store.Calendar) []any {
	stamp := Stamp(c.Created)
	return []any{c.Account, c.Number, c.Name, int64(c.Kind), c.DisplayName, c.Description, strings.Join(c.Components, " "), c.ACL.Encode(), c.Colour, c.Order,
		c.TimeZone, flag(c.Transparent), stamp, stamp, int64(0), int64(0), int64(0), int64(1)}
}

// lines joins what holds no line feed.
func lines(words []string) string { return strings.Join(words, "\n") }

func splitLines(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
