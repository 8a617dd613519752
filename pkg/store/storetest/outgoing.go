package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/store"
)

func outgoingTests() []test {
	return []test{
		{"Outgoing", testOutgoing},
		{"OutgoingClaim", testOutgoingClaim},
		{"OutgoingFail", testOutgoingFail},
		{"OutgoingRejected", testOutgoingRejected},
		{"OutgoingPurge", testOutgoingPurge},
		{"OutgoingConcurrent", testOutgoingConcurrent},
	}
}

// queued returns a message of an account.
func queued(account, uid string) store.Outgoing {
	return store.Outgoing{
		Account: account, Sender: "mailto:" + account + "@example.com", Recipient: "mailto:x@example.org", Method: "REQUEST", UID: uid,
		Text: []byte("BEGIN:VCALENDAR\r\nUID:" + uid + "\xff\r\nEND:VCALENDAR\r\n"),
	}
}

// queue adds messages in one transaction, and returns them as they were set.
func (s *env) queue(messages ...store.Outgoing) []*store.Outgoing {
	s.t.Helper()
	var out []*store.Outgoing
	s.update(func(ctx context.Context, w store.Writer) error {
		out = nil
		for _, m := range messages {
			if err := w.AddOutgoing(ctx, &m); err != nil {
				return err
			}
			out = append(out, &m)
		}
		return nil
	})
	return out
}

// claim claims messages for a minute.
func (s *env) claim(limit int) []*store.Outgoing {
	s.t.Helper()
	var out []*store.Outgoing
	s.update(func(ctx context.Context, w store.Writer) (err error) {
		out, err = w.ClaimOutgoing(ctx, s.clock.Now().Add(time.Minute), limit)
		return err
	})
	return out
}

// wantUIDs expects the messages with the UIDs, in this order.
func (s *env) wantUIDs(got []*store.Outgoing, what string, want ...string) {
	s.t.Helper()
	var uids []string
	for _, m := range got {
		uids = append(uids, m.UID)
	}
	if !slices.Equal(uids, want) {
		s.t.Errorf("%s: got the messages %q, want %q", what, uids, want)
	}
}

// A message is queued with the change that causes it, or not at all, and returned as it
// was.
func testOutgoing(s *env) {
	s.create(withHome("a"), withHome("b"))
	undone := errors.New("undone")
	err := s.try(func(ctx context.Context, w store.Writer) error {
		m := queued("a", "undone")
		return errors.Join(w.AddOutgoing(ctx, &m), undone)
	})
	if !errors.Is(err, undone) {
		s.t.Fatal(err)
	}
	later := queued("a", "3")
	later.NextAt = s.clock.stamp().Add(time.Hour)
	later.Sender, later.Recipient, later.Text = "urn:uuid:x';--", "mailto:ä@example.org", []byte(random(3000))
	want := append(s.queue(queued("a", "1"), queued("a", "2"), later), s.queue(queued("b", "'; --"))...)
	for _, m := range want {
		s.dated(m.Created, "the creation of a message")
		if m.ID == "" || m.Size != int64(len(m.Text)) || m.Tries != 0 || m.UID != "3" && !m.NextAt.Equal(m.Created) {
			s.t.Errorf("the message is %+v", m)
		}
	}
	s.same(want[:3], s.home("a").Extras.Outgoing, "messages of an account")
	s.view(func(ctx context.Context, r store.Reader) error {
		all, err := collect(r.OutgoingMessages(ctx, ""))
		if err != nil {
			return err
		}
		s.wantUIDs(all, "all messages", "1", "2", "3", "'; --")
		if len(all[0].Text) > 0 {
			s.t.Error("a listing has the text")
		}
		for account, n := range map[string]store.OutgoingCount{
			"": {Messages: 4, Due: 3, Oldest: want[0].Created}, "a": {Messages: 3, Due: 2, Oldest: want[0].Created}, "none": {}, "\x00": {},
		} {
			got, err := r.CountOutgoing(ctx, account)
			if err != nil {
				return err
			}
			s.same(n, got, "count of the messages of "+account)
		}
		hostile, err := collect(r.OutgoingMessages(ctx, "\xff"))
		s.wantUIDs(hostile, "an invalid account")
		return err
	})
	s.update(func(ctx context.Context, w store.Writer) error { return w.RemoveOutgoing(ctx, "a", want[0].ID) })
	s.same(want[1:3], s.home("a").Extras.Outgoing, "after one was sent")
}

