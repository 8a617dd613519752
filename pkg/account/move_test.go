package account

import (
	"context"
	"errors"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
	"github.com/davadmin/davadmin/pkg/store/moving"
)

var errHalt = errors.New("halted")

// haltAfter returns an After that ends a move after n transactions.
func haltAfter(n int) func() error {
	return func() error {
		if n--; n <= 0 {
			return errHalt
		}
		return nil
	}
}

// moveA moves the account a, as the finder finds it, and returns the outcome.
func moveA(t *testing.T, set *backends.Set, to string, b MoveBatch) (out Outcome, undo []string, err error) {
	t.Helper()
	f := &Finder{Stores: set, Backends: set.Names()}
	log := &undoLog{}
	b.Stores, b.Report = set, func(o Outcome) error { out = o; return nil }
	if !b.DryRun {
		b.Save = log.keep
	}
	for item, ferr := range f.ItemsForRequests(t.Context(), []Request{{ID: "a", Properties: MoveTo(to)}}, false) {
		if ferr != nil {
			t.Fatal(ferr)
		}
		if err := b.Add(t.Context(), item); err != nil {
			t.Fatal(err)
		}
	}
	err = b.End(t.Context())
	return out, log.lines, err
}

// at returns the back ends that have the account a, the one on which it is active first.
func at(t *testing.T, set *backends.Set) (out []string) {
	t.Helper()
	f := &Finder{Stores: set, Backends: set.Names()}
	found, err := f.ByID(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	out = append(out, found.Backend)
	for _, name := range set.Names() {
		st, err := set.Open(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		err = st.View(t.Context(), func(ctx context.Context, r store.Reader) error {
			a, err := r.Account(ctx, "a")
			if err == nil && name == found.Backend && a.Leaving != "" {
				t.Errorf("the account on %s is leaving", name)
			}
			if err == nil && name != found.Backend {
				out = append(out, name)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// A move that stopped after its first or second transaction is completed by the same move,
// and cancelled, or made in the other direction, by the reverse one. A dry run says the same
// and changes nothing.
func TestMoveAfterAnInterruption(t *testing.T) {
	for _, c := range []struct {
		halt   int
		to     string
		result Result
		where  string
	}{
		{1, "two", Moved, "two"},
		{2, "two", Changed, "two"},
		{1, "one", Changed, "one"},
		{2, "one", Moved, "one"},
	} {
		set, _, _ := twoBackends(t)
		out, undo, err := moveA(t, set, "two", MoveBatch{After: haltAfter(c.halt)})
		if !errors.Is(err, errHalt) || out.Result != NotDone || !out.Part || len(undo) != 1 || undo[0] != "id=a:to=one" {
			t.Fatalf("halted after %d: %+v, %q, %v", c.halt, out, undo, err)
		}
		for _, dry := range []bool{true, false} {
			out, undo, err = moveA(t, set, c.to, MoveBatch{DryRun: dry})
			if err != nil || out.Result != c.result || len(out.Details) == 0 {
				t.Errorf("halted after %d, then to %s, dry run %t: %+v, %v", c.halt, c.to, dry, out, err)
			}
		}
		if len(undo) != 1 {
			t.Errorf("halted after %d, then to %s: undo %q", c.halt, c.to, undo)
		}
		if got := at(t, set); len(got) != 1 || got[0] != c.where {
			t.Errorf("halted after %d, then to %s: on %q", c.halt, c.to, got)
		}
		if out, undo, err = moveA(t, set, c.to, MoveBatch{}); err != nil || out.Result != Already || len(undo) != 0 {
			t.Errorf("again to %s: %+v, %q, %v", c.to, out, undo, err)
		}
	}
}

// An account whose address the other back end has is refused, also by a dry run: nothing is
// marked, and no undo line is left.
func TestMoveToATakenAddress(t *testing.T) {
	set, one, two := twoBackends(t)
	err := two.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(ctx, &store.NewAccount{Account: store.Account{ID: "b", Kind: store.User, Addresses: []string{"A@example.com"}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, dry := range []bool{true, false} {
		out, undo, err := moveA(t, set, "two", MoveBatch{DryRun: dry})
		if err != nil || out.Result != Failed || !errors.Is(out.Err, store.ErrExists) || out.Part || len(undo) != 0 {
			t.Errorf("dry run %t: %+v, %q, %v", dry, out, undo, err)
		}
	}
	gone, err := moving.Superseded(t.Context(), one, two, "a")
	if err != nil || gone {
		t.Error(gone, err)
	}
	if got := at(t, set); len(got) != 1 || got[0] != "one" {
		t.Errorf("on %q", got)
	}
}

// A back end that cannot be used is named. The run stops, or continues without it.
func TestMoveToALostBackend(t *testing.T) {
	set, _, _ := twoBackends(t)
	out, undo, err := moveA(t, set, "two", MoveBatch{Lost: Lost{"two": store.ErrUnavailable}})
	var about *BackendError
	if err != nil || out.Result != Failed || !errors.As(out.Err, &about) || about.Backend != "two" || len(undo) != 0 {
		t.Errorf("%+v, %q, %v", out, undo, err)
	}
}
