package sqlite

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// begin begins a transaction of each kind and returns the errors.
func begin(t *testing.T, s *Store) map[string]error {
	t.Helper()
	ctx := context.Background()
	fail := errors.New("the function was called")
	return map[string]error{
		"view":   s.View(ctx, func(context.Context, store.Reader) error { return fail }),
		"update": s.Update(ctx, func(context.Context, store.Writer) error { return fail }),
		"load":   s.Load(ctx, []*store.NewAccount{{Account: store.Account{ID: "x", Kind: store.User, Addresses: []string{"x@example.com"}}}}),
	}
}

func countAccounts(t *testing.T, s *Store) (n int64) {
	t.Helper()
	err := s.View(t.Context(), func(ctx context.Context, r store.Reader) (err error) {
		n, err = r.CountAccounts(t.Context(), store.AccountFilter{State: store.AnyState})
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return n
}

// A store that another process upgrades while it is open is not read or written with the
// old schema. The upgrade may change rows alone.
func TestUpgradeByAnotherProcess(t *testing.T) {
	data := next()
	data.Steps[len(data.Steps)-1].Statements = "UPDATE account SET name = 'new' || name"
	for what, to := range map[string]relational.Schema{"tables": next(), "rows": data} {
		o := frozenStore(t)
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if got := countAccounts(t, s); got == 0 {
			t.Error("the store is empty")
		}
		if err := create(t.Context(), s, "before"); err != nil {
			t.Error(err)
		}
		if _, _, err := upgrade(t.Context(), o, to); err != nil {
			t.Fatal(err)
		}
		for kind, err := range begin(t, s) {
			var at *store.PlaceError
			if !errors.Is(err, store.ErrSchemaNewer) || !errors.As(err, &at) || strings.Count(err.Error(), o.Path) != 1 {
				t.Errorf("a %s after an upgrade of the %s: got error %v", kind, what, err)
			}
		}
	}
}

// dropEverything stands for dropping all tables.
const dropEverything = "drop everything"

// A store that becomes that of another back end, or none, is not used any more.
func TestStoreThatIsNoLongerOne(t *testing.T) {
	for script, want := range map[string]error{
		"UPDATE meta SET value = 'other' WHERE name = 'backend'": store.ErrOtherBackend,
		"DROP TABLE meta": store.ErrDamaged,
		dropEverything:    store.ErrNoSchema,
	} {
		o := frozenStore(t)
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		countAccounts(t, s)
		if script == dropEverything {
			if err := onFile(t, o.Path).dropAll(t.Context()); err != nil {
				t.Fatal(err)
			}
		} else {
			execute(t, o.Path, script)
		}
		for kind, err := range begin(t, s) {
			if !errors.Is(err, want) {
				t.Errorf("a %s after '%s': got error %v", kind, script, err)
			}
		}
	}
}

// A store that is replaced while it is open is seen as the empty one, whose sync tokens
// are others.
func TestReplaceByAnotherProcess(t *testing.T) {
	o := frozenStore(t)
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	token := func() (out store.Token) {
		err := s.View(t.Context(), func(ctx context.Context, r store.Reader) (err error) {
			out, err = r.Token(ctx, &store.Calendar{})
			return err
		})
		if err != nil {
			t.Error(err)
		}
		return out
	}
	before := token()
	if err := create(t.Context(), s, "before"); err != nil {
		t.Error(err)
	}
	if _, err := Replace(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	wantAccounts(t, s)
	if err := create(t.Context(), s, "after"); err != nil {
		t.Error(err)
	}
	wantAccounts(t, s, "after")
	if token() == before {
		t.Error("the sync tokens are the same")
	}
}
