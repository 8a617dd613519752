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

// Kind says what stood between the question and the answer.
type Kind string

// The kinds of errors.
const (
	DNS          Kind = "dns"           // the name of the host is not known
	Refused      Kind = "refused"       // nobody takes the connection, or no way leads there
	Timeout      Kind = "timeout"       // no connection or no answer in time
	TLS          Kind = "tls"           // the peer's certificate or its TLS will not do
	Redirect     Kind = "redirect"      // the peer refers to another URL, which is not followed
	RedirectLoop Kind = "redirect-loop" // the redirects lead back to where they began
	Forbidden    Kind = "forbidden"     // 401 or 403: the peer does not take questions from here
	NotFound     Kind = "not-found"     // 404, 410, or 405 to a POST: nothing that takes the question is at that path
	HTML         Kind = "html"          // a web page came instead of an answer
	TooLarge     Kind = "too-large"     // the answer is longer than Options.MaxBody
	Truncated    Kind = "truncated"     // the answer ends in the middle, or before it begins
	Malformed    Kind = "malformed"     // the answer is none to the question
	Rejected     Kind = "rejected"      // the peer speaks iSchedule and refuses; Detail names its reason
	ServerError  Kind = "server-error"  // 5xx
	Other        Kind = "other"
)

// Error is why a peer gave no answer that could be read. Errors of the context
// that was handed in are found in it with errors.Is.
type Error struct {
	Kind   Kind
	URL    string // that was asked last
	Status int    // of HTTP; 0 when it did not come to that
	Detail string // what happened, in one line unless the peer put more into it
	Reason string // the name of the element inside <error>, if Kind is Rejected
	Hint   string // what to do next, in one line
	Err    error  // what lies behind it; may be nil
}

// Error returns the URL and what happened there, without the hint.
func (e *Error) Error() string { return e.URL + ": " + e.Detail }

// Unwrap returns what lies behind the error.
func (e *Error) Unwrap() error { return e.Err }

// ErrQuery is in the errors of questions that cannot be asked: an address that
// is none, no recipients, a time that ends before it begins.
var ErrQuery = errors.New("this cannot be asked")

// maxText limits the texts of a peer that are handed on, in bytes.
const maxText = 500

// clip shortens a text, between two characters.
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

// fail makes an error with the hint that belongs to its kind.
func fail(kind Kind, at string, status int, detail string, err error) *Error {
	return &Error{Kind: kind, URL: clip(at), Status: status, Detail: clip(detail), Hint: hintFor(kind), Err: err}
}

// transportError says what an error of the HTTP client means.
func (c *Client) transportError(ctx context.Context, at string, status int, err error) *Error {
	if cause := ctx.Err(); errors.Is(cause, context.Canceled) {
		e := fail(Other, at, status, "stopped before the peer had answered", cause)
		e.Hint = ""
		return e
	}
	kind, detail := c.diagnose(err)
	e := fail(kind, at, status, detail, err)
	switch {
	case kind == TLS && speaksNoTLS(err):
		e.Hint = "the peer speaks no TLS at that port: correct the port, or write http"
	case kind == Malformed && speaksTLS(err):
		e.Hint = "the peer speaks TLS at that port: correct the port, or write https"
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
		return DNS, fmt.Sprintf("the host name %s cannot be looked up: %s", noName.Name, noName.Err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused, "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Refused, "no route to the host"
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout, "no complete answer in time"
	case isTLS(err):
		return TLS, "TLS: " + strings.TrimPrefix(err.Error(), "tls: ")
	case speaksNoTLS(err):
		return TLS, "the answer to TLS was plain HTTP"
	case errors.As(err, &temporary) && temporary.Timeout() && isDial(err):
		return Timeout, fmt.Sprintf("no connection within %v", c.o.ConnectTimeout)
	case errors.As(err, &temporary) && temporary.Timeout() && strings.Contains(err.Error(), "handshake"):
		return Timeout, fmt.Sprintf("no TLS within %v", c.o.ConnectTimeout)
	case errors.As(err, &temporary) && temporary.Timeout():
		return Timeout, fmt.Sprintf("silent for %v", min(c.o.ReadTimeout, c.o.Timeout))
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

// speaksTLS tells whether what came instead of HTTP is a TLS record, which
// begins with the type of an alert and the version 3.
func speaksTLS(err error) bool { return strings.Contains(err.Error(), `"\x15\x03`) }
