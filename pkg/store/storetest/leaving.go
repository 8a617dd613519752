package storetest

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func leavingTests() []test {
	return []test{
		{"LeavingRejects", testLeavingRejects},
		{"LeavingOverlaps", testLeavingOverlaps},
		{"LeavingLoad", testLeavingLoad},
	}
}

// leavingChanges gives the account a the content that the changes need which it returns. a
// subscribes to the calendar shared of c.
func (s *env) leavingChanges() map[string]change {
	s.t.Helper()
	s.furnish()
	s.create(withHome("b"), withHome("c"))
	deleted := &store.Attachment{Account: "a", Name: "deleted"}
	kept := &store.Attachment{Account: "a", Name: "kept"}
	queued := &store.Outgoing{Account: "a", Sender: "mailto:a@example.com", Recipient: "mailto:x@example.com", Method: "REQUEST", UID: "u", Text: []byte("x")}
	message := event("message.ics")
	message.Method = "REQUEST"
	shared := calendar("c", "shared")
	s.update(func(ctx context.Context, w store.Writer) error {
		return errors.Join(w.AddAttachment(ctx, deleted, bytes.NewReader([]byte("1")), 10), w.AddAttachment(ctx, kept, bytes.NewReader([]byte("2")), 10),
			w.DeleteAttachment(ctx, "a", deleted.ID), w.AddOutgoing(ctx, queued), w.PutComponent(ctx, "a", store.InboxName, message, store.Condition{}),
			w.CreateCalendar(ctx, &shared), w.PutComponent(ctx, "c", "shared", event("c.ics"), store.Condition{}),
			w.Subscribe(ctx, &store.Subscription{Account: "a", Owner: store.Person{ID: "c", Address: "c@example.com"}, Calendar: "shared"}))
	})
	set := func(calendar, resource string) change {
		return func(ctx context.Context, w store.Writer) error {
			x := store.Property{PropertyName: store.PropertyName{Namespace: "x:", Local: "p"}, Value: "v"}
			return w.SetProperties(ctx, store.PropertyPlace{Account: "a", Calendar: calendar, Resource: resource}, []store.PropertyChange{{Property: x}})
		}
	}
	move := func(from, to store.Place) change {
		return func(ctx context.Context, w store.Writer) error {
			return w.MoveComponent(ctx, from, to, false, store.Condition{})
		}
	}
	changes := map[string]change{
		"SetProperties of the home":     set("", ""),
		"SetProperties of a calendar":   set("full", ""),
		"SetProperties of a component":  set("full", "a.ics"),
		"RenameCalendar":                func(ctx context.Context, w store.Writer) error { return w.RenameCalendar(ctx, "a", "full", "new") },
		"RenameCalendar of another one": func(ctx context.Context, w store.Writer) error { return w.RenameCalendar(ctx, "c", "shared", "new") },
		"MoveCalendar away":             func(ctx context.Context, w store.Writer) error { return w.MoveCalendar(ctx, "a", "full", "b", "new") },
		"MoveCalendar to it":            func(ctx context.Context, w store.Writer) error { return w.MoveCalendar(ctx, "c", "shared", "a", "new") },
		"MoveCalendar of another one":   func(ctx context.Context, w store.Writer) error { return w.MoveCalendar(ctx, "c", "shared", "b", "new") },
		"MoveComponent away":            move(place("full", "a.ics"), store.Place{Account: "b", Calendar: store.DefaultCalendar, Name: "new.ics"}),
		"MoveComponent to it":           move(store.Place{Account: "c", Calendar: "shared", Name: "c.ics"}, place("full", "new.ics")),
		"MoveComponent within it":       move(place("full", "a.ics"), place("full", "new.ics")),
		"SetItemState": func(ctx context.Context, w store.Writer) error {
			return w.SetItemState(ctx, "a", store.InboxName, "message.ics", store.Read)
		},
	}
	maps.Copy(changes, s.moreLeavingChanges(kept.ID, deleted.ID, queued))
	return changes
}

