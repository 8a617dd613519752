package fsx

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestLeftovers(t *testing.T) {
	dir := t.TempDir()
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{
		".f.davadmin-new", ".f.00112233445566778899aabb.davadmin-new", ".db.davadmin-new-wal", ".fresh.davadmin-new",
		"f", "f.davadmin-new", ".davadmin-new", ".f.davadmin-newer",
	} {
		path := put(t, in(dir, name), "half", 0o600)
		if name == ".fresh.davadmin-new" {
			continue
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	sub := in(dir, ".d.davadmin-new")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(sub, old, old); err != nil {
		t.Fatal(err)
	}
	symlink(t, "f", in(dir, ".link.davadmin-new"))
	got, err := Leftovers(dir, time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range got {
		names = append(names, filepath.Base(path))
		for range 2 { // another run may have been faster
			if err := RemoveLeftover(context.Background(), path, nil); err != nil {
				t.Error(err)
			}
		}
	}
	want := []string{".d.davadmin-new", ".db.davadmin-new-wal", ".f.00112233445566778899aabb.davadmin-new", ".f.davadmin-new"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	only(t, dir, ".davadmin-new", ".f.davadmin-newer", ".fresh.davadmin-new", ".link.davadmin-new", "f", "f.davadmin-new")
	for _, path := range []string{in(dir, "none"), in(dir, "f")} {
		if got, err := Leftovers(path, time.Now()); len(got) > 0 || err != nil {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}
