package ischedule

import (
	"crypto/rand"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"time"
)

// Options say how a Client talks to peers. The zero value is ready for use.
type Options struct {
	// ConnectTimeout limits the connection: looking up the name and connecting,
	// and then the TLS handshake. It is davcore.serverlimits.httpconnecttimeout; 0
	// means 5 seconds.
	ConnectTimeout time.Duration
	// ReadTimeout is the longest silence of a peer. It is
	// davcore.serverlimits.httpsockettimeout; 0 means 5 seconds.
	ReadTimeout time.Duration
	// Timeout limits a whole call, redirects included, so that a peer that sends
	// a byte now and then holds nobody up. 0 means 30 seconds.
	Timeout time.Duration
	// MaxBody is the longest answer, in bytes, before and after decompression; 0
	// means 10 MiB. While an answer is read, it can take twenty times its length.
	MaxBody int64
	// MaxRedirects is how many redirects are followed. It is
	// davcore.serverlimits.maxhttpredirects; 0 means 3, and -1 none.
	MaxRedirects int
	// TLS is for https; nil means that the certificates of peers are verified
	// against those that the system trusts.
	TLS *tls.Config
	// UserAgent is what the client calls itself; "" means davadmin.
	UserAgent string
	// PRODID names the product in the iCalendar objects that are sent; "" means
	// a name of ours.
	PRODID string
	// Now is the clock for the time stamps that are sent; nil means time.Now.
	Now func() time.Time
	// Rand is where unique ids come from; nil means crypto/rand.
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

// Client asks peers. Several goroutines may use one at the same time, if the
// functions and the reader of its Options allow it. It keeps no connections
// between calls.
type Client struct {
	o         Options
	transport *http.Transport // no http.Client: redirects are not its business
}

// New returns a client. It takes no proxy from the environment.
func New(o Options) *Client {
	o = o.withDefaults()
	dialer := &net.Dialer{Timeout: o.ConnectTimeout}
	return newClient(o, dialer.DialContext)
}

// newClient returns a client that connects with dial.
func newClient(o Options, dial dialFunc) *Client {
	return &Client{o: o, transport: &http.Transport{
		DialContext:            patientDial(dial, o.ReadTimeout),
		TLSClientConfig:        o.TLS.Clone(),
		TLSHandshakeTimeout:    o.ConnectTimeout,
		DisableKeepAlives:      true,
		MaxResponseHeaderBytes: maxHeader,
	}}
}

// maxHeader limits the header of an answer, in bytes.
const maxHeader = 64 << 10
