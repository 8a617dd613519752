package relational

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// Tx is a transaction of an engine. Its errors are those of pkg/store where one
// fits, wrapped.
type Tx interface {
	// Exec runs a statement and says how many rows it changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Query runs a query; its answer is read to its end, or closed, before anything
	// else is asked.
	Query(ctx context.Context, query string, args ...any) (Rows, error)
	// Stream runs a query whose answer may be large. Other statements may run
	// while it is read.
	Stream(ctx context.Context, query string, args ...any) (Rows, error)
}

// Rows is an answer that is being read.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// Session is a store.Writer on one transaction.
type Session struct {
	tx      Tx
	backend string
	stamp   int64 // of everything that is written
}

var _ store.Writer = (*Session)(nil)

// New returns a Session for the back end, whose changes are dated now.
func New(tx Tx, backend string, now time.Time) *Session {
	return &Session{tx: tx, backend: backend, stamp: Stamp(now)}
}

// Stamp is a time as it is stored: microseconds since 1970, 0 for none.
func Stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time is the time of a stamp.
func Time(stamp int64) time.Time {
	if stamp == 0 {
		return time.Time{}
	}
	return time.UnixMicro(stamp).UTC()
}

// one runs a query for one row; ErrNotFound without one.
func (s *Session) one(ctx context.Context, query string, args []any, dest ...any) error {
	rows, err := s.tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return store.ErrNotFound
	}
	return rows.Scan(dest...)
}

// all reads a small answer.
func all[T any](ctx context.Context, s *Session, query string, args []any, scan func(Rows) (T, error)) ([]T, error) {
	rows, err := s.tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// stream yields an answer row by row; other statements may run meanwhile.
func stream[T any](ctx context.Context, s *Session, query string, args []any, scan func(Rows) (T, error)) iter.Seq2[T, error] {
	return read(ctx, s.tx.Stream, query, args, scan)
}

// read yields the answer to a query row by row.
func read[T any](ctx context.Context, ask func(context.Context, string, ...any) (Rows, error), query string, args []any, scan func(Rows) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		rows, err := ask(ctx, query, args...)
		if err != nil {
			yield(zero, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			v, err := scan(rows)
			if err != nil {
				yield(zero, err)
				return
			}
			if !yield(v, nil) {
				return
			}
		}
		if err := errors.Join(rows.Err(), ctx.Err()); err != nil {
			yield(zero, err)
		}
	}
}

// exec runs a statement that must change one row; missing is its error when it
// changed none.
func (s *Session) exec(ctx context.Context, missing error, query string, args ...any) error {
	n, err := s.tx.Exec(ctx, query, args...)
	if err == nil && n == 0 {
		return missing
	}
	return err
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
