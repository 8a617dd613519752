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
	// GuardReread: we read before and after. A change by somebody else in between
	// is found, and not prevented.
	GuardReread Guard = "reading before and after"
)

// Result codes of RFC 4511, and 122 of RFC 4528, that mean something here.
const (
	codeReferral    = 10
	codeNoAttribute = 16
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
	offered := c.Root().Controls
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
	for name, values := range found.Attrs {
		for _, v := range values {
			out[name] = append(out[name], []byte(v))
		}
	}
	return out, nil
}

// modify sends the changes of records whose entries are to be as they expect, all at
// once. The errors are those of modifyOne; one that is not answered has the error
// of the connection.
func (s *session) modify(records []Record) []error {
	list := make([]directory.Modification, len(records))
	for i := range records {
		list[i] = s.guarded(&records[i])
	}
	answers, err := s.c.Modify(list)
	s.lost = s.lost || err != nil
	out := make([]error, len(records))
	for i := range answers {
		if !answers[i].Answered {
			out[i] = err
			continue
		}
		out[i] = s.judge(&records[i], &answers[i])
	}
	return out
}

// guarded is the request of a record with the controls that guard it.
func (s *session) guarded(r *Record) directory.Modification {
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

// judge says what the answer to a change means.
func (s *session) judge(r *Record, a *directory.Modified) error {
	if a.Err != nil {
		if a.Err.Code == codeAssertion {
			return s.asserted(r)
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
// server could not compare: then the rule for letter case does not apply to the
// attribute, and the change is sent once more without it.
func (s *session) asserted(r *Record) error {
	now, err := s.read(r.DN, r.attributes())
	if err != nil {
		return err
	}
	if why := unmet(r.Expect, now); why != "" {
		return &conflictError{why}
	}
	const unclear = "the server says that the entry is not as the plan expects, though it looks so"
	plain := maps.Clone(s.plain)
	for _, e := range r.Expect {
		if e.Need == NeedAll || e.Need == NeedHas {
			plain[strings.ToLower(e.Name)] = true
		}
	}
	if maps.Equal(plain, s.plain) {
		return &conflictError{unclear}
	}
	s.plain = plain
	answers, err := s.c.Modify([]directory.Modification{s.guarded(r)})
	if err != nil {
		s.lost = true
		return err
	}
	if answers[0].Err != nil && answers[0].Err.Code == codeAssertion {
		return &conflictError{unclear}
	}
	return s.judge(r, &answers[0])
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
	answers, err := s.c.Modify([]directory.Modification{request(&back)})
	if err == nil && answers[0].Err != nil {
		err = answers[0].Err
	}
	if err != nil {
		return fmt.Errorf("%q was changed although %s, and putting it back failed: %w", r.DN, why, err)
	}
	return &conflictError{why + "; it was put back as it was"}
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
