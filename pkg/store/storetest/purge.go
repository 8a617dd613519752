package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func purgeTests() []test {
	return []test{
		{"Purge", testPurge},
		{"PurgeAccount", testPurgeAccount},
		{"PurgeLimit", testPurgeLimit},
	}
}

// Purge removes only what was deleted before the given time.
func testPurge(s *env) {
	s.withContent("a") // contains a deleted calendar and a deleted component
	s.withContent("b")
	s.create(person("young"))
	first := s.home("a").Deletions[0].Deleted
	s.clock.advance(24 * time.Hour)
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.DeleteAccount(ctx, "young"); err != nil {
			return err
		}
		return w.DeleteComponent(ctx, "a", "work", "3.ics", store.Condition{})
	})
	before := s.everything()
	// What was deleted at exactly that time is kept.
	s.same(store.Purged{}, s.purgeBefore(first, 100), "purged")
	s.same(before, s.everything(), "after a purge that removes nothing")
	s.view(func(ctx context.Context, r store.Reader) error {
		listed, err := collect(r.ToPurge(ctx, s.home("young").Account.Deleted))
		for i := range listed {
			listed[i].Deleted = time.Time{}
		}
		s.same([]*store.ToPurge{{Account: "a", Address: "a@example.com", Calendar: "gone"}, {Account: "b", Address: "b@example.com", Calendar: "gone"}}, listed, "to purge")
		return err
	})
	got := s.purgeBefore(s.home("young").Account.Deleted, 100)
	// In each of a and b: the deleted calendar with two components and a deletion, and
	// a deletion in the other calendar.
	if got.Accounts != 0 || got.Calendars != 2 || got.Components != 8 {
		s.t.Errorf("purged %+v, want 2 calendars and 8 components", got)
	}
	after := s.everything()
	for id, h := range before {
		var calendars []*store.Calendar
		for _, c := range h.Calendars {
			if c.Deleted.IsZero() {
				calendars = append(calendars, c)
			}
		}
		h.Calendars = calendars
		var deletions []*store.Deletion
		for _, d := range h.Deletions {
			if d.Name == "3.ics" {
				deletions = append(deletions, d)
			}
		}
		h.Deletions = deletions
		before[id] = h
	}
	s.same(before, after, "after the purge")
	s.rejects(store.ErrNotFound, "restoring a purged calendar", func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", "gone") })
	s.rejects(store.ErrNotFound, "restoring a purged component", func(ctx context.Context, w store.Writer) error { return w.UndeleteComponent(ctx, "b", "work", "2.ics") })
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.UndeleteAccount(ctx, "young"); err != nil {
			return err
		}
		return w.UndeleteComponent(ctx, "a", "work", "3.ics")
	})
	got = s.purge()
	s.same(store.Purged{}, got, "purged when nothing is deleted")
}

// Nothing is left of a purged account, even for a new account with the same id.
func testPurgeAccount(s *env) {
	s.withContent("a")
	s.create(withHome("b"))
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.Subscribe(ctx, &store.Subscription{Account: "b", Owner: store.Person{ID: "a", Address: "a@example.com"}, Calendar: "work"}); err != nil {
			return err
		}
		return w.DeleteAccount(ctx, "a")
	})
	b := s.home("b")
	got := s.purge()
	// calendar, inbox, outbox, dropbox, work, gone; three resources in each of two.
	if got.Accounts != 1 || got.Calendars != 6 || got.Components != 6 {
		s.t.Errorf("purged %+v, want an account, 6 calendars and 6 components", got)
	}
	s.view(func(ctx context.Context, r store.Reader) error {
		_, err := r.Account(ctx, "a")
		s.wantClass(err, store.ErrNotFound, "a purged account")
		if found, err := r.DeletedByAddress(ctx, "a@example.com"); err != nil || len(found) > 0 {
			s.t.Errorf("deleted accounts with its address: %v, error %v", found, err)
		}
		for what, n := range map[string]func() (int, error){
			"calendars": func() (int, error) {
				x, err := collect(r.Calendars(ctx, "a", store.CalendarFilter{State: store.AnyState}))
				return len(x), err
			},
			"deletions":     func() (int, error) { x, err := collect(r.Deletions(ctx, "a")); return len(x), err },
			"subscriptions": func() (int, error) { x, err := r.Subscriptions(ctx, "a"); return len(x), err },
			"usage":         func() (int, error) { x, err := r.Usage(ctx, []string{"a"}); return len(x), err },
		} {
			if got, err := n(); got != 0 || err != nil {
				s.t.Errorf("%s of a purged account: %d, error %v", what, got, err)
			}
		}
		return nil
	})
	s.rejects(store.ErrNotFound, "restoring a purged account", func(ctx context.Context, w store.Writer) error { return w.UndeleteAccount(ctx, "a") })
	s.create(person("a"))
	h := s.home("a")
	if len(h.Calendars)+len(h.Deletions)+len(h.Subscriptions) > 0 || h.Usage != (store.Usage{}) {
		s.t.Errorf("the new account with the same id contains %+v", h)
	}
	h = s.home("b")
	h.Subscriptions, b.Subscriptions, h.Usage, b.Usage = nil, nil, store.Usage{}, store.Usage{} // not specified
	s.same(b, h, "the other account")
}

// The limit applies to each call, and repeated calls remove everything.
func testPurgeLimit(s *env) {
	const accounts, calendars, components, limit = 7, 5, 11, 3
	s.create(withHome("keep"))
	s.update(func(ctx context.Context, w store.Writer) error {
		for i := range accounts {
			id := fmt.Sprintf("account %d", i)
			if err := w.CreateAccount(ctx, person(id)); err != nil {
				return err
			}
			if err := w.DeleteAccount(ctx, id); err != nil {
				return err
			}
		}
		for i := range calendars {
			c := calendar("keep", fmt.Sprintf("calendar %d", i))
			if err := w.CreateCalendar(ctx, &c); err != nil {
				return err
			}
			if err := w.DeleteCalendar(ctx, "keep", c.Name); err != nil {
				return err
			}
		}
		for i := range components {
			m := event(fmt.Sprintf("component %d", i))
			if err := w.PutComponent(ctx, "keep", store.DefaultCalendar, m, store.Condition{}); err != nil {
				return err
			}
			if err := w.DeleteComponent(ctx, "keep", store.DefaultCalendar, m.Name, store.Condition{}); err != nil {
				return err
			}
		}
		return nil
	})
	s.clock.advance(time.Hour)
	var sum store.Purged
	for calls := 0; ; calls++ {
		var done store.Purged
		s.update(func(ctx context.Context, w store.Writer) (err error) {
			done, err = w.Purge(ctx, s.clock.Now(), limit)
			return err
		})
		if done.Accounts > limit || done.Calendars > limit || done.Components > limit {
			s.t.Errorf("one call removes %+v, the limit is %d", done, limit)
		}
		if sum.Add(done); done.None() {
			if calls < (components+limit-1)/limit {
				s.t.Errorf("%d calls removed everything", calls)
			}
			break
		}
	}
	s.same(store.Purged{Accounts: accounts, Calendars: calendars, Components: components}, sum, "total removed")
	if h := s.home("keep"); len(h.Calendars) != 4 || len(h.Deletions) > 0 {
		s.t.Errorf("the remaining account is %+v", h)
	}
}
