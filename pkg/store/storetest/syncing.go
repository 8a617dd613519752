package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func syncTests() []test {
	return []test{
		{"Sync", testSync},
		{"SyncTransactions", testSyncTransactions},
		{"SyncTokensOfOthers", testTokensOfOthers},
		{"SyncPurged", testSyncPurged},
	}
}

// follower is a client that asks for changes, and what it knows by them.
type follower struct {
	s     *scene
	name  string // of a calendar of account a
	token store.Token
}

func (s *scene) follow(name string) *follower { return &follower{s: s, name: name} }

// wants asks for what has changed; a deleted resource has a '-' before its name.
func (f *follower) wants(want ...string) {
	f.s.t.Helper()
	f.s.view(func(ctx context.Context, r store.Reader) error {
		got, err := f.ask(ctx, r)
		f.s.same(want, got, "changes since "+f.token.String())
		return err
	})
}

func (f *follower) ask(ctx context.Context, r store.Reader) ([]string, error) {
	changes, now, err := r.Changes(ctx, "a", f.name, f.token)
	if err != nil {
		return nil, err
	}
	c, err := r.Calendar(ctx, "a", f.name)
	if err != nil {
		return nil, err
	}
	if now != c.Token() {
		f.s.t.Errorf("the token is %v, that of the calendar %v", now, c.Token())
	}
	parsed, err := store.ParseToken(now.String())
	if err != nil || parsed != now {
		f.s.t.Errorf("the token %v is read as %v, %v", now, parsed, err)
	}
	var out []string
	last := int64(0)
	for _, x := range changes {
		if x.Revision <= last || x.Revision > now.Revision {
			f.s.t.Errorf("revision %d of %s follows %d, up to %d", x.Revision, x.Name, last, now.Revision)
		}
		last = x.Revision
		if x.Deleted {
			out = append(out, "-"+x.Name)
			continue
		}
		out = append(out, x.Name)
		m, err := r.Component(ctx, "a", f.name, x.Name)
		if err != nil || m.Revision != x.Revision {
			f.s.t.Errorf("%s has changed to revision %d, but is %+v, %v", x.Name, x.Revision, m, err)
		}
	}
	f.token = now
	return out, nil
}

// Each resource is named once, by its last change (RFC 6578, 3.4 and 3.5).
func testSync(s *scene) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	put, remove := s.put, s.remove
	one, two := s.follow(cal), s.follow(cal)
	one.wants()
	one.wants()
	put("1", "2", "3")
	one.wants("1", "2", "3")
	put("2", "4", "2")
	one.wants("4", "2")
	remove("1")
	put("5")
	remove("5") // it came and went
	one.wants("-1", "-5")
	put("1")
	remove("3")
	s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteComponent(ctx, "a", cal, "3") })
	one.wants("1", "3")
	two.wants("4", "2", "1", "3") // nothing of the past is for one who begins
	remove("4")
	put("4")
	remove("4")
	two.wants("-4")
	one.wants("-4")
}

// put makes or replaces resources of the default calendar of account a, with a
// text that none had before, and remove deletes one.
func (s *scene) put(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.update(func(ctx context.Context, w store.Writer) error {
			m := event(name)
			m.Text = fmt.Append(m.Text, s.clock.Now())
			return w.PutComponent(ctx, "a", store.DefaultCalendar, m, store.Condition{})
		})
	}
}

func (s *scene) remove(name string) {
	s.t.Helper()
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.DeleteComponent(ctx, "a", store.DefaultCalendar, name, store.Condition{})
	})
}

