package directory

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// dialLoopback returns a connection to a listener on a loopback address.
func dialLoopback(t *testing.T, host string, control func(network, address string, c syscall.RawConn) error) *blockingConn {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		t.Skipf("%s: %v", host, err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	raw, err := (&net.Dialer{Control: control}).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c, ok := blocking(raw).(*blockingConn)
	if !ok {
		t.Fatal("the connection is not a blocking one")
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func option(t *testing.T, c *blockingConn, name int) int {
	t.Helper()
	n, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, name)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestWindowOfThisHost checks that connections to this host, and only these, have a small
// window from the beginning.
func TestWindowOfThisHost(t *testing.T) {
	for _, host := range []string{"127.0.0.1", "::1"} {
		limited := dialLoopback(t, host, limitWindow)
		if got := option(t, limited, unix.SO_RCVBUF); got != 2*ownBuffer {
			t.Errorf("%s: a buffer of %d bytes", host, got)
		}
		if got := pacingOf(limited); got != smallWindow() {
			t.Errorf("%s: pacing %+v", host, got)
		}
		// The segments are large, so the window must not be reduced any more.
		usual := dialLoopback(t, host, nil)
		before := option(t, usual, unix.SO_RCVBUF)
		if got := pacingOf(usual); got != largeWindow() || option(t, usual, unix.SO_RCVBUF) != before {
			t.Errorf("%s: pacing %+v, a buffer of %d bytes", host, got, option(t, usual, unix.SO_RCVBUF))
		}
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range own {
		if ip, err := netip.ParsePrefix(a.String()); err == nil && !isOwn(ip.Addr()) {
			t.Errorf("%s is an address of this host", a)
		}
	}
	for text, want := range map[string]bool{"127.0.0.1": true, "127.1.2.3": true, "::1": true, "::ffff:127.0.0.1": true, "198.51.100.7": false, "2001:db8::7": false} {
		if got := isOwn(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestWindowOfNearHost checks that the window of a connection with usual segments is fixed
// at its first size, and released when the host is not near any more.
func TestWindowOfNearHost(t *testing.T) {
	c := dialLoopback(t, "127.0.0.1", func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_MAXSEG, 1400) })
	})
	before := option(t, c, unix.SO_RCVBUF)
	if before > mostReserved {
		t.Skipf("the kernel reserves %d bytes for each connection", before)
	}
	info, err := unix.GetsockoptTCPInfo(c.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		t.Fatal(err)
	}
	p := pacingOf(c)
	if !isNear(before, info) { // a busy machine
		if p != largeWindow() {
			t.Errorf("pacing %+v", p)
		}
		t.Skipf("a round-trip time of %d µs to this host", info.Min_rtt)
	}
	want := smallWindow()
	want.review = true
	if p != want || option(t, c, unix.SO_RCVBUF) != 2*nearBuffer {
		t.Errorf("pacing %+v, a buffer of %d bytes", p, option(t, c, unix.SO_RCVBUF))
	}
	if got := reviewPacing(c, p); got != p {
		t.Errorf("reviewed: %+v", got)
	}
	if got, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_BUF_LOCK); err != nil || got == 0 {
		t.Skipf("this kernel does not report locks: %d, %v", got, err)
	}
	enlargeWindow(c.fd)
	if got := option(t, c, unix.SO_BUF_LOCK); got != 0 {
		t.Errorf("the window is still limited: %d", got)
	}
	_ = c.Close()
	if got := reviewPacing(c, p); got != p {
		t.Errorf("after Close: %+v", got)
	}
	if got := pacingOf(c); got != (pacing{}) {
		t.Errorf("after Close: %+v", got)
	}
}

// TestNear checks which hosts count as near.
func TestNear(t *testing.T) {
	for _, c := range []struct {
		reserved int
		rtt      time.Duration
		segment  uint32
		want     bool
	}{
		{131072, 80 * time.Microsecond, 1448, true},
		{131072, mostNear, 8948, true},
		{131072, mostNear + time.Microsecond, 1448, false},
		{131072, 20 * time.Millisecond, 1448, false},
		{131072, 0, 1448, false}, // not measured
		{131072, 80 * time.Microsecond, 65483, false},
		{1 << 20, 80 * time.Microsecond, 1448, false}, // would be reduced
	} {
		info := unix.TCPInfo{Min_rtt: uint32(c.rtt.Microseconds()), Advmss: c.segment}
		if got := isNear(c.reserved, &info); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
