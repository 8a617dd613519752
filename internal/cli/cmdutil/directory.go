package cmdutil

import (
	"context"
	"crypto/tls"
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

// ApplyTo sets the options of an audit that depend on the directory that was opened.
func (d *OpenDirectory) ApplyTo(lo *ldapcheck.Options) {
	lo.Bases, lo.FileName = d.Bases, d.fileName
	lo.Prove = d.Prove
	if d.Live != nil {
		lo.Server = d.Live
		lo.Partial = lo.Scope != directory.Subtree || lo.Filter != "" || !d.Live.Covers(d.Bases)
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
	hints     *Hints
	getenv    func(string) string

	// passwords are the sources of the passwords of this run, by bind DN, file and hosts: a
	// run that connects more than once asks, and reads standard input, only once. A password
	// that is meant for one server is not sent to another.
	passwords map[[3]string]secret.Source
}

// LoadHomeConfig reads the configuration of the home. It returns nil if there is no home,
// which files and a server given by options do not need; but a home that was named and
// cannot be read is an error.
func (ds *Directories) LoadHomeConfig(ctx context.Context, o *HomeOptions) (*HomeConfig, error) {
	c, err := ds.homeFiles.OpenConfig(o, LockOptions{})
	var usage *UsageError
	if errors.As(err, &usage) && !ds.homes.isNamed(o) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	doc, err := c.File.Load(ctx)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && !ds.homes.isNamed(o) {
			return nil, nil
		}
		return nil, ds.homeFiles.ExplainLoad(ctx, err, c.File)
	}
	if err := checkEncoding(c.File.Path(), doc.Source()); err != nil {
		return nil, err
	}
	return &HomeConfig{home: c.Home, Path: c.File.Path(), Registry: c.Registry, Document: doc}, nil
}

// OpenDirectory is a directory that is open for reading.
type OpenDirectory struct {
	Source directory.Source
	Live   *directory.Live   // nil for files
	Prove  *directory.Prover // nil for files
	Bases  []string
	// BasesFrom says, for messages, where the bases come from.
	BasesFrom string
	Options   directory.Options // of the connection; its page size is that of --page
	fileName  func(int) string
	Close     func() error
}

// Open opens the files or the server given by options, or the server of the home.
func (ds *Directories) Open(ctx context.Context, o *DirectoryOptions, h *HomeConfig) (*OpenDirectory, error) {
	if len(o.Files) > 0 {
		for _, path := range o.Files {
			var err error
			if isStdin(path) {
				err = ds.input.TakeStdin()
			} else if isPipe(path) {
				err = ds.input.takePipe(path)
			}
			if err != nil {
				return nil, err
			}
		}
		files := directory.NewFiles(directory.FilesOptions{Paths: o.Files, Stdin: ds.console.Streams.In, FileURLs: o.fileURLs, Additions: o.adds})
		return &OpenDirectory{Source: files, Bases: o.Bases, fileName: files.FileName, Close: func() error { return nil }}, nil
	}
	lo, err := ds.LiveOptions(&o.ServerOptions, h)
	if err != nil {
		return nil, err
	}
	o.anonymous = lo.BindDN == "" && !lo.External
	lo.PageSize = o.page
	if len(o.Bases) > 0 {
		lo.BasesFrom = "from -B"
	} else if h != nil {
		lo.BasesFrom = h.origin(paramDCRoot)
	}
	live, err := directory.Open(ctx, lo)
	if err != nil {
		return nil, err
	}
	d := &OpenDirectory{Source: live, Live: live, Bases: o.Bases, BasesFrom: lo.BasesFrom, Options: lo, Close: live.Close}
	if len(d.Bases) == 0 && h != nil {
		if d.Bases, err = live.DomainBases(ctx, h.Value(paramDCRoot), h.Value(paramSchemaLevel) == "1"); err != nil {
			return nil, errors.Join(err, live.Close())
		}
		if len(d.Bases) > 1 {
			d.BasesFrom = "from inetDomainBaseDN of the domains below '" + d.Bases[0] + "', " + d.BasesFrom
		}
	}
	if err := ds.openProver(ctx, o, d, lo); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// proveAsPrefix begins the errors of connecting as the second bind DN.
const proveAsPrefix = "--prove-as: "

// openProver sets who is asked about absent attributes: the server as the bind DN, and as
// that of --prove-as.
func (ds *Directories) openProver(ctx context.Context, o *DirectoryOptions, d *OpenDirectory, lo directory.Options) error {
	d.Prove = &directory.Prover{Viewer: d.Live, BindDN: lo.BindDN, Contexts: d.Live.ContextsOf(d.Bases)}
	if lo.External {
		d.Prove.BindDN = "EXTERNAL"
	}
	if o.proveAs == "" {
		return nil
	}
	if strings.EqualFold(o.proveAs, lo.BindDN) {
		return Usagef("--prove-as: '%s' is already the bind DN; name another one, such as the directory manager", o.proveAs)
	}
	lo.BindDN, lo.External = o.proveAs, false
	lo.URLs = []string{d.Live.Name()}
	lo.Password = ds.once(&o.ServerOptions, o.proveAs, o.provePasswordFile, secret.First(ds.passwordFile(o.provePasswordFile), secret.Text(ds.getenv("DAVADMIN_LDAP_PROVE_PASSWORD")),
		ds.askLDAPPassword(o.proveAs, "--prove-password-file", "DAVADMIN_LDAP_PROVE_PASSWORD")))
	second, err := directory.Open(ctx, lo)
	if err != nil {
		return fmt.Errorf(proveAsPrefix+"%w", err)
	}
	d.Prove.Second, d.Prove.SecondDN = second, o.proveAs
	d.Close = func() error { return errors.Join(second.Close(), d.Live.Close()) }
	return nil
}

// LiveOptions returns how to connect to the server: as given by options, and for what they
// omit, as the home says.
func (ds *Directories) LiveOptions(o *ServerOptions, h *HomeConfig) (directory.Options, error) {
	lo := directory.Options{
		StartTLS: o.startTLS, BindDN: o.bindDN, External: o.external, CAFile: o.caFile, CertFile: o.certFile, KeyFile: o.keyFile,
		Insecure: o.insecure, MinTLS: tlsVersions()[o.minTLS], Plaintext: o.plaintext,
		Idle: o.idle, ConnectTimeout: o.connectTimeout,
		Note: func(text string) { ds.console.Notef("davadmin: note: %s", text) },
	}
	hosts, port, ldaps := o.Hosts, o.port, o.ldaps
	vaulted := secret.Text("") // passwords in the home's vault are sent only to the server that the home names
	if len(hosts) == 0 {
		if h == nil {
			return lo, Usagef("missing directory: use -H HOST, --ldif FILE, or --home DIR of a server with a directory")
		}
		hosts = config.SplitList(h.Value(UserPoolPrefix + "ldaphost"))
		if port == 0 && (h.IsSet(UserPoolPrefix+"ldapport") || !h.IsSet(UserPoolPrefix+"ldaphost")) {
			port, _ = strconv.Atoi(h.Value(UserPoolPrefix + "ldapport"))
		}
		ldaps = ldaps || h.Value(UserPoolPrefix+"ldapusessl") == "true" && !o.startTLS
		if lo.BindDN == "" && !o.external {
			lo.BindDN = h.Value(UserPoolPrefix + "binddn")
			vaulted = ds.vaults.Source(&o.HomeOptions, h.home, SecretLDAP+userPool)
		}
		ds.applyTLSVersions(&lo, o, h)
	}
	from := "-H"
	if len(o.Hosts) == 0 {
		from = h.origin(UserPoolPrefix + "ldaphost")
	} else {
		ds.noteUnused(o, h)
	}
	for _, host := range hosts {
		u, err := ldapURL(from, host, port, ldaps)
		if err != nil {
			return lo, err
		}
		lo.URLs = append(lo.URLs, u)
	}
	if lo.BindDN != "" {
		lo.Password = ds.ldapPassword(o, lo.BindDN, vaulted)
	}
	if lo.Insecure {
		ds.console.Warnf("--insecure: the certificate of the directory is not verified; an attacker on the network can read and change the data")
	}
	if lo.MinTLS != 0 && lo.MinTLS < tls.VersionTLS12 {
		ds.console.Warnf("TLS versions below 1.2 and their key exchanges are allowed; they have known weaknesses")
	}
	return lo, nil
}

// noteUnused says which parts of the home's connection no longer apply because the host was
// given as an option: they may be wrong for another server.
func (ds *Directories) noteUnused(o *ServerOptions, h *HomeConfig) {
	if h == nil || !h.IsSet(UserPoolPrefix+"ldaphost") {
		return
	}
	var unused []string
	for _, p := range []struct{ name, option string }{{"binddn", o.bindDN}, {"ldapusessl", ""}, {"sslprotocols", o.minTLS}} {
		set := h.IsSet(UserPoolPrefix + p.name)
		if p.name == "ldapusessl" {
			set = h.Value(UserPoolPrefix+p.name) == "true" && !o.ldaps && !o.startTLS
		}
		if set && p.option == "" && !(p.name == "binddn" && o.external) {
			unused = append(unused, p.name)
		}
	}
	if len(unused) > 0 {
		ds.console.Notef("davadmin: note: with -H, the directory of the home is not used, and neither are its %s (%s* in %s); use -D, --ldaps, --starttls or --tls-min if they apply to this server, too",
			strings.Join(unused, ", "), UserPoolPrefix, h.Path)
	}
}

// applyTLSVersions sets the lowest TLS version that the home's sslprotocols contain.
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
		ds.console.Detailf("lowest TLS version: from %s in %s", name, h.Path)
	}
}

