package storetest

import (
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
	}
}

// at once runs n functions, and returns their errors.
func atOnce(n int, fn func(i int) error) []error {
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

// No update is lost, through one handle or two.
func testConcurrentUpdates(s *scene) {
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
	errs := atOnce(writers, func(i int) error {
		for range times {
			err := handles[i%2].Update(ctx, func(w store.Writer) error {
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
			s.t.Errorf("%d of %d updates of writer %d are there", n, times, i)
		}
	}
	if len(words) != writers*times || h.Account.Version < first+writers*times {
		s.t.Errorf("%d updates, version %d after %d", len(words), h.Account.Version, first)
	}
}

// watch reads until it is stopped, and expects never to see the half of an
// update.
func (s *scene) watch(h store.Store, stop <-chan struct{}) {
	ctx := s.t.Context()
	for {
		select {
		case <-stop:
			return
		default:
		}
		err := h.View(ctx, func(r store.Reader) error {
			a, err := r.Account(ctx, "a")
			if err != nil {
				return err
			}
			c, err := r.Calendar(ctx, "a", store.DefaultCalendar)
			if err != nil {
				return err
			}
			if c.Description != "" && c.Description != a.DisplayName {
				return fmt.Errorf("half an update: '%s', '%s'", a.DisplayName, c.Description)
			}
			return nil
		})
		if err != nil {
			s.t.Errorf("a view beside updates: %v", err)
			return
		}
	}
}

// Of several who make the same account, or take the same address, one wins.
func testConcurrentCreates(s *scene) {
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
			errs := atOnce(writers, func(i int) error {
				return handles[i%2].Update(ctx, func(w store.Writer) error { return w.CreateAccount(ctx, made(i)) })
			})
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
					continue
				}
				var exists *store.ExistsError
				if !isOnly(err, store.ErrExists) || !errors.As(err, &exists) || exists.What != what {
					s.t.Errorf("who comes too late with the same %s gets %v", what, err)
				}
			}
			if won != 1 {
				s.t.Errorf("%d have made the same %s", won, what)
			}
		}
	}
	if n := len(s.everything()); n != 2*rounds {
		s.t.Errorf("%d accounts were made, want %d", n, 2*rounds)
	}
	for id, h := range s.everything() {
		if len(h.Calendars) != 4 {
			s.t.Errorf("'%s' has %d collections", id, len(h.Calendars))
		}
	}
}

// Each change of a collection has a revision of its own, and of several who make
// what must not be there one wins.
func testConcurrentComponents(s *scene) {
	const writers, times = 6, 10
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	handles := []store.Store{s.Store, s.open()}
	ctx := s.t.Context()
	put := func(i int, m *store.Component, cond store.Condition) error {
		return handles[i%2].Update(ctx, func(w store.Writer) error {
			copied := *m
			return w.PutComponent(ctx, "a", cal, &copied, cond)
		})
	}
	won := make([]int, writers)
	errs := atOnce(writers, func(i int) error {
		for n := range times {
			if err := put(i, event(fmt.Sprintf("own %d %d", i, n)), store.Condition{}); err != nil {
				return err
			}
			err := put(i, event(fmt.Sprintf("same %d", n)), store.Condition{IfAbsent: true})
			if err == nil {
				won[i]++
			} else if !isOnly(err, store.ErrConflict) {
				return fmt.Errorf("what is there already: %w", err)
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
		s.t.Errorf("%d resources were made %d times", times, sum)
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
