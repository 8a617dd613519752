package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// target is the parsed URL of a server.
type target struct {
	url     string
	network string // of net.Dial
	address string
	host    string // the name that the certificate must match
	ldaps   bool
}

// parseTarget parses ldap://host[:port], ldaps://host[:port] or ldapi://PATH with
// slashes in PATH written as %2F. It rejects any other part of a URL, such as a base
// DN, because it would be ignored.
func parseTarget(text string) (target, error) {
	t := target{url: text, network: "tcp"}
	if path, ok := strings.CutPrefix(text, "ldapi://"); ok {
		path, err := url.PathUnescape(path)
		if err != nil || path == "" {
			return t, errors.New("the URL must be ldapi:// followed by the path of a socket, with %2F for each slash")
		}
		t.network, t.address = "unix", path
		return t, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		// The error of url.Parse contains the text, which can contain a password.
		return t, errors.New("not a valid directory URL: it must be ldap://host[:port], ldaps://host[:port] or ldapi://PATH")
	}
	port := ldap.DefaultLdapPort
	switch u.Scheme {
	case "ldap":
	case "ldaps":
		t.ldaps, port = true, ldap.DefaultLdapsPort
	default:
		return t, errors.New("a directory URL must begin with ldap://, ldaps:// or ldapi://")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" || u.Hostname() == "" {
		return t, fmt.Errorf("the URL must be %s://host[:port] and nothing more", u.Scheme)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	t.host = u.Hostname()
	t.address = net.JoinHostPort(t.host, port)
	t.url = u.Scheme + "://" + t.address
	return t, nil
}

// leavesHost reports whether text sent unencrypted to t can be read on the network.
// Every name other than localhost counts as another host, whatever its address.
func (t target) leavesHost() bool {
	if t.network == "unix" || t.ldaps {
		return false
	}
	ip, err := netip.ParseAddr(t.host)
	if err != nil {
		return !strings.EqualFold(t.host, "localhost")
	}
	return !ip.Unmap().IsLoopback()
}

// IsLocalURL reports whether a connection to the URL does not leave this host: it is a
// socket, localhost or a loopback address.
func IsLocalURL(url string) bool {
	t, err := parseTarget(url)
	t.ldaps = false
	return err == nil && !t.leavesHost()
}

// SameServer reports whether two URLs name the same host and port in the same way.
func SameServer(a, b string) bool {
	t, err := parseTarget(a)
	u, err2 := parseTarget(b)
	return err == nil && err2 == nil && t.url == u.url
}

// dialer opens sessions according to the options.
type dialer struct {
	o       Options
	targets []target
	tls     *tls.Config
}

func newDialer(o Options) (*dialer, error) {
	d := &dialer{o: o}
	if len(o.URLs) == 0 {
		return nil, errors.New("no directory URL is given")
	}
	if o.External && (o.BindDN != "" || o.Password != nil) {
		return nil, errors.New("EXTERNAL cannot be combined with a bind DN or a password")
	}
	if (o.BindDN == "") != (o.Password == nil) {
		return nil, errors.New("a bind DN requires a password, and a password requires a bind DN")
	}
	for _, text := range o.URLs {
		t, err := parseTarget(text)
		if err != nil {
			return nil, err
		}
		if o.Password != nil && !o.Plaintext && !o.StartTLS && t.leavesHost() {
			return nil, &ConnectError{URL: t.url, Op: "bind", Err: ErrPlaintext}
		}
		d.targets = append(d.targets, t)
	}
	var err error
	d.tls, err = newTLSConfig(o)
	return d, err
}

// dial returns a session with the first server that can be reached and accepts the
// bind.
func (d *dialer) dial(ctx context.Context) (*session, error) {
	var failed []error
	for _, t := range d.targets {
		s, err := d.dialOne(ctx, t)
		if err == nil {
			for _, e := range failed {
				d.o.note("skipping a server: %v", e)
			}
			d.o.Logger.DebugContext(ctx, "bound to the directory", "url", t.url)
			return s, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil || !mayTryNext(err) {
			break
		}
	}
	return nil, errors.Join(failed...)
}

// mayTryNext reports whether another server may succeed after err. A password that
// one server rejects would be rejected by the others, too.
func mayTryNext(err error) bool {
	e, ok := errors.AsType[*ConnectError](err)
	if !ok || e.Op == OpPassword || errors.Is(err, ErrPlaintext) {
		return false
	}
	if e.Op != "bind" {
		return true
	}
	switch ResultCode(err) {
	case 0, ldap.LDAPResultBusy, ldap.LDAPResultUnavailable:
		return true
	}
	return false
}

// dialOne connects to one server and binds, all within ConnectTimeout except for name
// resolution and waiting for the password.
func (d *dialer) dialOne(ctx context.Context, t target) (*session, error) {
	fail := func(op string, err error) error {
		if ctx.Err() != nil {
			err = contextError(ctx)
		}
		return &ConnectError{URL: t.url, Op: op, Err: err}
	}
	// Get the password before connecting: a person may take a long time to type it.
	password, err := d.password(ctx)
	if err != nil {
		return nil, fail(OpPassword, err)
	}
	raw, err := (&net.Dialer{Timeout: d.o.ConnectTimeout, Control: limitWindow}).DialContext(ctx, t.network, t.address)
	if err != nil {
		return nil, fail(OpConnect, dialError(err, d.o.ConnectTimeout))
	}
	s := newSession(t.url, raw, d.o.Idle)
	stop := context.AfterFunc(ctx, s.close)
	op, unread, err := d.prepare(s, t, password)
	if !stop() && err == nil {
		err = contextError(ctx)
	}
	if err != nil {
		s.close()
		return nil, fail(op, err)
	}
	s.begin(unread)
	return s, nil
}

// prepare does everything that precedes searches: TLS, and then the bind. It returns
// the bytes that were read and not used and, on failure, op, the step that failed.
func (d *dialer) prepare(s *session, t target, password []byte) (op string, unread []byte, err error) {
	if err := s.raw.SetDeadline(time.Now().Add(d.o.ConnectTimeout)); err != nil {
		return OpConnect, nil, plainNet(err)
	}
	encrypt := t.ldaps
	if d.o.StartTLS && !t.ldaps && t.network == "tcp" {
		if err := s.askStartTLS(); err != nil {
			return "StartTLS", nil, timeoutError(err, d.o.ConnectTimeout)
		}
		encrypt = true
	}
	if encrypt {
		config := d.tls.Clone()
		config.ServerName = t.host
		conn := tls.Client(s.nc, config)
		if err := conn.Handshake(); err != nil {
			return "TLS", nil, timeoutError(err, d.o.ConnectTimeout)
		}
		s.nc = conn
		state := conn.ConnectionState()
		s.tls = &state
		s.in.combine()
	} else if password != nil && !d.o.Plaintext && !isLocal(s.raw.RemoteAddr()) {
		return "bind", nil, ErrPlaintext
	}
	if unread, err = d.bind(s, encrypt, password); err != nil {
		return "bind", nil, timeoutError(err, d.o.ConnectTimeout)
	}
	return "", unread, nil
}

// isLocal reports whether an address belongs to this host. It is needed because the
// name localhost may resolve to any address.
func isLocal(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}

// dialError returns an error of connecting without what a ConnectError says already.
func dialError(err error, limit time.Duration) error {
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return fmt.Errorf("no answer within %v", limit)
	}
	return plainNet(err)
}

// timeoutError returns an error that states the limit when err is an expired
// deadline, and err otherwise.
func timeoutError(err error, limit time.Duration) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer within %v", limit)
	}
	return plainNet(err)
}
