package sqlite

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"runtime"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

//go:embed schema.sql
var freshSchema string

// schema returns the newest schema and the upgrades to it.
func schema() relational.Schema { return relational.Schema{Version: 1, Fresh: freshSchema} }

// applicationID identifies the files of this package ("dava"; see PRAGMA
// application_id).
const applicationID = 0x64617661

// Options selects the file and its settings.
type Options struct {
	Path    string
	Backend string // id of the back end; a file of another back end is rejected
	// Wait is the maximum time to wait for a writer of another process. Zero means 5 s.
	Wait time.Duration
	// Limit is the maximum time of a statement. For a result with many rows, it is that
	// of each row. Zero means 5 minutes.
	Limit time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Hook sees every change of files by Create, Replace and Upgrade, apart from
	// those by SQLite; nil in production.
	Hook fsx.Hook
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// wait returns Wait, as far as busy_timeout accepts it: SQLite takes a greater number of
// milliseconds for 0.
func (o Options) wait() time.Duration {
	if o.Wait == 0 {
		return 5 * time.Second
	}
	return min(o.Wait, math.MaxInt32*time.Millisecond)
}

func (o Options) limit() time.Duration {
	if o.Limit == 0 {
		return 5 * time.Minute
	}
	return o.Limit
}

// Store is the store of a back end in a file.
type Store struct {
	o        Options
	readers  *pool
	writers  *line         // nil if full is set
	snapshot snapshot      // of a file that is read without locks
	age      time.Duration // groupAge, except in tests

	// full is the error of a disk without space for the file that connections share.
	// There is only one connection then, which reads.
	full error
}

var (
	_ store.Store           = (*Store)(nil)
	_ store.Loader          = (*Store)(nil)
	_ store.ComponentLoader = (*Store)(nil)
)

// Open opens an existing store. ErrNoSchema if absent, ErrSchemaOlder,
// ErrSchemaNewer, ErrOtherBackend; ErrDamaged for a file that is not a store.
func Open(ctx context.Context, o Options) (*Store, error) {
	s, m, err := open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", o.Path, err)
	}
	if err := schema().Check(m, o.Backend); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("store %s: %w", o.Path, err)
	}
	return s, nil
}

// open opens a store of any schema version and back end, and returns its metadata. On a
// full disk, the store can only be read.
func open(ctx context.Context, o Options) (s *Store, m relational.Metadata, err error) {
	return openAs(ctx, o, accessTo(o.Path))
}

func openAs(ctx context.Context, o Options, how access) (s *Store, m relational.Metadata, err error) {
	if err := checkFile(o.Path); err != nil {
		return nil, m, err
	}
	s = unopened(o, how)
	if s.snapshot, err = takeSnapshot(o.Path, how); err != nil {
		return nil, m, err
	}
	m, err = s.identify(ctx)
	if !errors.Is(err, store.ErrFull) {
		return opened(s, m, err)
	}
	s = &Store{o: o, full: err, readers: newPool(1, func() (*connection, error) { return connectAlone(o) })}
	if m, err = s.identify(ctx); err != nil {
		return opened(nil, m, s.full)
	}
	return s, m, nil
}

// unopened returns a store that opens connections when it needs them.
func unopened(o Options, how access) *Store {
	return &Store{
		o:       o,
		age:     groupAge,
		readers: newPool(max(4, 2*runtime.NumCPU()), func() (*connection, error) { return connect(o, how, readerCache) }),
		writers: newLine(func() (*connection, error) { return connect(o, how, writerCache) }),
	}
}

// opened closes a store that was not opened because of err.
func opened(s *Store, m relational.Metadata, err error) (*Store, relational.Metadata, error) {
	if err != nil {
		return nil, m, errors.Join(err, s.Close())
	}
	return s, m, nil
}

// identify returns the metadata of the file.
func (s *Store) identify(ctx context.Context) (m relational.Metadata, err error) {
	c, err := s.readers.take(ctx)
	if err != nil {
		return m, err
	}
	defer s.readers.give(c)
	c.use(ctx, s.o.limit())
	defer c.rest()
	return c.identify(ctx)
}

// checkFile returns an error if there is no database file at path: the driver would
// create one that everyone can read. ErrNoSchema for a missing or empty file.
func checkFile(path string) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w (the file does not exist)", store.ErrNoSchema)
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%w: it is not a regular file", store.ErrDamaged)
	case fi.Size() == 0:
		return fmt.Errorf("%w (the file is empty)", store.ErrNoSchema)
	}
	return nil
}

// identify returns the metadata of the file. ErrNoSchema for a database without tables;
// ErrDamaged if it is not a store.
func (c *connection) identify(ctx context.Context) (m relational.Metadata, err error) {
	var application, tables, meta int64
	if err := c.single(ctx, "PRAGMA application_id", &application); err != nil {
		return m, err
	}
	if err := c.single(ctx, "SELECT count(*) FROM sqlite_schema", &tables); err != nil {
		return m, err
	}
	if err := c.single(ctx, "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'meta'", &meta); err != nil {
		return m, err
	}
	switch {
	case tables == 0 && (application == 0 || application == applicationID):
		return m, fmt.Errorf("%w (the database has no tables)", store.ErrNoSchema)
	case application != applicationID:
		return m, fmt.Errorf("%w: it is the database of another program", store.ErrDamaged)
	case meta == 0:
		return m, fmt.Errorf("%w: the table meta is missing", store.ErrDamaged)
	}
	return relational.ReadMetadata(ctx, c)
}

// Backend implements store.Store.
func (s *Store) Backend() string { return s.o.Backend }

// Close closes the file. All transactions must have ended.
func (s *Store) Close() error {
	if s == nil {
		return nil
	}
	err := s.readers.close()
	if s.writers != nil {
		err = errors.Join(s.writers.close(), err)
	}
	return err
}

// Where returns the path of the file.
func (s *Store) Where() string { return s.o.Path }
