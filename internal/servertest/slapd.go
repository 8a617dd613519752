package servertest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// SlapdOptions describe an OpenLDAP server. The zero value means an empty tree o=isp
// with the default limits of the server: no search of an ordinary user finds more
// than 500 entries, with or without paging.
//
// The manager is cn=Manager below the suffix. A Lax server rejects attributes that are
// not in its schema, values that its matching rules cannot handle (invalid DNs, text
// that is not UTF-8), and entries without a parent.
type SlapdOptions struct {
	Options
	// ConfigReadable allows the manager to read the configuration, below cn=config.
	ConfigReadable bool
	// DBMaxSize is the maximum size of the database in bytes; 0 means 16 GiB. The file
	// uses only the space that is needed.
	DBMaxSize int64
	// Access has lines of slapd.conf with access rules that precede the one by which
	// users may read everything.
	Access string
	// Hosts are further IP addresses of this machine on which the server listens, without
	// TLS, on the port of Server.URL; see Server.MoreURLs.
	Hosts []string
	// Config has further lines for the section of each database in slapd.conf,
	// such as `limits users size.unchecked=100`.
	Config string
}

// StartSlapd starts an OpenLDAP server whose files are in a new directory below dir;
// "" means the default directory for temporary files. ctx can cancel the start, and
// does not affect the running server. The caller stops it.
func StartSlapd(ctx context.Context, dir string, o SlapdOptions) (*Server, error) {
	slapd, err := lookPath("slapd", "slapd")
	if err != nil {
		return nil, err
	}
	slapadd, err := lookPath("slapadd", "slapd")
	if err != nil {
		return nil, err
	}
	s, err := newServer(dir, "slapd", &o.Options)
	if err != nil {
		return nil, err
	}
	s.ManagerDN = "cn=Manager," + o.Suffix
	if err := s.startSlapd(ctx, o, slapd, slapadd); err != nil {
		_ = s.Stop()
		return nil, fmt.Errorf("cannot start slapd: %w", err)
	}
	return s, nil
}

func (s *Server) startSlapd(ctx context.Context, o SlapdOptions, slapd, slapadd string) error {
	config, err := s.slapdConfig(o)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path("slapd.conf"), []byte(config), 0o600); err != nil {
		return fmt.Errorf("cannot write slapd.conf: %w", err)
	}
	for i := range o.suffixes() {
		if err := os.Mkdir(s.slapdDB(i), 0o700); err != nil {
			return fmt.Errorf("cannot create a database: %w", err)
		}
	}
	base, err := s.baseEntries(&o.Options)
	if err != nil {
		return err
	}
	for _, file := range []string{o.LDIF, base} {
		if file == "" {
			continue
		}
		if err := s.slapdLoad(ctx, o, slapadd, file); err != nil {
			return fmt.Errorf("loading %s: %w", file, err)
		}
	}
	return s.launch(ctx, &o.Options, func(ldap, ldaps int) (*process, error) {
		urls := fmt.Sprintf("ldap://%s/ %s", address(ldap), s.LDAPIURL)
		s.MoreURLs = nil
		for _, host := range o.Hosts {
			more := "ldap://" + net.JoinHostPort(host, strconv.Itoa(ldap))
			s.MoreURLs, urls = append(s.MoreURLs, more), urls+" "+more+"/"
		}
		if o.TLS != nil {
			urls += fmt.Sprintf(" ldaps://%s/", address(ldaps))
		}
		return startProcess(10*time.Second, s.path("slapd.log"), slapd, "-d", "0", "-f", s.path("slapd.conf"), "-h", urls)
	})
}

func (s *Server) slapdDB(suffix int) string { return s.path(fmt.Sprintf("db%d", suffix)) }

// slapdLoad adds the entries of a file.
func (s *Server) slapdLoad(ctx context.Context, o SlapdOptions, slapadd, file string) error {
	files := []string{file}
	if len(o.MoreSuffixes) > 0 {
		var err error
		if files, err = s.splitLDIF(file, o.suffixes()); err != nil {
			return err
		}
	}
	for i, suffix := range o.suffixes() {
		args := []string{"-q", "-f", s.path("slapd.conf"), "-b", suffix, "-l", files[i]}
		if o.Lax {
			args = append(args, "-s")
		}
		if err := run(ctx, s.path("load.log"), slapadd, args...); err != nil {
			return err
		}
	}
	return nil
}

