package directory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// Modification is one change to one attribute of an entry. Directory servers take
// ldif.OpIncrement only when they support RFC 4525.
type Modification = ldif.Modification

// Condition is one condition for changing an entry.
type Condition struct {
	Not   bool
	Name  string // of the attribute
	Rule  string // matching rule; "" for the default rule of the attribute
	Value []byte // nil tests only whether the attribute is present
}

// ModifyRequest is a request to change an entry.
type ModifyRequest struct {
	DN      string
	Changes []Modification
	// Assert are conditions that must all hold (the assertion control, RFC 4528).
	// Without conditions the control is not sent.
	Assert []Condition
	// PreRead are attributes whose values before the change the server returns (the
	// pre-read control, RFC 4527). Without attributes the control is not sent.
	PreRead []string
}

// ModifyResult is the result of a ModifyRequest.
type ModifyResult struct {
	// Answered is set when the server answered. Otherwise it is unknown whether the
	// entry was changed.
	Answered bool
	Err      *ResultError // nil when the entry was changed
	// Before has the values before the change, as reported by the server, keyed by
	// lower-case attribute name; nil if the server does not report them.
	Before map[string][][]byte
}

// Changer is a connection for reading single entries, and for modifying many
// entries at a time. It must not be used by several goroutines at once.
type Changer struct {
	s    *session
	o    Options
	root RootDSE
	buf  []byte
}

// OpenChanger connects and binds as Open does.
func OpenChanger(ctx context.Context, o Options) (*Changer, error) {
	o = o.withDefaults()
	d, err := newDialer(o)
	if err != nil {
		return nil, err
	}
	s, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	found, err := lookupRoot(ctx, s, o.ConnectTimeout)
	if err != nil && !isRootHidden(err) {
		s.close()
		return nil, &ConnectError{URL: s.url, Op: OpRootDSE, Err: err}
	}
	c := &Changer{s: s, o: o}
	if len(found) > 0 {
		c.root = newRootDSE(found[0])
	}
	return c, nil
}

// isRootHidden reports whether err can be the answer of a server that hides its root
// DSE. When a server is busy or goes away, its features are unknown instead.
func isRootHidden(err error) bool {
	code := ResultCode(err)
	return code != 0 && code != ldap.LDAPResultBusy && code != ldap.LDAPResultUnavailable && !isLost(err)
}

// URL returns the URL of the server.
func (c *Changer) URL() string { return c.s.url }

// RootDSE returns the root DSE of the server. It is mostly empty when the server hides
// it.
func (c *Changer) RootDSE() RootDSE { return c.root }

// Close closes the connection.
func (c *Changer) Close() error { return c.s.raw.Close() }

// Read returns the entry with the given attributes, or nil if there is no entry with
// that DN or the server hides it.
func (c *Changer) Read(ctx context.Context, dn string, attrs []string) (*Found, error) {
	found, err := lookup(ctx, c.s, &search{base: dn, scope: BaseOnly, filter: anyEntry(), attrs: attrs})
	switch {
	case err == nil && len(found) == 0:
		return nil, nil
	case err == nil:
		return &found[0], nil
	case isLost(err) || ctx.Err() != nil || errors.Is(err, errTooMuch):
		return nil, c.fail(err)
	case ResultCode(err) == ldap.LDAPResultNoSuchObject:
		return nil, nil
	case ResultCode(err) == 0:
		return nil, c.fail(&lostError{err}) // not an answer to the request
	}
	return nil, err
}

// fail closes the connection, because the next message on it may be the answer to
// another request, and returns err.
func (c *Changer) fail(err error) error {
	_ = c.Close()
	return err
}

// IsLost reports whether err means that the connection was lost or cannot be
// established, so that retrying on a new connection may succeed.
func IsLost(err error) bool {
	var connect *ConnectError
	return isLost(err) || errors.As(err, &connect) && connect.Op != OpPassword && ResultCode(err) == 0
}

