package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	engine "zombiezen.com/go/sqlite"
	"zombiezen.com/go/sqlite/sqlitex"

	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/relational"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

// loadBackend is the name of the back end whose rows are copied.
const loadBackend = "defaultbackend"

// tableRows holds all rows of a table, in the order in which they are inserted.
type tableRows struct {
	table relational.Table
	rows  [][]any
}

// runLoad is a rival in the creation of accounts. It reads all rows of one store, then
// inserts them into a new one, and prints how many nanoseconds the insertion took and
// how many rows there are.
func runLoad(way string, args []string) error {
	if len(args) != 3 {
		return errors.New("-load requires a store, a batch and a target")
	}
	ctx := context.Background()
	tables, err := readRows(args[0])
	if err != nil {
		return err
	}
	if way == "insert-sorted" {
		orderByKey(tables)
	} else if err := orderAs(args[1], tables); err != nil {
		return err
	}
	n := 0
	for _, t := range tables {
		n += len(t.rows)
	}
	runtime.GC() // so that garbage from reading does not slow down the insertion
	var took time.Duration
	if way == "copy" {
		took, err = loadPostgres(ctx, args[2], tables)
	} else {
		took, err = loadSQLite(ctx, args[2], tables)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Println(took.Nanoseconds(), n)
	return err
}

// openFile opens an SQLite file with the same settings as the store.
func openFile(path string) (*engine.Conn, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	db, err := engine.OpenConn(path, engine.OpenReadWrite)
	if err != nil {
		return nil, err
	}
	for _, setting := range []string{"journal_mode = WAL", "synchronous = FULL", "foreign_keys = 1", "trusted_schema = 0", "cache_size = -16384", "wal_autocheckpoint = 4000"} {
		if err := sqlitex.ExecuteTransient(db, "PRAGMA "+setting, nil); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// readRows reads the accounts of a store with their addresses and collections.
func readRows(path string) (tables []*tableRows, err error) {
	db, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, table := range []relational.Table{relational.Accounts(), relational.Addresses(), relational.Collections()} {
		t := &tableRows{table: table}
		if err := t.read(db); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, table.Name, err)
		}
		tables = append(tables, t)
	}
	return tables, nil
}

func (t *tableRows) read(db *engine.Conn) error {
	return sqlitex.ExecuteTransient(db, "SELECT "+strings.Join(t.table.Columns, ", ")+" FROM "+t.table.Name, &sqlitex.ExecOptions{
		ResultFunc: func(r *engine.Stmt) error {
			row := make([]any, len(t.table.Columns))
			for i := range row {
				if row[i] = r.ColumnText(i); r.ColumnType(i) == engine.TypeInteger {
					row[i] = r.ColumnInt64(i)
				}
			}
			t.rows = append(t.rows, row)
			return nil
		},
	})
}

func (t *tableRows) column(name string) int { return slices.Index(t.table.Columns, name) }

// orderAs sorts the rows into the order in which a batch lists the accounts.
func orderAs(batch string, tables []*tableRows) error {
	f, err := os.Open(batch)
	if err != nil {
		return err
	}
	defer f.Close()
	lineOf := map[string]int{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		lineOf[lines.Text()] = len(lineOf)
	}
	accounts := tables[0]
	place := map[any]int{} // line of an account in the batch, by id
	id, mail := accounts.column("id"), accounts.column("mail")
	for _, row := range accounts.rows {
		line, ok := lineOf[fmt.Sprint(row[mail])]
		if !ok {
			return fmt.Errorf("%s does not contain %v", batch, row[mail])
		}
		place[row[id]] = line
	}
	if len(place) != len(lineOf) {
		return fmt.Errorf("%d accounts were created from %d lines", len(place), len(lineOf))
	}
	for i, t := range tables {
		key := t.column("account")
		if i == 0 {
			key = id
		}
		slices.SortStableFunc(t.rows, func(a, b []any) int { return cmp.Compare(place[a[key]], place[b[key]]) })
	}
	return nil
}

// orderByKey sorts the rows by primary key. Numbers within an account are read in
// order already.
func orderByKey(tables []*tableRows) {
	for _, t := range tables {
		slices.SortStableFunc(t.rows, func(a, b []any) int { return cmp.Compare(a[0].(string), b[0].(string)) })
	}
}

// loadPostgres copies the rows into a database that has no store yet, and returns how
// long that took.
func loadPostgres(ctx context.Context, target string, tables []*tableRows) (took time.Duration, err error) {
	if err := postgres.Create(ctx, postgres.Options{URL: target, Backend: loadBackend}); err != nil {
		return 0, err
	}
	conn, err := pgx.Connect(ctx, target)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	start := time.Now()
	tx, err := conn.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback(ctx) }() // does nothing after a commit
	for _, t := range tables {
		if _, err := tx.CopyFrom(ctx, pgx.Identifier{"davadmin", t.table.Name}, t.table.Columns, pgx.CopyFromRows(t.rows)); err != nil {
			return 0, err
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return 0, err
	}
	return time.Since(start), nil
}

// bareInsert returns the statement that inserts a row. Its placeholders have no names,
// because the driver would look up each name for each row.
func bareInsert(t relational.Table) string {
	places := strings.TrimSuffix(strings.Repeat("?, ", len(t.Columns)), ", ")
	return "INSERT INTO " + t.Name + " (" + strings.Join(t.Columns, ", ") + ") VALUES (" + places + ")"
}

// loadSQLite inserts the rows into a new file, and returns how long that took.
func loadSQLite(ctx context.Context, target string, tables []*tableRows) (took time.Duration, err error) {
	if err := sqlite.Create(ctx, sqlite.Options{Path: target, Backend: loadBackend}); err != nil {
		return 0, err
	}
	db, err := openFile(target)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	start := time.Now()
	if err := sqlitex.ExecuteTransient(db, "BEGIN IMMEDIATE", nil); err != nil {
		return 0, err
	}
	for _, t := range tables {
		if err := t.insert(db); err != nil {
			return 0, err
		}
	}
	if err := sqlitex.ExecuteTransient(db, "COMMIT", nil); err != nil {
		return 0, err
	}
	return time.Since(start), nil
}

// insert inserts the rows with one prepared statement.
func (t *tableRows) insert(db *engine.Conn) error {
	s, err := db.Prepare(bareInsert(t.table))
	if err != nil {
		return err
	}
	for _, row := range t.rows {
		for i, v := range row {
			if number, ok := v.(int64); ok {
				s.BindInt64(i+1, number)
			} else {
				s.BindText(i+1, v.(string))
			}
		}
		if _, err := s.Step(); err != nil {
			return err
		}
		if err := s.Reset(); err != nil {
			return err
		}
	}
	return nil
}
