package postgres_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/storetest"
)

// tokenOf returns the sync token of the calendar of an account.
func tokenOf(t *testing.T, s store.Store, id string) (now store.Token) {
	t.Helper()
	err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		c, err := r.Calendar(ctx, id, store.DefaultCalendar)
		if err != nil {
			return err
		}
		now, err = r.Token(ctx, c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// changesSince asks for the changes in the calendar of an account.
func changesSince(ctx context.Context, s store.Store, id string, since store.Token) error {
	return s.View(ctx, func(ctx context.Context, r store.Reader) error {
		_, _, err := r.Changes(ctx, id, store.DefaultCalendar, since, 0)
		return err
	})
}

// A standby server that takes over may have lost the last commits, so tokens from before
// are rejected. The server begins another timeline, as it does after any recovery from an
// archive.
func TestTokensAfterAFailover(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{Settings: map[string]string{"restore_command": "false"}})
	ctx := t.Context()
	o := postgres.Options{URL: server.URL("postgres"), Backend: storetest.Backend}
	if err := postgres.Create(ctx, o); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := create(ctx, s, 1); err != nil {
		t.Fatal(err)
	}
	check := func(since store.Token, want error) {
		t.Helper()
		if err := changesSince(ctx, s, "1", since); !errors.Is(err, want) {
			t.Errorf("got error %v, want %v", err, want)
		}
	}
	before := tokenOf(t, s, "1")
	if before.Timeline != "00000001" {
		t.Errorf("the timeline is %q", before.Timeline)
	}
	if err := server.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	_ = s.View(ctx, func(context.Context, store.Reader) error { return nil }) // finds that its connection is gone
	check(before, nil)
	if err := server.Stop(servertest.Fast); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(server.Dir(), "data", "recovery.signal"), nil, 0o666); err != nil { //nolint:gosec // the server removes it as another user
		t.Fatal(err)
	}
	if err := server.Start(ctx); err != nil {
		t.Fatal(err)
	}
	for { // it accepts connections before the recovery has ended
		recovering, err := server.Psql(ctx, "postgres", "SELECT pg_is_in_recovery()")
		if err != nil {
			t.Fatal(err)
		}
		if recovering == "f" {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = s.View(ctx, func(context.Context, store.Reader) error { return nil })
	check(before, store.ErrTokenOld)
	check(tokenOf(t, s, "1"), nil)
}
