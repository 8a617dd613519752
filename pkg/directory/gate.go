package directory

import (
	"io"
	"net"
	"sync"
	"time"
)

// gate is the connection that go-ldap is given to bind on. It can be taken away
// from it again, with what was read from it and not passed on.
type gate struct {
	net.Conn

	reading sync.Mutex // held while something reads

	mu    sync.Mutex // guards what follows
	taken bool
	kept  []byte
}

func (g *gate) isTaken() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.taken
}

// Read reads until the connection is taken, and is at the end from then on.
func (g *gate) Read(b []byte) (int, error) {
	g.reading.Lock()
	defer g.reading.Unlock()
	if g.isTaken() {
		return 0, io.EOF
	}
	n, err := g.Conn.Read(b)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.taken {
		g.kept = append(g.kept, b[:n]...)
		return 0, io.EOF
	}
	return n, err
}

// Write writes unless the connection is taken.
func (g *gate) Write(b []byte) (int, error) {
	if g.isTaken() {
		return 0, io.ErrClosedPipe
	}
	return g.Conn.Write(b)
}

// Close closes unless the connection is taken: then it belongs to somebody else.
func (g *gate) Close() error {
	if g.isTaken() {
		return nil
	}
	return g.Conn.Close()
}

// take makes the gate let go of the connection, and returns what was read and
// not passed on. When it returns nothing reads from the connection any more, and
// it has no deadline.
func (g *gate) take() (kept []byte, err error) {
	g.mu.Lock()
	g.taken = true
	g.mu.Unlock()
	// Whoever reads now must come back. TLS survives a read that took too long.
	if err := g.SetReadDeadline(time.Unix(1, 0)); err != nil {
		return nil, err
	}
	g.reading.Lock()
	defer g.reading.Unlock()
	return g.kept, g.SetDeadline(time.Time{})
}
