package calio_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
)

// An import goes on when the database is restarted, and nothing is doubled or lost.
func TestImportThroughARestart(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	o := postgres.Options{URL: server.URL("postgres"), Backend: "b"}
	if err := postgres.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w := &world{T: t, Store: s}
	w.createAccount()
	const n = 3000
	var components []string
	for i := range n {
		components = append(components, event(fmt.Sprintf("%04d", i), "x"))
	}
	seen, restarts := map[string]int{}, 0
	options := w.options()
	options.Retry = func(ctx context.Context, try func(bool) error) error {
		for again := false; ; again = true {
			err := try(again)
			if !errors.Is(err, store.ErrUnavailable) {
				return err
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(100 * time.Millisecond):
			}
		}
	}
	options.Report = func(r calio.Result) error {
		if seen[r.UID]++; r.Outcome != calio.Created {
			t.Errorf("%+v", r)
		}
		if len(seen)%1000 == 1 {
			restarts++
			return server.Restart(t.Context())
		}
		return nil
	}
	m := calio.NewImporter(options)
	err = m.Read(t.Context(), "f", ical.NewReader(strings.NewReader(file(components...)), ical.Options{Lenient: true}), calio.ReadOptions{Dir: t.TempDir()})
	if err := errors.Join(err, m.End(t.Context())); err != nil {
		t.Fatal(err)
	}
	if len(seen) != n || restarts < 3 || len(w.content()) != n {
		t.Errorf("%d reported, %d restarts, %d in the calendar", len(seen), restarts, len(w.content()))
	}
}
