package cmdutil

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/internal/secret"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// ApplyTo adapts the options of an audit to the directory that was opened.
func (d *OpenDirectory) ApplyTo(lo *ldapcheck.Options) {
	lo.Bases, lo.FileName = d.Bases, d.fileName
	if d.Live != nil {
		lo.Server = d.Live
		lo.Part = lo.Scope != directory.Subtree || lo.Filter != "" || !d.Live.Covers(d.Bases)
	}
}

// Directories opens directories.
type Directories struct {
	global    *Globals
	console   *Console
	homes     *Homes
	homeFiles *HomeFiles
	input     *Input
	vaults    *Vaults
	getenv    func(string) string
}

// LoadHomeConfig reads the configuration of the home, if there is one. It is not
// needed for files, nor where the options say all; a home that was named and
// cannot be read is an error all the same.
func (ds *Directories) LoadHomeConfig(ctx context.Context, o *HomeOptions) (*HomeConfig, error) {
	c, err := ds.homeFiles.OpenConfig(o, LockOptions{})
	var usage *UsageError
	if errors.As(err, &usage) && !ds.homes.named(o) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	doc, err := c.File.Load(ctx)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && !ds.homes.named(o) {
			return nil, nil
		}
		return nil, ds.homeFiles.ExplainLoad(ctx, err, c.File)
	}
	return &HomeConfig{home: c.Home, Path: c.File.Path(), Registry: c.Registry, Document: doc}, nil
}

// OpenDirectory is a directory that is ready to be read.
type OpenDirectory struct {
	Source   directory.Source
	Live     *directory.Live // nil for files
	Bases    []string
	fileName func(int) string
	Close    func() error
}

