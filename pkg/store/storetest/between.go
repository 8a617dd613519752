package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func betweenTests() []test {
	return []test{
		{"ChangesDuringPurge", testChangesDuringPurge},
		{"DeletedDuringChange", testDeletedDuringChange},
		{"VersionsAfterFailure", testVersionsAfterFailure},
		{"OppositeCalendars", testOppositeCalendars},
		{"HomeRevisionOfNewAccount", testHomeRevisionOfNewAccount},
	}
}

// A list of changes in an update contains every deletion, also if those are purged while the
// update is running.
func testChangesDuringPurge(s *env) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	s.put("1", "2")
	f := s.follow(cal)
	f.wants("1", "2")
	s.remove("1")
	s.clock.advance(time.Hour)
	first, second := s.overlap(func(ctx context.Context, w store.Writer) error {
		_, err := w.Purge(ctx, s.clock.Now(), 10)
		return err
	}, func(ctx context.Context, w store.Writer) error {
		list, _, err := w.Changes(ctx, "a", cal, f.token, 0)
		if err != nil {
			return err
		}
		time.Sleep(300 * time.Millisecond) // the purge is committed
		changes, err := collect(list)
		if err == nil && len(changes) != 1 {
			s.t.Errorf("the changes are %+v, want a deletion", changes)
		}
		return err
	})
	if first != nil || second != nil && !errors.Is(second, store.ErrTokenOld) {
		s.t.Errorf("got errors %v and %v", first, second)
	}
}

// A component that is deleted while its properties or its state are changed is restored with
// what was changed.
func testDeletedDuringChange(s *env) {
	x := store.Property{PropertyName: store.PropertyName{Namespace: "x:", Local: "p"}, Value: "v"}
	at := store.PropertyPlace{Account: "a", Calendar: store.InboxName, Resource: "1"}
	s.create(withHome("a"))
	s.update(func(ctx context.Context, w store.Writer) error {
		m := event("1")
		m.Method = "REQUEST"
		return w.PutComponent(ctx, "a", store.InboxName, m, store.Condition{})
	})
	first, second := s.overlap(func(ctx context.Context, w store.Writer) error {
		return errors.Join(w.SetProperties(ctx, at, []store.PropertyChange{{Property: x}}), w.SetItemState(ctx, "a", store.InboxName, "1", store.Processed))
	}, func(ctx context.Context, w store.Writer) error {
		return w.DeleteComponent(ctx, "a", store.InboxName, "1", store.Condition{})
	})
	if err := errors.Join(first, second); err != nil {
		s.t.Fatal(err)
	}
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.UndeleteComponent(ctx, "a", store.InboxName, "1")
	})
	s.view(func(ctx context.Context, r store.Reader) error {
		m, err := r.Component(ctx, "a", store.InboxName, "1")
		if err != nil {
			return err
		}
		s.same(store.Processed, m.State, "the state of the restored component")
		got, err := r.Properties(ctx, at)
		s.same([]store.Property{x}, got, "the properties of the restored component")
		return err
	})
}

// The versions of an account and a calendar that the caller has are those that are stored,
// also after a transaction that failed or was run again.
func testVersionsAfterFailure(s *env) {
	s.create(withHome("a"), withHome("b"))
	account := s.home("b").Account
	c, err := s.calendarOf("b")
	if err != nil {
		s.t.Fatal(err)
	}
	both := func(ctx context.Context, w store.Writer) error {
		return errors.Join(w.UpdateAccount(ctx, account), w.UpdateCalendar(ctx, c), w.UpdateAccount(ctx, account))
	}
	fails := errors.New("failed")
	err = s.try(func(ctx context.Context, w store.Writer) error { return errors.Join(both(ctx, w), fails) })
	if !isOnly(err, fails) {
		s.t.Errorf("got error %v", err)
	}
	s.update(both)
	rename := func(ctx context.Context, w store.Writer) error {
		a, err := w.Account(ctx, "a")
		if err != nil {
			return err
		}
		return w.UpdateAccount(ctx, a)
	}
	runs := 0
	first, second := s.overlap(rename, func(ctx context.Context, w store.Writer) error {
		runs++
		return errors.Join(both(ctx, w), rename(ctx, w))
	})
	if first != nil || second != nil {
		s.t.Errorf("after %d runs: got errors %v and %v", runs, first, second)
	}
	s.same(s.home("b").Account.Version, account.Version, "the version of the account")
}

// Calendars that are moved in opposite directions at the same time, while others change
// them, arrive with everything, and the transactions do not wait for each other for ever.
func testOppositeCalendars(s *env) {
	const times = 4
	s.withWork()
	s.update(func(ctx context.Context, w store.Writer) error {
		c := calendar("b", "home")
		return w.CreateCalendar(ctx, &c)
	})
	ctx, handles := s.t.Context(), []store.Store{s.Store, s.open()}
	put := [2]int{}
	errs := concurrently(4, func(i int) error {
		name, owners := []string{"work", "home"}[i%2], []string{"a", "b"}
		for n := range 2 * times {
			account, to := owners[(i+n)%2], owners[(i+n+1)%2]
			err := handles[i%2].Update(ctx, func(ctx context.Context, w store.Writer) error {
				if i < 2 {
					return w.MoveCalendar(ctx, account, name, to, name)
				}
				return w.PutComponent(ctx, account, name, event(fmt.Sprint(n)), store.Condition{})
			})
			switch {
			case i >= 2 && err == nil:
				put[i-2]++
			case i >= 2 && errors.Is(err, store.ErrNotFound): // it is with the other one
			case err != nil:
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		s.t.Fatal(err)
	}
	a, b := s.home("a"), s.home("b")
	s.same(put, [2]int{len(a.Components["work"]), len(b.Components["home"])}, "components of the calendars")
	s.wantConsistent()
}

// The revision of a home is greater than that of a purged account with the same id: clients
// would take the new account for the former one.
func testHomeRevisionOfNewAccount(s *env) {
	revision := func() (n int64) {
		s.t.Helper()
		s.view(func(ctx context.Context, r store.Reader) (err error) {
			n, err = r.HomeRevision(ctx, "a")
			return err
		})
		return n
	}
	s.create(withHome("a"))
	s.put("1", "2", "3", "4", "5", "6", "7", "8", "9")
	was := revision()
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") })
	s.purge()
	s.create(withHome("a"))
	if is := revision(); is <= was {
		s.t.Errorf("the revision of the home was %d, that of the new account is %d", was, is)
	}
}
