package cli_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// openBackend opens a back end until the end of the test.
func openBackend(t *testing.T, l backends.Location) store.Store {
	t.Helper()
	st, err := l.Open(t.Context(), backends.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// hold changes an account in a transaction that ends when release is called.
func hold(t *testing.T, st store.Store, id string) (release func()) {
	t.Helper()
	holding, end, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- st.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
			a, err := w.Account(t.Context(), id)
			if err != nil {
				return err
			}
			a.DisplayName = "held"
			err = w.UpdateAccount(t.Context(), a)
			close(holding)
			<-end
			return err
		})
	}()
	<-holding
	return func() {
		close(end)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A lock of another program is waited for up to --lock-timeout. What only reads does not
// wait.
func TestLockedDatabase(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgresql"} {
		t.Run(engine, func(t *testing.T) {
			home := newHome(t)
			l := backends.Location{Backend: "defaultbackend", File: filepath.Join(home, "data", "db", "defaultbackend.sqlite")}
			if engine == "postgresql" {
				l.URL = servertest.Postgres(t, servertest.PostgresOptions{}).URL("postgres")
				home = postgresHome(t, l.URL)
				mustRun(t, "db", "init", "--home", home)
			}
			c := newCrowd(t, 3)
			mustRun(t, c.create(home)...)
			release := hold(t, openBackend(t, l), listAccounts(t, home, "-a", person(1))[0].ID)
			for _, args := range [][]string{{"account", "list"}, {"backend", "purge", "--dry-run"}, {"backend", "list"}, {"calendar", "list", "-a", person(1)}} {
				start := time.Now()
				if a := davadminRun(t, nil, append(args, "--home", home)...); a.code != 0 || time.Since(start) > 10*time.Second {
					t.Errorf("%q: code %d after %s: %s", args, a.code, time.Since(start), a.notes)
				}
			}
			start := time.Now()
			a := davadminRun(t, nil, "account", "modify", "-a", person(1), "-y", "attendanceflag=7", "--lock-timeout", "500ms", "--home", home)
			if took := time.Since(start); a.code != 6 || took < 500*time.Millisecond || took > 10*time.Second || !strings.Contains(a.notes, "locked by another program") {
				t.Errorf("code %d after %s: %s", a.code, took, a.notes)
			}
			release()
			mustRun(t, "account", "modify", "-a", person(1), "-y", "attendanceflag=7", "--lock-timeout", "500ms", "--home", home)
		})
	}
}

// A database that lost its tables is not an empty one, and a read-only one can be listed.
func TestLostAndReadOnlyDatabase(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{})
	home := postgresHome(t, s.URL("postgres"))
	mustRun(t, "db", "init", "--home", home)
	c := newCrowd(t, 3)
	mustRun(t, c.create(home)...)
	psql := func(database, statement string) {
		t.Helper()
		if _, err := s.Psql(t.Context(), database, statement); err != nil {
			t.Fatal(err)
		}
	}
	psql("template1", "ALTER DATABASE postgres SET default_transaction_read_only = on")
	if n := len(listAccounts(t, home)); n != 3 {
		t.Errorf("%d accounts on a read-only server", n)
	}
	for _, args := range [][]string{{"account", "list", "-v"}, {"backend", "list"}, {"db", "schema_version"}, {"db", "schema_fullupgrade"}, {"backend", "purge", "--dry-run"}} {
		if a := davadminRun(t, nil, append(args, "--home", home)...); a.code != 0 {
			t.Errorf("%q: code %d: %s", args, a.code, a.notes)
		}
	}
	for _, args := range [][]string{{"account", "modify", "-a", person(1), "-y", "attendanceflag=7"}, {"account", "delete", "-a", person(1), "--yes"}, {"db", "init", "--overwrite", "--yes"}} {
		if a := davadminRun(t, nil, append(args, "--home", home)...); a.code != 1 || !strings.Contains(a.notes, "the database is read-only") {
			t.Errorf("%q: code %d: %s", args, a.code, a.notes)
		}
	}
	psql("template1", "ALTER DATABASE postgres RESET default_transaction_read_only")
	psql("postgres", "DROP SCHEMA davadmin CASCADE")
	for _, args := range [][]string{{"account", "list"}, {"calendar", "list", "-a", person(1)}, {"backend", "list"}, {"backend", "purge", "--yes"}, {"db", "schema_version"}} {
		a := davadminRun(t, nil, append(args, "--home", home, "--output", "json")...)
		if a.code != 1 || !strings.Contains(a.out, "\"complete\": false\n}\n") || !strings.Contains(a.notes, "no store found (the database has no schema davadmin with tables)") {
			t.Errorf("%q: code %d: %s%s", args, a.code, a.out, a.notes)
		}
	}
}

