package ischedule

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Kind classifies an Error.
type Kind string

// The kinds of errors.
const (
	DNS          Kind = "dns"           // the host name cannot be resolved
	Refused      Kind = "refused"       // connection refused, or no route to the host
	Timeout      Kind = "timeout"       // no connection or no answer in time
	TLS          Kind = "tls"           // the peer's certificate or its TLS is not acceptable
	Redirect     Kind = "redirect"      // the peer redirects to another URL, which is not followed
	RedirectLoop Kind = "redirect-loop" // the redirects lead back to an earlier URL
	Forbidden    Kind = "forbidden"     // 401 or 403: the peer does not accept queries from this address
	NotFound     Kind = "not-found"     // 404, 410, or 405 to a POST: nothing at that path accepts the query
	HTML         Kind = "html"          // the answer is a web page
	TooLarge     Kind = "too-large"     // the answer is longer than Options.MaxBody
	Truncated    Kind = "truncated"     // the answer is incomplete or missing
	Malformed    Kind = "malformed"     // the answer is not in the expected format
	Rejected     Kind = "rejected"      // the peer speaks iSchedule and rejects the query; Detail names its reason
	ServerError  Kind = "server-error"  // 5xx
	Other        Kind = "other"
)

// Error says why a peer gave no usable answer. An error of the caller's context
// can be found in it with errors.Is.
type Error struct {
	Kind   Kind
	URL    string // the URL that was queried last
	Status int    // HTTP status; 0 if there was no response
	Detail string // what happened, in one line unless text of the peer contains line feeds
	Reason string // the name of the element inside <error>, if Kind is Rejected
	Hint   string // what to do next, in one line
	Err    error  // the underlying error; may be nil
}

// Error returns the URL and what happened there, without the hint.
func (e *Error) Error() string { return e.URL + ": " + e.Detail }

// Unwrap returns the underlying error.
func (e *Error) Unwrap() error { return e.Err }

// ErrQuery is wrapped by the errors of invalid queries: an invalid address, no
// recipients, an end that is not after the start.
var ErrQuery = errors.New("invalid query")

// maxText is the maximum length of a text of a peer that is passed on, in bytes.
const maxText = 500

// clip shortens a text at a character boundary.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for end > maxText-4 && s[end]&0xc0 == 0x80 {
		end--
	}
	// A copy, or the whole answer would stay in memory.
	return strings.Clone(s[:end]) + "…"
}

func clipAll(list []string) []string {
	for i := range list {
		list[i] = clip(list[i])
	}
	return list
}

// fail returns an error with the hint for its kind.
func fail(kind Kind, at string, status int, detail string, err error) *Error {
	return &Error{Kind: kind, URL: clip(at), Status: status, Detail: clip(detail), Hint: hintFor(kind), Err: err}
}

// transportError returns the Error for an error of the HTTP transport.
func (c *Client) transportError(ctx context.Context, at string, status int, err error) *Error {
	if cause := ctx.Err(); errors.Is(cause, context.Canceled) {
		e := fail(Other, at, status, "stopped before the peer answered", cause)
		e.Hint = ""
		return e
	}
	kind, detail := c.diagnose(err)
	e := fail(kind, at, status, detail, err)
	switch {
	case kind == TLS && speaksNoTLS(err):
		e.Hint = "the peer does not use TLS on that port: correct the port, or use http"
	case kind == Malformed && speaksTLS(err):
		e.Hint = "the peer uses TLS on that port: correct the port, or use https"
	}
	return e
}

func (c *Client) diagnose(err error) (Kind, string) {
	var noName *net.DNSError
	var temporary net.Error
	switch {
	case errors.As(err, &noName) && noName.IsNotFound:
		return DNS, "no such host: " + noName.Name
	case errors.As(err, &noName):
		return DNS, fmt.Sprintf("cannot resolve the host name %s: %s", noName.Name, noName.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused, "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Refused, "no route to host"
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout, "no complete answer in time"
	case isTLS(err):
		return TLS, "TLS: " + strings.TrimPrefix(err.Error(), "tls: ")
	case speaksNoTLS(err):
		return TLS, "the peer answered the TLS handshake with plain HTTP"
	case errors.As(err, &temporary) && temporary.Timeout() && isDial(err):
		return Timeout, fmt.Sprintf("no connection within %v", c.o.ConnectTimeout)
	case errors.As(err, &temporary) && temporary.Timeout() && strings.Contains(err.Error(), "handshake"):
		return Timeout, fmt.Sprintf("no TLS handshake within %v", c.o.ConnectTimeout)
	case errors.As(err, &temporary) && temporary.Timeout():
		return Timeout, fmt.Sprintf("no data for %v", min(c.o.ReadTimeout, c.o.Timeout))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return Truncated, "the peer closed the connection before its answer was complete"
	case strings.Contains(err.Error(), "malformed"):
		return Malformed, "the answer is not HTTP: " + err.Error()
	}
	return Other, err.Error()
}

func isDial(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func isTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) ||
		errors.As(err, &unknown) || errors.As(err, &host) || strings.HasPrefix(err.Error(), "tls: ") || strings.HasPrefix(err.Error(), "remote error: tls: ")
}

func speaksNoTLS(err error) bool {
	var record tls.RecordHeaderError
	return errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch)
}

// speaksTLS reports whether the peer sent a TLS record instead of HTTP: an alert,
// which begins with its type and the version 3.
func speaksTLS(err error) bool { return strings.Contains(err.Error(), `"\x15\x03`) }
