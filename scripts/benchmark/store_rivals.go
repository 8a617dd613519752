package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	engine "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// bare is a connection to the database of a store that executes statements written by hand,
// without anything of the store around them. Its account is storeAccount.
type bare interface {
	// week counts the components of a time range with one statement, and reads the columns
	// that a listing without text reads.
	week(calendar int64, from, to time.Time) (int, error)
	// put writes new components, each with the statements that a PUT needs, in one
	// transaction.
	put(calendar string, components []*store.Component) error
	// insert inserts rows of components in one transaction.
	insert(rows [][]any) error
	// named counts the components of some names, and reads them with their text.
	named(calendar int64, names []string) (int, error)
	close() error
}

const (
	weekColumns = "name, uid, type, method, state, schedule_tag, status, transparent, start_at, end_at, floating, recurring, etag, size, created, changed, revision"
	shortWeek   = "SELECT " + weekColumns + " FROM component WHERE account = $1 AND number = $2 AND long = 0 AND start_at < $4 AND start_at > $3 - 2678400000000 AND end_at > $3"
	longWeek    = "SELECT " + weekColumns + " FROM component WHERE account = $1 AND number = $2 AND long = 1 AND start_at < $4 AND end_at > $3"
	bareWeek    = shortWeek + " UNION ALL " + longWeek

	bareLock  = "UPDATE collection SET revision = revision + 1 WHERE account = $1 AND name = $2 RETURNING number, revision"
	bareCheck = "SELECT name, uid, etag FROM component WHERE account = $1 AND number = $2 AND name = $3" +
		" UNION ALL SELECT name, uid, etag FROM component WHERE account = $1 AND uid = $4 AND number = $2 AND method = ''"
)

// bareNamed returns the statement that reads n components by name.
func bareNamed(n int) string {
	places := make([]string, n)
	for i := range places {
		places[i] = fmt.Sprintf("$%d", i+3)
	}
	return "SELECT " + weekColumns + ", text FROM component WHERE account = $1 AND number = $2 AND name IN (" + strings.Join(places, ", ") + ")"
}

// barePostgres is bare on PostgreSQL.
type barePostgres struct{ conn *pgx.Conn }

func openBarePostgres(ctx context.Context, url string) (bare, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Exec(ctx, "SET search_path = davadmin"); err != nil {
		return nil, err
	}
	return &barePostgres{conn}, nil
}

func (b *barePostgres) close() error { return b.conn.Close(context.Background()) }

// count reads all rows of a query.
func (b *barePostgres) count(query string, args ...any) (int, error) {
	rows, err := b.conn.Query(context.Background(), query, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		if _, err := rows.Values(); err != nil {
			return 0, err
		}
		n++
	}
	return n, rows.Err()
}

func (b *barePostgres) week(calendar int64, from, to time.Time) (int, error) {
	return b.count(bareWeek, storeAccount, calendar, from.UnixMicro(), to.UnixMicro())
}

func (b *barePostgres) named(calendar int64, names []string) (int, error) {
	args := []any{storeAccount, calendar}
	for _, name := range names {
		args = append(args, name)
	}
	return b.count(bareNamed(len(names)), args...)
}

