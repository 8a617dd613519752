package postgres

import (
	"context"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

var _ store.Checker = (*Store)(nil)

// Check implements store.Checker. It reads a row of every table, because the server checks
// the rights on each by itself. Damaged pages are found by pg_amcheck of the server, not here.
func (s *Store) Check(ctx context.Context) error {
	return s.named(s.view(ctx, func(t *transaction) error {
		for _, table := range relational.TableNames() {
			if _, err := t.Exec(ctx, "SELECT FROM "+table+" LIMIT 1"); err != nil {
				return err
			}
		}
		return nil
	}))
}