// What is undone, and what changes properties, is no change of the content.
func testSyncTransactions(s *scene) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	s.put("5")
	one, two := s.follow(cal), s.follow(cal)
	one.wants("5")
	two.wants("5")
	_ = s.try(func(ctx context.Context, w store.Writer) error {
		_ = w.PutComponent(ctx, "a", cal, event("6"), store.Condition{})
		return context.Canceled
	})
	s.update(func(ctx context.Context, w store.Writer) error {
		c, err := w.Calendar(ctx, "a", cal)
		if err != nil {
			return err
		}
		c.DisplayName = "renamed"
		return w.UpdateCalendar(ctx, c)
	})
	one.wants()
	// A transaction that goes on sees its own changes.
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.PutComponent(ctx, "a", cal, event("7"), store.Condition{}); err != nil {
			return err
		}
		got, err := two.ask(ctx, w)
		s.same([]string{"7"}, got, "changes within the transaction")
		return err
	})
	one.wants("7")
	s.view(func(ctx context.Context, r store.Reader) error {
		changes, _, err := r.Changes(ctx, "a", cal, store.Token{})
		for _, x := range changes {
			s.dated(x.Time, "a change")
		}
		if n := len(changes); n == 0 || !changes[n-1].Time.Equal(s.clock.stamp()) {
			s.t.Errorf("the last change is %+v, want it at %v", changes, s.clock.stamp())
		}
		return err
	})
}

// A token is good for the collection that gave it, and for no other of its name.
func testTokensOfOthers(s *scene) {
	s.create(withHome("a"))
	fill := func(name string, n int) {
		s.t.Helper()
		s.update(func(ctx context.Context, w store.Writer) error {
			c := calendar("a", name)
			if err := w.CreateCalendar(ctx, &c); err != nil {
				return err
			}
			for i := range n {
				if err := w.PutComponent(ctx, "a", name, event(fmt.Sprint(i)), store.Condition{}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	old := func(token store.Token, what string) {
		s.t.Helper()
		s.view(func(ctx context.Context, r store.Reader) error {
			_, _, err := r.Changes(ctx, "a", "work", token)
			s.wantClass(err, store.ErrTokenOld, what)
			return nil
		})
	}
	fill("work", 3)
	fill("other", 5)
	work, other := s.follow("work"), s.follow("other")
	work.wants("0", "1", "2")
	other.wants("0", "1", "2", "3", "4")
	old(other.token, "the token of another calendar")
	old(store.Token{Number: work.token.Number, Revision: work.token.Revision + 1}, "a token of the future")
	old(store.Token{Number: 999, Revision: 1}, "a token of no calendar")
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "work") })
	fill("work", 4)
	old(work.token, "the token of a deleted calendar of the same name")
	// The calendar that was deleted comes back with its history.
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.DeleteCalendar(ctx, "a", "other"); err != nil {
			return err
		}
		return w.UndeleteCalendar(ctx, "a", "other")
	})
	other.wants()
	// Purging makes no number free for another collection.
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "work") })
	s.purge()
	fill("work", 4)
	old(work.token, "the token of a purged calendar of the same name")
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") })
	s.purge()
	s.create(withHome("a"))
	fill("work", 4)
	old(work.token, "the token of a purged account of the same id")
	old(other.token, "another token of a purged account of the same id")
}

// What is purged is forgotten, and who does not know it is told to begin anew.
func testSyncPurged(s *scene) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	s.put("1", "2")
	early, late := s.follow(cal), s.follow(cal)
	early.wants("1", "2")
	s.remove("1")
	late.wants("2")
	s.purge() // the deletion is an hour old now
	s.put("3")
	s.view(func(ctx context.Context, r store.Reader) error {
		_, _, err := r.Changes(ctx, "a", cal, early.token)
		s.wantClass(err, store.ErrTokenOld, "a token from before what was purged")
		return nil
	})
	late.wants("3")
	s.follow(cal).wants("2", "3")
	// What is too young stays known.
	s.remove("2")
	before := s.clock.Now()
	s.update(func(ctx context.Context, w store.Writer) error {
		_, err := w.Purge(ctx, before, 100)
		return err
	})
	late.wants("-2")
}

// purge waits an hour, and removes for good all that is deleted by then.
func (s *scene) purge() store.Purged {
	s.t.Helper()
	s.clock.advance(time.Hour)
	return s.purgeBefore(s.clock.Now(), 100)
}

// purgeBefore purges until nothing is left to purge.
func (s *scene) purgeBefore(before time.Time, limit int) store.Purged {
	s.t.Helper()
	var sum store.Purged
	for range 1000 {
		var done store.Purged
		s.update(func(ctx context.Context, w store.Writer) (err error) {
			done, err = w.Purge(ctx, before, limit)
			return err
		})
		if done.None() {
			return sum
		}
		sum.Add(done)
	}
	s.t.Fatal("there is no end of what is purged")
	return sum
}
