package cmdutil

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/directory"
)

// LDAP result codes (RFC 4511) that have a hint.
const (
	codeStrongerAuth       = 8
	codeConfidentiality    = 13
	codeNoSuchObject       = 32
	codeInvalidCredentials = 49
	codeInsufficientAccess = 50
)

// connectHint returns what may help if a connection to a directory failed, or an empty
// string.
func connectHint(err error) string {
	if hint := certificateHint(err); hint != "" {
		return hint
	}
	text := err.Error()
	var connect *directory.ConnectError
	closed := strings.Contains(text, "connection was closed") || strings.Contains(text, "connection reset") || strings.Contains(text, ": EOF")
	switch isConnect := errors.As(err, &connect); {
	case strings.Contains(text, "protocol version"), strings.Contains(text, "handshake failure"):
		return "; an old directory may require --tls-min 1.0"
	case strings.Contains(text, "first record does not look like a TLS handshake"), isConnect && connect.Op == "TLS" && closed:
		return "; if this is the port without TLS (usually 389), use ldap:// and --starttls; an old directory may require --tls-min 1.0"
	case isConnect && (connect.Op == "bind" || connect.Op == "StartTLS") && strings.HasPrefix(connect.URL, "ldap://") &&
		(closed || strings.Contains(text, "no answer within") || strings.Contains(text, "no data for")):
		return "; if this is the port for LDAPS (usually 636), use --ldaps or a URL with ldaps://"
	case isConnect && connect.Op == "StartTLS":
		return "; the server does not offer StartTLS: configure a certificate on it, or use LDAPS (--ldaps)"
	case directory.ResultCode(err) == codeInvalidCredentials && strings.HasPrefix(text, proveAsPrefix):
		return "; check this DN and its password"
	case directory.ResultCode(err) == codeInvalidCredentials:
		return "; check the bind DN (-D) and the password"
	case directory.ResultCode(err) == codeConfidentiality, directory.ResultCode(err) == codeStrongerAuth:
		return "; use --starttls to encrypt the connection"
	case isConnect && connect.Op == directory.OpConnect:
		return "; check the host name and the port (-H, -p)"
	}
	return ""
}

// certificateHint returns what to do about the certificate of a server, or an empty string.
func certificateHint(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var weak x509.InsecureAlgorithmError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &weak), strings.Contains(err.Error(), "insecure algorithm"):
		return "; the signature of the certificate, or of a CA above it, is too weak: have it issued again with SHA-256"
	case errors.As(err, &unknown):
		return "; use --ca-file FILE to trust the CA of the certificate"
	case errors.As(err, &name) && name.Certificate != nil && len(name.Certificate.DNSNames)+len(name.Certificate.IPAddresses) == 0:
		return fmt.Sprintf("; the certificate names its host only in its subject ('%s'), which is no longer enough: have it issued again with the host name as a subject alternative name (SAN)",
			ui.Sanitize(name.Certificate.Subject.String()))
	case errors.As(err, &name):
		return "; use a host name that is in the certificate" + certificateNames(name.Certificate)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "; renew the certificate of the server, or correct the clock of this host"
	}
	return ""
}

// certificateNames returns the first host names of a certificate, for a hint.
func certificateNames(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	return ": " + ui.Sanitize(strings.Join(names[:min(len(names), 5)], ", "))
}

// LimitHint returns what to do if a server ended a search because of a limit or of missing
// rights, because the base does not exist, or if it hides an attribute; else an empty
// string.
func LimitHint(ended error) string {
	var hidden *directory.HiddenError
	if errors.As(ended, &hidden) && hidden.As == "" {
		return "; give the bind DN read access to " + hidden.Attribute + ", or bind as a user who has it (-D)"
	}
	var short *directory.IncompleteError
	if !errors.As(ended, &short) {
		return ""
	}
	switch short.Code {
	case 3, 4, 11:
		return limitHint(ended)
	case codeNoSuchObject:
		return "; use -B to name an existing base, or bind as a user who may read it (-D)"
	case codeInsufficientAccess:
		return "; bind as a user who may read everything (-D)"
	}
	return ""
}

// limitHint names the limit, and the bind DN that it applies to.
func limitHint(ended error) string {
	const instead = ", or bind as a user without limits (-D); 'ldap test' shows the change"
	var limit *directory.LimitError
	if !errors.As(ended, &limit) {
		return "; the server limits searches of this bind DN: have an administrator of the directory raise the limits" + instead
	}
	who := "'" + ui.Sanitize(limit.BindDN) + "'"
	switch {
	case limit.External:
		who = "the identity of --external"
	case limit.BindDN == "":
		who = "anonymous clients"
	}
	where := map[directory.Product]string{
		directory.OpenLDAP: " (limits in slapd.conf, olcLimits in cn=config)",
		directory.DS389:    " (nsSizeLimit, nsLookThroughLimit and nsTimeLimit in the entry of the bind DN)",
		directory.SunDS:    " (nsSizeLimit, nsLookThroughLimit and nsTimeLimit in the entry of the bind DN)",
	}[limit.Product]
	page := ""
	if limit.Page > 0 {
		page = fmt.Sprintf(" even with pages of %d (--page)", limit.Page)
	}
	return fmt.Sprintf("; the server limits searches of %s%s: have an administrator of the directory raise the limits%s", who, page, where) + instead
}
