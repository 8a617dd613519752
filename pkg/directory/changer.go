package directory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// Modification is one change to one attribute of an entry. Directory servers take
// ldif.OpIncrement only when they support RFC 4525.
type Modification = ldif.Modification

// Condition is a part of what must hold for an entry to be changed.
type Condition struct {
	Not   bool
	Name  string // of the attribute
	Rule  string // matching rule; "" for the one of the attribute
	Value []byte // nil asks whether the attribute is there at all
}

// ModifyRequest is a request to change an entry.
type ModifyRequest struct {
	DN      string
	Changes []Modification
	// Assert are conditions that must all hold (the assertion control, RFC 4528);
	// none sends no control.
	Assert []Condition
	// PreRead are attributes to return as they were (the pre-read control, RFC
	// 4527); none sends no control.
	PreRead []string
}

// ModifyResult is the answer to a ModifyRequest.
type ModifyResult struct {
	// Answered tells that the server answered; otherwise it is not known whether
	// the entry was changed.
	Answered bool
	Err      *ResultError // nil when the entry was changed
	// Before is what the server says was there, by names in small letters; nil
	// where it says nothing.
	Before map[string][][]byte
}

// Changer is a connection by which single entries are read, and changed many at a
// time. It is for one goroutine.
type Changer struct {
	s    *session
	root Root
	buf  []byte
}

// OpenChanger connects and binds as Open does.
func OpenChanger(ctx context.Context, o Options) (*Changer, error) {
	d, err := newDialer(o.withDefaults())
	if err != nil {
		return nil, err
	}
	s, err := d.dial(ctx)
	if err != nil {
		return nil, err
	}
	found, err := lookup(ctx, s, &search{scope: BaseOnly, filter: anyEntry(), attrs: rootAttributes()})
	if err != nil && !isOfRoot(err) {
		s.close()
		return nil, &ConnectError{URL: s.url, Op: "connect", Err: err}
	}
	c := &Changer{s: s}
	if len(found) > 0 {
		c.root = newRoot(found[0])
	}
	return c, nil
}

// isOfRoot tells whether an error may be what a server says that hides its root.
// One that is busy or goes away hides nothing: what it offers is not known then.
func isOfRoot(err error) bool {
	code := ResultCode(err)
	return code != 0 && code != ldap.LDAPResultBusy && code != ldap.LDAPResultUnavailable && !isLost(err)
}

// URL is that of the server.
func (c *Changer) URL() string { return c.s.url }

// Root is what the server says about itself; little where it hides that.
func (c *Changer) Root() Root { return c.root }

// Close ends the connection.
func (c *Changer) Close() error { return c.s.raw.Close() }

// Read returns what an entry holds of some attributes, and nil where there is no
// entry of that name, or none that may be seen.
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
		return nil, c.fail(&lostError{err}) // it is no answer to what was asked
	}
	return nil, err
}

// fail ends the connection: what comes on it next may be the answer to something
// else.
func (c *Changer) fail(err error) error {
	_ = c.Close()
	return err
}

// IsLost tells whether an error means that the connection is gone, or cannot be
// made: trying again on another one may help.
func IsLost(err error) bool {
	var connect *ConnectError
	return isLost(err) || errors.As(err, &connect) && connect.Op != OpPassword && ResultCode(err) == 0
}

// Modify sends all modifications at once, and returns when each is answered. The
// server may make them in any order. The error is about the connection; then
// answers say which of them were answered before.
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
		c.buf = appendModification(c.buf, first+i, &list[i])
	}
	if err := c.s.raw.SetWriteDeadline(time.Now().Add(c.s.idle)); err != nil {
		return answers, c.fail(&lostError{err})
	}
	// A server whose answers nobody reads takes no more requests.
	sent := make(chan error, 1)
	go func() {
		_, err := c.s.nc.Write(c.buf)
		if err != nil {
			_ = c.Close()
		}
		sent <- err
	}()
	err := c.answers(answers, first)
	if err != nil {
		_ = c.Close()
	}
	if e := <-sent; e != nil && (err == nil || errors.Is(err, net.ErrClosed)) {
		err = &lostError{fmt.Errorf("sending changes: %w", e)}
	}
	return answers, err
}

// answers reads the answers to requests whose numbers begin with first.
func (c *Changer) answers(answers []ModifyResult, first int) error {
	for range answers {
		m, err := c.receive()
		if err != nil {
			return err
		}
		i := m.id - first
		if m.op != opModifyResponse || i < 0 || i >= len(answers) || answers[i].Answered {
			return &lostError{fmt.Errorf("the server answered request %d, which is not open", m.id)}
		}
		if answers[i], err = modified(m); err != nil {
			return err
		}
	}
	return nil
}

// receive returns the next message to any request.
func (c *Changer) receive() (message, error) {
	b, err := c.s.next()
	if err != nil {
		if !isLost(err) {
			err = &lostError{err} // what comes cannot be read any more
		}
		return message{}, err
	}
	m, ok := parseMessage(b)
	if !ok {
		return m, &lostError{errMalformed}
	}
	if m.id == 0 {
		if r, ok := parseResult(m.body); ok {
			return m, &lostError{fmt.Errorf("the server says that it disconnects: %w", r.err())}
		}
		return m, &lostError{errMalformed}
	}
	return m, nil
}

// modified reads the answer to a modification.
func modified(m message) (ModifyResult, error) {
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

// entryValues reads the SearchResultEntry of a control.
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
