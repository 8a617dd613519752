package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
)

// postgresHome returns a home whose back end is a PostgreSQL database.
func postgresHome(t *testing.T, url string) string {
	t.Helper()
	home := newHome(t)
	mustRun(t, "config", "modify", "-q", "-o", "store.dav.defaultbackend.dburl", "-v", url, "--home", home)
	return home
}

// psqlCount returns a number from a database, or -1 if it does not answer.
func psqlCount(s *servertest.PostgresServer, query string) int {
	out, err := s.Psql(context.Background(), "postgres", query)
	if err != nil {
		return -1
	}
	n, err := strconv.Atoi(strings.TrimSpace(out))
	if err != nil {
		return -1
	}
	return n
}

const changedRows = "SELECT count(*) FROM davadmin.account WHERE attendance = 7"

func TestPostgresKilledWhileCreatingAccounts(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{})
	home := postgresHome(t, s.URL("postgres"))
	mustRun(t, "db", "init", "--home", home)
	killCreate(t, newCrowd(t, batchSize()), home, 5)
}

// Two homes share one database, so the lock of a home does not keep their runs apart.
func TestPostgresTwoHomesCreateTheSameAccounts(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{})
	home1, home2 := postgresHome(t, s.URL("postgres")), postgresHome(t, s.URL("postgres"))
	mustRun(t, "db", "init", "--home", home1)
	c := newCrowd(t, 1500)
	twoRuns(t, c, home1, home2)
	// Each home has undo files for its own changes, and for nothing else.
	for _, home := range []string{home1, home2} {
		journalled(t, home, "done")
		ways, err := filepath.Glob(filepath.Join(home, "history", "accounts", "*.undo"))
		if err != nil {
			t.Fatal(err)
		}
		for _, way := range ways {
			mustRun(t, "account", "delete", "--yes", "-f", way, "--home", home)
		}
	}
	if n := whole(t, home1); n != 0 {
		t.Errorf("%d still exist", n)
	}
}

// The same change from two homes at once: both runs succeed.
func TestPostgresTwoHomesChangeTheSameAccounts(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{})
	home1, home2 := postgresHome(t, s.URL("postgres")), postgresHome(t, s.URL("postgres"))
	mustRun(t, "db", "init", "--home", home1)
	c := newCrowd(t, 600)
	mustRun(t, c.create(home1)...)
	var outs [2]bytes.Buffer
	for i, home := range []string{home1, home2} {
		cmd := background(t, &outs[i], "account", "modify", "-f", c.batch, "-y", "attendanceflag=7", "--home", home)
		defer func() {
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %.2000s", err, outs[i].String())
			}
			if n := psqlCount(s, changedRows); n != c.size {
				t.Errorf("%d of %d are changed", n, c.size)
			}
		}()
	}
}

// A run waits for a server that is restarted in the middle of a batch.
func TestPostgresRestartedInABatch(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{Fsync: true})
	home := postgresHome(t, s.URL("postgres"))
	mustRun(t, "db", "init", "--home", home)
	c := newCrowd(t, 10_000)
	mustRun(t, c.create(home)...)
	for i, mode := range []servertest.StopMode{servertest.Fast, servertest.Immediate} {
		flag := strconv.Itoa(5 + i)
		changed := "SELECT count(*) FROM davadmin.account WHERE attendance = " + flag
		var out bytes.Buffer
		cmd := background(t, &out, "account", "modify", "-f", c.batch, "-y", "attendanceflag="+flag, "--home", home)
		waitFor(t, "a first group", func() bool { return psqlCount(s, changed) > 0 })
		if err := s.Stop(mode); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond)
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, lastLines(out.String()))
		}
		if !strings.Contains(out.String(), "trying again for 1m0s") {
			t.Errorf("the restart came too late: %s", lastLines(out.String()))
		}
		if n, said := psqlCount(s, changed), len(told(out.String(), "changed")); n != c.size || said != c.size {
			t.Errorf("%d are changed, %d were reported, of %d", n, said, c.size)
		}
		journalled(t, home, "done")
	}
}

