package servertest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// TLSOptions enable ldaps, and StartTLS on the plain address. The certificate has an
// RSA key, is for 127.0.0.1 and localhost, and is valid for a day. The zero value
// leaves the rest to the server.
type TLSOptions struct {
	// Min and Max are the lowest and highest protocol version, such as
	// tls.VersionTLS10; 0 means TLS 1.2 and TLS 1.3.
	Min, Max uint16
	// RSAKeyExchange allows only the key exchange without forward secrecy, as in
	// servers from the time of TLS 1.0. TLS 1.3 does not have it.
	RSAKeyExchange bool
	// CommonNameOnly puts the address into the subject of the certificate alone, as was
	// enough before RFC 6125.
	CommonNameOnly bool
	// SHA1 signs the certificate of the server with SHA-1.
	SHA1 bool
}

// versions returns the protocol versions from Min to Max.
func (o *TLSOptions) versions() []uint16 {
	low, high := o.Min, o.Max
	if low == 0 {
		low = tls.VersionTLS12
	}
	if high == 0 {
		high = tls.VersionTLS13
	}
	var out []uint16
	for v := low; v <= high; v++ {
		out = append(out, v)
	}
	return out
}

// certificateFiles are the files that a server with TLS needs.
type certificateFiles struct{ ca, cert, key string }

// makeCertificate writes the certificate of an authority, and one that it issued.
func makeCertificate(dir string, o *TLSOptions) (*certificateFiles, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("cannot create a key: %w", err)
	}
	caDER, der, err := issueCertificate(key.Public(), o)
	if err != nil {
		return nil, err
	}
	f := &certificateFiles{
		ca: filepath.Join(dir, "ca.pem"), cert: filepath.Join(dir, "server.pem"), key: filepath.Join(dir, "server.key"),
	}
	for _, w := range []struct {
		name, kind string
		der        []byte
	}{
		{f.ca, "CERTIFICATE", caDER},
		{f.cert, "CERTIFICATE", der},
		{f.key, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)},
	} {
		text := pem.EncodeToMemory(&pem.Block{Type: w.kind, Bytes: w.der})
		if err := os.WriteFile(w.name, text, 0o600); err != nil {
			return nil, fmt.Errorf("cannot write a certificate: %w", err)
		}
	}
	return f, nil
}

// issueCertificate returns the certificate of a new authority, and the one that it issued
// for the key of a server, both in DER.
func issueCertificate(key crypto.PublicKey, o *TLSOptions) (authority, issued []byte, err error) {
	caKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot create a key: %w", err)
	}
	ca := certificate("servertest authority")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	authority, err = x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot create a certificate authority: %w", err)
	}
	server := certificate(loopback)
	server.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.DNSNames, server.IPAddresses = []string{"localhost"}, []net.IP{net.ParseIP(loopback)}
	if o.CommonNameOnly {
		server.DNSNames, server.IPAddresses = nil, nil
	}
	if o.SHA1 {
		server.SignatureAlgorithm = x509.SHA1WithRSA
	}
	issued, err = x509.CreateCertificate(rand.Reader, server, ca, key, caKey)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot create a certificate: %w", err)
	}
	return authority, issued, nil
}

func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
}
