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

// blockingConn is a connection that the poller of the Go runtime does not watch. The
// poller would wake up for each packet, even when nothing reads. Only one goroutine may
// read at a time. Close ends a blocked read.
type blockingConn struct {
	net.Conn // closed; provides the addresses
	fd       int
	unix     bool

	mu     sync.Mutex // guards what follows
	users  int        // number of calls that use fd
	closed bool
}

// blocking removes a connection from the poller. If that fails it returns the connection
// unchanged. Nothing else may use the connection c.
func blocking(c net.Conn) net.Conn {
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
	// This makes the other descriptor of the same connection blocking, too.
	if err := unix.SetNonblock(fd, false); err != nil {
		_ = unix.Close(fd)
		return c
	}
	_ = c.Close()
	return &blockingConn{Conn: c, fd: fd, unix: isUnix}
}

// use keeps fd open until done is called. It returns false if the connection is closed.
func (c *blockingConn) use() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.users++
	return true
}

func (c *blockingConn) done() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users--; c.users == 0 && c.closed {
		_ = unix.Close(c.fd)
	}
}

// Close closes the connection and ends blocked calls.
func (c *blockingConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	// Closing fd would not end a blocked read.
	_ = unix.Shutdown(c.fd, unix.SHUT_RDWR)
	if c.users == 0 {
		_ = unix.Close(c.fd)
	}
	return nil
}

func (c *blockingConn) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// Read implements net.Conn.
func (c *blockingConn) Read(b []byte) (int, error) {
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
func (c *blockingConn) Write(b []byte) (int, error) {
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

func (c *blockingConn) transfer(op string, b []byte, call func(int, []byte) (int, error)) (int, error) {
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

// SetReadDeadline limits how long a read blocks, counted from the beginning of the read.
// It does not affect a read that is already blocked.
func (c *blockingConn) SetReadDeadline(t time.Time) error { return c.setTimeout(unix.SO_RCVTIMEO, t) }

// SetWriteDeadline is like SetReadDeadline for writes.
func (c *blockingConn) SetWriteDeadline(t time.Time) error { return c.setTimeout(unix.SO_SNDTIMEO, t) }

// SetDeadline calls SetReadDeadline and SetWriteDeadline.
func (c *blockingConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *blockingConn) setTimeout(option int, t time.Time) error {
	if !c.use() {
		return net.ErrClosed
	}
	defer c.done()
	var wait unix.Timeval // zero: no limit
	if !t.IsZero() {
		wait = unix.NsecToTimeval(max(time.Until(t), time.Millisecond).Nanoseconds())
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, option, &wait))
}

// queued returns the number of bytes that can be read without waiting.
func (c *blockingConn) queued() int {
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

// queuedOf returns the number of bytes that can be read without waiting. It returns false if
// that is unknown; the reader does not pause then.
func queuedOf(conn net.Conn) (int, bool) {
	c, ok := conn.(*blockingConn)
	if !ok {
		return 0, false
	}
	return c.queued(), true
}

// rest waits. An early wake-up does no harm. A timer of the Go runtime would wake up
// another thread.
func rest(d time.Duration) {
	ts := unix.NsecToTimespec(d.Nanoseconds())
	_ = unix.Nanosleep(&ts, nil)
}
