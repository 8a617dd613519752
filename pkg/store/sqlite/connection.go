package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// connection implements relational.Tx on one database connection. It caches prepared
// statements.
type connection struct {
	conn     *sql.Conn
	prepared map[string]*sql.Stmt
	inserts  map[string]*sql.Stmt // the prepared INSERT statements, by table
}

// release closes the statements and returns the connection to the pool.
func (c *connection) release() {
	for _, p := range c.prepared {
		_ = p.Close()
	}
	_ = c.conn.Close()
}

// reader returns a connection for reading. The caller must release it.
func (s *Store) reader(ctx context.Context) (*connection, error) {
	waiting := ctx
	if s.full != nil { // a caller that holds the only connection would wait for itself
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, s.o.wait())
		defer cancel()
	}
	conn, err := s.readers.Conn(waiting)
	switch {
	case err != nil && waiting.Err() != nil && ctx.Err() == nil:
		return nil, s.full
	case err != nil:
		return nil, explain(err)
	}
	return &connection{conn: conn, prepared: map[string]*sql.Stmt{}, inserts: map[string]*sql.Stmt{}}, nil
}

// writer returns the only connection that writes. The caller must hold the write lock.
func (s *Store) writer(ctx context.Context) (*connection, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writeConn != nil {
		return s.writeConn, nil
	}
	conn, err := s.writers.Conn(ctx)
	if err != nil {
		return nil, explain(err)
	}
	s.writeConn = &connection{conn: conn, prepared: map[string]*sql.Stmt{}, inserts: map[string]*sql.Stmt{}}
	return s.writeConn, nil
}

// prepare returns the cached statement of a query, or prepares it.
func (c *connection) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if p := c.prepared[query]; p != nil {
		return p, nil
	}
	p, err := c.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, explain(err)
	}
	c.prepared[query] = p
	return p, nil
}

// Exec implements relational.Tx.
func (c *connection) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	p, err := c.prepare(ctx, query)
	if err != nil {
		return 0, err
	}
	r, err := p.ExecContext(ctx, args...)
	if err != nil {
		return 0, explain(err)
	}
	n, err := r.RowsAffected()
	return n, explain(err)
}

// run executes a script of statements.
func (c *connection) run(ctx context.Context, script string) error {
	_, err := c.conn.ExecContext(ctx, script)
	return explain(err)
}

// single runs a query and scans its first row.
func (c *connection) single(ctx context.Context, query string, dest any) error {
	return explain(c.conn.QueryRowContext(ctx, query).Scan(dest))
}

// Query implements relational.Tx.
func (c *connection) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	p, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	r, err := p.QueryContext(ctx, args...)
	if err != nil {
		return nil, explain(err)
	}
	return rows{r}, nil
}

// Stream implements relational.Tx. It does not use a cached statement, because the
// same query may be run again while the rows are being read.
func (c *connection) Stream(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	r, err := c.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, explain(err)
	}
	return rows{r}, nil
}

type rows struct{ *sql.Rows }

func (r rows) Scan(dest ...any) error { return explain(r.Rows.Scan(dest...)) }
func (r rows) Err() error             { return explain(r.Rows.Err()) }
func (r rows) Close()                 { _ = r.Rows.Close() }

// explain wraps an error of the driver in the matching error of pkg/store.
func explain(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	var meaning error
	if e.Code() == lib.SQLITE_IOERR_SHMSIZE { // the shared-memory file could not grow
		return fmt.Errorf("%w (%w)", store.ErrFull, err)
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		meaning = store.ErrLocked
	case lib.SQLITE_READONLY:
		meaning = store.ErrReadOnly
	case lib.SQLITE_FULL:
		meaning = store.ErrFull
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		meaning = store.ErrDamaged
	case lib.SQLITE_CONSTRAINT:
		meaning = explainConstraint(e.Code())
	default:
		return err
	}
	return fmt.Errorf("%w (%w)", meaning, err)
}

// explainConstraint returns the error for a violated constraint, by the extended result
// code. PostgreSQL's are explained alike.
func explainConstraint(code int) error {
	switch code {
	case lib.SQLITE_CONSTRAINT_UNIQUE, lib.SQLITE_CONSTRAINT_PRIMARYKEY, lib.SQLITE_CONSTRAINT_ROWID:
		return store.ErrExists
	case lib.SQLITE_CONSTRAINT_FOREIGNKEY:
		return store.ErrConflict
	}
	return store.ErrInvalid // of NOT NULL, CHECK, or the type of a column
}
