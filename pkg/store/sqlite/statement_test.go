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
