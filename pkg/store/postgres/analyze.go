package postgres

import (
	"context"
	"strings"
	"sync/atomic"
)

// fewRows is a number of rows below which statistics make no difference.
const fewRows = 1000

// analyze updates the statistics of the planner after n rows were loaded, if a table has at
// least twice as many as when the server last looked at it. The server does so, too, but up to
// a minute later, or not at all. first is the table that was filled, with its columns if not
// all matter, and more are others.
//
// What was loaded is committed: an error changes only how fast it is found. A role that does
// not own the tables may not update them.
func (s *Store) analyze(ctx context.Context, loaded *atomic.Int64, n int, first, more string) {
	since := loaded.Add(int64(n))
	if since < fewRows {
		return
	}
	t, err := s.begin(ctx, changing, s.o.limit())
	if err != nil {
		return
	}
	defer t.rollback(ctx)
	table, _, _ := strings.Cut(first, " ")
	var known int64
	err = t.tx.QueryRow(ctx, "SELECT reltuples::bigint FROM pg_class WHERE oid = $1::regclass", t.mode, namespace+"."+table).Scan(&known)
	if err != nil || since < known {
		return
	}
	loaded.Add(-since)
	if t.run(ctx, "ANALYZE "+first+", "+more) == nil {
		_ = t.commit(ctx)
	}
}
