package directory

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// patientConn is a connection that the runtime's poller knows nothing of. The
// poller would wake for each packet, even while nobody reads. One goroutine
// reads at a time, and Close ends what it waits for.
type patientConn struct {
	net.Conn // for the addresses; closed
	fd       int
	unix     bool

	mu     sync.Mutex // guards what follows
	users  int        // of fd
	closed bool
}

// patient takes a connection away from the poller. When that cannot be done it
// returns the connection as it is. It must not be used by anybody else.
func patient(c net.Conn) net.Conn {
	_, isUnix := c.(*net.UnixConn)
	sys, ok := c.(syscall.Conn)
	if !ok {
		return c
	}
	raw, err := sys.SyscallConn()
	if err != nil {
		return c
	}
	fd := -1
	if e := raw.Control(func(old uintptr) { fd, err = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) }); e != nil || err != nil {
		return c
	}
	// The other descriptor is of the same connection, and becomes blocking, too.
	if err := unix.SetNonblock(fd, false); err != nil {
		_ = unix.Close(fd)
		return c
	}
	_ = c.Close()
	return &patientConn{Conn: c, fd: fd, unix: isUnix}
}

// use makes sure that fd is what it was until done is called.
func (c *patientConn) use() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.users++
	return true
}

func (c *patientConn) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users--; c.users == 0 && c.closed {
		_ = unix.Close(c.fd)
	}
}

// Close ends the connection, and what waits for it.
func (c *patientConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	// Closing alone would leave a read waiting.
	_ = unix.Shutdown(c.fd, unix.SHUT_RDWR)
	if c.users == 0 {
		_ = unix.Close(c.fd)
	}
	return nil
}

func (c *patientConn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// Read implements net.Conn.
func (c *patientConn) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := c.transfer("read", b, unix.Read)
	if n == 0 && err == nil {
		err = io.EOF
		if c.isClosed() {
			err = net.ErrClosed
		}
	}
	return n, err
}

// Write implements net.Conn.
func (c *patientConn) Write(b []byte) (int, error) {
	written := 0
	for written < len(b) {
		n, err := c.transfer("write", b[written:], func(fd int, b []byte) (int, error) {
			return unix.SendmsgN(fd, b, nil, nil, unix.MSG_NOSIGNAL)
		})
		if err != nil {
			return written, err
		}
		written += n
	}
	return written, nil
}

func (c *patientConn) transfer(op string, b []byte, call func(int, []byte) (int, error)) (int, error) {
	if !c.use() {
		return 0, net.ErrClosed
	}
	defer c.done()
	for {
		n, err := call(c.fd, b)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN):
			return 0, os.ErrDeadlineExceeded
		default:
			return 0, os.NewSyscallError(op, err)
		}
	}
}

// SetReadDeadline limits how long a read waits, from when the read begins. It
// does not change one that waits already.
func (c *patientConn) SetReadDeadline(t time.Time) error { return c.setTimeout(unix.SO_RCVTIMEO, t) }

// SetWriteDeadline is SetReadDeadline for writes.
func (c *patientConn) SetWriteDeadline(t time.Time) error { return c.setTimeout(unix.SO_SNDTIMEO, t) }

// SetDeadline does both.
func (c *patientConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *patientConn) setTimeout(option int, t time.Time) error {
	if !c.use() {
		return net.ErrClosed
	}
	defer c.done()
	var wait unix.Timeval // zero: for ever
	if !t.IsZero() {
		wait = unix.NsecToTimeval(max(time.Until(t), time.Millisecond).Nanoseconds())
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, option, &wait))
}

// queued is how many bytes can be read without waiting.
func (c *patientConn) queued() int {
	if !c.use() {
		return 0
	}
	defer c.done()
	n, err := unix.IoctlGetInt(c.fd, unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}

// pacer lets a while pass between two looks at a connection.
//
// How long that is was measured, with OpenLDAP on the same machine. After less
// the two keep waking each other. After more so much has come that the kernel
// enlarges the window, and then each entry travels as a packet of its own,
// where with a small window the peer's kernel puts many into one.
type pacer struct{ last time.Time }

const (
	pause = 500 * time.Microsecond
	// socketPause is for sockets in the file system: they have room for a few
	// hundred entries, however small.
	socketPause = 200 * time.Microsecond
)

// gather waits, and returns how many bytes are there.
func (p *pacer) gather(conn net.Conn) int {
	c, ok := conn.(*patientConn)
	if !ok {
		return 0
	}
	wait := pause
	if c.unix {
		wait = socketPause
	}
	if wait -= time.Since(p.last); wait > 0 {
		ts := unix.NsecToTimespec(wait.Nanoseconds())
		_ = unix.Nanosleep(&ts, nil) // sooner does no harm
	}
	p.last = time.Now()
	return c.queued()
}
