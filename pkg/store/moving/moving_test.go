package moving_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/moving"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

// onFile returns an empty store in a file.
func onFile(t *testing.T, backend string) store.Store {
	t.Helper()
	o := sqlite.Options{Path: filepath.Join(t.TempDir(), backend), Backend: backend}
	if err := sqlite.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// onServer returns an empty store on a server.
func onServer(t *testing.T, server *servertest.PostgresServer, backend string) store.Store {
	t.Helper()
	if err := server.CreateDatabase(t.Context(), backend); err != nil {
		t.Fatal(err)
	}
	o := postgres.Options{URL: server.URL(backend), Backend: backend}
	if err := postgres.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// put writes n components of a size into the calendar of an account.
func put(t *testing.T, s store.Store, id string, n, size int) {
	t.Helper()
	err := s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
		for i := range n {
			name := fmt.Sprintf("%d-%d.ics", size, i)
			m := &store.Component{Name: name, UID: name, Type: "VEVENT", Text: bytes.Repeat([]byte{byte(i), 0, 0xff, 'x'}, size/4)}
			if err := w.PutComponent(ctx, id, store.DefaultCalendar, m, store.Condition{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// create creates an account with a calendar and components, one of them in the trash.
func create(t *testing.T, s store.Store, id string) {
	t.Helper()
	err := s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(ctx, &store.NewAccount{
			Account:   store.Account{ID: id, Kind: store.User, Addresses: []string{id + "@example.com", "alias-" + id + "@example.com"}},
			Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"}}},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, id, 60, 400)
	put(t, s, id, 5, 400<<10)
	err = s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
		return errors.Join(w.DeleteComponent(ctx, id, store.DefaultCalendar, "400-7.ics", store.Condition{}),
			w.Subscribe(ctx, &store.Subscription{Account: id, Owner: store.Person{ID: "o", Address: "o@example.com"}, Calendar: "c"}))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// content returns what a store has of an account: the sum of its rows, and whether it can
// be changed there. A zero sum means that the store has nothing.
func content(t *testing.T, s store.Store, id string) (sum store.MoveSum, leaving string) {
	t.Helper()
	err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		a, err := r.Account(ctx, id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		leaving = a.Leaving
		summer := store.NewMoveSummer()
		for row, err := range r.(store.MoveReader).Export(ctx, id) {
			if err != nil {
				return err
			}
			summer.Add(row)
		}
		sum = summer.Sum()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum, leaving
}

// wantOne expects that an account is active, with this content, in exactly one store, and
// returns that store.
func wantOne(t *testing.T, id string, want store.MoveSum, stores ...store.Store) (active store.Store) {
	t.Helper()
	for i, s := range stores {
		sum, leaving := content(t, s, id)
		if sum == (store.MoveSum{}) {
			continue
		}
		if sum != want {
			t.Errorf("%s has %+v, want %+v", s.Backend(), sum, want)
		}
		if leaving != "" {
			other := stores[1-i]
			gone, err := moving.Superseded(t.Context(), s, other, id)
			if err != nil {
				t.Fatal(err)
			}
			if gone {
				continue
			}
		}
		if active != nil {
			t.Errorf("the account is active in %s and in %s", active.Backend(), s.Backend())
		}
		active = s
	}
	if active == nil {
		t.Error("the account is active in no store")
	}
	return active
}

// token returns the sync token of the calendar.
func token(t *testing.T, s store.Store, id string) (out store.Token) {
	t.Helper()
	err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		c, err := r.Calendar(ctx, id, store.DefaultCalendar)
		if err == nil {
			out, err = r.Token(ctx, c)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

var errStop = errors.New("stopped by the test")

// stopAfter returns options that end a move after the nth transaction.
func stopAfter(n int) moving.Options {
	return moving.Options{After: func() error {
		if n--; n == 0 {
			return errStop
		}
		return nil
	}}
}

// pairs runs a test from each engine to each.
func pairs(t *testing.T, test func(t *testing.T, from, to store.Store)) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	for i, make := range [][2]func(t *testing.T, backend string) store.Store{
		{onFile, onFile},
		{onFile, func(t *testing.T, b string) store.Store { return onServer(t, server, b) }},
		{func(t *testing.T, b string) store.Store { return onServer(t, server, b) }, onFile},
		{func(t *testing.T, b string) store.Store { return onServer(t, server, b) }, func(t *testing.T, b string) store.Store { return onServer(t, server, b) }},
	} {
		t.Run([]string{"file to file", "file to server", "server to file", "server to server"}[i], func(t *testing.T) {
			test(t, make[0](t, fmt.Sprintf("from%d", i)), make[1](t, fmt.Sprintf("to%d", i)))
		})
	}
}

// A move that stops after any of its transactions leaves the account active in exactly one
// store, and the next run ends it.
func TestStoppedAnywhere(t *testing.T) {
	pairs(t, func(t *testing.T, from, to store.Store) {
		for n := 1; n <= 4; n++ {
			id := fmt.Sprintf("stopped-after-%d", n)
			create(t, from, id)
			want, _ := content(t, from, id)
			result, err := moving.Move(t.Context(), from, to, id, stopAfter(n))
			if stops := n <= 3; errors.Is(err, errStop) != stops || !stops && err != nil {
				t.Fatalf("%s: got error %v", id, err)
			}
			if active := wantOne(t, id, want, from, to); (active == from) != (n < 2) {
				t.Errorf("%s: the account is active in %s", id, active.Backend())
			}
			if n <= 3 {
				result, err = moving.Move(t.Context(), from, to, id, moving.Options{})
			}
			var gone *moving.GoneError
			switch {
			case n == 3 && !errors.As(err, &gone), n != 3 && err != nil:
				t.Errorf("%s: the next run: got error %v", id, err)
			case n == 1 && (result.MoveSum != want || !result.Resumed), n == 4 && (result.MoveSum != want || result.Resumed):
				t.Errorf("%s: the result is %+v, want %+v", id, result, want)
			}
			if active := wantOne(t, id, want, from, to); active != to {
				t.Errorf("%s: after the next run the account is active in %s", id, active.Backend())
			}
			if sum, _ := content(t, from, id); sum != (store.MoveSum{}) {
				t.Errorf("%s: %s still has %+v", id, from.Backend(), sum)
			}
			put(t, to, id, 1, 8)
		}
	})
}

// Tokens of before a move are old after it, and after the account came back with what was
// changed meanwhile.
func TestThereAndBack(t *testing.T) {
	pairs(t, func(t *testing.T, from, to store.Store) {
		create(t, from, "a")
		early := token(t, from, "a")
		if _, err := moving.Move(t.Context(), from, to, "a", moving.Options{}); err != nil {
			t.Fatal(err)
		}
		put(t, to, "a", 2, 100)
		want, _ := content(t, to, "a")
		there := token(t, to, "a")
		if _, err := moving.Move(t.Context(), to, from, "a", moving.Options{}); err != nil {
			t.Fatal(err)
		}
		wantOne(t, "a", want, from, to)
		for _, since := range []store.Token{early, there} {
			err := from.View(t.Context(), func(ctx context.Context, r store.Reader) error {
				_, _, err := r.Changes(ctx, "a", store.DefaultCalendar, since, 0)
				return err
			})
			if !errors.Is(err, store.ErrTokenOld) {
				t.Errorf("the token %s: got error %v", since, err)
			}
		}
		// And away again, by a mark of its own.
		if _, err := moving.Move(t.Context(), from, to, "a", stopAfter(2)); !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		if active := wantOne(t, "a", want, from, to); active != to {
			t.Errorf("the account is active in %s", active.Backend())
		}
	})
}

// Whatever cannot be moved is refused before anything is changed, and what the other store
// cannot receive stays.
func TestRefusals(t *testing.T) {
	pairs(t, func(t *testing.T, from, to store.Store) {
		for _, id := range []string{"a", "b", "deleted"} {
			create(t, from, id)
		}
		want, _ := content(t, from, "a")
		third := onFile(t, "third")
		err := to.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
			return errors.Join(
				w.CreateAccount(ctx, &store.NewAccount{Account: store.Account{ID: "x", Kind: store.User, Addresses: []string{"Alias-A@example.com"}}}),
				w.CreateAccount(ctx, &store.NewAccount{Account: store.Account{ID: "B", Kind: store.User, Addresses: []string{"x@example.com"}}}))
		})
		err = errors.Join(err, from.Update(t.Context(), func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "deleted") }))
		if err != nil {
			t.Fatal(err)
		}
		for id, class := range map[string]error{"a": store.ErrExists, "b": store.ErrExists, "deleted": store.ErrDeleted, "absent": store.ErrNotFound} {
			if _, err := moving.Move(t.Context(), from, to, id, stopAfter(1)); !errors.Is(err, class) {
				t.Errorf("%s: got error %v, want %v", id, err, class)
			}
		}
		if _, err := moving.Move(t.Context(), from, from, "a", moving.Options{}); !errors.Is(err, store.ErrConflict) {
			t.Errorf("to the same store: got error %v", err)
		}
		// The address is taken after the account was marked.
		if _, err := moving.Move(t.Context(), from, third, "a", stopAfter(1)); !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		if _, err := moving.Move(t.Context(), from, to, "a", moving.Options{}); !errors.Is(err, store.ErrMoving) {
			t.Errorf("to another store: got error %v", err)
		}
		err = third.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
			return w.CreateAccount(ctx, &store.NewAccount{Account: store.Account{ID: "y", Kind: store.User, Addresses: []string{"a@example.com"}}})
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := moving.Move(t.Context(), from, third, "a", moving.Options{}); !errors.Is(err, store.ErrExists) {
			t.Errorf("an address that was taken meanwhile: got error %v", err)
		}
		if active := wantOne(t, "a", want, from, third); active != from {
			t.Errorf("the account is active in %s", active.Backend())
		}
		put(t, from, "a", 1, 8) // it is not marked any more
	})
}

// A run that was refused cannot arrive later.
func TestCancelled(t *testing.T) {
	pairs(t, func(t *testing.T, from, to store.Store) {
		create(t, from, "a")
		want, _ := content(t, from, "a")
		if _, err := moving.Move(t.Context(), from, to, "a", stopAfter(1)); !errors.Is(err, errStop) {
			t.Fatal(err)
		}
		var mark store.Move
		err := from.View(t.Context(), func(ctx context.Context, r store.Reader) error {
			for m, err := range r.(store.MoveReader).Leaving(ctx) {
				mark = m
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		// The process ends between the two transactions of Cancel.
		err = to.Update(t.Context(), func(ctx context.Context, w store.Writer) error { return w.(store.MoveWriter).Refuse(ctx, mark) })
		if err != nil {
			t.Fatal(err)
		}
		wantOne(t, "a", want, from, to)
		if err := moving.Cancel(t.Context(), from, to, mark); err != nil {
			t.Fatal(err)
		}
		put(t, from, "a", 1, 8)
		if err := moving.Cancel(t.Context(), from, to, mark); !errors.Is(err, store.ErrConflict) {
			t.Errorf("cancelling twice: got error %v", err)
		}
		result, err := moving.Move(t.Context(), from, to, "a", moving.Options{})
		if err != nil || result.Rows == 0 {
			t.Errorf("the move after that: %+v, error %v", result, err)
		}
		if diff := cmp.Diff([]store.Move(nil), leavingOf(t, from)); diff != "" {
			t.Error(diff)
		}
	})
}

func leavingOf(t *testing.T, s store.Store) (out []store.Move) {
	t.Helper()
	err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		for m, err := range r.(store.MoveReader).Leaving(ctx) {
			if err != nil {
				return err
			}
			out = append(out, m)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Several processes that move the same account move it once.
func TestConcurrentRuns(t *testing.T) {
	pairs(t, func(t *testing.T, from, to store.Store) {
		create(t, from, "a")
		want, _ := content(t, from, "a")
		errs := make(chan error)
		for range 4 {
			go func() {
				_, err := moving.Move(t.Context(), from, to, "a", moving.Options{})
				errs <- err
			}()
		}
		for range 4 {
			if err := <-errs; err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("got error %v", err)
			}
		}
		if active := wantOne(t, "a", want, from, to); active != to || len(leavingOf(t, from)) > 0 {
			t.Errorf("the account is active in %s; leaving: %v", active.Backend(), leavingOf(t, from))
		}
	})
}

// Moving 40 MiB takes little memory.
func TestMemory(t *testing.T) {
	pairs(t, func(t *testing.T, from, to store.Store) {
		create(t, from, "a")
		for i := range 10 {
			put(t, from, "a", 1, 4<<20+4*i)
		}
		want, _ := content(t, from, "a")
		var before, now runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		if _, err := moving.Move(t.Context(), from, to, "a", moving.Options{After: func() error {
			runtime.ReadMemStats(&now)
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
		if active := wantOne(t, "a", want, from, to); active != to {
			t.Errorf("the account is active in %s", active.Backend())
		}
		if grown := int64(now.HeapSys) - int64(before.HeapSys); grown > 64<<20 {
			t.Errorf("the heap has grown by %d MiB", grown>>20)
		}
	})
}

// The store that receives an account whose spans were computed by an older algorithm has
// that one's number then, and computes all spans again.
func TestMoveKeepsTheAlgorithmOfSpans(t *testing.T) {
	set := func(s store.Store, algorithm int) {
		t.Helper()
		err := s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
			run, err := w.BeginSpans(ctx, algorithm)
			if err != nil {
				return err
			}
			return w.EndSpans(ctx, run)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	want := func(s store.Store, algorithm int) {
		t.Helper()
		err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
			state, err := r.SpanState(ctx)
			if err == nil && state.Algorithm != algorithm {
				t.Errorf("store %s has the number %d, want %d", s.Backend(), state.Algorithm, algorithm)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	older, newer := onFile(t, "older"), onFile(t, "newer")
	create(t, older, "a")
	create(t, newer, "b")
	set(older, 4)
	set(newer, 5)
	if _, err := moving.Move(t.Context(), newer, older, "b", moving.Options{}); err != nil {
		t.Fatal(err)
	}
	want(older, 4)
	want(newer, 5)
	if _, err := moving.Move(t.Context(), older, newer, "a", moving.Options{}); err != nil {
		t.Fatal(err)
	}
	want(older, 4)
	want(newer, 4)
}
