package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// explainer collects the plans of statements.
type explainer struct {
	*transaction
	plans []string
}

func (e *explainer) explain(ctx context.Context, query string, args []any) error {
	rows, err := e.transaction.Query(ctx, "EXPLAIN "+query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	var b strings.Builder
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		b.WriteString(line + "\n")
	}
	e.plans = append(e.plans, b.String())
	return rows.Err()
}

func (e *explainer) Stream(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	if err := e.explain(ctx, query, args); err != nil {
		return nil, err
	}
	return e.transaction.Stream(ctx, query, args...)
}

func (e *explainer) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	if err := e.explain(ctx, query, args); err != nil {
		return nil, err
	}
	return e.transaction.Query(ctx, query, args...)
}

func (e *explainer) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	if err := e.explain(ctx, query, args); err != nil {
		return 0, err
	}
	return e.transaction.Exec(ctx, query, args...)
}

// manyNames fills a store with accounts that name each other in every place.
const manyNames = `
	INSERT INTO davadmin.account SELECT n::text, n::text, 1, n || '@example.com', n || '@example.com', '', 0, 0, '', '', 1, 1, 0, 1, 3, 0 FROM generate_series(1, 20000) n;
	INSERT INTO davadmin.collection SELECT n::text, m, 'c' || m, 1, '', '', 'VEVENT', '', 0, '', 0, 1, 1, 0, 0, 0, 1, n FROM generate_series(1, 20000) n, generate_series(1, 2) m;
	INSERT INTO davadmin.ace SELECT n::text, m, p, 3, ((n + m + p) % 20000 + 1)::text, 'x@example.com', 'fsmr' FROM generate_series(1, 20000) n, generate_series(0, 2) m, generate_series(1, 2) p;
	INSERT INTO davadmin.ace SELECT n::text, 0, 0, 1, '', '', 's' FROM generate_series(1, 20000) n;
	INSERT INTO davadmin.representative SELECT n::text, m, 0, ((n + m) % 20000 + 1)::text, 'x@example.com' FROM generate_series(1, 20000) n, generate_series(1, 2) m;
	INSERT INTO davadmin.subscription SELECT n::text, (n % 20000 + 1)::text, 'c1', 'x@example.com', 1 FROM generate_series(1, 20000) n;
	`

// statistics are those of manyNames.
const statistics = "ANALYZE davadmin.account; ANALYZE davadmin.collection; ANALYZE davadmin.ace; ANALYZE davadmin.representative; ANALYZE davadmin.subscription"

// What names a person is found by the indexes on people, and no table is read completely.
func TestRightsUseTheIndexes(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	s := limited(t, server, Options{})
	if _, err := server.Psql(t.Context(), "postgres", noAutovacuum+manyNames); err != nil {
		t.Fatal(err)
	}
	t.Run("never analyzed", func(t *testing.T) { checkRights(t, s) })
	if _, err := server.Psql(t.Context(), "postgres", statistics); err != nil {
		t.Fatal(err)
	}
	t.Run("analyzed", func(t *testing.T) { checkRights(t, s) })
}

// errUndo undoes what a test does.
var errUndo = errors.New("undo")

