package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/store"
)

// dirNames returns the names in the directory of a store.
func dirNames(t *testing.T, o Options) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(o.Path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A run whose disk fails for good before step i leaves what a run leaves that is
// killed then: a complete store or none. The next run finishes.
func TestCreateFailsFromEachStepOn(t *testing.T) {
	for i := 1; ; i++ {
		o := Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"}
		calls := 0
		o.Hook = func(fsx.Op, string) error {
			if calls++; calls >= i {
				return syscall.EIO
			}
			return nil
		}
		err := Create(t.Context(), o)
		done := calls < i
		if done != (err == nil) || !done && !errors.Is(err, syscall.EIO) {
			t.Fatalf("step %d: %v", i, err)
		}
		o.Hook = nil
		if err := Create(t.Context(), o); err != nil && !errors.Is(err, store.ErrExists) {
			t.Fatalf("step %d: the next run: %v", i, err)
		}
		if st, err := State(t.Context(), o); err != nil || st.Version != schema().Version {
			t.Errorf("step %d: %+v, %v", i, st, err)
		}
		if names := dirNames(t, o); !slices.Equal(names, []string{"b.sqlite"}) {
			t.Errorf("step %d: the directory contains %q", i, names)
		}
		if done {
			if i < 6 {
				t.Errorf("only %d steps were tried", i)
			}
			return
		}
	}
}

// The unfinished store of a killed run and its log are not used by the next one.
func TestCreateIgnoresTheLogOfAKilledRun(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"}
	other := o
	other.Path = filepath.Join(t.TempDir(), "c.sqlite")
	if err := Create(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(other.Path)
	if err != nil {
		t.Fatal(err)
	}
	for _, ending := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.WriteFile(fsx.TempName(o.Path)+ending, b[:len(b)/2], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if names := dirNames(t, o); strings.Contains(strings.Join(names, " "), fsx.TempSuffix) {
		t.Errorf("the directory contains %q", names)
	}
}

// A copy that was killed is removed by the next copy; one that fails leaves nothing.
func TestCopiesLeaveNothingBehind(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"}
	if err := Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, ending := range []string{"", "-journal"} {
		if err := os.WriteFile(fsx.TempName(o.Path+".replaced-20260101T000000Z")+ending, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.Hook = func(op fsx.Op, _ string) error {
		if op == fsx.OpSync {
			return syscall.ENOSPC
		}
		return nil
	}
	if _, err := Replace(t.Context(), o); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full disk: %v", err)
	}
	if names := dirNames(t, o); !slices.Equal(names, []string{"b.sqlite"}) {
		t.Errorf("the directory contains %q", names)
	}
	o.Hook = nil
	kept, err := Replace(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(kept); err != nil || fi.Mode() != 0o600 {
		t.Errorf("%v, %v", fi, err)
	}
	if names := dirNames(t, o); !slices.Equal(names, []string{"b.sqlite", filepath.Base(kept)}) {
		t.Errorf("the directory contains %q", names)
	}
}
