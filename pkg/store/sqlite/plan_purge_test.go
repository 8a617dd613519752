package sqlite

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store/relational"
)

// A purge is many transactions, and each asks what is left: indexes on the time of the
// deletion find it, so that no transaction reads what is not deleted.
func TestPurgeUsesTheIndexes(t *testing.T) {
	s := newStore(t, Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"})
	err := s.change(t.Context(), true, func(c *connection) error {
		r := &queryRecorder{recorder{connection: c}, nil}
		if _, err := relational.New(r, "b", time.Now()).Purge(t.Context(), time.Now(), 200); err != nil {
			return err
		}
		want := []string{"account_deleted (", "collection_deleted (", "trash_deleted (", "attachment_deleted ("}
		for i, query := range r.queries {
			plan, err := c.explainPlan(t.Context(), query, r.args[i])
			if err != nil {
				return err
			}
			if len(want) > 0 && strings.Contains(plan, want[0]) {
				want = want[1:]
			}
			if strings.HasPrefix(plan, "SCAN") || strings.Contains(plan, "; SCAN") {
				t.Errorf("%s\nreads a whole table: %s", query, plan)
			}
		}
		if len(want) > 0 {
			t.Errorf("no query uses %q", want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
