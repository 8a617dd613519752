package ui

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"
)

// lockedBuffer is a buffer that a Status writes while the test reads it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newStatus(tty bool, text func() string) (*Status, *lockedBuffer) {
	b := &lockedBuffer{}
	return &Status{w: b, tty: tty, text: text, stop: make(chan struct{})}, b
}

func TestStatusOnATerminal(t *testing.T) {
	s, b := newStatus(true, func() string { return "half\x1b[2J done" })
	s.show()
	s.show()
	s.Interrupt(func() { _, _ = b.Write([]byte("a note\n")) })
	s.show()
	s.Stop()
	want := "\r\x1b[K" + `half\x1b[2J done` + "\r\x1b[K" + `half\x1b[2J done` + "\r\x1b[K" + "a note\n" + "\r\x1b[K" + `half\x1b[2J done` + "\r\x1b[K"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestStatusWithoutATerminal(t *testing.T) {
	s, b := newStatus(false, func() string { return "half done" })
	s.show()
	s.Interrupt(func() { _, _ = b.Write([]byte("a note\n")) })
	s.Stop()
	if want := "half done\na note\n"; b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestStatusRepeatsUntilStopped(t *testing.T) {
	calls := make(chan struct{}, 100)
	s, b := newStatus(false, func() string {
		select {
		case calls <- struct{}{}:
		default:
		}
		return "x"
	})
	s.done.Go(func() { s.run(0, time.Microsecond) })
	for range 3 {
		<-calls
	}
	s.Stop()
	if n := strings.Count(b.String(), "x\n"); n < 3 {
		t.Errorf("%d lines", n)
	}
}

func TestStatusOfShortWorkShowsNothing(t *testing.T) {
	var b bytes.Buffer
	for _, tty := range []bool{true, false} {
		st := (&Streams{Err: &b, ErrTTY: tty}).StartStatus(func() string { return "x" })
		st.Stop()
	}
	if b.Len() > 0 {
		t.Errorf("got %q", b.String())
	}
}
