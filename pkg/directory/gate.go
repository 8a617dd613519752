package directory

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// errTalkative is the error of a server that sends too much before the bind is done.
var errTalkative = fmt.Errorf("the server sent more than %d KiB in answer to the bind", maxConnect>>10)

// gate is the connection on which go-ldap binds. It can be detached from go-ldap,
// together with the bytes that were read and not passed on.
type gate struct {
	net.Conn

	reading sync.Mutex // held during a read

	mu    sync.Mutex // guards what follows
	taken bool
	kept  []byte
	got   int   // bytes passed on
	err   error // of a read; go-ldap passes on only its text
}

func (g *gate) isTaken() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.taken
}

// Read reads from the connection. Once the connection is taken it returns io.EOF.
func (g *gate) Read(b []byte) (int, error) {
	g.reading.Lock()
	defer g.reading.Unlock()
	if g.isTaken() {
		return 0, io.EOF
	}
	n, err := g.Conn.Read(b)
	g.mu.Lock()
	defer g.mu.Unlock()
	// go-ldap keeps a message in memory, whatever its size.
	if g.got += n; g.got > maxConnect {
		n, err = 0, errTalkative
	}
	g.err = err
	if g.taken {
		g.kept = append(g.kept, b[:n]...)
		return 0, io.EOF
	}
	return n, err
}

// failure returns why reading failed; nil if it did not.
func (g *gate) failure() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if errors.Is(g.err, io.EOF) {
		return errors.New("the connection was closed")
	}
	return g.err
}

// Write writes to the connection, unless it is taken.
func (g *gate) Write(b []byte) (int, error) {
	if g.isTaken() {
		return 0, io.ErrClosedPipe
	}
	return g.Conn.Write(b)
}

// Close closes the connection, unless it is taken and so has another owner.
func (g *gate) Close() error {
	if g.isTaken() {
		return nil
	}
	return g.Conn.Close()
}

// take takes the connection back and returns the bytes that were read and not passed
// on. When take returns, nothing reads from the connection through the gate, and the
// connection has no deadline.
func (g *gate) take() (kept []byte, err error) {
	g.mu.Lock()
	g.taken = true
	g.mu.Unlock()
	// End a read in progress. A TLS connection survives an expired read deadline.
	if err := g.SetReadDeadline(time.Unix(1, 0)); err != nil {
		return nil, err
	}
	g.reading.Lock()
	defer g.reading.Unlock()
	return g.kept, g.SetDeadline(time.Time{})
}
