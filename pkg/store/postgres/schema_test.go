package postgres

import (
	"context"
	_ "embed"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
	"github.com/davadmin/davadmin/pkg/store/storetest"
)

// frozen1 is the dump of a store with schema 1 and data, as written by 'pg_dump
// --inserts'. It never changes.
//
//go:embed testdata/schema1.sql
var frozen1 string

// frozenStore creates a database with the content of frozen1.
func frozenStore(t *testing.T, s *servertest.PostgresServer, name string) Options {
	t.Helper()
	if err := s.CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Psql(t.Context(), name, frozen1); err != nil {
		t.Fatal(err)
	}
	return Options{URL: s.URL(name), Backend: "defaultbackend"}
}

// describe returns a description of the schema of a database by the server.
func describe(t *testing.T, s *servertest.PostgresServer, database string) string {
	t.Helper()
	text, err := s.Psql(t.Context(), database, `SELECT table_name, column_name, data_type, is_nullable, collation_name FROM information_schema.columns
		WHERE table_schema = 'davadmin' ORDER BY table_name, ordinal_position; SELECT indexdef FROM pg_indexes WHERE schemaname = 'davadmin' ORDER BY indexname;
		SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'davadmin'::regnamespace ORDER BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// next returns a schema that is newer than this version supports.
func next() relational.Schema {
	c := schema()
	c.Version++
	c.Steps = append(c.Steps, relational.Step{Version: c.Version, Statements: "ALTER TABLE account ADD COLUMN quota bigint NOT NULL DEFAULT 7; CREATE INDEX account_quota ON account (quota);"})
	return c
}

// open1 opens a store until the end of the test.
func open1(t *testing.T, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestSchema(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	t.Run("upgraded schema is the newest schema", func(t *testing.T) {
		o := frozenStore(t, server, "upgraded")
		if _, err := Upgrade(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		storetest.CheckFrozen(t, open1(t, o))
		if err := server.CreateDatabase(t.Context(), "fresh"); err != nil {
			t.Fatal(err)
		}
		if err := Create(t.Context(), Options{URL: server.URL("fresh"), Backend: "b"}); err != nil {
			t.Fatal(err)
		}
		if got, want := describe(t, server, "upgraded"), describe(t, server, "fresh"); got != want {
			t.Errorf("the upgraded schema is\n%s\nthe newest schema is\n%s", got, want)
		}
	})
	t.Run("newer schema and failed upgrade", func(t *testing.T) {
		o := frozenStore(t, server, "newer")
		broken := next()
		broken.Steps[len(broken.Steps)-1].Statements += " CREATE TABLE account (id text);"
		if _, err := o.upgrade(t.Context(), broken); err == nil {
			t.Error("a broken upgrade succeeded")
		}
		storetest.CheckFrozen(t, open1(t, o))
		if strings.Contains(describe(t, server, "newer"), "quota") {
			t.Error("the failed upgrade changed the schema")
		}
		if from, err := o.upgrade(t.Context(), next()); err != nil || from != 1 {
			t.Fatalf("upgrade from version %d: %v", from, err)
		}
		if _, err := Open(t.Context(), o); !errors.Is(err, store.ErrSchemaNewer) {
			t.Errorf("opening a newer store: got error %v", err)
		}
	})
	t.Run("replaced store is kept", func(t *testing.T) {
		o := frozenStore(t, server, "replaced")
		o.Now = func() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }
		kept, err := Replace(t.Context(), o)
		if err != nil || kept != "davadmin_20261101t120000z" {
			t.Fatalf("the old store is kept as %q, error %v", kept, err)
		}
		if n, err := server.Psql(t.Context(), "replaced", "SELECT count(*) FROM davadmin.account; SELECT count(*) FROM "+kept+".account"); err != nil || strings.Join(strings.Fields(n), " ") != "0 3" {
			t.Errorf("the numbers of accounts in the new and the old store are %q, error %v", n, err)
		}
		if again, err := Replace(t.Context(), o); err != nil || again != kept+"_2" {
			t.Errorf("in the same second, the old store is kept as %q, error %v", again, err)
		}
	})
	t.Run("rejected databases", func(t *testing.T) { testRejectedDatabases(t, server) })
	t.Run("every column is moved", func(t *testing.T) { testEveryColumnIsMoved(t, server) })
}

// Every column of every table is moved with the account, or belongs to the store.
func testEveryColumnIsMoved(t *testing.T, server *servertest.PostgresServer) {
	t.Helper()
	frozenStore(t, server, "columns")
	text, err := server.Psql(t.Context(), "columns", `SELECT table_name || ' ' || column_name || ' ' || CASE data_type WHEN 'bigint' THEN 'number' WHEN 'bytea' THEN 'bytes'
		ELSE data_type END || CASE is_nullable WHEN 'NO' THEN ' not-null' ELSE '' END FROM information_schema.columns WHERE table_schema = 'davadmin'`)
	if err != nil {
		t.Fatal(err)
	}
	columns := strings.Split(strings.TrimSpace(text), "\n")
	if len(columns) < 50 {
		t.Fatalf("the database has the columns %q", columns)
	}
	for _, d := range relational.CheckTables(columns) {
		t.Error(d)
	}
}

func testRejectedDatabases(t *testing.T, server *servertest.PostgresServer) {
	t.Helper()
	o := frozenStore(t, server, "refused")
	o.Backend = "store1"
	if _, err := Open(t.Context(), o); !errors.Is(err, store.ErrOtherBackend) {
		t.Errorf("the store of another back end: got error %v", err)
	}
	if err := Create(t.Context(), o); !errors.Is(err, store.ErrExists) {
		t.Errorf("creating a store that already exists: got error %v", err)
	}
	if _, err := server.Psql(t.Context(), "postgres", "CREATE DATABASE latin1 TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"); err != nil {
		t.Fatal(err)
	}
	err := Create(t.Context(), Options{URL: server.URL("latin1"), Backend: "b"})
	if err == nil || !strings.Contains(err.Error(), "LATIN1") {
		t.Errorf("a database in Latin-1: got error %v", err)
	}
	if _, err := Open(t.Context(), Options{URL: server.URL("postgres"), Backend: "b"}); !errors.Is(err, store.ErrNoSchema) {
		t.Errorf("a database without a store: got error %v", err)
	}
	if _, err := Open(t.Context(), Options{URL: server.URL("absent"), Backend: "b"}); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a database that does not exist: got error %v", err)
	}
}

// A user who could log in, but lacks a right, is not told to check the password.
func TestMissingRights(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	o := Options{URL: server.URL("postgres"), Backend: "b"}
	if err := Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Psql(t.Context(), "postgres", "CREATE USER guest"); err != nil {
		t.Fatal(err)
	}
	o.URL = strings.Replace(o.URL, "postgres://postgres@", "postgres://guest@", 1)
	_, err := Open(t.Context(), o)
	var rights *RightsError
	if !errors.As(err, &rights) || !errors.Is(err, store.ErrDenied) {
		t.Errorf("%s: got error %v", o.URL, err)
	}
}

// The statements of the error give the rights, one after the other, until the store works.
func TestStatementsGiveTheMissingRights(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	admin := Options{URL: server.URL("postgres"), Backend: "b"}
	psql := func(query string) {
		t.Helper()
		if out, err := server.Psql(t.Context(), "postgres", query); err != nil {
			t.Fatalf("%s: %v: %s", query, err, out)
		}
	}
	psql(`CREATE USER "Cal-1"; REVOKE CREATE ON DATABASE postgres FROM PUBLIC`)
	guest := Options{URL: strings.Replace(admin.URL, "postgres://postgres@", "postgres://Cal-1@", 1), Backend: "b"}
	given := func(err error, want string) {
		t.Helper()
		var rights *RightsError
		if !errors.As(err, &rights) || rights.Role != "Cal-1" || rights.Database != "postgres" {
			t.Fatalf("got error %v", err)
		}
		if got := rights.Statements(); got != want {
			t.Errorf("%v: run %s, want %s", err, got, want)
		}
		psql(rights.Statements())
	}
	given(Create(t.Context(), guest), `GRANT CREATE ON DATABASE postgres TO "Cal-1";`)
	if err := Create(t.Context(), guest); err != nil {
		t.Fatal(err)
	}
	psql("DROP SCHEMA davadmin CASCADE")
	if err := Create(t.Context(), admin); err != nil {
		t.Fatal(err)
	}
	_, err := Open(t.Context(), guest)
	given(err, `GRANT USAGE ON SCHEMA davadmin TO "Cal-1"; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA davadmin TO "Cal-1";`)
	psql(`REVOKE INSERT ON davadmin.account FROM "Cal-1"`)
	s, err := Open(t.Context(), guest)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	create := func() error {
		return s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
			return w.CreateAccount(t.Context(), &store.NewAccount{Account: store.Account{ID: "a", Kind: store.User, Addresses: []string{"a@example.com"}, DisplayName: "a"}})
		})
	}
	given(create(), `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA davadmin TO "Cal-1";`)
	if err := create(); err != nil {
		t.Error(err)
	}
	_, err = Replace(t.Context(), guest)
	given(err, `ALTER SCHEMA davadmin OWNER TO "Cal-1";`)
}

// A sequence can be named by a server whose tables were changed by hand.
func TestRightsOfOtherObjects(t *testing.T) {
	for message, want := range map[string]string{
		"permission denied for sequence s":  "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA davadmin TO cal;",
		"permission denied for relation x":  "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA davadmin TO cal;",
		"must be owner of table account":    "ALTER TABLE davadmin.account OWNER TO cal;",
		`must be owner of schema a"b`:       `ALTER SCHEMA "a""b" OWNER TO cal;`,
		"permission denied for function f":  "",
		"keine Berechtigung fuer Tabelle x": "",
	} {
		r := newRightsError(&pgconn.PgError{Message: message, Code: "42501"})
		r.Role = "cal"
		if got := r.Statements(); got != want {
			t.Errorf("%s: %q, want %q", message, got, want)
		}
	}
}

