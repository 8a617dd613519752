package ldaptest

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const subschemaDN = "cn=Subschema"

// Server is a running server. All its methods are safe for concurrent use.
type Server struct {
	t         testing.TB // nil without a test
	o         Options
	types     *types
	authority *authority
	tls       *tls.Config // nil without TLS
	people    map[string]*Identity

	tree      *tree
	suffixes  []string // normal
	rootDSE   *record
	subschema *record

	url, ldapsURL, socket string
	listeners             []net.Listener
	ctx                   context.Context
	cancel                context.CancelFunc
	running               sync.WaitGroup

	mu          sync.Mutex // guards what follows
	stopped     bool
	accepted    int
	open        map[*conn]bool
	log         []*Request
	faults      *Faults
	faultsSince int
	modifies    int // since the faults were set
	fired       map[string]int
}

// Start starts a server that is stopped at the end of the test. Invalid options fail
// the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := start(t, o)
	if err != nil {
		t.Fatalf("ldaptest: %v", err)
	}
	t.Cleanup(s.Stop)
	return s
}

// New starts a server outside of a test. The caller must stop it.
func New(o Options) (*Server, error) { return start(nil, o) }

func start(t testing.TB, o Options) (*Server, error) {
	s := &Server{
		t: t, o: o, people: map[string]*Identity{}, tree: newTree(),
		open: map[*conn]bool{}, fired: map[string]int{}, faults: &o.Faults,
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	for _, step := range []func() error{s.readSchema, s.readIdentities, s.readEntries, s.prepareTLS, s.listen} {
		if err := step(); err != nil {
			s.Stop()
			return nil, err
		}
	}
	return s, nil
}

// URL returns the URL of the server: ldap://127.0.0.1:PORT, or that of Options.Listen.
func (s *Server) URL() string { return s.url }

// LDAPSURL returns the URL for ldaps: ldaps://127.0.0.1:PORT.
func (s *Server) LDAPSURL() string { return s.ldapsURL }

// LDAPIURL returns the URL of the socket: ldapi://PATH, with the path percent-encoded.
func (s *Server) LDAPIURL() string { return "ldapi://" + url.PathEscape(s.socket) }

// PeerDN returns the DN of a client of the same operating system user after an EXTERNAL
// bind on the socket.
func (s *Server) PeerDN() string {
	return fmt.Sprintf("gidNumber=%d+uidNumber=%d,cn=peercred,cn=external,cn=auth", os.Getegid(), os.Geteuid())
}

// Connections returns the number of connections accepted so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Open returns the number of open connections. A connection that the client closed
// counts until the server has detected this.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Stop closes all connections and stops listening. This also happens at the end of the
// test.
func (s *Server) Stop() {
	s.mu.Lock()
	s.stopped = true
	for c := range s.open {
		c.hangUp()
	}
	s.mu.Unlock()
	s.cancel()
	for _, l := range s.listeners {
		_ = l.Close()
	}
	s.running.Wait()
	if s.socket != "" {
		_ = os.RemoveAll(filepath.Dir(s.socket))
	}
}

func (s *Server) readSchema() (err error) {
	if s.o.Schema == nil {
		schema := DefaultSchema()
		s.o.Schema = &schema
	}
	s.types, err = newTypes(*s.o.Schema, s.o.Operational)
	return err
}

func (s *Server) readIdentities() error {
	for i := range s.o.Identities {
		id := &s.o.Identities[i]
		n, err := normalDN(id.DN)
		if err != nil || n == "" {
			return fmt.Errorf("the identity %q is not a valid DN", id.DN)
		}
		s.people[n] = id
	}
	return nil
}

func (s *Server) readEntries() error {
	for _, e := range s.o.Entries {
		r := newRecord(e, s.types)
		if s.tree.get(r.normal) != nil {
			return fmt.Errorf("the entry %s occurs twice", e.DN)
		}
		for _, a := range r.attrs {
			if !a.desc.known && !s.o.EvaluateUnknown {
				return fmt.Errorf("the attribute %s of %s is not in the schema", a.name, e.DN)
			}
		}
		s.tree.put(r)
	}
	if s.o.Suffixes == nil {
		for _, slot := range s.tree.all() {
			if r := slot.Load(); s.tree.above(r.normal) == nil {
				s.o.Suffixes = append(s.o.Suffixes, r.dn)
			}
		}
	}
	for _, dn := range s.o.Suffixes {
		n, err := normalDN(dn)
		if err != nil {
			return fmt.Errorf("the suffix %q is not a valid DN", dn)
		}
		s.suffixes = append(s.suffixes, n)
	}
	s.makeSpecial()
	return nil
}

// makeSpecial creates the root DSE and the schema entry.
func (s *Server) makeSpecial() {
	root := []Attr{
		{"objectClass", []string{"top"}},
		{"namingContexts", s.o.Suffixes},
		{"subschemaSubentry", []string{subschemaDN}},
		{"supportedLDAPVersion", []string{"3"}},
		{"supportedControl", s.offered()},
		{"supportedExtension", []string{oidWhoAmI}},
		{"vendorName", []string{"ldaptest"}},
		{"vendorVersion", []string{"1"}},
	}
	if s.o.TLS {
		root[5].Values = append(root[5].Values, oidStartTLS)
	}
	if s.o.TLS || s.o.Unix {
		root = append(root, Attr{"supportedSASLMechanisms", []string{"EXTERNAL"}})
	}
	for _, a := range s.o.RootDSE {
		root = slices.DeleteFunc(root, func(have Attr) bool { return strings.EqualFold(have.Name, a.Name) })
		root = append(root, a)
	}
	root = slices.DeleteFunc(root, func(a Attr) bool { return len(a.Values) == 0 })
	s.rootDSE = newRecord(Entry{Attrs: root}, s.types)
	s.subschema = newRecord(Entry{DN: subschemaDN, Attrs: []Attr{
		{"objectClass", []string{"top", "subschema", "extensibleObject"}},
		{"cn", []string{"Subschema"}},
		{"attributeTypes", s.o.Schema.AttributeTypes},
		{"objectClasses", s.o.Schema.ObjectClasses},
	}}, s.types)
}

// isSpecial reports whether a search reads the root DSE or the schema entry.
func (s *Server) isSpecial(base string, scope int) bool { return s.special(base, scope) != nil }

func (s *Server) special(base string, scope int) *record {
	n, err := normalDN(base)
	switch {
	case err != nil || scope != 0:
		return nil
	case n == "":
		return s.rootDSE
	case n == s.subschema.normal:
		return s.subschema
	}
	return nil
}

func (s *Server) prepareTLS() (err error) {
	if !s.o.TLS {
		return nil
	}
	if s.authority, err = newAuthority(s.o.RSA); err == nil {
		s.tls, err = s.newTLSConfig(s.o.TLSConfig)
	}
	return err
}

func (s *Server) listen() error {
	at, err := s.listenOn("tcp", cmp.Or(s.o.Listen, "127.0.0.1:0"), false)
	if err != nil {
		return err
	}
	s.url = "ldap://" + at
	if s.tls != nil {
		if at, err = s.listenOn("tcp", "127.0.0.1:0", true); err != nil {
			return err
		}
		s.ldapsURL = "ldaps://" + at
	}
	if s.o.Unix {
		// Not t.TempDir: with a long test name its path is too long for a socket.
		dir, err := os.MkdirTemp("", "ldaptest")
		if err != nil {
			return fmt.Errorf("cannot create a directory for the socket: %w", err)
		}
		s.socket = filepath.Join(dir, "ldapi")
		if _, err := s.listenOn("unix", s.socket, false); err != nil {
			return err
		}
	}
	return nil
}

// listenOn listens and returns the address with the actual port.
func (s *Server) listenOn(network, address string, overTLS bool) (string, error) {
	l, err := net.Listen(network, address)
	if err != nil {
		return "", fmt.Errorf("cannot listen: %w", err)
	}
	s.listeners = append(s.listeners, l)
	s.running.Go(func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			if c := s.admit(raw); c != nil {
				s.running.Go(func() { c.serve(overTLS) })
			}
		}
	})
	return l.Addr().String(), nil
}

// admit registers a connection. It returns nil when the connection is not served.
func (s *Server) admit(raw net.Conn) *conn {
	s.mu.Lock()
	if s.stopped {
		s.mu.Unlock()
		_ = raw.Close()
		return nil
	}
	s.accepted++
	c := newConn(s, raw, s.accepted)
	s.open[c] = true
	s.mu.Unlock()
	if s.faultsOf(c.number).CloseOnAccept {
		s.fire("CloseOnAccept")
		c.hangUp()
		s.forget(c)
		return nil
	}
	return c
}

func (s *Server) forget(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
}
