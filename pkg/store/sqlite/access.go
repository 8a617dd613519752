package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"github.com/davadmin/davadmin/pkg/store"
)

// Page cache of a connection, in KiB. The one that writes needs more, because it uses
// the same pages again and again.
const (
	readerCache = 4 << 10
	writerCache = 16 << 10
)

// access is how a file is opened (https://www.sqlite.org/wal.html, "Read-Only
// Databases").
type access int

const (
	// readWrite is for a file that this process may write. SQLite creates the files
	// that readers and writers share.
	readWrite access = iota
	// shared is for a file that this process may only read, while others have it open.
	// SQLite uses the files that they created.
	shared
	// alone is for a file that this process may only read, and that nobody has open:
	// SQLite could not create the files to be shared. It uses no locks, so a reader
	// has to check afterwards that the file has not changed.
	alone
)

// accessTo returns how a file can be opened.
func accessTo(path string) access {
	const mayWrite = 2 // access(2), W_OK
	denied := func(path string) bool {
		err := syscall.Access(path, mayWrite)
		return errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.EACCES)
	}
	if !denied(path) && !denied(filepath.Dir(path)) {
		return readWrite
	}
	if wal, err := os.Stat(path + "-wal"); err == nil && wal.Size() > 0 {
		return shared
	}
	if errors.Is(syscall.Access(filepath.Dir(path), mayWrite), syscall.EROFS) {
		return alone
	}
	if _, err := os.Stat(path + "-shm"); err == nil {
		return shared
	}
	return alone
}

// connect returns a pool of at most most connections to the file, each with a page
// cache of cache KiB. It does not open the file yet.
func connect(o Options, how access, most, cache int) (*sql.DB, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, err
	}
	// The path is escaped, because with an unescaped '?' or '%' the driver would open
	// another file and ignore these settings.
	query := url.Values{}
	switch wait := fmt.Sprintf("busy_timeout(%d)", o.wait().Milliseconds()); how {
	case readWrite:
		query["_pragma"] = []string{
			wait, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)",
			fmt.Sprintf("cache_size(-%d)", cache), "wal_autocheckpoint(4000)",
		}
	case shared:
		query["_pragma"], query["mode"] = []string{wait, "trusted_schema(0)"}, []string{"ro"}
	case alone:
		query["_pragma"], query["mode"], query["immutable"] = []string{"trusted_schema(0)"}, []string{"ro"}, []string{"1"}
	}
	return openFile(path, query, most)
}

// connectAlone returns a pool of one connection that reads and locks the file against all
// others. It then keeps in memory what connections share in a file otherwise. Its settings
// must be without those that read the file: the driver sorts them.
func connectAlone(o Options) (*sql.DB, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, err
	}
	return openFile(path, url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", o.wait().Milliseconds()), "locking_mode(EXCLUSIVE)", "trusted_schema(0)",
	}}, 1)
}

func openFile(path string, query url.Values, most int) (*sql.DB, error) {
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", u.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(most)
	db.SetMaxIdleConns(most)
	return db, nil
}

// snapshot is the state of a file that is read without locks.
type snapshot struct{ file fs.FileInfo }

// takeSnapshot returns the state of the file of a store that is opened in the way how.
func takeSnapshot(path string, how access) (snapshot, error) {
	if how != alone {
		return snapshot{}, nil
	}
	fi, err := os.Stat(path)
	return snapshot{fi}, err
}

// check returns an error wrapping ErrConflict if the file has changed, so that what was
// read from it may be wrong.
func (s snapshot) check(path string) error {
	if s.file == nil {
		return nil
	}
	fi, err := os.Stat(path)
	if err == nil && os.SameFile(fi, s.file) && fi.Size() == s.file.Size() && fi.ModTime().Equal(s.file.ModTime()) {
		return nil
	}
	return fmt.Errorf("%w: another program changed the file while it was read", store.ErrConflict)
}
