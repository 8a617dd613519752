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

// Exec implements relational.Tx. It remembers the statement.
func (r *recorder) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	r.queries, r.args = append(r.queries, query), append(r.args, args)
	return r.connection.Exec(ctx, query, args...)
}

// What names a person is found by the indexes on people, and no table is read completely.
func TestRightsUseTheIndexes(t *testing.T) {
	s := newStore(t, Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"})
	const (
		byACE      = "ace_person (principal=?"
		byRole     = "representative_person (person=?"
		ofCalendar = "collection USING PRIMARY KEY (account=? AND number=?)"
		ofAccount  = "account USING PRIMARY KEY (id=?)"
	)
	person := store.Person{ID: "1", Address: "old@example.com"}
	err := s.Load(t.Context(), []*store.NewAccount{{
		Account: store.Account{ID: "2", Kind: store.User, Addresses: []string{"2@example.com"}, Delegates: []store.Person{person}},
		Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"},
			ACL: store.ACL{{Principal: store.Principal{Person: person}, Rights: "r"}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	err = s.change(t.Context(), true, func(c *connection) error {
		for what, x := range map[string]struct {
			run  func(context.Context, *relational.Session) error
			want [][]string // of each statement
		}{
			"shared with": {func(ctx context.Context, s *relational.Session) error {
				for _, err := range s.SharedWith(ctx, "1") {
					return err
				}
				return nil
			}, [][]string{{byACE, ofCalendar, "USING PRIMARY KEY (id=?)"}}},
			"acts for": {func(ctx context.Context, s *relational.Session) error {
				for _, err := range s.ActsFor(ctx, "1") {
					return err
				}
				return nil
			}, [][]string{{byACE, byRole}}},
			"readdress": {func(ctx context.Context, s *relational.Session) error {
				_, err := s.Readdress(ctx, store.Person{ID: "1", Address: "1@example.com"})
				return err
			}, [][]string{{byACE, byRole}, {ofAccount}, {ofCalendar}, {byACE}, {byRole}, {"subscription_owner (owner=?)"}}},
		} {
			r := &recorder{connection: c}
			if err := x.run(t.Context(), relational.New(r, "b", time.Now())); err != nil {
				return err
			}
			if len(r.queries) != len(x.want) {
				t.Errorf("%s: %d statements, want %d", what, len(r.queries), len(x.want))
				continue
			}
			for i, want := range x.want {
				plan, err := c.explainPlan(t.Context(), r.queries[i], r.args[i])
				if err != nil {
					return err
				}
				for _, step := range want {
					if !strings.Contains(plan, step) {
						t.Errorf("%s: the plan is %s, without %s", what, plan, step)
					}
				}
				for _, table := range []string{"ace", "e", "account", "a", "collection", "representative", "subscription"} {
					if strings.Contains(plan+";", "SCAN "+table+";") || strings.Contains(plan, "SCAN "+table+" USING") {
						t.Errorf("%s: the plan reads the whole table %s: %s", what, table, plan)
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
