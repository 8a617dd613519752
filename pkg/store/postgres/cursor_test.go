package postgres

import (
	"bytes"
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

// Cursors that are no longer read are closed together with the next one that is declared.
func TestCursorsAreClosed(t *testing.T) {
	s := open1(t, emptyStore(t, servertest.Postgres(t, servertest.PostgresOptions{}), "cursor"))
	err := s.view(t.Context(), func(tx *transaction) error {
		for i := range 50 {
			r, err := tx.Stream(t.Context(), "SELECT n, NULL::text, $2::text, $3::bytea FROM generate_series(1, $1::bigint) n", int64(40), "", []byte{0, 1})
			if err != nil {
				return err
			}
			rows := 0
			for ; rows < i && r.Next(); rows++ {
				var n int64
				var null *string
				var text string
				var data []byte
				if err := r.Scan(&n, &null, &text, &data); err != nil {
					return err
				}
				if n != int64(rows+1) || null != nil || text != "" || !bytes.Equal(data, []byte{0, 1}) {
					t.Errorf("row %d is %d, %v, '%s', %v", rows, n, null, text, data)
				}
			}
			r.Close()
			r.Close()
			if rows != min(i, 40) || r.Next() || r.Err() != nil {
				t.Errorf("%d rows, error %v", rows, r.Err())
			}
		}
		var open int64
		if err := tx.tx.QueryRow(t.Context(), "SELECT count(*) FROM pg_cursors WHERE name LIKE 'stream%'").Scan(&open); err != nil {
			return err
		}
		if open > 1 {
			t.Errorf("%d cursors are open", open)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
