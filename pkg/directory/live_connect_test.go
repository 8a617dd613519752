package directory

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
)

func TestParseTarget(t *testing.T) {
	for _, c := range []struct {
		url, network, address, host string
		ldaps, leaves               bool
	}{
		{"ldap://directory.example.org", "tcp", "directory.example.org:389", "directory.example.org", false, true},
		{"LDAP://directory:1389/", "tcp", "directory:1389", "directory", false, true},
		{"ldaps://directory", "tcp", "directory:636", "directory", true, false},
		{"ldap://localhost", "tcp", "localhost:389", "localhost", false, false},
		{"ldap://LOCALHOST", "tcp", "LOCALHOST:389", "LOCALHOST", false, false},
		{"ldap://localhost.example.org", "tcp", "localhost.example.org:389", "localhost.example.org", false, true},
		{"ldap://127.0.0.1:389", "tcp", "127.0.0.1:389", "127.0.0.1", false, false},
		{"ldap://127.9.9.9", "tcp", "127.9.9.9:389", "127.9.9.9", false, false},
		{"ldap://127.0.0.1.example.org", "tcp", "127.0.0.1.example.org:389", "127.0.0.1.example.org", false, true},
		{"ldap://[::1]:390", "tcp", "[::1]:390", "::1", false, false},
		{"ldap://[::ffff:127.0.0.1]", "tcp", "[::ffff:127.0.0.1]:389", "::ffff:127.0.0.1", false, false},
		{"ldap://192.0.2.1", "tcp", "192.0.2.1:389", "192.0.2.1", false, true},
		{"ldap://0.0.0.0", "tcp", "0.0.0.0:389", "0.0.0.0", false, true},
		{"ldapi://%2Fvar%2Frun%2Fldapi", "unix", "/var/run/ldapi", "", false, false},
		{"ldapi:///var/run/ldapi", "unix", "/var/run/ldapi", "", false, false},
	} {
		got, err := parseTarget(c.url)
		if err != nil || got.network != c.network || got.address != c.address || got.host != c.host || got.ldaps != c.ldaps || got.leavesHost() != c.leaves {
			t.Errorf("%s: %+v, leavesHost %v, %v", c.url, got, got.leavesHost(), err)
		}
	}
	for _, url := range []string{"", "directory", "directory:389", "http://directory", "ldap://", "ldap:///o=isp", "ldaps://directory/o=isp",
		"ldap://directory?uid", "ldap://directory#x", "ldap://me:secret@directory", "ldap://directory:x", "ldapi://", "ldapi://%zz"} {
		if got, err := parseTarget(url); err == nil {
			t.Errorf("%q: %+v", url, got)
		} else if strings.Contains(err.Error(), "secret") && strings.Contains(url, "secret") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}

// TestPlaintext checks that without the option a password is not sent unencrypted to
// another host, and that no connection is made.
func TestPlaintext(t *testing.T) {
	asked := 0
	o := Options{URLs: []string{"ldap://127.0.0.1:1", "ldap://directory.invalid"}, BindDN: managerDN,
		Password: func(context.Context) ([]byte, error) { asked++; return []byte("secret"), nil }}
	_, err := Open(t.Context(), o)
	if e, ok := errors.AsType[*ConnectError](err); !errors.Is(err, ErrPlaintext) || !ok || e.URL != "ldap://directory.invalid:389" || asked > 0 {
		t.Errorf("%v; Password was called %d times", err, asked)
	}
	for name, change := range map[string]func(*Options){
		"plaintext": func(o *Options) { o.Plaintext = true },
		"StartTLS":  func(o *Options) { o.StartTLS = true },
		"anonymous": func(o *Options) { o.BindDN, o.Password = "", nil },
		"EXTERNAL":  func(o *Options) { o.BindDN, o.Password, o.External = "", nil, true },
		"ldaps":     func(o *Options) { o.URLs = []string{"ldaps://directory.invalid"} },
	} {
		o := o
		change(&o)
		if _, err := newDialer(o.withDefaults()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, a := range []struct {
		address net.Addr
		want    bool
	}{{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, true}, {&net.TCPAddr{IP: net.IPv6loopback}, true},
		{&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, false}, {&net.UnixAddr{}, true}} {
		if isLocal(a.address) != a.want {
			t.Errorf("%v", a.address)
		}
	}
}

func TestInvalidOptions(t *testing.T) {
	password := func(context.Context) ([]byte, error) { return []byte("secret"), nil }
	url := []string{"ldap://127.0.0.1:1"}
	for name, o := range map[string]Options{
		"no URL":                  {},
		"a bad URL":               {URLs: []string{"x://"}},
		"a DN without a password": {URLs: url, BindDN: managerDN},
		"a password without a DN": {URLs: url, Password: password},
		"EXTERNAL and a password": {URLs: url, External: true, BindDN: managerDN, Password: password},
		"no authorities":          {URLs: url, CAFile: writeFile(t, "ca", []byte("x"))},
		"no file":                 {URLs: url, CAFile: "/nonexistent"},
		"a key alone":             {URLs: url, KeyFile: "/nonexistent"},
	} {
		if _, err := Open(t.Context(), o); err == nil {
			t.Errorf("%s: accepted", name)
		} else if _, ok := errors.AsType[*ConnectError](err); ok {
			t.Errorf("%s: a connection was attempted: %v", name, err)
		}
	}
}

func TestSeveralHosts(t *testing.T) {
	good := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(3), Identities: managerOnly()})
	refusing := func(code int) *ldaptest.Server {
		return ldaptest.Start(t, ldaptest.Options{Faults: ldaptest.Faults{RefuseBind: &ldaptest.Result{Code: code}}})
	}
	closing := ldaptest.Start(t, ldaptest.Options{Faults: ldaptest.Faults{CloseOnAccept: true}})
	withoutTLS := ldaptest.Start(t, ldaptest.Options{})
	for _, c := range []struct {
		name, first string
		used        bool // whether the second host is used
		op          string
		code        int
	}{
		{"not listening", "ldap://127.0.0.1:1", true, "", 0},
		{"an unknown name", "ldap://directory.invalid:389", true, "", 0},
		{"closes the connection", closing.URL(), true, "", 0},
		{"no TLS", strings.Replace(withoutTLS.URL(), "ldap:", "ldaps:", 1), true, "", 0},
		{"busy", refusing(51).URL(), true, "", 51},
		{"unavailable", refusing(52).URL(), true, "", 52},
		{"wrong password", refusing(49).URL(), false, "bind", 49},
		{"other method", refusing(48).URL(), false, "bind", 48},
	} {
		var notes []string
		o := asManager(Options{URLs: []string{c.first, good.URL()}, Plaintext: true, ConnectTimeout: 5 * time.Second, Note: func(n string) { notes = append(notes, n) }})
		l, err := Open(t.Context(), o)
		if c.used {
			if err != nil || l.Name() != good.URL() || len(notes) != 1 || !strings.Contains(notes[0], "skipping a server: "+c.first) {
				t.Errorf("%s: %v, notes %q", c.name, err, notes)
			}
			if err == nil {
				requireComplete(t, readLive(t.Context(), l, liveUsers()), userTexts(3)...)
				_ = l.Close()
			}
			continue
		}
		e, ok := errors.AsType[*ConnectError](err)
		if !ok || e.Op != c.op || e.URL != c.first || ResultCode(err) != c.code {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	_, err := Open(t.Context(), Options{URLs: []string{"ldap://127.0.0.1:1", closing.URL()}})
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1: connect") || !strings.Contains(err.Error(), closing.URL()+": bind") {
		t.Errorf("got %v, want both errors", err)
	}
}

func TestPassword(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(3), NoAnonymous: true, Identities: managerOnly()})
	broken := errors.New("broken")
	for _, c := range []struct {
		password string
		err      error
		code     int
		text     string
	}{
		{"secret", nil, 0, ""},
		{"wrong", nil, 49, "Invalid Credentials"},
		{"", nil, 0, "empty"},
		{"secret", broken, 0, "broken"},
	} {
		before := s.Connections()
		o := Options{URLs: []string{s.URL(), s.URL()}, BindDN: managerDN, Password: func(context.Context) ([]byte, error) { return []byte(c.password), c.err }}
		l, err := Open(t.Context(), o)
		if c.text == "" {
			if err != nil {
				t.Fatal(err)
			}
			requireComplete(t, readLive(t.Context(), l, liveUsers()), userTexts(3)...)
			_ = l.Close()
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.text) || ResultCode(err) != c.code || !errors.Is(err, c.err) && c.err != nil {
			t.Errorf("%q: %v", c.password, err)
		}
		if n := s.Connections() - before; n > 1 || c.code == 0 && n > 0 {
			t.Errorf("%q: %d connections", c.password, n)
		}
	}
	if _, err := Open(t.Context(), Options{URLs: []string{s.URL()}}); ResultCode(err) != 48 {
		t.Errorf("anonymous: %v", err)
	}
}

