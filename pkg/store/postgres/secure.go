package postgres

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/davadmin/davadmin/pkg/store"
)

// ErrNoTLS is returned when a server on another host does not support TLS, and the URL
// does not switch it off (sslmode=disable). It is wrapped together with
// store.ErrDenied.
var ErrNoTLS = errors.New("the server does not support TLS, which is required for another host")

// AuthenticationError is returned when the server asks for a kind of authentication
// that is not allowed. Nothing was sent. It wraps store.ErrDenied.
type AuthenticationError struct {
	// Asked is the method, by its keyword of require_auth; "none" if the server asked
	// for no authentication.
	Asked string
	// Allowed is the value of require_auth (PostgreSQL 16 manual, 34.1.2).
	Allowed string
}

// Error names the method that the server asked for.
func (e *AuthenticationError) Error() string {
	asked := "asked for " + e.Asked + " authentication"
	if e.Asked == "none" {
		asked = "asked for no authentication"
	}
	return fmt.Sprintf("the server %s, but only %s is allowed", asked, strings.ReplaceAll(e.Allowed, ",", " or "))
}

// Unwrap returns store.ErrDenied.
func (e *AuthenticationError) Unwrap() error { return store.ErrDenied }

// PassFileError is returned for a file with a password or a private key that other users
// can access. It wraps store.ErrDenied.
type PassFileError struct {
	Path string
	Mode fs.FileMode
	Kind FileKind
}

// FileKind is the kind of a file that contains a secret.
type FileKind int

// The kinds.
const (
	PassFile    FileKind = iota // the password file: PGPASSFILE, or passfile in the URL
	ServiceFile                 // the connection service file, with a password for the service
	KeyFile                     // the private key of the client certificate: sslkey
)

// Error names the file and its mode.
func (e *PassFileError) Error() string {
	what, which := "password file", ""
	switch e.Kind {
	case ServiceFile:
		what, which = "service file", ", which contains a password"
	case KeyFile:
		what = "key file"
	}
	return fmt.Sprintf("other users can access the %s %s%s (mode %04o)", what, e.Path, which, e.Mode)
}

// Unwrap returns store.ErrDenied.
func (e *PassFileError) Unwrap() error { return store.ErrDenied }

// secure restricts a configuration for the connections to other hosts, where an
// attacker may stand between: without settings, pgx connects without TLS if the server
// seems not to support it, accepts every certificate, and sends the password to
// whoever asks for it.
//
// It requires TLS unless the URL switches it off. Where the certificate is not
// verified, it allows only SCRAM, which does not reveal the password, and client
// certificates, unless require_auth is set.
func secure(c *pgconn.Config) {
	all := append([]*pgconn.FallbackConfig{{Host: c.Host, Port: c.Port, TLSConfig: c.TLSConfig}}, c.Fallbacks...)
	type place struct {
		host string
		port uint16
	}
	encrypted := map[place]bool{}
	for _, f := range all {
		encrypted[place{f.Host, f.Port}] = encrypted[place{f.Host, f.Port}] || f.TLSConfig != nil
	}
	var kept []*pgconn.FallbackConfig
	unverified, certificate := false, false
	for _, f := range all {
		if remote(f.Host, f.Port) {
			if f.TLSConfig == nil && encrypted[place{f.Host, f.Port}] {
				continue // sslmode allow or prefer, or the default
			}
			unverified = unverified || !verifies(f.TLSConfig)
			certificate = certificate || f.TLSConfig != nil && len(f.TLSConfig.Certificates) > 0
		}
		kept = append(kept, f)
	}
	c.Host, c.Port, c.TLSConfig, c.Fallbacks = kept[0].Host, kept[0].Port, kept[0].TLSConfig, kept[1:]
	if !unverified || c.RequireAuth != "" {
		return
	}
	c.RequireAuth = "scram-sha-256"
	if certificate {
		// A server that accepts the client certificate asks for nothing more.
		c.RequireAuth += ",none"
	}
}

// remote reports whether a host is not this one.
func remote(host string, port uint16) bool {
	if network, _ := pgconn.NetworkAddress(host, port); network == "unix" {
		return false
	}
	ip := net.ParseIP(host)
	return !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback())
}

// verifies reports whether a connection verifies the certificate of the server:
// sslmode verify-full, or verify-ca with a CA of its own. With the CAs of the system,
// verify-ca accepts the certificate of any site in the world.
func verifies(c *tls.Config) bool {
	return c != nil && (!c.InsecureSkipVerify || c.VerifyPeerCertificate != nil && c.RootCAs != nil)
}

// refusedMethod matches the error of pgx for a method that require_auth forbids.
var refusedMethod = regexp.MustCompile(`authentication method requirement "([^"]*)" failed: server (?:requested ([a-z0-9-]+) authentication|did not complete authentication)`)

// refusedTLS is part of the error of pgx for a server that does not support TLS.
const refusedTLS = "server refused TLS connection"

// explainRefusal returns the error for a connection that was refused by the rules of
// secure, or nil.
func explainRefusal(connect *pgconn.ConnectError) error {
	for _, attempt := range decisive(connect) {
		text := attempt.Error()
		if m := refusedMethod.FindStringSubmatch(text); m != nil {
			asked := m[2]
			if asked == "" {
				asked = "none"
			}
			return &AuthenticationError{Asked: asked, Allowed: m[1]}
		}
		if strings.Contains(text, refusedTLS) {
			return fmt.Errorf("%w: %w", store.ErrDenied, ErrNoTLS)
		}
	}
	return nil
}

// decisive returns the errors of the attempts to connect to each address of a URL,
// without those that failed only because the server does not support TLS, if it was also
// tried without: sslmode prefer, which is the default for this host, and allow.
func decisive(connect *pgconn.ConnectError) (errs []error) {
	attempts := []error{connect.Unwrap()}
	if joined, ok := connect.Unwrap().(interface{ Unwrap() []error }); ok {
		attempts = joined.Unwrap()
	}
	tries := map[string]int{} // by address
	for _, err := range attempts {
		tries[addressOf(err)]++
	}
	for _, err := range attempts {
		if !strings.Contains(err.Error(), refusedTLS) || tries[addressOf(err)] == 1 {
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 { // the URL names an address twice
		return attempts
	}
	return errs
}

// addressOf returns the address that an attempt to connect was for: what pgx writes before
// the error that it wraps.
func addressOf(attempt error) string {
	inner := errors.Unwrap(attempt)
	if inner == nil {
		return ""
	}
	return strings.TrimSuffix(attempt.Error(), inner.Error())
}
