package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

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
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for r := range rounds {
				if err := useOnce(ctx, opened, c*rounds, r); err != nil {
					t.Errorf("client %d, round %d: %v", c, r, err)
					return
				}
			}
		})
	}
	all.Wait()
	err = opened.Load(ctx, []*store.NewAccount{{Account: store.Account{ID: "loaded", Kind: store.User, Addresses: []string{"loaded@example.com"}}}})
	if err != nil {
		t.Errorf("load: %v", err)
	}
	err = opened.View(ctx, func(ctx context.Context, r store.Reader) error {
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

// useOnce creates an account and reads some.
func useOnce(ctx context.Context, s store.Store, first, n int) error {
	if err := create(ctx, s, first+n); err != nil {
		return err
	}
	return s.View(ctx, func(ctx context.Context, reader store.Reader) error {
		for _, err := range reader.Accounts(ctx, store.AccountFilter{}) {
			if err != nil {
				return err
			}
		}
		_, err := reader.AccountByAddress(ctx, fmt.Sprintf("%d@example.com", first))
		return err
	})
}
