package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are the options for connecting to a server and reading from it.
type Options struct {
	// URLs are servers with the same content: ldap://host[:port],
	// ldaps://host[:port], ldapi://%2Fpath%2Fof%2Fsocket. They are tried in order, and
	// the first one that can be reached and accepts the bind is used. When a server
	// rejects the password no further server is tried, but when it is busy or
	// unavailable the next one is.
	URLs []string

	StartTLS bool   // encrypts connections to ldap:// URLs before anything else is sent
	BindDN   string // the DN to bind with, using the password
	// Password returns the password. It is called for each connection. It requires a
	// BindDN; nil means an anonymous bind. An empty password is an error.
	Password func(ctx context.Context) ([]byte, error)
	External bool // bind with SASL EXTERNAL, as the owner of the socket or of the client certificate

	CAFile   string // PEM, the trusted certificate authorities; "" for those of the system
	CertFile string // PEM, a client certificate
	KeyFile  string // PEM, the key of the client certificate; "" if it is in CertFile
	Insecure bool   // accept any server certificate
	// MinTLS is the minimum TLS version, a constant of crypto/tls; 0 is TLS 1.2. A
	// lower version also enables the key exchanges and ciphers of its time.
	MinTLS uint16
	// Plaintext allows sending the password to another host unencrypted. Without it
	// the password is not sent, and the error is ErrPlaintext.
	Plaintext bool

	// BasesFrom says, for messages, where the base DNs of queries come from; it may be "".
	BasesFrom string

	// PageSize is the number of entries to request at a time; 0 requests all at once,
	// which is faster. A server without paged results is asked for all at once.
	PageSize int
	// ByClass makes every search filter by object class. Otherwise a sample of entries
	// is read first, to decide whether it is cheaper to read all of them.
	ByClass bool
	// Idle is the time without receiving anything after which the connection counts as
	// lost; 0 is one minute.
	Idle time.Duration
	// ConnectTimeout limits the time for connecting and binding, without the time
	// that Password takes; 0 is 10 seconds.
	ConnectTimeout time.Duration
	// NoRestart ends a sequence with an *IncompleteError when the connection is lost.
	// Otherwise it starts again, once; see RestartError.
	NoRestart bool

	// Note is called with remarks for the user, such as that a server does not support
	// paged results. It may be nil. The text can contain text from a server.
	Note   func(text string)
	Logger *slog.Logger // for debugging; nil for none
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

// RootDSE is the root DSE of a server, its description of itself (RFC 4512 section
// 5.1). A field that the server does not provide is empty.
type RootDSE struct {
	NamingContexts []string // the DNs of the roots of its trees
	SubschemaDN    string   // the DN of the entry with its schema
	Vendor         string
	Version        string
	Paging         bool // supports paged results (RFC 2696)
	Controls       []string
	Extensions     []string
	Product        Product
}

// Live is a Source that reads from an LDAP server.
//
// Entries does one search for each base. When a query selects most of the entries of a
// server, the search returns all of them and Live distinguishes the kinds by object
// class, because OpenLDAP spends more time on a filter than on sending an entry.
// Otherwise the search filters by object class. When the query has bases or a filter,
// the Selections with Everywhere have a search of their own. Query.Others delivers the
// other entries that the server sends. Aliases are not followed. References to other
// servers are a Problem, once in each search that returns them. Pos is the number of
// the entry or problem, from 0. Entries are valid until the next step of the
// iteration.
//
// A sequence ends without an error only when each search ended with the result code
// success and, with paged results, the last page was marked as the last one. When the
// connection is lost it starts again, once, after a *RestartError, unless
// Options.NoRestart is set. It also starts again, with smaller pages, if a limit of the
// server ends the first page; all later searches use these.
//
// The other methods are safe for concurrent use, also during an iteration: they share
// a connection of their own and wait for each other.
type Live struct {
	dialer *dialer
	url    string
	root   RootDSE
	tls    *tls.ConnectionState // of the first connection
	asking chan struct{}        // semaphore of one: held during a search of ask
	page   atomic.Int64         // the page size, which a limit of the server can reduce

	mu     sync.Mutex // guards what follows
	closed bool
	free   []*session // bound and not in use
}

var _ Source = (*Live)(nil)

// mostFree is the maximum number of unused connections kept: one for Entries, one for
// the other methods.
const mostFree = 2

// errClosed is returned by searches after Close.
var errClosed = errors.New("the directory was closed")

// Open connects to the first server that accepts the connection and the bind, and
// reads its root DSE. When no server does, the error is a *ConnectError, or several
// joined.
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
	l := &Live{dialer: d, url: s.url, tls: s.tls, asking: make(chan struct{}, 1)}
	l.page.Store(int64(max(o.PageSize, 0)))
	found, err := lookupRoot(ctx, s, o.ConnectTimeout)
	switch {
	case err == nil && len(found) > 0:
		l.root = newRootDSE(found[0])
	case err == nil || ResultCode(err) != 0:
		// A server may hide its root DSE and still answer everything else.
		o.note("%s does not show its root DSE, so its features are unknown", s.url)
	default:
		s.close()
		return nil, &ConnectError{URL: s.url, Op: OpRootDSE, Err: err}
	}
	if o.PageSize > 0 && !l.root.Paging {
		o.note("%s does not support paged results; requesting all entries at once", s.url)
	}
	l.put(s)
	return l, nil
}

func rootAttributes() []string {
	return []string{"namingContexts", "subschemaSubentry", "vendorName", "vendorVersion", "supportedControl", "supportedExtension", attrClass}
}

func newRootDSE(f Found) RootDSE {
	first := func(name string) string {
		if v := f.Attrs[name]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	return RootDSE{
		// The empty DN may be a naming context, but does not show which entries exist.
		NamingContexts: slices.DeleteFunc(f.Attrs["namingcontexts"], func(dn string) bool { return strings.Trim(dn, " ") == "" }),
		SubschemaDN:    first("subschemasubentry"),
		Vendor:         first("vendorname"),
		Version:        first("vendorversion"),
		Paging:         slices.Contains(f.Attrs["supportedcontrol"], oidPaging),
		Controls:       f.Attrs["supportedcontrol"],
		Extensions:     f.Attrs["supportedextension"],
		Product:        productOf(f),
	}
}

// Name returns the URL of the server.
func (l *Live) Name() string { return l.url }

// RootDSE returns the root DSE of the server.
func (l *Live) RootDSE() RootDSE { return l.root }

// TLS returns the state of the connection that Open made: its version and the
// certificates of the server. It is nil if that connection is not encrypted.
func (l *Live) TLS() *tls.ConnectionState { return l.tls }

// PageSize returns the number of entries in a page, 0 if everything is requested at once.
// It is smaller than Options.PageSize if a limit of the server requires that.
func (l *Live) PageSize() int { return int(l.page.Load()) }

// Close closes the connections that are not in use; the others are closed after their
// search. It does not end a running iteration.
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

// get returns a session that is not in use; fresh reports whether it is new.
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

// put returns a session after a search that was completed.
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
