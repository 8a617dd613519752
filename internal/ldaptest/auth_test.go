package ldaptest

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

func TestBind(t *testing.T) {
	s := Start(t, Options{Entries: people(1), NoAnonymous: true, Identities: []Identity{
		{DN: "cn=Manager,o=isp", Password: "secret"}, {DN: "cn=nopassword,o=isp"},
	}})
	c := dial(t, s.URL())
	refused := func(what string, want uint16) {
		t.Helper()
		_, err := c.Search(everybody())
		code(t, what, err, want)
		if _, err := c.Search(request("", ldap.ScopeBaseObject, "(objectClass=*)")); err != nil {
			t.Errorf("the root DSE, %s: %v", what, err)
		}
	}
	refused("before a bind", ldap.LDAPResultInappropriateAuthentication)
	code(t, "anonymous bind", c.UnauthenticatedBind(""), ldap.LDAPResultInappropriateAuthentication)
	code(t, "no password", c.UnauthenticatedBind("cn=Manager,o=isp"), ldap.LDAPResultUnwillingToPerform)
	code(t, "unknown", c.Bind("cn=x", "secret"), ldap.LDAPResultInvalidCredentials)
	code(t, "without a password", c.Bind("cn=nopassword,o=isp", "x"), ldap.LDAPResultInvalidCredentials)
	code(t, "no DN", c.Bind("x", "secret"), ldap.LDAPResultInvalidDNSyntax)
	code(t, "EXTERNAL", c.ExternalBind(), ldap.LDAPResultAuthMethodNotSupported)
	if err := c.Bind("CN=manager,o=ISP", "secret"); err != nil {
		t.Error(err)
	}
	if res := ask(t, c, everybody()); len(res.Entries) != 1 {
		t.Errorf("%d entries", len(res.Entries))
	}
	code(t, "wrong password", c.Bind("cn=Manager,o=isp", "wrong"), ldap.LDAPResultInvalidCredentials)
	refused("after a bind that failed", ldap.LDAPResultInappropriateAuthentication)
	a := ldapsearch(t, nil, "-x", "-H", s.URL(), "-D", "cn=Manager,o=isp", "-w", "secret", "-b", "o=isp", "(uid=*)", "1.1")
	if a.code != 0 || len(a.dns) != 1 {
		t.Errorf("ldapsearch: %+v", a)
	}
}

func caFile(t *testing.T, s *Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, s.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTLS(t *testing.T) {
	s := Start(t, Options{Entries: people(3), TLS: true, RequireTLS: true,
		Identities: []Identity{{DN: "cn=Manager,o=isp", Password: "secret"}}})
	c := dial(t, s.URL())
	_, err := c.Search(everybody())
	code(t, "search in clear", err, ldap.LDAPResultConfidentialityRequired)
	code(t, "bind in clear", c.Bind("cn=Manager,o=isp", "secret"), ldap.LDAPResultConfidentialityRequired)
	if err := dial(t, s.URL()).StartTLS(&tls.Config{ServerName: "127.0.0.1"}); err == nil {
		t.Error("an unknown certificate authority was trusted")
	}
	if err := c.StartTLS(clientTLS(s)); err != nil {
		t.Fatal(err)
	}
	direct := dial(t, s.LDAPSURL(), ldap.DialWithTLSConfig(clientTLS(s)))
	for _, c := range []*ldap.Conn{c, direct} {
		if err := c.Bind("cn=Manager,o=isp", "secret"); err != nil {
			t.Error(err)
		}
		if n := len(ask(t, c, everybody()).Entries); n != 3 {
			t.Errorf("%d entries", n)
		}
	}
	if log := s.Searches(); log[0].TLS || !log[1].TLS || !log[2].TLS {
		t.Errorf("unexpected log: %+v", log)
	}
	env := []string{"LDAPTLS_CACERT=" + caFile(t, s)}
	for _, args := range [][]string{{"-ZZ", "-H", s.URL()}, {"-H", s.LDAPSURL()}} {
		args = append(args, "-x", "-b", "o=isp", "(uid=*)", "1.1")
		if a := ldapsearch(t, env, args...); a.code != 0 || len(a.dns) != 3 {
			t.Errorf("ldapsearch %q: %+v", args, a)
		}
		if a := ldapsearch(t, nil, args...); a.code == 0 {
			t.Errorf("ldapsearch %q accepts an untrusted certificate", args)
		}
	}
	plain := Start(t, Options{})
	err = dial(t, plain.URL()).StartTLS(&tls.Config{InsecureSkipVerify: true})
	code(t, "StartTLS without TLS", err, ldap.LDAPResultProtocolError)
}

func TestOldTLS(t *testing.T) {
	s := Start(t, Options{TLS: true, RSA: true, TLSConfig: func(c *tls.Config) {
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
		c.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
	}})
	if c, err := ldap.DialURL(s.LDAPSURL(), ldap.DialWithTLSConfig(clientTLS(s))); err == nil {
		_ = c.Close()
		t.Error("a client with default settings accepted TLS 1.0")
	}
	old := clientTLS(s)
	old.MinVersion, old.CipherSuites = tls.VersionTLS10, []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}
	c := dial(t, s.LDAPSURL(), ldap.DialWithTLSConfig(old))
	if state, ok := c.TLSConnectionState(); !ok || state.Version != tls.VersionTLS10 {
		t.Errorf("version %x", state.Version)
	}
}

func TestExternal(t *testing.T) {
	s := Start(t, Options{Entries: people(3), Unix: true, TLS: true, AnonymousLimits: Limits{Size: 1},
		Identities: []Identity{{DN: "cn=someone", Limits: Limits{Size: 2}}}})
	c := dial(t, s.LDAPIURL())
	_, err := c.Search(everybody())
	code(t, "as nobody", err, ldap.LDAPResultSizeLimitExceeded)
	if err := c.ExternalBind(); err != nil {
		t.Fatal(err)
	}
	if who, err := c.WhoAmI(nil); err != nil || who.AuthzID != "dn:"+s.PeerDN() {
		t.Errorf("the client is %+v, %v", who, err)
	}
	if n := len(ask(t, c, everybody()).Entries); n != 3 {
		t.Errorf("%d entries", n)
	}
	a := ldapsearch(t, nil, "-Y", "EXTERNAL", "-Q", "-H", s.LDAPIURL(), "-b", "o=isp", "(uid=*)", "1.1")
	if a.code != 0 || len(a.dns) != 3 {
		t.Errorf("ldapsearch: %+v", a)
	}
	config := clientTLS(s)
	config.Certificates = []tls.Certificate{s.ClientCertificate("someone")}
	c = dial(t, s.LDAPSURL(), ldap.DialWithTLSConfig(config))
	if err := c.ExternalBind(); err != nil {
		t.Fatal(err)
	}
	res, err := c.Search(everybody())
	code(t, "by certificate", err, ldap.LDAPResultSizeLimitExceeded)
	if len(res.Entries) != 2 {
		t.Errorf("%d entries", len(res.Entries))
	}
	config.Certificates = nil
	code(t, "without a certificate", dial(t, s.LDAPSURL(), ldap.DialWithTLSConfig(config)).ExternalBind(), ldap.LDAPResultAuthMethodNotSupported)
	if _, err := os.Stat(s.socket); err != nil {
		t.Error(err)
	}
	s.Stop()
	if _, err := os.Stat(s.socket); err == nil {
		t.Error("the socket was not removed")
	}
	if !strings.HasPrefix(s.LDAPIURL(), "ldapi://%2F") {
		t.Errorf("the URL is %s", s.LDAPIURL())
	}
}
