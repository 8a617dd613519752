package sqlite

import (
	"context"
	_ "embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
	"github.com/davadmin/davadmin/pkg/store/storetest"
)

// frozen1 is the dump of a store with schema 1 and data, as written by 'sqlite3
// .dump'. It never changes.
//
//go:embed testdata/schema1.sql
var frozen1 string

// frozenStore creates a file with the content of frozen1.
func frozenStore(t *testing.T) Options {
	t.Helper()
	path := filepath.Join(t.TempDir(), "frozen.sqlite")
	execute(t, path, frozen1)
	return Options{Path: path, Backend: "defaultbackend"}
}

// execute runs a script on a file, which is created if it does not exist.
func execute(t *testing.T, path, script string) {
	t.Helper()
	c := onFile(t, path)
	if err := c.run(t.Context(), script); err != nil {
		t.Fatal(err)
	}
}

// onFile opens a connection to a file, whatever it contains.
func onFile(t *testing.T, path string) *connection {
	t.Helper()
	c, err := openFile(Options{Path: path}, sqlite.OpenReadWrite|sqlite.OpenCreate, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.close() })
	return c
}

// describe returns the schema of a file as SQL.
func describe(t *testing.T, o Options) string {
	t.Helper()
	r, err := onFile(t, o.Path).Query(t.Context(), "SELECT coalesce(sql, '') FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var b strings.Builder
	for r.Next() {
		var text string
		if err := r.Scan(&text); err != nil {
			t.Fatal(err)
		}
		b.WriteString(text + "\n")
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestUpgradedSchemaIsTheNewestSchema(t *testing.T) {
	o := frozenStore(t)
	if _, _, err := Upgrade(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	storetest.CheckFrozen(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	fresh := Options{Path: filepath.Join(t.TempDir(), "fresh.sqlite"), Backend: "defaultbackend"}
	if err := Create(t.Context(), fresh); err != nil {
		t.Fatal(err)
	}
	if got, want := describe(t, o), describe(t, fresh); got != want {
		t.Errorf("the upgraded schema is\n%s\nthe newest schema is\n%s", got, want)
	}
}

// next returns a schema that is newer than this version supports.
func next() relational.Schema {
	c := schema()
	c.Version++
	c.Steps = append(c.Steps, relational.Step{Version: c.Version, Statements: "ALTER TABLE account ADD COLUMN quota INTEGER NOT NULL DEFAULT 7; CREATE INDEX account_quota ON account (quota);"})
	return c
}

func TestUpgradeCopiesTheStoreFirst(t *testing.T) {
	o := frozenStore(t)
	from, backup, err := upgrade(t.Context(), o, next())
	if err != nil || from != 1 {
		t.Fatalf("upgrade from version %d: %v", from, err)
	}
	if fi, err := os.Stat(backup); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("the copy has %v, error %v", fi, err)
	}
	if _, err := Open(t.Context(), o); !errors.Is(err, store.ErrSchemaNewer) {
		t.Errorf("opening a newer store: got error %v", err)
	}
	if _, _, err := Upgrade(t.Context(), o); !errors.Is(err, store.ErrSchemaNewer) {
		t.Errorf("upgrading a newer store: got error %v", err)
	}
	copied := o
	copied.Path = backup
	s, err := Open(t.Context(), copied)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	storetest.CheckFrozen(t, s)
}

func TestOlderAndForeignStoresAreRejected(t *testing.T) {
	o := frozenStore(t)
	m := relational.Metadata{Version: 1, Backend: o.Backend}
	if err := next().Check(m, o.Backend); !errors.Is(err, store.ErrSchemaOlder) {
		t.Errorf("an older store: got error %v", err)
	}
	o.Backend = "store1"
	if _, err := Open(t.Context(), o); !errors.Is(err, store.ErrOtherBackend) {
		t.Errorf("the store of another back end: got error %v", err)
	}
}

func TestFailedUpgradeChangesNothing(t *testing.T) {
	o := frozenStore(t)
	broken := next()
	broken.Steps[len(broken.Steps)-1].Statements += " CREATE TABLE account (id TEXT);"
	if _, _, err := upgrade(t.Context(), o, broken); err == nil {
		t.Fatal("a broken upgrade succeeded")
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	storetest.CheckFrozen(t, s)
	if strings.Contains(describe(t, o), "quota") {
		t.Error("the failed upgrade changed the schema")
	}
}

func TestReplaceKeepsACopy(t *testing.T) {
	o := frozenStore(t)
	kept, err := Replace(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	err = s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		n, err := r.CountAccounts(t.Context(), store.AccountFilter{State: store.AnyState})
		if n != 0 {
			t.Errorf("the new store has %d accounts", n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	old := o
	old.Path = kept
	before, err := Open(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	defer before.Close()
	storetest.CheckFrozen(t, before)
}

// Two copies of one second have different names.
func TestReplaceTwiceInOneSecond(t *testing.T) {
	o := frozenStore(t)
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	o.Now = func() time.Time { return now }
	seen := map[string]bool{}
	for range 3 {
		kept, err := Replace(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if seen[kept] {
			t.Errorf("%s is kept twice", kept)
		}
		seen[kept] = true
	}
}

func TestFilesThatAreNotStores(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	foreign := filepath.Join(dir, "foreign.sqlite")
	execute(t, foreign, "CREATE TABLE meta (name TEXT, value TEXT)")
	for path, want := range map[string]error{
		filepath.Join(dir, "absent"): store.ErrNoSchema,
		write("empty", ""):           store.ErrNoSchema,
		write("text", strings.Repeat("this is not a database\n", 50)): store.ErrDamaged,
		foreign: store.ErrDamaged,
		dir:     store.ErrDamaged,
	} {
		if _, err := Open(context.Background(), Options{Path: path, Backend: "b"}); !errors.Is(err, want) {
			t.Errorf("opening %s: got error %v, want %v", filepath.Base(path), err, want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "absent")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("opening a missing file created it")
	}
	if err := Create(context.Background(), Options{Path: foreign, Backend: "b"}); !errors.Is(err, store.ErrExists) {
		t.Errorf("creating a store at an existing file: got error %v", err)
	}
}

func TestFilesAreAccessibleOnlyToTheOwner(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "x.sqlite"), Backend: "b"}
	if err := Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	a := &store.NewAccount{Account: store.Account{ID: "a", Kind: store.User, Addresses: []string{"a@example.com"}}}
	if err := s.Update(t.Context(), func(ctx context.Context, w store.Writer) error { return w.CreateAccount(t.Context(), a) }); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Dir(o.Path))
	if err != nil || len(files) != 3 {
		t.Fatalf("%v: %v", files, err)
	}
	for _, f := range files {
		if fi, err := f.Info(); err != nil || fi.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name(), fi.Mode(), err)
		}
	}
}

// Every column of every table is moved with the account, or belongs to the store.
func TestEveryColumnIsMoved(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "x.sqlite"), Backend: "b"}
	if err := Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	r, err := onFile(t, o.Path).Query(t.Context(), `SELECT m.name || ' ' || c.name || ' ' || CASE c.type WHEN 'TEXT' THEN 'text' WHEN 'INTEGER' THEN 'number' WHEN 'BLOB' THEN 'bytes'
		ELSE c.type END || CASE c."notnull" WHEN 1 THEN ' not-null' ELSE '' END FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'`)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var columns []string
	for r.Next() {
		var c string
		if err := r.Scan(&c); err != nil {
			t.Fatal(err)
		}
		columns = append(columns, c)
	}
	if err := r.Err(); err != nil || len(columns) < 50 {
		t.Fatalf("the database has the columns %q, error %v", columns, err)
	}
	for _, d := range relational.CheckTables(columns) {
		t.Error(d)
	}
	if d := relational.CheckTables(append(columns, "account colour text not-null", "attachment account text not-null")); len(d) != 2 {
		t.Errorf("a new column and a new table are not noticed: %q", d)
	}
	columns = slices.DeleteFunc(columns, func(c string) bool { return c == "component text bytes not-null" })
	if d := relational.CheckTables(columns); len(d) != 1 {
		t.Errorf("a missing column is not noticed: %q", d)
	}
}
