package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/davadmin/davadmin/pkg/store"
)

// Limits of what goes on when the context of the caller has ended.
const (
	// commitLimit is the maximum time of a commit, and commitGrace what is left of it
	// when the context ends.
	commitLimit = 30 * time.Second
	commitGrace = 2 * time.Second
	// rollbackLimit is the maximum time of a rollback. A connection whose rollback fails
	// is closed, which ends the transaction, too.
	rollbackLimit = time.Second
)

// The modes of transactions. A change reads what others commit meanwhile, and locks what
// it changes: a second change of the same row waits for the first one, rather than failing.
// The statements repeat their conditions, see relational.RaceError. A reader sees one state.
const (
	changing = "READ COMMITTED"
	reading  = "REPEATABLE READ READ ONLY"
)

// begin begins a transaction whose statements may take limit each; 0 means no limit. The
// settings are local to the transaction, because a connection pooler may give the server
// connection to another client after it, and some poolers reject session settings.
//
// The transaction may be in a database without a store, or in one of another version: the
// caller looks at it. beginChecked looks at it in the same round trip.
func (s *Store) begin(ctx context.Context, mode string, limit time.Duration) (*transaction, error) {
	t, _, err := s.start(ctx, mode, limit, "")
	return t, err
}

// start begins a transaction, and ends the script that does so with the statements last.
// It returns the rows of the last one of them, if that is a query.
func (s *Store) start(ctx context.Context, mode string, limit time.Duration, last string) (*transaction, [][][]byte, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, nil, explain(err)
	}
	delete(conn.Conn().PgConn().CustomData(), unconfirmed)
	t := &transaction{tx: &begun{pooledConn: conn}, mode: modeOf(conn.Conn())}
	results, err := conn.Conn().PgConn().Exec(ctx, fmt.Sprintf("BEGIN ISOLATION LEVEL %s; SET LOCAL search_path = %s; SET LOCAL timezone = 'UTC';"+
		" SET LOCAL work_mem = '32MB'; SET LOCAL lock_timeout = %d; SET LOCAL statement_timeout = %d; %s", mode, namespace, s.o.lockTimeout(), milliseconds(limit), last)).ReadAll()
	if err != nil {
		t.rollback(ctx)
		return nil, nil, explain(err)
	}
	return t, results[len(results)-1].Rows, nil
}

// pooledConn is embedded under a name of its own, because pgxpool.Conn has a method Conn.
type pooledConn = pgxpool.Conn

// begun is a transaction on a connection of the pool. It is that of pgx, whose BEGIN
// cannot have results.
type begun struct {
	*pooledConn
	ended bool
	// warning is that of a commit that was not confirmed by a standby server, or "".
	warning string
}

// Commit commits the transaction. pgx.ErrTxCommitRollback if an error before has made
// that impossible.
func (b *begun) Commit(ctx context.Context) error {
	if b.ended {
		return pgx.ErrTxClosed
	}
	tag, err := b.Exec(ctx, "COMMIT")
	b.warning, _ = b.Conn().PgConn().CustomData()[unconfirmed].(string) // read while the connection is ours
	b.end(ctx)
	if err == nil && tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return err
}

// Rollback ends the transaction without its changes. It does nothing after Commit. If it
// fails, the connection is closed.
func (b *begun) Rollback(ctx context.Context) {
	if b.ended {
		return
	}
	if !b.Conn().IsClosed() {
		_, _ = b.Exec(ctx, "ROLLBACK") // end looks at the state of the connection
	}
	b.end(ctx)
}

// end gives the connection back. One that is still in a transaction is closed.
func (b *begun) end(ctx context.Context) {
	b.ended = true
	if c := b.Conn(); c.PgConn().TxStatus() != 'I' {
		_ = c.Close(ctx)
	}
	b.Release()
}

// rollback ends the transaction without its changes. It does nothing after a commit.
func (t *transaction) rollback(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), rollbackLimit)
	defer cancel()
	t.tx.Rollback(ctx)
}

// commit commits the transaction. It is not interrupted at once when ctx ends, so that
// its result is known if the server answers. *store.CommitUnknown.
func (t *transaction) commit(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(commitGrace):
			cancel()
		case <-waiting.Done():
		}
	})
	defer stop()
	err := explainCommit(t.tx.Commit(waiting))
	var unknown *store.CommitUnknown
	switch {
	case errors.As(err, &unknown) && waiting.Err() != nil && ctx.Err() != nil:
		return &store.CommitUnknown{Err: stoppedError{ctx.Err()}}
	case errors.As(err, &unknown) && waiting.Err() != nil:
		return &store.CommitUnknown{Err: fmt.Errorf("the database did not answer within %s", commitLimit)}
	case err != nil:
		return err
	}
	if t.tx.warning != "" {
		return &store.CommitUnknown{Unreplicated: true, Err: errors.New(t.tx.warning)}
	}
	return nil
}

// stoppedError says that the context ended during a commit that was not answered.
type stoppedError struct{ err error }

func (stoppedError) Error() string   { return "the run was stopped, and the database did not answer" }
func (e stoppedError) Unwrap() error { return e.err }

// unconfirmed is the key of the warning that a commit was not confirmed by a standby
// server, in the data of a connection.
const unconfirmed = "davadmin.unconfirmed"

// noteWarning remembers the warning of a commit that succeeded without waiting for a
// standby server: if the server is lost now, the standby server may not have the
// changes. The name of the function in the server identifies it, because its text is
// translated.
func noteWarning(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" {
		c.CustomData()[unconfirmed] = n.Message
	}
}

// pooled is the key of whether a pooler stands between a connection and the server, in
// the data of the connection.
const pooled = "davadmin.pooled"

// findPooler finds out whether a pooler stands between a connection and the server. A
// pooler tells its clients process numbers of its own.
func findPooler(ctx context.Context, c *pgx.Conn) error {
	var pid int64
	if err := c.QueryRow(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeExec).Scan(&pid); err != nil {
		return err
	}
	c.PgConn().CustomData()[pooled] = pid != int64(c.PgConn().PID())
	return nil
}

// modeOf returns the way to execute statements: prepared ones that have a name belong to
// a server connection, which a pooler gives to somebody else after the transaction.
func modeOf(c *pgx.Conn) pgx.QueryExecMode {
	if c.PgConn().CustomData()[pooled] == true {
		return pgx.QueryExecModeCacheDescribe
	}
	return pgx.QueryExecModeCacheStatement
}
