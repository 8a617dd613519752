package account

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// TryChange changes nothing, and returns the error of a store that cannot be changed.
func TestTryChange(t *testing.T) {
	l := backends.Location{Backend: "one", File: filepath.Join(t.TempDir(), "one.sqlite")}
	o := backends.Options{Wait: 50 * time.Millisecond}
	if err := l.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	open := func() store.Store {
		st, err := l.Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = st.Close() })
		return st
	}
	st, other := open(), open()
	if err := TryChange(t.Context(), st); err != nil {
		t.Error(err)
	}
	err := st.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		n, err := r.CountAccounts(t.Context(), store.AccountFilter{State: store.AnyState})
		if n != 0 {
			t.Errorf("%d accounts", n)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	err = other.Update(t.Context(), func(context.Context, store.Writer) error {
		if err := TryChange(t.Context(), st); !errors.Is(err, store.ErrLocked) {
			t.Errorf("locked: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := TryChange(ctx, st); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
