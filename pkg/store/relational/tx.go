package relational

import (
	"context"
	"errors"
	"iter"
	"math"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// Tx is a transaction of an engine. Its errors wrap the matching error of pkg/store,
// if there is one.
type Tx interface {
	// Exec executes a statement and returns how many rows it changed.
	Exec(ctx context.Context, query string, args ...any) (int64, error)
	// Query runs a query. The caller reads the rows to the end, or closes them, before
	// it executes anything else.
	Query(ctx context.Context, query string, args ...any) (Rows, error)
	// Stream runs a query whose result may be large. The caller may execute other
	// statements while it reads the rows.
	Stream(ctx context.Context, query string, args ...any) (Rows, error)
	// Timeline names the history of the server, which is another one after a standby
	// server took over; "" if the engine has none. It has only letters and digits.
	Timeline(ctx context.Context) (string, error)
	// Sync makes the commit of the transaction wait until it is on disk, also if the server
	// is set to acknowledge commits before.
	Sync(ctx context.Context) error
}

// Rows is the result of a query.
type Rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close()
}

// Session implements store.Writer on one transaction.
type Session struct {
	tx      Tx
	backend string
	stamp   int64        // time of all changes, see Stamp
	reading int          // number of listings that have not ended
	origin  *store.Token // the epoch and the timeline; nil until they are needed
	race    *RaceError   // see Race
	races   *Races       // nil if no other transaction can commit meanwhile
	ids     int          // number of ordered ids that were made
	back    []func()     // see TakeBack
}

var _ store.Writer = (*Session)(nil)

// New returns a Session for the back end. All its changes have the time now.
func New(tx Tx, backend string, now time.Time) *Session {
	return &Session{tx: tx, backend: backend, stamp: Stamp(now)}
}

// Stamp returns the stored form of a time: microseconds since 1970, or 0 for the zero
// time. Times that are too long ago or too far away, by 292,000 years, become the first
// or the last one that can be stored.
func Stamp(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return micros(t)
}

// micros is time.Time.UnixMicro without its wrap-around, which turns a time long ago into
// one in the future.
func micros(t time.Time) int64 {
	switch {
	case t.Before(time.UnixMicro(math.MinInt64)):
		return math.MinInt64
	case t.After(time.UnixMicro(math.MaxInt64)):
		return math.MaxInt64
	}
	return t.UnixMicro()
}

// Time returns the time of a stamp, in UTC.
func Time(stamp int64) time.Time {
	if stamp == 0 {
		return time.Time{}
	}
	return time.UnixMicro(stamp).UTC()
}

// exec executes a statement that changes something, see Tx. While a listing is being read,
// it returns store.ErrListing: the engines disagree on whether the listing sees the change.
func (s *Session) exec(ctx context.Context, query string, args ...any) (int64, error) {
	if s.reading > 0 {
		return 0, store.ErrListing
	}
	return s.tx.Exec(ctx, query, args...)
}

// queryOne runs a query and scans its first row. Without a row it returns
// ErrNotFound.
func (s *Session) queryOne(ctx context.Context, query string, args []any, dest ...any) error {
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

// execOne executes a statement that changes at most one row and returns it, see exec and
// queryOne.
func (s *Session) execOne(ctx context.Context, query string, args []any, dest ...any) error {
	if s.reading > 0 {
		return store.ErrListing
	}
	found := false
	rows, err := s.tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		found = true
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if !found {
		return store.ErrNotFound
	}
	return nil
}

// queryAll runs a query and returns all rows. The result must be small.
func queryAll[T any](ctx context.Context, s *Session, query string, args []any, scan func(Rows) (T, error)) ([]T, error) {
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

// streamRows yields the rows of a query. Other statements may be executed meanwhile.
func streamRows[T any](ctx context.Context, s *Session, query string, args []any, scan func(Rows) (T, error)) iter.Seq2[T, error] {
	return readRows(ctx, s, s.tx.Stream, query, args, scan)
}

// asker is Tx.Query or Tx.Stream.
type asker func(ctx context.Context, query string, args ...any) (Rows, error)

// readRows yields the rows of a query that is run by ask.
func readRows[T any](ctx context.Context, s *Session, ask asker, query string, args []any, scan func(Rows) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		rows, err := ask(ctx, query, args...)
		if err != nil {
			yield(zero, err)
			return
		}
		s.reading++
		defer func() {
			s.reading--
			rows.Close()
		}()
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

// mustChange executes a statement that must change a row. If it changes none,
// mustChange returns the error missing. ErrConflict is for a row that the transaction has
// read: another one has changed or removed it since then, see Race.
func (s *Session) mustChange(ctx context.Context, missing error, query string, args ...any) error {
	n, err := s.exec(ctx, query, args...)
	switch {
	case err != nil || n > 0:
		return err
	case errors.Is(missing, store.ErrConflict):
		return s.lostRace()
	}
	return missing
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
