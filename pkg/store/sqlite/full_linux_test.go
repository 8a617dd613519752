package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// fullDisk mounts a small disk, lets prepare put files on it, and fills it.
func fullDisk(t *testing.T, prepare func(dir string)) (dir string, free func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=2m"); err != nil {
		t.Skipf("no small disk can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	prepare(dir)
	return dir, occupy(t, dir)
}

// occupy fills the disk of a directory, and returns a function that frees it.
func occupy(t *testing.T, dir string) (free func()) {
	t.Helper()
	filler := filepath.Join(dir, "filler")
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(filler); err != nil {
			t.Error(err)
		}
	}
}

// A store on a full disk can be read, with what a killed run left in the WAL file, and
// says why it cannot be changed.
func TestFullDiskCanBeRead(t *testing.T) {
	old := Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"}
	if err := Create(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	killed, err := Open(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	defer killed.Close()
	add := func(s *Store, id string) error {
		return s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
			return w.CreateAccount(t.Context(), &store.NewAccount{Account: store.Account{ID: id, Kind: store.User, Addresses: []string{id + "@example.com"}}})
		})
	}
	if err := add(killed, "a"); err != nil {
		t.Fatal(err)
	}
	o := old
	o.Wait = 50 * time.Millisecond
	dir, free := fullDisk(t, func(dir string) {
		o.Path = filepath.Join(dir, "b.sqlite")
		for _, ending := range []string{"", "-wal"} {
			b, err := os.ReadFile(old.Path + ending)
			if err != nil {
				t.Fatal(err)
			}
			if ending != "" && len(b) == 0 {
				t.Fatal("the WAL file is empty")
			}
			if err := os.WriteFile(filepath.Join(dir, "b.sqlite"+ending), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	})
	for range 2 {
		s, err := Open(t.Context(), o)
		if err != nil {
			t.Fatalf("%s: %v", dir, err)
		}
		if n := countAccounts(t, s); n != 1 {
			t.Errorf("%d accounts", n)
		}
		if err := add(s, "b"); !errors.Is(err, store.ErrFull) {
			t.Errorf("a change: %v", err)
		}
		err = s.View(t.Context(), func(context.Context, store.Reader) error {
			return s.View(t.Context(), func(context.Context, store.Reader) error { return nil })
		})
		if !errors.Is(err, store.ErrFull) {
			t.Errorf("a second reader at the same time: %v", err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	free()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := add(s, "b"); err != nil || countAccounts(t, s) != 2 {
		t.Errorf("with free space: %v", err)
	}
}

// If the disk is full at the commit that several callers share, all of them are told so,
// and nothing of them is there afterwards.
func TestFullDiskAtASharedCommit(t *testing.T) {
	dir, free := fullDisk(t, func(string) {})
	free()
	s := newStore(t, Options{Path: filepath.Join(dir, "b.sqlite"), Backend: "b"})
	if err := create(t.Context(), s, "before"); err != nil {
		t.Fatal(err)
	}
	q := newQueue(t, s)
	for i := range 8 {
		q.create(fmt.Sprint(i))
	}
	q.add(func() error { // more than the WAL file has space for
		return s.share(context.Background(), func(c *connection) error {
			_, err := c.Exec(context.Background(), "INSERT INTO meta (name, value) VALUES ('x', $1)", strings.Repeat("x", 500_000))
			return err
		})
	})
	free = occupy(t, dir)
	q.run()
	for i, err := range q.errs {
		if !errors.Is(*err, store.ErrFull) {
			t.Errorf("%d: got error %v", i, *err)
		}
	}
	free()
	wantAccounts(t, s, "before")
	if err := create(t.Context(), s, "later"); err != nil {
		t.Error(err)
	}
	wantAccounts(t, s, "before", "later")
}
