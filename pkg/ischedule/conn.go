package ischedule

import (
	"context"
	"net"
	"time"
)

// patientConn fails when the peer is silent for too long, or takes nothing.
type patientConn struct {
	net.Conn
	patience time.Duration
}

func (c patientConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

func (c patientConn) Write(b []byte) (int, error) {
	if err := c.SetWriteDeadline(time.Now().Add(c.patience)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// patientDial connects as dial does.
func patientDial(dial dialFunc, patience time.Duration) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return patientConn{c, patience}, nil
	}
}
