package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func overlapTests() []test {
	return []test{
		{"Overlapping", testOverlapping},
		{"OverlappingPurge", testOverlappingPurge},
		{"OverlappingVersions", testOverlappingVersions},
		{"OppositeOrder", testOppositeOrder},
		{"Readdressed", testReaddressed},
	}
}

// overlap makes two changes in transactions of their own, through two handles. The second
// one begins after the first one has made its change, which it commits only when the
// second has had the time to read the old state and to meet the locks of the first.
func (s *env) overlap(first, second change) (error, error) {
	s.clock.advance(time.Second)
	ctx, other := s.t.Context(), s.open()
	made, done := make(chan struct{}, 100), make(chan error, 1)
	go func() {
		done <- s.Update(ctx, func(ctx context.Context, w store.Writer) error {
			err := first(ctx, w)
			made <- struct{}{}
			time.Sleep(100 * time.Millisecond)
			return err
		})
	}()
	<-made
	err := other.Update(ctx, func(ctx context.Context, w store.Writer) error { return second(ctx, w) })
	return <-done, err
}

// afterFirst is a pair of overlapping changes. The second must end as if the first had
// been committed before it began.
type afterFirst struct {
	name          string
	first, second change
	want          error // class of the error of the second
}

// overlappingPairs returns changes of the account a, which has content, and of the account
// gone, which is deleted.
func overlappingPairs() []afterFirst {
	deleteAccount := func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") }
	undeleteAccount := func(ctx context.Context, w store.Writer) error { return w.UndeleteAccount(ctx, "gone") }
	deleteCalendar := func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "work") }
	undeleteCalendar := func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", "gone") }
	takeAddress := func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(ctx, person("taker", "gone@example.com"))
	}
	create := func(name string) change {
		return func(ctx context.Context, w store.Writer) error {
			c := calendar("a", name)
			return w.CreateCalendar(ctx, &c)
		}
	}
	subscribe := func(ctx context.Context, w store.Writer) error {
		return w.Subscribe(ctx, &store.Subscription{Account: "a", Owner: store.Person{ID: "x", Address: "x@example.com"}, Calendar: "calendar"})
	}
	put := func(ctx context.Context, w store.Writer) error {
		return w.PutComponent(ctx, "a", "work", event("new.ics"), store.Condition{})
	}
	replace := func(text string) change {
		return func(ctx context.Context, w store.Writer) error {
			m := event("1.ics")
			unchanged := store.ETagOf(m.Text)
			m.Text = []byte(text)
			return w.PutComponent(ctx, "a", "work", m, store.Condition{IfETag: unchanged})
		}
	}
	return []afterFirst{
		{"put into a deleted calendar", deleteCalendar, put, store.ErrNotFound},
		{"put into a renamed calendar", func(ctx context.Context, w store.Writer) error { return w.RenameCalendar(ctx, "a", "work", "renamed") }, put, store.ErrNotFound},
		{"put into a moved calendar", func(ctx context.Context, w store.Writer) error { return w.MoveCalendar(ctx, "a", "work", "b", "work") }, put, store.ErrNotFound},
		{"replace a component twice", replace("first"), replace("second"), store.ErrConflict},
		{"delete an account twice", deleteAccount, deleteAccount, store.ErrDeleted},
		{"create a calendar of a deleted account", deleteAccount, create("new"), store.ErrDeleted},
		{"change a deleted account", deleteAccount, renameAccount, store.ErrDeleted},
		{"restore an account twice", undeleteAccount, undeleteAccount, store.ErrConflict},
		{"restore an account whose address was taken", takeAddress, undeleteAccount, store.ErrExists},
		{"take the address of a restored account", undeleteAccount, takeAddress, store.ErrExists},
		{"delete a calendar twice", deleteCalendar, deleteCalendar, store.ErrNotFound},
		{"change a deleted calendar", deleteCalendar, renameCalendar, store.ErrNotFound},
		{"restore a calendar twice", undeleteCalendar, undeleteCalendar, store.ErrNotFound},
		{"create a restored calendar", undeleteCalendar, create("gone"), store.ErrExists},
		{"restore a calendar whose name was taken", create("gone"), undeleteCalendar, store.ErrExists},
		{"create a calendar twice", create("new"), create("new"), store.ErrExists},
		{"subscribe twice", subscribe, subscribe, store.ErrExists},
		{"rename an account twice", renameAccount, renameAccount, nil},
		{"rename a calendar twice", renameCalendar, renameCalendar, nil},
	}
}

