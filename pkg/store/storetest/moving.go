package storetest

import (
	"context"
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
)

func movingTests() []test {
	return []test{
		{"MoveComponent", testMoveComponent},
		{"MoveComponentRejected", testMoveComponentRejected},
		{"MoveComponentReplace", testMoveComponentReplace},
		{"RenameCalendar", testRenameCalendar},
		{"MoveCalendar", testMoveCalendar},
		{"MoveCalendarRejected", testMoveCalendarRejected},
		{"HomeRevision", testHomeRevision},
		{"OppositeMoves", testOppositeMoves},
	}
}

// place returns the place of a resource of account a.
func place(calendar, name string) store.Place {
	return store.Place{Account: "a", Calendar: calendar, Name: name}
}

// moveComponent moves a component in a transaction of its own.
func (s *env) moveComponent(from, to store.Place, replace bool) {
	s.t.Helper()
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.MoveComponent(ctx, from, to, replace, store.Condition{})
	})
}

// withWork creates the accounts a and b; a has a second calendar with the name work.
func (s *env) withWork() {
	s.t.Helper()
	s.create(withHome("a"), withHome("b"))
	s.update(func(ctx context.Context, w store.Writer) error {
		c := calendar("a", "work")
		return w.CreateCalendar(ctx, &c)
	})
}

// A moved component is the same as before, and those who synchronise either collection
// hear about it.
func testMoveComponent(s *env) {
	const cal = store.DefaultCalendar
	s.withWork()
	s.put("1", "2")
	was := s.home("a").Components[cal][0]
	one, work := s.follow(cal), s.follow("work")
	one.wants("1", "2")
	work.wants()
	s.moveComponent(place(cal, "1"), place("work", "moved"), false)
	one.wants("-1")
	work.wants("moved")
	got := s.home("a").Components["work"][0]
	was.Name, was.Revision = "moved", got.Revision
	s.same(was, got, "the moved component")
	s.same([]*store.Deletion(nil), s.home("a").Deletions, "what can be restored")
	s.rejects(store.ErrNotFound, "restoring what was moved away", func(ctx context.Context, w store.Writer) error { return w.UndeleteComponent(ctx, "a", cal, "1") })
	s.moveComponent(place("work", "moved"), place("work", "again"), false) // in the same collection
	work.wants("-moved", "again")
	s.moveComponent(place("work", "again"), place(cal, "1"), false)
	one.wants("1")
	work.wants("-again")
	s.moveComponent(place(cal, "1"), store.Place{Account: "b", Calendar: cal, Name: "1"}, false)
	one.wants("-1")
	if got := s.home("b").Components[cal]; len(got) != 1 || string(got[0].Text) != string(was.Text) {
		s.t.Errorf("the other account has %+v", got)
	}
	// The traces are purged; nothing that could be restored is.
	if got := s.purge(); got != (store.Purged{Traces: 4}) {
		s.t.Errorf("purged %+v", got)
	}
	s.view(func(ctx context.Context, r store.Reader) error {
		_, _, err := r.Changes(ctx, "a", "work", store.Token{}, 0)
		return err
	})
}

