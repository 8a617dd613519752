package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/storetest"
)

// paired creates a store on a pair of servers, and opens it with a URL that names both
// and selects the one that accepts changes.
func paired(t *testing.T, p *servertest.PostgresPair) *postgres.Store {
	t.Helper()
	o := postgres.Options{URL: p.URL("postgres", "read-write"), Backend: storetest.Backend, Connections: 16}
	if err := postgres.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return opened(t, o)
}

// opened opens a store until the test ends.
func opened(t *testing.T, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// writer creates accounts and puts a component into each, in two transactions, and
// continues through the failover. An account has the number of the writer and of the
// round.
type writer struct {
	store   *postgres.Store
	number  int
	acked   map[string]bool // what was acknowledged, by name
	unknown map[string]bool // commits whose result is unknown
	commits []time.Time     // of what was acknowledged
	err     error           // unexpected
}

// put creates an account with a component in its calendar.
func (w *writer) put(ctx context.Context, id string) error {
	return w.store.Update(ctx, func(ctx context.Context, tx store.Writer) error {
		err := tx.CreateAccount(ctx, &store.NewAccount{
			Account:   store.Account{ID: id, Kind: store.User, Addresses: []string{id + "@example.com"}},
			Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"}}},
		})
		if err != nil {
			return err
		}
		return tx.PutComponent(ctx, id, store.DefaultCalendar, component(id), store.Condition{})
	})
}

func component(id string) *store.Component {
	return &store.Component{Name: id + ".ics", UID: id, Type: "VEVENT", Text: []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")}
}

// run creates accounts until the writer has created some after the channel more is
// closed. What a commit did whose answer was lost is looked up later, so the next try
// takes another id.
func (w *writer) run(ctx context.Context, more <-chan struct{}) {
	w.acked, w.unknown = map[string]bool{}, map[string]bool{}
	left := 20
	for n := 0; left > 0 && w.err == nil; n++ {
		id := fmt.Sprintf("w%d-%d", w.number, n)
		err := w.put(ctx, id)
		var unknown *store.CommitUnknown
		switch {
		case err == nil:
			w.acked[id] = true
			w.commits = append(w.commits, time.Now())
			select {
			case <-more:
				left--
			default:
			}
		case errors.As(err, &unknown):
			w.unknown[id] = true
		case errors.Is(err, store.ErrUnavailable):
			time.Sleep(20 * time.Millisecond)
		default:
			w.err = fmt.Errorf("%s: %w", id, err)
		}
	}
}

// standstill returns the longest time between two commits of all writers.
func standstill(writers []*writer) (longest time.Duration) {
	var all []time.Time
	for _, w := range writers {
		all = append(all, w.commits...)
	}
	slices.SortFunc(all, time.Time.Compare)
	for i := 1; i < len(all); i++ {
		longest = max(longest, all[i].Sub(all[i-1]))
	}
	return longest
}

// found returns the ids of the accounts in the store whose component is there, too.
func found(t *testing.T, s store.Store) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		var accounts []*store.Account
		for a, err := range r.Accounts(ctx, store.AccountFilter{}) {
			if err != nil {
				return err
			}
			accounts = append(accounts, a)
		}
		for _, a := range accounts {
			if _, err := r.Component(ctx, a.ID, store.DefaultCalendar, a.ID+".ics"); err != nil {
				return fmt.Errorf("account %s is there, but half: %w", a.ID, err)
			}
			ids[a.ID] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// With synchronous replication, nothing that was acknowledged is lost with the primary,
// and the writers continue on the standby server. In the first round the standby server
// stops following before the primary is lost.
func TestFailoverLosesNothing(t *testing.T) {
	for round := range tier.Rounds(t, 1, 5) {
		p := servertest.Pair(t, servertest.PairOptions{Synchronous: true, Fsync: true})
		s := paired(t, p)
		var writers []*writer
		var all sync.WaitGroup
		more := make(chan struct{})
		for n := range 8 {
			w := &writer{store: s, number: n}
			writers = append(writers, w)
			all.Go(func() { w.run(t.Context(), more) })
		}
		time.Sleep(500 * time.Millisecond)
		if round == 0 {
			if err := p.Standby.Set(t.Context(), "primary_conninfo", ""); err != nil {
				t.Fatal(err)
			}
			time.Sleep(500 * time.Millisecond)
		}
		killed := time.Now()
		if err := errors.Join(p.Primary.Kill(), p.Standby.Promote(t.Context())); err != nil {
			t.Fatal(err)
		}
		promoted := time.Now()
		close(more)
		all.Wait()
		there, acked, unknown := found(t, s), 0, 0
		for _, w := range writers {
			if w.err != nil {
				t.Errorf("writer %d: %v", w.number, w.err)
			}
			for id := range w.acked {
				if acked++; !there[id] {
					t.Errorf("%s was acknowledged and is lost", id)
				}
				delete(there, id)
			}
			for id := range w.unknown {
				unknown++
				delete(there, id)
			}
		}
		if len(there) > 0 {
			t.Errorf("%d accounts exist whose creation failed: %v", len(there), there)
		}
		if round == 0 && unknown == 0 {
			t.Error("no commit waited for the standby server")
		}
		still := standstill(writers)
		t.Logf("%d commits, %d unknown; no commit succeeded for %s; the promotion took %s", acked, unknown, still.Round(time.Millisecond), promoted.Sub(killed).Round(time.Millisecond))
		if still > 30*time.Second {
			t.Errorf("no commit succeeded for %s", still)
		}
	}
}

// A standby server that takes over without the last commits has every client sync again,
// also those that know of commits that were lost.
func TestFailoverThatLosesCommits(t *testing.T) {
	p := servertest.Pair(t, servertest.PairOptions{})
	s, ctx := paired(t, p), t.Context()
	w := &writer{store: s}
	put := func(name string) {
		t.Helper()
		err := s.Update(ctx, func(ctx context.Context, tx store.Writer) error {
			return tx.PutComponent(ctx, "a", store.DefaultCalendar, component(name), store.Condition{})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.put(ctx, "a"), p.CaughtUp(ctx)); err != nil {
		t.Fatal(err)
	}
	replicated := tokenOf(t, s, "a")
	if err := p.Standby.Stop(servertest.Fast); err != nil {
		t.Fatal(err)
	}
	put("lost1")
	lost := tokenOf(t, s, "a")
	if err := changesSince(ctx, s, "a", replicated); err != nil {
		t.Errorf("before the failover: %v", err)
	}
	if err := errors.Join(p.Primary.Kill(), p.Standby.Start(ctx), p.Standby.Promote(ctx)); err != nil {
		t.Fatal(err)
	}
	_ = s.View(ctx, func(context.Context, store.Reader) error { return nil }) // finds that its connections are gone
	for what, token := range map[string]store.Token{"a replicated commit": replicated, "a lost commit": lost} {
		if err := changesSince(ctx, s, "a", token); !errors.Is(err, store.ErrTokenOld) {
			t.Errorf("the token of %s: got error %v", what, err)
		}
	}
	// New commits reach the revision of the lost ones, with other content.
	put("new1")
	if now := tokenOf(t, s, "a"); now.Revision != lost.Revision {
		t.Errorf("the revision is %d, want that of the lost commit, %d", now.Revision, lost.Revision)
	}
	if err := changesSince(ctx, s, "a", lost); !errors.Is(err, store.ErrTokenOld) {
		t.Errorf("the token of a lost commit, at its revision: got error %v", err)
	}
	if err := changesSince(ctx, s, "a", tokenOf(t, s, "a")); err != nil {
		t.Errorf("a new token: %v", err)
	}
}

// A commit whose wait for the standby server ends is not reported as a success.
func TestCommitWhileTheStandbyIsStopped(t *testing.T) {
	p := servertest.Pair(t, servertest.PairOptions{Synchronous: true})
	s := paired(t, p)
	w := &writer{store: s}
	if err := w.put(t.Context(), "before"); err != nil {
		t.Fatal(err)
	}
	if err := p.Standby.Stop(servertest.Fast); err != nil {
		t.Fatal(err)
	}
	waiting := func(ctx context.Context, id string) <-chan error {
		t.Helper()
		done := make(chan error, 1)
		go func() { done <- w.put(ctx, id) }()
		for {
			n, err := p.Primary.Psql(t.Context(), "postgres", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
			if err != nil {
				t.Fatal(err)
			}
			if n == "1" {
				return done
			}
			select {
			case err := <-done:
				t.Fatalf("%s did not wait: %v", id, err)
			case <-time.After(10 * time.Millisecond):
			}
		}
	}
	var unknown *store.CommitUnknown
	done := waiting(t.Context(), "cancelled")
	if _, err := p.Primary.Psql(t.Context(), "postgres", "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.As(err, &unknown) || !unknown.Unreplicated {
		t.Errorf("the wait was cancelled by an administrator: got error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done = waiting(ctx, "stopped")
	cancel()
	began := time.Now()
	err := <-done
	if took := time.Since(began); !errors.As(err, &unknown) || !errors.Is(err, context.Canceled) && !unknown.Unreplicated || took > 10*time.Second {
		t.Errorf("the context ended: got error %v after %s", err, took)
	}
	// Both were saved on the primary, and reach the standby server when it comes back.
	if err := errors.Join(p.Standby.Start(t.Context()), w.put(t.Context(), "after"), p.Primary.Kill(), p.Standby.Promote(t.Context())); err != nil {
		t.Fatal(err)
	}
	_ = s.View(t.Context(), func(context.Context, store.Reader) error { return nil })
	if there := found(t, s); len(there) != 4 {
		t.Errorf("after the failover: %v", there)
	}
}

// A standby server on its own can be read, and refuses changes.
func TestStandbyAlone(t *testing.T) {
	p := servertest.Pair(t, servertest.PairOptions{})
	s := paired(t, p)
	w := &writer{store: s}
	if err := errors.Join(w.put(t.Context(), "a"), p.CaughtUp(t.Context()), p.Primary.Kill()); err != nil {
		t.Fatal(err)
	}
	reading := opened(t, postgres.Options{URL: p.URL("postgres", "any"), Backend: storetest.Backend})
	if there := found(t, reading); !there["a"] {
		t.Errorf("the standby server has %v", there)
	}
	if err := changesSince(t.Context(), reading, "a", tokenOf(t, reading, "a")); err != nil {
		t.Errorf("a token of the standby server: %v", err)
	}
	for what, err := range map[string]error{
		"an update": (&writer{store: reading}).put(t.Context(), "b"),
		"a load":    reading.Load(t.Context(), []*store.NewAccount{{Account: store.Account{ID: "b", Kind: store.User, Addresses: []string{"b@example.com"}}}}),
	} {
		var at *store.PlaceError
		if !errors.Is(err, store.ErrReadOnly) || !errors.As(err, &at) {
			t.Errorf("%s: got error %v", what, err)
		}
	}
	_, err := postgres.Open(t.Context(), postgres.Options{URL: p.URL("postgres", "read-write"), Backend: storetest.Backend})
	want := []string{fmt.Sprintf("127.0.0.1:%d: connection refused; ", p.Primary.Port), fmt.Sprintf("127.0.0.1:%d: not selected by target_session_attrs: the server is read-only", p.Standby.Port)}
	var none *postgres.NoPrimaryError
	if !errors.Is(err, store.ErrUnavailable) || !errors.As(err, &none) || !strings.Contains(err.Error(), want[0]+want[1]) {
		t.Errorf("no server accepts changes: got error %v", err)
	}
}