// lastLines returns the end of an output.
func lastLines(out string) string { return out[max(0, len(out)-1000):] }

// Without waiting for the server, the run exits with 4, and a run with the rejected lines
// completes it.
func TestPostgresGoneInABatch(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{Fsync: true})
	home := postgresHome(t, s.URL("postgres"))
	mustRun(t, "db", "init", "--home", home)
	c := newCrowd(t, 2500)
	mustRun(t, c.create(home)...)
	reject := filepath.Join(t.TempDir(), "rejected")
	var out bytes.Buffer
	cmd := background(t, &out, "account", "modify", "-f", c.batch, "-y", "attendanceflag=7", "--retry-for", "0s", "--reject", reject, "--home", home)
	waitFor(t, "a first group", func() bool { return psqlCount(s, changedRows) > 0 })
	if err := s.Stop(servertest.Immediate); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, err); code != 4 || !strings.Contains(out.String(), "to retry, run the lines in "+reject) {
		t.Errorf("code %d: %s", code, lastLines(out.String()))
	}
	said := len(told(out.String(), "changed"))
	if n := psqlCount(s, changedRows); n < said || n > said+1000 {
		t.Errorf("%d are changed, and %d were reported", n, said)
	}
	if n := bytes.Count(read(t, reject), []byte("\n")) - 1; n != c.size-said { // the first line is a comment
		t.Errorf("%d were reported, and %d rejected, of %d", said, n, c.size)
	}
	mustRun(t, "account", "modify", "-f", reject, "-y", "attendanceflag=7", "--home", home)
	if n := psqlCount(s, changedRows); n != c.size {
		t.Errorf("%d of %d are changed", n, c.size)
	}
	journalled(t, home, "done")
}

// A command that starts while the database is down waits for it, and says how long it
// waited in vain.
func TestPostgresDownAtTheStart(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{})
	home := postgresHome(t, s.URL("postgres"))
	mustRun(t, "db", "init", "--home", home)
	c := newCrowd(t, 5)
	if err := s.Stop(servertest.Fast); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	out, errs, err := run(t, nil, c.create(home, "--retry-for", "2s")...)
	if took := time.Since(began); exitCode(t, err) != 5 || took < 2*time.Second || !strings.Contains(errs, "nothing was changed: back end defaultbackend: ") || !strings.Contains(errs, "; gave up after 2s") || !strings.Contains(errs, "trying again for 2s") {
		t.Errorf("after %s: %s%s", took, out, errs)
	}
	for _, args := range [][]string{c.create(home, "--retry-for", "1m"), {"account", "modify", "-f", c.batch, "-y", "attendanceflag=7", "--home", home}} {
		var out liveOutput
		cmd := background(t, &out, args...)
		waitFor(t, "the start of the wait", func() bool { return strings.Contains(out.String(), "trying again for 1m0s") })
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%q: %v: %s", args, err, out.String())
		}
		if err := s.Stop(servertest.Fast); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := psqlCount(s, changedRows); n != c.size {
		t.Errorf("%d of %d are changed", n, c.size)
	}
}

