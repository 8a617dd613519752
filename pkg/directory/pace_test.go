package directory

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestPauses checks when a reader pauses, and for how long.
func TestPauses(t *testing.T) {
	small, large, unix := smallWindow(), largeWindow(), unixSocket()
	page := func(here int, gotHere int64, elapsed time.Duration) progress {
		return progress{long: true, got: gotHere, entries: here, page: 10_000, here: here, gotHere: gotHere, elapsed: elapsed}
	}
	for _, c := range []struct {
		name   string
		pacing pacing
		seen   progress
		queued int
		want   time.Duration
	}{
		{"a small answer", small, progress{got: 1 << 20}, 0, 0},
		{"a single entry", small, progress{long: true, got: 300, entries: 1, page: 10_000, here: 1, gotHere: 300}, 0, 0},
		{"the beginning", small, progress{long: true, got: gatherFrom - 1}, 0, 0},
		{"nothing known of the connection", pacing{}, progress{long: true, got: 1 << 20}, 0, 0},
		{"without pages", small, progress{long: true, got: gatherFrom}, 0, small.longest},
		{"enough has arrived", small, progress{long: true, got: gatherFrom}, small.atOnce, 0},
		{"a little has arrived", small, progress{long: true, got: gatherFrom}, small.atOnce - 1, small.longest},
		{"the middle of a page", small, page(5000, 1_000_000, time.Second), 0, small.longest},
		// 9900 of 10000 entries of 200 bytes in 99 ms: 1 ms is left.
		{"1 ms before the end of a page", small, page(9900, 1_980_000, 99*time.Millisecond), 0, time.Millisecond},
		{"the last bytes of a page", small, page(9990, 1_998_000, time.Second), 0, 0},
		{"the rest of a page has arrived", small, page(9955, 1_991_000, time.Second), 1500, 0},
		{"more entries than asked for", small, page(20_000, 4_000_000, time.Second), 0, 0},
		{"the clock went back", small, page(5000, 1_000_000, -time.Second), 0, -4 * time.Millisecond},
		{"the beginning of a later page", small, progress{long: true, got: 1 << 20, entries: 5000, page: 5000}, 0, small.longest},
		{"a distant server", large, page(5000, 1_000_000, time.Second), 1 << 16, 500 * time.Microsecond},
		{"the end of a page of a distant server", large, page(9990, 1_998_000, time.Second), 0, 0},
		{"a socket", unix, page(9900, 1_980_000, time.Millisecond), 1 << 12, 200 * time.Microsecond},
	} {
		var p pace
		got := p.pause(&c.pacing, &c.seen, c.queued)
		if c.want < 0 { // any value that does not wait
			if got > 0 {
				t.Errorf("%s: a pause of %v", c.name, got)
			}
		} else if got != c.want {
			t.Errorf("%s: a pause of %v instead of %v", c.name, got, c.want)
		}
	}
}

// TestPausesAreBounded checks for any progress that a pause has its bounds, and that
// small answers, and data that has arrived, are never delayed.
func TestPausesAreBounded(t *testing.T) {
	rapidChecks(t, "1000")
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom([]pacing{smallWindow(), largeWindow(), unixSocket()}).Draw(t, "pacing")
		var p pace
		for range rapid.IntRange(1, 20).Draw(t, "reads") {
			seen := progress{
				long:    rapid.Bool().Draw(t, "long"),
				got:     rapid.Int64Range(0, 1<<40).Draw(t, "got"),
				page:    rapid.IntRange(0, math.MaxInt32/2).Draw(t, "page"),
				here:    rapid.IntRange(0, math.MaxInt32/2).Draw(t, "here"),
				elapsed: time.Duration(rapid.Int64Range(-1, 1<<50).Draw(t, "elapsed")),
			}
			seen.entries = seen.here + rapid.IntRange(0, math.MaxInt32/2).Draw(t, "before")
			seen.gotHere = rapid.Int64Range(0, seen.got).Draw(t, "gotHere")
			queued := rapid.IntRange(0, math.MaxInt32/2).Draw(t, "queued")
			length := p.pause(&k, &seen, queued)
			left, known := seen.left()
			switch {
			case length > k.longest:
				t.Fatalf("a pause of %v", length)
			case length > 0 && (!seen.long || seen.got < gatherFrom || queued >= k.atOnce):
				t.Fatalf("a pause of %v is not needed", length)
			case length > 0 && known && left-int64(queued) < gatherLeast:
				t.Fatalf("a pause of %v at the end of a page", length)
			}
			if length > 0 {
				p.learn(&k, length, rapid.IntRange(0, 1<<20).Draw(t, "arrived"))
				if p.length < k.shortest || p.length > k.longest {
					t.Fatalf("the next pause is %v", p.length)
				}
			}
		}
	})
}

// TestPausesLearn checks that the pauses become short when a server sends little, and
// long again.
func TestPausesLearn(t *testing.T) {
	k := smallWindow()
	seen := progress{long: true, got: 1 << 20}
	var p pace
	for _, c := range []struct {
		arrived int
		want    time.Duration
	}{
		{1 << 20, 4 * time.Millisecond}, {k.worth - 1, 2 * time.Millisecond}, {300, time.Millisecond}, {0, 500 * time.Microsecond},
		{0, 500 * time.Microsecond}, {k.worth, time.Millisecond}, {k.worth, 2 * time.Millisecond}, {k.worth, 4 * time.Millisecond},
	} {
		p.learn(&k, p.pause(&k, &seen, 0), c.arrived)
		if got := p.pause(&k, &seen, 0); got != c.want {
			t.Errorf("after %d bytes: a pause of %v instead of %v", c.arrived, got, c.want)
		}
	}
	// A pause that was short because the page ends says nothing about the server.
	p.learn(&k, time.Microsecond, 0)
	if got := p.pause(&k, &seen, 0); got != k.longest {
		t.Errorf("after a short pause: %v", got)
	}
	// After a change to another pacing, its limits apply.
	other := largeWindow()
	if got := p.pause(&other, &seen, 0); got != other.longest {
		t.Errorf("with a large window: %v", got)
	}
}
