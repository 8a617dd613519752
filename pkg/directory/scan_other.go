//go:build !linux

package directory

import "net"

// blocking returns the connection unchanged, because only Linux has a better way to read
// from it.
func blocking(c net.Conn) net.Conn { return c }

// pacer does nothing.
type pacer struct{}

func (pacer) gather(net.Conn) int { return 0 }