// moreLeavingChanges is part of leavingChanges: changes of two attachments and a message, and
// those that need nothing.
func (s *env) moreLeavingChanges(kept, deleted string, queued *store.Outgoing) map[string]change {
	return map[string]change{
		"AddAttachment": func(ctx context.Context, w store.Writer) error {
			return w.AddAttachment(ctx, &store.Attachment{Account: "a", Name: "new"}, bytes.NewReader([]byte("3")), 10)
		},
		"DeleteAttachment":   func(ctx context.Context, w store.Writer) error { return w.DeleteAttachment(ctx, "a", kept) },
		"UndeleteAttachment": func(ctx context.Context, w store.Writer) error { return w.UndeleteAttachment(ctx, "a", deleted) },
		"AddOutgoing": func(ctx context.Context, w store.Writer) error {
			m := *queued
			return w.AddOutgoing(ctx, &m)
		},
		"FailOutgoing": func(ctx context.Context, w store.Writer) error {
			m := *queued
			return w.FailOutgoing(ctx, &m, "failed", s.clock.Now())
		},
		"RemoveOutgoing": func(ctx context.Context, w store.Writer) error { return w.RemoveOutgoing(ctx, "a", queued.ID) },
		"Subscribe": func(ctx context.Context, w store.Writer) error {
			return w.Subscribe(ctx, &store.Subscription{Account: "a", Owner: store.Person{ID: "b", Address: "b@example.com"}, Calendar: "c"})
		},
		"Unsubscribe": func(ctx context.Context, w store.Writer) error { return w.Unsubscribe(ctx, "a", "somebody", "c") },
		"CreateCalendar": func(ctx context.Context, w store.Writer) error {
			c := calendar("a", "new")
			return w.CreateCalendar(ctx, &c)
		},
		"PutComponent": func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "a", "full", event("new.ics"), store.Condition{})
		},
		"Reindex": func(ctx context.Context, w store.Writer) error {
			_, err := w.Reindex(ctx, store.IndexPlace{Account: "a", Number: 1, Name: "a.ics"}, "", store.Index{})
			return err
		},
		"UndeleteComponent": func(ctx context.Context, w store.Writer) error {
			return w.UndeleteComponent(ctx, "a", store.DefaultCalendar, "004.ics")
		},
		"DeleteCalendar":   func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "full") },
		"UndeleteCalendar": func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", "dropped") },
		"DeleteAccount":    func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") },
	}
}

// Whatever would change a leaving account is rejected before anything is written.
func testLeavingRejects(s *env) {
	changes := s.leavingChanges()
	s.leave("a")
	_, before := s.export("a")
	s.rejectsAll(store.ErrMoving, changes)
	_, after := s.export("a")
	s.same(before, after, "the leaving account")
}

// A change that meets the mark of a transaction before it is rejected, too, and nothing of it
// is committed even if the caller ignores the error.
func testLeavingOverlaps(s *env) {
	changes := s.leavingChanges()
	for what, fn := range changes {
		before := s.everything()
		_, exported := s.export("a")
		var mark store.Move
		first, second := s.overlap(func(ctx context.Context, w store.Writer) (err error) {
			mark, err = w.(store.MoveWriter).Leave(ctx, "a", "other")
			return err
		}, func(ctx context.Context, w store.Writer) error {
			s.ignoreMoving(fn(ctx, w), what)
			return nil
		})
		if first != nil || second != nil {
			s.t.Fatalf("%s: got errors %v and %v", what, first, second)
		}
		_, got := s.export("a")
		s.same(exported, got, "the account that left during "+what)
		if err := s.move(func(ctx context.Context, w store.MoveWriter) error { return w.Stay(ctx, mark) }); err != nil {
			s.t.Fatal(err)
		}
		s.same(before, s.everything(), "the store after "+what)
	}
}

// ignoreMoving expects an error of a change of an account that leaves. The first run of a
// transaction may see a conflict instead.
func (s *env) ignoreMoving(err error, what string) {
	if !errors.Is(err, store.ErrMoving) && !errors.Is(err, store.ErrConflict) {
		s.t.Errorf("%s of a leaving account: got error %v", what, err)
	}
}

// Components that are loaded while the account leaves are exported, or the load fails.
func testLeavingLoad(s *env) {
	l, ok := s.Store.(store.ComponentLoader)
	if !ok {
		s.t.Skipf("%s does not implement store.ComponentLoader", s.e.Name)
	}
	s.create(withHome("a"))
	other, made, done := s.open(), make(chan struct{}, 100), make(chan error, 1)
	go func() {
		done <- other.Update(s.t.Context(), func(ctx context.Context, w store.Writer) error {
			_, err := w.(store.MoveWriter).Leave(ctx, "a", "other")
			made <- struct{}{}
			time.Sleep(200 * time.Millisecond)
			return err
		})
	}()
	<-made
	err := l.LoadComponents(s.t.Context(), "a", store.DefaultCalendar, []*store.Component{event("1.ics")})
	s.wantClass(err, store.ErrMoving, "loading components while the account leaves")
	if err := <-done; err != nil {
		s.t.Error(err)
	}
	if n := len(s.home("a").Components[store.DefaultCalendar]); n != 0 {
		s.t.Errorf("the leaving account has %d components", n)
	}
}
