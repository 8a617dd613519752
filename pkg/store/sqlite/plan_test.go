package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// recorder remembers the queries that stream, and those that list components.
type recorder struct {
	*connection
	queries []string
	args    [][]any
}

func (r *recorder) Stream(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	r.queries, r.args = append(r.queries, query), append(r.args, args)
	return r.connection.Stream(ctx, query, args...)
}

// Query records the queries that list components, and those that find accounts by a person.
func (r *recorder) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	if strings.Contains(query, " FROM component ") || strings.Contains(query, " FROM representative WHERE ") {
		r.queries, r.args = append(r.queries, query), append(r.args, args)
	}
	return r.connection.Query(ctx, query, args...)
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
		r := &queryRecorder{recorder: recorder{connection: c}}
		for _, err := range relational.New(r, "b", from).Components(ctx, "1", store.DefaultCalendar, store.ComponentFilter{From: from, To: from.AddDate(0, 0, 7)}) {
			return err
		}
		if len(r.queries) == 0 {
			t.Fatal("no queries")
		}
		plan, err := c.explainPlan(ctx, r.queries[0], r.args[0])
		if err != nil {
			return err
		}
		for _, want := range []string{
			"component_span (account=? AND number=? AND start_at>? AND start_at<?)",
			"component_long (account=? AND number=? AND start_at<?)",
		} {
			if !strings.Contains(plan, want) || strings.Contains(plan, "SCAN") || strings.Contains(plan, "ORDER BY") {
				t.Errorf("the plan is %s, without %s or with a sort", plan, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// queryRecorder remembers the queries that do not stream. Sorting fails with an error, if
// set.
type queryRecorder struct {
	recorder
	sorting error
}

func (r *queryRecorder) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	r.queries, r.args = append(r.queries, query), append(r.args, args)
	if r.sorting != nil && strings.Contains(query, "mail || ''") {
		return nil, r.sorting
	}
	return r.connection.Query(ctx, query, args...)
}

// The first rows of a listing by address come from the index, and the rest from the table:
// the index would lead to its rows in no order. If there is no space to sort them, the
// index has to do.
func TestListingReadsTheTable(t *testing.T) {
	s := newStore(t, Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"})
	var accounts []*store.NewAccount
	for i := range 150 {
		id := fmt.Sprint(i * 7919 % 1000)
		accounts = append(accounts, &store.NewAccount{Account: store.Account{ID: id, Kind: store.User, Addresses: []string{fmt.Sprintf("%03d@example.com", i)}}})
	}
	if err := s.Load(t.Context(), accounts); err != nil {
		t.Fatal(err)
	}
	for _, full := range []error{nil, store.ErrFull} {
		err := s.change(t.Context(), true, func(c *connection) error {
			r := &queryRecorder{recorder{connection: c}, full}
			n := 0
			for a, err := range relational.New(r, "b", time.Now()).Accounts(t.Context(), store.AccountFilter{Order: store.ByMail, Alone: true, WithoutRights: true}) {
				if err != nil || a.Mail() != fmt.Sprintf("%03d@example.com", n) {
					return fmt.Errorf("account %d is %v, error %w", n, a, err)
				}
				n++
			}
			if n != len(accounts) || len(r.queries) != 2 && full == nil {
				t.Errorf("%d accounts, %d queries", n, len(r.queries))
			}
			for i, want := range []string{"SCAN account USING INDEX account_mail", "SCAN account; USE TEMP B-TREE FOR ORDER BY"} {
				if plan, err := c.explainPlan(t.Context(), r.queries[i], r.args[i]); err != nil || plan != want {
					t.Errorf("the plan is %s, want %s, error %v", plan, want, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
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

// What a server asks all day is served by indexes.
func TestServerQueriesUseIndexes(t *testing.T) {
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
	err = s.change(ctx, true, func(c *connection) error {
		r := &recorder{connection: c}
		in := relational.New(r, "b", time.Now())
		for what, want := range map[string]string{
			"names":   "sqlite_autoindex_component_1 (account=? AND number=? AND name=?)",
			"uid":     "component_uid (account=? AND uid=?)",
			"changes": "component_revision (account=? AND number=? AND revision>?)",
			"gone":    "SEARCH t USING INDEX sqlite_autoindex_trash_1 (account=? AND number=? AND revision>?)",
		} {
			r.queries, r.args = nil, nil
			if err := ask(ctx, in, what); err != nil {
				return err
			}
			plan, err := c.explainPlan(ctx, r.queries[0], r.args[0])
			if err != nil {
				return err
			}
			if strings.Contains(r.queries[0], "revision > 0") {
				t.Errorf("%s: SQLite takes the first of two lower bounds, and reads everything after it: %s", what, r.queries[0])
			}
			if !strings.Contains(plan, want) || strings.Contains(plan, "SCAN") {
				t.Errorf("%s: the plan is %s, without %s", what, plan, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ask runs a query that streams.
func ask(ctx context.Context, r store.Reader, what string) error {
	filter := store.ComponentFilter{}
	switch what {
	case "names":
		filter.Names = []string{"1", "2", "3"}
	case "uid":
		filter.UID = "1"
	default:
		c, err := r.Calendar(ctx, "1", store.DefaultCalendar)
		if err != nil {
			return err
		}
		now, err := r.Token(ctx, c)
		if err != nil {
			return err
		}
		changes, _, err := r.Changes(ctx, "1", store.DefaultCalendar, now, 0)
		if err != nil {
			return err
		}
		for _, err := range changes {
			return err
		}
		return nil
	}
	for _, err := range r.Components(ctx, "1", store.DefaultCalendar, filter) {
		return err
	}
	return nil
}