// ldapPassword returns a function that obtains the password at the first connection and
// returns it for all. Vaulted is the source of the bind DN's password in a vault.
func (ds *Directories) ldapPassword(o *ServerOptions, dn string, vaulted secret.Source) func(context.Context) ([]byte, error) {
	return ds.once(o, dn, o.passwordFile, secret.First(ds.passwordFile(o.passwordFile), secret.Text(ds.getenv("DAVADMIN_LDAP_PASSWORD")), vaulted,
		ds.askLDAPPassword(dn, "--password-file", "DAVADMIN_LDAP_PASSWORD")))
}

// once returns a source that obtains a password at its first use in this run, for all
// connections to the same hosts as the same DN.
func (ds *Directories) once(o *ServerOptions, dn, file string, source secret.Source) secret.Source {
	key := [3]string{dn, file, strings.Join(o.Hosts, "\x00")}
	if known, ok := ds.passwords[key]; ok {
		return known
	}
	if ds.passwords == nil {
		ds.passwords = map[[3]string]secret.Source{}
	}
	ds.passwords[key] = secret.Once(source)
	return ds.passwords[key]
}

// passwordFile returns a source of the password in a file. Without a path it is empty.
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

func (ds *Directories) askLDAPPassword(dn, option, variable string) secret.Source {
	return func(ctx context.Context) ([]byte, error) {
		if ds.console.Streams.ReadSecret == nil {
			lasting := ""
			if option == "--password-file" {
				lasting = "; '" + ds.hints.Line("passfile", "create", "-n", SecretLDAP+userPool) + "' stores that of the home's bind DN for good"
			}
			return nil, Usagef("no password for %s, and there is no terminal for a prompt: use %s FILE or set %s%s", dn, option, variable, lasting)
		}
		return ds.console.Streams.ReadSecret(ctx, "password of "+dn+": ")
	}
}

