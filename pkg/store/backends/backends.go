// Package backends knows the back ends of one server: which there are, where the
// store of each is, and how it is made, opened, upgraded and replaced, whatever
// the engine.
//
// It promises that a back end is opened at most once, when it is first needed, and
// that one that nobody set up is an error and never another one in its place.
//
// It reads no configuration and decides about no account.
package backends

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

// Location says where the store of a back end is.
type Location struct {
	Backend string
	// File is the path of an SQLite file. It counts where URL is empty.
	File string
	// URL is that of a PostgreSQL database, without a password.
	URL string
	// Password gives the password of the database; nil leaves it to what
	// PostgreSQL's own programs use.
	Password func(context.Context) ([]byte, error)
	// PurgeDelay is how long what was deleted is kept.
	PurgeDelay time.Duration
}

// Options are the same for all back ends.
type Options struct {
	// Wait is how long to wait for another program that writes.
	Wait time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// UnknownError is returned for a back end that nobody set up.
type UnknownError struct {
	Backend string
	Known   []string
}

// Error names what there is.
func (e *UnknownError) Error() string {
	return fmt.Sprintf("there is no back end '%s'; there are: %s", e.Backend, strings.Join(e.Known, ", "))
}

// Set is all back ends of a server. Its methods may be used by several
// goroutines.
type Set struct {
	locations []Location
	standard  string
	o         Options

	mu   sync.Mutex
	open map[string]store.Store
}

// New returns the back ends, the standard one being that of accounts for which
// none is named. It opens nothing.
func New(locations []Location, standard string, o Options) *Set {
	locations = slices.Clone(locations)
	slices.SortFunc(locations, func(a, b Location) int { return strings.Compare(a.Backend, b.Backend) })
	return &Set{locations: locations, standard: standard, o: o, open: map[string]store.Store{}}
}

// Locations lists the back ends, by id.
func (s *Set) Locations() []Location { return slices.Clone(s.locations) }

// Names lists the ids, in order.
func (s *Set) Names() []string {
	out := make([]string, len(s.locations))
	for i, l := range s.locations {
		out[i] = l.Backend
	}
	return out
}

// Default is the id of the back end of accounts for which none is named.
func (s *Set) Default() string { return s.standard }

// Location returns one; *UnknownError.
func (s *Set) Location(backend string) (Location, error) {
	for _, l := range s.locations {
		if l.Backend == backend {
			return l, nil
		}
	}
	return Location{}, &UnknownError{Backend: backend, Known: s.Names()}
}

// Open opens a back end, or returns the one that is open. It is closed with the
// Set. *UnknownError, and what the engine's Open returns.
func (s *Set) Open(ctx context.Context, backend string) (store.Store, error) {
	l, err := s.Location(backend)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.open[backend]; st != nil {
		return st, nil
	}
	st, err := l.Open(ctx, s.o)
	if err != nil {
		return nil, err
	}
	s.open[backend] = st
	return st, nil
}

// Existing opens the back ends that have a store, and lists them by id. One that
// cannot be opened for another reason is an error.
func (s *Set) Existing(ctx context.Context) ([]string, error) {
	var out []string
	for _, l := range s.locations {
		_, err := s.Open(ctx, l.Backend)
		switch {
		case errors.Is(err, store.ErrNoSchema):
			continue
		case err != nil:
			return nil, err
		}
		out = append(out, l.Backend)
	}
	return out, nil
}

// Close closes what was opened.
func (s *Set) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for id, st := range s.open {
		errs = append(errs, st.Close())
		delete(s.open, id)
	}
	return errors.Join(errs...)
}

func (l Location) sqlite(o Options) sqlite.Options {
	return sqlite.Options{Path: l.File, Backend: l.Backend, Wait: o.Wait, Now: o.Now}
}

func (l Location) postgres(o Options) postgres.Options {
	return postgres.Options{URL: l.URL, Backend: l.Backend, Password: l.Password, Now: o.Now}
}

// Where names the store for people.
func (l Location) Where() string {
	if l.URL != "" {
		return l.postgres(Options{}).Where()
	}
	return l.File
}

// Engine names the engine.
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

// State says whether there is a store, and of which version.
func (l Location) State(ctx context.Context, o Options) (store.SchemaState, error) {
	if l.URL != "" {
		return postgres.State(ctx, l.postgres(o))
	}
	return sqlite.State(ctx, l.sqlite(o))
}

// Create makes an empty store where there is none.
func (l Location) Create(ctx context.Context, o Options) error {
	if l.URL != "" {
		return postgres.Create(ctx, l.postgres(o))
	}
	return sqlite.Create(ctx, l.sqlite(o))
}

// Replace makes an empty store in the place of one, and says where that is kept.
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

// Upgrade brings the store to the newest schema. It returns the version that was
// there, and the copy that was made before, "" where none was.
func (l Location) Upgrade(ctx context.Context, o Options) (from int, backup string, err error) {
	if l.URL != "" {
		from, err = postgres.Upgrade(ctx, l.postgres(o))
		return from, "", err
	}
	return sqlite.Upgrade(ctx, l.sqlite(o))
}
