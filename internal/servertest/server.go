package servertest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

// Password is the password of the manager and the reader of each server.
const Password = "secret"

// Server is a running directory server. Its methods may be called by several
// goroutines at once.
type Server struct {
	URL      string // the ldap URL; with TLS it also supports StartTLS
	LDAPSURL string // "" without TLS
	LDAPIURL string // a Unix socket
	CAFile   string // PEM; "" without TLS
	// MoreURLs are the ldap URLs of SlapdOptions.Hosts.
	MoreURLs []string

	Suffix    string
	ManagerDN string // a user without limits; the password is Password
	ReaderDN  string // an ordinary user who may read everything; "" without Options.Reader

	// Skipped is the number of entries of the file that a Lax server skipped.
	Skipped int

	process  *process
	dir      string
	leftover string // a file elsewhere that remains when the server is killed
	stop     func() error
}

// Options are the options that the servers have in common.
type Options struct {
	// Suffix is the DN of the tree, "o=isp" by default.
	Suffix string
	// MoreSuffixes are the DNs of further trees, such as that of the domains in a
	// directory with schema 1.
	MoreSuffixes []string
	// LDIF is the file to load. It must contain the entries of all suffixes. Without a
	// file, only these entries are created.
	LDIF string
	// Lax disables the checks of schema and syntax as far as the server allows, so
	// that it accepts faulty entries.
	Lax bool
	// MultiValued allows several values of davUniqueId and davStore.
	MultiValued bool
	// Reader adds the entry cn=reader below the suffix: a person without a mail address
	// and user ID, as whom tests can bind.
	Reader bool
	// AnonymousRead allows everyone to read. Otherwise anonymous clients can read only
	// the root entry and the schema.
	AnonymousRead bool
	// SizeLimit is the maximum number of entries that a search of an ordinary user may
	// find: 0 means the default of the server, -1 means no limit.
	SizeLimit int
	// Indexes are attributes followed by kinds of index (pres, eq, sub), as in
	// "davUniqueId eq,pres". OpenLDAP has only these; nil means indexes of objectClass,
	// uid, mail, mailAlternateAddress and davUniqueId. 389 Directory Server has them in
	// addition to its own, which do not include davUniqueId.
	Indexes []string
	// TLS enables TLS, unless it is nil.
	TLS *TLSOptions
}

func (o *Options) suffixes() []string { return append([]string{o.Suffix}, o.MoreSuffixes...) }

// Pid returns the process ID of the server.
func (s *Server) Pid() int { return s.process.os.Pid }

// Dir returns the directory that holds all files of the server.
func (s *Server) Dir() string { return s.dir }

// Stop ends the server, waits until it has ended, and removes its files. It returns an
// error if the server had ended before. Further calls do nothing and return the same.
func (s *Server) Stop() error { return s.stop() }

// newServer creates the directory of a server below dir, or below the default directory
// for temporary files.
func newServer(dir, kind string, o *Options) (*Server, error) {
	if o.Suffix == "" {
		o.Suffix = "o=isp"
	}
	if o.LDIF != "" {
		if _, err := os.Stat(o.LDIF); err != nil {
			return nil, fmt.Errorf("nothing to load: %w", err)
		}
	}
	for _, suffix := range o.suffixes() {
		if strings.ContainsAny(suffix, "\"\\%\n") {
			return nil, fmt.Errorf("a suffix with quotes or backslashes is not supported: %q", suffix)
		}
	}
	own, err := os.MkdirTemp(dir, kind)
	if err != nil {
		return nil, fmt.Errorf("cannot create a directory for %s: %w", kind, err)
	}
	s := &Server{Suffix: o.Suffix, dir: own}
	if own, err = filepath.Abs(own); err == nil { // the servers change their working directory
		s.dir = own
	}
	s.stop = sync.OnceValue(s.end)
	if o.Reader {
		s.ReaderDN = "cn=reader," + o.Suffix
	}
	const longest = 103 // the limit of the systems for the path of a socket
	if socket := s.path("ldapi"); len(socket) > longest {
		return nil, errors.Join(fmt.Errorf("the path of the directory is too long for a socket: %s", socket), s.end())
	}
	s.LDAPIURL = "ldapi://" + url.PathEscape(s.path("ldapi"))
	return s, nil
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

// end is the first call of Stop.
func (s *Server) end() error {
	var early error
	if s.process != nil {
		select {
		case <-s.process.done:
			early = s.process.end()
		default:
			s.process.stop()
		}
	}
	if s.leftover != "" {
		_ = os.Remove(s.leftover)
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return errors.Join(early, fmt.Errorf("cannot remove the files of the server: %w", err))
	}
	return early
}

// launch starts the program of the server and waits until it answers. start gets ports
// for ldap and ldaps; it is called again if another program took one of them.
func (s *Server) launch(ctx context.Context, o *Options, start func(ldap, ldaps int) (*process, error)) error {
	const most = 5
	for attempt := 1; ; attempt++ {
		ports, err := freePorts(2)
		if err != nil {
			return err
		}
		if s.process, err = start(ports[0], ports[1]); err != nil {
			return err
		}
		if err = s.process.ready(ctx, s.path("ldapi"), ports[0]); err == nil {
			s.URL = "ldap://" + address(ports[0])
			if o.TLS != nil {
				s.LDAPSURL = "ldaps://" + address(ports[1])
			}
			return nil
		}
		s.process.stop()
		if attempt == most || ctx.Err() != nil || isFree(ports[0]) && isFree(ports[1]) {
			return err
		}
	}
}

// baseEntries writes the entries that the options require in addition to those of the
// file: the suffixes if there is no file, and the reader.
func (s *Server) baseEntries(o *Options) (file string, err error) {
	var text strings.Builder
	for _, suffix := range o.suffixes() {
		if o.LDIF != "" {
			break
		}
		class, rdn, err := suffixClass(suffix)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "dn: %s\nobjectClass: top\nobjectClass: %s\n%s\n\n", suffix, class, rdn)
	}
	if o.Reader {
		fmt.Fprintf(&text, "dn: %s\nobjectClass: top\nobjectClass: person\ncn: reader\nsn: reader\nuserPassword: %s\n\n", s.ReaderDN, Password)
	}
	if text.Len() == 0 {
		return "", nil
	}
	file = s.path("base.ldif")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		return "", fmt.Errorf("cannot write the first entries: %w", err)
	}
	return file, nil
}

// suffixClass returns the object class and the naming attribute line of a suffix's entry.
func suffixClass(suffix string) (class, rdn string, err error) {
	first, _, _ := strings.Cut(suffix, ",")
	attribute, value, _ := strings.Cut(first, "=")
	switch strings.ToLower(strings.TrimSpace(attribute)) {
	case "o":
		class = "organization"
	case "ou":
		class = "organizationalUnit"
	case "dc":
		class = "domain"
	default:
		return "", "", fmt.Errorf("cannot create an entry for the suffix %q: it begins with neither o, ou nor dc", suffix)
	}
	return class, strings.TrimSpace(attribute) + ": " + strings.TrimSpace(value), nil
}
