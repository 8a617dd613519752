package ui

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/davadmin/davadmin/internal/crash"
)

// Status shows the progress of work that takes long: on a terminal in one line that
// is updated in place, elsewhere in a line every 30 seconds. Nothing is shown for
// work that ends soon.
type Status struct {
	w     io.Writer
	tty   bool
	text  func() string
	stop  chan struct{}
	done  crash.Group
	mu    sync.Mutex
	shown bool // the line is on the terminal
}

// When a Status writes.
const (
	statusDelay   = 2 * time.Second        // before the first line on a terminal
	statusRefresh = 200 * time.Millisecond // between updates on a terminal
	statusLines   = 30 * time.Second       // between lines without a terminal
)

// StartStatus starts to show what text returns. Until Stop returns, text may be
// called at any time, from another goroutine.
func (s *Streams) StartStatus(text func() string) *Status {
	st := &Status{w: s.Err, tty: s.ErrTTY, text: text, stop: make(chan struct{})}
	first, every := statusLines, statusLines
	if st.tty {
		first, every = statusDelay, statusRefresh
	}
	st.done.Go(func() { st.run(first, every) })
	return st
}

func (s *Status) run(wait, every time.Duration) {
	t := time.NewTimer(wait)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
			s.show()
			t.Reset(every)
		}
	}
}

func (s *Status) show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := Sanitize(s.text())
	if s.tty {
		fmt.Fprintf(s.w, "\r\x1b[K%s", line)
		s.shown = true
		return
	}
	fmt.Fprintln(s.w, line)
}

// Interrupt removes the line, calls write, which may write whole lines to the same
// stream, and lets the line return at the next update.
func (s *Status) Interrupt(write func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	write()
}

func (s *Status) clear() {
	if s.shown {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.shown = false
	}
}

// Stop ends the updates and removes the line.
func (s *Status) Stop() {
	close(s.stop)
	s.done.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}
