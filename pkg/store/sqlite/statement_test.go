package sqlite

import (
	"context"
	"fmt"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
)

// The statements of a filter differ with the number of values in it, so a connection that
// kept them all would grow without end.
func TestPreparedStatementsAreLimited(t *testing.T) {
	s := testStore(t)
	if err := create(t.Context(), s, "0"); err != nil {
		t.Fatal(err)
	}
	err := s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
		var ids []string
		for i := range 3 * mostStatements {
			ids = append(ids, fmt.Sprint(i))
			if n, err := w.CountAccounts(ctx, store.AccountFilter{IDs: ids}); err != nil || n != 1 {
				return fmt.Errorf("%d accounts, error %w", n, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	c := s.writers.c // nobody has it now
	if n := c.statements.recent.Len(); n != mostStatements || len(c.statements.byQuery) != n {
		t.Errorf("%d statements are kept, %d can be found", n, len(c.statements.byQuery))
	}
}

// A statement that streams is prepared once, also if it is run again while it is being read.
func TestStreamsKeepTheirStatements(t *testing.T) {
	s := testStore(t)
	const query = "SELECT value FROM (SELECT 1 AS value UNION ALL SELECT 2 UNION ALL SELECT 3)"
	err := s.change(t.Context(), true, func(c *connection) error {
		read := func(inner func() error) (sum int64, err error) {
			r, err := c.Stream(t.Context(), query)
			if err != nil {
				return 0, err
			}
			defer r.Close()
			for r.Next() {
				var v int64
				if err := r.Scan(&v); err != nil {
					return 0, err
				}
				sum += v
				if err := inner(); err != nil {
					return 0, err
				}
			}
			return sum, r.Err()
		}
		nothing := func() error { return nil }
		n, err := read(nothing)
		kept := c.statements.byQuery[query]
		if err != nil || n != 6 || kept == nil {
			return fmt.Errorf("%d, kept %v, error %w", n, kept, err)
		}
		first := kept.Value.(cached).s
		if n, err := read(nothing); err != nil || n != 6 || c.statements.byQuery[query].Value.(cached).s != first {
			return fmt.Errorf("again: %d, another statement, error %w", n, err)
		}
		n, err = read(func() error {
			if n, err := read(nothing); err != nil || n != 6 {
				return fmt.Errorf("within: %d, error %w", n, err)
			}
			return nil
		})
		if err != nil || n != 6 || c.statements.byQuery[query] == nil || len(c.statements.byQuery) != c.statements.recent.Len() {
			return fmt.Errorf("around: %d, error %w", n, err)
		}
		// One that was not read to its end can be run again, too.
		r, err := c.Stream(t.Context(), query)
		if err != nil {
			return err
		}
		r.Next()
		r.Close()
		r.Close()
		n, err = read(nothing)
		if n != 6 {
			t.Errorf("after an end before the last row: %d", n)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
