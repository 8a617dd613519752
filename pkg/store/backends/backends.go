// Package backends manages the back ends of one server: which back ends there are,
// where their stores are, and how a store is created, opened, upgraded and replaced,
// for every engine.
//
// It guarantees that each back end is opened at most once, when it is first needed, and
// that a back end which does not answer hinders only those who need it. A back end that is not configured is an error; another one is never used instead.
//
// The package does not read the configuration, and does not decide which back end an
// account belongs to.
package backends

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

// Location describes a back end and the place of its store.
type Location struct {
	Backend string
	// File is the path of an SQLite file. It is used only if URL is empty.
	File string
	// URL is the URL of a PostgreSQL database, without a password.
	URL string
	// Password returns the password of the database. If it is nil, the sources of
	// PostgreSQL's own programs are used, such as PGPASSFILE.
	Password func(context.Context) ([]byte, error)
	// Client are the settings for PostgreSQL's own programs.
	Client postgres.Client
	// PurgeDelay is how long deleted data is kept before it can be purged.
	PurgeDelay time.Duration
}

// Options contains the settings that all back ends share.
type Options struct {
	// Wait is the maximum time to wait for another program that locks what is needed:
	// the SQLite file, or rows or tables of the database. Zero means the default of the
	// engine.
	Wait time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// UnknownError is returned for a back end that is not configured.
type UnknownError struct {
	Backend string
	Known   []string
}

// Error lists the configured back ends.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("unknown back end '%s' (configured: %s)", e.Backend, strings.Join(e.Known, ", "))
}

// Set is the set of all back ends of a server. Its methods may be called by several
// goroutines at once.
type Set struct {
	locations []Location
	defaultID string
	o         Options

	mu     sync.Mutex
	open   map[string]*opening
	closed bool
}

// opening is a back end that is open, that is being opened, or whose opening failed.
type opening struct {
	done  chan struct{} // closed when the rest is known
	store store.Store
	err   error
	until time.Time // when a failure is forgotten
}

// failureMemory is how long the failure to open a back end is remembered, so that not
// everybody who asks waits for a server that does not answer.
const failureMemory = 2 * time.Second

// New returns a Set. defaultID is the id of the default back end, which is used for
// accounts without a back end of their own. New does not open any back end.
func New(locations []Location, defaultID string, o Options) *Set {
	locations = slices.Clone(locations)
	slices.SortFunc(locations, func(a, b Location) int { return strings.Compare(a.Backend, b.Backend) })
	return &Set{locations: locations, defaultID: defaultID, o: o, open: map[string]*opening{}}
}

// Locations returns the back ends, sorted by id.
func (s *Set) Locations() []Location { return slices.Clone(s.locations) }

// Names returns the ids of the back ends, sorted.
func (s *Set) Names() []string {
	out := make([]string, len(s.locations))
	for i, l := range s.locations {
		out[i] = l.Backend
	}
	return out
}

// Default returns the id of the default back end.
func (s *Set) Default() string { return s.defaultID }

// Location returns the location of a back end. *UnknownError.
func (s *Set) Location(backend string) (Location, error) {
	for _, l := range s.locations {
		if l.Backend == backend {
			return l, nil
		}
	}
	return Location{}, &UnknownError{Backend: backend, Known: s.Names()}
}

// ErrClosed is returned by a Set that was closed.
var ErrClosed = errors.New("the back ends are closed")

// Open opens the store of a back end, or returns it if it is already open. The Set
// closes it. A failure is remembered for a short while. *UnknownError, ErrClosed, and the
// errors of the engine's Open.
func (s *Set) Open(ctx context.Context, backend string) (store.Store, error) {
	l, err := s.Location(backend)
	if err != nil {
		return nil, err
	}
	for {
		at, first, err := s.opening(backend)
		if err != nil {
			return nil, err
		}
		if first {
			s.finish(ctx, at, l)
			return at.store, at.err
		}
		select {
		case <-at.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if at.err == nil || !interrupted(at.err) {
			return at.store, at.err
		}
		// Whoever opened it gave up: try again in the context of this caller.
	}
}

// interrupted reports whether an error is that of the caller's context.
func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// opening returns the state of a back end. If first is set, the caller opens it.
func (s *Set) opening(backend string) (at *opening, first bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false, ErrClosed
	}
	if at := s.open[backend]; at != nil && !at.forgotten() {
		return at, false, nil
	}
	at = &opening{done: make(chan struct{})}
	s.open[backend] = at
	return at, true, nil
}

// forgotten reports whether the opening failed too long ago to be remembered, or because
// of the caller's context.
func (o *opening) forgotten() bool {
	select {
	case <-o.done:
		return o.err != nil && (interrupted(o.err) || !time.Now().Before(o.until))
	default:
		return false
	}
}

