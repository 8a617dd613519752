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
	// GuardReread: we read before and after, and name each value that is to go, so
	// that the server refuses to remove what somebody else has changed in between.
	// What they add stays, and is found. What differs in letter case or blanks
	// alone is not found, nor are values of attributes without an equality rule.
	GuardReread Guard = "reading before and after"
)

// Result codes of RFC 4511, and 122 of RFC 4528, that mean something here.
const (
	codeReferral    = 10
	codeNoAttribute = 16
	codeNoMatching  = 18
	codeValueExists = 20
	codeNoEntry     = 32
	codeBusy        = 51
	codeUnavailable = 52
	codeUnwilling   = 53
	codeAssertion   = 122
)

// errNoEntry says that there is no entry of that name.
var errNoEntry = errors.New("there is no such entry")

// conflictError says that an entry is not as the plan expects.
type conflictError struct{ why string }

func (e *conflictError) Error() string { return e.why }

// session is one connection by which entries are read and changed. It is for one
// goroutine.
type session struct {
	c     *directory.Changer
	guard Guard
	// plain are attributes, in small letters, that the server does not compare by
	// caseExactMatch.
	plain map[string]bool
	lost  bool // the connection is gone
}

// connect opens a session, and finds out what guards the server offers.
func connect(ctx context.Context, o directory.Options) (*session, error) {
	c, err := directory.OpenChanger(ctx, o)
	if err != nil {
		return nil, err
	}
	// Classes are compared as names, whatever the letter case.
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

// read returns what an entry holds of some attributes. The error is errNoEntry
// where there is none. What has begun is ended, whatever stops the run.
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
		if !isAskedFor(name, attributes) {
			other = name
		}
		for _, v := range values {
			out[name] = append(out[name], []byte(v))
		}
	}
	for _, name := range attributes {
		if other != "" && len(out.of(name)) == 0 {
			// Taken for absent it would be lost when the change is taken back.
			return nil, fmt.Errorf("%q: asked for %s the server sends %s: a plan has to use the name that the server uses", dn, name, other)
		}
	}
	return out, nil
}

// isAskedFor tells whether an attribute, without its options, is one of those that
// were asked for.
func isAskedFor(name string, attributes []string) bool {
	base, _, _ := strings.Cut(name, ";")
	return slices.ContainsFunc(attributes, func(asked string) bool {
		asked, _, _ = strings.Cut(asked, ";")
		return strings.EqualFold(asked, base)
	})
}

// modify sends the changes of records whose entries are to be as they expect, all at
// once. The errors are those of modifyOne; one that is not answered has the error
// of the connection.
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

// guarded is the request of a record with the controls that guard it.
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

// modifyOne changes an entry that is to be as its record expects. The error is a
// *conflictError where it is not, and then nothing is changed, or what was
// changed has been put back.
func (s *session) modifyOne(r *Record) error { return s.modify([]Record{*r})[0] }

// modifyNamed changes an entry that held before, with each value named that is to go
// or to come.
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

// judge says what the answer to a change means that was sent with the given plain
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
		return fmt.Errorf("the server did not tell what was there before the change of %q", r.DN)
	}
	if why := unmet(r.Expect, Values(a.Before)); why != "" {
		return s.putBack(r, Values(a.Before), why)
	}
	return nil
}

// asserted decides what a failed assertion means. Where all is as expected, the
// server could not compare: then the rule for letter case does not apply to one of
// the attributes, and the change is sent again without it. plain is how it was
// sent.
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
	return &conflictError{"the server says that the entry is not as the plan expects, though it looks so"}
}

// plainer lists with which plain attributes to try a record that was refused with
// others: what was found out since, then one attribute more, at last all of them.
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

// refused says what a result code means for the entry that was to be changed.
func refused(err *directory.ResultError) error {
	switch err.Code {
	case codeNoEntry:
		return &conflictError{"there is no such entry any more"}
	case codeNoAttribute:
		return &conflictError{"a value that was to be removed is not there"}
	case codeValueExists:
		return &conflictError{"a value that was to be added is there already"}
	}
	return err
}

// putBack takes a change back that should not have been made: the server could
// only tell afterwards what was there.
func (s *session) putBack(r *Record, was Values, why string) error {
	back, bad := Invert(r, was)
	switch {
	case bad != "":
		return fmt.Errorf("%q was changed although %s, and cannot be put back: %s", r.DN, why, bad)
	case len(back.Changes) == 0:
		return &conflictError{why}
	}
	return s.giveBack(&owedError{back: back, why: why})
}

// owedError says that a change that should not have been made is still there: the
// server went away, or was busy, when it was to be taken back.
type owedError struct {
	back Record
	why  string
	err  error
}

func (e *owedError) Error() string {
	return fmt.Sprintf("%q was changed although %s, and putting it back failed: %v", e.back.DN, e.why, e.err)
}

func (e *owedError) Unwrap() error { return e.err }

// giveBack sends what puts an entry back as it was.
func (s *session) giveBack(owed *owedError) error {
	answers, err := s.c.Modify([]directory.ModifyRequest{request(&owed.back)})
	s.lost = s.lost || err != nil
	if err == nil && answers[0].Err != nil {
		err = answers[0].Err
	}
	if err != nil {
		return &owedError{owed.back, owed.why, err}
	}
	return &conflictError{owed.why + "; it was put back as it was"}
}

// repay puts an entry back when it is not known whether that was done already.
func (s *session) repay(owed *owedError) error {
	now, err := s.read(owed.back.DN, owed.back.attributes())
	switch {
	case errors.Is(err, errNoEntry):
		return err
	case err != nil:
		return &owedError{owed.back, owed.why, err}
	case unmet(owed.back.Expect, now) == "":
		return s.giveBack(owed)
	case already(&owed.back, now):
		return &conflictError{owed.why + "; it was put back as it was"}
	}
	return &conflictError{owed.why + "; it was changed, and changed again by somebody else before it could be put back"}
}

// change changes an entry that is to be as its record expects. unsure looks first
// whether it is changed already.
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
		// The server may have carried out late what was sent on a connection that is gone.
		if now, e := s.read(r.DN, r.attributes()); e == nil && already(r, now) {
			return errAlready
		}
		return err
	case err != nil || s.guard != GuardReread:
		return err
	}
	return s.confirm(r, before)
}

// confirm reads an entry after a change of what was there before.
func (s *session) confirm(r *Record, before Values) error {
	then, _ := after(r.Changes, before)
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

// adds tells whether a record gives an attribute a value, by its bytes.
func adds(r *Record, name string, v []byte) bool {
	return slices.ContainsFunc(r.Changes, func(c ldif.Modification) bool {
		return c.Op == ldif.OpAdd && strings.EqualFold(c.Name, name) && hasBytes(c.Values, v)
	})
}