// maskHost returns a value of -H or ldaphost without what may be a password: all before
// the last '@' that belongs to no host, and all after a '?', as in the extension bindpw of
// a URL.
func maskHost(host string) string {
	scheme, rest := "", host
	if i := strings.Index(host, "://"); i >= 0 {
		scheme, rest = host[:i+len("://")], host[i+len("://"):]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = "****" + rest[i:]
	}
	if i := strings.IndexByte(rest, '?'); i >= 0 {
		rest = rest[:i] + "?****"
	}
	return scheme + rest
}

// ldapURL returns the URL for a host, and from says where that is written: -H or ldaphost.
func ldapURL(from, host string, port int, ldaps bool) (string, error) {
	if strings.Contains(host, ",") && !strings.HasPrefix(host, "ldapi://") {
		each := "repeat -H for each host"
		if from != "-H" {
			each = "separate hosts by blanks"
		}
		return "", Usagef("%s: '%s' is not a valid host, because of the comma; %s", from, maskHost(host), each)
	}
	if strings.HasPrefix(host, "ldapi://") {
		return host, nil
	}
	if strings.Contains(host, "://") {
		u, err := url.Parse(host)
		if err != nil || u.Scheme != "ldap" && u.Scheme != "ldaps" || u.Host == "" {
			return "", Usagef("%s: '%s' is not a valid directory URL: ldap://HOST, ldaps://HOST or ldapi://%%2FPATH", from, maskHost(host))
		}
		if u.User != nil || u.RawQuery != "" || u.Path != "" && u.Path != "/" {
			return "", Usagef("%s: '%s' has more parts than scheme, host and port; use -B and -R for base and filter, and -D for the bind DN", from, maskHost(host))
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
	if strings.Contains(host, "@") {
		return "", Usagef("%s: '%s' is not a valid HOST, HOST:PORT or URL; use -D for the bind DN", from, maskHost(host))
	}
	name, own, err := net.SplitHostPort(host)
	if err != nil {
		name, own = strings.Trim(host, "[]"), strconv.Itoa(port)
	}
	if n, err := strconv.ParseUint(own, 10, 16); err != nil || n == 0 || name == "" {
		return "", Usagef("%s: '%s' is not a valid HOST, HOST:PORT or URL", from, maskHost(host))
	}
	return scheme + "://" + net.JoinHostPort(name, own), nil
}
