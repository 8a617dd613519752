package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
)

// limited opens a new store on a server. URL is the server's if it is empty.
func limited(t *testing.T, server *servertest.PostgresServer, o Options) *Store {
	t.Helper()
	if o.URL == "" {
		o.URL = server.URL("postgres")
	}
	o.Backend = "b"
	at := o
	at.URL, at.Limit = server.URL("postgres"), 0
	if _, err := Replace(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestStatementLimit(t *testing.T) {
	s := limited(t, servertest.Postgres(t, servertest.PostgresOptions{}), Options{Limit: 200 * time.Millisecond})
	slow := func(tx *transaction) error {
		_, err := tx.Exec(t.Context(), "SELECT pg_sleep(60)")
		return err
	}
	for what, err := range map[string]error{"update": s.change(t.Context(), slow), "view": s.view(t.Context(), slow)} {
		if !errors.Is(err, store.ErrTimeLimit) {
			t.Errorf("%s: got error %v", what, err)
		}
	}
	// The limit is that of a transaction: it does not stay on the connection.
	var limit string
	if err := s.pool.QueryRow(t.Context(), "SHOW statement_timeout").Scan(&limit); err != nil || limit != "0" {
		t.Errorf("after the transactions: statement_timeout is %s, error %v", limit, err)
	}
}

// A commit that the standby servers did not confirm is one whose changes can be lost.
func TestCommitWithoutStandby(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{Settings: map[string]string{"synchronous_commit": "on", "fsync": "on"}})
	s := limited(t, server, Options{})
	add := func(id string) error {
		return s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
			return w.CreateAccount(t.Context(), &store.NewAccount{Account: store.Account{ID: id, Kind: store.User, Addresses: []string{id + "@example.com"}}})
		})
	}
	if err := add("1"); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = 'stopped'", "SELECT pg_reload_conf()"} {
		if _, err := server.Psql(t.Context(), "postgres", statement); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan error, 1)
	go func() {
		err := add("2")
		for n := 0; err == nil && n < 500; n++ { // until the server has read its configuration again
			err = add(fmt.Sprint("again", n))
		}
		done <- err
	}()
	// Somebody, or a shutdown, ends the wait for the standby server.
	for {
		if _, err := server.Psql(t.Context(), "postgres", "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-done:
			var unknown *store.CommitUnknown
			if !errors.As(err, &unknown) || !unknown.Unreplicated {
				t.Errorf("without a standby server: got error %v", err)
			}
			return
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// A network that falls silent inside of a transaction does not hold its caller for longer
// than the context and what a commit may take after it.
func TestSilentNetwork(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{TCP: true})
	for _, test := range []struct {
		name string
		run  func(ctx context.Context, s *Store, p *servertest.SilentProxy) error
		want error
	}{
		{"rollback of a view", func(ctx context.Context, s *Store, p *servertest.SilentProxy) error {
			return s.View(ctx, func(context.Context, store.Reader) error { p.FallSilent(); return nil })
		}, nil},
		{"rollback of an update", func(ctx context.Context, s *Store, p *servertest.SilentProxy) error {
			return s.Update(ctx, func(context.Context, store.Writer) error { p.FallSilent(); return store.ErrNotFound })
		}, store.ErrNotFound},
		{"statement", func(ctx context.Context, s *Store, p *servertest.SilentProxy) error {
			return s.Update(ctx, func(ctx context.Context, w store.Writer) error { p.FallSilent(); return w.DeleteAccount(ctx, "x") })
		}, context.Canceled},
		{"commit", func(ctx context.Context, s *Store, p *servertest.SilentProxy) error {
			return s.Update(ctx, func(ctx context.Context, w store.Writer) error { p.FallSilent(); return nil })
		}, store.ErrUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := servertest.NewSilentProxy(t, server, nil)
			s := limited(t, server, Options{URL: p.URL("postgres")})
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			done := make(chan error, 1)
			go func() { done <- test.run(ctx, s, p) }()
			select {
			case err := <-done:
				if !errors.Is(err, test.want) {
					t.Errorf("got error %v, want %v", err, test.want)
				}
				// The exit code of a run that was stopped depends on it.
				if test.name == "commit" && (!errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the run was stopped")) {
					t.Errorf("got error %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Error("it still waits")
			}
		})
	}
}