// TestConnectTimeout checks the timeout for a server that accepts connections and never
// answers.
func TestConnectTimeout(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	for _, c := range []struct {
		scheme   string
		startTLS bool
		op       string
	}{{"ldap://", false, "bind"}, {"ldaps://", false, "TLS"}, {"ldap://", true, "StartTLS"}} {
		o := Options{URLs: []string{c.scheme + silent.Addr().String()}, StartTLS: c.startTLS, ConnectTimeout: 50 * time.Millisecond}
		_, err := Open(t.Context(), o)
		if e, ok := errors.AsType[*ConnectError](err); !ok || e.Op != c.op {
			t.Errorf("%s: %v", c.op, err)
		}
		o.ConnectTimeout = time.Hour
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := Open(ctx, o); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", c.op, err)
		}
		cancel()
	}
}

func TestLiveTLS(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(500), TLS: true, RequireTLS: true, Identities: managerOnly()})
	other := ldaptest.Start(t, ldaptest.Options{TLS: true})
	ca, wrong := writeFile(t, "ca.pem", s.CAPEM()), writeFile(t, "other.pem", other.CAPEM())
	byName := strings.Replace(s.LDAPSURL(), "127.0.0.1", "localhost", 1)
	for _, c := range []struct {
		name string
		o    Options
		op   string
	}{
		{"ldaps", Options{URLs: []string{s.LDAPSURL()}, CAFile: ca}, ""},
		{"ldaps by name", Options{URLs: []string{byName}, CAFile: ca}, ""},
		{"StartTLS", Options{URLs: []string{s.URL()}, StartTLS: true, CAFile: ca}, ""},
		{"both", Options{URLs: []string{s.LDAPSURL()}, StartTLS: true, CAFile: ca}, ""},
		{"ldaps 1.3", Options{URLs: []string{s.LDAPSURL()}, CAFile: ca, MinTLS: tls.VersionTLS13}, ""},
		{"pages", Options{URLs: []string{s.LDAPSURL()}, CAFile: ca, PageSize: 100}, ""},
		{"insecure", Options{URLs: []string{s.LDAPSURL()}, Insecure: true}, ""},
		{"insecure StartTLS", Options{URLs: []string{s.URL()}, StartTLS: true, Insecure: true}, ""},
		{"wrong authority", Options{URLs: []string{s.LDAPSURL()}, CAFile: wrong}, "TLS"},
		{"wrong authority StartTLS", Options{URLs: []string{s.URL()}, StartTLS: true, CAFile: wrong}, "TLS"},
		{"the system's authorities", Options{URLs: []string{s.LDAPSURL()}}, "TLS"},
		{"unencrypted", Options{URLs: []string{s.URL()}}, "bind"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, err := Open(t.Context(), asManager(c.o))
			if c.op != "" {
				if e, ok := errors.AsType[*ConnectError](err); !ok || e.Op != c.op {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			requireComplete(t, readLive(t.Context(), l, liveUsers()), userTexts(500)...)
			if found, err := l.Exists(t.Context(), "o=isp"); !found || err != nil {
				t.Errorf("%v, %v", found, err)
			}
		})
	}
	for _, r := range s.Searches() {
		if !r.TLS || r.As != managerDN {
			t.Errorf("a search as %q, over TLS: %v", r.As, r.TLS)
		}
	}
}

