package moving_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/moving"
)

// A server may be set to acknowledge commits before they are on disk, so that a crash loses the
// last ones. The steps of a move are not among them: each relies on the one before it, which is
// in another store.
func TestServerThatLosesCommitsCrashes(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{Settings: map[string]string{"synchronous_commit": "off", "wal_writer_delay": "10s"}})
	from, to := onFile(t, "one"), onServer(t, server, "two")
	if err := server.Restart(t.Context()); err != nil { // the store itself is on disk now
		t.Fatal(err)
	}
	crash := func() error {
		if err := errors.Join(server.Stop(servertest.Immediate), server.Start(t.Context())); err != nil {
			return err
		}
		for { // the connections from before fail, one by one
			err := to.View(t.Context(), func(context.Context, store.Reader) error { return nil })
			if !errors.Is(err, store.ErrUnavailable) {
				return err
			}
		}
	}
	if err := crash(); err != nil {
		t.Fatal(err)
	}
	for step := range 3 {
		id := fmt.Sprintf("a%d", step)
		err := from.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
			return w.CreateAccount(ctx, &store.NewAccount{Account: store.Account{ID: id, Kind: store.User, Addresses: []string{id + "@example.com"}}})
		})
		if err != nil {
			t.Fatal(err)
		}
		want, _ := content(t, from, id)
		for _, pair := range [][2]store.Store{{from, to}, {to, from}} {
			o := stopAfter(step + 1)
			if _, err := moving.Move(t.Context(), pair[0], pair[1], id, o); !errors.Is(err, errStop) {
				t.Fatalf("step %d: %v", step, err)
			}
			if err := crash(); err != nil {
				t.Fatal(err)
			}
			wantOne(t, id, want, from, to)
			_, err := moving.Move(t.Context(), pair[0], pair[1], id, moving.Options{})
			if gone := (*moving.GoneError)(nil); err != nil && !errors.As(err, &gone) {
				t.Fatalf("step %d: after the crash: %v", step, err)
			}
			if active := wantOne(t, id, want, from, to); active != pair[1] {
				t.Errorf("step %d: the account was not moved to %s", step, pair[1].Backend())
			}
		}
	}
}
