package ldapchange

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// newIDOf gives a person another unique id, if it has the present one.
func newIDOf(i int) *Record {
	return &Record{
		DN:      fakeDN(i),
		Changes: []ldif.Modification{{Op: ldif.OpReplace, Name: "davUniqueId", Values: bytesOf(fmt.Sprintf("NEW-%d", i))}},
		Expect:  []Expectation{{Name: "davUniqueId", Need: NeedAll, Values: bytesOf(fmt.Sprintf("abc-%d", i))}},
	}
}

func newEditor(t *testing.T, o Options) *Editor {
	t.Helper()
	e, err := NewEditor(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// An editor changes an entry with the expected values, once, whatever the guard, and leaves
// any other as it is.
func TestEditor(t *testing.T) {
	eachGuard(t, 3, func(t *testing.T, _ Guard, f fake, o Options) {
		e := newEditor(t, o)
		r := newIDOf(0)
		for _, want := range []struct{ compared, changed Event }{{ToChange, Made}, {AlreadyDone, AlreadyDone}} {
			compared, err := e.Compare(t.Context(), r)
			changed, err2 := e.Change(t.Context(), r)
			if err != nil || err2 != nil || compared != want.compared || changed != want.changed {
				t.Errorf("%v, %v, %v, %v", compared, err, changed, err2)
			}
		}
		other := newIDOf(1)
		other.Expect[0].Values = bytesOf("another")
		gone := newIDOf(2)
		gone.DN = "uid=nobody," + gone.DN
		before := f.state()
		for _, r := range []*Record{other, gone} {
			var conflict *EntryConflictError
			if _, err := e.Compare(t.Context(), r); !errors.As(err, &conflict) || !errors.Is(err, ErrConflict) || conflict.DN != r.DN {
				t.Errorf("%v", err)
			}
			if _, err := e.Change(t.Context(), r); !errors.As(err, &conflict) {
				t.Errorf("%v", err)
			}
		}
		requireState(t, f, before)
	})
}

// A lost connection and a busy server do not change an entry twice, and refusals are told apart.
func TestEditorWithFaults(t *testing.T) {
	for name, c := range map[string]struct {
		faults ldaptest.Faults
		check  func(what Event, err error) bool
	}{
		"dropped before": {ldaptest.Faults{DropBeforeModify: 1}, func(what Event, err error) bool { return what == Made && err == nil }},
		"dropped after":  {ldaptest.Faults{DropAfterModify: 1}, func(what Event, err error) bool { return what == AlreadyDone && err == nil }},
		"busy":           {ldaptest.Faults{BusyModify: 1, BusyMore: 2}, func(what Event, err error) bool { return what == Made && err == nil }},
		"read-only":      {ldaptest.Faults{ReadOnly: true}, func(_ Event, err error) bool { return errors.Is(err, ErrReadOnly) }},
		"denied": {ldaptest.Faults{RefuseDNs: []string{fakeDN(0)}}, func(_ Event, err error) bool {
			var refused *RefusedError
			return errors.As(err, &refused) && refused.Denied() && refused.DN == fakeDN(0)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, 1, ldaptest.Options{})
			e := newEditor(t, f.options())
			f.SetFaults(c.faults)
			if what, err := e.Change(t.Context(), newIDOf(0)); !c.check(what, err) {
				t.Errorf("%v, %v", what, err)
			}
		})
	}
	f := newFake(t, 1, ldaptest.Options{})
	o := f.options()
	o.RetryFor = time.Millisecond
	e := newEditor(t, o)
	f.SetFaults(ldaptest.Faults{BusyModify: 1, BusyMore: 1000})
	if _, err := e.Change(t.Context(), newIDOf(0)); !IsUnavailable(err) {
		t.Errorf("%v", err)
	}
}

// While an editor waits for a server, it says so once for each change; a connection that is only
// replaced is not worth a note.
func TestEditorSaysThatItWaits(t *testing.T) {
	f := newFake(t, 2, ldaptest.Options{})
	o := f.options()
	notes := 0
	o.Waiting = func(err error, _ time.Duration) {
		if notes++; !IsUnavailable(err) {
			t.Errorf("%v", err)
		}
	}
	e := newEditor(t, o)
	for i, c := range []struct {
		faults ldaptest.Faults
		want   int
	}{{ldaptest.Faults{DropBeforeModify: 1}, 0}, {ldaptest.Faults{BusyModify: 1, BusyMore: 3}, 1}} {
		f.SetFaults(c.faults)
		if what, err := e.Change(t.Context(), newIDOf(i)); what != Made || err != nil || notes != c.want {
			t.Errorf("%v, %v, %d notes, want %d", what, err, notes, c.want)
		}
	}
}

// Trying whether entries may be changed changes none, and counts those that may not.
func TestEditorTriesRights(t *testing.T) {
	const n = 2*maxPipelined + 3
	f := newFake(t, n, ldaptest.Options{})
	before := f.state()
	dns := []string{"uid=nobody," + fakeDN(0)}
	for i := range n {
		dns = append(dns, fakeDN(i))
	}
	e := newEditor(t, f.options())
	for name, c := range map[string]struct {
		faults  ldaptest.Faults
		refused int
		err     error
	}{
		"all may":        {},
		"dropped":        {faults: ldaptest.Faults{DropBeforeModify: maxPipelined + 2}},
		"busy":           {faults: ldaptest.Faults{BusyModify: 3, BusyMore: 1}},
		"some may not":   {faults: ldaptest.Faults{RefuseDNs: []string{fakeDN(3), fakeDN(n - 1)}}, refused: 2},
		"none, replica":  {faults: ldaptest.Faults{ReferTo: []string{"ldap://ldap.example.com"}}, err: ErrReadOnly},
		"none, readonly": {faults: ldaptest.Faults{ReadOnly: true}, err: ErrReadOnly},
	} {
		f.SetFaults(c.faults)
		refused, err := e.TryWrite(t.Context(), "davUniqueId", dns)
		switch {
		case !errors.Is(err, c.err), c.err == nil && (refused == nil) != (c.refused == 0):
			t.Errorf("%s: %v, %v", name, refused, err)
		case refused != nil && (refused.Entries != c.refused || !refused.Denied() || refused.DN != fakeDN(3)):
			t.Errorf("%s: %+v", name, refused)
		}
	}
	f.SetFaults(ldaptest.Faults{})
	requireState(t, f, before)
}

// An editor that is stopped does not wait for a server that is silent. Whether the entry was
// changed is found by the next one.
func TestEditorIsStopped(t *testing.T) {
	f := newFake(t, 1, ldaptest.Options{})
	e := newEditor(t, f.options())
	f.SetFaults(ldaptest.Faults{StallAfterModify: 1})
	ctx, stop := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer stop()
	start := time.Now()
	_, err := e.Change(ctx, newIDOf(0))
	if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took > 5*time.Second {
		t.Errorf("%v after %s", err, took)
	}
	if _, err := e.Compare(t.Context(), newIDOf(0)); !errors.Is(err, errLeft) {
		t.Errorf("%v", err)
	}
	f.SetFaults(ldaptest.Faults{})
	if what, err := newEditor(t, f.options()).Change(t.Context(), newIDOf(0)); what != AlreadyDone || err != nil {
		t.Errorf("%v, %v", what, err)
	}
}
