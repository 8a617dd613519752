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
		{"SyncForeignTokens", testForeignTokens},
		{"SyncPurged", testSyncPurged},
		{"SyncLimit", testSyncLimit},
	}
}

// follower is a client that synchronises a calendar of account a.
type follower struct {
	s     *env
	name  string      // name of the calendar
	token store.Token // of the last request
}

func (s *env) follow(name string) *follower { return &follower{s: s, name: name} }

// wants requests the changes and compares them. Deleted resources have the prefix '-'.
func (f *follower) wants(want ...string) {
	f.s.t.Helper()
	f.s.view(func(ctx context.Context, r store.Reader) error {
		got, err := f.ask(ctx, r)
		f.s.same(want, got, "changes since "+f.token.String())
		return err
	})
}

// ask returns the changes since the last request, and checks their revisions.
func (f *follower) ask(ctx context.Context, r store.Reader) ([]string, error) {
	changes, now, err := readChanges(ctx, r, "a", f.name, f.token, 0)
	if err != nil {
		return nil, err
	}
	c, err := r.Calendar(ctx, "a", f.name)
	if err != nil {
		return nil, err
	}
	now = now.At(now.Revision)
	if token, err := r.Token(ctx, c); err != nil || now != token {
		f.s.t.Errorf("the token is %v, but the calendar has %v, error %v", now, token, err)
	}
	parsed, err := store.ParseToken(now.String())
	if err != nil || parsed != now {
		f.s.t.Errorf("the token %v is parsed as %v, error %v", now, parsed, err)
	}
	var out []string
	last := int64(0)
	for _, x := range changes {
		if x.Revision <= last || x.Revision > now.Revision {
			f.s.t.Errorf("revision %d of %s follows %d; the current revision is %d", x.Revision, x.Name, last, now.Revision)
		}
		last = x.Revision
		if x.Deleted {
			out = append(out, "-"+x.Name)
			continue
		}
		out = append(out, x.Name)
		m, err := r.Component(ctx, "a", f.name, x.Name)
		if err != nil || m.Revision != x.Revision {
			f.s.t.Errorf("%s has changed in revision %d, but it is %+v, error %v", x.Name, x.Revision, m, err)
		}
	}
	f.token = now
	return out, nil
}

// Each resource is listed once, with its last change (RFC 6578, 3.4 and 3.5).
func testSync(s *env) {
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
	remove("5") // created and deleted since the last request
	one.wants("-1", "-5")
	put("1")
	remove("3")
	s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteComponent(ctx, "a", cal, "3") })
	one.wants("1", "3")
	two.wants("4", "2", "1", "3") // the initial request lists no deletions
	remove("4")
	put("4")
	remove("4")
	two.wants("-4")
	one.wants("-4")
}

// put creates or replaces resources of the default calendar of account a. Each gets a
// unique text.
func (s *env) put(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.update(func(ctx context.Context, w store.Writer) error {
			m := event(name)
			m.Text = fmt.Append(m.Text, s.clock.Now())
			return w.PutComponent(ctx, "a", store.DefaultCalendar, m, store.Condition{})
		})
	}
}

// remove deletes a resource of the default calendar of account a.
func (s *env) remove(name string) {
	s.t.Helper()
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.DeleteComponent(ctx, "a", store.DefaultCalendar, name, store.Condition{})
	})
}

// Transactions that were rolled back, and changes of properties, are not listed.
func testSyncTransactions(s *env) {
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
	// A transaction sees its own changes.
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.PutComponent(ctx, "a", cal, event("7"), store.Condition{}); err != nil {
			return err
		}
		got, err := two.ask(ctx, w)
		s.same([]string{"7"}, got, "changes in the transaction")
		return err
	})
	one.wants("7")
}

// A token is valid only for its collection, and not for another one with the same name.
func testForeignTokens(s *env) {
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
			_, _, err := r.Changes(ctx, "a", "work", token, 0)
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
	old(work.token.At(work.token.Revision+1), "a token with a future revision")
	for what, change := range map[string]func(*store.Token){
		"incarnation": func(t *store.Token) { t.Incarnation++ },
		"epoch":       func(t *store.Token) { t.Epoch = "0123456789abcdef" },
		"timeline":    func(t *store.Token) { t.Timeline += "0" },
	} {
		token := work.token
		change(&token)
		old(token, "a token of another "+what)
	}
	old(store.Token{Revision: 1}, "a token that names nothing")
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "work") })
	fill("work", 4)
	old(work.token, "the token of a deleted calendar with the same name")
	// A restored calendar has its change history.
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.DeleteCalendar(ctx, "a", "other"); err != nil {
			return err
		}
		return w.UndeleteCalendar(ctx, "a", "other")
	})
	other.wants()
	// A collection that is made again is another one.
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "work") })
	s.purge()
	fill("work", 4)
	old(work.token, "the token of a purged calendar with the same name")
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") })
	s.purge()
	s.create(withHome("a"))
	fill("work", 4)
	old(work.token, "the token of a purged account with the same id")
	old(other.token, "another token of a purged account with the same id")
}

