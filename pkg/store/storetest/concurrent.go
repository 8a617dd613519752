package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/davadmin/davadmin/pkg/store"
)

func concurrencyTests() []test {
	return []test{
		{"ConcurrentUpdates", testConcurrentUpdates},
		{"ConcurrentCreates", testConcurrentCreates},
		{"ConcurrentComponents", testConcurrentComponents},
		{"ConcurrentFailures", testConcurrentFailures},
		{"Nested", testNested},
	}
}

// concurrently calls fn n times in goroutines and returns the errors.
func concurrently(n int, fn func(i int) error) []error {
	errs := make([]error, n)
	begin := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-begin
			errs[i] = fn(i)
		})
	}
	close(begin)
	wg.Wait()
	return errs
}

// No update is lost, whether through one handle or two.
func testConcurrentUpdates(s *env) {
	const writers, times = 8, 12
	s.create(withHome("a"))
	first := s.home("a").Account.Version
	handles := []store.Store{s.Store, s.open()}
	ctx := s.t.Context()
	stop := make(chan struct{})
	var watching sync.WaitGroup
	for _, h := range handles {
		watching.Go(func() { s.watch(h, stop) })
	}
	errs := concurrently(writers, func(i int) error {
		for range times {
			err := handles[i%2].Update(ctx, func(ctx context.Context, w store.Writer) error {
				a, err := w.Account(ctx, "a")
				if err != nil {
					return err
				}
				c, err := w.Calendar(ctx, "a", store.DefaultCalendar)
				if err != nil {
					return err
				}
				a.DisplayName += fmt.Sprintf(" %d", i)
				c.Description = a.DisplayName
				if err := w.UpdateAccount(ctx, a); err != nil {
					return err
				}
				return w.UpdateCalendar(ctx, c)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	close(stop)
	watching.Wait()
	if err := errors.Join(errs...); err != nil {
		s.t.Fatal(err)
	}
	h := s.home("a")
	words := strings.Fields(strings.TrimPrefix(h.Account.DisplayName, "Name of a"))
	for i := range writers {
		n := 0
		for _, w := range words {
			if w == fmt.Sprint(i) {
				n++
			}
		}
		if n != times {
			s.t.Errorf("found %d of %d updates of writer %d", n, times, i)
		}
	}
	if len(words) != writers*times || h.Account.Version < first+writers*times {
		s.t.Errorf("found %d updates; version %d follows %d", len(words), h.Account.Version, first)
	}
}

// watch reads until it is stopped, and expects that it never sees a part of an update.
func (s *env) watch(h store.Store, stop <-chan struct{}) {
	ctx := s.t.Context()
	for {
		select {
		case <-stop:
			return
		default:
		}
		err := h.View(ctx, func(ctx context.Context, r store.Reader) error {
			a, err := r.Account(ctx, "a")
			if err != nil {
				return err
			}
			c, err := r.Calendar(ctx, "a", store.DefaultCalendar)
			if err != nil {
				return err
			}
			if c.Description != "" && c.Description != a.DisplayName {
				return fmt.Errorf("the account has '%s', but the calendar has '%s'", a.DisplayName, c.Description)
			}
			return nil
		})
		if err != nil {
			s.t.Errorf("a view during updates: %v", err)
			return
		}
	}
}

// If several writers create the same account or use the same address, one succeeds.
func testConcurrentCreates(s *env) {
	const writers, rounds = 6, 8
	handles := []store.Store{s.Store, s.open()}
	ctx := s.t.Context()
	for round := range rounds {
		for what, made := range map[string]func(i int) *store.NewAccount{
			"account": func(i int) *store.NewAccount {
				return withHome(fmt.Sprintf("same %d", round), fmt.Sprintf("own-%d-%d@example.com", round, i))
			},
			"address": func(i int) *store.NewAccount {
				return withHome(fmt.Sprintf("own %d %d", round, i), fmt.Sprintf("first-%d-%d@example.com", round, i), fmt.Sprintf("Same%d@example.com", round))
			},
		} {
			errs := concurrently(writers, func(i int) error {
				return handles[i%2].Update(ctx, func(ctx context.Context, w store.Writer) error { return w.CreateAccount(ctx, made(i)) })
			})
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
					continue
				}
				var exists *store.ExistsError
				if !isOnly(err, store.ErrExists) || !errors.As(err, &exists) || exists.What != what {
					s.t.Errorf("a writer with the same %s: got error %v", what, err)
				}
			}
			if won != 1 {
				s.t.Errorf("%d writers succeeded with the same %s", won, what)
			}
		}
	}
	if n := len(s.everything()); n != 2*rounds {
		s.t.Errorf("%d accounts were created, want %d", n, 2*rounds)
	}
	for id, h := range s.everything() {
		if len(h.Calendars) != 4 {
			s.t.Errorf("'%s' has %d collections", id, len(h.Calendars))
		}
	}
}

// Each change of a collection has its own revision. If several writers create the same
// component with IfAbsent, one succeeds.
func testConcurrentComponents(s *env) {
	const writers, times = 6, 10
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	handles := []store.Store{s.Store, s.open()}
	ctx := s.t.Context()
	put := func(i int, m *store.Component, cond store.Condition) error {
		return handles[i%2].Update(ctx, func(ctx context.Context, w store.Writer) error {
			copied := *m
			return w.PutComponent(ctx, "a", cal, &copied, cond)
		})
	}
	won := make([]int, writers)
	errs := concurrently(writers, func(i int) error {
		for n := range times {
			if err := put(i, event(fmt.Sprintf("own %d %d", i, n)), store.Condition{}); err != nil {
				return err
			}
			err := put(i, event(fmt.Sprintf("same %d", n)), store.Condition{IfAbsent: true})
			if err == nil {
				won[i]++
			} else if !isOnly(err, store.ErrConflict) {
				return fmt.Errorf("creating an existing component: %w", err)
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		s.t.Fatal(err)
	}
	sum := 0
	for _, n := range won {
		sum += n
	}
	if sum != times {
		s.t.Errorf("%d components were created %d times", times, sum)
	}
	h := s.home("a")
	if len(h.Components[cal]) != writers*times+times || len(h.Changes[cal]) != len(h.Components[cal]) {
		s.t.Errorf("%d components, %d changes", len(h.Components[cal]), len(h.Changes[cal]))
	}
	revisions := map[int64]bool{}
	for _, m := range h.Components[cal] {
		revisions[m.Revision] = true
	}
	if len(revisions) != len(h.Components[cal]) {
		s.t.Errorf("%d components have %d revisions", len(h.Components[cal]), len(revisions))
	}
}

// A transaction inside another one of the same store fails at once, and the outer one
// continues. One of another store is allowed.
func testNested(s *env) {
	s.create(person("a"))
	other := s.open()
	inner := func(ctx context.Context, st store.Store) []error {
		return []error{
			st.View(ctx, func(ctx context.Context, r store.Reader) error { _, err := r.Account(ctx, "a"); return err }),
			st.Update(ctx, func(context.Context, store.Writer) error { return nil }),
		}
	}
	check := func(ctx context.Context, r store.Reader) error {
		for _, err := range inner(ctx, s.Store) {
			s.wantClass(err, store.ErrNested, "a transaction inside another one")
		}
		_, err := r.Account(ctx, "a")
		return err
	}
	ctx := s.t.Context()
	if err := s.View(ctx, check); err != nil {
		s.t.Errorf("a view after one inside it: %v", err)
	}
	err := s.Update(ctx, func(ctx context.Context, w store.Writer) error {
		if err := check(ctx, w); err != nil {
			return err
		}
		return w.DeleteAccount(ctx, "a")
	})
	if err != nil {
		s.t.Errorf("an update after a transaction inside it: %v", err)
	}
	err = s.View(ctx, func(ctx context.Context, _ store.Reader) error { return errors.Join(inner(ctx, other)...) })
	if err != nil {
		s.t.Errorf("transactions of another store: %v", err)
	}
}
