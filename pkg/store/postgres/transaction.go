package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// transaction is a relational.Tx.
type transaction struct {
	tx      pgx.Tx
	cursors int
	failed  bool
	// inTheWay is what showed that another transaction is; nothing is taken any
	// more then, whatever became of the error.
	inTheWay *collision
}

// explain gives an error of the transaction its meaning, and remembers a collision.
func (t *transaction) explain(err error) error {
	err = explain(err)
	var c *collision
	if errors.As(err, &c) && t.inTheWay == nil {
		t.inTheWay = c
	}
	return err
}

// Exec implements relational.Tx.
func (t *transaction) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := t.tx.Exec(ctx, query, args...)
	return tag.RowsAffected(), t.explain(err)
}

// run runs a script of statements.
func (t *transaction) run(ctx context.Context, script string) error {
	_, err := t.tx.Exec(ctx, script)
	return explain(err)
}

// Query implements relational.Tx.
func (t *transaction) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	r, err := t.tx.Query(ctx, query, args...)
	if err != nil {
		return nil, t.explain(err)
	}
	return rows{r, t}, nil
}

type rows struct {
	pgx.Rows
	t *transaction
}

func (r rows) Scan(dest ...any) error { return r.t.explain(r.Rows.Scan(dest...)) }
func (r rows) Err() error             { return r.t.explain(r.Rows.Err()) }

// Stream implements relational.Tx with a cursor: the connection is free between
// two parts of the answer.
func (t *transaction) Stream(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	t.cursors++
	name := fmt.Sprintf("stream%d", t.cursors)
	if _, err := t.tx.Exec(ctx, "DECLARE "+name+" NO SCROLL CURSOR FOR "+query, args...); err != nil {
		return nil, t.explain(err)
	}
	return &cursor{ctx: ctx, t: t, name: name, size: firstPart}, nil
}

// Rows in a part of a streamed answer: few at first, so that the first is soon
// there.
const (
	firstPart = 100
	largePart = 2000
)

// cursor reads an answer in parts.
type cursor struct {
	ctx  context.Context
	t    *transaction
	name string
	size int

	fields []pgconn.FieldDescription
	got    [][][]byte // the rows of a part
	conn   *pgx.Conn
	at     int
	last   bool
	err    error
}

// Next implements relational.Rows.
func (c *cursor) Next() bool {
	if c.err != nil {
		return false
	}
	if c.at++; c.at < len(c.got) {
		return true
	}
	if c.last {
		return false
	}
	if c.err = c.fetch(); c.err != nil {
		return false
	}
	c.at = 0
	return len(c.got) > 0
}

// fetch reads the next part whole, so that the connection is free again.
func (c *cursor) fetch() error {
	r, err := c.t.tx.Query(c.ctx, fmt.Sprintf("FETCH FORWARD %d FROM %s", c.size, c.name), pgx.QueryExecModeExec)
	if err != nil {
		return explain(err)
	}
	defer r.Close()
	// The connection uses the memory of these again for the next statement.
	c.fields, c.conn, c.got = slices.Clone(r.FieldDescriptions()), c.t.tx.Conn(), c.got[:0]
	for r.Next() {
		raw := r.RawValues()
		size := 0
		for _, v := range raw {
			size += len(v)
		}
		row, all := make([][]byte, len(raw)), make([]byte, 0, size)
		for i, v := range raw {
			if v == nil {
				continue
			}
			from := len(all)
			all = append(all, v...)
			row[i] = all[from:len(all):len(all)]
		}
		c.got = append(c.got, row)
	}
	c.last = len(c.got) < c.size
	c.size = largePart
	return c.t.explain(r.Err())
}

// Scan implements relational.Rows.
func (c *cursor) Scan(dest ...any) error {
	return explain(pgx.ScanRow(c.conn.TypeMap(), c.fields, c.got[c.at], dest...))
}

// Err implements relational.Rows.
func (c *cursor) Err() error { return c.err }

