package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/secret"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
)

// serverOptions say how a directory server is reached.
type serverOptions struct {
	homeOptions

	hosts          []string
	port           int
	ldaps          bool
	startTLS       bool
	bindDN         string
	passwordFile   string
	external       bool
	caFile         string
	certFile       string
	keyFile        string
	insecure       bool
	minTLS         string
	plaintext      bool
	idle           time.Duration
	connectTimeout time.Duration
}

// ldapOptions are the options of every command that reads a directory.
type ldapOptions struct {
	serverOptions
	files    []string
	fileURLs bool
	page     int

	bases  []string
	scope  string
	filter string
}

const defaultPage = 10_000

func (o *ldapOptions) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.files, "ldif", nil, "read this LDIF `FILE` (gzip and zstd too; - is standard input) and no server; may be repeated")
	f.BoolVar(&o.fileURLs, "ldif-urls", false, "read values that an LDIF file takes from other files (attribute:< file:///...)")
	f.IntVar(&o.page, "page", defaultPage, "entries in a page; 0 reads all at once")
	f.StringArrayVarP(&o.bases, "base", "B", nil, "begin at this `DN`; may be repeated (default: as the home says, else all that the server holds)")
	f.StringVar(&o.scope, "scope", "sub", "how far below the base: sub, one or base")
	f.StringVarP(&o.filter, "ldapfilter", "R", "", "only entries that this LDAP `FILTER` fits, too")
	_ = cmd.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{"sub", "one", "base"}, cobra.ShellCompDirectiveNoFileComp))
	o.serverOptions.add(cmd)
}

func (o *serverOptions) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.hosts, "hostname", "H", nil, "directory `HOST`, HOST:PORT or ldap://, ldaps://, ldapi:// URL; may be repeated: the first that answers is used")
	f.IntVarP(&o.port, "port", "p", 0, "port of hosts without one of their own (389, or 636 with --ldaps)")
	f.BoolVar(&o.ldaps, "ldaps", false, "speak TLS from the first byte on to hosts that are no URL")
	f.BoolVar(&o.startTLS, "starttls", false, "change to TLS before anything is sent")
	f.StringVarP(&o.bindDN, "binddn", "D", "", "bind as this `DN`; the password comes from --password-file, DAVADMIN_LDAP_PASSWORD, for the DN of the home's pool from the vault, or from a question")
	f.StringVar(&o.passwordFile, "password-file", "", "`FILE` with the password, closed to others")
	f.BoolVar(&o.external, "external", false, "bind by SASL EXTERNAL: with the client certificate, or over ldapi as the user who runs this")
	f.StringVar(&o.caFile, "ca-file", "", "`FILE` (PEM) with the certificates that the server's must come from")
	f.StringVar(&o.certFile, "cert-file", "", "client certificate `FILE` (PEM)")
	f.StringVar(&o.keyFile, "key-file", "", "`FILE` (PEM) with the key of the client certificate")
	f.BoolVar(&o.insecure, "insecure", false, "accept any certificate of the server")
	f.StringVar(&o.minTLS, "tls-min", "", "lowest TLS `VERSION` to speak: 1.0, 1.1, 1.2 or 1.3 (default 1.2, else as sslprotocols of the home); below 1.2 the key exchanges of old, too")
	f.BoolVar(&o.plaintext, "plaintext", false, "send the password without encryption, if it must be")
	f.DurationVar(&o.idle, "idle-timeout", time.Minute, "give up when nothing arrives for so long")
	f.DurationVar(&o.connectTimeout, "connect-timeout", 10*time.Second, "how long to wait for a connection")
	_ = cmd.RegisterFlagCompletionFunc("tls-min", cobra.FixedCompletions([]string{"1.0", "1.1", "1.2", "1.3"}, cobra.ShellCompDirectiveNoFileComp))
	o.homeOptions.add(f)
	o.homeOptions.addVault(f)
}

// tlsVersions are the versions that --tls-min and sslprotocols name.
func tlsVersions() map[string]uint16 {
	return map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
}

// check refuses what does not go together, before anything is opened.
func (o *ldapOptions) check(cmd *cobra.Command) error {
	if len(o.files) > 0 {
		for _, name := range []string{"hostname", "port", "ldaps", "starttls", "binddn", "password-file", "external", "ca-file", "cert-file", "key-file",
			"insecure", "tls-min", "plaintext", "page", "idle-timeout", "connect-timeout"} {
			if cmd.Flags().Changed(name) {
				return usagef("--%s is about a server and --ldif reads files; give one of them", name)
			}
		}
	} else if o.fileURLs {
		return usagef("--ldif-urls goes with --ldif FILE")
	}
	if _, err := o.directoryScope(); err != nil {
		return err
	}
	if o.page < 0 {
		return usagef("--page: %d is less than 0, which reads all at once", o.page)
	}
	if err := o.serverOptions.check(); err != nil {
		return err
	}
	if err := directory.CheckFilter(o.filter); err != nil {
		return usagef("-R: %v", err)
	}
	for _, b := range o.bases {
		if _, err := directory.AppendNormalDN(nil, []byte(b)); err != nil {
			return usagef("-B: '%s': %v", b, err)
		}
	}
	return nil
}

// words are the options that name the server and who is bound, for a command that
// is suggested; "" where the home names them.
func (o *serverOptions) words() string {
	var b strings.Builder
	add := func(option, value string) {
		if value != "" {
			b.WriteString(" " + option + " " + Quote(value))
		}
	}
	set := func(option string, given bool) {
		if given {
			b.WriteString(" " + option)
		}
	}
	for _, h := range o.hosts {
		add("-H", h)
	}
	if o.port != 0 {
		add("-p", strconv.Itoa(o.port))
	}
	set("--ldaps", o.ldaps)
	set("--starttls", o.startTLS)
	add("-D", o.bindDN)
	add("--password-file", o.passwordFile)
	set("--external", o.external)
	add("--ca-file", o.caFile)
	add("--cert-file", o.certFile)
	add("--key-file", o.keyFile)
	set("--insecure", o.insecure)
	add("--tls-min", o.minTLS)
	set("--plaintext", o.plaintext)
	add("--vault-key", o.vaultKey)
	return b.String()
}

