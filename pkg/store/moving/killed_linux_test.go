package moving_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/moving"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

// placesOf is the environment variable with the places of the two stores of the process that
// is killed.
const placesOf = "MOVINGTEST_PLACES"

// openAt opens the store at a path or URL.
func openAt(ctx context.Context, where, backend string) (store.Store, error) {
	if strings.HasPrefix(where, "postgres") {
		return postgres.Open(ctx, postgres.Options{URL: where, Backend: backend})
	}
	return sqlite.Open(ctx, sqlite.Options{Path: where, Backend: backend})
}

// moveForEver moves the account a from one store to the other and back until it is killed. It
// ends an interrupted move first: an account that has arrived does not go back before it has
// left the other store.
func moveForEver(t *testing.T, places string) {
	one, two := openPair(t, places)
	for {
		from, to := one, two
		present, _ := placeOf(t, one)
		if _, leaving := placeOf(t, two); leaving || !present {
			from, to = two, one
		}
		if _, err := moving.Move(t.Context(), from, to, "a", moving.Options{}); err != nil {
			t.Fatal(err)
		}
		if _, err := fmt.Fprintln(os.Stdout, "moved"); err != nil { // to the test that started the process
			t.Fatal(err)
		}
	}
}

// placeOf reports whether the account a is in a store, and whether it is leaving it.
func placeOf(t *testing.T, st store.Store) (present, leaving bool) {
	t.Helper()
	err := st.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		a, err := r.Account(ctx, "a")
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			present, leaving = true, a.Leaving != ""
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return present, leaving
}

func openPair(t *testing.T, places string) (one, two store.Store) {
	t.Helper()
	wheres := strings.Split(places, "\n")
	one, err := openAt(t.Context(), wheres[0], "one")
	if err != nil {
		t.Fatal(err)
	}
	if two, err = openAt(t.Context(), wheres[1], "two"); err != nil {
		t.Fatal(err)
	}
	return one, two
}

// A process that is killed at any moment leaves the account complete and active in exactly
// one store, and the next process continues.
func TestKilledAnywhere(t *testing.T) {
	if places := os.Getenv(placesOf); places != "" { // set below
		moveForEver(t, places)
	}
	tier.All(t)
	server := servertest.Postgres(t, servertest.PostgresOptions{})
	ctx, random := t.Context(), seed.New(t)
	for i, onServers := range [][2]bool{{false, false}, {false, true}, {true, true}} {
		var wheres []string
		for n, backend := range []string{"one", "two"} {
			where := filepath.Join(t.TempDir(), backend)
			var err error
			if onServers[n] {
				name := fmt.Sprintf("killed%d%s", i, backend)
				if err = server.CreateDatabase(ctx, name); err == nil {
					where = server.URL(name)
					err = postgres.Create(ctx, postgres.Options{URL: where, Backend: backend})
				}
			} else {
				err = sqlite.Create(ctx, sqlite.Options{Path: where, Backend: backend})
			}
			if err != nil {
				t.Fatal(err)
			}
			wheres = append(wheres, where)
		}
		places := strings.Join(wheres, "\n")
		one, two := openPair(t, places)
		create(t, one, "a")
		want, _ := content(t, one, "a")
		moves := 0
		for range 15 {
			moves += killMover(t, places, time.Duration(random.IntN(int(300*time.Millisecond))))
			wantOne(t, "a", want, one, two)
		}
		t.Logf("%d moves, killed 15 times", moves)
		if moves == 0 {
			t.Error("nothing was moved")
		}
		_, _ = one.Close(), two.Close()
	}
}

// killMover starts a process that moves the account and kills it some time after its first
// move. It returns how often the account was moved.
func killMover(t *testing.T, places string, delay time.Duration) (moves int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestKilledAnywhere$", "-test.count=1")
	cmd.Env = append(cmd.Environ(), placesOf+"="+places, "GORACE=atexit_sleep_ms=0")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	guard := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer guard.Stop()
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if lines.Text() != "moved" {
			said = append(said, lines.Text())
		} else if moves++; moves == 1 {
			time.AfterFunc(delay, func() { _ = cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the process ended with %v: %s\n%s", err, complaint.String(), strings.Join(said, "\n"))
	}
	return moves
}
