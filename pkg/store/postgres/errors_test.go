package postgres

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
)

// oneAccount returns an account for Load and CreateAccount.
func oneAccount(id string) *store.NewAccount {
	return &store.NewAccount{Account: store.Account{ID: id, Kind: store.User, Addresses: []string{id + "@example.com"}}}
}

func emptyStore(t *testing.T, server *servertest.PostgresServer, name string) Options {
	t.Helper()
	if err := server.CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	o := Options{URL: server.URL(name), Backend: "b"}
	if err := Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestErrorsOfTheServer(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	t.Run("constraints", func(t *testing.T) {
		s := open1(t, emptyStore(t, server, "constraints"))
		for statement, want := range map[string]error{
			"INSERT INTO address (address, account) VALUES ('a', 'nobody')": store.ErrConflict,
			"INSERT INTO meta (name, value) VALUES ('x', NULL)":             store.ErrInvalid,
			"INSERT INTO meta (name, value) VALUES ('schema', '1')":         store.ErrExists,
		} {
			err := s.tryOnce(t.Context(), func(tx *transaction) error {
				_, err := tx.Exec(t.Context(), statement)
				return err
			})
			if !errors.Is(err, want) {
				t.Errorf("%s: got error %v, want %v", statement, err, want)
			}
		}
	})
	t.Run("conflict while loading", func(t *testing.T) {
		s := open1(t, emptyStore(t, server, "loading"))
		const fail = `CREATE FUNCTION davadmin.fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no'' USING ERRCODE = ''40001''; END';
			CREATE TRIGGER fail BEFORE INSERT ON davadmin.account EXECUTE FUNCTION davadmin.fail()`
		if _, err := server.Psql(t.Context(), "loading", fail); err != nil {
			t.Fatal(err)
		}
		if err := s.Load(t.Context(), []*store.NewAccount{oneAccount("1")}); !errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrExists) {
			t.Errorf("got error %v", err)
		}
	})
	t.Run("lock", func(t *testing.T) { testLocks(t, emptyStore(t, server, "locks")) })
	t.Run("read-only server", func(t *testing.T) {
		s := open1(t, emptyStore(t, server, "readonly"))
		if _, err := server.Psql(t.Context(), "postgres", "ALTER DATABASE readonly SET default_transaction_read_only = on"); err != nil {
			t.Fatal(err)
		}
		s = open1(t, s.o)
		if err := s.Update(t.Context(), func(ctx context.Context, w store.Writer) error { return w.CreateAccount(t.Context(), oneAccount("1")) }); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("a change: got error %v", err)
		}
		if err := s.Load(t.Context(), []*store.NewAccount{oneAccount("1")}); !errors.Is(err, store.ErrReadOnly) {
			t.Errorf("loading: got error %v", err)
		}
		if _, err := Upgrade(t.Context(), s.o); err != nil {
			t.Errorf("an upgrade that is not needed: got error %v", err)
		}
	})
}

// testLocks waits for the locks of another transaction up to Options.Wait.
func testLocks(t *testing.T, o Options) {
	t.Helper()
	s := open1(t, o)
	if err := s.Load(t.Context(), []*store.NewAccount{oneAccount("1")}); err != nil {
		t.Fatal(err)
	}
	modify := func(s *Store, hold func()) error {
		return s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
			a, err := w.Account(t.Context(), "1")
			if err != nil {
				return err
			}
			a.DisplayName += "x"
			err = w.UpdateAccount(t.Context(), a)
			hold()
			return err
		})
	}
	holding, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- modify(s, func() { close(holding); <-release })
	}()
	<-holding
	o.Wait = 300 * time.Millisecond
	impatient := open1(t, o)
	start := time.Now()
	if err := modify(impatient, func() {}); !errors.Is(err, store.ErrLocked) {
		t.Errorf("got error %v, want ErrLocked", err)
	}
	if waited := time.Since(start); waited < o.Wait || waited > 20*time.Second {
		t.Errorf("waited %s", waited)
	}
	if err := impatient.View(t.Context(), func(ctx context.Context, r store.Reader) error { _, err := r.Account(t.Context(), "1"); return err }); err != nil {
		t.Errorf("reading: %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := modify(impatient, func() {}); err != nil {
		t.Errorf("after the lock was released: %v", err)
	}
	var setting string
	err := impatient.pool.QueryRow(context.Background(), "SHOW lock_timeout").Scan(&setting)
	if err != nil || setting != "0" {
		t.Errorf("outside of transactions, lock_timeout is %s, error %v", setting, err)
	}
}

func TestLockTimeout(t *testing.T) {
	for wait, want := range map[time.Duration]int64{0: 30000, time.Nanosecond: 1, -time.Second: 1, time.Second: 1000, 1 << 62: 1<<31 - 1} {
		if got := (Options{Wait: wait}).lockTimeout(); got != want {
			t.Errorf("%s: got %d ms, want %d", wait, got, want)
		}
	}
}