// After a purge, tokens from before the purged changes are rejected.
func testSyncPurged(s *env) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	s.put("1", "2")
	early, late := s.follow(cal), s.follow(cal)
	early.wants("1", "2")
	s.remove("1")
	late.wants("2")
	s.purge() // the deletion is one hour old
	s.put("3")
	s.view(func(ctx context.Context, r store.Reader) error {
		_, _, err := r.Changes(ctx, "a", cal, early.token, 0)
		s.wantClass(err, store.ErrTokenOld, "a token from before the purged changes")
		return nil
	})
	late.wants("3")
	s.follow(cal).wants("2", "3")
	// Recent changes are not purged.
	s.remove("2")
	before := s.clock.Now()
	s.update(func(ctx context.Context, w store.Writer) error {
		_, err := w.Purge(ctx, before, 100)
		return err
	})
	late.wants("-2")
}

// Several lists with a limit contain the same as one list, also if something that was
// deleted before has been purged.
func testSyncLimit(s *env) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	s.put("1", "2", "3", "4", "5")
	s.remove("3")
	s.purge()
	s.put("2", "6")
	read := func(since store.Token, most int) (names []string, end store.Token) {
		s.view(func(ctx context.Context, r store.Reader) error {
			for range 20 {
				changes, now, err := readChanges(ctx, r, "a", cal, since, most)
				if err != nil {
					return err
				}
				for _, x := range changes {
					names = append(names, x.Name)
					if m, err := r.Component(ctx, "a", cal, x.Name); !x.Deleted && (err != nil || m.ETag != x.ETag) {
						s.t.Errorf("the ETag of %s is %s, but it is %+v, error %v", x.Name, x.ETag, m, err)
					}
				}
				if len(changes) < most {
					end = now
					return nil
				}
				since, err = store.ParseToken(now.At(changes[len(changes)-1].Revision).String())
				if err != nil {
					return err
				}
			}
			s.t.Error("the lists never end")
			return nil
		})
		return names, end
	}
	for most := 1; most < 7; most++ {
		names, end := read(store.Token{}, most)
		s.same([]string{"1", "4", "5", "2", "6"}, names, fmt.Sprintf("lists of %d", most))
		again, _ := read(end, most)
		s.same([]string(nil), again, "changes since the end of the lists")
	}
	_, end := read(store.Token{}, 100)
	s.remove("5")
	s.put("1", "7")
	for most := 1; most < 5; most++ {
		names, _ := read(end, most)
		s.same([]string{"5", "1", "7"}, names, fmt.Sprintf("lists of %d changes", most))
	}
	s.begunBeforePurge(cal)
}

// begunBeforePurge expects that a client which began to read before a deletion that has been
// purged must begin again.
func (s *env) begunBeforePurge(cal string) {
	s.t.Helper()
	var part store.Token
	s.view(func(ctx context.Context, r store.Reader) error {
		changes, now, err := readChanges(ctx, r, "a", cal, store.Token{}, 2)
		if err != nil {
			return err
		}
		part = now.At(changes[1].Revision)
		return nil
	})
	s.remove("7")
	s.purge()
	s.view(func(ctx context.Context, r store.Reader) error {
		_, _, err := r.Changes(ctx, "a", cal, part, 2)
		s.wantClass(err, store.ErrTokenOld, "a part of a list from before a deletion that was purged")
		return nil
	})
}

// purge advances the clock by an hour and purges everything that is deleted.
func (s *env) purge() store.Purged {
	s.t.Helper()
	s.clock.advance(time.Hour)
	return s.purgeBefore(s.clock.Now(), 100)
}

// purgeBefore calls Purge until it removes nothing, and compares the result with that of
// Purgeable.
func (s *env) purgeBefore(before time.Time, limit int) store.Purged {
	s.t.Helper()
	expected := s.purgeable(before)
	var sum store.Purged
	for range 1000 {
		var done store.Purged
		s.update(func(ctx context.Context, w store.Writer) (err error) {
			done, err = w.Purge(ctx, before, limit)
			return err
		})
		if done.None() {
			s.same(expected, sum, "what Purgeable announced")
			s.same(store.Purged{}, s.purgeable(before), "what Purgeable announces after the purge")
			return sum
		}
		sum.Add(done)
	}
	s.t.Fatal("Purge never returns nothing")
	return sum
}

func (s *env) purgeable(before time.Time) (out store.Purged) {
	s.t.Helper()
	s.view(func(ctx context.Context, r store.Reader) (err error) {
		out, err = r.Purgeable(ctx, before)
		return err
	})
	return out
}
