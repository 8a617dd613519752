package postgres

import (
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
)

// A listing of large rows holds a few of them at a time, and one of small rows makes few
// round trips.
func TestCursorIsBoundedByBytes(t *testing.T) {
	s := open1(t, emptyStore(t, servertest.Postgres(t, servertest.PostgresOptions{}), "cursor"))
	for _, test := range []struct {
		name                   string
		rows, size             int
		mostBytes, mostFetches int
	}{
		{"large", 600, 256 << 10, firstChunk * 256 << 10, 200},
		{"small", 20_000, 100, 2 << 20, 20},
	} {
		err := s.view(t.Context(), func(tx *transaction) error {
			r, err := tx.Stream(t.Context(), "SELECT repeat('x', $1::int) FROM generate_series(1, $2::int)", int64(test.size), int64(test.rows))
			if err != nil {
				return err
			}
			defer r.Close()
			c, rows, fetches := r.(*cursor), 0, 0
			for ; r.Next(); rows++ {
				if c.at > 0 {
					continue
				}
				fetches++
				bytes := 0
				for _, row := range c.got {
					bytes += len(row[0])
				}
				if bytes > test.mostBytes {
					t.Errorf("%s rows: the cursor holds %d bytes in %d rows", test.name, bytes, len(c.got))
				}
			}
			if rows != test.rows || fetches > test.mostFetches {
				t.Errorf("%s rows: read %d rows of %d in %d round trips", test.name, rows, test.rows, fetches)
			}
			return r.Err()
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
