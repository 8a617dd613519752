package directory

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"

	"github.com/go-ldap/ldap/v3"
)

// ErrPlaintext is returned instead of sending a password to another host over an
// unencrypted connection.
var ErrPlaintext = errors.New("the password would be sent over the network unencrypted")

// ConnectError is the error for a server that could not be reached, or that refused
// the connection or the bind.
type ConnectError struct {
	URL string
	Op  string // OpConnect, OpRootDSE, OpPassword, StartTLS, TLS or bind
	Err error
}

// The steps of connecting that a ConnectError can name, besides OpPassword.
const (
	OpConnect = "connect"
	OpRootDSE = "reading the root DSE"
)

// Error states the server, the step that failed, and why.
func (e *ConnectError) Error() string { return fmt.Sprintf("%s: %s: %v", e.URL, e.Op, e.Err) }

// Unwrap returns Err.
func (e *ConnectError) Unwrap() error { return e.Err }

// ResultError is a result code of RFC 4511 other than success. Message is the text
// that the server sent with it, which can be anything.
type ResultError struct {
	Code      int
	Message   string
	MatchedDN string
	Referrals []string // URLs, of code 10; the first ones only
	// MoreReferrals is the number of URLs that are not in Referrals.
	MoreReferrals int
}

// Limits of what is kept of the texts that a server sends with a result.
const (
	maxDiagnostic = 1000 // bytes of a text
	maxReferrals  = 5
)

// clip returns a text that a server sent, or its beginning and its length if it is long.
func clip(text []byte) string {
	if len(text) <= maxDiagnostic {
		return string(text)
	}
	return fmt.Sprintf("%s… (%d bytes in all)", bytes.ToValidUTF8(text[:maxDiagnostic], nil), len(text))
}

// Error states the number and the meaning of the code, then the text of the server, with
// its lines on one line.
func (e *ResultError) Error() string {
	meaning, ok := ldap.LDAPResultCodeMap[uint16(min(e.Code, 1<<16-1))]
	if !ok {
		meaning = "unknown code"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "result code %d (%s)", e.Code, meaning)
	if text := oneLine(e.Message); text != "" {
		b.WriteString(": " + text)
	}
	if len(e.Referrals) > 0 {
		b.WriteString(": " + strings.Join(e.Referrals, " "))
	}
	if e.MoreReferrals > 0 {
		fmt.Fprintf(&b, " and %d more", e.MoreReferrals)
	}
	return b.String()
}

// oneLine returns the lines of a text that are not empty, separated by semicolons.
func oneLine(text string) string {
	var lines []string
	for _, line := range strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// clipURLs returns the first URLs of a list that a server sent, and how many more there are.
func clipURLs(urls []string) (first []string, more int) {
	for _, url := range urls[:min(len(urls), maxReferrals)] {
		first = append(first, clip([]byte(url)))
	}
	return first, len(urls) - len(first)
}

// BaseError is the reason of an *IncompleteError if a base of a query does not exist.
type BaseError struct {
	Base     string
	From     string   // where the base comes from; "" if unknown
	Contexts []string // the naming contexts of the server
	Err      error    // wraps the *ResultError; 389 Directory Server sends none
}

// Error says what does not exist, where it comes from, and what the server holds.
func (e *BaseError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the base '%s'", e.Base)
	if e.From != "" {
		fmt.Fprintf(&b, " (%s)", e.From)
	}
	b.WriteString(" does not exist")
	if len(e.Contexts) > 0 {
		fmt.Fprintf(&b, "; the server holds: '%s'", strings.Join(e.Contexts[:min(len(e.Contexts), maxReferrals)], "', '"))
	}
	if !errors.Is(e.Err, errNoPage) { // it says only that the base may not exist
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns Err.
func (e *BaseError) Unwrap() error { return e.Err }

// netError is an error of the network with a text of our own.
type netError struct {
	text string
	err  error
}

func (e *netError) Error() string { return e.text }
func (e *netError) Unwrap() error { return e.err }

// plainNet returns err with a text that says only what happened: the text of package net
// repeats the step and the addresses.
func plainNet(err error) error {
	var system syscall.Errno
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		text := "the host name cannot be resolved: " + e.Err
		if e.IsNotFound {
			text = "the host name does not exist"
		}
		return &netError{text, err}
	}
	if _, ok := errors.AsType[*net.OpError](err); ok && errors.As(err, &system) {
		return &netError{system.Error(), err}
	}
	return err
}

// ResultCode returns the result code in err, or 0 when err is not a ResultError.
func ResultCode(err error) int {
	if e, ok := errors.AsType[*ResultError](err); ok {
		return e.Code
	}
	return 0
}

// RestartError is not the last error of a sequence. It announces that everything is
// delivered again from the beginning, and counted from 0, because the connection was
// lost, or because the server reached a limit that another kind of search may not
// reach. The caller must discard everything that was delivered before.
type RestartError struct {
	Entries int   // the number of entries delivered before
	Err     error // the reason
}

// Error states after how many entries reading starts again, and why.
func (e *RestartError) Error() string {
	return fmt.Sprintf("starting again after %s: %v", entryCount(e.Entries), e.Err)
}

// Unwrap returns Err.
func (e *RestartError) Unwrap() error { return e.Err }

// lostError is the error for a connection that ended before the answer was complete.
// Retrying may succeed.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

func isLost(err error) bool {
	_, ok := errors.AsType[*lostError](err)
	return ok
}

// fromLDAP converts a result code in an error of go-ldap into a *ResultError.
func fromLDAP(err error) error {
	e, ok := errors.AsType[*ldap.Error](err)
	if !ok {
		return err
	}
	if e.ResultCode >= ldap.ErrorNetwork { // an error of go-ldap itself
		if e.Err != nil {
			return plainNet(e.Err)
		}
		return err
	}
	out := &ResultError{Code: int(e.ResultCode), MatchedDN: clip([]byte(e.MatchedDN))}
	if e.Err != nil {
		out.Message = clip([]byte(e.Err.Error()))
	}
	return out
}
