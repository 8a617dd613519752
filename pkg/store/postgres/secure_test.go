package postgres

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
)

const otherHost = "db.example.com"

// atOtherHost returns options for a server on loopback that take it for another host.
func atOtherHost(port int, settings string) Options {
	return Options{
		URL: fmt.Sprintf("postgres://%s@%s:%d/postgres?%s", servertest.PostgresUser, otherHost, port, settings), Backend: "b",
		Password: func(context.Context) ([]byte, error) { return []byte("right"), nil },
		lookup:   func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil },
	}
}

// falseServer speaks TLS with a certificate of its own, or no TLS, and asks every
// client for its password.
type falseServer struct {
	listener net.Listener
	tls      *tls.Config // nil refuses TLS
	ask      pgproto3.BackendMessage

	mu        sync.Mutex
	passwords []string
}

func newFalseServer(t *testing.T, withTLS bool, ask pgproto3.BackendMessage) *falseServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &falseServer{listener: l, ask: ask}
	if withTLS {
		s.tls = &tls.Config{Certificates: []tls.Certificate{selfSigned(t)}}
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: otherHost}, DNSNames: []string{otherHost}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func (s *falseServer) port() int { return s.listener.Addr().(*net.TCPAddr).Port }

func (s *falseServer) heard() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.passwords
}

// serve keeps what a client sends as its password.
func (s *falseServer) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	b := pgproto3.NewBackend(c, c)
	for {
		m, err := b.ReceiveStartupMessage()
		if err != nil {
			return
		}
		if _, ok := m.(*pgproto3.SSLRequest); !ok {
			break
		}
		if s.tls == nil {
			_, _ = c.Write([]byte("N"))
			continue
		}
		_, _ = c.Write([]byte("S"))
		c = tls.Server(c, s.tls)
		b = pgproto3.NewBackend(c, c)
	}
	b.Send(s.ask)
	if b.Flush() != nil || b.SetAuthType(authType(s.ask)) != nil {
		return
	}
	m, err := b.Receive()
	if err != nil {
		return
	}
	if p, ok := m.(*pgproto3.PasswordMessage); ok {
		s.mu.Lock()
		s.passwords = append(s.passwords, p.Password)
		s.mu.Unlock()
	}
}

func authType(m pgproto3.BackendMessage) uint32 {
	if _, ok := m.(*pgproto3.AuthenticationMD5Password); ok {
		return pgproto3.AuthTypeMD5Password
	}
	return pgproto3.AuthTypeCleartextPassword
}

func TestFalseServerGetsNoPassword(t *testing.T) {
	clear, md5 := &pgproto3.AuthenticationCleartextPassword{}, &pgproto3.AuthenticationMD5Password{Salt: [4]byte{1, 2, 3, 4}}
	for _, test := range []struct {
		name     string
		tls      bool
		settings string
		want     error
	}{
		{"default", true, "", nil},
		{"sslmode require", true, "sslmode=require", nil},
		{"sslmode prefer", true, "sslmode=prefer", nil},
		{"sslmode verify-ca with the CAs of the system", true, "sslmode=verify-ca", nil},
		{"sslmode verify-full", true, "sslmode=verify-full", store.ErrUnavailable},
		{"no TLS", false, "", ErrNoTLS},
		{"no TLS, sslmode allow", false, "sslmode=allow", ErrNoTLS},
		{"no TLS, sslmode prefer", false, "sslmode=prefer", ErrNoTLS},
		{"no TLS, sslmode disable", false, "sslmode=disable", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, ask := range []pgproto3.BackendMessage{clear, md5} {
				s := newFalseServer(t, test.tls, ask)
				_, err := Open(t.Context(), atOtherHost(s.port(), test.settings))
				var refused *AuthenticationError
				switch {
				case test.want != nil && !errors.Is(err, test.want):
					t.Errorf("got error %v, want %v", err, test.want)
				case test.want == nil && strings.Contains(test.settings, "verify-ca"): // the certificate may be refused first
				case test.want == nil && (!errors.As(err, &refused) || !errors.Is(err, store.ErrDenied)):
					t.Errorf("got error %v, want an *AuthenticationError", err)
				}
				if p := s.heard(); len(p) > 0 {
					t.Errorf("the false server got the password %q", p)
				}
			}
		})
	}
	t.Run("require_auth in the URL", func(t *testing.T) {
		s := newFalseServer(t, true, clear)
		if _, err := Open(t.Context(), atOtherHost(s.port(), "sslmode=require&require_auth=password")); err == nil {
			t.Error("the false server was accepted")
		}
		if p := s.heard(); len(p) != 1 || p[0] != "right" {
			t.Errorf("the server that may ask for the password got %q", p)
		}
	})
	t.Run("local server", func(t *testing.T) {
		s := newFalseServer(t, false, clear)
		o := atOtherHost(s.port(), "")
		o.URL = strings.ReplaceAll(o.URL, otherHost, "127.0.0.1")
		_, _ = Open(t.Context(), o)
		if p := s.heard(); len(p) == 0 {
			t.Error("the server on this host did not get the password")
		}
	})
}

