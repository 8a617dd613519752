package ldapchange

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// Guard is how it is made sure that an entry is still as a plan expects.
type Guard string

// The guards, the strongest first.
const (
	// GuardAssertion: the server compares, and changes only what fits; what it read
	// before is compared by its bytes.
	GuardAssertion Guard = "assertion and pre-read"
	// GuardAssertionOnly: the server compares, without regard to blanks.
	GuardAssertionOnly Guard = "assertion"
	// GuardPreRead: the server tells what it read before, and a change that should
	// not have been made is taken back at once.
	GuardPreRead Guard = "pre-read"
	// GuardReread: we read before and after. A change by somebody else in between
	// is found, and not prevented.
	GuardReread Guard = "reading before and after"
)

// errNoEntry says that there is no entry of that name.
var errNoEntry = errors.New("there is no such entry")

// conflictError says that an entry is not as the plan expects.
type conflictError struct{ why string }

func (e *conflictError) Error() string { return e.why }

// session is one connection by which entries are read and changed. It is for one
// goroutine.
type session struct {
	conn  *ldap.Conn
	url   string
	guard Guard
	// plain are attributes, in small letters, that the server does not compare by
	// caseExactMatch.
	plain map[string]bool
}

// connect opens a session, and asks what guards the server offers.
func connect(ctx context.Context, o directory.Options) (*session, error) {
	conn, url, err := directory.Connect(ctx, o)
	if err != nil {
		return nil, err
	}
	// Classes are compared as names, whatever the letter case.
	s := &session{conn: conn, url: url, plain: map[string]bool{"objectclass": true}}
	offered, err := s.controls()
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("%s: asking what the server offers: %w", url, err)
	}
	switch a, p := offered[oidAssertion], offered[oidPreRead]; {
	case a && p:
		s.guard = GuardAssertion
	case a:
		s.guard = GuardAssertionOnly
	case p:
		s.guard = GuardPreRead
	default:
		s.guard = GuardReread
	}
	return s, nil
}

func (s *session) close() { _ = s.conn.Close() }

// controls returns what the root of the directory names.
func (s *session) controls() (map[string]bool, error) {
	r, err := s.conn.Search(ldap.NewSearchRequest("", ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"supportedControl"}, nil))
	if err != nil {
		return nil, err
	}
	out := map[string]bool{}
	for _, e := range r.Entries {
		for _, oid := range e.GetEqualFoldAttributeValues("supportedControl") {
			out[oid] = true
		}
	}
	return out, nil
}

// read returns what an entry holds of some attributes. The error is errNoEntry
// where there is none.
func (s *session) read(dn string, attributes []string) (Values, error) {
	r, err := s.conn.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", attributes, nil))
	switch {
	case ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject):
		return nil, errNoEntry
	case err != nil:
		return nil, err
	case len(r.Referrals) > 0:
		return nil, &ldap.Error{ResultCode: ldap.LDAPResultReferral, Err: errors.New(strings.Join(r.Referrals, " "))}
	case len(r.Entries) != 1:
		return nil, errNoEntry // we may not see it
	}
	out := Values{}
	for _, a := range r.Entries[0].Attributes {
		name := strings.ToLower(a.Name)
		out[name] = append(out[name], a.ByteValues...)
	}
	return out, nil
}

// modify changes an entry that is to be as expect says. before is what it holds,
// for GuardReread alone. The error is a *conflictError where it is not as it is to be, and then
// nothing is changed, or what was changed has been put back.
func (s *session) modify(r *Record, expect []Expectation, before Values) error {
	var then Values
	if s.guard == GuardReread {
		var why string
		if then, why = after(r.Changes, before); why != "" {
			return &conflictError{why}
		}
	}
	result, err := s.send(r, expect)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultAssertionFailed) {
		if result, err = s.asserted(r, expect); err == nil && result == nil {
			return nil
		}
	}
	if err != nil {
		return refused(err)
	}
	if s.guard == GuardReread {
		return s.confirm(r, then)
	}
	was, ok, err := preReadValues(result.Controls)
	if err != nil {
		return err
	}
	if !ok {
		if s.guard != GuardAssertionOnly {
			return fmt.Errorf("the server did not tell what was there before the change of %q", r.DN)
		}
		return nil
	}
	if why := unmet(expect, was); why != "" {
		return s.putBack(r, was, why)
	}
	return nil
}