// renameAccount changes the name of the account a.
func renameAccount(ctx context.Context, w store.Writer) error {
	a, err := w.Account(ctx, "a")
	if err != nil {
		return err
	}
	a.DisplayName += " renamed"
	return w.UpdateAccount(ctx, a)
}

// renameCalendar changes the name that a calendar of the account a is shown as.
func renameCalendar(ctx context.Context, w store.Writer) error {
	c, err := w.Calendar(ctx, "a", "work")
	if err != nil {
		return err
	}
	c.DisplayName += " renamed"
	return w.UpdateCalendar(ctx, c)
}

func testOverlapping(s *env) {
	for _, pair := range overlappingPairs() {
		in := newEnv(s.t, s.e)
		in.withContent("a") // the calendar gone is deleted
		in.create(withHome("gone"), withHome("b"))
		in.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
		first, second := in.overlap(pair.first, pair.second)
		if first != nil {
			s.t.Errorf("%s: the first change failed: %v", pair.name, first)
		}
		in.wantClass(second, pair.want, pair.name)
		in.wantConsistent()
		if a := in.home("a").Account; pair.name == "rename an account twice" && a.DisplayName != "Name of a renamed renamed" {
			s.t.Errorf("after two changes of an account, its name is '%s'", a.DisplayName)
		}
	}
}

// What is restored is not purged, and what is purged is not restored.
func testOverlappingPurge(s *env) {
	in := s
	purge := func(ctx context.Context, w store.Writer) error {
		_, err := w.Purge(ctx, in.clock.Now(), 100)
		return err
	}
	undeleteAccount := func(ctx context.Context, w store.Writer) error { return w.UndeleteAccount(ctx, "gone") }
	undeleteCalendar := func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", "gone") }
	undeleteComponent := func(ctx context.Context, w store.Writer) error {
		return w.UndeleteComponent(ctx, "a", "work", "2.ics")
	}
	for _, pair := range []afterFirst{
		{"purge a restored account", undeleteAccount, purge, nil},
		{"purge a restored calendar", undeleteCalendar, purge, nil},
		{"purge a restored component", undeleteComponent, purge, nil},
		{"purge twice", purge, purge, nil},
		{"restore a purged account", purge, undeleteAccount, store.ErrNotFound},
		{"restore a purged calendar", purge, undeleteCalendar, store.ErrNotFound},
	} {
		in = newEnv(s.t, s.e)
		in.withContent("a") // the calendar gone and the component 2.ics are deleted
		in.withContent("gone")
		whole := in.home("gone")
		in.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
		in.clock.advance(time.Hour)
		first, second := in.overlap(pair.first, pair.second)
		if first != nil {
			s.t.Errorf("%s: the first change failed: %v", pair.name, first)
		}
		in.wantClass(second, pair.want, pair.name)
		in.wantConsistent()
		in.wantRestored(pair.name, whole)
	}
}

// wantRestored expects what a pair of changes restored, complete: the account gone was
// whole. Everything else that was deleted has been purged.
func (s *env) wantRestored(pair string, whole home) {
	s.t.Helper()
	a := s.home("a")
	switch pair {
	case "purge a restored account":
		restored := s.home("gone")
		s.same(whole.Components["work"], restored.Components["work"], "components of an account that was restored during a purge")
		if len(restored.Components) != len(whole.Components) {
			s.t.Errorf("an account that was restored during a purge has %d calendars, not %d", len(restored.Components), len(whole.Components))
		}
	case "purge a restored calendar":
		if len(a.Components["gone"]) != 2 {
			s.t.Errorf("a calendar that was restored during a purge has %d components", len(a.Components["gone"]))
		}
	case "purge a restored component":
		if len(a.Components["work"]) != 3 {
			s.t.Errorf("a calendar whose component was restored during a purge has %d components", len(a.Components["work"]))
		}
	default:
		if all := s.everything(); len(all) != 1 || len(a.Deletions) > 0 || len(a.Components) != len(a.Calendars) {
			s.t.Errorf("%s: after the purge, there are %d accounts, and a has %+v", pair, len(all), a)
		}
	}
}

