package local

import (
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/freebusy"
)

func TestWithoutAgainstModel(t *testing.T) {
	r := seed.New(t)
	day := freebusy.Window{Start: week().Start, End: week().Start.Add(100 * time.Minute)}
	some := func() []freebusy.Period {
		var out []freebusy.Period
		for range r.IntN(8) {
			start := day.Start.Add(time.Duration(r.IntN(100)) * time.Minute)
			out = append(out, freebusy.Period{Start: start, End: start.Add(time.Duration(r.IntN(30)) * time.Minute), Kind: freebusy.Kind(r.IntN(int(freebusy.Busy) + 1))})
		}
		return freebusy.Merge(day, out)
	}
	for range 3000 {
		periods, holes := some(), some()
		rest := without(periods, holes)
		for now := day.Start; now.Before(day.End); now = now.Add(time.Minute) {
			want := kindAt(periods, now)
			if kindAt(holes, now) != freebusy.Free {
				want = freebusy.Free
			}
			if got := kindAt(rest, now); got != want {
				t.Fatalf("%s without %s at %v: %v, want %v", show(periods), show(holes), now, got, want)
			}
		}
	}
}
