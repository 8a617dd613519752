package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// person returns a new user account without collections. Its default address is
// derived from the id.
func person(id string, addresses ...string) *store.NewAccount {
	if len(addresses) == 0 {
		addresses = []string{strings.ReplaceAll(id, " ", "-") + "@example.com"}
	}
	return &store.NewAccount{Account: store.Account{ID: id, Kind: store.User, Addresses: addresses, DisplayName: "Name of " + id}}
}

// withHome returns a new user account with the usual collections.
func withHome(id string, addresses ...string) *store.NewAccount {
	a := person(id, addresses...)
	a.Account.SchedulingACL = store.ACL{{Principal: store.Principal{Everyone: true}, Rights: "s"}}
	a.Calendars = []store.Calendar{
		calendar("", store.DefaultCalendar),
		{Name: store.InboxName, Kind: store.Inbox, Components: []string{"VEVENT", "VTODO"}},
		{Name: store.OutboxName, Kind: store.Outbox, Components: []string{"VEVENT", "VTODO"}},
		{Name: store.DropboxName, Kind: store.Dropbox},
	}
	return a
}

// calendar returns a calendar that accepts events and tasks.
func calendar(account, name string) store.Calendar {
	return store.Calendar{
		Account: account, Name: name, Kind: store.PlainCalendar, DisplayName: "Calendar " + name, Components: []string{"VEVENT", "VTODO"},
		ACL: store.ACL{{Principal: store.Principal{Domain: "example.com"}, Rights: "r"}},
	}
}

// fullAccount returns an account with a value in every field.
func fullAccount(id, address string) store.Account {
	friend := func(n int) store.Person {
		return store.Person{ID: fmt.Sprintf("%s friend %d", id, n), Address: fmt.Sprintf("friend%d@example.org", n)}
	}
	return store.Account{
		ID: id, Kind: store.Resource, Addresses: []string{address, "second." + address, "third." + address}, DisplayName: "Room " + id,
		SchedulingACL: store.ACL{
			{Principal: store.Principal{Everyone: true}, Rights: "n"},
			{Principal: store.Principal{Domain: "example.com"}, Rights: "fs"},
			{Principal: store.Principal{Person: friend(1)}, Rights: "fsm"},
		},
		Attendance: store.AcceptAutomatically | store.RefuseRecurring, Notify: true, NotifyTo: []string{"a@example.net", "b@example.net"},
		DelegateNotifyTo: []string{"c@example.net"}, Delegates: []store.Person{friend(2), friend(3)}, Owners: []store.Person{friend(4)},
	}
}

// fullCalendar returns a calendar with a value in every field.
func fullCalendar(account, name string) store.Calendar {
	return store.Calendar{
		Account: account, Name: name, Kind: store.PlainCalendar, DisplayName: "Shown as " + name, Description: "For " + name,
		Components: []string{"VTODO", "VEVENT", "VJOURNAL"},
		ACL: store.ACL{
			{Principal: store.Principal{Person: store.Person{ID: "reader", Address: "reader@example.com"}}, Rights: "r"},
			{Principal: store.Principal{Everyone: true}, Rights: "n"},
		},
		Colour: "#aBcDeF80", Order: -7, TimeZone: "Europe/Berlin", Transparent: true,
	}
}

// event returns an event. Its UID is derived from the resource name.
func event(name string) *store.Component {
	start := time.Date(2026, time.April, 1, 10, 0, 0, 0, time.UTC)
	return &store.Component{
		Name: name, UID: "uid-" + name, Type: "VEVENT", Start: start, End: start.Add(time.Hour),
		Text: []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:uid-" + name + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"),
	}
}

// clone returns a copy, because an engine writes to the accounts that it is given.
func clone(a *store.NewAccount) *store.NewAccount {
	c := &store.NewAccount{Account: *a.Account.Clone()}
	for i := range a.Calendars {
		c.Calendars = append(c.Calendars, *a.Calendars[i].Clone())
	}
	return c
}
