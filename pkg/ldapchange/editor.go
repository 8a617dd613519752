package ldapchange

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// Editor changes single entries, each guarded as the records of a plan are. It writes no
// files: how a change is undone is recorded by the caller, before. It is for one goroutine.
type Editor struct {
	a    *Applier
	left bool // a request was not waited for, and may still use the connection
}

// stopLimit is how long the answer to a request is waited for after the context has ended.
const stopLimit = 1500 * time.Millisecond

// errLeft is returned for an Editor that was stopped while the server did not answer.
var errLeft = errors.New("the connection is still waiting for an answer of the server")

// wait calls fn, and waits for it until shortly after ctx has ended. What fn sets may be used
// only if the error is its own.
func (e *Editor) wait(ctx context.Context, fn func() error) (own bool, err error) {
	if e.left {
		return false, errLeft
	}
	done := make(chan error, 1)
	crash.Go(fn, func(err error) { done <- err })
	select {
	case err := <-done:
		return true, err
	case <-ctx.Done():
	}
	select {
	case err := <-done:
		return true, err
	case <-time.After(stopLimit):
		e.left = true
		return false, ctx.Err()
	}
}

// NewEditor connects to the server of the options, and waits for it up to Options.RetryFor if
// it cannot be reached. Of the options, those of a run with files have no effect. Close closes
// the connection.
func NewEditor(ctx context.Context, o Options) (*Editor, error) {
	a := &Applier{o: o.withDefaults()}
	a.pace = newLimiter(a.o.Rate)
	s, err := a.connectRetrying(ctx)
	if err != nil {
		return nil, err
	}
	a.sessions = []*session{s}
	if o.Waiting != nil {
		a.waiting = func(err error) { o.Waiting(err, a.o.RetryFor) }
	}
	a.checked.Server, a.checked.Guard = s.c.URL(), s.guard
	return &Editor{a: a}, nil
}

// Close closes the connection, unless a request was not waited for: then it ends with the
// process.
func (e *Editor) Close() {
	if !e.left {
		e.a.Close()
	}
}

// Server returns the URL of the server.
func (e *Editor) Server() string { return e.a.Server() }

// EntryConflictError is returned for an entry that does not have the expected values, or does
// not exist. It wraps ErrConflict.
type EntryConflictError struct {
	DN  string
	Why string
}

// Error says what the entry has, and what was expected.
func (e *EntryConflictError) Error() string { return e.Why + " (" + e.DN + ")" }

// Unwrap returns ErrConflict.
func (e *EntryConflictError) Unwrap() error { return ErrConflict }

// Compare reads the entry of a record, and returns ToChange or AlreadyDone. The error is an
// *EntryConflictError, or about the connection.
func (e *Editor) Compare(ctx context.Context, r *Record) (Event, error) {
	var l look
	if own, err := e.wait(ctx, func() error { l = e.a.look(ctx, &e.a.sessions[0], r); return nil }); !own || err != nil {
		return ToChange, err
	}
	switch {
	case l.err != nil:
		return ToChange, fmt.Errorf("reading %q: %w", r.DN, l.err)
	case l.already:
		return AlreadyDone, nil
	case l.why != "":
		return ToChange, &EntryConflictError{DN: r.DN, Why: l.why}
	}
	return ToChange, nil
}

// Change changes the entry of a record, and returns Made or AlreadyDone. A record without an
// expectation about an attribute that it changes is not guarded there. The error is an
// *EntryConflictError for an entry that was not changed because it differs; it is a
// *RefusedError if the server refuses the change, and wraps ErrReadOnly if it accepts none.
// After any other error, which is about the connection, the entry may have been changed:
// another Change finds out.
func (e *Editor) Change(ctx context.Context, r *Record) (Event, error) {
	if err := r.check(); err != nil {
		return ToChange, err
	}
	var o outcome
	if own, err := e.wait(ctx, func() error { o = e.a.applyOne(ctx, &e.a.sessions[0], r, true, nil); return nil }); !own || err != nil {
		return ToChange, err
	}
	switch {
	case o.err != nil:
		return ToChange, o.err
	case o.refusal != nil:
		return ToChange, &RefusedError{Entries: 1, DN: r.DN, Err: o.refusal}
	case o.why != "":
		return ToChange, &EntryConflictError{DN: r.DN, Why: o.why}
	case o.already:
		return AlreadyDone, nil
	}
	return Made, nil
}

// TryWrite finds out whether an attribute of entries may be changed: for each, it asks the
// server to delete a random value, which no entry has, so nothing is changed. It returns the
// first refusal as a *RefusedError with the number of entries for which the answer was the
// same, or nil. ErrReadOnly means that the server accepts no changes at all. An entry that
// does not exist, or has no such value, is not refused. Other errors are about the connection.
func (e *Editor) TryWrite(ctx context.Context, attribute string, dns []string) (*RefusedError, error) {
	var refused *RefusedError
	for from := 0; from < len(dns); from += maxPipelined {
		part := dns[from:min(from+maxPipelined, len(dns))]
		requests := make([]directory.ModifyRequest, len(part))
		for i, dn := range part {
			value := []byte(strings.ToLower(rand.Text()))
			requests[i] = directory.ModifyRequest{DN: dn, Changes: []directory.Modification{{Op: ldif.OpDelete, Name: attribute, Values: [][]byte{value}}}}
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		errs := make([]error, len(part))
		_, err := e.wait(ctx, func() error {
			return e.a.retry(ctx, &e.a.sessions[0], func(s *session) error { return s.try(requests, errs) })
		})
		if err != nil {
			return nil, err
		}
		for i, err := range errs {
			var conflict *conflictError
			switch o := judge(err); {
			case err == nil, errors.As(err, &conflict):
			case o.refusal == nil:
				return nil, o.err
			case refused == nil:
				refused = &RefusedError{Entries: 1, DN: part[i], Err: o.refusal}
			case directory.ResultCode(o.refusal) == directory.ResultCode(refused.Err):
				refused.Entries++
			}
		}
	}
	return refused, nil
}

// try sends requests that change nothing, and sets the answers. The error is about the
// connection, or the server is busy.
func (s *session) try(requests []directory.ModifyRequest, errs []error) error {
	answers, err := s.c.Modify(requests)
	if err != nil {
		s.lost = true
		return err
	}
	for i := range answers {
		errs[i] = nil
		if a := answers[i].Err; a != nil {
			if errs[i] = refused(a); isTransient(errs[i]) {
				return errs[i]
			}
		}
	}
	return nil
}
