package ldapchange

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// Guard is the method that ensures that an entry still has the values that a plan
// expects.
type Guard string

// The guards, the strongest first.
const (
	// GuardAssertion means that the server compares the entry and changes it only if
	// it matches; the values that it returns from before the change are then compared
	// byte by byte.
	GuardAssertion Guard = "assertion and pre-read"
	// GuardAssertionOnly means that the server compares the entry, ignoring blanks.
	GuardAssertionOnly Guard = "assertion"
	// GuardPreRead means that the server returns the values from before the change,
	// and a change that should not have been made is undone at once.
	GuardPreRead Guard = "pre-read"
	// GuardReread means that the entry is read before and after, and that each value
	// to delete is named, so that the server refuses to delete a value that somebody
	// else changed in between. A value that somebody else added is kept and found.
	// Differences in letter case or blanks alone are not found, nor are values of
	// attributes without an equality rule.
	GuardReread Guard = "reading before and after"
)

// The result codes of RFC 4511, and 122 of RFC 4528, that are treated specially.
const (
	codeReferral    = 10
	codeNoAttribute = 16
	codeNoMatching  = 18
	codeValueExists = 20
	codeNoEntry     = 32
	codeInvalidDN   = 34
	codeNoRights    = 50
	codeBusy        = 51
	codeUnavailable = 52
	codeUnwilling   = 53
	codeAssertion   = 122
)

// errNoEntry is returned for a DN without an entry.
var errNoEntry = errors.New("entry not found")

// conflictError is returned for an entry that conflicts with the plan.
type conflictError struct{ why string }

func (e *conflictError) Error() string { return e.why }

// session is a connection by which entries are read and changed. It must not be used
// by several goroutines at once.
type session struct {
	c     *directory.Changer
	guard Guard
	// plain contains the attributes, in lower case, that the server does not compare
	// by caseExactMatch.
	plain map[string]bool
	lost  bool // the connection is lost
}