func TestAuthenticationOfRealServers(t *testing.T) {
	for method, allowed := range map[string]bool{"scram-sha-256": true, "password": false, "md5": false} {
		t.Run(method, func(t *testing.T) {
			s := servertest.Postgres(t, servertest.PostgresOptions{TCP: true, TLS: true, Password: "right", Method: method})
			if method == "md5" {
				if _, err := s.Psql(t.Context(), "postgres", "SET password_encryption = 'md5'; ALTER USER postgres PASSWORD 'right'"); err != nil {
					t.Fatal(err)
				}
			}
			for settings, allowed := range map[string]bool{
				"": allowed, "sslmode=require": allowed, "sslmode=disable": allowed,
				"sslmode=verify-ca&sslrootcert=" + url.QueryEscape(s.CAFile()): true,
				"sslmode=require&sslrootcert=" + url.QueryEscape(s.CAFile()):   true,
				"require_auth=" + method: true,
			} {
				_, err := Open(t.Context(), atOtherHost(s.Port, settings))
				var refused *AuthenticationError
				if got := errors.Is(err, store.ErrNoSchema); got != allowed || !allowed && !errors.As(err, &refused) {
					t.Errorf("%s: got error %v", settings, err)
				}
			}
			encrypted, err := s.Psql(t.Context(), "postgres", "SHOW ssl")
			if err != nil || encrypted != "on" {
				t.Errorf("TLS is %s, error %v", encrypted, err)
			}
		})
	}
	t.Run("without TLS", func(t *testing.T) {
		s := servertest.Postgres(t, servertest.PostgresOptions{TCP: true, Password: "right"})
		if _, err := Open(t.Context(), atOtherHost(s.Port, "")); !errors.Is(err, ErrNoTLS) || !errors.Is(err, store.ErrDenied) {
			t.Errorf("got error %v", err)
		}
		if _, err := Open(t.Context(), atOtherHost(s.Port, "sslmode=disable")); !errors.Is(err, store.ErrNoSchema) {
			t.Errorf("sslmode=disable: got error %v", err)
		}
	})
}

// A client certificate needs no password; without one, a server that asks for nothing
// is refused.
func TestClientCertificate(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{TCP: true, TLS: true})
	_, err := Open(t.Context(), atOtherHost(s.Port, ""))
	var refused *AuthenticationError
	if !errors.As(err, &refused) || refused.Asked != "none" {
		t.Errorf("without a certificate: got error %v", err)
	}
	own := selfSigned(t)
	dir := t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(dir, "client.pem"), filepath.Join(dir, "client.key")
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: own.Certificate[0]}, keyFile: {Type: "PRIVATE KEY", Bytes: key}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	settings := url.Values{"sslcert": {certFile}, "sslkey": {keyFile}}.Encode()
	if _, err := Open(t.Context(), atOtherHost(s.Port, settings)); !errors.Is(err, store.ErrNoSchema) {
		t.Errorf("with a certificate: got error %v", err)
	}
}

func TestPassFile(t *testing.T) {
	s := servertest.Postgres(t, servertest.PostgresOptions{TCP: true, Password: "right"})
	path := filepath.Join(t.TempDir(), "pgpass")
	if err := os.WriteFile(path, []byte("*:*:*:*:right\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGPASSFILE", path)
	o := Options{URL: s.URL("postgres"), Backend: "b", Client: Client{PassFile: path}}
	inURL := Options{URL: s.URL("postgres") + "?passfile=" + url.QueryEscape(path), Backend: "b"}
	other := o
	other.Password = func(context.Context) ([]byte, error) { return []byte("right"), nil }
	for _, mode := range []os.FileMode{0o600, 0o400, 0o640, 0o604, 0o666, 0o620} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		for _, o := range []Options{o, inURL} {
			_, err := Open(t.Context(), o)
			var open *PassFileError
			if private := mode&0o077 == 0; private && !errors.Is(err, store.ErrNoSchema) || !private && (!errors.As(err, &open) || !errors.Is(err, store.ErrDenied)) {
				t.Errorf("mode %o: got error %v", mode, err)
			}
		}
		if _, err := Open(t.Context(), other); !errors.Is(err, store.ErrNoSchema) {
			t.Errorf("mode %o, but another source of the password: got error %v", mode, err)
		}
	}
}