func TestPasswords(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{TCP: true, Password: "right"})
	for word, want := range map[string]error{"right": store.ErrNoSchema, "wrong": store.ErrDenied} {
		o := Options{URL: server.URL("postgres"), Backend: "b", Password: func(context.Context) ([]byte, error) { return []byte(word), nil }}
		_, err := Open(t.Context(), o)
		if !errors.Is(err, want) {
			t.Errorf("password '%s': got error %v, want %v", word, err, want)
		}
		if strings.Contains(err.Error(), word) {
			t.Errorf("the error contains the password: %v", err)
		}
	}
	mine := errors.New("no password for you")
	o := Options{URL: server.URL("postgres"), Backend: "b", Password: func(context.Context) ([]byte, error) { return nil, mine }}
	if _, err := Open(t.Context(), o); !errors.Is(err, mine) {
		t.Errorf("a password function that fails: got error %v", err)
	}
}

func TestCheckURL(t *testing.T) {
	for url, ok := range map[string]bool{
		"postgres://u@h1:5432,h2:5433/db?target_session_attrs=read-write": true,
		"postgresql:///db?host=/run/postgresql":                           true,
		"postgres://u:secret@h/db":                                        false,
		"postgres://u:sec@ret@h1,h2/db":                                   false,
		"postgres://u@h/db?password=secret":                               false,
		"postgres://u@h/db?sslPassword=x":                                 false,
		"mysql://h/db":                                                    false,
		"h/db":                                                            false,
		"postgres://h/db?a=%zz":                                           false,
		"postgres://h/db?sslmode=sometimes":                               false,
		"postgres://h/db?target_session_attrs=writer":                     false,
		"postgres://h/db?require_auth=anything":                           false,
		"postgres://h1,h2:5432,h3:1/db?sslrootcert=/nonexistent/ca.pem":   false,
		"postgres://h/db?pool_max_conns=many":                             false,
		"postgres://h:port/db":                                            false,
	} {
		err := CheckURL(url)
		if (err == nil) != ok {
			t.Errorf("%s: got error %v", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error contains the password: %v", url, err)
		}
	}
}
