package sqlite

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// recorder remembers the queries that stream.
type recorder struct {
	*connection
	queries []string
	args    [][]any
}

func (r *recorder) Stream(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	r.queries, r.args = append(r.queries, query), append(r.args, args)
	return r.connection.Stream(ctx, query, args...)
}

// A time range is served by the index on spans, which alone decides which rows are read.
func TestTimeRangeUsesTheIndex(t *testing.T) {
	s := newStore(t, Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"})
	ctx := t.Context()
	err := s.Update(ctx, func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(ctx, &store.NewAccount{
			Account:   store.Account{ID: "1", Kind: store.User, Addresses: []string{"1@example.com"}},
			Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"}}},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	err = s.change(ctx, true, func(c *connection) error {
		r := &recorder{connection: c}
		for _, err := range relational.New(r, "b", from).Components(ctx, "1", store.DefaultCalendar, store.ComponentFilter{From: from, To: from.AddDate(0, 0, 7)}) {
			return err
		}
		if len(r.queries) != 2 {
			t.Errorf("%d queries", len(r.queries))
		}
		for i, want := range []string{
			"component_span (account=? AND number=? AND long=? AND start_at>? AND start_at<?)",
			"component_span (account=? AND number=? AND long=? AND start_at<?)",
		} {
			plan, err := c.explainPlan(ctx, r.queries[i], r.args[i])
			if err != nil {
				return err
			}
			if !strings.Contains(plan, want) || strings.Contains(plan, "SCAN") {
				t.Errorf("the plan is %s, without %s", plan, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// explainPlan returns how SQLite runs a query.
func (c *connection) explainPlan(ctx context.Context, query string, args []any) (string, error) {
	rows, err := c.Query(ctx, "EXPLAIN QUERY PLAN "+query, args...)
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var id, parent, unused int64
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return "", err
		}
		lines = append(lines, detail)
	}
	return strings.Join(lines, "; "), rows.Err()
}
