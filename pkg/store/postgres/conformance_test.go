package postgres_test

import (
	"context"
	"errors"
	"fmt"
	neturl "net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/storetest"
)

// TestConformance runs the conformance suite, each part on its own database. The
// databases collate text by the rules of a language and not by its bytes, as the
// databases of administrators often do.
func TestConformance(t *testing.T) {
	// The server is started when it is first needed. The process that the suite starts
	// and kills is a client of the running server, and must not start another one.
	server := sync.OnceValue(func() *servertest.PostgresServer { return templated(t) })
	conform(t, server, func(database string) string { return server().URL(database) })
}

// TestConformanceThroughPgBouncer runs the suite through a pooler whose clients share a
// few connections of the server, and get another one for each transaction.
func TestConformanceThroughPgBouncer(t *testing.T) {
	tier.All(t)
	server := sync.OnceValue(func() *servertest.PostgresServer { return templated(t) })
	pooler := sync.OnceValue(func() *servertest.PgBouncerServer { return servertest.PgBouncer(t, server(), 3) })
	conform(t, server, func(database string) string { return pooler().URL(database) })
}

func conform(t *testing.T, server func() *servertest.PostgresServer, url func(database string) string) {
	t.Helper()
	var databases atomic.Int64
	storetest.Run(t, storetest.Engine{
		Name: "postgres",
		New: func(testing.TB) string {
			name := fmt.Sprintf("suite%d", databases.Add(1))
			if _, err := server().Psql(t.Context(), "postgres", "CREATE DATABASE "+name+" TEMPLATE "+template); err != nil {
				t.Fatal(err)
			}
			return url(name)
		},
		Open: func(ctx context.Context, url string, o storetest.Options) (store.Store, error) {
			s, err := postgres.Open(ctx, postgres.Options{URL: url, Backend: o.Backend, Now: o.Now})
			if err != nil {
				return nil, err // not a nil *postgres.Store in an interface
			}
			return s, nil
		},
		Count: func(ctx context.Context, where, table string) (int64, error) {
			u, err := neturl.Parse(where)
			if err != nil {
				return 0, err
			}
			text, err := server().Psql(ctx, strings.TrimPrefix(u.Path, "/"), "SELECT count(*) FROM davadmin."+table)
			if err != nil {
				return 0, err
			}
			return strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		},
	})
}

// Content is read and written in chunks, without being in memory.
func TestLargeContent(t *testing.T) {
	o := postgres.Options{URL: servertest.Postgres(t, servertest.PostgresOptions{}).URL("postgres"), Backend: storetest.Backend}
	if err := postgres.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	storetest.CheckLargeContent(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A server that crashes during commits loses nothing that it acknowledged, and an open
// store works again after the restart.
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
	made, random := 0, seed.New(t)
	for round := range 3 {
		crash := make(chan error, 1)
		time.AfterFunc(time.Duration(20+random.IntN(100))*time.Millisecond, func() { crash <- s.Stop(servertest.Immediate) })
		for err = nil; err == nil; {
			if err = create(ctx, opened, made); err == nil {
				made++
			}
		}
		if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("round %d: got error %v from the crash", round, err)
		}
		var unknown *store.CommitUnknown
		if err := errors.Join(<-crash, s.Start(ctx)); err != nil {
			t.Fatal(err)
		}
		err := opened.View(ctx, func(ctx context.Context, r store.Reader) error {
			n, countErr := r.CountAccounts(ctx, store.AccountFilter{})
			if errors.As(err, &unknown) && n == int64(made)+1 {
				made++ // the commit had happened
			}
			if n != int64(made) {
				t.Errorf("round %d: found %d accounts, but %d were acknowledged", round, n, made)
			}
			return countErr
		})
		if err != nil {
			t.Fatalf("round %d: after the restart: %v", round, err)
		}
	}
	if made < 3 {
		t.Errorf("only %d accounts were created", made)
	}
}

// create creates an account.
func create(ctx context.Context, s store.Store, number int) error {
	return s.Update(ctx, func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(ctx, &store.NewAccount{
			Account:   store.Account{ID: fmt.Sprint(number), Kind: store.User, Addresses: []string{fmt.Sprintf("%d@example.com", number)}},
			Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"}}},
		})
	})
}

// template is the database from which the others are copied.
const template = "empty_store"

// templated starts a server with the template.
func templated(t *testing.T) *servertest.PostgresServer {
	t.Helper()
	s := servertest.Postgres(t, servertest.PostgresOptions{Settings: map[string]string{"max_connections": "200"}})
	const statement = "CREATE DATABASE " + template + " TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'de-DE' LOCALE 'C.UTF-8'"
	if _, err := s.Psql(t.Context(), "postgres", statement); err != nil {
		t.Fatal(err)
	}
	if err := postgres.Create(t.Context(), postgres.Options{URL: s.URL(template), Backend: storetest.Backend}); err != nil {
		t.Fatal(err)
	}
	return s
}
