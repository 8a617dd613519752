package sqlite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// queue is a store whose next callers wait in line until run is called, so that they come
// in the order of add.
type queue struct {
	t       *testing.T
	s       *Store
	release chan struct{}
	running sync.WaitGroup
	errs    []*error
}

func newQueue(t *testing.T, s *Store) *queue {
	s.age = time.Hour // the machine may be slow
	q := &queue{t: t, s: s, release: make(chan struct{})}
	held := make(chan struct{})
	q.running.Go(func() {
		err := s.change(context.Background(), true, func(*connection) error { close(held); <-q.release; return nil })
		if err != nil {
			t.Error(err)
		}
	})
	<-held
	return q
}

// add starts call and waits until it is in the line.
func (q *queue) add(call func() error) *error {
	q.t.Helper()
	err := new(error)
	q.errs = append(q.errs, err)
	q.running.Go(func() { *err = call() })
	for range 5000 {
		q.s.writers.mu.Lock()
		n := q.s.writers.waiting.Len()
		q.s.writers.mu.Unlock()
		if n == len(q.errs) {
			return err
		}
		time.Sleep(time.Millisecond)
	}
	q.t.Fatal("a caller does not come into the line")
	return nil
}

// create adds an Update that creates an account.
func (q *queue) create(id string) *error {
	q.t.Helper()
	return q.add(func() error { return create(context.Background(), q.s, id) })
}

// run lets the callers in the line go, and waits for them.
func (q *queue) run() {
	close(q.release)
	q.running.Wait()
}

func create(ctx context.Context, s *Store, id string) error {
	return s.Update(ctx, func(ctx context.Context, w store.Writer) error { return createIn(ctx, w, id) })
}

func createIn(ctx context.Context, w store.Writer, id string) error {
	return w.CreateAccount(ctx, &store.NewAccount{Account: store.Account{ID: id, Kind: store.User, Addresses: []string{id + "@example.com"}}})
}

// wantAccounts expects that exactly these accounts exist.
func wantAccounts(t *testing.T, s *Store, ids ...string) {
	t.Helper()
	var got []string
	err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		for a, err := range r.Accounts(ctx, store.AccountFilter{Order: store.ByID}) {
			if err != nil {
				return err
			}
			got = append(got, a.ID)
		}
		return nil
	})
	if err != nil || fmt.Sprint(got) != fmt.Sprint(ids) {
		t.Errorf("the accounts are %q, want %q, error %v", got, ids, err)
	}
}