// send sends a modification with the controls that guard it.
func (s *session) send(r *Record, expect []Expectation) (*ldap.ModifyResult, error) {
	var controls []ldap.Control
	if s.guard == GuardAssertion || s.guard == GuardAssertionOnly {
		c, err := assertion(assertFilter(expect, s.plain))
		if err != nil {
			return nil, err
		}
		if c != nil {
			controls = append(controls, c)
		}
	}
	if s.guard == GuardAssertion || s.guard == GuardPreRead {
		controls = append(controls, preRead(r.attributes()))
	}
	return s.conn.ModifyWithResult(modifyRequest(r, controls))
}

func modifyRequest(r *Record, controls []ldap.Control) *ldap.ModifyRequest {
	req := ldap.NewModifyRequest(r.DN, controls)
	for _, c := range r.Changes {
		values := make([]string, len(c.Values))
		for i, v := range c.Values {
			values[i] = string(v)
		}
		switch c.Op {
		case ldif.OpAdd:
			req.Add(c.Name, values)
		case ldif.OpDelete:
			req.Delete(c.Name, values)
		default:
			req.Replace(c.Name, values)
		}
	}
	return req
}

// asserted decides what a failed assertion means. Where all is as expected, the
// server could not compare: then the rule for letter case does not apply to the
// attribute, and the change is sent once more without it.
func (s *session) asserted(r *Record, expect []Expectation) (*ldap.ModifyResult, error) {
	now, err := s.read(r.DN, r.attributes())
	if err != nil {
		return nil, err
	}
	if why := unmet(expect, now); why != "" {
		return nil, &conflictError{why}
	}
	plain := maps.Clone(s.plain)
	for _, e := range expect {
		if e.Need == NeedAll || e.Need == NeedHas {
			plain[strings.ToLower(e.Name)] = true
		}
	}
	if maps.Equal(plain, s.plain) {
		return nil, &conflictError{"the server says that the entry is not as the plan expects, though it looks so"}
	}
	s.plain = plain
	result, err := s.send(r, expect)
	if ldap.IsErrorWithCode(err, ldap.LDAPResultAssertionFailed) {
		return nil, &conflictError{"the server says that the entry is not as the plan expects, though it looks so"}
	}
	return result, err
}

// refused says what a result code means for the entry that was to be changed.
func refused(err error) error {
	var conflict *conflictError
	if errors.As(err, &conflict) {
		return err
	}
	for code, why := range map[uint16]string{
		ldap.LDAPResultNoSuchObject:           "there is no such entry any more",
		ldap.LDAPResultNoSuchAttribute:        "a value that was to be removed is not there",
		ldap.LDAPResultAttributeOrValueExists: "a value that was to be added is there already",
	} {
		if ldap.IsErrorWithCode(err, code) {
			return &conflictError{why}
		}
	}
	return err
}

// putBack takes a change back that should not have been made: the server could
// only tell afterwards what was there.
func (s *session) putBack(r *Record, was Values, why string) error {
	then, bad := after(r.Changes, was)
	if bad != "" {
		return fmt.Errorf("%q was changed although %s, and cannot be put back: %s", r.DN, why, bad)
	}
	back := inverse(r, was, then)
	if len(back.Changes) == 0 {
		return &conflictError{why}
	}
	if err := s.conn.Modify(modifyRequest(&back, nil)); err != nil {
		return fmt.Errorf("%q was changed although %s, and putting it back failed: %w", r.DN, why, err)
	}
	return &conflictError{why + "; it was put back as it was"}
}

// confirm reads an entry after a change.
func (s *session) confirm(r *Record, then Values) error {
	now, err := s.read(r.DN, r.attributes())
	if err != nil {
		return fmt.Errorf("%q was changed, and cannot be read again: %w", r.DN, err)
	}
	for _, name := range r.attributes() {
		if !sameValues(now.of(name), then.of(name)) {
			return &conflictError{fmt.Sprintf("after the change %s is %s instead of %s: somebody else changed it at the same time", name, shown(now.of(name)), shown(then.of(name)))}
		}
	}
	return nil
}

// already tells whether an entry is as a record would make it.
func already(r *Record, now Values) bool {
	for _, c := range r.Changes {
		have := now.of(c.Name)
		switch {
		case c.Op == ldif.OpReplace:
			if !sameValues(have, c.Values) {
				return false
			}
		case c.Op == ldif.OpDelete && len(c.Values) == 0:
			if len(have) > 0 && !slices.ContainsFunc(r.Changes, func(o ldif.Change) bool {
				return o.Op == ldif.OpAdd && strings.EqualFold(o.Name, c.Name)
			}) {
				return false
			}
		case c.Op == ldif.OpDelete:
			for _, v := range c.Values {
				if hasBytes(have, v) {
					return false
				}
			}
		default:
			for _, v := range c.Values {
				if !hasBytes(have, v) {
					return false
				}
			}
		}
	}
	return true
}
