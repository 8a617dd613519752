package account

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

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

// tryChanges changes something of each kind that a store contains: a database may have given
// the rights on some of its tables only.
func tryChanges(ctx context.Context, w store.Writer, id string) error {
	address := id + "@davadmin.invalid"
	a := &store.NewAccount{
		Account:   store.Account{ID: id, Kind: store.User, Addresses: []string{address}},
		Calendars: Collections("", []string{"VEVENT"}, nil),
	}
	c := &store.Component{Name: "try.ics", UID: id, Type: "VEVENT", Text: []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")}
	owner := store.Person{ID: id, Address: address}
	for _, step := range []func() error{
		func() error { return w.CreateAccount(ctx, a) },
		func() error { return w.PutComponent(ctx, id, store.DefaultCalendar, c, store.Condition{}) },
		func() error { return w.DeleteComponent(ctx, id, store.DefaultCalendar, c.Name, store.Condition{}) },
		func() error { return w.UndeleteComponent(ctx, id, store.DefaultCalendar, c.Name) },
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
