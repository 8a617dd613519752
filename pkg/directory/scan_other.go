//go:build !linux

package directory

import (
	"net"
	"time"
)

// blocking returns the connection unchanged, because only Linux has a better way to read
// from it.
func blocking(c net.Conn) net.Conn { return c }

// queuedOf returns false: how much has arrived is unknown, so the reader does not pause.
func queuedOf(net.Conn) (int, bool) { return 0, false }

// rest waits.
func rest(d time.Duration) { time.Sleep(d) }
