package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// endless is a query without an end that returns no row.
const endless = "SELECT 1 FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n) SELECT value FROM n) WHERE value < 0"

// A statement is ended after the limit, when it reads as well as when it writes, and the
// connection can be used again.
func TestStatementsHaveALimit(t *testing.T) {
	s := newStore(t, Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b", Limit: 100 * time.Millisecond})
	for range 2 {
		for _, statement := range []string{endless, "INSERT INTO meta (name) " + endless} {
			began := time.Now()
			err := s.share(t.Context(), func(c *connection) error { return c.run(t.Context(), statement) })
			if !errors.Is(err, store.ErrTimeLimit) || time.Since(began) < 100*time.Millisecond {
				t.Errorf("%s: got error %v after %v", statement, err, time.Since(began))
			}
		}
		if err := s.View(t.Context(), func(context.Context, store.Reader) error { return nil }); err != nil {
			t.Error(err)
		}
	}
}

// The limit is that of each row, and time that the caller takes does not count.
func TestManyRowsMayTakeLongerThanTheLimit(t *testing.T) {
	s := newStore(t, Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b", Limit: 40 * time.Millisecond})
	err := s.share(t.Context(), func(c *connection) error {
		rows, err := c.Stream(t.Context(), "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4")
		if err != nil {
			return err
		}
		defer rows.Close()
		n := 0
		for rows.Next() {
			time.Sleep(60 * time.Millisecond)
			n++
		}
		if n != 4 {
			t.Errorf("%d rows", n)
		}
		return rows.Err()
	})
	if err != nil {
		t.Error(err)
	}
}
