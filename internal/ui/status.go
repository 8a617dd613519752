package ui

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Status tells how far long work is: on a terminal a line that is written anew,
// otherwise a line now and then. Work that is over soon says nothing.
type Status struct {
	w     io.Writer
	tty   bool
	text  func() string
	stop  chan struct{}
	done  sync.WaitGroup
	mu    sync.Mutex
	shown bool // a line stands on the terminal
}

// How often a Status speaks.
const (
	statusQuiet = 2 * time.Second // before the first line on a terminal
	statusFresh = 200 * time.Millisecond
	statusLines = 30 * time.Second // between lines where there is no terminal
)

// StartStatus begins to tell what text returns, which may be called by another
// goroutine at any time until Stop returns.
func (s *Streams) StartStatus(text func() string) *Status {
	st := &Status{w: s.Err, tty: s.ErrTTY, text: text, stop: make(chan struct{})}
	first, every := statusLines, statusLines
	if st.tty {
		first, every = statusQuiet, statusFresh
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

// Around writes something else to the same stream, whole lines, without mixing
// the two.
func (s *Status) Around(write func()) {
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

// Stop ends the telling and takes the line away.
func (s *Status) Stop() {
	close(s.stop)
	s.done.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}