// A database that is lost in the middle of a run with --continue takes only its own lines
// with it.
func TestPostgresLostWithContinue(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{})
	home := newHome(t)
	mustRun(t, "backend", "create", "-n", "pg", "--dburl", s.URL("postgres"), "--home", home)
	dir := t.TempDir()
	var people, batch strings.Builder
	people.WriteString("version: 1\n\n")
	for i := range 30 {
		fmt.Fprintf(&people, "dn: uid=p%d,o=isp\nobjectClass: icsCalendarUser\nuid: p%d\nmail: %s\ndavUniqueId: ID-%d\n", i, i, person(i), i)
		if i%2 == 1 {
			people.WriteString("davStore: pg\n")
		}
		people.WriteString("\n")
		fmt.Fprintln(&batch, person(i))
	}
	ldif, list, reject := filepath.Join(dir, "people.ldif"), filepath.Join(dir, "batch"), filepath.Join(dir, "rejected")
	write(t, ldif, []byte(people.String()))
	write(t, list, []byte(batch.String()))
	create := []string{"account", "create", "-f", list, "--ldif", ldif, "--home", home, "--reject", reject, "--retry-for", "0s"}
	if err := s.Stop(servertest.Fast); err != nil {
		t.Fatal(err)
	}
	if _, errs, err := run(t, nil, create...); exitCode(t, err) != 5 || !strings.Contains(errs, "nothing was changed: back end pg: ") || !strings.Contains(errs, "--continue") {
		t.Errorf("without --continue: %s", errs)
	}
	out, errs, err := run(t, nil, append(create, "--continue")...)
	if exitCode(t, err) != 4 || len(told(out, "created")) != 15 || !strings.Contains(errs, "not done: back end pg: store ") || !strings.Contains(errs, "5 more items on back ends") {
		t.Errorf("with --continue: %s%s", out, errs)
	}
	if n := bytes.Count(read(t, reject), []byte("\n")) - 1; n != 15 {
		t.Errorf("%d lines were rejected", n)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	out = mustRun(t, "account", "create", "-f", reject, "--ldif", ldif, "--home", home)
	if len(told(out, "created")) != 15 {
		t.Errorf("the rejected lines: %s", out)
	}
}

// SIGINT while the server is working exits with 130, after waiting for the answer to a
// commit.
func TestPostgresSignalInABatch(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{Fsync: true})
	home := postgresHome(t, s.URL("postgres"))
	mustRun(t, "db", "init", "--home", home)
	c := newCrowd(t, 2500)
	mustRun(t, c.create(home)...)
	var out bytes.Buffer
	cmd := background(t, &out, "account", "modify", "-f", c.batch, "-y", "attendanceflag=7", "--home", home)
	waitFor(t, "a first group", func() bool { return psqlCount(s, changedRows) > 0 })
	_ = cmd.Process.Signal(syscall.SIGINT)
	code := exitCode(t, cmd.Wait())
	n := psqlCount(s, changedRows)
	if n == c.size {
		t.Skip("it finished before the signal came")
	}
	if said := len(told(out.String(), "changed")); code != 130 || said != n {
		t.Errorf("code %d: %d are changed, %d were reported: %s", code, n, said, lastLines(out.String()))
	}
	journalled(t, home, "unfinished")
}

