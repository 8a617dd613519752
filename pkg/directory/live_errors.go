package directory

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// ErrPlaintext is returned instead of sending a password over a connection that
// is not encrypted and leaves this host.
var ErrPlaintext = errors.New("a password would cross the network unencrypted")

// ConnectError says that a server could not be reached, or would not have us.
type ConnectError struct {
	URL string
	Op  string // connect, StartTLS, TLS or bind
	Err error
}

// Error says what failed where.
func (e *ConnectError) Error() string { return fmt.Sprintf("%s: %s: %v", e.URL, e.Op, e.Err) }

// Unwrap returns Err.
func (e *ConnectError) Unwrap() error { return e.Err }

// ResultError is a result code of RFC 4511 other than success. What the server
// says with it is its own text, and may be anything.
type ResultError struct {
	Code      int
	Message   string
	MatchedDN string
	Referrals []string // URLs, of code 10
}

// Error names the code by its number and its meaning, then what the server says.
func (e *ResultError) Error() string {
	meaning, ok := ldap.LDAPResultCodeMap[uint16(min(e.Code, 1<<16-1))]
	if !ok {
		meaning = "a code that LDAP does not have"
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

// ResultCode returns the result code of the server that err is about; 0 when
// it is about something else.
func ResultCode(err error) int {
	if e, ok := errors.AsType[*ResultError](err); ok {
		return e.Code
	}
	return 0
}

// RestartError is not the last word of a sequence. It says that everything
// comes again, from the start and counted anew, because the connection was lost
// or a limit of the server was met that another way of asking may not meet: what
// was delivered before it must be forgotten.
type RestartError struct {
	Entries int   // how many had been delivered
	Err     error // why
}

// Error says after how many entries it begins again, and why.
func (e *RestartError) Error() string {
	return fmt.Sprintf("starting again after %d entries: %v", e.Entries, e.Err)
}

// Unwrap returns Err.
func (e *RestartError) Unwrap() error { return e.Err }

// lostError says that the connection ended before the answer did: trying once
// more may help.
type lostError struct{ err error }

func (e *lostError) Error() string { return e.err.Error() }
func (e *lostError) Unwrap() error { return e.err }

func isLost(err error) bool {
	_, ok := errors.AsType[*lostError](err)
	return ok
}

// fromLDAP makes an error of go-ldap one of ours.
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
