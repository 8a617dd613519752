package sqlite

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// newStore creates and opens a store.
func newStore(t *testing.T, o Options) *Store {
	t.Helper()
	if err := Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestConstraints(t *testing.T) {
	s := newStore(t, Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"})
	for statement, want := range map[string]error{
		"INSERT INTO address (address, account) VALUES ('a', 'nobody')": store.ErrConflict,
		"INSERT INTO meta (name, value) VALUES ('x', NULL)":             store.ErrInvalid,
		"INSERT INTO meta (name, value) VALUES ('x', x'00')":            store.ErrInvalid,
		"INSERT INTO meta (name, value) VALUES ('schema', '1')":         store.ErrExists,
	} {
		err := s.change(t.Context(), true, func(c *connection) error { return c.run(t.Context(), statement) })
		if !errors.Is(err, want) {
			t.Errorf("%s: got error %v, want %v", statement, err, want)
		}
	}
}

// SQLite does not wait at all if the number of milliseconds is greater than 2^31-1.
func TestLongWait(t *testing.T) {
	s := newStore(t, Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b", Wait: 10000 * time.Hour})
	c, err := s.reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.readers.give(c)
	var wait int64
	if err := c.single(t.Context(), "PRAGMA busy_timeout", &wait); err != nil || wait != 1<<31-1 {
		t.Errorf("the wait is %d ms, error %v", wait, err)
	}
}
