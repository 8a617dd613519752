package directory

import (
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// ownBuffer is the receive buffer of a connection to this host, for which the kernel
	// reserves twice as much. Its window is some 30 to 60 KiB.
	ownBuffer = 32 << 10
	// nearBuffer is the receive buffer of a connection to a near host. With it, the kernel
	// reserves what Linux connections begin with, so that the window is fixed at its
	// first size, some 64 KiB, and never reduced. Reducing it could lose packets.
	nearBuffer = 64 << 10
	// mostReserved is what the kernel has reserved for a connection with a small window.
	mostReserved = 2 * nearBuffer
	// mostNear is the round-trip time of a near host: with it a window of 64 KiB allows
	// 160 MB/s, which is more than a gigabit network carries or slapd sends.
	mostNear = 400 * time.Microsecond
	// notNear is the smoothed round-trip time with which a host does not count as near any
	// more. It is large, because it contains time that the server needs for an answer.
	notNear = 8 * mostNear
	// mostSegment is the maximum segment size of a near connection. A kernel that sends
	// larger segments waits until half of the largest window it has seen is open.
	mostSegment = 9000
)

// limitWindow reduces the window of a connection to this host; it is the Control of a
// net.Dialer. To do it later than this could stall the connection, because the kernel of
// the server would wait for a window as large as the first one. Without it the connection
// works, too, so errors do not matter.
func limitWindow(_, address string, c syscall.RawConn) error {
	if a, err := netip.ParseAddrPort(address); err == nil && isOwn(a.Addr()) {
		_ = c.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, ownBuffer) })
	}
	return nil
}

// isOwn reports whether an address belongs to this host.
func isOwn(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.IsLoopback() {
		return true
	}
	own, err := net.InterfaceAddrs()
	return err == nil && slices.ContainsFunc(own, func(have net.Addr) bool {
		n, ok := have.(*net.IPNet)
		if !ok {
			return false
		}
		ip, ok := netip.AddrFromSlice(n.IP)
		return ok && ip.Unmap() == a
	})
}

// pacingOf returns how to read from a new connection on which nothing is pending. It
// limits the window of a connection to a near host.
func pacingOf(conn net.Conn) pacing {
	c, ok := conn.(*blockingConn)
	if !ok || !c.use() {
		return pacing{}
	}
	defer c.done()
	if c.unix {
		return unixSocket()
	}
	reserved, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return largeWindow()
	}
	if a, ok := c.RemoteAddr().(*net.TCPAddr); ok && reserved <= 2*ownBuffer && isOwn(a.AddrPort().Addr()) {
		return smallWindow()
	}
	info, err := unix.GetsockoptTCPInfo(c.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || !isNear(reserved, info) {
		return largeWindow()
	}
	if err := unix.SetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_RCVBUF, nearBuffer); err != nil {
		return largeWindow()
	}
	p := smallWindow()
	p.review = true
	return p
}

// isNear reports whether a connection can do with a small window: the kernel has reserved
// so many bytes for it, which must not be reduced.
func isNear(reserved int, info *unix.TCPInfo) bool {
	nearest := time.Duration(info.Min_rtt) * time.Microsecond
	return reserved <= mostReserved && nearest > 0 && nearest <= mostNear && info.Advmss <= mostSegment
}

// reviewPacing returns how to read the next page from a connection of pacingOf. If the
// round-trip time of a near host has become long, it lets the kernel enlarge the window.
func reviewPacing(conn net.Conn, now pacing) pacing {
	c, ok := conn.(*blockingConn)
	if !ok || !c.use() {
		return now
	}
	defer c.done()
	info, err := unix.GetsockoptTCPInfo(c.fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil || time.Duration(info.Rtt)*time.Microsecond <= notNear {
		return now
	}
	enlargeWindow(c.fd)
	return largeWindow()
}

// enlargeWindow lets the kernel choose the size of the window.
func enlargeWindow(fd int) {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BUF_LOCK, 0); err != nil {
		// Linux before 5.14. The kernel allows as much as net.core.rmem_max.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
	}
}
