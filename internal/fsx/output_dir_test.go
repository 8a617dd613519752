package fsx

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// draftDir returns the paths of a directory with a file in another directory, and of its name.
func draftDir(t *testing.T) (draft, path string) {
	t.Helper()
	root := t.TempDir()
	draft, path = in(root, "d.incomplete"), in(root, "d")
	for _, dir := range []string{draft, in(draft, "sub")} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	put(t, in(draft, "sub/f"), "x", 0o600)
	return draft, path
}

func TestFinishOutputDir(t *testing.T) {
	draft, path := draftDir(t)
	var ops []Op
	if err := FinishOutputDir(context.Background(), draft, path, func(op Op, _ string) error { ops = append(ops, op); return nil }); err != nil {
		t.Fatal(err)
	}
	if want := []Op{OpSync, OpRename, OpSyncDir}; !slices.Equal(ops, want) {
		t.Errorf("%v, want %v", ops, want)
	}
	if b, err := os.ReadFile(in(path, "sub/f")); string(b) != "x" {
		t.Error(err)
	}
	if err := syncEach(context.Background(), path); err != nil {
		t.Error(err)
	}
}

func TestFinishOutputDirReplacesNothing(t *testing.T) {
	for name, make := range map[string]func(string) error{
		"file":            func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"empty directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"link":            func(path string) error { return os.Symlink("nowhere", path) },
	} {
		draft, path := draftDir(t)
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		err := FinishOutputDir(context.Background(), draft, path, nil)
		if !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "what was written is in "+draft) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(in(draft, "sub/f")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFinishOutputDirReportsWhatIsOnDisk(t *testing.T) {
	for op, replaced := range map[Op]bool{OpSync: false, OpRename: false, OpSyncDir: true} {
		draft, path := draftDir(t)
		err := FinishOutputDir(context.Background(), draft, path, func(o Op, _ string) error {
			if o == op {
				return syscall.EIO
			}
			return nil
		})
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, syscall.EIO) || e.Replaced != replaced {
			t.Errorf("%s: %v", op, err)
		}
		if _, err := os.Stat(path); (err == nil) != replaced {
			t.Errorf("%s: %v", op, err)
		}
	}
	draft, path := draftDir(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := FinishOutputDir(ctx, draft, path, nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
