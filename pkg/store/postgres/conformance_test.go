package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/storetest"
)

// TestConformance runs the suite that every engine passes, each part on a
// database of its own. The databases order and fold text by the rules of a
// language, as those that administrators make do, and not by its bytes.
func TestConformance(t *testing.T) {
	// The server is started when it is needed: a copy of this program, which the
	// suite starts to kill it, is a client of the one that is there.
	server := sync.OnceValue(func() *servertest.PostgresServer { return templated(t) })
	var databases atomic.Int64
	storetest.Run(t, storetest.Engine{
		Name: "postgres",
		New: func(testing.TB) string {
			name := fmt.Sprintf("suite%d", databases.Add(1))
			if _, err := server().Psql(t.Context(), "postgres", "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
				t.Fatal(err)
			}
			return server().URL(name)
		},
		Open: func(ctx context.Context, url string, o storetest.Options) (store.Store, error) {
			s, err := postgres.Open(ctx, postgres.Options{URL: url, Backend: o.Backend, Now: o.Now})
			if err != nil {
				return nil, err // not a nil *postgres.Store in an interface
			}
			return s, nil
		},
	})
}

// A server that crashes in the middle of commits keeps what it has acknowledged,
// and the store that was open goes on when the server is back.
func TestServerCrashes(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{Fsync: true})
	ctx := t.Context()
	o := postgres.Options{URL: s.URL("postgres"), Backend: storetest.Backend}
	if err := postgres.Create(ctx, o); err != nil {
		t.Fatal(err)
	}
	opened, err := postgres.Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	made := 0
	for round := range 3 {
		crash := make(chan error, 1)
		time.AfterFunc(time.Duration(20+rand.IntN(100))*time.Millisecond, func() { crash <- s.Stop(servertest.Immediate) })
		for err = nil; err == nil; {
			if err = create(ctx, opened, made); err == nil {
				made++
			}
		}
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("round %d: the crash gives %v", round, err)
		}
		var unknown *store.CommitUnknown
		if err := errors.Join(<-crash, s.Start(ctx)); err != nil {
			t.Fatal(err)
		}
		err := opened.View(ctx, func(r store.Reader) error {
			n, countErr := r.CountAccounts(ctx, store.AccountFilter{})
			if errors.As(err, &unknown) && n == int64(made)+1 {
				made++ // it had happened
			}
			if n != int64(made) {
				t.Errorf("round %d: %d accounts are there, %d were acknowledged", round, n, made)
			}
			return countErr
		})
		if err != nil {
			t.Fatalf("round %d: after the restart: %v", round, err)
		}
	}
	if made < 3 {
		t.Errorf("only %d accounts were made", made)
	}
}

func create(ctx context.Context, s store.Store, number int) error {
	return s.Update(ctx, func(w store.Writer) error {
		return w.CreateAccount(ctx, &store.NewAccount{
			Account:   store.Account{ID: fmt.Sprint(number), Kind: store.User, Addresses: []string{fmt.Sprintf("%d@example.com", number)}},
			Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"}}},
		})
	})
}

// template is the database that the others are copies of.
const template = "empty_store"

// templated starts a server that has the template.
func templated(t *testing.T) *servertest.PostgresServer {
	t.Helper()
	s := servertest.Postgres(t, servertest.PostgresOptions{Settings: map[string]string{"max_connections": "200"}})
	const make = "CREATE DATABASE " + template + " TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' LOCALE 'C.UTF-8'"
	if _, err := s.Psql(t.Context(), "postgres", make); err != nil {
		t.Fatal(err)
	}
	if err := postgres.Create(t.Context(), postgres.Options{URL: s.URL(template), Backend: storetest.Backend}); err != nil {
		t.Fatal(err)
	}
	return s
}
