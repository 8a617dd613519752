package tier_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/davadmin/davadmin/internal/tier"
)

// recorder is a test that notes how it was skipped.
type recorder struct {
	testing.TB
	skipped string
}

func (*recorder) Helper()      {}
func (*recorder) Name() string { return "TestLong/table" }

func (r *recorder) Skip(args ...any) {
	r.skipped = fmt.Sprintln(args...)
	runtime.Goexit()
}

func runAll(t *testing.T) (skipped string) {
	t.Helper()
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tier.All(r)
	}()
	<-done
	return r.skipped
}

// scripts/test searches for exactly this text.
func TestTierOneSkips(t *testing.T) {
	for _, value := range []string{"", "one", "ALL"} {
		t.Setenv(tier.Variable, value)
		if got, want := runAll(t), "skipped in this tier: TestLong/table\n"; got != want {
			t.Errorf("%s=%q: skipped with %q, want %q", tier.Variable, value, got, want)
		}
		if n := tier.Rounds(2, 20); n != 2 {
			t.Errorf("%s=%q: %d rounds, want 2", tier.Variable, value, n)
		}
	}
}

func TestTierAllRuns(t *testing.T) {
	t.Setenv(tier.Variable, "all")
	if got := runAll(t); got != "" {
		t.Errorf("skipped with %q", got)
	}
	if n := tier.Rounds(2, 20); n != 20 {
		t.Errorf("%d rounds, want 20", n)
	}
}
