package directory

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

// OpPassword is the Op of a ConnectError when there is no password to bind with.
// Nothing was sent to the server.
const OpPassword = "password"

// password returns the password to bind with, or nil for a bind without a password.
func (d *dialer) password(ctx context.Context) ([]byte, error) {
	if d.o.Password == nil {
		return nil, nil
	}
	p, err := d.o.Password(ctx)
	if err == nil && len(p) == 0 {
		// Servers treat it as an anonymous bind (RFC 4513 section 5.1.2).
		err = errors.New("the password is empty")
	}
	return p, err
}

// bind binds with go-ldap on the session's connection, then takes the connection
// back from it. It returns the bytes that were read and not used.
func (d *dialer) bind(s *session, encrypted bool, password []byte) (unread []byte, err error) {
	g := &gate{Conn: s.nc}
	conn := ldap.NewConn(g, encrypted)
	conn.Start()
	switch {
	case d.o.External:
		err = conn.ExternalBind()
	case password != nil:
		err = conn.Bind(d.o.BindDN, string(password))
	default:
		err = conn.UnauthenticatedBind("")
	}
	if err != nil {
		_ = conn.Close()
		err = fromLDAP(err)
		if cause := g.failure(); cause != nil && ResultCode(err) == 0 {
			err = cause
		}
		return nil, plainNet(err)
	}
	unread, err = g.take()
	// This ends the goroutines of go-ldap and leaves the connection alone.
	_ = conn.Close()
	if err != nil {
		return nil, fmt.Errorf("keeping the connection after the bind: %w", err)
	}
	return unread, nil
}
