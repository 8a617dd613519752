package ldaptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// authority is the certificate authority of a server.
type authority struct {
	rsa  bool
	cert *x509.Certificate
	key  crypto.Signer
}

func newAuthority(rsaKeys bool) (*authority, error) {
	a := &authority{rsa: rsaKeys}
	key, err := a.newKey()
	if err != nil {
		return nil, err
	}
	template := template("ldaptest authority")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("cannot create a certificate authority: %w", err)
	}
	a.key = key
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, fmt.Errorf("cannot parse the new certificate: %w", err)
	}
	return a, nil
}

func (a *authority) newKey() (crypto.Signer, error) {
	var key crypto.Signer
	var err error
	if a.rsa {
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot create a key: %w", err)
	}
	return key, nil
}

func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(10, 0, 0), // whatever the clock of a test is
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
}

// issue creates a certificate for the server, or for a client.
func (a *authority) issue(name string, usage x509.ExtKeyUsage) (tls.Certificate, error) {
	key, err := a.newKey()
	if err != nil {
		return tls.Certificate{}, err
	}
	t := template(name)
	t.ExtKeyUsage = []x509.ExtKeyUsage{usage}
	if usage == x509.ExtKeyUsageServerAuth {
		t.DNSNames = []string{"localhost"}
		t.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("cannot create a certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// CertPool returns a pool with the certificate authority of the server, whose
// certificate is for 127.0.0.1 and localhost. It requires Options.TLS, as do CAPEM and
// ClientCertificate.
func (s *Server) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(s.authority.cert)
	return pool
}

// CAPEM returns the certificate authority in PEM format.
func (s *Server) CAPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.authority.cert.Raw})
}

// ClientCertificate returns a certificate that binds as cn=NAME with EXTERNAL.
func (s *Server) ClientCertificate(name string) tls.Certificate {
	cert, err := s.authority.issue(name, x509.ExtKeyUsageClientAuth)
	if err != nil {
		s.fail(err)
	}
	return cert
}

func (s *Server) newTLSConfig(change func(*tls.Config)) (*tls.Config, error) {
	cert, err := s.authority.issue("127.0.0.1", x509.ExtKeyUsageServerAuth)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{cert},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    s.CertPool(),
	}
	if change != nil {
		change(config)
	}
	return config, nil
}