func TestStartTLSRefused(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{})
	_, err := Open(t.Context(), Options{URLs: []string{s.URL()}, StartTLS: true})
	if e, ok := errors.AsType[*ConnectError](err); !ok || e.Op != "StartTLS" || ResultCode(err) != 2 {
		t.Errorf("%v", err)
	}
	for _, r := range s.Log() {
		if r.Op == "bind" {
			t.Error("the bind was sent unencrypted")
		}
	}
}

// TestStartTLSInjection checks that unencrypted data after the answer to StartTLS is not
// mistaken for data received over TLS.
func TestStartTLSInjection(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Read(make([]byte, 512))
		consent := []byte{0x30, 12, 2, 1, 1, 0x78, 7, 0x0a, 1, 0, 4, 0, 4, 0}
		bind := []byte{0x30, 12, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0}
		_, _ = conn.Write(append(consent, bind...))
		_, _ = conn.Read(make([]byte, 512))
	}()
	_, err = Open(t.Context(), Options{URLs: []string{"ldap://" + listener.Addr().String()}, StartTLS: true, Insecure: true})
	if e, ok := errors.AsType[*ConnectError](err); !ok || e.Op != "StartTLS" || !strings.Contains(err.Error(), "unencrypted data") {
		t.Errorf("%v", err)
	}
}

