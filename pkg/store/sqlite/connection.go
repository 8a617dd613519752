package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/davadmin/davadmin/pkg/store/relational"
)

// connection implements relational.Tx on one connection of SQLite, which one goroutine
// uses at a time. It caches prepared statements.
type connection struct {
	conn       *sqlite.Conn
	statements cache
	open       map[*rows]struct{} // results that are being read
	checked    int64              // data_version with which the schema was current; -1 for none
	guard      *guard             // nil outside of use and settle
	until      time.Time          // nothing begins after it, until settle; zero for no limit
	late       bool               // a statement was refused because of until
	broken     bool               // a transaction could not be ended
}

// use lets ctx interrupt the statements of the connection until settle is called. Each
// statement, and each step through a result, may take limit. Calling it again changes
// both.
func (c *connection) use(ctx context.Context, limit time.Duration) {
	if c.guard != nil {
		c.guard.stop()
	}
	c.guard = newGuard(ctx, limit)
	c.conn.SetInterrupt(c.guard.done)
}

// settle ends what use began, and closes the results that are still being read.
func (c *connection) settle() {
	for r := range c.open {
		r.Close()
		r.err = cmp.Or(r.err, errLeftOpen)
	}
	c.guard.stop()
	c.guard = nil
	c.conn.SetInterrupt(nil)
	c.until, c.late = time.Time{}, false
}

// rest is settle, and ends the transaction, if there is one, without its changes.
func (c *connection) rest() {
	c.settle()
	c.rollback()
}

// rollback ends the transaction, if there is one, without its changes.
func (c *connection) rollback() {
	// After some errors SQLite has already ended the transaction.
	if !c.conn.AutocommitEnabled() && c.run(context.Background(), "ROLLBACK") != nil {
		c.broken = true
	}
}

// commit commits the transaction. It does not end when the context of use does, so that
// its result is reliable.
func (c *connection) commit(limit time.Duration) error {
	c.use(context.Background(), limit)
	if _, err := c.Exec(context.Background(), "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// close closes the connection.
func (c *connection) close() error {
	c.statements.clear()
	return c.conn.Close()
}

// Exec implements relational.Tx.
func (c *connection) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	s, err := c.prepare(ctx, query)
	if err != nil {
		return 0, err
	}
	if err := c.finish(s, args); err != nil {
		return 0, err
	}
	return int64(c.conn.Changes()), nil
}

// finish runs a statement to its end.
func (c *connection) finish(s *statement, args []any) error {
	if err := s.bind(args); err != nil {
		return err
	}
	for {
		more, err := c.step(s)
		if err != nil {
			return err
		}
		if !more {
			return c.explain(s.Reset())
		}
	}
}

// step moves to the next row of a statement, within the limit of time.
func (c *connection) step(s *statement) (more bool, err error) {
	c.guard.begin()
	more, err = s.Step()
	c.guard.pause()
	return more, c.explain(err)
}

// prepare returns the cached statement of a query, or prepares it.
func (c *connection) prepare(ctx context.Context, query string) (*statement, error) {
	if err := c.mayBegin(ctx); err != nil {
		return nil, err
	}
	if s := c.statements.get(query); s != nil {
		return s, nil
	}
	s, err := c.prepareOnce(query)
	if err == nil {
		c.statements.put(query, s)
	}
	return s, err
}

// mayBegin returns an error if no statement and no step through a result may begin any more.
func (c *connection) mayBegin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !c.until.IsZero() && time.Now().After(c.until) {
		c.late = true
		return errLate
	}
	return nil
}

// prepareOnce prepares a query. The caller must finalize the statement.
func (c *connection) prepareOnce(query string) (*statement, error) {
	s, trailing, err := c.conn.PrepareTransient(query)
	if err != nil {
		return nil, c.explain(err)
	}
	if trailing > 0 {
		_ = s.Finalize()
		return nil, fmt.Errorf("the query '%s' has more than one statement", query)
	}
	return newStatement(s), nil
}

// ScansTables implements relational.TableScanner.
func (c *connection) ScansTables() {}

// Timeline implements relational.Tx. A file has none.
func (c *connection) Timeline(context.Context) (string, error) { return "", nil }

// Sync implements relational.Tx. Every commit waits for the disk (synchronous FULL).
func (c *connection) Sync(context.Context) error { return nil }

// run executes a script of statements.
func (c *connection) run(ctx context.Context, script string) error {
	for script = strings.TrimSpace(script); script != ""; {
		if err := ctx.Err(); err != nil {
			return err
		}
		s, trailing, err := c.conn.PrepareTransient(script)
		if err != nil {
			return c.explain(err)
		}
		p := newStatement(s)
		err = c.finish(p, nil)
		if err = errors.Join(err, p.Finalize()); err != nil {
			return err
		}
		script = strings.TrimSpace(script[len(script)-trailing:])
	}
	return nil
}

// single runs a query and scans its first row.
func (c *connection) single(ctx context.Context, query string, dest any) error {
	r, err := c.Query(ctx, query)
	if err != nil {
		return err
	}
	defer r.Close()
	if !r.Next() {
		return errors.Join(r.Err(), fmt.Errorf("the query '%s' has no result", query))
	}
	return r.Scan(dest)
}

// Query implements relational.Tx.
func (c *connection) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	s, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return c.result(ctx, s, args, "")
}

// Stream implements relational.Tx. It takes the statement out of the cache until the rows
// were read, because the same query may be run again meanwhile.
func (c *connection) Stream(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	if err := c.mayBegin(ctx); err != nil {
		return nil, err
	}
	s := c.statements.take(query)
	if s == nil {
		var err error
		if s, err = c.prepareOnce(query); err != nil {
			return nil, err
		}
	}
	return c.result(ctx, s, args, query)
}

// result returns the result of a statement, which is put into the cache after it if it is
// taken from there: the statement of the query taken.
func (c *connection) result(ctx context.Context, s *statement, args []any, taken string) (relational.Rows, error) {
	r := &rows{ctx: ctx, c: c, s: s, taken: taken}
	if err := s.bind(args); err != nil {
		r.Close()
		return nil, err
	}
	c.open[r] = struct{}{}
	return r, nil
}

// rows implements relational.Rows.
type rows struct {
	ctx   context.Context
	c     *connection
	s     *statement // nil after Close
	taken string     // the query of s, if s is not in the cache; or ""
	err   error
}

// Next implements relational.Rows.
func (r *rows) Next() bool {
	if r.s == nil || r.err != nil {
		return false
	}
	if r.err = r.c.mayBegin(r.ctx); r.err != nil {
		return false
	}
	more, err := r.c.step(r.s)
	r.err = err
	if !more {
		r.Close()
	}
	return more
}

// Scan implements relational.Rows.
func (r *rows) Scan(dest ...any) error {
	if r.s == nil {
		return errors.New("there is no row to scan")
	}
	return r.s.scan(dest)
}

// Err implements relational.Rows.
func (r *rows) Err() error { return r.err }

// errLeftOpen is the error of a result that was being read when the transaction ended: it is
// not complete.
var errLeftOpen = errors.New("the transaction ended while its result was being read")

// Close implements relational.Rows.
func (r *rows) Close() {
	if r.s == nil {
		return
	}
	// The error is that of the last step, which was returned by Next.
	_ = r.s.Reset()
	if r.taken != "" {
		r.c.statements.put(r.taken, r.s)
	}
	r.s = nil
	delete(r.c.open, r)
}