// Close implements relational.Rows. A transaction that has failed closes its
// cursors by itself.
func (c *cursor) Close() {
	_, _ = c.t.tx.Exec(context.WithoutCancel(c.ctx), "CLOSE "+c.name)
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.view(ctx, func(t *transaction) error { return fn(relational.New(t, s.o.Backend, s.o.now())) })
}

func (s *Store) view(ctx context.Context, fn func(*transaction) error) error {
	tx, err := s.pool.BeginTx(ctx, begin("REPEATABLE READ READ ONLY"))
	if err != nil {
		return explain(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	return fn(&transaction{tx: tx})
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(store.Writer) error) error {
	return s.change(ctx, func(t *transaction) error { return fn(relational.New(t, s.o.Backend, s.o.now())) })
}

// A transaction that others are in the way of is begun again after a wait that
// grows with each try; after so many it is given up.
const (
	maxTries = 100
	maxWait  = 50 * time.Millisecond
)

// change runs fn in a transaction, again when another one was in its way.
func (s *Store) change(ctx context.Context, fn func(*transaction) error) error {
	for try := 1; ; try++ {
		err := s.once(ctx, fn)
		var inTheWay *collision
		if !errors.As(err, &inTheWay) {
			return err
		}
		if try == maxTries {
			return fmt.Errorf("%w: another transaction was in the way %d times", inTheWay.meaning, try)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rand.N(min(time.Duration(try)*2*time.Millisecond, maxWait)) + time.Millisecond/10):
		}
	}
}

// once runs fn in one transaction.
func (s *Store) once(ctx context.Context, fn func(*transaction) error) error {
	tx, err := s.pool.BeginTx(ctx, begin("REPEATABLE READ"))
	if err != nil {
		return explain(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after a commit
	t := &transaction{tx: tx}
	err = fn(t)
	if t.inTheWay != nil {
		return t.inTheWay
	}
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// Not interrupted: what the commit says must be what happened.
	return explainCommit(tx.Commit(context.WithoutCancel(ctx)))
}

// Load implements store.Loader with COPY.
func (s *Store) Load(ctx context.Context, accounts []*store.NewAccount) error {
	stamp := relational.Stamp(s.o.now())
	var addresses []*store.Account // the account of each
	var which []int                // and which of its addresses
	var calendars []*store.Calendar
	for _, a := range accounts {
		if err := relational.Prepare(a, s.o.Backend, stamp); err != nil {
			return err
		}
		for i := range a.Account.Addresses {
			addresses, which = append(addresses, &a.Account), append(which, i)
		}
		for i := range a.Calendars {
			calendars = append(calendars, &a.Calendars[i])
		}
	}
	err := s.once(ctx, func(t *transaction) error {
		return errors.Join(
			t.copy(ctx, relational.Accounts(), len(accounts), func(i int) []any { return relational.AccountRow(accounts[i]) }),
			t.copy(ctx, relational.Addresses(), len(addresses), func(i int) []any {
				return relational.AddressRow(addresses[i].Addresses[which[i]], addresses[i].ID)
			}),
			t.copy(ctx, relational.Collections(), len(calendars), func(i int) []any { return relational.CollectionRow(calendars[i]) }),
		)
	})
	var inTheWay *collision
	if errors.As(err, &inTheWay) {
		return &store.ExistsError{What: "account or address", Value: "of a group that is loaded"}
	}
	return err
}

// copy fills a table. After an error in the transaction nothing is sent any more.
func (t *transaction) copy(ctx context.Context, to relational.Table, n int, row func(int) []any) error {
	if t.failed {
		return nil
	}
	_, err := t.tx.CopyFrom(ctx, pgx.Identifier{to.Name}, to.Columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) { return row(i), nil }))
	t.failed = err != nil
	return explain(err)
}

// Taken implements store.Loader.
func (s *Store) Taken(ctx context.Context, accounts []*store.NewAccount) (taken store.Taken, err error) {
	err = s.view(ctx, func(t *transaction) error {
		taken, err = relational.New(t, s.o.Backend, s.o.now()).Taken(ctx, accounts)
		return err
	})
	return taken, err
}