// An address that belongs to accounts on two back ends fails the line that names it, and not
// the others.
func TestAmbiguousOwnerFailsOneLine(t *testing.T) {
	home := newHome(t)
	mustRun(t, "backend", "create", "-n", "store1", "-q", "--home", home)
	for i, backend := range []string{"defaultbackend", "store1"} {
		st := openBackend(t, backends.Location{Backend: backend, File: filepath.Join(home, "data", "db", backend+".sqlite")})
		err := st.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
			for _, name := range []string{"twice", []string{"owner", "reader"}[i]} {
				a := &store.NewAccount{
					Account:   store.Account{ID: name + " on " + backend, Kind: store.User, Addresses: []string{name + "@example.com"}},
					Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"}}},
				}
				if err := w.CreateAccount(t.Context(), a); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	lines := filepath.Join(t.TempDir(), "lines")
	write(t, lines, []byte("reader@example.com:/home/twice@example.com/calendar/\nreader@example.com:/home/owner@example.com/calendar/\n"))
	a := davadminRun(t, nil, "account", "subscribe", "-f", lines, "--home", home)
	if a.code != 4 || !strings.Contains(a.out, "changed: reader@example.com") || !strings.Contains(a.notes, "lines:1: reader@example.com: not done: ") || !strings.Contains(a.notes, "several accounts match") {
		t.Errorf("code %d: %s%s", a.code, a.out, a.notes)
	}
}

// A database file that is read-only can be listed, and the message of a change says that it
// is read-only.
func TestAccountsInAReadOnlyFile(t *testing.T) {
	u := newUnprivileged(t)
	home := filepath.Join(u.dir, "home")
	c := newCrowd(t, 20)
	mustRun(t, "init", "--home", home)
	mustRun(t, c.create(home)...)
	db := filepath.Join(home, "data", "db")
	if os.Geteuid() == 0 {
		if out, err := exec.Command("chown", "-R", fmt.Sprintf("%d:%d", nobody, nobody), home).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for _, path := range []string{filepath.Join(db, "defaultbackend.sqlite"), db} {
		if err := os.Chmod(path, 0o555); err != nil {
			t.Fatal(err)
		}
	}
	errs, err := u.run(t, "account", "modify", "-a", person(1), "-y", "attendanceflag=7", "--home", home)
	file := filepath.Join(db, "defaultbackend.sqlite")
	checkFailure(t, 1, []string{"the database is read-only", "; no right to write " + file + ", owner ", ", mode 0555; davadmin runs as ", "; run the command as a user who has it"}, errs, err)
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	errs, err = u.run(t, "account", "modify", "-a", person(1), "-y", "attendanceflag=7", "--home", home)
	checkFailure(t, 1, []string{"the database is read-only", "; no right to write " + db + "/, owner "}, errs, err)
	for _, args := range [][]string{{"account", "list"}, {"account", "list", "-v"}, {"backend", "list"}, {"db", "schema_version"}, {"backend", "purge", "--dry-run"}} {
		if errs, err := u.run(t, append(args, "--home", home)...); err != nil {
			t.Errorf("%q: %v: %s", args, err, errs)
		}
	}
	if err := os.Chmod(db, 0o700); err != nil {
		t.Fatal(err)
	}
	if n := countChanged(t, home); n != 0 {
		t.Errorf("%d are changed", n)
	}
}

// What the database rejects fails alone, although PostgreSQL ends the whole transaction.
func TestRejectedItemFailsAlone(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{})
	home := postgresHome(t, s.URL("postgres"))
	mustRun(t, "db", "init", "--home", home)
	c := newCrowd(t, 30)
	if _, err := s.Psql(t.Context(), "postgres", "ALTER TABLE davadmin.account ADD CHECK (mail <> '"+person(3)+"' AND (mail <> '"+person(17)+"' OR attendance <> 7))"); err != nil {
		t.Fatal(err)
	}
	if a := davadminRun(t, nil, c.create(home)...); a.code != 4 || strings.Count(a.notes, ": not done: ") != 1 || !strings.Contains(a.notes, person(3)+": not done: ") {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
	if n := len(listAccounts(t, home)); n != 29 {
		t.Errorf("%d accounts were created", n)
	}
	a := davadminRun(t, nil, "account", "modify", "-f", c.batch, "-y", "attendanceflag=7", "--home", home)
	if a.code != 4 || strings.Count(a.notes, ": not done: ") != 2 || !strings.Contains(a.notes, person(17)+": not done: ") {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
	if n := psqlCount(s, changedRows); n != 28 {
		t.Errorf("%d accounts were changed", n)
	}
}

// A password file that others can read is refused, and the message says how to fix it.
func TestOpenPasswordFile(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{TCP: true, Password: "right"})
	path := filepath.Join(t.TempDir(), "pgpass")
	write(t, path, []byte("*:*:*:*:right\n"))
	t.Setenv("PGPASSFILE", path) // pgx reads it
	env := map[string]string{"PGPASSFILE": path}
	home := postgresHome(t, s.URL("postgres"))
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if a := davadminRun(t, env, "db", "init", "--home", home); a.code != 5 || !strings.Contains(a.notes, "other users can access the password file "+path+" (mode 0644); run: chmod 600 "+path) {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if a := davadminRun(t, env, "db", "init", "--home", home); a.code != 0 {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
}

// A store on a read-only or full file system is named with what is wrong.
func TestStoreOnAReadOnlyOrFullDisk(t *testing.T) {
	disk := smallDisk(t, "8m")
	home, c := newHome(t), newCrowd(t, 20)
	db := filepath.Join(disk, "db")
	mustRun(t, "config", "modify", "-q", "-o", "store.dav.defaultbackend.dbdir", "-v", db, "--home", home)
	create := []string{"db", "init", "--home", home}
	remount := func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
	remount(syscall.MS_RDONLY)
	a := davadminRun(t, nil, create...)
	if want := "read-only file system; nothing was changed; the file system of " + disk + " is mounted read-only"; a.code != 1 || !strings.Contains(a.notes, want) {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
	remount(0)
	mustRun(t, create...)
	remount(syscall.MS_RDONLY)
	a = davadminRun(t, nil, c.create(home)...)
	if want := "the file system of " + db + " is mounted read-only"; a.code != 1 || !strings.Contains(a.notes, want) {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
	remount(0)
	fill(t, filepath.Join(disk, "filler"), 0)
	a = davadminRun(t, nil, c.create(home)...)
	if want := "; free some space on the file system of " + db; a.code != 1 || !strings.Contains(a.notes, want) {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
}

// A back end is only created in a database where its store can be, and deleted with its
// database kept.
func TestCreateAndDeletePostgresBackend(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{})
	psql := func(database, statement string) {
		t.Helper()
		if _, err := s.Psql(t.Context(), database, statement); err != nil {
			t.Fatal(err)
		}
	}
	psql("postgres", "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
	psql("postgres", "CREATE ROLE guest LOGIN")
	guest := strings.Replace(s.URL("postgres"), "//"+servertest.PostgresUser+"@", "//guest@", 1)
	home := newHome(t)
	create := func(url string, more ...string) answer {
		return davadminRun(t, nil, append([]string{"backend", "create", "-n", "pg", "--dburl", url, "--home", home}, more...)...)
	}
	for url, want := range map[string]string{
		s.URL("latin"): "the encoding of the database is LATIN1", s.URL("nowhere"): "does not exist", guest: "permission denied for database postgres",
	} {
		if a := create(url); a.code == 0 || !strings.Contains(a.notes, "nothing was changed: ") || !strings.Contains(a.notes, want) {
			t.Errorf("%s: code %d: %s", url, a.code, a.notes)
		}
	}
	if strings.Contains(string(read(t, serverFile(home))), "store.dav.pg") {
		t.Error("parameters were written")
	}
	if a := create(s.URL("postgres"), "--dry-run"); a.code != 0 || psqlCount(s, "SELECT count(*) FROM pg_namespace WHERE nspname = 'davadmin'") != 0 {
		t.Errorf("the check changed the database: %s", a.notes)
	}
	if a := create(s.URL("postgres")); a.code != 0 || !strings.Contains(a.notes, ": PostgreSQL 1") || !strings.Contains(a.notes, "created: ") {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
	mustRun(t, "backend", "delete", "-n", "pg", "--yes", "--home", home)
	if psqlCount(s, "SELECT count(*) FROM davadmin.account") != 0 {
		t.Error("the database was not kept")
	}
	if a := create(s.URL("postgres")); a.code != 0 || !strings.Contains(a.notes, "it has a store of this back end, which is used") {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
	if a := davadminRun(t, nil, "backend", "create", "-n", "pg2", "--dburl", s.URL("postgres"), "--home", home); a.code != 1 || !strings.Contains(a.notes, "belongs to another back end (pg, not pg2); each back end needs a database of its own") {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
}
