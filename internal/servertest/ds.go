package servertest

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// DSOptions describe a 389 Directory Server. The zero value means an empty tree o=isp
// with the default limits of the server: a search of an ordinary user finds no more
// than 2000 entries, and examines no more than 5000.
//
// The manager is cn=Directory Manager. A Lax server accepts nearly everything. Of
// values that are equal by its matching rule it keeps the first, invalid DNs as values
// become empty, and it skips entries without a parent.
type DSOptions struct {
	Options
	// LookThroughLimit is the maximum number of entries that a search of an ordinary
	// user may examine: 0 means the default of the server, -1 means no limit.
	LookThroughLimit int
	// Access contains values of aci for the root entry of each suffix, instead of the
	// one by which users may read everything.
	Access []string
}

// The files of the Debian package.
const (
	dsTemplate = "/usr/share/dirsrv/data/template-dse.ldif"
	dsSchemas  = "/usr/share/dirsrv/schema"
)

// Start389 starts a 389 Directory Server whose files are in a new directory below
// dir; "" means the default directory for temporary files. ctx can cancel the start,
// and does not affect the running server. The caller stops it.
//
// The server is configured by the template that dscreate also uses. dscreate itself
// requires systemd, root and system directories.
func Start389(ctx context.Context, dir string, o DSOptions) (*Server, error) {
	nsSlapd, err := lookPath("ns-slapd", "389-ds-base")
	if err != nil {
		return nil, err
	}
	s, err := newServer(dir, "ds", &o.Options)
	if err != nil {
		return nil, err
	}
	s.ManagerDN = "cn=Directory Manager"
	if err := s.start389(ctx, o, nsSlapd); err != nil {
		_ = s.Stop()
		return nil, fmt.Errorf("cannot start 389 Directory Server: %w", err)
	}
	return s, nil
}

func (s *Server) start389(ctx context.Context, o DSOptions, nsSlapd string) error {
	if err := s.dsFiles(ctx, o); err != nil {
		return err
	}
	loaded := false
	err := s.launch(ctx, &o.Options, func(ldap, ldaps int) (*process, error) {
		if err := s.dsConfig(o, ldap, ldaps); err != nil {
			return nil, err
		}
		if !loaded {
			if err := s.dsLoad(ctx, o, nsSlapd); err != nil {
				return nil, err
			}
			loaded = true
		}
		// It is killed: a clean end takes two seconds, for files that are removed at
		// once.
		return startProcess(0, s.path("ns-slapd.log"), nsSlapd, "-D", s.dsConf(), "-i", s.path("run/pid"), "-d", "0")
	})
	if err != nil {
		return err
	}
	return s.dsAccess(ctx, o)
}

// dsConf returns the directory of the configuration. The semaphore of the server is
// named after it, so the name is unique.
func (s *Server) dsConf() string { return s.path("slapd-" + filepath.Base(s.dir)) }

// semaphore returns the file of the semaphore that belongs to the server in dir.
func semaphore(dir string) string { return "/dev/shm/sem.slapd-" + filepath.Base(dir) + ".stats" }

// dsFiles creates the files that the server needs in addition to its configuration.
func (s *Server) dsFiles(ctx context.Context, o DSOptions) error {
	s.leftover = semaphore(s.dir)
	for _, name := range []string{s.dsConf(), filepath.Join(s.dsConf(), "schema"), s.path("db"), s.path("ldif"), s.path("bak"),
		s.path("run"), s.path("lock"), s.path("log"), s.path("tmp")} {
		if err := os.Mkdir(name, 0o700); err != nil {
			return fmt.Errorf("cannot create the directories of the server: %w", err)
		}
	}
	// Only root can read the files of the package.
	for name, text := range map[string]string{
		"certmap.conf":          "certmap default default\n",
		"slapd-collations.conf": "",
		"schema/99user.ldif":    "dn: cn=schema\n",
	} {
		if err := os.WriteFile(filepath.Join(s.dsConf(), name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("cannot write the files of the server: %w", err)
		}
	}
	files, err := filepath.Glob(filepath.Join(dsSchemas, "*.ldif"))
	if err == nil && len(files) == 0 {
		err = fs.ErrNotExist
	}
	if err != nil {
		return fmt.Errorf("no schema in %s: %w", dsSchemas, err)
	}
	own, err := definitions(o.MultiValued, files)
	if err != nil {
		return err
	}
	text := "dn: cn=schema\n" + strings.Join(own, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(s.dsConf(), "schema/97dav.ldif"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("cannot write the schema: %w", err)
	}
	if o.TLS != nil {
		return s.dsCertificate(ctx)
	}
	return nil
}

// dsCertificate gives the server a key in its database, and a certificate of an authority.
// certutil could issue one itself, but counts its life in months, which differ in length.
func (s *Server) dsCertificate(ctx context.Context) error {
	certutil, err := lookPath("certutil", "libnss3-tools")
	if err != nil {
		return err
	}
	noise, request := s.path("tmp/noise"), s.path("tmp/server.req")
	if err := os.WriteFile(noise, []byte(s.dir), 0o600); err != nil {
		return fmt.Errorf("cannot make a key: %w", err)
	}
	database := func(args ...string) error {
		if err := run(ctx, s.path("tls.log"), certutil, append(args, "-d", s.dsConf())...); err != nil {
			return fmt.Errorf("cannot make a certificate: %w", err)
		}
		return nil
	}
	if err := database("-N", "--empty-password"); err != nil {
		return err
	}
	if err := database("-R", "-s", "CN="+loopback, "-k", "rsa", "-g", "2048", "-Z", "SHA256", "-z", noise, "-o", request); err != nil {
		return err
	}
	issued, err := s.dsIssue(request)
	if err != nil {
		return err
	}
	if err := database("-A", "-n", "authority", "-t", "CT,,", "-a", "-i", s.CAFile); err != nil {
		return err
	}
	return database("-A", "-n", "Server-Cert", "-t", "u,u,u", "-i", issued)
}

// dsIssue writes the certificate for a request, whose file it returns, and that of the
// authority.
func (s *Server) dsIssue(request string) (issued string, err error) {
	text, err := os.ReadFile(request)
	if err != nil {
		return "", fmt.Errorf("cannot make a certificate: %w", err)
	}
	r, err := x509.ParseCertificateRequest(text)
	if err != nil {
		return "", fmt.Errorf("cannot read the request for a certificate: %w", err)
	}
	ca, der, err := issueCertificate(r.PublicKey, &TLSOptions{})
	if err != nil {
		return "", err
	}
	s.CAFile, issued = s.path("ca.pem"), s.path("tmp/server.der")
	err = errors.Join(
		os.WriteFile(s.CAFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca}), 0o600),
		os.WriteFile(issued, der, 0o600))
	if err != nil {
		return "", fmt.Errorf("cannot write a certificate: %w", err)
	}
	return issued, nil
}

