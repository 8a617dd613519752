package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// An error of the database names the store once: a home may have several.
func TestErrorsNameTheStore(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b", Wait: time.Millisecond}
	s, other := newStore(t, o), newStore(t, Options{Path: filepath.Join(t.TempDir(), "c.sqlite"), Backend: "c"})
	second, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	check := func(what string, err, want error) {
		var at *store.PlaceError
		if !errors.As(err, &at) || want != nil && !errors.Is(err, want) || strings.Count(err.Error(), o.Path) != 1 {
			t.Errorf("%s: got %v", what, err)
		}
	}
	nothing := func(context.Context, store.Writer) error { return nil }
	account := &store.NewAccount{Account: store.Account{ID: "1", Kind: store.User, Addresses: []string{"1@example.com"}}}
	err = other.Update(t.Context(), func(context.Context, store.Writer) error {
		return s.Update(t.Context(), func(context.Context, store.Writer) error {
			check("locked", second.Update(t.Context(), nothing), store.ErrLocked)
			check("locked, while loading", second.Load(t.Context(), []*store.NewAccount{account}), store.ErrLocked)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.change(t.Context(), true, func(c *connection) error { return c.run(t.Context(), "DROP TABLE address") }); err != nil {
		t.Fatal(err)
	}
	find := func(ctx context.Context, r store.Reader) error {
		_, err := r.AccountByAddress(t.Context(), "1@example.com")
		return err
	}
	check("a missing table", s.View(t.Context(), find), nil)
	check("a missing table, in another store's transaction", other.View(t.Context(), func(context.Context, store.Reader) error { return s.View(t.Context(), find) }), nil)
	_, err = s.Taken(t.Context(), []*store.NewAccount{account})
	check("a missing table, for Taken", err, nil)
}