// TestLiveOldTLS checks that a server with TLS 1.0 is accepted only when MinTLS allows
// it.
func TestLiveOldTLS(t *testing.T) {
	for name, suite := range map[string]uint16{
		"RSA":  tls.TLS_RSA_WITH_AES_128_CBC_SHA,
		"3DES": tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
	} {
		s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(3), TLS: true, RSA: true, TLSConfig: func(c *tls.Config) {
			c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
			c.CipherSuites = []uint16{suite}
		}})
		ca := writeFile(t, "ca.pem", s.CAPEM())
		for _, min := range []uint16{0, tls.VersionTLS11, tls.VersionTLS12} {
			if l, err := Open(t.Context(), Options{URLs: []string{s.LDAPSURL()}, CAFile: ca, MinTLS: min}); err == nil {
				t.Errorf("%s: TLS 1.0 is accepted with MinTLS %x", name, min)
				_ = l.Close()
			}
		}
		for _, o := range []Options{{URLs: []string{s.LDAPSURL()}}, {URLs: []string{s.URL()}, StartTLS: true}} {
			o.CAFile, o.MinTLS = ca, tls.VersionTLS10
			requireComplete(t, readLive(t.Context(), openLive(t, o), liveUsers()), userTexts(3)...)
		}
	}
}

func TestLiveExternal(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(3), NoAnonymous: true, TLS: true, Unix: true,
		Identities: []ldaptest.Identity{{DN: "cn=someone"}}})
	cert := s.ClientCertificate("someone")
	key, err := x509.MarshalECPrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key})
	ca, both := writeFile(t, "ca.pem", s.CAPEM()), writeFile(t, "both.pem", append(certPEM, keyPEM...))
	for _, c := range []struct {
		name, as string
		o        Options
	}{
		{"socket", s.PeerDN(), Options{URLs: []string{s.LDAPIURL()}}},
		{"certificate", "cn=someone", Options{URLs: []string{s.LDAPSURL()}, CAFile: ca, CertFile: writeFile(t, "cert.pem", certPEM), KeyFile: writeFile(t, "key.pem", keyPEM)}},
		{"one file", "cn=someone", Options{URLs: []string{s.URL()}, StartTLS: true, CAFile: ca, CertFile: both}},
	} {
		c.o.External = true
		before := len(s.Searches())
		requireComplete(t, readLive(t.Context(), openLive(t, c.o), liveUsers()), userTexts(3)...)
		for _, r := range s.Searches()[before:] {
			if r.As != c.as {
				t.Errorf("%s: bound as %q", c.name, r.As)
			}
		}
	}
	if _, err := Open(t.Context(), Options{URLs: []string{s.LDAPSURL()}, CAFile: ca, External: true}); ResultCode(err) != 7 {
		t.Errorf("without a certificate: %v", err)
	}
}
