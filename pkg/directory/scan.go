package directory

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Sizes of the buffer in which messages are parsed in place.
const (
	usualBuffer = 256 << 10
	// maxMessage is the maximum size of a message. The buffer is never larger than
	// twice the data received, whatever length a message claims.
	maxMessage = 256 << 20
	// maxConnect is the maximum size of all that a server may send until the bind is done,
	// and of its root DSE.
	maxConnect = 1 << 20
	// maxCookie is the maximum size of the cookie of a page. Servers use some 8 to 2000 bytes.
	maxCookie = 64 << 10
)

// session is a bound connection that nothing else reads from. It does one search at a
// time. Only close may be called by another goroutine.
type session struct {
	url  string
	raw  net.Conn
	in   *inlet // reads from raw
	nc   net.Conn
	idle time.Duration

	most int    // maximum size of a message
	buf  []byte // buf[r:w] is read and not yet parsed
	r, w int
	id   int // of the last message sent

	used time.Time            // when the connection was last known to work
	tls  *tls.ConnectionState // nil without TLS
	last pageEnd              // of the last search
	gone bool                 // closed because a context ended
}

func newSession(url string, raw net.Conn, idle time.Duration) *session {
	in := newInlet(raw)
	return &session{url: url, raw: raw, in: in, nc: in, idle: idle, most: maxConnect, buf: make([]byte, usualBuffer)}
}

// close closes the connection. Pending reads and writes return an error.
func (s *session) close() { _ = s.raw.Close() }

// begin prepares the session for searches. b are bytes that were already read. From now
// on nothing else may use the connection, not even to close it.
func (s *session) begin(b []byte) {
	s.raw = blocking(s.raw)
	s.in.use(s.raw)
	s.buf = append(s.buf[:s.w], b...)
	s.w = len(s.buf)
	s.buf = s.buf[:max(s.w, usualBuffer)]
	s.in.watch(s.idle)
	s.most = maxMessage
}

// usedLately is the time for which a connection is assumed to work after it did.
const usedLately = time.Second

// alive reports whether the connection still seems to work. For a connection that was
// not used for a while this takes about a millisecond.
func (s *session) alive() bool {
	if time.Since(s.used) < usedLately {
		return true
	}
	s.in.unwatch()
	if s.raw.SetReadDeadline(time.Now().Add(time.Millisecond)) != nil {
		return false
	}
	n, err := s.nc.Read(s.buf[:1])
	s.in.watch(s.idle)
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
}

// next returns the next message as received. It is valid until the next call of next.
func (s *session) next() ([]byte, error) {
	for {
		have := s.buf[s.r:s.w]
		size, err := messageSize(have)
		switch {
		case err != nil:
			return nil, err
		case size > s.most:
			return nil, fmt.Errorf("%w: it claims a size of %d bytes", errMalformed, size)
		case size > 0 && size <= len(have):
			s.r += size
			return have[:size:size], nil
		}
		if err := s.fill(size); err != nil {
			return nil, err
		}
	}
}

// fill reads more data. size is the size of the message being read, or 0 if unknown.
func (s *session) fill(size int) error {
	s.makeRoom(size)
	n, err := s.nc.Read(s.buf[s.w:])
	s.w += n
	if n > 0 {
		return nil
	}
	switch {
	case err == nil:
		err = io.ErrNoProgress
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("no data for %v", s.idle)
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		err = plainNet(err)
	case s.w > s.r:
		err = fmt.Errorf("the connection was closed in the middle of a message: %w", io.ErrUnexpectedEOF)
	default:
		err = fmt.Errorf("the connection was closed: %w", io.ErrUnexpectedEOF)
	}
	return &lostError{err}
}

// makeRoom moves the unparsed data to the front when space runs out, and enlarges the
// buffer, or shrinks it again after a large message.
func (s *session) makeRoom(size int) {
	unread := s.w - s.r
	want := len(s.buf)
	switch {
	case unread == len(s.buf):
		want = min(2*want, size)
	case len(s.buf) > usualBuffer && max(unread, size) <= usualBuffer/2:
		want = usualBuffer
	}
	if want != len(s.buf) {
		larger := make([]byte, want)
		copy(larger, s.buf[s.r:s.w])
		s.buf, s.r, s.w = larger, 0, unread
		return
	}
	if unread == 0 {
		s.r, s.w = 0, 0
	} else if s.r > 0 && len(s.buf)-s.w < len(s.buf)/2 {
		copy(s.buf, s.buf[s.r:s.w])
		s.r, s.w = 0, unread
	}
}

// send writes a request. controls may be nil.
func (s *session) send(op, controls *ber.Packet) error {
	s.id = s.id%(1<<20) + 1
	p := ber.NewSequence("LDAPMessage")
	p.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, s.id, "messageID"))
	p.AppendChild(op)
	if controls != nil {
		p.AppendChild(controls)
	}
	if err := s.raw.SetWriteDeadline(time.Now().Add(s.idle)); err != nil {
		return &lostError{err}
	}
	if _, err := s.nc.Write(p.Bytes()); err != nil {
		return &lostError{fmt.Errorf("sending a request: %w", plainNet(err))}
	}
	return nil
}

// receive returns the next message that belongs to the last request.
func (s *session) receive() (message, error) {
	b, err := s.next()
	if err != nil {
		return message{}, err
	}
	m, ok := parseMessage(b)
	switch {
	case !ok:
		return m, errMalformed
	case m.id == 0 && m.op == opExtendedResult:
		// An unsolicited notification; the only one that RFC 4511 defines is the
		// notice of disconnection (section 4.4.1).
		r, ok := parseResult(m.body)
		if !ok {
			return m, errMalformed
		}
		return m, &lostError{fmt.Errorf("the server closes the connection: %w", r.err())}
	case m.id != s.id:
		return m, fmt.Errorf("the server answered request %d, which is not pending", m.id)
	}
	return m, nil
}

// err returns the error of a result other than success.
func (r *resultFields) err() *ResultError {
	urls, more := clipURLs(r.referral)
	return &ResultError{Code: r.code, Message: clip(r.message), MatchedDN: clip(r.matched), Referrals: urls, MoreReferrals: more}
}

// askStartTLS requests TLS (RFC 4511 section 4.14) and returns when the server is ready
// for the handshake.
func (s *session) askStartTLS() error {
	op := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationExtendedRequest, nil, "StartTLS")
	op.AppendChild(ber.NewString(ber.ClassContext, ber.TypePrimitive, 0, "1.3.6.1.4.1.1466.20037", "requestName"))
	if err := s.send(op, nil); err != nil {
		return err
	}
	m, err := s.receive()
	if err != nil {
		return err
	}
	r, ok := parseResult(m.body)
	switch {
	case !ok || m.op != opExtendedResult:
		return errMalformed
	case r.code != 0:
		return r.err()
	case s.r != s.w:
		// An attacker between client and server could have injected it.
		return errors.New("the server sent unencrypted data after accepting StartTLS")
	}
	return nil
}