// A move that is rejected changes nothing.
func testMoveComponentRejected(s *env) {
	const cal = store.DefaultCalendar
	s.withWork()
	s.put("1", "2")
	s.update(func(ctx context.Context, w store.Writer) error {
		todo := store.Calendar{Account: "a", Name: "todo", Kind: store.PlainCalendar, Components: []string{"VTODO"}}
		if err := w.CreateCalendar(ctx, &todo); err != nil {
			return err
		}
		if err := w.DeleteAccount(ctx, "b"); err != nil {
			return err
		}
		return w.PutComponent(ctx, "a", "work", event("2"), store.Condition{})
	})
	b := store.Place{Account: "b", Calendar: cal, Name: "1"}
	for what, c := range map[string]struct {
		class    error
		from, to store.Place
		cond     store.Condition
	}{
		"to its own place":               {store.ErrInvalid, place(cal, "1"), place(cal, "1"), store.Condition{}},
		"of nothing":                     {store.ErrNotFound, place(cal, "none"), place("work", "1"), store.Condition{}},
		"to an unknown calendar":         {store.ErrNotFound, place(cal, "1"), place("none", "1"), store.Condition{}},
		"from an unknown calendar":       {store.ErrNotFound, place("none", "1"), place("work", "1"), store.Condition{}},
		"to a deleted account":           {store.ErrDeleted, place(cal, "1"), b, store.Condition{}},
		"to a name that is taken":        {store.ErrExists, place(cal, "1"), place("work", "2"), store.Condition{}},
		"to a calendar with its UID":     {store.ErrExists, place(cal, "2"), place("work", "other"), store.Condition{}},
		"of an event to a task list":     {store.ErrInvalid, place(cal, "1"), place("todo", "1"), store.Condition{}},
		"of an event to the inbox":       {store.ErrInvalid, place(cal, "1"), place(store.InboxName, "1"), store.Condition{}},
		"to an invalid name":             {store.ErrInvalid, place(cal, "1"), place("work", "a/b"), store.Condition{}},
		"with another ETag":              {store.ErrConflict, place(cal, "1"), place("work", "1"), store.Condition{IfETag: "x"}},
		"in one calendar, name is taken": {store.ErrExists, place(cal, "1"), place(cal, "2"), store.Condition{}},
	} {
		s.rejects(c.class, "a move "+what, func(ctx context.Context, w store.Writer) error {
			return w.MoveComponent(ctx, c.from, c.to, false, c.cond)
		})
	}
}

// A component that is replaced by a move can be restored.
func testMoveComponentReplace(s *env) {
	const cal = store.DefaultCalendar
	s.withWork()
	s.put("1", "2")
	work := s.follow("work")
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.PutComponent(ctx, "a", "work", event("1"), store.Condition{}) // with the same UID
	})
	work.wants("1")
	s.moveComponent(place(cal, "1"), place("work", "1"), true)
	work.wants("1")
	s.moveComponent(place(cal, "2"), place("work", "1"), true)
	work.wants("1")
	h := s.home("a")
	if len(h.Components[cal]) != 0 || len(h.Components["work"]) != 1 || len(h.Deletions) != 2 {
		s.t.Errorf("got %+v, want one component and two deletions", h)
	}
	s.put("1", "2")
	one := s.follow(cal)
	one.wants("1", "2")
	s.moveComponent(place(cal, "1"), place(cal, "2"), true)
	one.wants("-1", "2")
	s.moveComponent(place(cal, "2"), place(cal, "1"), true)
	s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteComponent(ctx, "a", cal, "2") })
	one.wants("1", "2")
}

// A renamed calendar keeps its content, its sync tokens and its subscribers.
func testRenameCalendar(s *env) {
	s.withWork()
	s.update(func(ctx context.Context, w store.Writer) error {
		for _, name := range []string{"work", "new"} {
			x := store.Subscription{Account: "b", Owner: store.Person{ID: "a", Address: "a@example.com"}, Calendar: name}
			if err := w.Subscribe(ctx, &x); err != nil {
				return err
			}
		}
		return w.PutComponent(ctx, "a", "work", event("1"), store.Condition{})
	})
	work := s.follow("work")
	work.wants("1")
	was := s.home("a")
	rename := func(name, to string) change {
		return func(ctx context.Context, w store.Writer) error { return w.RenameCalendar(ctx, "a", name, to) }
	}
	s.update(rename("work", "new"))
	got := s.home("a")
	s.same(was.Components["work"], got.Components["new"], "the content")
	if _, there := got.Components["work"]; there {
		s.t.Error("the former name is still there")
	}
	work.name = "new"
	work.wants()
	if all := s.home("b").Subscriptions; len(all) != 1 || all[0].Calendar != "new" {
		s.t.Errorf("the subscriptions are %+v", all)
	}
	for what, c := range map[string]struct {
		class    error
		name, to string
	}{
		"unknown":         {store.ErrNotFound, "work", "other"},
		"name is taken":   {store.ErrExists, "new", store.DefaultCalendar},
		"the same name":   {store.ErrExists, "new", "new"},
		"an invalid name": {store.ErrInvalid, "new", "a/b"},
		"the inbox":       {store.ErrInvalid, store.InboxName, "other"},
		"the dropbox":     {store.ErrInvalid, store.DropboxName, "other"},
	} {
		s.rejects(c.class, "renaming a calendar: "+what, rename(c.name, c.to))
	}
	// What takes the former name is another calendar.
	s.update(func(ctx context.Context, w store.Writer) error {
		c := calendar("a", "work")
		return w.CreateCalendar(ctx, &c)
	})
	s.expired("a", "work", work.token, "the token of a renamed calendar for another one with its former name")
}

