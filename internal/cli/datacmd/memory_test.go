package datacmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"testing"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/internal/ui"
)

// endless is a file with many events, which measures the memory while it is read.
type endless struct {
	events, next int
	rest         string
	heap         uint64 // the most that was in use
}

func (e *endless) Read(b []byte) (int, error) {
	if e.rest == "" {
		switch {
		case e.next == 0:
			e.rest = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example Corp.//Test//EN\r\n"
		case e.next <= e.events:
			e.rest = fmt.Sprintf("BEGIN:VEVENT\r\nUID:%d@example.com\r\nDTSTAMP:20261001T080000Z\r\nDTSTART:20261105T090000Z\r\nRRULE:FREQ=DAILY;COUNT=3;UNTIL=20261231\r\nSUMMARY:Event\r\n\r\nno property\r\nEND:VEVENT\r\n", e.next)
		case e.next == e.events+1:
			e.rest = "END:VCALENDAR\r\n"
		default:
			return 0, io.EOF
		}
		if e.next++; e.next%5000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			e.heap = max(e.heap, m.HeapInuse)
		}
	}
	n := copy(b, e.rest)
	e.rest = e.rest[n:]
	return n, nil
}

// The memory does not grow with the file, not even if each event has findings.
func TestMemory(t *testing.T) {
	tier.All(t)
	measure := func(events int) uint64 {
		in := &endless{events: events}
		f := cmdutil.NewFactory(&cmdutil.Environment{Streams: &ui.Streams{In: in, Out: io.Discard, Err: io.Discard}, Getenv: func(string) string { return "" }})
		cmd := NewCalcomponent(f)
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		cmd.SetArgs([]string{"check", "-m", "-"})
		if err := cmd.ExecuteContext(context.Background()); !errors.Is(err, cmdutil.ErrFindings) {
			t.Fatal(err)
		}
		return in.heap
	}
	small, large := measure(8_000), measure(80_000)
	t.Logf("heap: %d MiB with 8,000 events, %d MiB with 80,000", small>>20, large>>20)
	if large > small+32<<20 {
		t.Errorf("the heap grows from %d to %d MiB", small>>20, large>>20)
	}
}
