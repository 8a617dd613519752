package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func transactionTests() []test {
	return []test{
		{"Rollback", testRollback},
		{"Panic", testPanic},
		{"Cancelled", testCancelled},
		{"CancelledAnywhere", testCancelledAnywhere},
		{"CancelledTogether", testCancelledTogether},
		{"ReadOwnWrites", testReadOwnWrites},
		{"ChangeWhileListing", testChangeWhileListing},
		{"Snapshot", testSnapshot},
		{"Reopen", testReopen},
	}
}

// changeAll makes a change of every kind. The account a must have content, b must
// exist, and gone must have been deleted for more than an hour.
func changeAll(ctx context.Context, w store.Writer, now time.Time) error {
	a, err := w.Account(ctx, "a")
	if err != nil {
		return err
	}
	a.DisplayName, a.Addresses = "changed", []string{"changed@example.com"}
	c, err := w.Calendar(ctx, "a", store.DefaultCalendar)
	if err != nil {
		return err
	}
	c.Description = "changed"
	x := fullCalendar("a", "new")
	m := event("1.ics")
	m.Text = []byte("changed")
	_, err = w.Readdress(ctx, store.Person{ID: "owner", Address: "changed@example.org"})
	if err != nil {
		return err
	}
	_, err = w.Purge(ctx, now.Add(-time.Hour), 100)
	return errors.Join(err,
		w.UpdateAccount(ctx, a), w.DeleteAccount(ctx, "b"), w.CreateAccount(ctx, withHome("new")),
		w.UpdateCalendar(ctx, c), w.CreateCalendar(ctx, &x), w.DeleteCalendar(ctx, "a", store.DropboxName), w.UndeleteCalendar(ctx, "a", "gone"),
		w.PutComponent(ctx, "a", "work", m, store.Condition{}), w.PutComponent(ctx, "a", "new", event("n.ics"), store.Condition{}),
		w.DeleteComponent(ctx, "a", "work", "3.ics", store.Condition{}), w.UndeleteComponent(ctx, "a", "work", "2.ics"),
		w.Subscribe(ctx, &store.Subscription{Account: "a", Owner: store.Person{ID: "b", Address: "b@example.com"}, Calendar: "calendar"}),
		w.Unsubscribe(ctx, "a", "owner", "shared"))
}

// prepareChangeAll creates the accounts that changeAll expects.
func (s *env) prepareChangeAll() {
	s.t.Helper()
	s.create(withHome("gone"))
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
	s.clock.advance(2 * time.Hour)
	s.withContent("a")
	s.create(withHome("b"))
}

// An error of the function rolls everything back, and is returned unchanged.
func testRollback(s *env) {
	s.prepareChangeAll()
	before := s.everything()
	no := errors.New("no")
	err := s.try(func(ctx context.Context, w store.Writer) error {
		if err := changeAll(ctx, w, s.clock.Now()); err != nil {
			return err
		}
		return fmt.Errorf("wrapped: %w", no)
	})
	if !errors.Is(err, no) {
		s.t.Errorf("got error %v, want 'no'", err)
	}
	s.same(before, s.everything(), "after an error")
	s.update(func(ctx context.Context, w store.Writer) error { return changeAll(ctx, w, s.clock.Now()) })
	after := s.everything()
	if len(after) != 3 || after["a"].Account.DisplayName != "changed" || after["new"].Account == nil || after["b"].Account.Active() {
		s.t.Errorf("after the same changes without an error: %d accounts", len(after))
	}
	if err := s.View(s.t.Context(), func(context.Context, store.Reader) error { return no }); !errors.Is(err, no) {
		s.t.Errorf("a view returns the error %v", err)
	}
}

// A panic rolls everything back, reaches the caller, and the store can still be used.
func testPanic(s *env) {
	s.prepareChangeAll()
	before := s.everything()
	caught := func(run func() error) (value any) {
		defer func() { value = recover() }()
		err := run()
		return fmt.Sprintf("no panic, error %v", err)
	}
	for range 3 {
		got := caught(func() error {
			return s.try(func(ctx context.Context, w store.Writer) error {
				if err := changeAll(ctx, w, s.clock.Now()); err != nil {
					return err
				}
				panic("ouch")
			})
		})
		s.same(any("ouch"), got, "the panic in an update")
		got = caught(func() error {
			return s.View(s.t.Context(), func(ctx context.Context, r store.Reader) error {
				for _, err := range r.Accounts(s.t.Context(), store.AccountFilter{}) {
					if err == nil {
						panic("ouch")
					}
				}
				return errors.New("the listing is empty")
			})
		})
		s.same(any("ouch"), got, "the panic in a listing in a view")
	}
	s.same(before, s.everything(), "after a panic")
	s.update(func(ctx context.Context, w store.Writer) error { return changeAll(ctx, w, s.clock.Now()) })
}

