package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"github.com/go-ldap/ldap/v3"
)

// Connect returns a connection that is bound as the options say, for whoever
// changes the directory entry by entry, and the URL of the server. Each operation on
// it may take Options.Idle. Scanning a directory is what Open is for.
//
// Errors are those of Open. The connection is the caller's, who closes it when
// ctx ends.
func Connect(ctx context.Context, o Options) (*ldap.Conn, string, error) {
	d, err := newDialer(o.withDefaults())
	if err != nil {
		return nil, "", err
	}
	var failed []error
	for _, t := range d.targets {
		conn, err := d.connect(ctx, t)
		if err == nil {
			for _, e := range failed {
				d.o.note("passing over %v", e)
			}
			return conn, t.url, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil || !isElsewhereBetter(err) {
			break
		}
	}
	return nil, "", errors.Join(failed...)
}

// connect connects to one server and binds.
func (d *dialer) connect(ctx context.Context, t target) (*ldap.Conn, error) {
	fail := func(op string, err error) error {
		if ctx.Err() != nil {
			err = contextError(ctx)
		}
		return &ConnectError{URL: t.url, Op: op, Err: err}
	}
	password, err := d.password(ctx)
	if err != nil {
		return nil, fail(OpPassword, err)
	}
	raw, err := (&net.Dialer{Timeout: d.o.ConnectTimeout}).DialContext(ctx, t.network, t.address)
	if err != nil {
		return nil, fail("connect", err)
	}
	config := d.tls.Clone()
	config.ServerName = t.host
	nc, encrypted := raw, false
	if t.ldaps {
		shaking, cancel := context.WithTimeout(ctx, d.o.ConnectTimeout)
		defer cancel()
		secure := tls.Client(raw, config)
		if err := secure.HandshakeContext(shaking); err != nil {
			_ = raw.Close()
			return nil, fail("TLS", err)
		}
		nc, encrypted = secure, true
	}
	conn := ldap.NewConn(nc, encrypted)
	conn.SetTimeout(d.o.ConnectTimeout)
	conn.Start()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	op, err := d.greet(conn, t, config, raw, encrypted, password)
	if !stop() && err == nil {
		err = contextError(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fail(op, err)
	}
	conn.SetTimeout(d.o.Idle)
	return conn, nil
}

// greet encrypts if that is asked for, and binds. op says what failed.
func (d *dialer) greet(conn *ldap.Conn, t target, config *tls.Config, raw net.Conn, encrypted bool, password []byte) (op string, err error) {
	if d.o.StartTLS && !t.ldaps && t.network == "tcp" {
		if err := conn.StartTLS(config); err != nil {
			return "StartTLS", fromLDAP(err)
		}
		encrypted = true
	}
	if !encrypted && password != nil && !d.o.Plaintext && !staysHere(raw.RemoteAddr()) {
		return "bind", ErrPlaintext
	}
	return "bind", d.authenticate(conn, password)
}
