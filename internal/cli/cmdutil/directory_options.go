package cmdutil

import (
	"crypto/tls"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/pkg/directory"
)

// ServerOptions say how a directory server is reached.
type ServerOptions struct {
	HomeOptions

	Hosts          []string
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

// DirectoryOptions are the options of every command that reads a directory.
type DirectoryOptions struct {
	ServerOptions
	Files    []string
	fileURLs bool
	page     int

	Bases  []string
	Scope  string
	Filter string
}

const defaultPage = 10_000

func (o *DirectoryOptions) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.Files, "ldif", nil, "read this LDIF `FILE` (gzip and zstd too; - is standard input) and no server; may be repeated")
	f.BoolVar(&o.fileURLs, "ldif-urls", false, "read values that an LDIF file takes from other files (attribute:< file:///...)")
	f.IntVar(&o.page, "page", defaultPage, "entries in a page; 0 reads all at once")
	f.StringArrayVarP(&o.Bases, "base", "B", nil, "begin at this `DN`; may be repeated (default: as the home says, else all that the server holds)")
	f.StringVar(&o.Scope, "scope", "sub", "how far below the base: sub, one or base")
	f.StringVarP(&o.Filter, "ldapfilter", "R", "", "only entries that this LDAP `FILTER` fits, too")
	_ = cmd.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{"sub", "one", "base"}, cobra.ShellCompDirectiveNoFileComp))
	o.ServerOptions.Add(cmd)
}

func (o *ServerOptions) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.Hosts, "hostname", "H", nil, "directory `HOST`, HOST:PORT or ldap://, ldaps://, ldapi:// URL; may be repeated: the first that answers is used")
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
	o.HomeOptions.Add(f)
	o.HomeOptions.AddVault(f)
}

// tlsVersions are the versions that --tls-min and sslprotocols name.
func tlsVersions() map[string]uint16 {
	return map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
}

// Check refuses what does not go together, before anything is opened.
func (o *DirectoryOptions) Check(cmd *cobra.Command) error {
	if len(o.Files) > 0 {
		for _, name := range []string{"hostname", "port", "ldaps", "starttls", "binddn", "password-file", "external", "ca-file", "cert-file", "key-file",
			"insecure", "tls-min", "plaintext", "page", "idle-timeout", "connect-timeout"} {
			if cmd.Flags().Changed(name) {
				return Usagef("--%s is about a server and --ldif reads files; give one of them", name)
			}
		}
	} else if o.fileURLs {
		return Usagef("--ldif-urls goes with --ldif FILE")
	}
	if _, err := o.DirectoryScope(); err != nil {
		return err
	}
	if o.page < 0 {
		return Usagef("--page: %d is less than 0, which reads all at once", o.page)
	}
	if err := o.ServerOptions.Check(); err != nil {
		return err
	}
	if err := directory.CheckFilter(o.Filter); err != nil {
		return Usagef("-R: %v", err)
	}
	for _, b := range o.Bases {
		if _, err := directory.AppendNormalDN(nil, []byte(b)); err != nil {
			return Usagef("-B: '%s': %v", b, err)
		}
	}
	return nil
}

// Args returns the options that name the server and who is bound, for a command that
// is suggested; none where the home names them.
func (o *ServerOptions) Args() []string {
	var words []string
	add := func(option, value string) {
		if value != "" {
			words = append(words, option, value)
		}
	}
	set := func(option string, given bool) {
		if given {
			words = append(words, option)
		}
	}
	for _, h := range o.Hosts {
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
	add("--vault-key", o.VaultKey)
	return words
}

// Check refuses what does not go together.
func (o *ServerOptions) Check() error {
	if _, ok := tlsVersions()[o.minTLS]; o.minTLS != "" && !ok {
		return Usagef("--tls-min: '%s' is none of 1.0, 1.1, 1.2, 1.3", o.minTLS)
	}
	switch {
	case o.port < 0 || o.port > 65535:
		return Usagef("--port: %d is no port (1 to 65535)", o.port)
	case o.idle <= 0 || o.connectTimeout <= 0:
		return Usagef("--idle-timeout and --connect-timeout must be longer than 0s")
	case o.external && o.bindDN != "":
		return Usagef("--external takes who you are from the certificate or the socket; leave -D out")
	case o.passwordFile != "" && o.external:
		return Usagef("--external takes no password; leave --password-file out")
	case (o.certFile == "") != (o.keyFile == ""):
		return Usagef("--cert-file and --key-file go together")
	}
	return nil
}

func (o *DirectoryOptions) DirectoryScope() (directory.Scope, error) {
	switch o.Scope {
	case "sub":
		return directory.Subtree, nil
	case "one":
		return directory.OneLevel, nil
	case "base":
		return directory.BaseOnly, nil
	}
	return 0, Usagef("--scope: '%s' is none of sub, one, base", o.Scope)
}
