package sqlite

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
)

// add creates an account in a store.
func add(t *testing.T, s *Store, id string) {
	t.Helper()
	err := s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(t.Context(), &store.NewAccount{Account: store.Account{ID: id, Kind: store.User, Addresses: []string{id + "@example.com"}}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// count returns the number of accounts, and calls during in the transaction.
func count(t *testing.T, s *Store, during func()) (n int64, err error) {
	t.Helper()
	err = s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		n, err = r.CountAccounts(t.Context(), store.AccountFilter{})
		during()
		return err
	})
	return n, err
}

func TestReadOnlyFile(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"}
	writer := newStore(t, o)
	add(t, writer, "1")
	// While others have the file open, what they wrote last is in their files.
	reader, _, err := openAs(t.Context(), o, shared)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if n, err := count(t, reader, func() {}); n != 1 || err != nil {
		t.Errorf("found %d accounts, error %v", n, err)
	}
	add(t, writer, "2")
	if n, err := count(t, reader, func() {}); n != 2 || err != nil {
		t.Errorf("found %d accounts, error %v", n, err)
	}
	err = reader.Update(t.Context(), func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(t.Context(), "1") })
	if !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("a change: got error %v", err)
	}
}

// A file that is read without locks must not change meanwhile.
func TestReadOnlyFileThatChanges(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"}
	writer := newStore(t, o)
	add(t, writer, "1")
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	reader, _, err := openAs(t.Context(), o, alone)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if n, err := count(t, reader, func() {}); n != 1 || err != nil {
		t.Errorf("found %d accounts, error %v", n, err)
	}
	_, err = count(t, reader, func() {
		again, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		add(t, again, "2")
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("the file was changed: got error %v", err)
	}
}
