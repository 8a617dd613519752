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

// Engine is what the suite needs of an engine.
type Engine struct {
	// Name is that of the engine, for messages.
	Name string
	// New makes the place of an empty store of the back end Backend, with a schema
	// of today, and says where it is: a file, or the name of a database. The place
	// lives as long as the whole test.
	New func(t testing.TB) (where string)
	// Open opens a store. It is called several times for one place, by several
	// processes too: it must not depend on what New has left in memory.
	Open func(ctx context.Context, where string, o Options) (store.Store, error)
}

// Options are those with which a store is opened.
type Options struct {
	Backend string
	// Now is the clock of everything that the store dates.
	Now func() time.Time
}

// Backend is the id of the back end of all stores of the suite.
const Backend = "suite"

// Run runs the suite.
func Run(t *testing.T, e Engine) {
	if beVictim(t, e) {
		return
	}
	for _, part := range slices.Concat(
		accountTests(), textTests(), listingTests(), calendarTests(), componentTests(), spanTests(), syncTests(),
		sharingTests(), purgeTests(), transactionTests(), concurrencyTests(), loaderTests(),
	) {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.run(newScene(t, e))
		})
	}
	t.Run("Model", func(t *testing.T) { testModel(t, e) })
	t.Run("Killed", func(t *testing.T) {
		t.Parallel()
		testKilled(t, e)
	})
}

// test is one part of the suite, on a store of its own.
type test struct {
	name string
	run  func(*scene)
}

// clock is a clock that stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

// newClock begins at a time that a store must round, in a zone that it must
// leave.
func newClock() *clock {
	return &clock{at: time.Date(2026, time.March, 29, 1, 59, 59, 123456789, time.FixedZone("east", 5*60*60))}
}

// Now is Options.Now.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// stamp is the time as a store keeps it.
func (c *clock) stamp() time.Time { return c.Now().UTC().Truncate(time.Microsecond) }

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// scene is a store and what belongs to it.
type scene struct {
	t     *testing.T
	e     Engine
	where string
	clock *clock
	store.Store
	probes int // accounts that refuses made
}

func newScene(t *testing.T, e Engine) *scene {
	t.Helper()
	s := &scene{t: t, e: e, where: e.New(t), clock: newClock()}
	s.Store = s.open()
	return s
}

// open opens the store once more, with the same clock.
func (s *scene) open() store.Store {
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

// update changes the store, a moment after whatever was before.
func (s *scene) update(fn func(ctx context.Context, w store.Writer) error) {
	s.t.Helper()
	if err := s.try(fn); err != nil {
		s.t.Fatalf("update: %v", err)
	}
}

func (s *scene) try(fn func(ctx context.Context, w store.Writer) error) error {
	s.clock.advance(time.Second)
	ctx := s.t.Context()
	return s.Update(ctx, func(w store.Writer) error { return fn(ctx, w) })
}

// create makes accounts.
func (s *scene) create(accounts ...*store.NewAccount) {
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

func (s *scene) view(fn func(ctx context.Context, r store.Reader) error) {
	s.t.Helper()
	ctx := s.t.Context()
	if err := s.View(ctx, func(r store.Reader) error { return fn(ctx, r) }); err != nil {
		s.t.Fatalf("view: %v", err)
	}
}

// change is what a transaction does.
type change = func(ctx context.Context, w store.Writer) error

// refuses expects an error of a class from a change, and that the transaction
// goes on as if the change had not been asked for: what it writes afterwards is
// committed, and everything else is as it was.
func (s *scene) refuses(class error, what string, fn change) {
	s.t.Helper()
	s.refusesAll(class, map[string]change{what: fn})
}

// refusesAll is refuses for several changes in one transaction.
func (s *scene) refusesAll(class error, changes map[string]change) {
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
		s.t.Errorf("%s: the transaction of the refusal ends with: %v", what, err)
		return
	}
	s.view(func(ctx context.Context, r store.Reader) error {
		if _, err := r.Account(ctx, probe); err != nil {
			s.t.Errorf("%s: what the transaction of the refusal did besides: %v", what, err)
		}
		return nil
	})
	s.same(before, s.everything(), what+", which was refused, changed something")
}