// If a database cannot be used, the message gives the reason and what to do.
func TestPostgresRefused(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{TCP: true, Password: "right"})
	home := postgresHome(t, s.URL("postgres"))
	pass := func(password string) []string {
		path := filepath.Join(t.TempDir(), "pgpass")
		if err := os.WriteFile(path, []byte("*:*:*:*:"+password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"PGPASSFILE=" + path}
	}
	refused := func(env []string, code int, words string, args ...string) {
		t.Helper()
		_, errs, err := run(t, env, append(args, "--home", home)...)
		if got := exitCode(t, err); got != code || !strings.Contains(errs, words) || strings.Contains(errs, "wrong") {
			t.Errorf("%q: code %d: %s", args, got, errs)
		}
	}
	c := newCrowd(t, 3)
	refused(pass("wrong"), 5, "the database denied access", "db", "init")
	refused(pass("right"), 1, "davadmin db init --home ", "account", "create", "-f", c.batch, "--ldif", c.ldif)
	refused(pass("right"), 0, "", "db", "init")
	refused(pass("right"), 0, "", "account", "create", "-f", c.batch, "--ldif", c.ldif)
	refused(pass("wrong"), 5, "davadmin passfile list --home ", "account", "list")
	refused(pass("wrong"), 5, "davadmin passfile list --home ", "account", "create", "-f", c.batch, "--ldif", c.ldif)
	refused(pass("wrong"), 5, "davadmin passfile list --home ", "backend", "list")
	// The vault takes precedence.
	mustRun(t, "passfile", "create", "--home", home, "--new-key", "-n", "store.defaultbackend", "--value-file", secretFile(t, "right"))
	refused(pass("wrong"), 0, "", "account", "list")

	// A database of another back end, and one of a later version.
	mustRun(t, "backend", "list", "--home", home)
	psql := func(query string) {
		t.Helper()
		if out, err := s.Psql(t.Context(), "postgres", query); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	psql("UPDATE davadmin.meta SET value = 'another' WHERE name = 'backend'")
	refused(nil, 1, "belongs to another back end", "account", "list")
	psql("UPDATE davadmin.meta SET value = 'defaultbackend' WHERE name = 'backend'; UPDATE davadmin.meta SET value = '99' WHERE name = 'schema'")
	refused(nil, 1, "use the version of davadmin that created it", "account", "list")
	refused(nil, 1, "use the version of davadmin that created it", "account", "create", "-f", c.batch, "--ldif", c.ldif)
	refused(nil, 1, "use the version of davadmin that created it", "db", "schema_version")
	refused(nil, 1, "newer schema", "db", "schema_fullupgrade", "--yes")
	psql("UPDATE davadmin.meta SET value = '1' WHERE name = 'schema'")
	refused(nil, 0, "", "account", "list")

	if err := s.Stop(servertest.Fast); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"account", "list"}, {"backend", "list"}, {"db", "schema_version"}, {"db", "init"}, {"account", "create", "-f", c.batch, "--ldif", c.ldif, "--retry-for", "0s"},
		{"account", "delete", "-a", person(0), "--yes", "--retry-for", "0s"}, {"calendar", "list", "-a", person(0)},
	} {
		refused(nil, 5, "cannot be reached", args...)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// Accounts are created on the back end that their entry names, whatever its engine, and a
// listing shows all of them in one order.
func TestPostgresAndSQLite(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{})
	home := newHome(t)
	mustRun(t, "backend", "create", "-q", "-n", "store1", "--dburl", s.URL("postgres"), "--home", home)
	var ldif strings.Builder
	ldif.WriteString("version: 1\n\n")
	for i := range 40 {
		fmt.Fprintf(&ldif, "dn: uid=%d,o=isp\nobjectClass: icsCalendarUser\nuid: %d\nmail: %s\nmailAlternateAddress: x%s\ndavUniqueId: ID-%d\n", i, i, person(i), person(i), i)
		if i%2 == 0 {
			ldif.WriteString("davStore: store1\n")
		}
		ldif.WriteString("\n")
	}
	path := filepath.Join(t.TempDir(), "people.ldif")
	write(t, path, []byte(ldif.String()))
	mustRun(t, "account", "create", "-q", "-B", "o=isp", "-R", "(uid=*)", "--ldif", path, "--home", home)
	all := listAccounts(t, home)
	for i, a := range all {
		if a.Account != person(i) {
			t.Errorf("%d: %+v", i, a)
		}
	}
	if n := whole(t, home); n != 40 || len(listAccounts(t, home, "-n", "store1")) != 20 || psqlCount(s, "SELECT count(*) FROM davadmin.account") != 20 {
		t.Errorf("%d accounts", n)
	}
	// Somebody of the one back end follows, and may act for, somebody of the other.
	mustRun(t, "account", "modify", "-q", "-a", person(0), "-y", "acl="+person(1)+":m", "--home", home)
	mustRun(t, "account", "subscribe", "-q", "-a", person(0), "-c", "/home/"+person(1)+"/calendar/", "--home", home)
	mustRun(t, "account", "modify", "-q", "-a", person(1), "-y", "addresses=new@example.com", "--home", home)
	if out := mustRun(t, "account", "list", "-v", "-a", person(0), "--home", home); !strings.Contains(out, "acl: new@example.com:m\n") {
		t.Error(out)
	}
	journalled(t, home, "done")
}
