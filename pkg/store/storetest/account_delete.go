package storetest

import (
	"context"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// withContent creates an account with content of every kind, some of it deleted.
func (s *env) withContent(id string) {
	s.t.Helper()
	s.create(withHome(id))
	s.update(func(ctx context.Context, w store.Writer) error {
		for _, name := range []string{"work", "gone"} {
			c := fullCalendar(id, name)
			if err := w.CreateCalendar(ctx, &c); err != nil {
				return err
			}
			for _, resource := range []string{"1.ics", "2.ics", "3.ics"} {
				if err := w.PutComponent(ctx, id, name, event(resource), store.Condition{}); err != nil {
					return err
				}
			}
			if err := w.DeleteComponent(ctx, id, name, "2.ics", store.Condition{}); err != nil {
				return err
			}
		}
		if err := w.DeleteCalendar(ctx, id, "gone"); err != nil {
			return err
		}
		return w.Subscribe(ctx, &store.Subscription{Account: id, Owner: store.Person{ID: "owner", Address: "owner@example.com"}, Calendar: "shared"})
	})
}

// The content of a deleted account can be found only through the account.
func testAccountDelete(s *env) {
	s.withContent("a")
	s.create(person("b"))
	before := s.home("a").Account
	s.clock.advance(time.Hour)
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") })
	deleted := s.clock.stamp()
	got := s.home("a").Account
	if got.Version <= before.Version {
		s.t.Errorf("version %d follows %d", got.Version, before.Version)
	}
	if got.Active() || !got.Deleted.Equal(deleted) {
		s.t.Errorf("deleted at %v, want %v", got.Deleted, deleted)
	}
	s.dated(got.Deleted, "the time of the deletion")
	got.Version, got.Changed, got.Deleted = before.Version, before.Changed, time.Time{}
	s.same(before, got, "the deleted account")
	s.view(func(ctx context.Context, r store.Reader) error {
		_, err := r.AccountByAddress(ctx, "a@example.com")
		s.wantClass(err, store.ErrNotFound, "the address of a deleted account")
		if found, err := r.AccountByFoldedID(ctx, "A"); err != nil || found.ID != "a" {
			s.t.Errorf("in another letter case: got %+v, error %v", found, err)
		}
		return nil
	})
	s.rejects(store.ErrDeleted, "deleting a deleted account", func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") })
	s.rejects(store.ErrNotFound, "deleting an unknown account", func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "A") })
	s.rejects(store.ErrDeleted, "creating a calendar in a deleted account", func(ctx context.Context, w store.Writer) error {
		c := calendar("a", "new")
		return w.CreateCalendar(ctx, &c)
	})
	for what, change := range map[string]func(ctx context.Context, w store.Writer) error{
		"creating a component": func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "a", "work", event("4.ics"), store.Condition{})
		},
		"deleting a component": func(ctx context.Context, w store.Writer) error {
			return w.DeleteComponent(ctx, "a", "work", "1.ics", store.Condition{})
		},
		"deleting a calendar":   func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "work") },
		"restoring a calendar":  func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", "gone") },
		"restoring a component": func(ctx context.Context, w store.Writer) error { return w.UndeleteComponent(ctx, "a", "work", "2.ics") },
		"subscribing": func(ctx context.Context, w store.Writer) error {
			return w.Subscribe(ctx, &store.Subscription{Account: "a", Owner: store.Person{ID: "b", Address: "b@example.com"}, Calendar: "calendar"})
		},
	} {
		s.rejectsAny(what+" in a deleted account", change, store.ErrDeleted, store.ErrNotFound)
	}
	s.create(person("c", "A@example.com")) // the address is available
}

// rejectsAny is rejects for a change whose error may be of one of several classes.
func (s *env) rejectsAny(what string, fn func(ctx context.Context, w store.Writer) error, classes ...error) {
	s.t.Helper()
	var err error
	_ = s.try(func(ctx context.Context, w store.Writer) error {
		err = fn(ctx, w)
		return context.Canceled // always rolled back
	})
	for _, class := range classes {
		if isOnly(err, class) {
			s.rejects(class, what, fn)
			return
		}
	}
	s.t.Errorf("%s: got error %v, want one of %v", what, err, classes)
}

