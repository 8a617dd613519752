package fsx

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestTruncate(t *testing.T) {
	ctx := context.Background()
	path := in(t.TempDir(), "f")
	put(t, path, "0123456789", 0o600)
	if err := Truncate(ctx, path, 4, nil); err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "0123" {
		t.Errorf("content %q", b)
	}
	if err := Truncate(ctx, path, 5, nil); err == nil || !strings.Contains(err.Error(), "has only 4 bytes") {
		t.Errorf("past the end: %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "0123" {
		t.Errorf("a refused truncation changed the file to %q", b)
	}
}

func TestTruncateReportsWhatIsOnDisk(t *testing.T) {
	for op, replaced := range map[Op]bool{OpTruncate: false, OpSync: true} {
		path := in(t.TempDir(), "f")
		put(t, path, "0123456789", 0o600)
		err := Truncate(context.Background(), path, 4, func(o Op, _ string) error {
			if o == op {
				return syscall.EIO
			}
			return nil
		})
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, syscall.EIO) || e.Replaced != replaced {
			t.Errorf("%s: %v", op, err)
		}
		fi, serr := os.Stat(path)
		if serr != nil || (fi.Size() == 4) != replaced {
			t.Errorf("%s: %v, size %d", op, serr, fi.Size())
		}
	}
}

func TestTruncateAndRemoveFollowNoLinks(t *testing.T) {
	dir := t.TempDir()
	victim, link := in(dir, "victim"), in(dir, "link")
	put(t, victim, "precious", 0o600)
	if err := os.Symlink(victim, link); err != nil {
		t.Fatal(err)
	}
	if err := Truncate(context.Background(), link, 0, nil); err == nil {
		t.Error("a symbolic link was followed")
	}
	if err := Remove(context.Background(), link, nil); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(victim); string(b) != "precious" {
		t.Errorf("the target of the link: %q, %v", b, err)
	}
	if err := Remove(context.Background(), link, nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestRemoveSyncedReportsWhatIsOnDisk(t *testing.T) {
	for op, gone := range map[Op]bool{OpRemove: false, OpSyncDir: true, "": true} {
		path := in(t.TempDir(), "f")
		put(t, path, "0123456789", 0o600)
		err := RemoveSynced(context.Background(), path, func(o Op, _ string) error {
			if o == op {
				return syscall.EIO
			}
			return nil
		})
		var e *Error
		if failed := errors.As(err, &e); failed != (op != "") || failed && (!errors.Is(err, syscall.EIO) || e.Replaced != gone) {
			t.Errorf("%s: %v", op, err)
		}
		if _, serr := os.Stat(path); errors.Is(serr, fs.ErrNotExist) != gone {
			t.Errorf("%s: %v", op, serr)
		}
	}
	var e *Error
	if err := RemoveSynced(context.Background(), in(t.TempDir(), "none"), nil); !errors.As(err, &e) || !errors.Is(err, fs.ErrNotExist) || e.Replaced {
		t.Errorf("a missing file: %v", err)
	}
}
