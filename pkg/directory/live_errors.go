package directory

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// ErrPlaintext is returned instead of sending a password to another host over an
// unencrypted connection.
var ErrPlaintext = errors.New("the password would be sent over the network unencrypted")

// ConnectError is the error for a server that could not be reached, or that refused
// the connection or the bind.
type ConnectError struct {
	URL string
	Op  string // connect, StartTLS, TLS or bind
	Err error
}

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
	Referrals []string // URLs, of code 10
}

// Error states the number and the meaning of the code, then the text of the server.
func (e *ResultError) Error() string {
	meaning, ok := ldap.LDAPResultCodeMap[uint16(min(e.Code, 1<<16-1))]
	if !ok {
		meaning = "unknown code"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "result code %d (%s)", e.Code, meaning)
	if e.Message != "" {
		b.WriteString(": " + e.Message)
	}
	if len(e.Referrals) > 0 {
		b.WriteString(": " + strings.Join(e.Referrals, " "))
	}
	return b.String()
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
	return fmt.Sprintf("starting again after %d entries: %v", e.Entries, e.Err)
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
	if !ok || e.ResultCode >= ldap.ErrorNetwork {
		return err
	}
	out := &ResultError{Code: int(e.ResultCode), MatchedDN: e.MatchedDN}
	if e.Err != nil {
		out.Message = e.Err.Error()
	}
	return out
}
