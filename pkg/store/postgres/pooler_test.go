package postgres_test

import (
	"fmt"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/storetest"
)

// Prepared statements that have a name belong to one connection of the server. A pooler
// gives it to another client after each transaction.
func TestPgBouncer(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	pooler := servertest.PgBouncer(t, server, 3)
	ctx := t.Context()
	o := postgres.Options{URL: pooler.URL("postgres"), Backend: storetest.Backend}
	if err := postgres.Create(ctx, o); err != nil {
		t.Fatal(err)
	}
	opened, err := postgres.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	const clients, rounds = 8, 30
	var all errgroup.Group
	for c := range clients {
		all.Go(func() error {
			for r := range rounds {
				if err := create(ctx, opened, c*rounds+r); err != nil {
					return fmt.Errorf("client %d, round %d: %w", c, r, err)
				}
				err := opened.View(ctx, func(reader store.Reader) error {
					for _, err := range reader.Accounts(ctx, store.AccountFilter{}) {
						if err != nil {
							return err
						}
					}
					_, err := reader.AccountByAddress(ctx, fmt.Sprintf("%d@example.com", c*rounds))
					return err
				})
				if err != nil {
					return fmt.Errorf("client %d, round %d: %w", c, r, err)
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Error(err)
	}
	err = opened.Load(ctx, []*store.NewAccount{{Account: store.Account{ID: "loaded", Kind: store.User, Addresses: []string{"loaded@example.com"}}}})
	if err != nil {
		t.Errorf("load: %v", err)
	}
	err = opened.View(ctx, func(r store.Reader) error {
		n, err := r.CountAccounts(ctx, store.AccountFilter{})
		if n != clients*rounds+1 {
			t.Errorf("found %d accounts, want %d", n, clients*rounds+1)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
