package cmdutil

import (
	"crypto/tls"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/pkg/directory"
)

// ServerOptions are the options for the connection to a directory server.
type ServerOptions struct {
	HomeOptions

	flags *pflag.FlagSet // of the command that has them

	Hosts          []string
	port           int
	ldaps          bool
	startTLS       bool
	bindDN         string
	anonymous      bool // the directory was opened without a bind DN
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
	adds     bool
	page     int

	Bases  []string
	Scope  string
	Filter string

	proveAs           string
	provePasswordFile string
}

const defaultPage = 50_000

// Add adds the options to a command.
func (o *DirectoryOptions) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.Files, "ldif", nil, "read this LDIF `FILE` instead of a server (also gzip or zstd; - for standard input; repeatable)")
	f.BoolVar(&o.fileURLs, "ldif-urls", false, "read values that an LDIF file refers to by file URL (attribute:< file:///...)")
	f.BoolVar(&o.adds, "ldif-adds", false, "read LDIF records that add an entry (changetype: add) as entries")
	o.addBasesAndPage(cmd)
	f.StringVar(&o.Scope, "scope", "sub", "search scope: sub, one or base")
	f.StringVarP(&o.Filter, "ldapfilter", "R", "", "only entries that also match this LDAP `FILTER`, such as 'uid=user*'")
	_ = cmd.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{"sub", "one", "base"}, cobra.ShellCompDirectiveNoFileComp))
	o.ServerOptions.Add(cmd)
}

func (o *DirectoryOptions) addBasesAndPage(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&o.page, "page", defaultPage, "entries per page; 0 for no paging")
	f.StringArrayVarP(&o.Bases, "base", "B", nil, "search below this `DN` (repeatable; default: the bases in the home's configuration, or everything on the server)")
}

// AddLive adds the options to a command that reads only from servers, and everything below
// the bases.
func (o *DirectoryOptions) AddLive(cmd *cobra.Command) {
	o.Scope = "sub"
	o.addBasesAndPage(cmd)
	o.ServerOptions.Add(cmd)
}

// AddLookup adds the options to a command that looks up people in files or on servers,
// everywhere below the bases.
func (o *DirectoryOptions) AddLookup(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.Files, "ldif", nil, "read this LDIF `FILE` instead of a server (also gzip or zstd; - for standard input; repeatable)")
	o.AddLive(cmd)
}

// Add adds the options to a command.
func (o *ServerOptions) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	o.flags = f
	f.StringArrayVarP(&o.Hosts, "hostname", "H", nil, "directory `HOST`, HOST:PORT, or ldap://, ldaps:// or ldapi:// URL (repeatable: the first that answers is used)")
	f.IntVarP(&o.port, "port", "p", 0, "port for hosts given without a port (default 389, or 636 with --ldaps)")
	f.BoolVar(&o.ldaps, "ldaps", false, "use LDAPS for hosts given without a URL")
	f.BoolVar(&o.startTLS, "starttls", false, "switch to TLS (StartTLS) before anything else is sent")
	f.StringVarP(&o.bindDN, "binddn", "D", "", "bind as this `DN`; the password comes from --password-file, DAVADMIN_LDAP_PASSWORD, the vault (for the bind DN of the home's pool), or a prompt")
	f.StringVar(&o.passwordFile, "password-file", "", "`FILE` with the password; must not be accessible to others")
	f.BoolVar(&o.external, "external", false, "bind with SASL EXTERNAL: as the client certificate, or over ldapi as the current user")
	f.StringVar(&o.caFile, "ca-file", "", "trust the CA certificates in `FILE` (PEM)")
	f.StringVar(&o.certFile, "cert-file", "", "use the client certificate in `FILE` (PEM)")
	f.StringVar(&o.keyFile, "key-file", "", "use the private key of the client certificate in `FILE` (PEM)")
	f.BoolVar(&o.insecure, "insecure", false, "do not verify the certificate of the server")
	f.StringVar(&o.minTLS, "tls-min", "", "lowest TLS `VERSION` to accept: 1.0, 1.1, 1.2 or 1.3 (default: sslprotocols of the home, else 1.2); below 1.2, obsolete key exchanges are accepted as well")
	f.BoolVar(&o.plaintext, "plaintext", false, "allow sending the password without encryption")
	f.DurationVar(&o.idle, "idle-timeout", time.Minute, "give up if nothing arrives for this long")
	f.DurationVar(&o.connectTimeout, "connect-timeout", 10*time.Second, "give up if a connection takes longer than this")
	_ = cmd.RegisterFlagCompletionFunc("tls-min", cobra.FixedCompletions([]string{"1.0", "1.1", "1.2", "1.3"}, cobra.ShellCompDirectiveNoFileComp))
	o.HomeOptions.Add(f)
	o.HomeOptions.AddVault(f)
}

// AddProof adds the options for proving the absence of attributes to a command that
// concludes something from it.
func (o *DirectoryOptions) AddProof(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.proveAs, "prove-as", "", "also bind as this `DN`, and ask whether missing attributes are absent or only hidden; the password comes from --prove-password-file, DAVADMIN_LDAP_PROVE_PASSWORD, or a prompt")
	f.StringVar(&o.provePasswordFile, "prove-password-file", "", "`FILE` with the password of --prove-as; must not be accessible to others")
}

