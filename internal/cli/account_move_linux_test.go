package cli_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/internal/tier"
)

// movable is a home with the back ends defaultbackend and store1, and a crowd on the former.
func movable(t *testing.T, size int) (c crowd, home string) {
	t.Helper()
	c, home = newCrowd(t, size), newHome(t)
	mustRun(t, "backend", "create", "-n", "store1", "--home", home)
	mustRun(t, c.create(home)...)
	return c, home
}

// on returns the number of accounts on a back end.
func on(t *testing.T, home, backend string) int {
	t.Helper()
	return strings.Count(mustRun(t, "account", "list", "-n", backend, "--home", home), "\n")
}

// undoMoves runs the undo files of moves, the latest first.
func undoMoves(t *testing.T, home string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(home, "history", "accounts", "*.undo"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	slices.Reverse(paths)
	for _, path := range paths {
		if text := string(read(t, path)); strings.HasPrefix(text, "# undo file") && strings.Contains(text, "account move") {
			mustRun(t, "account", "move", "--yes", "-f", path, "--home", home)
		}
	}
}

// A run of 'account move' may be killed between the transactions of a move, and before any
// system call that changes a file outside the stores. Each account is then on one back end,
// the same command completes the run, and the undo files undo all that the runs did.
func TestAccountMoveKilledAtEveryStep(t *testing.T) {
	tier.All(t)
	steps := 0
	for n := 1; ; n++ {
		c, home := movable(t, 2)
		move := []string{"account", "move", "--to", "store1", "--yes", "-f", c.batch, "--home", home}
		_, errs, err := run(t, []string{fmt.Sprintf("%s=%d", killVariable, n)}, move...)
		if err != nil && !killed(err) {
			t.Fatalf("step %d: %v\n%s", n, err, errs)
		}
		if got := whole(t, home); got != c.size {
			t.Errorf("step %d: %d accounts after the kill, want %d", n, got, c.size)
		}
		done := err == nil
		if !done {
			steps++
			switch n % 3 {
			case 0:
				undoMoves(t, home)
				if got := on(t, home, "defaultbackend"); got != c.size {
					t.Errorf("step %d: %d accounts on defaultbackend after undoing the killed run", n, got)
				}
			case 1:
				mustRun(t, append(move, "-n", "defaultbackend")...)
			}
			mustRun(t, move...)
		}
		if got := on(t, home, "store1"); got != c.size || whole(t, home) != c.size {
			t.Errorf("step %d: %d accounts on store1, want %d", n, got, c.size)
		}
		undoMoves(t, home)
		if got := on(t, home, "defaultbackend"); got != c.size || whole(t, home) != c.size {
			t.Errorf("step %d: %d accounts on defaultbackend after undoing all, want %d", n, got, c.size)
		}
		if done {
			break
		}
	}
	if steps < 12 {
		t.Errorf("only %d steps were tried", steps)
	}
}

// Accounts are moved from a file to a server and back, and the database that cannot be
// reached is named.
func TestAccountMoveToAServer(t *testing.T) {
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	c, home := newCrowd(t, 3), newHome(t)
	mustRun(t, c.create(home)...)
	mustRun(t, "backend", "create", "-n", "pg", "--dburl", server.URL("postgres"), "--home", home)
	mustRun(t, "account", "move", "--to", "pg", "--yes", "-f", c.batch, "--home", home)
	if got := on(t, home, "pg"); got != c.size || whole(t, home) != c.size {
		t.Errorf("%d accounts on pg", got)
	}
	undoMoves(t, home)
	if got := on(t, home, "defaultbackend"); got != c.size || whole(t, home) != c.size {
		t.Errorf("%d accounts on defaultbackend", got)
	}
	mustRun(t, "config", "modify", "-o", "store.dav.pg.dburl", "-v", "postgres://postgres@127.0.0.1:1/postgres", "--home", home)
	_, errs, err := run(t, nil, "account", "move", "--to", "pg", "--yes", "-f", c.batch, "--home", home, "--retry-for", "100ms")
	if err == nil || !strings.Contains(errs, "nothing was changed: back end pg: ") || !strings.Contains(errs, "pg") {
		t.Errorf("%v: %s", err, errs)
	}
	if got := on(t, home, "defaultbackend"); got != c.size {
		t.Errorf("%d accounts on defaultbackend", got)
	}
}