// A claimed message is not claimed again, until its time has come.
func testOutgoingClaim(s *env) {
	s.create(withHome("a"), withHome("b"))
	later := queued("a", "later")
	later.NextAt = s.clock.stamp().Add(10 * time.Minute)
	s.queue(queued("b", "1"), queued("a", "2"), later, queued("a", "3"))
	claimed := s.claim(2)
	if len(claimed) != 2 {
		s.t.Fatalf("claimed %d messages, want 2", len(claimed))
	}
	for _, m := range claimed {
		if m.Tries != 1 || !m.NextAt.Equal(s.clock.stamp().Add(time.Minute)) || len(m.Text) > 0 || m.Size == 0 {
			s.t.Errorf("the claimed message is %+v", m)
		}
	}
	rest := s.claim(100)
	if len(rest) != 1 || slices.ContainsFunc(claimed, func(m *store.Outgoing) bool { return m.ID == rest[0].ID }) {
		s.t.Errorf("the second claim has %d messages", len(rest))
	}
	s.wantUIDs(s.claim(100), "a third claim")
	s.clock.advance(2 * time.Minute)
	s.wantUIDs(s.claim(100), "when the process died", "1", "2", "3")
	s.clock.advance(20 * time.Minute)
	again := s.claim(100)
	s.wantUIDs(again, "all", "1", "2", "later", "3")
	if again[0].Tries != 3 || again[2].Tries != 1 {
		s.t.Errorf("the tries are %d and %d", again[0].Tries, again[2].Tries)
	}
	// A claim that is rolled back has no effect.
	s.clock.advance(2 * time.Minute)
	undone := errors.New("undone")
	err := s.try(func(ctx context.Context, w store.Writer) error {
		if _, err := w.ClaimOutgoing(ctx, s.clock.Now().Add(time.Hour), 100); err != nil {
			return err
		}
		return undone
	})
	if !errors.Is(err, undone) {
		s.t.Fatal(err)
	}
	s.wantUIDs(s.claim(100), "after a rollback", "1", "2", "later", "3")
}

// A failed try is recorded, unless the message was claimed again.
func testOutgoingFail(s *env) {
	s.create(withHome("a"))
	s.queue(queued("a", "1"))
	m := s.claim(1)[0]
	next := s.clock.stamp().Add(time.Hour)
	for _, reason := range append(hostileTexts(), "\x00\xff", "", strings.Repeat("ä", store.MaxOutgoingError)) {
		s.update(func(ctx context.Context, w store.Writer) error { return w.FailOutgoing(ctx, m, reason, next) })
		got := s.home("a").Extras.Outgoing[0]
		if got.LastError != m.LastError || got.LastError != store.ClipError(reason) || len(got.LastError) > store.MaxOutgoingError || !utf8.ValidString(got.LastError) ||
			!got.NextAt.Equal(next) || !m.NextAt.Equal(next) || got.Tries != 1 {
			s.t.Errorf("%.50q: the message is %.300v", reason, got)
		}
	}
	s.wantUIDs(s.claim(1), "before its time")
	s.clock.advance(2 * time.Hour)
	again := s.claim(1)
	s.wantUIDs(again, "at its time", "1")
	s.rejects(store.ErrConflict, "a try before the last one", func(ctx context.Context, w store.Writer) error {
		old := *m
		return w.FailOutgoing(ctx, &old, "late", next)
	})
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.FailOutgoing(ctx, again[0], "now", time.Time{})
	})
	s.wantUIDs(s.claim(1), "due at once", "1")
	s.update(func(ctx context.Context, w store.Writer) error { return w.RemoveOutgoing(ctx, "a", m.ID) })
	s.rejects(store.ErrNotFound, "a sent message", func(ctx context.Context, w store.Writer) error { return w.FailOutgoing(ctx, again[0], "x", next) })
}

