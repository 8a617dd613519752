package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/davadmin/davadmin/pkg/store"
)

func moveTests() []test {
	return []test{
		{"MoveLeaving", testLeaving},
		{"MoveExport", testExport},
		{"MoveRefused", testMoveRefused},
		{"MoveLeavesDuringChanges", testLeavesDuringChanges},
	}
}

// move changes the store as a MoveWriter.
func (s *env) move(fn func(ctx context.Context, w store.MoveWriter) error) error {
	s.t.Helper()
	return s.try(func(ctx context.Context, w store.Writer) error {
		mw, ok := w.(store.MoveWriter)
		if !ok {
			s.t.Skipf("%s does not implement store.MoveWriter", s.e.Name)
		}
		return fn(ctx, mw)
	})
}

// leave marks an account as leaving.
func (s *env) leave(id string) (mark store.Move) {
	s.t.Helper()
	err := s.move(func(ctx context.Context, w store.MoveWriter) (err error) {
		mark, err = w.Leave(ctx, id, "other")
		return err
	})
	if err != nil {
		s.t.Fatalf("leave: %v", err)
	}
	return mark
}

// furnish creates the account a with rows in every table.
func (s *env) furnish() {
	const id = "a"
	s.t.Helper()
	a := withHome(id)
	a.Account = fullAccount(id, id+"@example.com")
	a.Calendars = append(a.Calendars, fullCalendar("", "full"), calendar("", "dropped"))
	s.create(a)
	s.update(func(ctx context.Context, w store.Writer) error {
		for i := range 120 { // more than a group of rows
			m := event(fmt.Sprintf("%03d.ics", i))
			if i%50 == 7 {
				m.Text = bytes.Repeat([]byte{byte(i), 0, 0xff}, 2<<10)
			}
			if err := w.PutComponent(ctx, id, store.DefaultCalendar, m, store.Condition{}); err != nil {
				return err
			}
		}
		return errors.Join(
			w.DeleteComponent(ctx, id, store.DefaultCalendar, "004.ics", store.Condition{}),
			w.PutComponent(ctx, id, "full", event("a.ics"), store.Condition{}),
			w.DeleteCalendar(ctx, id, "dropped"),
			w.Subscribe(ctx, &store.Subscription{Account: id, Owner: store.Person{ID: "somebody", Address: "somebody@example.com"}, Calendar: "c"}),
			w.SetProperties(ctx, store.PropertyPlace{Account: id, Calendar: "full"}, []store.PropertyChange{{Property: store.Property{PropertyName: store.PropertyName{Namespace: "http://example.com/", Local: "mood"}, Value: "<good/>"}}}),
			w.AddAttachment(ctx, &store.Attachment{Account: id, Name: "a.txt"}, strings.NewReader("content"), 1<<10),
			w.AddOutgoing(ctx, &store.Outgoing{Account: id, Sender: "mailto:a@example.com", Recipient: "mailto:b@example.org", Method: "REQUEST", UID: "u", Text: []byte("text")}),
		)
	})
}