// Modify sends all requests at once, and returns when each is answered. The server
// may process them in any order. The error is about the connection; the results then
// show which requests were answered before.
func (c *Changer) Modify(list []ModifyRequest) ([]ModifyResult, error) {
	answers := make([]ModifyResult, len(list))
	if len(list) == 0 {
		return answers, nil
	}
	first := c.s.id + 1
	if first+len(list) > 1<<20 {
		first = 1
	}
	c.s.id = first + len(list) - 1
	c.buf = c.buf[:0]
	for i := range list {
		c.buf = appendModifyRequest(c.buf, first+i, &list[i])
	}
	if err := c.s.raw.SetWriteDeadline(time.Now().Add(c.s.idle)); err != nil {
		return answers, c.fail(&lostError{err})
	}
	// Write in parallel: a server stops reading requests when its answers are not read.
	sent := make(chan error, 1)
	crash.Go(func() error {
		_, err := c.s.nc.Write(c.buf)
		return err
	}, func(err error) {
		if err != nil {
			_ = c.Close()
		}
		sent <- err
	})
	err := c.answers(answers, first)
	if err != nil {
		_ = c.Close()
	}
	if e := <-sent; e != nil && (err == nil || errors.Is(err, net.ErrClosed)) {
		err = &lostError{fmt.Errorf("sending changes: %w", e)}
	}
	return answers, err
}

// answers reads the answers to the requests whose message IDs begin with first.
func (c *Changer) answers(answers []ModifyResult, first int) error {
	for range answers {
		m, err := c.receive()
		if err != nil {
			return err
		}
		i := m.id - first
		if m.op != opModifyResponse || i < 0 || i >= len(answers) || answers[i].Answered {
			return &lostError{fmt.Errorf("the server answered request %d, which is not pending", m.id)}
		}
		if answers[i], err = parseModifyResult(m); err != nil {
			return err
		}
	}
	return nil
}

// receive returns the next message, whatever request it answers.
func (c *Changer) receive() (message, error) {
	b, err := c.s.next()
	if err != nil {
		if !isLost(err) {
			err = &lostError{err} // the following bytes cannot be interpreted
		}
		return message{}, err
	}
	m, ok := parseMessage(b)
	if !ok {
		return m, &lostError{errMalformed}
	}
	if m.id == 0 {
		if r, ok := parseResult(m.body); ok {
			return m, &lostError{fmt.Errorf("the server closes the connection: %w", r.err())}
		}
		return m, &lostError{errMalformed}
	}
	return m, nil
}

// parseModifyResult parses the answer to a modify request.
func parseModifyResult(m message) (ModifyResult, error) {
	r, ok := parseResult(m.body)
	if !ok {
		return ModifyResult{}, &lostError{errMalformed}
	}
	out := ModifyResult{Answered: true}
	if r.code != 0 {
		out.Err = r.err()
		return out, nil
	}
	value, found, ok := findControl(m.controls, oidPreRead)
	if !ok {
		return out, &lostError{errMalformed}
	}
	if found {
		if out.Before, ok = entryValues(value); !ok {
			return out, &lostError{errMalformed}
		}
	}
	return out, nil
}

// entryValues parses the SearchResultEntry in the value of a pre-read control.
func entryValues(b []byte) (map[string][][]byte, bool) {
	body, rest, ok := cutTag(b, opEntry)
	if !ok || len(rest) > 0 {
		return nil, false
	}
	_, attrs, ok := openEntry(body)
	if !ok {
		return nil, false
	}
	out := map[string][][]byte{}
	for len(attrs) > 0 {
		var name, values []byte
		if name, values, attrs, ok = nextAttribute(attrs); !ok {
			return nil, false
		}
		key := strings.ToLower(string(name))
		for len(values) > 0 {
			var v []byte
			if v, values, ok = cutTag(values, tagOctets); !ok {
				return nil, false
			}
			out[key] = append(out[key], append([]byte{}, v...))
		}
	}
	return out, true
}
