package sqlite

import (
	"context"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

//go:embed schema.sql
var freshSchema string

// schema is the newest one, and the way to it.
func schema() relational.Schema { return relational.Schema{Version: 1, Fresh: freshSchema} }

// applicationID marks a file as ours ("dava"; see PRAGMA application_id).
const applicationID = 0x64617661

// Options say which file, and how it is used.
type Options struct {
	Path    string
	Backend string // id of the back end; a file of another one is refused
	// Wait is how long to wait for another process that writes. Zero means 5 s.
	Wait time.Duration
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

func (o Options) wait() time.Duration {
	if o.Wait == 0 {
		return 5 * time.Second
	}
	return o.Wait
}

// Store is a back end in a file.
type Store struct {
	o       Options
	readers *sql.DB
	writers *sql.DB
	turn    chan struct{} // holds one token: whose turn it is to write

	mu    sync.Mutex
	write *connection // of the writer; nil until it is needed
}

var (
	_ store.Store  = (*Store)(nil)
	_ store.Loader = (*Store)(nil)
)

// Open opens a store that is there. ErrNoSchema when there is none, ErrSchemaOlder,
// ErrSchemaNewer, ErrOtherBackend; ErrDamaged for a file that is something else.
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

// open opens whatever store is there, and says what it is.
func open(ctx context.Context, o Options) (s *Store, m relational.Metadata, err error) {
	if err := present(o.Path); err != nil {
		return nil, m, err
	}
	s = &Store{o: o, turn: make(chan struct{}, 1)}
	if s.readers, err = connect(o, max(2, runtime.NumCPU()), readerCache); err != nil {
		return nil, m, err
	}
	if s.writers, err = connect(o, 1, writerCache); err != nil {
		return nil, m, errors.Join(err, s.readers.Close())
	}
	c, err := s.reader(ctx)
	if err == nil {
		m, err = c.identify(ctx)
		c.release()
	}
	if err != nil {
		_ = s.Close()
		return nil, m, err
	}
	return s, m, nil
}

// present refuses a path at which there is no file to open: the driver would make
// one, which everybody could read.
func present(path string) error {
	fi, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return store.ErrNoSchema
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		return fmt.Errorf("%w: it is no file", store.ErrDamaged)
	case fi.Size() == 0:
		return store.ErrNoSchema
	}
	return nil
}

// What a connection keeps of the file in memory, in KiB: one that writes meets the
// same pages again and again.
const (
	readerCache = 4 << 10
	writerCache = 16 << 10
)

// connect prepares connections to the file. It opens nothing yet.
func connect(o Options, most, cache int) (*sql.DB, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, err
	}
	// The path is escaped: in a name that is pasted, '?' and '%' would mean
	// another file without any of these settings.
	query := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", o.wait().Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)",
		fmt.Sprintf("cache_size(-%d)", cache), "wal_autocheckpoint(4000)",
	}}
	if readOnlyDisk(path) {
		// Nobody can write there, and SQLite cannot make the files that readers share.
		query = url.Values{"_pragma": {"trusted_schema(0)"}, "mode": {"ro"}, "immutable": {"1"}}
	}
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db, nil
}

// readOnlyDisk tells whether a file is on a disk that cannot be written, and all
// of its content in the one file.
func readOnlyDisk(path string) bool {
	const mayWrite = 2 // access(2), W_OK
	if !errors.Is(syscall.Access(filepath.Dir(path), mayWrite), syscall.EROFS) {
		return false
	}
	wal, err := os.Stat(path + "-wal")
	return err != nil || wal.Size() == 0
}

// identify says what the file is.
func (c *connection) identify(ctx context.Context) (m relational.Metadata, err error) {
	var application, tables int64
	if err := c.single(ctx, "PRAGMA application_id", &application); err != nil {
		return m, err
	}
	if err := c.single(ctx, "SELECT count(*) FROM sqlite_schema", &tables); err != nil {
		return m, err
	}
	switch {
	case application == 0 && tables == 0:
		return m, store.ErrNoSchema
	case application != applicationID:
		return m, fmt.Errorf("%w: it is a database of something else", store.ErrDamaged)
	}
	return relational.ReadMetadata(ctx, c)
}

// Backend implements store.Store.
func (s *Store) Backend() string { return s.o.Backend }

// Close closes the file. Transactions must have ended.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.write != nil {
		s.write.release()
		s.write = nil
	}
	return errors.Join(s.writers.Close(), s.readers.Close())
}

// Where names the store for people.
func (s *Store) Where() string { return s.o.Path }
