package moving_test

import (
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/moving"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

// An account can be moved back and forth although the clock stands still or goes backwards: of
// the marks, the latest is found by their order.
func TestMovesWithAClockThatGoesBackwards(t *testing.T) {
	for name, step := range map[string]time.Duration{"still": 0, "backwards": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			var steps atomic.Int64
			now := func() time.Time {
				return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(steps.Load()) * step)
			}
			file := sqlite.Options{Path: filepath.Join(t.TempDir(), "one"), Backend: "one", Now: now}
			if err := sqlite.Create(t.Context(), file); err != nil {
				t.Fatal(err)
			}
			one, err := sqlite.Open(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			defer one.Close()
			server := postgres.Options{URL: servertest.Postgres(t, servertest.PostgresOptions{}).URL("postgres"), Backend: "two", Now: now}
			if err := postgres.Create(t.Context(), server); err != nil {
				t.Fatal(err)
			}
			two, err := postgres.Open(t.Context(), server)
			if err != nil {
				t.Fatal(err)
			}
			defer two.Close()
			create(t, one, "a")
			from, to := store.Store(one), store.Store(two)
			for i := range 12 { // the ids of the marks are random
				steps.Add(1)
				halt := 0
				if i%3 == 2 { // it is ended by another run
					if _, err := moving.Move(t.Context(), from, to, "a", moving.Options{After: func() error {
						if halt++; halt == 1+i%2 {
							return errStop
						}
						return nil
					}}); err == nil {
						t.Fatal("the move was not interrupted")
					}
					gone, err := moving.Superseded(t.Context(), from, to, "a")
					if err != nil || gone != (halt == 2) {
						t.Fatalf("move %d: superseded %t after %d transactions, %v", i, gone, halt, err)
					}
				}
				if _, err := moving.Move(t.Context(), from, to, "a", moving.Options{}); err != nil {
					t.Fatalf("move %d: %v", i, err)
				}
				from, to = to, from
			}
		})
	}
}