func testStore(t *testing.T) *Store {
	return newStore(t, Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"})
}

// commits counts the transactions in the WAL file of a store: the last frame of each
// contains the size of the database (https://www.sqlite.org/fileformat2.html#walformat).
func commits(t *testing.T, s *Store) (n int) {
	t.Helper()
	b, err := os.ReadFile(s.o.Path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const head = 32
	if len(b) < head {
		return 0
	}
	page := int(binary.BigEndian.Uint32(b[8:]))
	for at := head; at+24+page <= len(b); at += 24 + page {
		if binary.BigEndian.Uint32(b[at+4:]) != 0 && string(b[at+8:at+16]) == string(b[16:24]) {
			n++
		}
	}
	return n
}

func TestUpdatesShareCommits(t *testing.T) {
	s := testStore(t)
	before := commits(t, s)
	const callers = 150
	q := newQueue(t, s)
	var want []string
	for i := range callers {
		want = append(want, fmt.Sprintf("%03d", i))
		q.create(want[i])
	}
	q.run()
	for i, err := range q.errs {
		if *err != nil {
			t.Errorf("%d: %v", i, *err)
		}
	}
	wantAccounts(t, s, want...)
	n := commits(t, s) - before
	if want := (callers + groupSize - 1) / groupSize; n != want {
		t.Errorf("%d updates needed %d commits, want %d", callers, n, want)
	}
}

// A member that fails, panics, ends its goroutine or is cancelled loses its own changes
// alone, and is told so.
func TestFailingMembers(t *testing.T) {
	s := testStore(t)
	q := newQueue(t, s)
	no := errors.New("no")
	with := func(id string, end func(context.Context) error) func() error {
		return func() error {
			return s.Update(context.Background(), func(ctx context.Context, w store.Writer) error {
				return errors.Join(createIn(ctx, w, id), end(ctx))
			})
		}
	}
	fail := with("failing", func(context.Context) error { return no })
	failed := []*error{q.add(fail)}
	q.create("1")
	failed = append(failed, q.add(fail))
	q.create("2")
	panicked := q.add(func() (err error) {
		defer func() { err = fmt.Errorf("panic: %v", recover()) }()
		return with("panicking", func(context.Context) error { panic("ouch") })()
	})
	q.create("3")
	exited := make(chan struct{})
	q.add(func() error {
		defer close(exited)
		return with("exiting", func(context.Context) error { runtime.Goexit(); return nil })()
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := q.add(func() error {
		return s.Update(ctx, func(ctx context.Context, w store.Writer) error {
			defer cancel()
			return createIn(ctx, w, "cancelled")
		})
	})
	q.create("4")
	failed = append(failed, q.add(fail))
	q.run()
	<-exited
	for _, err := range failed {
		if !errors.Is(*err, no) {
			t.Errorf("a failing member: got error %v", *err)
		}
	}
	if (*panicked).Error() != "panic: ouch" || !errors.Is(*cancelled, context.Canceled) {
		t.Errorf("got errors %v and %v", *panicked, *cancelled)
	}
	wantAccounts(t, s, "1", "2", "3", "4")
	if err := create(t.Context(), s, "5"); err != nil {
		t.Error(err)
	}
}

// A caller whose context ends while it waits for the commit is told what happened; one
// whose context ends in the line leaves it.
func TestCancelledWhileOthersWork(t *testing.T) {
	s := testStore(t)
	q := newQueue(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	waiting := q.add(func() error { return create(ctx, s, "waiting") })
	q.add(func() error {
		return s.Update(context.Background(), func(ctx context.Context, w store.Writer) error {
			cancel()
			return createIn(ctx, w, "active")
		})
	})
	inLine := q.add(func() error { return create(ctx, s, "in line") })
	q.create("last")
	q.run()
	if *waiting != nil || !errors.Is(*inLine, context.Canceled) {
		t.Errorf("got errors %v and %v", *waiting, *inLine)
	}
	wantAccounts(t, s, "active", "last", "waiting")
}

// SQLite ends the whole transaction when it interrupts a statement that writes. The
// others are not told of it: their functions are called again.
func TestLostTransactionIsRepeated(t *testing.T) {
	s := testStore(t)
	q := newQueue(t, s)
	first := q.create("first")
	second := q.create("first") // its first error depends on the lost transaction
	ctx, cancel := context.WithCancel(t.Context())
	lost := q.add(func() error {
		return s.share(ctx, func(c *connection) error {
			time.AfterFunc(5*time.Millisecond, cancel)
			return c.run(ctx, "INSERT INTO meta SELECT value, '' FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n) SELECT value FROM n)")
		})
	})
	last := q.create("last")
	q.run()
	if *last != nil || !errors.Is(*lost, context.Canceled) {
		t.Errorf("got errors %v and %v", *last, *lost)
	}
	if (*first == nil) == (*second == nil) || !errors.Is(errors.Join(*first, *second), store.ErrExists) {
		t.Errorf("those that create the same account got errors %v and %v", *first, *second)
	}
	wantAccounts(t, s, "first", "last")
}

// If the commit fails, all members are told so, also those whose own error depends on what
// the others wrote.
func TestFailedCommitReachesAll(t *testing.T) {
	s := testStore(t)
	q := newQueue(t, s)
	q.create("1")
	q.create("1") // exists
	q.add(func() error {
		return s.share(context.Background(), func(c *connection) error {
			return c.run(context.Background(), "PRAGMA defer_foreign_keys = 1; INSERT INTO address (address, account) VALUES ('x', 'nobody')")
		})
	})
	q.create("2")
	q.run()
	for i, err := range q.errs {
		var e *engineError
		if !errors.As(*err, &e) || !errors.Is(*err, store.ErrConflict) {
			t.Errorf("%d: got error %v", i, *err)
		}
	}
	wantAccounts(t, s)
	if err := create(t.Context(), s, "3"); err != nil {
		t.Error(err)
	}
}

// A member that takes long does not keep the ones before it waiting: it is called again in
// a transaction of its own.
func TestLateMember(t *testing.T) {
	s := testStore(t)
	q := newQueue(t, s)
	s.age = 300 * time.Millisecond
	firstDone := make(chan struct{})
	q.add(func() error { defer close(firstDone); return create(context.Background(), s, "first") })
	calls := 0
	q.add(func() error {
		return s.Update(context.Background(), func(ctx context.Context, w store.Writer) error {
			if calls++; calls == 1 {
				time.Sleep(2 * s.age)
			} else {
				<-firstDone
			}
			_ = createIn(ctx, w, "late") // the error is not needed to notice it
			return nil
		})
	})
	q.run()
	for i, err := range q.errs {
		if *err != nil {
			t.Errorf("%d: got error %v", i, *err)
		}
	}
	if calls != 2 {
		t.Errorf("the function was called %d times", calls)
	}
	wantAccounts(t, s, "first", "late")
}
