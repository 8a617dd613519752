package directory

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Sizes of the buffer that messages are read in place from.
const (
	usualBuffer = 256 << 10
	// maxMessage is how large a message may be. The buffer never has more than
	// twice what the server sent, whatever length it claims.
	maxMessage = 256 << 20
)

// session is a connection that is bound, and on which nobody else reads. It does
// one search at a time. Only close may be called by another goroutine.
type session struct {
	url  string
	raw  net.Conn
	in   *inlet // reads from raw
	nc   net.Conn
	idle time.Duration

	buf  []byte // messages stand in buf[r:w]
	r, w int
	id   int // of the last message sent

	used time.Time // when it was last known to be good
	gone bool      // it was closed because a context ended
}

func newSession(url string, raw net.Conn, idle time.Duration) *session {
	in := newInlet(raw)
	return &session{url: url, raw: raw, in: in, nc: in, idle: idle, buf: make([]byte, usualBuffer)}
}

// close ends the connection. What waits for the server comes back with an error.
func (s *session) close() { _ = s.raw.Close() }

// begin makes the session ready for searches. b was read already. Nobody else may
// use the connection, not even to close it.
func (s *session) begin(b []byte) {
	s.raw = patient(s.raw)
	s.in.Conn = s.raw
	s.buf = append(s.buf[:s.w], b...)
	s.w = len(s.buf)
	s.buf = s.buf[:max(s.w, usualBuffer)]
	s.in.watch(s.idle)
}

// usedLately is how long a connection counts as good after it was.
const usedLately = time.Second

// alive tells whether the server still seems to be there. After a while without
// use that takes some milliseconds.
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

// next returns the next message as it came. It is good until next is called again.
func (s *session) next() ([]byte, error) {
	for {
		have := s.buf[s.r:s.w]
		size, err := messageSize(have)
		switch {
		case err != nil:
			return nil, err
		case size > maxMessage:
			return nil, fmt.Errorf("%w: it claims to have %d bytes", errMalformed, size)
		case size > 0 && size <= len(have):
			s.r += size
			return have[:size:size], nil
		}
		if err := s.fill(size); err != nil {
			return nil, err
		}
	}
}

// fill reads more. size is how much the message has that is being read, if known.
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
		err = fmt.Errorf("nothing came for %v", s.idle)
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
	case s.w > s.r:
		err = fmt.Errorf("the connection was closed in the middle of a message: %w", io.ErrUnexpectedEOF)
	default:
		err = fmt.Errorf("the connection was closed: %w", io.ErrUnexpectedEOF)
	}
	return &lostError{err}
}

// makeRoom moves what is unread to the front when room gets short, and makes
// the buffer larger, or smaller again after a large message.
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
		return &lostError{fmt.Errorf("sending a request: %w", err)}
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
		// An unsolicited notification; the only one that RFC 4511 knows is that
		// of disconnection (section 4.4.1).
		r, ok := parseResult(m.body)
		if !ok {
			return m, errMalformed
		}
		return m, &lostError{fmt.Errorf("the server says that it disconnects: %w", r.err())}
	case m.id != s.id:
		return m, fmt.Errorf("the server answered request %d, which is not open", m.id)
	}
	return m, nil
}

// err makes an error of a result that may be any but success.
func (r *resultFields) err() *ResultError {
	return &ResultError{Code: r.code, Message: string(r.message), MatchedDN: string(r.matched), Referrals: r.referral}
}

// askStartTLS asks for TLS (RFC 4511 section 4.14) and returns when the
// server is ready for the handshake.
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
		// Somebody between us and the server could have put it there.
		return errors.New("the server sent something in clear behind its consent")
	}
	return nil
}