func (b *barePostgres) put(calendar string, components []*store.Component) error {
	ctx := context.Background()
	tx, err := b.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // does nothing after a commit
	for _, m := range components {
		var number int64
		if err := tx.QueryRow(ctx, bareLock, storeAccount, calendar).Scan(&number, &m.Revision); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, bareCheck, storeAccount, number, m.Name, m.UID); err != nil {
			return err
		}
		m.ETag, m.Size = store.ETagOf(m.Text), int64(len(m.Text))
		if _, err := tx.Exec(ctx, relational.Components().Insert(), relational.ComponentRow(storeAccount, number, m)...); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

func (b *barePostgres) insert(rows [][]any) error {
	ctx := context.Background()
	tx, err := b.conn.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback(ctx) }() // does nothing after a commit
	if _, err := tx.CopyFrom(ctx, pgx.Identifier{"davadmin", "component"}, relational.Components().Columns, pgx.CopyFromRows(rows)); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// bareSQLite is bare on SQLite.
type bareSQLite struct{ conn *engine.Conn }

func openBareSQLite(path string) (bare, error) {
	conn, err := openFile(path)
	if err != nil {
		return nil, err
	}
	conn.SetBusyTimeout(time.Minute)
	return &bareSQLite{conn}, nil
}

func (b *bareSQLite) close() error { return b.conn.Close() }

// run binds the arguments to a prepared statement in the order of its parameters and steps
// through the result. Parameters with numbers must occur in the order of the numbers.
func (b *bareSQLite) run(query string, args []any, row func(*engine.Stmt)) (n int, err error) {
	s, err := b.conn.Prepare(query)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Reset()) }()
	for i, arg := range args {
		switch v := arg.(type) {
		case string:
			s.BindText(i+1, v)
		case int64:
			s.BindInt64(i+1, v)
		case []byte:
			s.BindBytes(i+1, v)
		}
	}
	for {
		more, err := s.Step()
		if err != nil || !more {
			return n, err
		}
		n++
		if row != nil {
			row(s)
		}
	}
}

// readAll reads the columns of a row as a listing does.
func readAll(s *engine.Stmt) {
	for i := range s.ColumnCount() {
		switch s.ColumnType(i) {
		case engine.TypeInteger:
			_ = s.ColumnInt64(i)
		case engine.TypeBlob:
			s.ColumnBytes(i, make([]byte, s.ColumnLen(i)))
		default:
			_ = s.ColumnText(i)
		}
	}
}

func (b *bareSQLite) week(calendar int64, from, to time.Time) (int, error) {
	// The first parameters of the statement are $1, $2, $4, $3.
	return b.run(bareWeek, []any{storeAccount, calendar, to.UnixMicro(), from.UnixMicro()}, readAll)
}

func (b *bareSQLite) named(calendar int64, names []string) (int, error) {
	args := []any{storeAccount, calendar}
	for _, name := range names {
		args = append(args, name)
	}
	return b.run(bareNamed(len(names)), args, readAll)
}

func (b *bareSQLite) put(calendar string, components []*store.Component) (err error) {
	if err := sqlitex.ExecuteTransient(b.conn, "BEGIN IMMEDIATE", nil); err != nil {
		return err
	}
	for _, m := range components {
		if err := b.putOne(calendar, m); err != nil {
			return errors.Join(err, sqlitex.ExecuteTransient(b.conn, "ROLLBACK", nil))
		}
	}
	return sqlitex.ExecuteTransient(b.conn, "COMMIT", nil)
}

func (b *bareSQLite) putOne(calendar string, m *store.Component) error {
	var number int64
	_, err := b.run(bareLock, []any{storeAccount, calendar}, func(s *engine.Stmt) { number, m.Revision = s.ColumnInt64(0), s.ColumnInt64(1) })
	if err != nil {
		return err
	}
	if _, err := b.run(bareCheck, []any{storeAccount, number, m.Name, m.UID}, nil); err != nil {
		return err
	}
	m.ETag, m.Size = store.ETagOf(m.Text), int64(len(m.Text))
	_, err = b.run(relational.Components().InsertInOrder(), relational.ComponentRow(storeAccount, number, m), nil)
	return err
}

func (b *bareSQLite) insert(rows [][]any) error {
	if err := sqlitex.ExecuteTransient(b.conn, "BEGIN IMMEDIATE", nil); err != nil {
		return err
	}
	statement := relational.Components().InsertInOrder()
	for _, row := range rows {
		if _, err := b.run(statement, row, nil); err != nil {
			return errors.Join(err, sqlitex.ExecuteTransient(b.conn, "ROLLBACK", nil))
		}
	}
	return sqlitex.ExecuteTransient(b.conn, "COMMIT", nil)
}