// A version that was read in the same transaction is read again, even if the caller
// ignores the error. One that was read before is a conflict.
func testOverlappingVersions(s *env) {
	s.create(withHome("a"))
	rename := func(name string) change {
		return func(ctx context.Context, w store.Writer) error {
			a, err := w.Account(ctx, "a")
			if err != nil {
				return err
			}
			a.DisplayName += name
			return w.UpdateAccount(ctx, a)
		}
	}
	first, second := s.overlap(rename(" first"), func(ctx context.Context, w store.Writer) error {
		_ = rename(" second")(ctx, w)
		return nil
	})
	if name := s.home("a").Account.DisplayName; first != nil || second != nil || name != "Name of a first second" {
		s.t.Errorf("the name is '%s', errors %v and %v", name, first, second)
	}
	account := s.home("a").Account
	old, err := s.calendarOf("a")
	if err != nil {
		s.t.Fatal(err)
	}
	_, second = s.overlap(rename(" third"), func(ctx context.Context, w store.Writer) error {
		changed := account.Clone()
		changed.DisplayName = "lost"
		return w.UpdateAccount(ctx, changed)
	})
	s.wantClass(second, store.ErrConflict, "an account that was read before")
	describe := func(text string) change {
		return func(ctx context.Context, w store.Writer) error {
			changed := *old
			changed.Description = text
			return w.UpdateCalendar(ctx, &changed)
		}
	}
	_, second = s.overlap(describe("kept"), describe("lost"))
	s.wantClass(second, store.ErrConflict, "a calendar that was read before")
	if h := s.home("a"); h.Account.DisplayName != "Name of a first second third" || h.Calendars[0].Description != "kept" {
		s.t.Errorf("the account is '%s', its calendar '%s'", h.Account.DisplayName, h.Calendars[0].Description)
	}
}

// calendarOf returns the default calendar of an account.
func (s *env) calendarOf(id string) (c *store.Calendar, err error) {
	s.view(func(ctx context.Context, r store.Reader) error {
		c, err = r.Calendar(ctx, id, store.DefaultCalendar)
		return nil
	})
	return c, err
}

// Transactions that change the same accounts in the opposite order do not wait for each
// other for ever, and both succeed.
func testOppositeOrder(s *env) {
	s.create(person("a"), person("b"))
	both := func(name string, ids ...string) change {
		return func(ctx context.Context, w store.Writer) error {
			for i, id := range ids {
				a, err := w.Account(ctx, id)
				if err != nil {
					return err
				}
				a.DisplayName += name
				if err := w.UpdateAccount(ctx, a); err != nil {
					return err
				}
				if i == 0 {
					time.Sleep(200 * time.Millisecond) // the other one locks its first account
				}
			}
			return nil
		}
	}
	changes, handles := []change{both("1", "a", "b"), both("2", "b", "a")}, []store.Store{s.Store, s.open()}
	ctx := s.t.Context()
	errs := concurrently(2, func(i int) error {
		return handles[i].Update(ctx, func(ctx context.Context, w store.Writer) error { return changes[i](ctx, w) })
	})
	if err := errors.Join(errs...); err != nil {
		s.t.Error(err)
	}
	for _, id := range []string{"a", "b"} {
		if name := s.home(id).Account.DisplayName; name != "Name of "+id+"12" && name != "Name of "+id+"21" {
			s.t.Errorf("the name of account %s is '%s'", id, name)
		}
	}
}

// A change of the addresses of people loses no other change of the same accounts and
// calendars, and none loses it.
func testReaddressed(s *env) {
	const people, times = 4, 8
	a := withHome("a")
	friend := func(i, round int) store.Person {
		return store.Person{ID: fmt.Sprintf("friend %d", i), Address: fmt.Sprintf("friend%d-%d@example.org", i, round)}
	}
	for i := range people {
		a.Account.Delegates = append(a.Account.Delegates, friend(i, 0))
		a.Calendars[0].ACL = append(a.Calendars[0].ACL, store.ACE{Principal: store.Principal{Person: friend(i, 0)}, Rights: "r"})
	}
	s.create(a)
	handles := []store.Store{s.Store, s.open()}
	ctx := s.t.Context()
	errs := concurrently(2*people, func(i int) error {
		for round := 1; round <= times; round++ {
			err := handles[i%2].Update(ctx, func(ctx context.Context, w store.Writer) error {
				if i < people {
					_, err := w.Readdress(ctx, friend(i, round))
					return err
				}
				a, err := w.Account(ctx, "a")
				if err != nil {
					return err
				}
				a.DisplayName += "."
				return w.UpdateAccount(ctx, a)
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		s.t.Fatal(err)
	}
	h := s.home("a")
	for i := range people {
		if got := h.Account.Delegates[i]; got != friend(i, times) {
			s.t.Errorf("a delegate is %+v", got)
		}
		if got := h.Calendars[0].ACL[i+1].Principal.Person; got != friend(i, times) {
			s.t.Errorf("a person in the access list is %+v", got)
		}
	}
	if got := len(h.Account.DisplayName) - len("Name of a"); got != people*times {
		s.t.Errorf("found %d of %d changes of the name", got, people*times)
	}
}
