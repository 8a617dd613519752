package ischedule

import (
	"context"
	"net"
	"time"
)

// idleTimeoutConn is a connection on which each read and each write has a time
// limit.
type idleTimeoutConn struct {
	net.Conn
	timeout time.Duration
}

func (c idleTimeoutConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c idleTimeoutConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// dialWithIdleTimeout returns a function that connects as dial does and puts a
// time limit on each read and write.
func dialWithIdleTimeout(dial dialFunc, timeout time.Duration) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return idleTimeoutConn{c, timeout}, nil
	}
}