// SourceArgs returns the options with which another command reads the same directory, from
// files or a server, below the same bases.
func (o *DirectoryOptions) SourceArgs() []string {
	var words []string
	for _, f := range o.Files {
		words = append(words, "--ldif", f)
	}
	if len(o.Files) == 0 {
		words = o.Args()
	}
	for _, b := range o.Bases {
		words = append(words, "-B", b)
	}
	return words
}

// tlsVersions returns the TLS versions by their names in --tls-min and sslprotocols.
func tlsVersions() map[string]uint16 {
	return map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
}

// Check returns an error for invalid or contradictory options, and adds the brackets of a
// filter that has none. It opens nothing.
func (o *DirectoryOptions) Check(cmd *cobra.Command) error {
	if len(o.Files) > 0 {
		for _, name := range []string{"hostname", "port", "ldaps", "starttls", "binddn", "password-file", "external", "ca-file", "cert-file", "key-file",
			"insecure", "tls-min", "plaintext", "page", "idle-timeout", "connect-timeout", "prove-as", "prove-password-file"} {
			if cmd.Flags().Changed(name) {
				return Usagef("--%s cannot be combined with --ldif, which reads files instead of a server", name)
			}
		}
	} else if o.fileURLs {
		return Usagef("--ldif-urls requires --ldif FILE")
	} else if o.adds {
		return Usagef("--ldif-adds requires --ldif FILE")
	}
	if _, err := o.DirectoryScope(); err != nil {
		return err
	}
	if o.provePasswordFile != "" && o.proveAs == "" {
		return Usagef("--prove-password-file requires --prove-as DN")
	}
	if o.page < 0 {
		return Usagef("--page: %d is less than 0 (0 for no paging)", o.page)
	}
	if err := o.ServerOptions.Check(); err != nil {
		return err
	}
	o.Filter = withBrackets(o.Filter)
	if err := directory.CheckFilter(o.Filter); err != nil {
		return Usagef("-R: %v", err)
	}
	if len(o.Files) > 0 {
		if err := directory.CheckFileFilter(o.Filter); err != nil {
			return Usagef("-R: %v; only a server can evaluate it (-H HOST instead of --ldif)", err)
		}
	}
	for _, b := range o.Bases {
		if _, err := directory.AppendNormalDN(nil, []byte(b)); err != nil {
			return Usagef("-B: '%s': %v", b, err)
		}
	}
	return nil
}

// withBrackets returns a filter with the brackets that RFC 4515 requires, which ldapsearch
// adds as well.
func withBrackets(filter string) string {
	trimmed := strings.TrimSpace(filter)
	if trimmed == "" || strings.HasPrefix(trimmed, "(") {
		return filter
	}
	return "(" + trimmed + ")"
}

// Args returns the options for the server and the bind DN that were given, for a command
// that is suggested. What a clifile sets for all commands is left out.
func (o *ServerOptions) Args() []string {
	var words []string
	set := func(option string, given bool, value ...string) {
		if given && !isDefaultOfAll(o.flags, strings.TrimLeft(option, "-")) {
			words = append(append(words, option), value...)
		}
	}
	add := func(option, value string) { set(option, value != "", value) }
	for _, h := range o.Hosts {
		add("-H", h)
	}
	if o.port != 0 {
		add("-p", strconv.Itoa(o.port))
	}
	set("--ldaps", o.ldaps)
	set("--starttls", o.startTLS)
	if !isDefaultOfAll(o.flags, "binddn") {
		add("-D", o.bindDN)
	}
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

// ChangeArgs is Args for a command that changes the directory that was opened: an anonymous
// client may read, but hardly change it.
func (o *ServerOptions) ChangeArgs() []string {
	words := o.Args()
	if o.anonymous {
		words = append(words, "-D", "DN")
	}
	return words
}

// Check returns an error for invalid or contradictory options.
func (o *ServerOptions) Check() error {
	if _, ok := tlsVersions()[o.minTLS]; o.minTLS != "" && !ok {
		return Usagef("--tls-min: '%s' is not a valid TLS version (1.0, 1.1, 1.2, 1.3)", o.minTLS)
	}
	switch {
	case o.port < 0 || o.port > 65535:
		return Usagef("--port: %d is not a valid port (1 to 65535)", o.port)
	case o.idle <= 0 || o.connectTimeout <= 0:
		return Usagef("--idle-timeout and --connect-timeout must be longer than 0s")
	case o.external && o.bindDN != "":
		return Usagef("--external cannot be combined with -D: the identity comes from the certificate or the socket")
	case o.passwordFile != "" && o.external:
		return Usagef("--external cannot be combined with --password-file")
	case (o.certFile == "") != (o.keyFile == ""):
		return Usagef("--cert-file and --key-file must be used together")
	}
	return nil
}

// DirectoryScope returns the scope of --scope.
func (o *DirectoryOptions) DirectoryScope() (directory.Scope, error) {
	switch o.Scope {
	case "sub":
		return directory.Subtree, nil
	case "one":
		return directory.OneLevel, nil
	case "base":
		return directory.BaseOnly, nil
	}
	return 0, Usagef("--scope: '%s' is not a valid scope (sub, one, base)", o.Scope)
}
