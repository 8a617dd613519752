package cmdutil

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/directory"
)

// TestConnectHints checks what is suggested when a connection fails.
func TestConnectHints(t *testing.T) {
	at := func(url, op string, err error) error {
		return fmt.Errorf("x: %w", &directory.ConnectError{URL: url, Op: op, Err: err})
	}
	old := &x509.Certificate{Subject: pkix.Name{CommonName: "ldap1.example.com"}}
	named := &x509.Certificate{DNSNames: []string{"a.example.com"}, IPAddresses: []net.IP{net.IPv4(192, 0, 2, 1)}}
	for want, err := range map[string]error{
		"if this is the port without TLS (usually 389), use ldap:// and --starttls": at("ldaps://h:389", "TLS", errors.New("EOF")),
		"the port without TLS": at("ldaps://h:389", "TLS", errors.New("tls: first record does not look like a TLS handshake")),
		"if this is the port for LDAPS (usually 636), use --ldaps":                at("ldap://h:636", "bind", errors.New("the connection was closed")),
		"for LDAPS (usually 636)":                                                 at("ldap://h:636", "StartTLS", errors.New("no data for 1m0s")),
		"port for LDAPS":                                                          at("ldap://h:636", "bind", errors.New("no answer within 10s")),
		"the server does not offer StartTLS":                                      at("ldap://h:389", "StartTLS", &directory.ResultError{Code: 2}),
		"only in its subject ('CN=ldap1.example.com'), which is no longer enough": at("ldaps://h:1", "TLS", x509.HostnameError{Certificate: old, Host: "h"}),
		"use a host name that is in the certificate: a.example.com, 192.0.2.1":    at("ldaps://h:1", "TLS", x509.HostnameError{Certificate: named, Host: "h"}),
		"is too weak: have it issued again with SHA-256":                          at("ldaps://h:1", "TLS", x509.InsecureAlgorithmError(x509.SHA1WithRSA)),
		"have it issued again with SHA-256":                                       at("ldaps://h:1", "TLS", errors.New("x509: certificate signed by unknown authority (possibly because of \"x509: cannot verify signature: insecure algorithm SHA1-RSA\")")),
		"renew the certificate":                                                   at("ldaps://h:1", "TLS", x509.CertificateInvalidError{Reason: x509.Expired}),
		"use --ca-file FILE":                                                      at("ldaps://h:1", "TLS", x509.UnknownAuthorityError{}),
		"check the bind DN (-D)":                                                  at("ldap://h:1", "bind", &directory.ResultError{Code: 49}),
	} {
		if got := connectHint(err); !strings.Contains(got, want) {
			t.Errorf("%v: %q", err, got)
		}
	}
}

// TestLimitHints checks that the limit and the bind DN are named.
func TestLimitHints(t *testing.T) {
	for want, limit := range map[string]*directory.LimitError{
		"of 'cn=r' even with pages of 13 (--page): have an administrator of the directory raise the limits (limits in slapd.conf, olcLimits": {BindDN: "cn=r", Product: directory.OpenLDAP, Page: 13},
		"of 'cn=r': have an administrator of the directory raise the limits (nsSizeLimit":                                                    {BindDN: "cn=r", Product: directory.DS389},
		"of anonymous clients: have": {},
	} {
		limit.Err = &directory.ResultError{Code: 4}
		if got := LimitHint(&directory.IncompleteError{Code: 4, Err: limit}); !strings.Contains(got, want) {
			t.Errorf("%q", got)
		}
	}
}
