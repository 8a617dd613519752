package postgres

import (
	"context"
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
	ANALYZE davadmin.account; ANALYZE davadmin.collection; ANALYZE davadmin.ace; ANALYZE davadmin.representative; ANALYZE davadmin.subscription`

// What names a person is found by the indexes on people, and no table is read completely.
func TestRightsUseTheIndexes(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	s := limited(t, server, Options{})
	if _, err := server.Psql(t.Context(), "postgres", manyNames); err != nil {
		t.Fatal(err)
	}
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
				if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "ace_person") && !strings.Contains(plan, "representative_person") && !strings.Contains(plan, "subscription_owner") {
					t.Errorf("%s: a table is read completely:\n%s", what, plan)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
}