// An account is restored with all its content. What was deleted before stays deleted.
func testAccountUndelete(s *env) {
	s.withContent("a")
	before := s.home("a")
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") })
	s.clock.advance(30 * 24 * time.Hour)
	s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteAccount(ctx, "a") })
	after := s.home("a")
	if after.Account.Version <= before.Account.Version+1 {
		s.t.Errorf("version %d after deleting and restoring follows %d", after.Account.Version, before.Account.Version)
	}
	after.Account.Version, after.Account.Changed = before.Account.Version, before.Account.Changed
	s.same(before, after, "the restored account")
	s.view(func(ctx context.Context, r store.Reader) error {
		a, err := r.AccountByAddress(ctx, "A@example.com")
		if err == nil && a.ID != "a" {
			s.t.Errorf("the address belongs to %s", a.ID)
		}
		return err
	})
	s.rejects(store.ErrExists, "creating an account with the address of a restored account", func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(ctx, person("b", "a@example.com"))
	})
	s.rejects(store.ErrConflict, "restoring an active account", func(ctx context.Context, w store.Writer) error { return w.UndeleteAccount(ctx, "a") })
	s.rejects(store.ErrNotFound, "restoring an unknown account", func(ctx context.Context, w store.Writer) error { return w.UndeleteAccount(ctx, "b") })
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.UndeleteCalendar(ctx, "a", "gone"); err != nil {
			return err
		}
		return w.UndeleteComponent(ctx, "a", "work", "2.ics")
	})
}

// An account cannot be restored while one of its addresses belongs to another account.
func testAccountUndeleteTaken(s *env) {
	s.create(withHome("a", "a@example.com", "second@example.com"))
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") })
	s.create(person("b", "b@example.com", "SECOND@example.com"))
	s.rejects(store.ErrExists, "restoring an account whose address is in use", func(ctx context.Context, w store.Writer) error {
		err := w.UndeleteAccount(ctx, "a")
		s.wantExists(err, "address", "b")
		return err
	})
	s.view(func(ctx context.Context, r store.Reader) error {
		_, err := r.AccountByAddress(ctx, "a@example.com")
		s.wantClass(err, store.ErrNotFound, "the other address of the deleted account")
		return nil
	})
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.DeleteAccount(ctx, "b"); err != nil {
			return err
		}
		return w.UndeleteAccount(ctx, "a")
	})
	s.rejects(store.ErrExists, "restoring the other account", func(ctx context.Context, w store.Writer) error {
		err := w.UndeleteAccount(ctx, "b")
		s.wantExists(err, "address", "a")
		return err
	})
}

// Deleted accounts are found by each of their former addresses, the last deleted first.
func testDeletedByAddress(s *env) {
	for _, id := range []string{"first", "second", "third"} {
		s.create(person(id, id+"@example.com", "Shared@example.com", "x"+id+"shared@example.com"))
		s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, id) })
	}
	s.create(person("now", "shared@example.com"))
	for _, c := range []struct {
		address string
		want    []string
	}{
		{"shared@example.com", []string{"third", "second", "first"}},
		{"SHARED@EXAMPLE.COM", []string{"third", "second", "first"}},
		{"Second@example.com", []string{"second"}},
		{"xsecondshared@example.com", []string{"second"}},
		{"hared@example.com", nil},
		{"%@example.com", nil},
		{"share_@example.com", nil},
		{"shared@example.com\nx", nil},
		{"", nil},
		{"\xff@example.com", nil},
		{"a\x00@example.com", nil},
	} {
		s.view(func(ctx context.Context, r store.Reader) error {
			var got []string
			found, err := r.DeletedByAddress(ctx, c.address)
			for _, a := range found {
				got = append(got, a.ID)
				if a.Active() {
					s.t.Errorf("%s is not deleted", a.ID)
				}
			}
			s.same(c.want, got, "deleted accounts with the address "+c.address)
			return err
		})
	}
}