// slapdConfig returns the content of slapd.conf, and writes the files that it names.
func (s *Server) slapdConfig(o SlapdOptions) (string, error) {
	const schemas, modules = "/etc/ldap/schema", "/usr/lib/ldap"
	var files []string
	for _, name := range []string{"core", "cosine", "inetorgperson", "nis"} {
		files = append(files, filepath.Join(schemas, name+".schema"))
	}
	own, err := definitions(o.MultiValued, files)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, file := range files {
		fmt.Fprintf(&b, "include %s\n", file)
	}
	for _, line := range own {
		line = strings.Replace(line, "attributeTypes: ", "attributetype ", 1)
		line = strings.Replace(line, "objectClasses: ", "objectclass ", 1)
		b.WriteString(line + "\n")
	}
	fmt.Fprintf(&b, "modulepath %s\nmoduleload back_mdb\npidfile %q\nloglevel 0\n", modules, s.path("slapd.pid"))
	if o.TLS != nil {
		if err := s.slapdTLS(&b, o.TLS); err != nil {
			return "", err
		}
	}
	if o.ConfigReadable {
		fmt.Fprintf(&b, "database config\naccess to * by dn.exact=%q read\n", s.ManagerDN)
	}
	for i, suffix := range o.suffixes() {
		s.slapdDatabase(&b, o, i, suffix)
	}
	return b.String(), nil
}

// slapdDatabase adds the section of a database. The manager of the first database is
// the manager of all.
func (s *Server) slapdDatabase(b *strings.Builder, o SlapdOptions, number int, suffix string) {
	size := o.DBMaxSize
	if size == 0 {
		size = 16 << 30
	}
	fmt.Fprintf(b, "database mdb\nsuffix %q\nrootdn %q\ndirectory %q\nmaxsize %d\ndbnosync\n", suffix, s.ManagerDN, s.slapdDB(number), size)
	if number == 0 {
		fmt.Fprintf(b, "rootpw %s\n", Password)
	}
	indexes := o.Indexes
	if indexes == nil {
		indexes = []string{"objectClass eq", "uid eq,sub", "mail,mailAlternateAddress eq", "davUniqueId eq,pres"}
	}
	for _, index := range indexes {
		fmt.Fprintf(b, "index %s\n", index)
	}
	switch {
	case o.SizeLimit > 0:
		fmt.Fprintf(b, "sizelimit %d\n", o.SizeLimit)
	case o.SizeLimit < 0:
		b.WriteString("sizelimit unlimited\n")
	}
	b.WriteString(o.Access + "\n")
	if o.AnonymousRead {
		b.WriteString("access to * by * read\n")
	} else {
		b.WriteString("access to * by users read by anonymous auth\n")
	}
	b.WriteString(o.Config + "\n")
}

// slapdTLS adds the lines about TLS. Debian's slapd uses GnuTLS, which expects versions
// and ciphers as priority strings.
func (s *Server) slapdTLS(b *strings.Builder, o *TLSOptions) error {
	files, err := makeCertificate(s.dir, o)
	if err != nil {
		return err
	}
	s.CAFile = files.ca
	fmt.Fprintf(b, "TLSCACertificateFile %q\nTLSCertificateFile %q\nTLSCertificateKeyFile %q\n", files.ca, files.cert, files.key)
	if *o == (TLSOptions{}) {
		return nil
	}
	priority := "NONE:+MAC-ALL:+CIPHER-ALL:+SIGN-ALL:+GROUP-ALL:+COMP-NULL:+CTYPE-ALL:+RSA"
	if !o.RSAKeyExchange {
		priority += ":+ECDHE-RSA:+DHE-RSA"
	}
	for _, version := range o.versions() {
		priority += ":+VERS-" + strings.ReplaceAll(tls.VersionName(version), " ", "")
	}
	fmt.Fprintf(b, "TLSCipherSuite %s\n", priority)
	return nil
}
