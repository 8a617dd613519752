package account

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/store"
)

// errTried rolls back the transaction of TryChange.
var errTried = errors.New("the change was only tried")

// TryChange finds out whether a store accepts changes to all that it contains: it creates an
// account with a random id and an address in a domain that cannot exist (RFC 2606), changes its
// calendar and deletes it, in a transaction that is rolled back, so nothing changes and nobody
// else can see it. The error is that of the store, such as ErrReadOnly, ErrDenied, ErrFull or
// ErrLocked.
func TryChange(ctx context.Context, st store.Store) error {
	id := "davadmin-try-" + strings.ToLower(rand.Text())
	err := st.Update(ctx, func(ctx context.Context, w store.Writer) error {
		if err := tryChanges(ctx, w, id); err != nil {
			return err
		}
		return errTried
	})
	if errors.Is(err, errTried) {
		return nil
	}
	return err
}

// tryEvent is the beginning of the event that TryChange puts, up to its UID.
const tryEvent = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//davadmin//try//EN\r\nBEGIN:VEVENT\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nUID:"

// tryChanges changes something of each kind that a store contains: a database may have given
// the rights on some of its tables only.
func tryChanges(ctx context.Context, w store.Writer, id string) error {
	address := id + "@davadmin.invalid"
	a := &store.NewAccount{
		Account:   store.Account{ID: id, Kind: store.User, Addresses: []string{address}},
		Calendars: Collections("", []string{"VEVENT"}, nil),
	}
	at := store.Place{Account: id, Calendar: store.DefaultCalendar, Name: "try.ics"}
	event, err := calobj.Parse([]byte(tryEvent+id+"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"), calobj.Options{})
	if err != nil {
		return err
	}
	owner := store.Person{ID: id, Address: address}
	for _, step := range []func() error{
		func() error { return w.CreateAccount(ctx, a) },
		func() error {
			_, err := calobj.Put(ctx, w, at, event, calobj.PutOptions{})
			return err
		},
		func() error { return w.DeleteComponent(ctx, id, at.Calendar, at.Name, store.Condition{}) },
		func() error { return w.UndeleteComponent(ctx, id, at.Calendar, at.Name) },
		func() error {
			return w.Subscribe(ctx, &store.Subscription{Account: id, Owner: owner, Calendar: store.DefaultCalendar})
		},
		func() error { return w.Unsubscribe(ctx, id, id, store.DefaultCalendar) },
		func() error { return w.DeleteCalendar(ctx, id, store.DefaultCalendar) },
		func() error { return w.DeleteAccount(ctx, id) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