// finish opens a back end, without the lock of the Set.
func (s *Set) finish(ctx context.Context, at *opening, l Location) {
	defer close(at.done)
	at.err = fmt.Errorf("back end %s: the opening was not finished", l.Backend) // after a panic
	at.store, at.err = l.Open(ctx, s.o)
	at.until = time.Now().Add(failureMemory)
}

// Lost is a configured back end whose store cannot be opened, so that nothing is known about
// its accounts. If there is no store, whether it was never created or was lost cannot be told.
type Lost struct {
	Location
	Err error // store.IsUnusable; it names the location
}

// NoStore reports whether the back end has no store.
func (l Lost) NoStore() bool { return errors.Is(l.Err, store.ErrNoSchema) }

// Existing opens all back ends at once, so that it waits only for the slowest one. It returns
// the sorted ids of those that could be opened, and the others, sorted as well. An error that
// is not about a store ends it. open opens a back end; nil stands for Open.
func (s *Set) Existing(ctx context.Context, open func(ctx context.Context, backend string) (store.Store, error)) (names []string, lost []Lost, err error) {
	if open == nil {
		open = s.Open
	}
	errs := make([]error, len(s.locations))
	var all crash.Group
	for i, l := range s.locations {
		all.Go(func() { _, errs[i] = open(ctx, l.Backend) })
	}
	all.Wait()
	for i, l := range s.locations {
		err := errs[i]
		switch {
		case err == nil:
			names = append(names, l.Backend)
		case ctx.Err() == nil && store.IsUnusable(err):
			lost = append(lost, Lost{l, err})
		default:
			return nil, nil, err
		}
	}
	return names, lost, nil
}

// Close closes all open stores, once all openings have ended.
func (s *Set) Close() error {
	s.mu.Lock()
	s.closed = true
	all := s.open
	s.open = map[string]*opening{}
	s.mu.Unlock()
	var errs []error
	for _, at := range all {
		<-at.done
		if at.store != nil {
			errs = append(errs, at.store.Close())
		}
	}
	return errors.Join(errs...)
}

func (l Location) sqlite(o Options) sqlite.Options {
	return sqlite.Options{Path: l.File, Backend: l.Backend, Wait: o.Wait, Now: o.Now}
}

func (l Location) postgres(o Options) postgres.Options {
	return postgres.Options{URL: l.URL, Backend: l.Backend, Password: l.Password, Client: l.Client, Wait: o.Wait, Now: o.Now}
}

// Where returns the path of the file, or the URL without settings, for messages.
func (l Location) Where() string {
	if l.URL != "" {
		return l.postgres(Options{}).Where()
	}
	return l.File
}

// HasFile reports whether something is in the place of an SQLite file, even if it is not
// a store.
func (l Location) HasFile() bool {
	_, err := os.Lstat(l.File)
	return l.URL == "" && err == nil
}

// Engine returns the name of the engine: "sqlite" or "postgresql".
func (l Location) Engine() string {
	if l.URL != "" {
		return "postgresql"
	}
	return "sqlite"
}

// Open opens the store.
func (l Location) Open(ctx context.Context, o Options) (store.Store, error) {
	if l.URL != "" {
		st, err := postgres.Open(ctx, l.postgres(o))
		if err != nil {
			return nil, err // not a nil *Store in an interface
		}
		return st, nil
	}
	st, err := sqlite.Open(ctx, l.sqlite(o))
	if err != nil {
		return nil, err
	}
	return st, nil
}

// State returns the schema version of the store, or version 0 if there is no store.
func (l Location) State(ctx context.Context, o Options) (store.SchemaState, error) {
	if l.URL != "" {
		return postgres.State(ctx, l.postgres(o))
	}
	return sqlite.State(ctx, l.sqlite(o))
}

// Create creates an empty store. ErrExists.
func (l Location) Create(ctx context.Context, o Options) error {
	if l.URL != "" {
		return postgres.Create(ctx, l.postgres(o))
	}
	return sqlite.Create(ctx, l.sqlite(o))
}

// Replace replaces the store with an empty one, and returns where the old one is kept,
// or "" if there was none.
func (l Location) Replace(ctx context.Context, o Options) (kept string, err error) {
	if l.URL != "" {
		kept, err = postgres.Replace(ctx, l.postgres(o))
		if kept != "" {
			kept = "schema " + kept + " of the database"
		}
		return kept, err
	}
	return sqlite.Replace(ctx, l.sqlite(o))
}

// Upgrade upgrades the store to the newest schema. It returns the version before the
// upgrade, and the path of the copy that was made first, or "" if none was made.
func (l Location) Upgrade(ctx context.Context, o Options) (from int, backup string, err error) {
	if l.URL != "" {
		from, err = postgres.Upgrade(ctx, l.postgres(o))
		return from, "", err
	}
	return sqlite.Upgrade(ctx, l.sqlite(o))
}