func testOutgoingRejected(s *env) {
	s.create(withHome("a"), withHome("gone"))
	m := s.queue(queued("a", "1"))[0]
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
	add := func(to func(*store.Outgoing)) change {
		x := queued("a", "2")
		to(&x)
		return func(ctx context.Context, w store.Writer) error { return w.AddOutgoing(ctx, &x) }
	}
	claim := func(in time.Duration, limit int) change {
		return func(ctx context.Context, w store.Writer) error {
			_, err := w.ClaimOutgoing(ctx, s.clock.Now().Add(in), limit)
			return err
		}
	}
	invalid := map[string]change{
		"no text": add(func(m *store.Outgoing) { m.Text = nil }), "no UID": add(func(m *store.Outgoing) { m.UID = "" }), "a long UID": add(func(m *store.Outgoing) { m.UID = random(store.MaxUID + 1) }),
		"a UID with NUL": add(func(m *store.Outgoing) { m.UID = "\x00" }), "no method": add(func(m *store.Outgoing) { m.Method = "" }), "another method": add(func(m *store.Outgoing) { m.Method = "request" }),
		"a claim until now": claim(0, 1), "a claim until before": claim(-time.Hour, 1), "a claim of nothing": claim(time.Hour, 0), "a claim of less": claim(time.Hour, -1),
		"a claim of all": claim(time.Hour, store.MaxClaim+1),
	}
	for _, address := range []string{"", "a b", "mailto:x\r\nX: y", "\x00", "\xff", "mailto:" + random(store.MaxCalendarAddress)} {
		invalid[fmt.Sprintf("sender %.20q", address)] = add(func(m *store.Outgoing) { m.Sender = address })
		invalid[fmt.Sprintf("recipient %.20q", address)] = add(func(m *store.Outgoing) { m.Recipient = address })
	}
	s.rejectsAll(store.ErrInvalid, invalid)
	missing := map[string]change{"no account": add(func(m *store.Outgoing) { m.Account = "none" }), "hostile account": add(func(m *store.Outgoing) { m.Account = "\xff" })}
	for what, key := range map[string][2]string{"no id": {"a", ""}, "another id": {"a", "0"}, "hostile id": {"a", "\x00"}, "another account": {"b", m.ID}, "invalid account": {"\xff", m.ID}} {
		missing["reading "+what] = func(ctx context.Context, w store.Writer) error {
			_, err := w.OutgoingMessage(ctx, key[0], key[1])
			return err
		}
		missing["removing "+what] = func(ctx context.Context, w store.Writer) error { return w.RemoveOutgoing(ctx, key[0], key[1]) }
		missing["failing "+what] = func(ctx context.Context, w store.Writer) error {
			return w.FailOutgoing(ctx, &store.Outgoing{Account: key[0], ID: key[1]}, "x", s.clock.Now())
		}
	}
	s.rejectsAll(store.ErrNotFound, missing)
	s.rejects(store.ErrDeleted, "a deleted account", add(func(m *store.Outgoing) { m.Account = "gone" }))
	s.rejects(store.ErrListing, "while a listing is being read", func(ctx context.Context, w store.Writer) error {
		for _, err := range w.OutgoingMessages(ctx, "") {
			if err != nil {
				return err
			}
			return claim(time.Hour, 1)(ctx, w)
		}
		return nil
	})
}

// The messages of a deleted account are sent, until it is purged.
func testOutgoingPurge(s *env) {
	s.create(withHome("a"), withHome("b"))
	s.queue(queued("a", "1"), queued("b", "2"), queued("a", "3"))
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") })
	s.wantUIDs(s.claim(100), "of a deleted account, too", "1", "2", "3")
	s.same(store.Purged{Accounts: 1, Calendars: 4, Messages: 2}, s.purge(), "purged")
	s.wantUIDs(s.claim(100), "after the purge", "2")
}

// Several processes that claim at once claim each message exactly once within the time of
// their claims.
func testOutgoingConcurrent(s *env) {
	const workers, total = 6, 60
	s.create(withHome("a"), withHome("b"))
	var list []store.Outgoing
	for i := range total {
		list = append(list, queued([]string{"a", "b"}[i%2], fmt.Sprint(i)))
	}
	s.queue(list...)
	handles, ctx := []store.Store{s.Store, s.open(), s.open()}, s.t.Context()
	var mu sync.Mutex
	held, sent := map[string]bool{}, map[string]int{}
	work := func(st store.Store) (n int, err error) {
		var got []*store.Outgoing
		err = st.Update(ctx, func(ctx context.Context, w store.Writer) (err error) {
			got, err = w.ClaimOutgoing(ctx, s.clock.Now().Add(time.Hour), 5)
			return err
		})
		for _, m := range got {
			mu.Lock()
			if held[m.ID] {
				s.t.Errorf("message %s was claimed twice", m.UID)
			}
			held[m.ID] = true
			sent[m.UID]++
			mu.Unlock()
		}
		return len(got), err
	}
	errs := concurrently(workers, func(i int) error {
		for {
			n, err := work(handles[i%len(handles)])
			if err != nil || n == 0 {
				return err
			}
		}
	})
	if err := errors.Join(errs...); err != nil {
		s.t.Fatal(err)
	}
	for len(sent) < total { // a claim may return less when there are others
		n, err := work(s.Store)
		if err != nil {
			s.t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	if len(sent) != total {
		s.t.Errorf("%d of %d messages were claimed", len(sent), total)
	}
}
