package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/internal/tier"
)

// failingOver is a home whose back end is a pair of servers, and a crowd whose creation takes
// several transactions.
func failingOver(t *testing.T) (p *servertest.PostgresPair, home string, c crowd) {
	t.Helper()
	p = servertest.Pair(t, servertest.PairOptions{Synchronous: true})
	home = postgresHome(t, p.URL("postgres", "read-write"))
	mustRun(t, "db", "init", "--home", home)
	size := 25_000
	if raced {
		size = 12_000 // each statement takes ten times as long
	}
	return p, home, newCrowd(t, size)
}

const createdRows = "SELECT count(*) FROM davadmin.account"

// failOver kills the primary when it has some of the accounts, and promotes the standby server
// after a while.
func failOver(t *testing.T, p *servertest.PostgresPair) {
	t.Helper()
	waitFor(t, "a first group", func() bool { return psqlCount(p.Primary, createdRows) > 0 })
	err := p.Primary.Kill()
	time.Sleep(500 * time.Millisecond)
	if err := errors.Join(err, p.Standby.Promote(t.Context())); err != nil {
		t.Fatal(err)
	}
}

// A batch continues on the standby server when the primary is lost. Its report and its undo
// file name each account once.
func TestCreateThroughAFailover(t *testing.T) {
	tier.All(t)
	p, home, c := failingOver(t)
	var out bytes.Buffer
	cmd := background(t, &out, c.create(home, "--retry-for", "1m")...)
	failOver(t, p)
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v: %s", err, lastLines(out.String()))
	}
	if !strings.Contains(out.String(), "trying again for 1m0s") {
		t.Errorf("the failover came too late: %s", lastLines(out.String()))
	}
	said := told(out.String(), "created")
	slices.Sort(said)
	if n := len(slices.Compact(said)); n != c.size || !strings.Contains(out.String(), fmt.Sprintf("\ncreated %d\n", c.size)) {
		t.Errorf("%d of %d were reported: %s", n, c.size, lastLines(out.String()))
	}
	if n := whole(t, home); n != c.size {
		t.Errorf("%d of %d exist", n, c.size)
	}
	journalled(t, home, "done")
	undo, err := filepath.Glob(filepath.Join(home, "history", "accounts", "*.undo"))
	if err != nil || len(undo) != 1 {
		t.Fatalf("%q, %v", undo, err)
	}
	mustRun(t, "account", "delete", "--yes", "-f", undo[0], "--home", home)
	if n := whole(t, home); n != 0 {
		t.Errorf("%d are left after the undo", n)
	}
}

// Without waiting, a batch ends with 4 when the primary is lost, says what was done, and the
// command that it names continues on the standby server.
func TestCreateStopsAtAFailover(t *testing.T) {
	tier.All(t)
	for _, rejects := range []bool{true, false} {
		p, home, c := failingOver(t)
		create, again := c.create(home, "--retry-for", "0s"), "run the same command again to continue"
		reject := filepath.Join(t.TempDir(), "rejected")
		if rejects {
			create, again = append(create, "--reject", reject), "to retry, run the lines in "+reject
		}
		var out bytes.Buffer
		cmd := background(t, &out, create...)
		failOver(t, p)
		code := exitCode(t, cmd.Wait())
		said := len(told(out.String(), "created"))
		if code != 4 || !strings.Contains(out.String(), fmt.Sprintf("\ndavadmin: account: created %d, ", said)) || !strings.Contains(out.String(), again) {
			t.Errorf("code %d: %s", code, lastLines(out.String()))
		}
		if n := psqlCount(p.Standby, createdRows); n < said || n > said+10_000 {
			t.Errorf("%d exist, and %d were reported", n, said)
		}
		if rejects {
			create = []string{"account", "create", "-f", reject, "--ldif", c.ldif, "--home", home}
		}
		mustRun(t, create...)
		if n := whole(t, home); n != c.size {
			t.Errorf("%d of %d exist", n, c.size)
		}
		journalled(t, home, "done")
	}
}

// While only the standby server runs, listings work with a URL that allows it, and changes say
// what to do.
func TestCommandsOnAStandbyAlone(t *testing.T) {
	p := servertest.Pair(t, servertest.PairOptions{Synchronous: true})
	home := postgresHome(t, p.URL("postgres", "read-write"))
	mustRun(t, "db", "init", "--home", home)
	c := newCrowd(t, 3)
	mustRun(t, c.create(home)...)
	if err := errors.Join(p.CaughtUp(t.Context()), p.Primary.Kill()); err != nil {
		t.Fatal(err)
	}
	modify := []string{"account", "modify", "-a", person(1), "-y", "attendanceflag=7", "--home", home, "--retry-for", "0s"}
	const wait = "not selected by target_session_attrs: the server is read-only); wait for the failover to end, or promote the standby server"
	for _, args := range [][]string{{"account", "list", "--home", home}, modify} {
		if a := davadminRun(t, nil, args...); a.code != 5 || !strings.Contains(a.notes, wait) {
			t.Errorf("%q: code %d: %s", args, a.code, a.notes)
		}
	}
	mustRun(t, "config", "modify", "-q", "-o", "store.dav.defaultbackend.dburl", "-v", p.URL("postgres", "any"), "--home", home)
	if n := len(listAccounts(t, home)); n != c.size {
		t.Errorf("%d of %d are listed", n, c.size)
	}
	const primary = "the database is read-only: cannot execute "
	if a := davadminRun(t, nil, modify...); a.code != 1 || !strings.Contains(a.notes, primary) || !strings.Contains(a.notes, "let store.dav.ID.dburl name the primary, too, with target_session_attrs=read-write") {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
	mustRun(t, "config", "modify", "-q", "-o", "store.dav.defaultbackend.dburl", "-v", p.URL("postgres", "read-write"), "--home", home)
	if err := p.Standby.Promote(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustRun(t, modify...)
}

// A change that the standby server did not confirm is not a success, even if the command may
// try again.
func TestUnreplicatedChange(t *testing.T) {
	tier.All(t)
	p := servertest.Pair(t, servertest.PairOptions{Synchronous: true})
	home := postgresHome(t, p.URL("postgres", "read-write"))
	mustRun(t, "db", "init", "--home", home)
	c := newCrowd(t, 3)
	if err := p.Standby.Stop(servertest.Fast); err != nil {
		t.Fatal(err)
	}
	cancel := "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
	for _, args := range [][]string{{"account", "create", "-a", person(0), "--ldif", c.ldif, "--home", home}, c.create(home)} {
		var out bytes.Buffer
		cmd := background(t, &out, args...)
		waitFor(t, "a commit that waits", func() bool { return psqlCount(p.Primary, cancel) == 1 })
		code := exitCode(t, cmd.Wait())
		for _, want := range []string{"so they may be lost if it fails now: ", "; check that the standby server runs", "; run the same command again to continue"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q: no '%s' in: %s", args, want, out.String())
			}
		}
		if code != 4 || len(told(out.String(), "created")) != 0 {
			t.Errorf("%q: code %d: %s", args, code, out.String())
		}
	}
	journalled(t, home, "")
	if err := p.Standby.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	mustRun(t, c.create(home)...)
	if n := whole(t, home); n != c.size {
		t.Errorf("%d of %d exist", n, c.size)
	}
}