// check refuses what does not go together.
func (o *serverOptions) check() error {
	if _, ok := tlsVersions()[o.minTLS]; o.minTLS != "" && !ok {
		return usagef("--tls-min: '%s' is none of 1.0, 1.1, 1.2, 1.3", o.minTLS)
	}
	switch {
	case o.port < 0 || o.port > 65535:
		return usagef("--port: %d is no port (1 to 65535)", o.port)
	case o.idle <= 0 || o.connectTimeout <= 0:
		return usagef("--idle-timeout and --connect-timeout must be longer than 0s")
	case o.external && o.bindDN != "":
		return usagef("--external takes who you are from the certificate or the socket; leave -D out")
	case o.passwordFile != "" && o.external:
		return usagef("--external takes no password; leave --password-file out")
	case (o.certFile == "") != (o.keyFile == ""):
		return usagef("--cert-file and --key-file go together")
	}
	return nil
}

func (o *ldapOptions) directoryScope() (directory.Scope, error) {
	switch o.scope {
	case "sub":
		return directory.Subtree, nil
	case "one":
		return directory.OneLevel, nil
	case "base":
		return directory.BaseOnly, nil
	}
	return 0, usagef("--scope: '%s' is none of sub, one, base", o.scope)
}

// opened is a directory that is ready to be read.
type opened struct {
	source   directory.Source
	live     *directory.Live // nil for files
	bases    []string
	fileName func(int) string
	close    func() error
}

// open opens what the options name: files, a server, or else the server of the
// home.
func (ds *Directories) Open(ctx context.Context, o *ldapOptions, h *ldapHome) (*opened, error) {
	if len(o.files) > 0 {
		files := directory.NewFiles(directory.FilesOptions{Paths: o.files, Stdin: ds.console.Streams.In, FileURLs: o.fileURLs})
		return &opened{source: files, bases: o.bases, fileName: files.FileName, close: func() error { return nil }}, nil
	}
	lo, err := ds.LiveOptions(&o.serverOptions, h)
	if err != nil {
		return nil, err
	}
	lo.PageSize = o.page
	live, err := directory.Open(ctx, lo)
	if err != nil {
		return nil, err
	}
	d := &opened{source: live, live: live, bases: o.bases, close: live.Close}
	if len(d.bases) == 0 && h != nil {
		if d.bases, err = live.DomainBases(ctx, h.value(paramDCRoot), h.value(paramSchemaLevel) == "1"); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// liveOptions says how the server is reached: as the options say, and where
// they do not, as the home says.
func (ds *Directories) LiveOptions(o *serverOptions, h *ldapHome) (directory.Options, error) {
	lo := directory.Options{
		StartTLS: o.startTLS, BindDN: o.bindDN, External: o.external, CAFile: o.caFile, CertFile: o.certFile, KeyFile: o.keyFile,
		Insecure: o.insecure, MinTLS: tlsVersions()[o.minTLS], Plaintext: o.plaintext,
		Idle: o.idle, ConnectTimeout: o.connectTimeout,
		Note: func(text string) { ds.console.Notef("davadmin: note: %s", text) },
	}
	hosts, port, ldaps := o.hosts, o.port, o.ldaps
	kept := secret.Text("") // only the server that the home names is sent what the home's vault holds
	if len(hosts) == 0 {
		if h == nil {
			return lo, usagef("which directory? Give -H HOST, --ldif FILE, or --home DIR of a server that has one")
		}
		hosts = config.SplitList(h.value(ldapPool + "ldaphost"))
		if port == 0 && (h.isSet(ldapPool+"ldapport") || !h.isSet(ldapPool+"ldaphost")) {
			port, _ = strconv.Atoi(h.value(ldapPool + "ldapport"))
		}
		ldaps = ldaps || h.value(ldapPool+"ldapusessl") == "true" && !o.startTLS
		if lo.BindDN == "" && !o.external {
			lo.BindDN = h.value(ldapPool + "binddn")
			kept = ds.vaults.Source(&o.homeOptions, h.home, secretLDAP+userPool)
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
func (ds *Directories) applyTLSVersions(lo *directory.Options, o *serverOptions, h *ldapHome) {
	name := ldapPool + "sslprotocols"
	if o.minTLS != "" || !h.isSet(name) {
		return
	}
	lowest := uint16(0)
	for _, word := range config.SplitList(h.value(name)) {
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
		ds.console.Detailf("lowest TLS version: as %s in %s says", name, h.path)
	}
}

// ldapPassword asks for the password when it is needed, and once: each
// connection takes it. Kept is what a vault holds for who is bound.
func (ds *Directories) ldapPassword(o *serverOptions, dn string, kept secret.Source) func(context.Context) ([]byte, error) {
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
			return nil, usagef("no password for %s, and there is no terminal to ask on: give --password-file FILE or set DAVADMIN_LDAP_PASSWORD", dn)
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
			return "", usagef("-H: '%s' is no URL of a directory: ldap://HOST, ldaps://HOST or ldapi://%%2FPATH", host)
		}
		if u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" {
			return "", usagef("-H: '%s' has more than scheme, host and port; use -B and -R for base and filter", host)
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
		return "", usagef("-H: '%s' is no host, HOST:PORT or URL", host)
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