// An account that is leaving can be read and not be changed, until it stays.
func testLeaving(s *env) {
	s.furnish()
	s.create(withHome("b"))
	before := s.home("a")
	mark := s.leave("a")
	during := s.home("a")
	s.same("other", during.Account.Leaving, "the back end to which the account is leaving")
	during.Account.Leaving = ""
	s.same(before, during, "the leaving account")
	a, c := before.Account, before.Calendars[0]
	created := calendar("a", "new")
	s.rejectsAll(store.ErrMoving, map[string]change{
		"UpdateAccount":    func(ctx context.Context, w store.Writer) error { return w.UpdateAccount(ctx, a.Clone()) },
		"DeleteAccount":    func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") },
		"CreateCalendar":   func(ctx context.Context, w store.Writer) error { return w.CreateCalendar(ctx, &created) },
		"UpdateCalendar":   func(ctx context.Context, w store.Writer) error { return w.UpdateCalendar(ctx, c.Clone()) },
		"DeleteCalendar":   func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "full") },
		"UndeleteCalendar": func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", "dropped") },
		"PutComponent": func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "a", "full", event("b.ics"), store.Condition{})
		},
		"DeleteComponent": func(ctx context.Context, w store.Writer) error {
			return w.DeleteComponent(ctx, "a", "full", "a.ics", store.Condition{})
		},
		"UndeleteComponent": func(ctx context.Context, w store.Writer) error {
			return w.UndeleteComponent(ctx, "a", store.DefaultCalendar, "004.ics")
		},
		"Subscribe": func(ctx context.Context, w store.Writer) error {
			return w.Subscribe(ctx, &store.Subscription{Account: "a", Owner: store.Person{ID: "b", Address: "b@example.com"}, Calendar: "c"})
		},
		"Unsubscribe": func(ctx context.Context, w store.Writer) error { return w.Unsubscribe(ctx, "a", "somebody", "c") },
		"Readdress": func(ctx context.Context, w store.Writer) error {
			_, err := w.Readdress(ctx, store.Person{ID: "reader", Address: "new@example.com"})
			return err
		},
		"Leave": func(ctx context.Context, w store.Writer) error {
			_, err := w.(store.MoveWriter).Leave(ctx, "a", "third")
			return err
		},
	})
	s.view(func(ctx context.Context, r store.Reader) error {
		leaving, err := collect(r.(store.MoveReader).Leaving(ctx))
		s.same([]store.Move{mark}, leaving, "the accounts that are leaving")
		return err
	})
	if err := s.move(func(ctx context.Context, w store.MoveWriter) error { return w.Stay(ctx, mark) }); err != nil {
		s.t.Fatal(err)
	}
	s.same(before, s.home("a"), "the account that stays")
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.PutComponent(ctx, "a", "full", event("b.ics"), store.Condition{})
	})
	for what, fn := range map[string]func(ctx context.Context, w store.MoveWriter) error{
		"Stay":   func(ctx context.Context, w store.MoveWriter) error { return w.Stay(ctx, mark) },
		"Remove": func(ctx context.Context, w store.MoveWriter) error { return w.Remove(ctx, mark) },
	} {
		s.wantClass(s.move(fn), store.ErrConflict, what+" of an account that is not leaving")
	}
}

// export returns all rows of an account.
func (s *env) export(id string) (rows []store.Row, sum store.MoveSum) {
	s.t.Helper()
	summer := store.NewMoveSummer()
	s.view(func(ctx context.Context, r store.Reader) (err error) {
		rows, err = collect(r.(store.MoveReader).Export(ctx, id))
		for _, row := range rows {
			summer.Add(row)
		}
		return err
	})
	return rows, summer.Sum()
}