// expired checks that a calendar does not take a token.
func (s *env) expired(account, calendar string, t store.Token, what string) {
	s.t.Helper()
	s.view(func(ctx context.Context, r store.Reader) error {
		_, _, err := r.Changes(ctx, account, calendar, t, 0)
		s.wantClass(err, store.ErrTokenOld, what)
		return nil
	})
}

// A calendar moves to another account with all that it contains.
func testMoveCalendar(s *env) {
	s.withWork()
	s.create(withHome("c"))
	s.update(func(ctx context.Context, w store.Writer) error {
		for _, id := range []string{"b", "c"} {
			x := store.Subscription{Account: id, Owner: store.Person{ID: "a", Address: "a@example.com"}, Calendar: "work"}
			if err := w.Subscribe(ctx, &x); err != nil {
				return err
			}
		}
		for _, name := range []string{"1", "2"} {
			if err := w.PutComponent(ctx, "a", "work", event(name), store.Condition{}); err != nil {
				return err
			}
		}
		return w.DeleteComponent(ctx, "a", "work", "2", store.Condition{})
	})
	work := s.follow("work")
	work.wants("1")
	was := s.home("a")
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.MoveCalendar(ctx, "a", "work", "b", "from a")
	})
	a, b := s.home("a"), s.home("b")
	if len(a.Calendars) != 4 || len(a.Deletions) != 0 || len(b.Calendars) != 5 || len(b.Deletions) != 1 {
		s.t.Errorf("the former owner has %+v, the new one %+v", a, b)
	}
	s.same(was.Components["work"], b.Components["from a"], "the content")
	s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteComponent(ctx, "b", "from a", "2") })
	if len(b.Subscriptions) != 0 {
		s.t.Errorf("the new owner subscribes to %+v", b.Subscriptions)
	}
	if all := s.home("c").Subscriptions; len(all) != 1 || all[0].Owner != (store.Person{ID: "b", Address: "b@example.com"}) || all[0].Calendar != "from a" {
		s.t.Errorf("the subscriptions of another account are %+v", all)
	}
	s.expired("b", "from a", work.token, "a token of before the move")
	// Back again it is another one, too.
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.MoveCalendar(ctx, "b", "from a", "a", "work")
	})
	s.expired("a", "work", work.token, "a token of before two moves")
}

func testMoveCalendarRejected(s *env) {
	s.withWork()
	s.create(withHome("gone"))
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
	for what, c := range map[string]struct {
		class              error
		name, account, too string
	}{
		"unknown calendar": {store.ErrNotFound, "none", "b", "work"},
		"unknown account":  {store.ErrNotFound, "work", "none", "work"},
		"deleted account":  {store.ErrDeleted, "work", "gone", "work"},
		"name is taken":    {store.ErrExists, "work", "b", store.DefaultCalendar},
		"the same account": {store.ErrInvalid, "work", "a", "other"},
		"the outbox":       {store.ErrInvalid, store.OutboxName, "b", "other"},
		"an invalid name":  {store.ErrInvalid, "work", "b", ".."},
	} {
		s.rejects(c.class, "moving a calendar: "+what, func(ctx context.Context, w store.Writer) error {
			return w.MoveCalendar(ctx, "a", c.name, c.account, c.too)
		})
	}
}

// homeChange is a change of the home of account a.
type homeChange struct {
	what string
	do   change
}

