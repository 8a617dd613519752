package ldaptest

import (
	"bufio"
	"context"
	"crypto/tls"
	"net"
	"sync"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

const (
	oidStartTLS = "1.3.6.1.4.1.1466.20037"
	oidWhoAmI   = "1.3.6.1.4.1.4203.1.11.3"
	oidNotice   = "1.3.6.1.4.1.1466.20036"
)

// The identifier octets of the answers.
const (
	opBindResult     = 0x61
	opEntry          = 0x64
	opSearchDone     = 0x65
	opReference      = 0x73
	opExtendedResult = 0x78
)

// conn is one connection. Its reader carries out all requests except searches, which run
// in their own goroutines so that they can be abandoned.
type conn struct {
	s      *Server
	number int
	raw    net.Conn
	ctx    context.Context // ends with the connection
	cancel context.CancelFunc

	r   *bufio.Reader // used only by the reader, as are the fields up to writing
	who *Identity     // nil: anonymous, or a user without limits
	as  string

	writing sync.Mutex
	nc      net.Conn // raw, or TLS over it

	searches sync.WaitGroup
	mu       sync.Mutex
	running  map[int64]context.CancelFunc // by message ID
	cursors  map[string]*cursor           // by cookie
}

// message is a request with the parts that all requests have.
type message struct {
	id       int64
	op       *ber.Packet
	controls []Control
}

func newConn(s *Server, raw net.Conn, number int) *conn {
	c := &conn{
		s: s, number: number, raw: raw, nc: raw, r: bufio.NewReader(raw),
		running: map[int64]context.CancelFunc{}, cursors: map[string]*cursor{},
	}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	return c
}

func (c *conn) serve(overTLS bool) {
	defer c.s.forget(c)
	defer c.end()
	if overTLS && !c.startTLS() {
		return
	}
	for {
		p, err := ber.ReadPacket(c.r)
		if err != nil {
			return
		}
		m, err := parseMessage(p)
		if err != nil || !c.dispatch(m) {
			if err != nil {
				_ = c.send(appendNotice(nil, Result{Code: ldap.LDAPResultProtocolError, Message: err.Error()}))
			}
			return
		}
	}
}

// end releases all resources of the connection.
func (c *conn) end() {
	c.hangUp()
	c.searches.Wait()
	for _, cu := range c.cursors {
		cu.stop()
	}
}

// hangUp closes the connection without sending anything, not even a TLS alert.
func (c *conn) hangUp() {
	c.cancel()
	_ = c.raw.Close()
}

// reset closes the connection so that the client gets an error. Unix domain sockets do
// not support this.
func (c *conn) reset() {
	if t, ok := c.raw.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	c.hangUp()
}

// stall blocks all writing until the connection ends.
func (c *conn) stall() {
	c.writing.Lock()
	defer c.writing.Unlock()
	<-c.ctx.Done()
}

func (c *conn) send(b []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, err := c.nc.Write(b)
	return err
}

func (c *conn) isTLS() bool {
	_, ok := c.nc.(*tls.Conn)
	return ok
}

func (c *conn) startTLS() bool {
	t := tls.Server(c.raw, c.s.tls)
	if t.HandshakeContext(c.ctx) != nil {
		return false
	}
	c.writing.Lock()
	defer c.writing.Unlock()
	c.nc, c.r = t, bufio.NewReader(t)
	return true
}

// quiet ends all running searches, as a bind must.
func (c *conn) quiet() {
	c.mu.Lock()
	for _, stop := range c.running {
		stop()
	}
	c.mu.Unlock()
	c.searches.Wait()
}

// dispatch carries out a request and reports whether to continue with the connection.
func (c *conn) dispatch(m *message) bool {
	req := &Request{Connection: c.number, ID: m.id, As: c.as, TLS: c.isTLS(), Controls: m.controls}
	ok := true
	switch m.op.Tag {
	case ldap.ApplicationBindRequest:
		c.quiet()
		c.bind(m, req)
	case ldap.ApplicationUnbindRequest:
		req.Op = "unbind"
		c.s.record(req)
		ok = false
	case ldap.ApplicationAbandonRequest:
		req.Op = "abandon"
		c.s.record(req)
		c.abandon(m)
	case ldap.ApplicationSearchRequest:
		c.search(m, req)
	case ldap.ApplicationExtendedRequest:
		ok = c.extended(m, req)
	case ldap.ApplicationModifyRequest:
		c.write(m, req, "modify")
	case ldap.ApplicationAddRequest:
		c.write(m, req, "add")
	case ldap.ApplicationDelRequest:
		c.write(m, req, "delete")
	default:
		ok = c.refuse(m, req)
	}
	return ok
}

// refuse answers an unsupported operation, and closes the connection when the operation
// does not exist in LDAP.
func (c *conn) refuse(m *message, req *Request) bool {
	switch m.op.Tag {
	case ldap.ApplicationModifyDNRequest:
		req.Op = "modifydn"
	case ldap.ApplicationCompareRequest:
		req.Op = "compare"
	default:
		_ = c.send(appendNotice(nil, Result{Code: ldap.LDAPResultProtocolError, Message: errMalformed.Error()}))
		return false
	}
	res := Result{Code: ldap.LDAPResultUnwillingToPerform, Message: "this server does not rename or compare"}
	c.s.record(req)
	c.answer(m, req, byte(m.op.Tag)+1|0x60, res) // the tag of a response is that of its request plus 1
	return true
}

// answer sends a result and records it in the log.
func (c *conn) answer(m *message, req *Request, tag byte, res Result) {
	c.s.answered(req, res.Code, 0)
	_ = c.send(appendResult(nil, m.id, tag, res, nil, nil))
}

func (c *conn) abandon(m *message) {
	id, err := number(m.op)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if stop := c.running[id]; stop != nil {
		stop()
	}
}

// admits reports whether the client is served at all, and otherwise returns the result.
func (c *conn) admits() (Result, bool) {
	_, overTCP := c.raw.(*net.TCPConn)
	switch {
	case c.s.o.RequireTLS && overTCP && !c.isTLS():
		return Result{Code: ldap.LDAPResultConfidentialityRequired, Message: "TLS confidentiality required"}, false
	case c.s.o.NoAnonymous && c.as == "":
		return Result{Code: ldap.LDAPResultInappropriateAuthentication, Message: "anonymous access is not allowed"}, false
	}
	return Result{}, true
}

func (c *conn) limits() Limits {
	switch {
	case c.who != nil:
		return c.who.Limits
	case c.as == "":
		return c.s.o.AnonymousLimits
	}
	return Limits{}
}
