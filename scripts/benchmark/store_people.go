package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

const (
	sharingAccounts = 100_000
	sharingRuns     = 200
	sharingBound    = 2 * time.Millisecond
)

// sharer returns the person with a number.
func sharer(i int) store.Person {
	i %= sharingAccounts
	return store.Person{ID: fmt.Sprintf("p%06d", i), Address: fmt.Sprintf("p%06d@example.com", i)}
}

// sharing measures what concerns one person among many accounts, each of which shares its
// calendar with two others and has a delegate.
func (b *storeBench) sharing() (err error) {
	where, err := b.create("sharing")
	if err != nil {
		return err
	}
	s, err := b.open(where)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := b.fillSharing(s); err != nil {
		return err
	}
	serial := 0
	next := func() store.Person { // the calendars of the account before and the next one belong to others
		serial++
		return sharer(serial * 7919)
	}
	times, err := turns(sharingRuns,
		func() error { return wantSome(b.sharedWith(s, next().ID)) },
		func() error { return wantSome(b.actsFor(s, next().ID)) },
		func() error {
			p := next()
			p.Address = fmt.Sprintf("new%d@example.com", serial)
			return s.Update(b.ctx, func(ctx context.Context, w store.Writer) error { return wantSome(w.Readdress(ctx, p)) })
		})
	if err != nil {
		return err
	}
	for i, work := range []string{"what is shared with one", "for whom one acts", "readdress one, durable"} {
		took := median(times[i])
		b.row(fmt.Sprintf("%s among %d accounts", work, sharingAccounts), us(took), "", "", "at most 2 ms: "+met(took <= sharingBound))
	}
	return nil
}

// fillSharing creates the accounts with the bulk load of the store.
func (b *storeBench) fillSharing(s store.Store) error {
	loader, ok := s.(store.Loader)
	if !ok {
		return errors.New("the store does not load accounts")
	}
	const group = 5_000
	for from := 0; from < sharingAccounts; from += group {
		var accounts []*store.NewAccount
		for i := from; i < from+group; i++ {
			p := sharer(i)
			accounts = append(accounts, &store.NewAccount{
				Account: store.Account{ID: p.ID, Kind: store.User, Addresses: []string{p.Address}, Delegates: []store.Person{sharer(i + 10)}},
				Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"}, ACL: store.ACL{
					{Principal: store.Principal{Person: sharer(i + 1)}, Rights: "rw"}, {Principal: store.Principal{Person: sharer(i + 2)}, Rights: "r"},
				}}},
			})
		}
		if err := loader.Load(b.ctx, accounts); err != nil {
			return err
		}
	}
	return nil
}

// sharedWith counts the calendars that are shared with a person.
func (b *storeBench) sharedWith(s store.Store, id string) (n int, err error) {
	err = s.View(b.ctx, func(ctx context.Context, r store.Reader) error {
		for _, err := range r.SharedWith(ctx, id) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// actsFor counts the accounts for which a person acts.
func (b *storeBench) actsFor(s store.Store, id string) (n int, err error) {
	err = s.View(b.ctx, func(ctx context.Context, r store.Reader) error {
		for _, err := range r.ActsFor(ctx, id) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}
