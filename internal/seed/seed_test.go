package seed

import (
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// recorder is a testing.TB that keeps what is logged and stops at Fatalf.
type recorder struct {
	testing.TB
	log string
}

func (r *recorder) Helper() {}

func (r *recorder) Logf(format string, args ...any) { r.log += fmt.Sprintf(format, args...) + "\n" }

func (r *recorder) Fatalf(format string, args ...any) {
	r.Logf(format, args...)
	runtime.Goexit()
}

func TestLoggedSeedRepeatsTheNumbers(t *testing.T) {
	t.Setenv(Variable, "")
	r := &recorder{TB: t}
	first := New(r)
	_, value, ok := strings.Cut(strings.TrimSpace(r.log), Variable+"=")
	if !ok {
		t.Fatalf("the log does not contain the seed: %q", r.log)
	}
	t.Setenv(Variable, value)
	second := New(t)
	for range 10 {
		if a, b := first.Uint64(), second.Uint64(); a != b {
			t.Fatalf("seed %s gives %d, then %d", value, a, b)
		}
	}
}

func TestSeedsDifferByDefault(t *testing.T) {
	t.Setenv(Variable, "")
	if a, b := New(t).Uint64(), New(t).Uint64(); a == b {
		t.Errorf("two sources without a given seed both begin with %d", a)
	}
}

func TestInvalidSeedFails(t *testing.T) {
	for _, value := range []string{"x", "-1", "1.5", "18446744073709551616"} {
		t.Setenv(Variable, value)
		r := &recorder{TB: t}
		done := make(chan struct{})
		go func() {
			defer close(done)
			New(r)
		}()
		<-done
		if !strings.Contains(r.log, "'"+value+"' is not a number") {
			t.Errorf("seed %s: the log is %q", value, r.log)
		}
	}
}

// setRapidSeed sets the flag of rapid until the test ends, whatever the user gave.
func setRapidSeed(t *testing.T, value string) {
	t.Helper()
	was := flag.Lookup(rapidFlag).Value.String()
	if err := flag.Set(rapidFlag, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(rapidFlag, was) })
}

// drawn returns the first numbers that rapid draws with the seed in force.
func drawn(t *testing.T) (numbers []int) {
	rapid.Check(t, func(t *rapid.T) { numbers = append(numbers, rapid.Int().Draw(t, "number")) })
	return numbers
}

func TestRapidDrawsTheSameWithTheSameSeed(t *testing.T) {
	setRapidSeed(t, "0")
	var all []string
	for _, value := range []string{"7", "7", "0x8", "0"} {
		t.Run("seed "+value, func(t *testing.T) {
			t.Setenv(Variable, value)
			Rapid(t)
			all = append(all, fmt.Sprint(drawn(t)))
		})
		if got := flag.Lookup(rapidFlag).Value.String(); got != "0" {
			t.Errorf("-%s is %s after the test", rapidFlag, got)
		}
	}
	if len(all) != 4 || all[0] != all[1] || all[1] == all[2] {
		t.Errorf("seeds 7, 7, 8 and 0 give %v", all)
	}
}

func TestRapidKeepsTheUsersSeed(t *testing.T) {
	setRapidSeed(t, "99")
	t.Setenv(Variable, "7")
	Rapid(t)
	if got := flag.Lookup(rapidFlag).Value.String(); got != "99" {
		t.Errorf("-%s=99 was replaced by %s", rapidFlag, got)
	}
}

func TestRapidRefusesParallelTests(t *testing.T) {
	setRapidSeed(t, "0")
	t.Run("parallel", func(t *testing.T) {
		t.Parallel()
		defer func() {
			if recover() == nil {
				t.Error("a parallel test can set the seed of the whole process")
			}
		}()
		Rapid(t)
	})
}