// connect opens a session and finds out which guards the server supports.
func connect(ctx context.Context, o directory.Options) (*session, error) {
	c, err := directory.OpenChanger(ctx, o)
	if err != nil {
		return nil, err
	}
	// Object classes are compared regardless of letter case.
	s := &session{c: c, plain: map[string]bool{"objectclass": true}}
	offered := c.RootDSE().Controls
	switch a, p := slices.Contains(offered, directory.OIDAssertion), slices.Contains(offered, directory.OIDPreRead); {
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

func (s *session) close() { _ = s.c.Close() }

// read returns the values of some attributes of an entry. The error is errNoEntry if
// it does not exist. A read that was begun is finished even if the run is stopped.
func (s *session) read(dn string, attributes []string) (Values, error) {
	found, err := s.c.Read(context.Background(), dn, attributes)
	switch {
	case err != nil:
		s.lost = s.lost || directory.IsLost(err)
		return nil, err
	case found == nil:
		return nil, errNoEntry
	}
	out := Values{}
	other := ""
	for name, values := range found.Attrs {
		if !isRequested(name, attributes) {
			other = name
		}
		for _, v := range values {
			out[name] = append(out[name], []byte(v))
		}
	}
	for _, name := range attributes {
		if other != "" && len(out.of(name)) == 0 {
			// If it were taken for absent, undoing the change would lose its values.
			return nil, fmt.Errorf("%q: the server returns %s for %s: the plan must use the name that the server uses", dn, other, name)
		}
	}
	return out, nil
}

// isRequested reports whether an attribute, regardless of options, is among those
// that were requested.
func isRequested(name string, attributes []string) bool {
	base, _, _ := strings.Cut(name, ";")
	return slices.ContainsFunc(attributes, func(requested string) bool {
		requested, _, _ = strings.Cut(requested, ";")
		return strings.EqualFold(requested, base)
	})
}

// modify sends the guarded changes of several records at once. The errors are those
// of modifyOne; a record without a response has the error of the connection.
func (s *session) modify(records []Record) []error {
	list := make([]directory.ModifyRequest, len(records))
	for i := range records {
		list[i] = s.guarded(&records[i])
	}
	plain := s.plain
	answers, err := s.c.Modify(list)
	s.lost = s.lost || err != nil
	out := make([]error, len(records))
	for i := range answers {
		if !answers[i].Answered {
			out[i] = err
			continue
		}
		out[i] = s.judge(&records[i], &answers[i], plain)
	}
	return out
}

// guarded returns the request of a record with the controls that guard it.
func (s *session) guarded(r *Record) directory.ModifyRequest {
	m := request(r)
	if s.guard == GuardAssertion || s.guard == GuardAssertionOnly {
		m.Assert = conditions(r.Expect, s.plain)
	}
	if s.guard == GuardAssertion || s.guard == GuardPreRead {
		m.PreRead = r.attributes()
	}
	return m
}

// modifyOne changes an entry if it has the values that its record expects. Otherwise
// the error is a *conflictError, and the entry is unchanged or has been restored.
func (s *session) modifyOne(r *Record) error { return s.modify([]Record{*r})[0] }

// modifyNamed changes an entry with the values before, and names each value to delete
// and to add.
func (s *session) modifyNamed(r *Record, before Values) error {
	named := *r
	if named.Changes = valueByValue(r, before); len(named.Changes) == 0 {
		return errAlready
	}
	err := s.modifyOne(&named)
	if directory.ResultCode(err) == codeNoMatching {
		return s.modifyOne(r) // the server has no rule by which to find a value
	}
	return err
}

// judge interprets the response to a change that was sent with the given plain
// attributes.
func (s *session) judge(r *Record, a *directory.ModifyResult, plain map[string]bool) error {
	if a.Err != nil {
		if a.Err.Code == codeAssertion {
			return s.asserted(r, plain)
		}
		return refused(a.Err)
	}
	if s.guard == GuardAssertionOnly || s.guard == GuardReread {
		return nil
	}
	if a.Before == nil {
		return fmt.Errorf("the server did not return the values of %q from before the change", r.DN)
	}
	if why := unmet(r.Expect, Values(a.Before)); why != "" {
		return s.restore(r, Values(a.Before), why)
	}
	return nil
}

// asserted decides what a failed assertion means. If the entry has the expected
// values, the server could not compare them: caseExactMatch does not apply to one of
// the attributes, and the change is sent again without that rule. plain contains the
// plain attributes of the request that failed.
func (s *session) asserted(r *Record, plain map[string]bool) error {
	now, err := s.read(r.DN, r.attributes())
	if err != nil {
		return err
	}
	if why := unmet(r.Expect, now); why != "" {
		return &conflictError{why}
	}
	for _, p := range plainer(r, plain, s.plain) {
		before := s.plain
		s.plain = p
		answers, err := s.c.Modify([]directory.ModifyRequest{s.guarded(r)})
		if err != nil {
			s.plain, s.lost = before, true
			return err
		}
		if answers[0].Err == nil || answers[0].Err.Code != codeAssertion {
			return s.judge(r, &answers[0], p)
		}
		s.plain = before
	}
	return &conflictError{"the server reports that the entry does not match the plan, although its values do"}
}

// plainer returns the sets of plain attributes to try for a record whose assertion
// failed with the set refused: first those known by now, then these and one more
// attribute each, at last all attributes.
func plainer(r *Record, refused, known map[string]bool) []map[string]bool {
	var out []map[string]bool
	all := maps.Clone(known)
	if !maps.Equal(refused, known) {
		out = append(out, known)
	}
	for _, e := range r.Expect {
		name := strings.ToLower(e.Name)
		if (e.Need == NeedAll || e.Need == NeedHas) && !all[name] {
			one := maps.Clone(known)
			one[name], all[name] = true, true
			out = append(out, one)
		}
	}
	if len(all) > len(known)+1 {
		out = append(out, all)
	}
	return out
}

// refused returns the error for the result code of a change.
func refused(err *directory.ResultError) error {
	switch err.Code {
	case codeNoEntry:
		return &conflictError{"the entry no longer exists"}
	case codeNoAttribute:
		return &conflictError{"a value to delete does not exist"}
	case codeValueExists:
		return &conflictError{"a value to add already exists"}
	}
	return err
}

// restore undoes a change that should not have been made, because the server could
// only return afterwards what the values were. why is the conflict.
func (s *session) restore(r *Record, was Values, why string) error {
	back, bad := Invert(r, was)
	switch {
	case bad != "":
		return fmt.Errorf("%q was changed although %s, and cannot be restored: %s", r.DN, why, bad)
	case len(back.Changes) == 0:
		return &conflictError{why}
	}
	return s.sendRestore(&unrestoredError{back: back, why: why})
}

// unrestoredError is returned when a change that should not have been made could not
// be undone yet, because the connection was lost or the server was busy.
type unrestoredError struct {
	back Record // undoes the change
	why  string
	err  error
}

func (e *unrestoredError) Error() string {
	return fmt.Sprintf("%q was changed although %s, and restoring it failed: %v", e.back.DN, e.why, e.err)
}

func (e *unrestoredError) Unwrap() error { return e.err }

// sendRestore sends the change that restores an entry.
func (s *session) sendRestore(owed *unrestoredError) error {
	answers, err := s.c.Modify([]directory.ModifyRequest{request(&owed.back)})
	s.lost = s.lost || err != nil
	if err == nil && answers[0].Err != nil {
		err = answers[0].Err
	}
	if err != nil {
		return &unrestoredError{owed.back, owed.why, err}
	}
	return &conflictError{owed.why + "; its previous values were restored"}
}

// restoreAgain restores an entry that may have been restored already.
func (s *session) restoreAgain(owed *unrestoredError) error {
	now, err := s.read(owed.back.DN, owed.back.attributes())
	switch {
	case errors.Is(err, errNoEntry):
		return err
	case err != nil:
		return &unrestoredError{owed.back, owed.why, err}
	case unmet(owed.back.Expect, now) == "":
		return s.sendRestore(owed)
	case already(&owed.back, now):
		return &conflictError{owed.why + "; its previous values were restored"}
	}
	return &conflictError{owed.why + "; it was changed, and somebody else changed it again before it could be restored"}
}

// change changes an entry if it has the values that its record expects. If unsure,
// the entry may have been changed already, which is checked first.
func (s *session) change(r *Record, unsure bool) error {
	var before Values
	if unsure || s.guard == GuardReread {
		now, err := s.read(r.DN, r.attributes())
		if err != nil {
			return err
		}
		if already(r, now) {
			return errAlready
		}
		if why := unmet(r.Expect, now); why != "" {
			return &conflictError{why}
		}
		before = now
	}
	var err error
	if s.guard == GuardReread {
		err = s.modifyNamed(r, before)
	} else {
		err = s.modifyOne(r)
	}
	var conflict *conflictError
	switch {
	case unsure && errors.As(err, &conflict):
		// The server may have carried out, late, a request from a lost connection.
		if now, e := s.read(r.DN, r.attributes()); e == nil && already(r, now) {
			return errAlready
		}
		return err
	case err != nil || s.guard != GuardReread:
		return err
	}
	return s.confirm(r, before)
}

// confirm reads an entry after the change, and compares it with what the change of
// the values before must result in.
func (s *session) confirm(r *Record, before Values) error {
	then, _ := after(r.Changes, before)
	now, err := s.read(r.DN, r.attributes())
	if err != nil {
		return fmt.Errorf("%q was changed, but cannot be read again: %w", r.DN, err)
	}
	for _, name := range r.attributes() {
		if !sameValues(now.of(name), then.of(name)) {
			return &conflictError{fmt.Sprintf("%s is %s after the change instead of %s: somebody else changed it at the same time", name, quoteValues(now.of(name)), quoteValues(then.of(name)))}
		}
	}
	return nil
}

// already reports whether an entry has the values that a record would give it.
func already(r *Record, now Values) bool {
	for _, c := range r.Changes {
		have := now.of(c.Name)
		switch {
		case c.Op == ldif.OpReplace:
			if !sameValues(have, c.Values) {
				return false
			}
		case c.Op == ldif.OpDelete && len(c.Values) == 0:
			if len(have) > 0 && !slices.ContainsFunc(r.Changes, func(o ldif.Modification) bool {
				return o.Op == ldif.OpAdd && strings.EqualFold(o.Name, c.Name)
			}) {
				return false
			}
		case c.Op == ldif.OpDelete:
			if slices.ContainsFunc(have, func(v []byte) bool { return hasLike(c.Values, v) && !adds(r, c.Name, v) }) {
				return false
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

// adds reports whether a record adds a value, compared byte by byte, to an attribute.
func adds(r *Record, name string, v []byte) bool {
	return slices.ContainsFunc(r.Changes, func(c ldif.Modification) bool {
		return c.Op == ldif.OpAdd && strings.EqualFold(c.Name, name) && hasBytes(c.Values, v)
	})
}