// A cancelled or expired context rolls everything back.
func testCancelled(s *env) {
	s.prepareChangeAll()
	before := s.everything()
	ctx, cancel := context.WithCancel(s.t.Context())
	err := s.Update(ctx, func(ctx context.Context, w store.Writer) error {
		if err := changeAll(ctx, w, s.clock.Now()); err != nil {
			return err
		}
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		s.t.Errorf("an update with a context cancelled in it: got error %v", err)
	}
	s.same(before, s.everything(), "after the context was cancelled")
	for what, err := range map[string]error{
		"update": s.Update(ctx, func(ctx context.Context, w store.Writer) error { return w.CreateAccount(ctx, withHome("new")) }),
		"view":   s.View(ctx, func(ctx context.Context, r store.Reader) error { _, err := r.Account(ctx, "a"); return err }),
	} {
		if !errors.Is(err, context.Canceled) {
			s.t.Errorf("%s with a cancelled context: got error %v", what, err)
		}
	}
	ctx, cancel = context.WithTimeout(s.t.Context(), 50*time.Millisecond)
	defer cancel()
	err = s.Update(ctx, func(ctx context.Context, w store.Writer) error {
		if err := w.DeleteAccount(ctx, "a"); err != nil {
			return err
		}
		<-ctx.Done()
		return w.DeleteAccount(ctx, "b")
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		s.t.Errorf("an update with an expired context: got error %v", err)
	}
	s.same(before, s.everything(), "after the context expired")
	s.update(func(ctx context.Context, w store.Writer) error { return changeAll(ctx, w, s.clock.Now()) })
}

// A Writer sees its own changes. Others see them only after the commit.
func testReadOwnWrites(s *env) {
	s.prepareChangeAll()
	before := s.everything()
	var inside map[string]home
	s.update(func(ctx context.Context, w store.Writer) (err error) {
		if err := changeAll(ctx, w, s.clock.Now()); err != nil {
			return err
		}
		if inside, err = readAll(ctx, w); err != nil {
			return err
		}
		for address, want := range map[string]error{"changed@example.com": nil, "a@example.com": store.ErrNotFound, "b@example.com": store.ErrNotFound, "new@example.com": nil} {
			_, err := w.AccountByAddress(ctx, address)
			s.wantClass(err, want, "the address "+address+" in the transaction")
		}
		outside := make(chan map[string]home, 1)
		go func() {
			defer close(outside)
			var all map[string]home
			if err := s.View(s.t.Context(), func(ctx context.Context, r store.Reader) (err error) { all, err = readAll(ctx, r); return err }); err != nil {
				s.t.Errorf("a view during an update: %v", err)
			}
			outside <- all
		}()
		s.same(before, <-outside, "what others see before the commit")
		return nil
	})
	s.same(inside, s.everything(), "committed changes compared with what the transaction saw")
}

// A Reader sees the same state, even if something is committed meanwhile.
func testSnapshot(s *env) {
	s.prepareChangeAll()
	before := s.everything()
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	s.view(func(_ context.Context, r store.Reader) error {
		if _, err := r.Account(ctx, "a"); err != nil {
			return err
		}
		done := make(chan error, 1)
		go func() {
			done <- s.Update(ctx, func(ctx context.Context, w store.Writer) error { return changeAll(ctx, w, s.clock.Now()) })
		}()
		if err := <-done; err != nil {
			s.t.Errorf("an update during a view: %v", err)
		}
		for range 2 {
			got, err := readAll(ctx, r)
			if err != nil {
				return err
			}
			s.same(before, got, "what the view sees")
		}
		if n, err := r.CountAccounts(ctx, store.AccountFilter{}); err != nil || n != 2 {
			s.t.Errorf("the view counts %d accounts, error %v", n, err)
		}
		if _, err := r.AccountByAddress(ctx, "a@example.com"); err != nil {
			s.t.Errorf("the old address in the view: got error %v", err)
		}
		return nil
	})
	if got := s.everything(); got["a"].Account.DisplayName != "changed" {
		s.t.Errorf("a later view sees %+v", got["a"].Account)
	}
}

// Committed changes are visible through every handle that opens the store.
func testReopen(s *env) {
	s.prepareChangeAll()
	s.update(func(ctx context.Context, w store.Writer) error { return changeAll(ctx, w, s.clock.Now()) })
	want := s.everything()
	second := s.open() // two handles at once
	first := s.Store
	s.Store = second
	s.same(want, s.everything(), "what the second handle sees")
	s.create(person("created through the second handle"))
	s.Store = first
	if h := s.home("created through the second handle"); h.Account == nil {
		s.t.Error("the first handle does not see the account created through the second")
	}
	again, err := s.e.Open(s.t.Context(), s.where, Options{Backend: Backend, Now: s.clock.Now})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := again.Close(); err != nil {
		s.t.Errorf("close: %v", err)
	}
	if err := again.View(s.t.Context(), func(ctx context.Context, r store.Reader) error { _, err := r.Account(s.t.Context(), "a"); return err }); err == nil {
		s.t.Error("a closed store can be read")
	}
	if err := again.Update(s.t.Context(), func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(s.t.Context(), "a") }); err == nil {
		s.t.Error("a closed store can be changed")
	}
	s.home("a")
	if _, err := s.e.Open(s.t.Context(), s.where, Options{Backend: "other", Now: s.clock.Now}); !isOnly(err, store.ErrOtherBackend) {
		s.t.Errorf("opening for another back end: got error %v", err)
	}
}

// Nothing can be changed while a listing is being read, and the transaction can go on
// afterwards.
func testChangeWhileListing(s *env) {
	s.prepareChangeAll()
	before := s.everything()
	s.update(func(ctx context.Context, w store.Writer) error {
		seen := 0
		for _, err := range w.Components(ctx, "a", "work", store.ComponentFilter{}) {
			if err != nil {
				return err
			}
			seen++
			for what, err := range map[string]error{
				"put":    w.PutComponent(ctx, "a", "work", event(fmt.Sprintf("z%d.ics", seen)), store.Condition{}),
				"delete": w.DeleteAccount(ctx, "b"),
				"create": w.CreateAccount(ctx, person("new")),
			} {
				s.wantClass(err, store.ErrListing, what)
			}
		}
		if seen == 0 {
			s.t.Error("the listing is empty")
		}
		return nil
	})
	s.same(before, s.everything(), "after refused changes")
	s.update(func(ctx context.Context, w store.Writer) error {
		for _, err := range w.Accounts(ctx, store.AccountFilter{}) {
			if err != nil {
				return err
			}
			break // a listing also ends when its reader stops
		}
		return w.DeleteAccount(ctx, "b")
	})
}
