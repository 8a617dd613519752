package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
)

// fakeChanger is an EntryChanger with the values of entries by DN.
type fakeChanger struct {
	values map[string]string
	// meanwhile is called before each change; an error is that of the change.
	meanwhile func() error
	changed   int
}

func (f *fakeChanger) Compare(_ context.Context, c EntryChange) (bool, error) {
	switch f.values[c.DN] {
	case c.New:
		return true, nil
	case c.Old:
		return false, nil
	}
	return false, fmt.Errorf("%w: it is %s", ErrEntryDiffers, f.values[c.DN])
}

func (f *fakeChanger) Change(ctx context.Context, c EntryChange) error {
	if f.meanwhile != nil {
		if err := f.meanwhile(); err != nil {
			return err
		}
	}
	done, err := f.Compare(ctx, c)
	if err == nil && !done {
		f.values[c.DN] = c.New
		f.changed++
	}
	return err
}

const dnOfA = "uid=a,o=isp"

// withEntry returns the entries of a move of the account a, whose entry names a back end.
func withEntry(names string, meanwhile func() error) (*MoveEntries, *fakeChanger) {
	f := &fakeChanger{values: map[string]string{dnOfA: names}, meanwhile: meanwhile}
	return &MoveEntries{Changer: f}, f
}

// moveWithEntry moves the account a, after its entry was found.
func moveWithEntry(t *testing.T, to string, m *MoveEntries, old string, b MoveBatch) (out Outcome, undo []string, err error) {
	t.Helper()
	set := b.Stores
	f := &Finder{Stores: set, Backends: set.Names()}
	log := &undoLog{}
	b.Entries, b.Report = m, func(o Outcome) error { out = o; return nil }
	if !b.DryRun {
		b.Save = log.keep
	}
	for item, ferr := range f.ItemsForRequests(t.Context(), []Request{{ID: "a", Properties: MoveTo(to)}}, false) {
		if ferr != nil {
			t.Fatal(ferr)
		}
		m.changes = map[*Item]EntryChange{item: {DN: dnOfA, Attribute: "davStore", Old: old, New: to, from: strings.ToLower(old)}}
		if err := b.Add(t.Context(), item); err != nil {
			t.Fatal(err)
		}
	}
	err = b.End(t.Context())
	return out, log.lines, err
}

// What happens between the two halves of a move is reported as what it is: nothing was done, or
// a part of it, and an undo line is kept exactly if there is something to undo.
func TestMoveOfTheStoreAndTheEntry(t *testing.T) {
	lost := errors.New("the connection is lost")
	refused := fmt.Errorf("%w: no", ErrEntryRefused)
	for _, c := range []struct {
		name      string
		value     string // of the entry, when it was found to be One
		meanwhile error
		moved     bool // before, so that only the entry is to be changed
		result    Result
		part      bool
		stopped   error
		undo      string
	}{
		{name: "both", value: "One", result: Moved, undo: "id=a:to=one,davstore=One"},
		{name: "changed before", value: "x", result: Failed},
		{name: "changed meanwhile", value: "One", meanwhile: ErrEntryDiffers, result: Failed, part: true, undo: "id=a:to=one,davstore=One"},
		{name: "refused", value: "One", meanwhile: refused, result: NotDone, part: true, stopped: refused, undo: "id=a:to=one,davstore=One"},
		{name: "lost", value: "One", meanwhile: lost, result: NotDone, part: true, stopped: lost, undo: "id=a:to=one,davstore=One"},
		{name: "entry only", value: "One", moved: true, result: Changed, undo: "id=a:to=one,davstore=One"},
		{name: "entry only, changed", value: "One", moved: true, meanwhile: ErrEntryDiffers, result: Failed},
		{name: "entry only, refused", value: "One", moved: true, meanwhile: refused, result: NotDone, stopped: refused},
		{name: "entry only, lost", value: "One", moved: true, meanwhile: lost, result: NotDone, part: true, stopped: lost, undo: "id=a:to=one,davstore=One"},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, _, _ := twoBackends(t)
			where := "one"
			if c.moved {
				if _, _, err := moveA(t, set, "two", MoveBatch{}); err != nil {
					t.Fatal(err)
				}
				where = "two"
			}
			m, f := withEntry(c.value, func() error { return c.meanwhile })
			if c.value == "One" {
				out, undo, err := moveWithEntry(t, "two", m, "One", MoveBatch{Stores: set, DryRun: true})
				want := Moved
				if c.moved {
					want = Changed
				}
				if err != nil || out.Result != want || len(undo)+f.changed > 0 || at(t, set)[0] != where {
					t.Errorf("dry run: %+v, %q, %v", out, undo, err)
				}
			}
			out, undo, err := moveWithEntry(t, "two", m, "One", MoveBatch{Stores: set})
			if out.Result != c.result || out.Part != c.part || !errors.Is(err, c.stopped) || strings.Join(undo, " ") != c.undo {
				t.Errorf("%+v, %q, %v", out, undo, err)
			}
			if done := c.result == Moved || c.result == Changed; done != (f.values[dnOfA] == "two") || f.changed > 1 {
				t.Errorf("the entry is %s", f.values[dnOfA])
			}
			if got := at(t, set); len(got) != 1 || (got[0] == "two") != (c.moved || c.part || c.result == Moved) {
				t.Errorf("on %q", got)
			}
		})
	}
}

// An entry that already names the new back end, or is only planned to, is not changed.
func TestMoveWithAPlannedEntry(t *testing.T) {
	set, _, _ := twoBackends(t)
	var planned []EntryChange
	m := &MoveEntries{Planned: func(c EntryChange) error { planned = append(planned, c); return nil }}
	out, undo, err := moveWithEntry(t, "two", m, "One", MoveBatch{Stores: set, DryRun: true})
	if err != nil || out.Result != Moved || len(planned)+len(undo) > 0 {
		t.Errorf("dry run: %+v, %q, %v", out, planned, err)
	}
	out, undo, err = moveWithEntry(t, "two", m, "One", MoveBatch{Stores: set})
	if err != nil || out.Result != Moved || len(planned) != 1 || planned[0].New != "two" || len(undo) != 1 || undo[0] != "id=a:to=one" {
		t.Errorf("%+v, %q, %q, %v", out, planned, undo, err)
	}
	// Of an account that is not moved, nothing is planned.
	out, _, err = moveWithEntry(t, "one", m, "two", MoveBatch{Stores: set, Lost: Lost{"two": store.ErrUnavailable}})
	if err != nil || out.Result != Failed || len(planned) != 1 {
		t.Errorf("%+v, %q, %v", out, planned, err)
	}
}

// A value that does not mean the back end contradicts it.
func TestMoveTargets(t *testing.T) {
	for line, want := range map[string]bool{
		"a@example.com:to=one": true, "a@example.com:to=one,davstore=ONE": true, "a@example.com:to=one,davstore=two": false, "a@example.com:davstore=one": false,
	} {
		r, err := ParseRequest(line, MoveProperties(), Typed)
		if err != nil || (r.Properties.CheckTarget() == nil) != want {
			t.Errorf("%s: %v, %v", line, err, r.Properties.CheckTarget())
		}
	}
}