// dsLoad fills the database.
func (s *Server) dsLoad(ctx context.Context, o DSOptions, nsSlapd string) error {
	base, err := s.baseEntries(&o.Options)
	if err != nil {
		return err
	}
	var files []string
	for _, file := range []string{o.LDIF, base} {
		if file == "" {
			continue
		}
		if file, err = filepath.Abs(file); err != nil {
			return fmt.Errorf("cannot load %s: %w", file, err)
		}
		files = append(files, "-i", file)
	}
	for i := range o.suffixes() {
		// The unique IDs that the server generates by default take 4 ms each. It loads
		// the entries of the suffix from a file, and skips the others.
		args := append([]string{"ldif2db", "-D", s.dsConf(), "-n", dsBackend(i), "-g", "deterministic"}, files...)
		const skipped = 8 // the exit code when entries were skipped
		err := run(ctx, s.path("load.log"), nsSlapd, args...)
		var which string
		s.Skipped, which = s.dsSkipped()
		switch {
		case exitCode(err) == skipped && o.Lax && s.Skipped > 0:
		case exitCode(err) == skipped:
			return fmt.Errorf("loading %s: %d entries were skipped, the first: %s", o.LDIF, s.Skipped, which)
		case err != nil:
			return fmt.Errorf("loading %s: %w: %s", o.LDIF, err, tail(s.path("log/errors")))
		}
	}
	return nil
}

// dsSkipped returns the number of entries that the import skipped, and the message of
// the server about the first.
func (s *Server) dsSkipped() (count int, first string) {
	f, err := os.Open(s.path("log/errors"))
	if err != nil {
		return 0, err.Error()
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if _, what, found := strings.Cut(lines.Text(), "Skipping entry "); found {
			if count++; count == 1 {
				first = what
			}
		}
	}
	return count, first
}

// dsAccess allows users to read, which otherwise only the manager may do.
func (s *Server) dsAccess(ctx context.Context, o DSOptions) error {
	who := "all" // everyone who has bound
	if o.AnonymousRead {
		who = "anyone"
	}
	const aci = `(targetattr="* || nsUniqueId || createTimestamp || modifyTimestamp")(version 3.0; acl "read"; allow (read, search, compare) userdn="ldap:///%s";)`
	rules := o.Access
	if len(rules) == 0 {
		rules = []string{fmt.Sprintf(aci, who)}
	}
	var changes strings.Builder
	for _, suffix := range o.suffixes() {
		fmt.Fprintf(&changes, "dn: %s\nchangetype: modify\nadd: aci\naci: %s\n\n", suffix, strings.Join(rules, "\naci: "))
	}
	file := s.path("access.ldif")
	if err := os.WriteFile(file, []byte(changes.String()), 0o600); err != nil {
		return fmt.Errorf("cannot give access: %w", err)
	}
	ldapmodify, err := lookPath("ldapmodify", "ldap-utils")
	if err != nil {
		return err
	}
	if err := run(ctx, s.path("access.log"), ldapmodify, "-x", "-H", s.URL, "-D", s.ManagerDN, "-w", Password, "-f", file); err != nil {
		return fmt.Errorf("cannot give access: %w", err)
	}
	return nil
}
