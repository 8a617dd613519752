package account

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
	"github.com/davadmin/davadmin/pkg/store/moving"
)

// twoBackends returns the back ends one, with an account, and two, which is empty.
func twoBackends(t *testing.T) (set *backends.Set, one, two store.Store) {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	var locations []backends.Location
	for _, name := range []string{"one", "two"} {
		l := backends.Location{Backend: name, File: filepath.Join(dir, name)}
		if err := l.Create(ctx, backends.Options{}); err != nil {
			t.Fatal(err)
		}
		locations = append(locations, l)
	}
	set = backends.New(locations, "one", backends.Options{})
	t.Cleanup(func() { _ = set.Close() })
	one, err := set.Open(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	if two, err = set.Open(ctx, "two"); err != nil {
		t.Fatal(err)
	}
	err = one.Update(ctx, func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(ctx, &store.NewAccount{Account: store.Account{ID: "a", Kind: store.User, Addresses: []string{"a@example.com"}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	return set, one, two
}

// After each transaction of a move, the account is found exactly once, in whatever order
// the back ends are asked.
func TestFinderDuringAMove(t *testing.T) {
	for _, names := range [][]string{{"one", "two"}, {"two", "one"}} {
		set, one, two := twoBackends(t)
		f := &Finder{Stores: set, Backends: names}
		m := &Builder{Stores: set}
		n := 0
		check := func() error {
			n++
			want := "two"
			if n == 1 {
				want = "one"
			}
			byID, err := f.ByID(t.Context(), "a")
			if err != nil || byID.Backend != want {
				t.Errorf("after transaction %d, by id: %+v, error %v", n, byID, err)
			}
			byAddress, err := f.ByAddress(t.Context(), "a@example.com")
			if err != nil || byAddress.Backend != want {
				t.Errorf("after transaction %d, by address: %+v, error %v", n, byAddress, err)
			}
			ids, err := m.accountIDs(t.Context(), names)
			if err != nil || ids["a"] != want {
				t.Errorf("after transaction %d, the listing: %v, error %v", n, ids, err)
			}
			orphans := 0
			for _, backend := range names {
				err = errors.Join(err, m.orphans(t.Context(), backend, nil, &Comparison{}, func(x Found) error {
					if orphans++; x.Backend != want {
						t.Errorf("after transaction %d, the orphan is on %s", n, x.Backend)
					}
					return nil
				}))
			}
			if err != nil || orphans != 1 {
				t.Errorf("after transaction %d there are %d orphans, error %v", n, orphans, err)
			}
			return nil
		}
		if _, err := moving.Move(t.Context(), one, two, "a", moving.Options{After: check}); err != nil || n != 3 {
			t.Fatalf("the move had %d transactions, error %v", n, err)
		}
	}
}

// An account that is being moved fails alone: the rest of the batch is done.
func TestAccountThatLeavesFailsAlone(t *testing.T) {
	_, one, _ := twoBackends(t)
	err := one.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
		if _, err := w.(store.MoveWriter).Leave(ctx, "a", "two"); err != nil {
			return err
		}
		return w.CreateAccount(ctx, &store.NewAccount{Account: store.Account{ID: "b", Kind: store.User, Addresses: []string{"b@example.com"}}})
	})
	if err != nil {
		t.Fatal(err)
	}
	step := func(ctx context.Context, w store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		return Outcome{Item: item, Result: Deleted}, nil, w.DeleteAccount(ctx, item.ID)
	}
	outcomes, err := InTransaction(step, nil)(t.Context(), one, []*Item{{Backend: "one", ID: "a"}, {Backend: "one", ID: "b"}}, false)
	if err != nil || len(outcomes) != 2 || outcomes[0].Result != Failed || !errors.Is(outcomes[0].Err, store.ErrMoving) || outcomes[1].Result != Deleted {
		t.Errorf("%+v, error %v", outcomes, err)
	}
}

// An account that is moved there and back all the time is found exactly once.
func TestFinderWhileAccountsMove(t *testing.T) {
	set, one, two := twoBackends(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	moved := make(chan error, 1)
	rounds := 0
	go func() {
		from, to := one, two
		for ctx.Err() == nil {
			if _, err := moving.Move(t.Context(), from, to, "a", moving.Options{}); err != nil {
				moved <- err
				return
			}
			from, to = to, from
			rounds++
		}
		moved <- nil
	}()
	f := &Finder{Stores: set, Backends: []string{"one", "two"}}
	for range 200 {
		if _, err := f.ByAddress(t.Context(), "a@example.com"); err != nil {
			t.Error(err)
			break
		}
	}
	stop()
	if err := <-moved; err != nil {
		t.Error(err)
	}
	if rounds == 0 {
		t.Error("the account was not moved")
	}
}
