package ischedule

import (
	"crypto/rand"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// Options configure a Client. The zero value is ready for use.
type Options struct {
	// ConnectTimeout limits the name lookup and the connection together, and then
	// the TLS handshake separately. It corresponds to
	// davcore.serverlimits.httpconnecttimeout; 0 means 5 seconds.
	ConnectTimeout time.Duration
	// ReadTimeout is the longest time that a peer may send or receive nothing. It
	// corresponds to davcore.serverlimits.httpsockettimeout; 0 means 5 seconds.
	ReadTimeout time.Duration
	// Timeout limits a whole call, including redirects, so that a peer that sends
	// a byte now and then cannot block the caller. 0 means 30 seconds.
	Timeout time.Duration
	// MaxBody is the maximum length of an answer in bytes, before and after
	// decompression; 0 means 10 MiB. Parsing an answer can take twenty times its
	// length in memory.
	MaxBody int64
	// MaxRedirects is how many redirects are followed. It corresponds to
	// davcore.serverlimits.maxhttpredirects; 0 means 3, and -1 means none.
	MaxRedirects int
	// TLS is the configuration for https; nil means that the certificates of peers
	// are verified against the system's trust store.
	TLS *tls.Config
	// UserAgent is the value of the header User-Agent; "" means davadmin.
	UserAgent string
	// PRODID identifies the product in the iCalendar objects that are sent; ""
	// means a default.
	PRODID string
	// Now returns the time for the time stamps that are sent; nil means time.Now.
	Now func() time.Time
	// Rand is the source of random bytes for unique ids; nil means crypto/rand.
	Rand io.Reader
}

func (o Options) withDefaults() Options {
	setDefault(&o.ConnectTimeout, 5*time.Second)
	setDefault(&o.ReadTimeout, 5*time.Second)
	setDefault(&o.Timeout, 30*time.Second)
	setDefault(&o.MaxBody, 10<<20)
	setDefault(&o.MaxRedirects, 3)
	setDefault(&o.UserAgent, "davadmin")
	setDefault(&o.PRODID, "-//davadmin//iSchedule//EN")
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return o
}

func setDefault[T comparable](v *T, usual T) {
	var zero T
	if *v == zero {
		*v = usual
	}
}

// Client queries peers. It is safe for concurrent use if the functions and the
// reader in its Options are. It keeps no connections open between calls.
type Client struct {
	o         Options
	transport *http.Transport // not an http.Client, because ask follows redirects itself
}

// New returns a client. It does not use a proxy from the environment.
func New(o Options) *Client {
	o = o.withDefaults()
	dialer := &net.Dialer{Timeout: o.ConnectTimeout}
	return newClient(o, dialer.DialContext)
}

// newClient returns a client that opens connections with dial.
func newClient(o Options, dial dialFunc) *Client {
	return &Client{o: o, transport: &http.Transport{
		DialContext:            dialWithIdleTimeout(dial, o.ReadTimeout),
		TLSClientConfig:        o.TLS.Clone(),
		TLSHandshakeTimeout:    o.ConnectTimeout,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxHeader,
	}}
}

// maxHeader is the maximum length of a response header, in bytes.
const maxHeader = 64 << 10