// Open opens what the options name: files, a server, or else the server of the
// home.
func (ds *Directories) Open(ctx context.Context, o *DirectoryOptions, h *HomeConfig) (*OpenDirectory, error) {
	if len(o.Files) > 0 {
		files := directory.NewFiles(directory.FilesOptions{Paths: o.Files, Stdin: ds.console.Streams.In, FileURLs: o.fileURLs})
		return &OpenDirectory{Source: files, Bases: o.Bases, fileName: files.FileName, Close: func() error { return nil }}, nil
	}
	lo, err := ds.LiveOptions(&o.ServerOptions, h)
	if err != nil {
		return nil, err
	}
	lo.PageSize = o.page
	live, err := directory.Open(ctx, lo)
	if err != nil {
		return nil, err
	}
	d := &OpenDirectory{Source: live, Live: live, Bases: o.Bases, Close: live.Close}
	if len(d.Bases) == 0 && h != nil {
		if d.Bases, err = live.DomainBases(ctx, h.Value(paramDCRoot), h.Value(paramSchemaLevel) == "1"); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// LiveOptions says how the server is reached: as the options say, and where
// they do not, as the home says.
func (ds *Directories) LiveOptions(o *ServerOptions, h *HomeConfig) (directory.Options, error) {
	lo := directory.Options{
		StartTLS: o.startTLS, BindDN: o.bindDN, External: o.external, CAFile: o.caFile, CertFile: o.certFile, KeyFile: o.keyFile,
		Insecure: o.insecure, MinTLS: tlsVersions()[o.minTLS], Plaintext: o.plaintext,
		Idle: o.idle, ConnectTimeout: o.connectTimeout,
		Note: func(text string) { ds.console.Notef("davadmin: note: %s", text) },
	}
	hosts, port, ldaps := o.Hosts, o.port, o.ldaps
	kept := secret.Text("") // only the server that the home names is sent what the home's vault holds
	if len(hosts) == 0 {
		if h == nil {
			return lo, Usagef("which directory? Give -H HOST, --ldif FILE, or --home DIR of a server that has one")
		}
		hosts = config.SplitList(h.Value(UserPoolPrefix + "ldaphost"))
		if port == 0 && (h.IsSet(UserPoolPrefix+"ldapport") || !h.IsSet(UserPoolPrefix+"ldaphost")) {
			port, _ = strconv.Atoi(h.Value(UserPoolPrefix + "ldapport"))
		}
		ldaps = ldaps || h.Value(UserPoolPrefix+"ldapusessl") == "true" && !o.startTLS
		if lo.BindDN == "" && !o.external {
			lo.BindDN = h.Value(UserPoolPrefix + "binddn")
			kept = ds.vaults.Source(&o.HomeOptions, h.home, SecretLDAP+userPool)
		}
		ds.applyTLSVersions(&lo, o, h)
	}
	for _, host := range hosts {
		u, err := ldapURL(host, port, ldaps)
		if err != nil {
			return lo, err
		}
		lo.URLs = append(lo.URLs, u)
	}
	if lo.BindDN != "" {
		lo.Password = ds.ldapPassword(o, lo.BindDN, kept)
	}
	if lo.Insecure {
		ds.console.Warnf("--insecure: the certificate of the directory is not verified; anybody on the way can read and change what is sent")
	}
	if lo.MinTLS != 0 && lo.MinTLS < tls.VersionTLS12 {
		ds.console.Warnf("TLS older than 1.2 and its key exchanges are allowed; they have known weaknesses")
	}
	return lo, nil
}

// applyTLSVersions takes the lowest version that the home's sslprotocols name.
func (ds *Directories) applyTLSVersions(lo *directory.Options, o *ServerOptions, h *HomeConfig) {
	name := UserPoolPrefix + "sslprotocols"
	if o.minTLS != "" || !h.IsSet(name) {
		return
	}
	lowest := uint16(0)
	for _, word := range config.SplitList(h.Value(name)) {
		version := strings.TrimPrefix(strings.ToUpper(word), "TLSV")
		if version == "1" {
			version = "1.0"
		}
		if v, ok := tlsVersions()[version]; ok && (lowest == 0 || v < lowest) {
			lowest = v
		}
	}
	if lowest != 0 {
		lo.MinTLS = lowest
		ds.console.Detailf("lowest TLS version: as %s in %s says", name, h.Path)
	}
}

// ldapPassword asks for the password when it is needed, and once: each
// connection takes it. Kept is what a vault holds for who is bound.
func (ds *Directories) ldapPassword(o *ServerOptions, dn string, kept secret.Source) func(context.Context) ([]byte, error) {
	return secret.Once(secret.First(ds.passwordFile(o.passwordFile), secret.Text(ds.getenv("DAVADMIN_LDAP_PASSWORD")), kept, ds.askLDAPPassword(dn)))
}

// passwordFile is a source for the password in a file; without a name it has none.
func (ds *Directories) passwordFile(path string) secret.Source {
	return func(ctx context.Context) ([]byte, error) {
		if path == "" {
			return nil, nil
		}
		b, err := ds.input.ReadValue(ctx, path, true)
		if err != nil {
			return nil, fmt.Errorf("password file: %w", err)
		}
		return b, nil
	}
}

func (ds *Directories) askLDAPPassword(dn string) secret.Source {
	return func(ctx context.Context) ([]byte, error) {
		if ds.console.Streams.ReadSecret == nil {
			return nil, Usagef("no password for %s, and there is no terminal to ask on: give --password-file FILE or set DAVADMIN_LDAP_PASSWORD", dn)
		}
		return ds.console.Streams.ReadSecret(ctx, "password of "+dn+": ")
	}
}

// ldapURL makes a URL of what -H or ldaphost names.
func ldapURL(host string, port int, ldaps bool) (string, error) {
	if strings.HasPrefix(host, "ldapi://") {
		return host, nil
	}
	if strings.Contains(host, "://") {
		u, err := url.Parse(host)
		if err != nil || u.Scheme != "ldap" && u.Scheme != "ldaps" || u.Host == "" {
			return "", Usagef("-H: '%s' is no URL of a directory: ldap://HOST, ldaps://HOST or ldapi://%%2FPATH", host)
		}
		if u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" {
			return "", Usagef("-H: '%s' has more than scheme, host and port; use -B and -R for base and filter", host)
		}
		return u.Scheme + "://" + u.Host, nil
	}
	scheme, defaultPort := "ldap", 389
	if ldaps {
		scheme, defaultPort = "ldaps", 636
	}
	if port == 0 {
		port = defaultPort
	}
	name, own, err := net.SplitHostPort(host)
	if err != nil {
		name, own = strings.Trim(host, "[]"), strconv.Itoa(port)
	}
	if n, err := strconv.ParseUint(own, 10, 16); err != nil || n == 0 || name == "" {
		return "", Usagef("-H: '%s' is no host, HOST:PORT or URL", host)
	}
	return scheme + "://" + net.JoinHostPort(name, own), nil
}

// connectHint says what may help against what kept a directory from being
// reached.
func connectHint(err error) string {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	text := err.Error()
	switch {
	case errors.As(err, &unknown):
		return "; --ca-file FILE names the authority that the certificate comes from"
	case errors.As(err, &name):
		return "; use the name that the certificate is for"
	case strings.Contains(text, "protocol version"), strings.Contains(text, "handshake failure"), strings.Contains(text, "TLS: EOF"):
		return "; an old directory may need --tls-min 1.0"
	case directory.ResultCode(err) == codeInvalidCredentials:
		return "; check -D and the password"
	case directory.ResultCode(err) == codeConfidentiality, directory.ResultCode(err) == codeStrongerAuth:
		return "; --starttls encrypts the connection"
	}
	return ""
}

// Result codes of RFC 4511 about who asks, and how.
const (
	codeStrongerAuth       = 8
	codeConfidentiality    = 13
	codeInvalidCredentials = 49
)
