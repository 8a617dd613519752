package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say how a server is reached, and how it is read.
type Options struct {
	// URLs are servers with the same content: ldap://host[:port],
	// ldaps://host[:port], ldapi://%2Fpath%2Fof%2Fsocket. They are tried in
	// order, and the first that can be reached and takes the bind is used. A
	// server that refuses the password ends the search for one; one that says that
	// it is busy or unavailable does not.
	URLs []string

	StartTLS bool   // encrypts connections to ldap:// URLs before anything else is sent
	BindDN   string // who binds with a password
	// Password is asked for each connection; nil for an anonymous bind. It
	// goes with a BindDN. An empty password is an error.
	Password func(ctx context.Context) ([]byte, error)
	External bool // binds as whom the socket or the client certificate says (SASL EXTERNAL)

	CAFile   string // PEM, who may sign the server's certificate; "" for the system's authorities
	CertFile string // PEM, a client certificate
	KeyFile  string // PEM, its key; "" if it is in CertFile
	Insecure bool   // takes any certificate for the server's
	// MinTLS is the least version, as crypto/tls numbers them; 0 is TLS 1.2. Less
	// than that brings back the key exchanges and ciphers of its time, too.
	MinTLS uint16
	// Plaintext allows a password to cross the network unencrypted. Without it
	// nothing is sent to such a host, and the error is ErrPlaintext.
	Plaintext bool

	// PageSize is how many entries to ask for at a time; 0 asks for all at once,
	// which is quicker. A server that does not offer pages is asked for all.
	PageSize int
	// ByClass asks the server for object classes always. Otherwise some entries are
	// looked at first, to tell whether it is cheaper to read all of them.
	ByClass bool
	// Idle is after how long without any bytes a server counts as gone; 0 is a minute.
	Idle time.Duration
	// ConnectTimeout limits how long a connection takes until it is bound, and
	// does not count how long the password takes; 0 is 10 seconds.
	ConnectTimeout time.Duration
	// NoRestart ends a sequence as incomplete when its connection is lost.
	// Otherwise it starts again, once; see RestartError.
	NoRestart bool

	// Note is told what a person may want to know, as that a server offers no
	// pages; nil for nobody. The text may hold what a server said.
	Note   func(text string)
	Logger *slog.Logger // of what is done, for those who debug; nil for none
}

const (
	defaultIdle           = time.Minute
	defaultConnectTimeout = 10 * time.Second
)

func (o Options) withDefaults() Options {
	if o.Idle <= 0 {
		o.Idle = defaultIdle
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = defaultConnectTimeout
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (o *Options) note(format string, args ...any) {
	if o.Note != nil {
		o.Note(fmt.Sprintf(format, args...))
	}
}

// Root is what a server says about itself (RFC 4512 section 5.1). What it does
// not say is empty.
type Root struct {
	NamingContexts []string // where its trees begin
	SubschemaDN    string   // where its schema is
	Vendor         string
	Version        string
	Paging         bool // it can give the results of a search in pages
	Controls       []string
	Extensions     []string
}

// Live is a Source that reads from an LDAP server.
//
// Entries does one search for each base. Where most of what a server holds is
// asked for, it sends all of it, and the kinds are told apart here, by the object
// classes: OpenLDAP spends more on a filter than on sending an entry. Otherwise
// the server is asked for the classes. A Selection that is asked for everywhere
// has a search of its own where bases or a filter narrow the others. Query.Others gets what
// the server sends. Aliases are not followed, and references to other servers
// are a Problem, once in each search that meets them. Pos is the number of the entry or problem, from 0. Entries
// stay good until the next step of the iteration.
//
// A sequence ends without an error only when each search ended with the
// result code success and, if there were pages, the last one said that it was
// the last. When the connection is lost it starts again, once, after a
// *RestartError, unless Options.NoRestart is set.
//
// The other methods may be called by several goroutines at once, during an
// iteration as well: they use a connection of their own, one after the other.
type Live struct {
	dialer *dialer
	url    string
	root   Root
	asking chan struct{} // holds the right to ask

	mu     sync.Mutex // guards what follows
	closed bool
	free   []*session // bound, and used by nobody
}

var _ Source = (*Live)(nil)

// mostFree is how many connections are kept: one to read entries, one to ask.
const mostFree = 2

// errClosed is returned for what is asked after Close.
var errClosed = errors.New("the directory was closed")

// Open connects to the first server that will have us, binds, and reads what it
// says about itself. A server that cannot be reached, or refuses the bind, is a
// *ConnectError, or several joined.
func Open(ctx context.Context, o Options) (*Live, error) {
	o = o.withDefaults()
	d, err := newDialer(o)
	if err != nil {
		return nil, err
	}
	s, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	l := &Live{dialer: d, url: s.url, asking: make(chan struct{}, 1)}
	found, err := lookup(ctx, s, &search{base: "", scope: BaseOnly, filter: anyEntry(), attrs: rootAttributes()})
	switch {
	case err == nil && len(found) > 0:
		l.root = newRoot(found[0])
	case err == nil || ResultCode(err) != 0:
		// A server may refuse it and be good for all the rest.
		o.note("%s does not say what it offers", s.url)
	default:
		s.close()
		return nil, &ConnectError{URL: s.url, Op: "reading the root entry", Err: err}
	}
	if o.PageSize > 0 && !l.root.Paging {
		o.note("%s offers no pages; asking for all entries at once", s.url)
	}
	l.put(s)
	return l, nil
}

func rootAttributes() []string {
	return []string{"namingContexts", "subschemaSubentry", "vendorName", "vendorVersion", "supportedControl", "supportedExtension"}
}

func newRoot(f Found) Root {
	first := func(name string) string {
		if v := f.Attrs[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	return Root{
		// The root itself may be a naming context, and says nothing about what is there.
		NamingContexts: slices.DeleteFunc(f.Attrs["namingcontexts"], func(dn string) bool { return strings.Trim(dn, " ") == "" }),
		SubschemaDN:    first("subschemasubentry"),
		Vendor:         first("vendorname"),
		Version:        first("vendorversion"),
		Paging:         slices.Contains(f.Attrs["supportedcontrol"], oidPaging),
		Controls:       f.Attrs["supportedcontrol"],
		Extensions:     f.Attrs["supportedextension"],
	}
}

// Name returns the URL of the server that was reached.
func (l *Live) Name() string { return l.url }

// Root returns what the server says about itself.
func (l *Live) Root() Root { return l.root }

// Close ends the connections that nobody uses now, and keeps no others. An
// iteration that goes on is not ended by it.
func (l *Live) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, s := range l.free {
		s.close()
	}
	l.free = nil
	return nil
}

// get returns a session that nobody else uses; fresh tells that it is new.
func (l *Live) get(ctx context.Context) (s *session, fresh bool, err error) {
	for {
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			return nil, false, errClosed
		}
		n := len(l.free)
		if n > 0 {
			s, l.free = l.free[n-1], l.free[:n-1]
		}
		l.mu.Unlock()
		if n == 0 {
			s, err = l.dialer.dial(ctx)
			return s, true, err
		}
		if s.alive() {
			return s, false, nil
		}
		s.close()
	}
}

// put gives a session back after a search that came to its end.
func (l *Live) put(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || len(l.free) == mostFree || s.gone || s.w > s.r {
		s.close()
		return
	}
	s.used = time.Now()
	l.free = append(l.free, s)
}
