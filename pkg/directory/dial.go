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

// target is a server's URL, taken apart.
type target struct {
	url     string
	network string // of net.Dial
	address string
	host    string // whose name the certificate must have
	ldaps   bool
}

// parseTarget reads ldap://host[:port], ldaps://host[:port] or
// ldapi://PATH with its slashes as %2F. Anything more in a URL, as a base,
// means something that would be passed over, and is refused.
func parseTarget(text string) (target, error) {
	t := target{url: text, network: "tcp"}
	if path, ok := strings.CutPrefix(text, "ldapi://"); ok {
		path, err := url.PathUnescape(path)
		if err != nil || path == "" {
			return t, fmt.Errorf("%q is not ldapi:// and the path of a socket, with %%2F for its slashes", text)
		}
		t.network, t.address = "unix", path
		return t, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return t, fmt.Errorf("not the URL of a directory: %w", err)
	}
	port := ldap.DefaultLdapPort
	switch u.Scheme {
	case "ldap":
	case "ldaps":
		t.ldaps, port = true, ldap.DefaultLdapsPort
	default:
		return t, fmt.Errorf("%q begins with neither ldap://, ldaps:// nor ldapi://", text)
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

// leavesHost tells whether what is sent in clear to t could be read elsewhere.
// A name other than localhost counts as another host, wherever it leads.
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

// dialer makes sessions according to the options.
type dialer struct {
	o       Options
	targets []target
	tls     *tls.Config
}

func newDialer(o Options) (*dialer, error) {
	d := &dialer{o: o}
	if len(o.URLs) == 0 {
		return nil, errors.New("no URL of a directory")
	}
	if o.External && (o.BindDN != "" || o.Password != nil) {
		return nil, errors.New("EXTERNAL and a password exclude each other")
	}
	if (o.BindDN == "") != (o.Password == nil) {
		return nil, errors.New("a password and the DN that it belongs to go together")
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

// dial returns a session with the first server that can be reached and takes
// the bind.
func (d *dialer) dial(ctx context.Context) (*session, error) {
	var failed []error
	for _, t := range d.targets {
		s, err := d.dialOne(ctx, t)
		if err == nil {
			for _, e := range failed {
				d.o.note("passing over %v", e)
			}
			d.o.Logger.DebugContext(ctx, "bound to the directory", "url", t.url)
			return s, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil || !isElsewhereBetter(err) {
			break
		}
	}
	return nil, errors.Join(failed...)
}

// isElsewhereBetter tells whether another host may do what this one did not: a
// password that is refused here would be refused there.
func isElsewhereBetter(err error) bool {
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

// dialOne connects to one server and binds. All of it may take ConnectTimeout,
// apart from the name's resolution and the password's arrival.
func (d *dialer) dialOne(ctx context.Context, t target) (*session, error) {
	fail := func(op string, err error) error {
		if ctx.Err() != nil {
			err = contextError(ctx)
		}
		return &ConnectError{URL: t.url, Op: op, Err: err}
	}
	// Before a connection is made: a person may take long to type it.
	password, err := d.password(ctx)
	if err != nil {
		return nil, fail(OpPassword, err)
	}
	raw, err := (&net.Dialer{Timeout: d.o.ConnectTimeout}).DialContext(ctx, t.network, t.address)
	if err != nil {
		return nil, fail("connect", err)
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

// prepare does all that comes before searches: TLS, and then the bind. It returns
// what was read and not used, and op when it fails, which says with what.
func (d *dialer) prepare(s *session, t target, password []byte) (op string, unread []byte, err error) {
	if err := s.raw.SetDeadline(time.Now().Add(d.o.ConnectTimeout)); err != nil {
		return "connect", nil, err
	}
	encrypt := t.ldaps
	if d.o.StartTLS && !t.ldaps && t.network == "tcp" {
		if err := s.askStartTLS(); err != nil {
			return "StartTLS", nil, inTime(err, d.o.ConnectTimeout)
		}
		encrypt = true
	}
	if encrypt {
		config := d.tls.Clone()
		config.ServerName = t.host
		conn := tls.Client(s.nc, config)
		if err := conn.Handshake(); err != nil {
			return "TLS", nil, inTime(err, d.o.ConnectTimeout)
		}
		s.nc = conn
	} else if password != nil && !d.o.Plaintext && !staysHere(s.raw.RemoteAddr()) {
		return "bind", nil, ErrPlaintext
	}
	if unread, err = d.bind(s, encrypt, password); err != nil {
		return "bind", nil, inTime(err, d.o.ConnectTimeout)
	}
	return "", unread, nil
}

// staysHere tells whether an address is of this host: the name localhost may
// lead anywhere.
func staysHere(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}

// inTime says in words that a deadline has passed.
func inTime(err error, limit time.Duration) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer for %v", limit)
	}
	return err
}
