package postgres

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
)

// useAll makes a transaction of every kind, and returns their errors by kind. Only if the
// store can be used do the functions of the transactions run.
func useAll(t *testing.T, s *Store, id string) map[string]error {
	t.Helper()
	ran := 0
	errs := map[string]error{
		"view": s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
			ran++
			_, err := r.CountAccounts(ctx, store.AccountFilter{})
			return err
		}),
		"update": s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
			ran++
			return w.CreateAccount(ctx, oneAccount(id))
		}),
		"load":  s.Load(t.Context(), []*store.NewAccount{oneAccount(id + "-loaded")}),
		"check": s.Check(t.Context()),
	}
	if _, err := s.Taken(t.Context(), []*store.NewAccount{oneAccount(id)}); true {
		errs["taken"] = err
	}
	if errs["view"] != nil && ran > 0 {
		t.Errorf("%d functions ran in a store that cannot be used", ran)
	}
	return errs
}

// wantAll expects the same error of a transaction of every kind, with the name of the store.
func wantAll(t *testing.T, what string, s *Store, id string, want error) {
	t.Helper()
	for kind, err := range useAll(t, s, id) {
		var at *store.PlaceError
		if !errors.Is(err, want) || want != nil && !errors.As(err, &at) {
			t.Errorf("%s: %s: got error %v, want %v", what, kind, err, want)
		}
	}
}

// A process that has a store open notices what another one does to it, with prepared
// statements and without, and over several connections.
func TestStoreChangesWhileOpen(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	for _, how := range []string{"direct", "pooled"} {
		t.Run(how, func(t *testing.T) {
			o := emptyStore(t, server, how)
			opened := o
			if how == "pooled" {
				opened.URL = servertest.PgBouncer(t, server, 2).URL(how)
			}
			s := open1(t, opened)
			wantAll(t, "before", s, "1", nil)
			if _, err := Replace(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			wantAll(t, "replaced by an empty store", s, "1", nil)
			if n, err := server.Psql(t.Context(), how, "SELECT count(*) FROM davadmin.account"); err != nil || n != "2" {
				t.Errorf("the new store has %s accounts, error %v", n, err)
			}
			if _, err := o.upgrade(t.Context(), next()); err != nil {
				t.Fatal(err)
			}
			wantAll(t, "upgraded", s, "2", store.ErrSchemaNewer)
			other := o
			other.Backend = "other"
			if _, err := Replace(t.Context(), other); err != nil {
				t.Fatal(err)
			}
			wantAll(t, "replaced by the store of another back end", s, "2", store.ErrOtherBackend)
			for _, step := range []struct {
				statement string
				want      error
			}{
				{"DELETE FROM davadmin.meta", store.ErrDamaged},
				{"DROP TABLE davadmin.meta", store.ErrNoSchema},
				{"ALTER SCHEMA davadmin RENAME TO renamed", store.ErrNoSchema},
			} {
				if _, err := server.Psql(t.Context(), how, step.statement); err != nil {
					t.Fatal(err)
				}
				wantAll(t, step.statement, s, "2", step.want)
			}
			if err := Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			wantAll(t, "created again", s, "1", nil)
		})
	}
}

// An upgrade and a replacement wait for the transactions that are open, but not for ever.
func TestUpgradeWaitsForTransactions(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	o := emptyStore(t, server, "waits")
	s := open1(t, o)
	impatient := o
	impatient.Wait = 200 * time.Millisecond
	migrations := map[string]func() error{
		"upgrade": func() error { _, err := impatient.upgrade(t.Context(), next()); return err },
		"replace": func() error { _, err := Replace(t.Context(), impatient); return err },
	}
	during := func(ctx context.Context, r store.Reader) error {
		for what, migrate := range migrations {
			if err := migrate(); !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "did not end in time; nothing was changed") {
				t.Errorf("%s during a transaction: got error %v", what, err)
			}
		}
		_, err := r.CountAccounts(ctx, store.AccountFilter{})
		return err
	}
	if err := s.View(t.Context(), during); err != nil {
		t.Errorf("the view: %v", err)
	}
	if err := s.Update(t.Context(), func(ctx context.Context, w store.Writer) error { return during(ctx, w) }); err != nil {
		t.Errorf("the update: %v", err)
	}
	// An upgrade that is not needed waits for nothing.
	err := s.View(t.Context(), func(context.Context, store.Reader) error {
		_, err := Upgrade(t.Context(), impatient)
		return err
	})
	if err != nil {
		t.Errorf("an upgrade that is not needed: %v", err)
	}
	for _, what := range []string{"replace", "upgrade"} {
		if err := migrations[what](); err != nil {
			t.Errorf("%s after the transactions: %v", what, err)
		}
	}
}

// A transaction that waits for an upgrade sees the version that it made, and not the one
// of when it began.
func TestTransactionWaitsForUpgrade(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	o := emptyStore(t, server, "upgrading")
	s := open1(t, o)
	impatient := o
	impatient.Wait = 200 * time.Millisecond
	hurried := open1(t, impatient)
	results := make(chan map[string]error, 1)
	err := o.migrate(t.Context(), func(tx *transaction, _ bool) error {
		if err := tx.alone(t.Context()); err != nil {
			return err
		}
		if err := hurried.View(t.Context(), func(context.Context, store.Reader) error { return nil }); !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "upgrading or replacing") {
			t.Errorf("a view with a short limit during an upgrade: got error %v", err)
		}
		go func() {
			errs := map[string]error{}
			errs["view"] = s.View(t.Context(), func(context.Context, store.Reader) error { return nil })
			results <- errs
		}()
		for waiting := ""; waiting != "1"; {
			var err error
			if waiting, err = server.Psql(t.Context(), "upgrading", "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"); err != nil {
				return err
			}
		}
		up := next()
		_, err := up.Upgrade(t.Context(), tx, tx.run)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for what, err := range <-results {
		if !errors.Is(err, store.ErrSchemaNewer) {
			t.Errorf("a %s that waited for an upgrade: got error %v", what, err)
		}
	}
}

// A role that may only read can read, and so can anybody on a standby server.
func TestReadOnlyRoles(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{Settings: map[string]string{"restore_command": "false", "hot_standby": "on"}})
	o := emptyStore(t, server, "readers")
	const rights = "CREATE USER reader; GRANT USAGE ON SCHEMA davadmin TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA davadmin TO reader"
	if _, err := server.Psql(t.Context(), "readers", rights); err != nil {
		t.Fatal(err)
	}
	check := func(o Options, want error) {
		t.Helper()
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		for kind, err := range useAll(t, s, "1") {
			expected := want
			if kind == "view" || kind == "check" || kind == "taken" {
				expected = nil
			}
			if !errors.Is(err, expected) {
				t.Errorf("%s: got error %v, want %v", kind, err, expected)
			}
		}
	}
	reader := o
	reader.URL = strings.Replace(o.URL, "postgres://postgres@", "postgres://reader@", 1)
	check(reader, store.ErrDenied)
	if err := server.Stop(servertest.Fast); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(server.Dir(), "data", "standby.signal"), nil, 0o666); err != nil { //nolint:gosec // the server reads it as another user
		t.Fatal(err)
	}
	if err := server.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	check(o, store.ErrReadOnly)
	check(reader, store.ErrReadOnly)
}
