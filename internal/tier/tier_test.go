package tier_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/tier"
)

// recorder is a test that records what is logged.
type recorder struct {
	testing.TB
	lines []string
}

func (*recorder) Helper()      {}
func (*recorder) Name() string { return "TestLong/table" }

func (r *recorder) Logf(format string, args ...any) {
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func (r *recorder) Skip(args ...any) {
	line := fmt.Sprintln(args...)
	r.lines = append(r.lines, line[:len(line)-1])
	runtime.Goexit()
}

// called runs f to its end, or until it skips, and returns what was logged.
func called(t *testing.T, f func(testing.TB)) []string {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.lines
}

// scripts/test searches for exactly these lines.
func TestTierOneIsShorter(t *testing.T) {
	for _, value := range []string{"", "one", "ALL"} {
		t.Setenv(tier.Variable, value)
		passed, rounds, step := false, 0, 0
		got := called(t, func(t testing.TB) {
			rounds, step = tier.Rounds(t, 2, 20), tier.Step(t, 7)
			tier.All(t)
			passed = true
		})
		want := []string{
			"shortened in this tier: TestLong/table: 2 instead of 20",
			"shortened in this tier: TestLong/table: 1 of 7 positions",
			"skipped in this tier: TestLong/table",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s=%q (-want +got):\n%s", tier.Variable, value, diff)
		}
		if passed || rounds != 2 || step != 7 {
			t.Errorf("%s=%q: skipped: %t, rounds: %d, step: %d", tier.Variable, value, !passed, rounds, step)
		}
	}
}

func TestTierAllRunsEverything(t *testing.T) {
	t.Setenv(tier.Variable, "all")
	passed, rounds, step := false, 0, 0
	got := called(t, func(t testing.TB) {
		rounds, step = tier.Rounds(t, 2, 20), tier.Step(t, 7)
		tier.All(t)
		passed = true
	})
	if len(got) > 0 || !passed || rounds != 20 || step != 1 {
		t.Errorf("logged: %q, skipped: %t, rounds: %d, step: %d", got, !passed, rounds, step)
	}
}
