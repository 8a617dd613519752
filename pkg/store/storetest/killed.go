package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec" //nolint:depguard // a process has to be killed
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/store"
)

// Environment variables of the victim, a copy of the test program that writes to a
// store until it is killed: the place of the store, a number for the ids of its accounts,
// and how many goroutines write.
const (
	victimOf      = "STORETEST_VICTIM_OF"
	victimRound   = "STORETEST_VICTIM_ROUND"
	victimWriters = "STORETEST_VICTIM_WRITERS"
)

// victimResource is the name of the only component in each account of a victim.
const victimResource = "first.ics"

// runVictim creates accounts in endless loops, each with its own Update, and prints the id
// of each acknowledged account. In a process that is not a victim it returns false.
func runVictim(t *testing.T, e Engine) bool {
	t.Helper()
	where := os.Getenv(victimOf) //nolint:forbidigo // the process is started by this file
	if where == "" {
		return false
	}
	round := os.Getenv(victimRound)                        //nolint:forbidigo // as above
	writers, err := strconv.Atoi(os.Getenv(victimWriters)) //nolint:forbidigo // as above
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	s, err := e.Open(ctx, where, Options{Backend: Backend, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	errs := concurrently(writers, func(i int) error {
		return writeUntilKilled(ctx, s, fmt.Sprintf("round %s writer %d", round, i))
	})
	t.Fatal(errors.Join(errs...))
	return true
}

// writeUntilKilled is one writer of a victim.
func writeUntilKilled(ctx context.Context, s store.Store, name string) error {
	for i := 0; ; i++ {
		a := withHome(fmt.Sprintf("%s account %d", name, i))
		err := s.Update(ctx, func(ctx context.Context, w store.Writer) error {
			if err := w.CreateAccount(ctx, clone(a)); err != nil {
				return err
			}
			return w.PutComponent(ctx, a.Account.ID, store.DefaultCalendar, event(victimResource), store.Condition{})
		})
		if err != nil {
			return err
		}
		if _, err := os.Stdout.WriteString("made " + a.Account.ID + "\n"); err != nil { //nolint:forbidigo // as above
			return err
		}
	}
}

// testKilled kills a process that is writing, with one goroutine or with many: everything
// that it had acknowledged is in the store, and nothing is incomplete.
func testKilled(t *testing.T, e Engine) {
	rounds := tier.Rounds(t, 6, 40)
	s := newEnv(t, e)
	made, random := map[string]bool{}, seed.New(t)
	for round := range rounds {
		delay := time.Duration(random.IntN(int(60 * time.Millisecond)))
		writers := 1
		if round%2 == 1 {
			writers = 16
		}
		for _, id := range s.kill(round, writers, delay) {
			made[id] = true
		}
		s.wantComplete(made)
	}
	if len(made) < rounds {
		t.Errorf("only %d accounts were created", len(made))
	}
}

// kill starts a victim with some writers, kills it some time after its first account, and returns the ids
// that it had acknowledged.
func (s *env) kill(round, writers int, delay time.Duration) []string {
	s.t.Helper()
	self, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	name, _, _ := strings.Cut(s.t.Name(), "/")
	cmd := exec.Command(self, "-test.run=^"+name+"$", "-test.count=1")
	// With the race detector each process would sleep for a second before it exits.
	cmd.Env = append(cmd.Environ(), victimOf+"="+s.where, fmt.Sprintf("%s=%d", victimRound, round), fmt.Sprintf("%s=%d", victimWriters, writers), "GORACE=atexit_sleep_ms=0")
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	guard := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer guard.Stop()
	var made, said []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		id, ok := strings.CutPrefix(lines.Text(), "made ")
		if !ok {
			said = append(said, lines.Text())
			continue
		}
		if made = append(made, id); len(made) == 1 {
			time.AfterFunc(delay, func() { _ = cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil || len(made) == 0 || !strings.Contains(err.Error(), "killed") {
		s.t.Fatalf("the victim created %d accounts and ended with %v: %s\n%s", len(made), err, complaint.String(), strings.Join(said, "\n"))
	}
	return made
}

// wantComplete expects that all accounts in made exist, and that all existing accounts
// are complete.
func (s *env) wantComplete(made map[string]bool) {
	s.t.Helper()
	store2, err := s.e.Open(s.t.Context(), s.where, Options{Backend: Backend, Now: s.clock.Now})
	if err != nil {
		s.t.Fatalf("open after the process was killed: %v", err)
	}
	var all map[string]home
	ctx := s.t.Context()
	err = store2.View(ctx, func(ctx context.Context, r store.Reader) (err error) { all, err = readAll(ctx, r); return err })
	if err = errors.Join(err, s.usable(ctx, store2), store2.Close()); err != nil {
		s.t.Fatal(err)
	}
	missing := 0
	for id := range made {
		if all[id].Account == nil {
			missing++
		}
	}
	if missing > 0 {
		s.t.Errorf("%d of %d acknowledged accounts are missing", missing, len(made))
	}
	for id, h := range all {
		x := h.Components[store.DefaultCalendar]
		if len(h.Calendars) != 4 || len(x) != 1 || x[0].Name != victimResource || len(h.Changes[store.DefaultCalendar]) != 1 {
			s.t.Errorf("account '%s' is incomplete: %d collections, %d components", id, len(h.Calendars), len(x))
		}
	}
}

// usable returns an error unless the store can be changed. It rolls the change back.
func (s *env) usable(ctx context.Context, opened store.Store) error {
	undo := errors.New("undo")
	err := opened.Update(ctx, func(ctx context.Context, w store.Writer) error {
		if err := w.CreateAccount(ctx, withHome("somebody")); err != nil {
			return err
		}
		return undo
	})
	if errors.Is(err, undo) {
		return nil
	}
	return fmt.Errorf("a change after the process was killed: got error %w", err)
}
