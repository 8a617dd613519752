//go:build unix

package recur

import (
	"syscall"
	"testing"
	"time"
)

// Each hostile rule takes at most 10 ms of processor time, whether its budget is used up or not.
// Processors and the race detector differ, so the limit is that of ten times 300,000 calls of
// a small function, each of which takes about 3 ns.
func TestHostileRulesAreFast(t *testing.T) {
	forHostile(t, func(t *testing.T, name string, expand func() (int, error), _ bool) {
		took, limit := time.Duration(1), time.Duration(0)
		for attempt := 0; attempt < 5 && took > limit; attempt++ {
			begin := processorTime(t)
			_, _ = expand()
			took = processorTime(t) - begin
			if took <= time.Millisecond {
				return
			}
			begin = processorTime(t)
			var sum, one uint64
			for range 300_000 {
				addTo(&sum, &one)
			}
			limit = 10 * (processorTime(t) - begin)
		}
		if took > limit {
			t.Errorf("%s: took %s, and %s is the limit", name, took, limit)
		}
	})
}

//go:noinline
func addTo(sum, n *uint64) { *sum += *n + 1 }

// processorTime returns the processor time of the process.
func processorTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