func checkRights(t *testing.T, s *Store) {
	for what, x := range map[string]struct {
		run  func(context.Context, *relational.Session) (int, error)
		want int
	}{
		"shared with": {func(ctx context.Context, s *relational.Session) (n int, err error) {
			for _, err := range s.SharedWith(ctx, "7") {
				if err != nil {
					return n, err
				}
				n++
			}
			return n, nil
		}, 4},
		"acts for": {func(ctx context.Context, s *relational.Session) (n int, err error) {
			for _, err := range s.ActsFor(ctx, "7") {
				if err != nil {
					return n, err
				}
				n++
			}
			return n, nil
		}, 2},
		"readdress": {func(ctx context.Context, s *relational.Session) (int, error) {
			return s.Readdress(ctx, store.Person{ID: "7", Address: "7@example.com"})
		}, 2 + 4 + 1},
	} {
		err := s.change(t.Context(), func(tx *transaction) error {
			e := &explainer{transaction: tx}
			n, err := x.run(t.Context(), relational.New(e, "b", time.Now()))
			if err != nil {
				return err
			}
			if n != x.want {
				t.Errorf("%s: %d, want %d", what, n, x.want)
			}
			for _, plan := range e.plans {
				if strings.Contains(plan, "Seq Scan") {
					t.Errorf("%s: a table is read completely:\n%s", what, plan)
				}
			}
			return errUndo
		})
		if !errors.Is(err, errUndo) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// noAutovacuum keeps the server from updating the statistics.
const noAutovacuum = `
	ALTER TABLE davadmin.account SET (autovacuum_enabled = off); ALTER TABLE davadmin.collection SET (autovacuum_enabled = off);
	ALTER TABLE davadmin.component SET (autovacuum_enabled = off); ALTER TABLE davadmin.ace SET (autovacuum_enabled = off);
	ALTER TABLE davadmin.representative SET (autovacuum_enabled = off); ALTER TABLE davadmin.subscription SET (autovacuum_enabled = off);
	ALTER TABLE davadmin.trash SET (autovacuum_enabled = off);`

// oneLarge fills a store with a large calendar and many small ones.
const oneLarge = `
	INSERT INTO davadmin.account SELECT n::text, n::text, 1, n || '@example.com', n || '@example.com', '', 0, 0, '', '', 1, 1, 0, 1, 3, 0 FROM generate_series(1, 500) n;
	INSERT INTO davadmin.collection SELECT n::text, 1, 'calendar', 1, '', '', 'VEVENT', '', 0, '', 0, 1, 1, 0, 20000, 0, 1, n FROM generate_series(1, 500) n;
	INSERT INTO davadmin.component SELECT '1', 1, 'event-' || n || '.ics', 'uid-' || n, 'VEVENT', '', 0, '', '', 0,
		1700000000000000 + n * 3600000000, 1700000000000000 + n * 3600000000 + 1800000000, (n % 50 = 0)::int, 0, 0, 'etag', 1000, 1, 1, n, '', convert_to(repeat(md5(n::text), 30), 'UTF8')
		FROM generate_series(1, 20000) n;
	INSERT INTO davadmin.component SELECT n::text, 1, 'event-' || n || '.ics', 'uid-' || n, 'VEVENT', '', 0, '', '', 0,
		1700000000000000 + n * 3600000000, 1700000000000000 + n * 3600000000 + 1800000000, 0, 0, 0, 'etag', 1000, 1, 1, n, '', convert_to(repeat(md5(n::text), 30), 'UTF8')
		FROM generate_series(2, 500) n;`

// What a server asks all day reads only what it needs from a large calendar, even if the
// tables were never analyzed.
func TestServerQueriesUseTheIndexes(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	s := limited(t, server, Options{})
	if _, err := server.Psql(t.Context(), "postgres", noAutovacuum+oneLarge); err != nil {
		t.Fatal(err)
	}
	t.Run("never analyzed", func(t *testing.T) { checkServerQueries(t, s) })
	s.loadedComponents.Add(20_000)
	s.analyze(t.Context(), &s.loadedComponents, 0, "component", "collection, account")
	t.Run("analyzed", func(t *testing.T) { checkServerQueries(t, s) })
}

func checkServerQueries(t *testing.T, s *Store) {
	const account, calendar = "1", "calendar"
	at := time.UnixMicro(1700000000000000 + 10_000*3600000000)
	names := make([]string, 100)
	for i := range names {
		names[i] = fmt.Sprintf("event-%d.ics", 1+i*150)
	}
	list := func(f store.ComponentFilter) func(context.Context, *relational.Session) error {
		return func(ctx context.Context, s *relational.Session) error {
			n := 0
			for _, err := range s.Components(ctx, account, calendar, f) {
				if err != nil {
					return err
				}
				n++
			}
			if n == 0 {
				return errors.New("nothing was found")
			}
			return nil
		}
	}
	for _, x := range []struct {
		what string
		want []string
		run  func(context.Context, *relational.Session) error
	}{
		{"week", []string{"component_span", "component_long"}, list(store.ComponentFilter{From: at, To: at.AddDate(0, 0, 7)})},
		{"week with text", []string{"component_span", "component_long"}, list(store.ComponentFilter{From: at, To: at.AddDate(0, 0, 7), WithText: true})},
		{"names", []string{"component_pkey"}, list(store.ComponentFilter{Names: names, WithText: true})},
		{"few names", []string{"component_pkey"}, list(store.ComponentFilter{Names: names[:3]})},
		{"uid", []string{"component_uid"}, list(store.ComponentFilter{UID: "uid-7"})},
		{"one", []string{"component_pkey"}, func(ctx context.Context, s *relational.Session) error {
			_, err := s.Component(ctx, account, calendar, names[7])
			return err
		}},
		{"changes", []string{"component_revision", "component_pkey"}, func(ctx context.Context, s *relational.Session) error {
			c, err := s.Calendar(ctx, account, calendar)
			if err != nil {
				return err
			}
			token, err := s.Token(ctx, c)
			if err != nil {
				return err
			}
			changes, _, err := s.Changes(ctx, account, calendar, token.At(token.Revision-10), 0)
			if err != nil {
				return err
			}
			for _, err := range changes {
				if err != nil {
					return err
				}
			}
			return nil
		}},
		{"put", []string{"component_uid", "component_pkey"}, func(ctx context.Context, s *relational.Session) error {
			return s.PutComponent(ctx, account, calendar, &store.Component{Name: "new.ics", UID: "new", Type: "VEVENT", Start: at, End: at.Add(time.Hour), Text: []byte("x")}, store.Condition{})
		}},
	} {
		err := s.change(t.Context(), func(tx *transaction) error {
			e := &explainer{transaction: tx}
			if err := x.run(t.Context(), relational.New(e, "b", time.Now())); err != nil {
				return err
			}
			all := strings.Join(e.plans, "\n")
			for _, want := range x.want {
				if !strings.Contains(all, want) {
					t.Errorf("%s: no plan uses %s:\n%s", x.what, want, all)
				}
			}
			for _, plan := range e.plans {
				if !strings.Contains(plan, "component") {
					continue
				}
				for index := range strings.SplitSeq("component_pkey component_span component_long component_uid component_revision", " ") {
					if strings.Contains(plan, index) && !slices.Contains(x.want, index) {
						t.Errorf("%s: a plan uses %s:\n%s", x.what, index, plan)
					}
				}
				if strings.Contains(plan, "Seq Scan on component") || strings.Contains(plan, "Join Filter") {
					t.Errorf("%s: the table is read completely:\n%s", x.what, plan)
				}
			}
			return errUndo
		})
		if !errors.Is(err, errUndo) {
			t.Fatalf("%s: %v", x.what, err)
		}
	}
}
