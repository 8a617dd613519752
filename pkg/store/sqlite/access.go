package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"syscall"

	"zombiezen.com/go/sqlite"

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

// connect opens a connection to the file, with a page cache of cache KiB.
func connect(o Options, how access, cache int) (*connection, error) {
	switch how {
	case shared:
		return openFile(o, sqlite.OpenReadOnly, nil, "PRAGMA trusted_schema = 0")
	case alone:
		return openFile(o, sqlite.OpenReadOnly, url.Values{"immutable": {"1"}}, "PRAGMA trusted_schema = 0")
	}
	return openFile(o, sqlite.OpenReadWrite|sqlite.OpenCreate, nil, fmt.Sprintf(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = 1;
		PRAGMA trusted_schema = 0; PRAGMA cache_size = -%d; PRAGMA wal_autocheckpoint = 4000`, cache))
}

// connectAlone opens a connection that reads and locks the file against all others. It
// then keeps in memory what connections share in a file otherwise. It must not read the
// file before it is told to lock it.
func connectAlone(o Options) (*connection, error) {
	return openFile(o, sqlite.OpenReadWrite, nil, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA trusted_schema = 0")
}

// openFile opens a connection and runs the settings.
func openFile(o Options, flags sqlite.OpenFlags, parameters url.Values, settings string) (*connection, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, err
	}
	// The path is escaped, because with an unescaped '?' or '%' SQLite would open
	// another file and ignore the parameters.
	u := url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: parameters.Encode()}
	c := &connection{open: map[*rows]struct{}{}, checked: -1}
	if c.conn, err = sqlite.OpenConn(u.String(), flags|sqlite.OpenURI); err != nil {
		return nil, c.explain(err)
	}
	c.conn.SetBusyTimeout(o.wait())
	if err := c.run(context.Background(), settings); err != nil {
		_ = c.close()
		return nil, err
	}
	return c, nil
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