// homeChanges returns changes of each kind, in the order in which they are possible.
func (s *env) homeChanges() []homeChange {
	sub := store.Subscription{Account: "a", Owner: store.Person{ID: "b", Address: "b@example.com"}, Calendar: "calendar"}
	return []homeChange{
		{"a new component", func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "a", "work", event("1"), store.Condition{})
		}},
		{"a moved component", func(ctx context.Context, w store.Writer) error {
			return w.MoveComponent(ctx, place("work", "1"), place(store.DefaultCalendar, "1"), false, store.Condition{})
		}},
		{"a deleted component", func(ctx context.Context, w store.Writer) error {
			return w.DeleteComponent(ctx, "a", store.DefaultCalendar, "1", store.Condition{})
		}},
		{"a renamed calendar", func(ctx context.Context, w store.Writer) error { return w.RenameCalendar(ctx, "a", "work", "Work") }},
		{"a changed calendar", func(ctx context.Context, w store.Writer) error {
			c, err := w.Calendar(ctx, "a", "Work")
			if err != nil {
				return err
			}
			return w.UpdateCalendar(ctx, c)
		}},
		{"a deleted calendar", func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "Work") }},
		{"a purge", func(ctx context.Context, w store.Writer) error {
			_, err := w.Purge(ctx, s.clock.Now(), 100)
			return err
		}},
		{"a new calendar", func(ctx context.Context, w store.Writer) error {
			c := calendar("a", "work")
			return w.CreateCalendar(ctx, &c)
		}},
		{"a calendar given away", func(ctx context.Context, w store.Writer) error { return w.MoveCalendar(ctx, "a", "work", "b", "of a") }},
		{"a subscription", func(ctx context.Context, w store.Writer) error { x := sub; return w.Subscribe(ctx, &x) }},
		{"the end of a subscription", func(ctx context.Context, w store.Writer) error { return w.Unsubscribe(ctx, "a", "b", "calendar") }},
		{"a changed account", func(ctx context.Context, w store.Writer) error {
			a, err := w.Account(ctx, "a")
			if err != nil {
				return err
			}
			return w.UpdateAccount(ctx, a)
		}},
	}
}

// The revision of a home increases with each change, and with no other.
func testHomeRevision(s *env) {
	s.withWork()
	revision := func() (n int64) {
		s.t.Helper()
		s.view(func(ctx context.Context, r store.Reader) (err error) {
			n, err = r.HomeRevision(ctx, "a")
			return err
		})
		return n
	}
	last := revision()
	for _, c := range s.homeChanges() {
		s.update(c.do)
		now := revision()
		if now <= last {
			s.t.Errorf("%s: revision %d follows %d", c.what, now, last)
		}
		last = now
	}
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.PutComponent(ctx, "b", "of a", event("1"), store.Condition{})
	})
	if now := revision(); now != last {
		s.t.Errorf("a change of another account: revision %d follows %d", now, last)
	}
	s.view(func(ctx context.Context, r store.Reader) error {
		_, err := r.HomeRevision(ctx, "nobody")
		s.wantClass(err, store.ErrNotFound, "the revision of an unknown account")
		return nil
	})
}

// Moves in opposite directions at the same time do not wait for each other without end.
func testOppositeMoves(s *env) {
	const cal, times = store.DefaultCalendar, 10
	s.withWork()
	s.put("1")
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.PutComponent(ctx, "a", "work", event("2"), store.Condition{})
	})
	ctx := s.t.Context()
	errs := concurrently(2, func(i int) error {
		from, to := place(cal, "1"), place("work", "1")
		if i == 1 {
			from, to = place("work", "2"), place(cal, "2")
		}
		for range 2 * times {
			err := s.Update(ctx, func(ctx context.Context, w store.Writer) error {
				return w.MoveComponent(ctx, from, to, false, store.Condition{})
			})
			if err != nil {
				return fmt.Errorf("move %v to %v: %w", from, to, err)
			}
			from, to = to, from
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		s.t.Error(err)
	}
}