// given yields rows.
func given(rows []store.Row) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		for _, r := range rows {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// The rows of an account make the same account in another store, apart from the
// incarnations.
func testExport(s *env) {
	s.furnish()
	s.create(withHome("b"))
	mark := s.leave("a")
	before := s.home("a")
	rows, sum := s.export("a")
	if want := int64(len(rows)); sum.Rows != want || want < 120 || sum.Bytes < 12<<10 {
		s.t.Errorf("%d rows were exported, the sum is %+v", len(rows), sum)
	}
	other := newEnv(s.t, s.e)
	var got store.MoveSum
	receive := func(ctx context.Context, w store.MoveWriter) (err error) {
		got, err = w.Receive(ctx, mark, given(rows))
		return err
	}
	if err := other.move(receive); err != nil {
		s.t.Fatal(err)
	}
	s.same(sum, got, "the sum of the rows that were received")
	after := other.home("a")
	before.Account.Leaving = ""
	s.takeIncarnations(map[string]home{"a": before}, map[string]home{"a": after})
	s.same(before, after, "the account that was received")
	s.wantClass(other.move(receive), store.ErrConflict, "receiving it again")
	s.wantClass(other.move(func(ctx context.Context, w store.MoveWriter) error { return w.Refuse(ctx, mark) }), store.ErrConflict, "refusing it afterwards")
	if err := s.move(func(ctx context.Context, w store.MoveWriter) error { return w.Remove(ctx, mark) }); err != nil {
		s.t.Fatal(err)
	}
	if all := s.everything(); len(all) != 1 || all["b"].Account == nil {
		s.t.Errorf("after the removal the store has the accounts %v", all)
	}
	s.view(func(ctx context.Context, r store.Reader) error {
		moves, err := r.(store.MoveReader).Moves(ctx, "a")
		if len(moves) != 1 || moves[0].State != store.MoveGone || moves[0].ID != mark.ID {
			s.t.Errorf("the marks are %+v", moves)
		}
		return err
	})
	// The id and the address are free again.
	s.create(withHome("a"))
	other.update(func(ctx context.Context, w store.Writer) error {
		return w.UndeleteComponent(ctx, "a", store.DefaultCalendar, "004.ics")
	})
}

// A store that cannot receive an account is unchanged.
func testMoveRefused(s *env) {
	s.furnish()
	mark := s.leave("a")
	rows, _ := s.export("a")
	changed := func(i int, fn func(r *store.Row)) []store.Row {
		out := slices.Clone(rows)
		out[i].Values = slices.Clone(out[i].Values)
		fn(&out[i])
		return out
	}
	other := newEnv(s.t, s.e)
	foreign := rows[len(rows)-1]
	foreign.Values = slices.Clone(foreign.Values)
	foreign.Values[slices.Index(foreign.Values, any("a"))] = "taken"
	for what, c := range map[string]struct {
		class error
		rows  []store.Row
	}{
		"an unknown table":       {store.ErrInvalid, changed(0, func(r *store.Row) { r.Table = "meta" })},
		"a missing column":       {store.ErrInvalid, changed(0, func(r *store.Row) { r.Values = r.Values[1:] })},
		"another type":           {store.ErrInvalid, changed(0, func(r *store.Row) { r.Values[0] = int64(1) })},
		"a row of somebody else": {store.ErrInvalid, append(slices.Clone(rows), foreign)},
		"rows in another order":  {store.ErrInvalid, append(slices.Clone(rows[len(rows)-1:]), rows[0])},
	} {
		before := other.everything()
		err := other.move(func(ctx context.Context, w store.MoveWriter) error {
			_, err := w.Receive(ctx, mark, given(c.rows))
			return err
		})
		s.wantClass(err, c.class, what)
		s.same(before, other.everything(), "after "+what)
	}
	other.create(person("taken", "second.a@example.com"))
	before := other.everything()
	err := other.move(func(ctx context.Context, w store.MoveWriter) error {
		_, err := w.Receive(ctx, mark, given(rows))
		return err
	})
	s.wantExists(err, "address", "taken")
	s.same(before, other.everything(), "after an address in use")
	other.create(person("A"))
	err = other.move(func(ctx context.Context, w store.MoveWriter) error {
		_, err := w.Receive(ctx, mark, given(rows))
		return err
	})
	s.wantExists(err, "account", "A")
	refuse := func(ctx context.Context, w store.MoveWriter) error { return w.Refuse(ctx, mark) }
	if err := errors.Join(other.move(refuse), other.move(refuse)); err != nil {
		s.t.Fatal(err)
	}
	err = other.move(func(ctx context.Context, w store.MoveWriter) error {
		_, err := w.Receive(ctx, mark, given(rows))
		return err
	})
	s.wantClass(err, store.ErrConflict, "receiving what was refused")
}

// A change that began before the account was marked is either exported or fails.
func testLeavesDuringChanges(s *env) {
	const writers = 4
	for round := range 5 {
		id := fmt.Sprintf("a%d", round)
		s.create(withHome(id))
		var wg sync.WaitGroup
		made := make([]int, writers)
		for n := range writers {
			wg.Go(func() {
				for i := 0; ; i++ {
					err := s.Update(s.t.Context(), func(ctx context.Context, w store.Writer) error {
						if n == 0 {
							return w.Subscribe(ctx, &store.Subscription{Account: id, Owner: store.Person{ID: fmt.Sprint(i), Address: "x@example.com"}, Calendar: "c"})
						}
						return w.PutComponent(ctx, id, store.DefaultCalendar, event(fmt.Sprintf("%d-%d.ics", n, i)), store.Condition{})
					})
					if err != nil {
						s.wantClass(err, store.ErrMoving, "a change of a leaving account")
						return
					}
					made[n]++
				}
			})
		}
		for {
			u := s.home(id).Usage
			if u.Components > 5 && u.Subscriptions > 1 {
				break
			}
		}
		s.leave(id)
		exported := map[string]int{}
		rows, _ := s.export(id)
		for _, r := range rows {
			exported[r.Table]++
		}
		wg.Wait()
		s.same(made[0], exported["subscription"], "subscriptions that were exported")
		s.same(made[1]+made[2]+made[3], exported["component"], "components that were exported")
		s.update(func(ctx context.Context, w store.Writer) error {
			moves, err := w.(store.MoveReader).Moves(ctx, id)
			if err != nil {
				return err
			}
			return w.(store.MoveWriter).Stay(ctx, moves[0])
		})
	}
}
