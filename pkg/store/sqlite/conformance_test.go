package sqlite_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	driver "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
	"github.com/davadmin/davadmin/pkg/store/storetest"
)

// TestConformance runs the conformance suite on files.
func TestConformance(t *testing.T) {
	storetest.Run(t, storetest.Engine{
		Name: "sqlite",
		New: func(t testing.TB) string {
			path := filepath.Join(t.TempDir(), "a b%20#?.db") // a name that has to be escaped
			if err := sqlite.Create(t.Context(), sqlite.Options{Path: path, Backend: storetest.Backend}); err != nil {
				t.Fatal(err)
			}
			return path
		},
		Open: func(ctx context.Context, path string, o storetest.Options) (store.Store, error) {
			s, err := sqlite.Open(ctx, sqlite.Options{Path: path, Backend: o.Backend, Now: o.Now})
			if err != nil {
				return nil, err // not a nil *sqlite.Store in an interface
			}
			return s, nil
		},
		Count: countRows,
	})
}

// countRows counts the rows of a table.
func countRows(_ context.Context, path, table string) (n int64, err error) {
	c, err := driver.OpenConn(path, driver.OpenReadOnly)
	if err != nil {
		return 0, err
	}
	err = sqlitex.ExecuteTransient(c, "SELECT count(*) FROM "+table, &sqlitex.ExecOptions{
		ResultFunc: func(s *driver.Stmt) error {
			n = s.ColumnInt64(0)
			return nil
		},
	})
	return n, errors.Join(err, c.Close())
}

// Content is read and written in chunks, without being in memory.
func TestLargeContent(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	if err := sqlite.Create(t.Context(), sqlite.Options{Path: path, Backend: storetest.Backend}); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Backend: storetest.Backend})
	if err != nil {
		t.Fatal(err)
	}
	storetest.CheckLargeContent(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
