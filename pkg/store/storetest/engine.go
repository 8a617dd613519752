package storetest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// Engine describes the engine to test.
type Engine struct {
	// Name is the name of the engine, for messages.
	Name string
	// New creates an empty store of the back end Backend with the newest schema, and
	// returns where it is, such as a path or a URL. The store must exist until the end
	// of the whole test.
	New func(t testing.TB) (where string)
	// Open opens a store. It is called several times for one store, and by several
	// processes, so it must not depend on state that New has left in memory.
	Open func(ctx context.Context, where string, o Options) (store.Store, error)
	// Count counts the rows of a table of a store, to find what is left over.
	Count func(ctx context.Context, where, table string) (int64, error)
}

// Options contains the settings for opening a store.
type Options struct {
	Backend string
	// Now is the clock for all times that the store sets.
	Now func() time.Time
}

// Backend is the id of the back end of all stores in the suite.
const Backend = "suite"

// Run runs the suite on an engine.
func Run(t *testing.T, e Engine) {
	if runVictim(t, e) {
		return
	}
	for _, part := range slices.Concat(
		accountTests(), textTests(), listingTests(), calendarTests(), componentTests(), spanTests(), syncTests(), movingTests(), messageTests(),
		sharingTests(), purgeTests(), transactionTests(), concurrencyTests(), overlapTests(), stormTests(), loaderTests(), moveTests(), leavingTests(), betweenTests(), endedTests(), mirrorTests(), hostileTests(),
		inboxTests(), propertyTests(), attachmentTests(), contentTests(), outgoingTests(), indexTests(),
	) {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.run(newEnv(t, e))
		})
	}
	t.Run("Model", func(t *testing.T) { testModel(t, e) })
	t.Run("Killed", func(t *testing.T) {
		t.Parallel()
		testKilled(t, e)
	})
}

// test is one part of the suite. It runs on its own store.
type test struct {
	name string
	run  func(*env)
}

// clock is a clock that changes only when advance is called.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// newClock returns a clock whose time a store must round to microseconds and convert
// to UTC.
func newClock() *clock {
	return &clock{at: time.Date(2026, time.March, 29, 1, 59, 59, 123456789, time.FixedZone("east", 5*60*60))}
}

// Now returns the current time, for Options.Now.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// stamp returns the current time as a store returns it.
func (c *clock) stamp() time.Time { return c.Now().UTC().Truncate(time.Microsecond) }

// advance moves the clock.
func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// env is the environment of a test: a store, its engine and its clock.
type env struct {
	t     *testing.T
	e     Engine
	where string
	clock *clock
	store.Store
	probes int // number of accounts that rejects has created
}

// newEnv creates a store and opens it.
func newEnv(t *testing.T, e Engine) *env {
	t.Helper()
	s := &env{t: t, e: e, where: e.New(t), clock: newClock()}
	s.Store = s.open()
	return s
}

// open opens the store another time, with the same clock, until the end of the test.
func (s *env) open() store.Store {
	s.t.Helper()
	opened, err := s.e.Open(s.t.Context(), s.where, Options{Backend: Backend, Now: s.clock.Now})
	if err != nil {
		s.t.Fatalf("%s: open: %v", s.e.Name, err)
	}
	s.t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			s.t.Errorf("close: %v", err)
		}
	})
	return opened
}

// update changes the store, one second after the previous change. The test ends if the
// change fails.
func (s *env) update(fn func(ctx context.Context, w store.Writer) error) {
	s.t.Helper()
	if err := s.try(fn); err != nil {
		s.t.Fatalf("update: %v", err)
	}
}

// try is update, but returns the error.
func (s *env) try(fn func(ctx context.Context, w store.Writer) error) error {
	s.clock.advance(time.Second)
	ctx := s.t.Context()
	return s.Update(ctx, func(ctx context.Context, w store.Writer) error { return fn(ctx, w) })
}

// create creates accounts.
func (s *env) create(accounts ...*store.NewAccount) {
	s.t.Helper()
	s.update(func(ctx context.Context, w store.Writer) error {
		for _, a := range accounts {
			if err := w.CreateAccount(ctx, clone(a)); err != nil {
				return err
			}
		}
		return nil
	})
}

// view reads the store. The test ends if that fails.
func (s *env) view(fn func(ctx context.Context, r store.Reader) error) {
	s.t.Helper()
	ctx := s.t.Context()
	if err := s.View(ctx, func(ctx context.Context, r store.Reader) error { return fn(ctx, r) }); err != nil {
		s.t.Fatalf("view: %v", err)
	}
}

// change is a change of a store in a transaction.
type change = func(ctx context.Context, w store.Writer) error

// rejects expects that a change fails with an error of one class, and that the
// transaction can continue: a later change in it is committed, and everything else is
// unchanged.
func (s *env) rejects(class error, what string, fn change) {
	s.t.Helper()
	s.rejectsAll(class, map[string]change{what: fn})
}

// rejectsAll is rejects for several changes in one transaction.
func (s *env) rejectsAll(class error, changes map[string]change) {
	s.t.Helper()
	before := s.everything()
	s.probes++
	probe := fmt.Sprintf("%s%d", probePrefix, s.probes)
	what := strings.Join(slices.Sorted(maps.Keys(changes)), ", ")
	err := s.try(func(ctx context.Context, w store.Writer) error {
		for what, fn := range changes {
			s.wantClass(fn(ctx, w), class, what)
		}
		return w.CreateAccount(ctx, person(probe))
	})
	if err != nil {
		s.t.Errorf("%s: the transaction failed after the rejected change: %v", what, err)
		return
	}
	s.view(func(ctx context.Context, r store.Reader) error {
		if _, err := r.Account(ctx, probe); err != nil {
			s.t.Errorf("%s: the account created after the rejected change: %v", what, err)
		}
		return nil
	})
	s.same(before, s.everything(), "content after the rejected change: "+what)
}
