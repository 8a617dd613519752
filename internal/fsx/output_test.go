package fsx

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"
	"time"
)

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

func TestWriteOutputModes(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	ctx := context.Background()
	dir := t.TempDir()
	for _, c := range []struct {
		name     string
		old      fs.FileMode // zero: no old file
		o        OutputOptions
		want     fs.FileMode
		existing bool // the error is fs.ErrExist
	}{
		{"new", 0, OutputOptions{}, 0o600, false},
		{"new-mode", 0, OutputOptions{Mode: 0o644}, 0o644, false},
		{"exists", 0o644, OutputOptions{}, 0o644, true},
		{"overwrite-new", 0, OutputOptions{Overwrite: true}, 0o600, false},
		{"overwrite", 0o644, OutputOptions{Overwrite: true}, 0o600, false},
		{"overwrite-mode", 0o664, OutputOptions{Overwrite: true, Mode: 0o644}, 0o664, false},
	} {
		path := in(dir, c.name)
		if c.old != 0 {
			put(t, path, "old", c.old)
		}
		err := WriteOutput(ctx, path, c.o, text("new"))
		if c.existing {
			if says(t, err, "nothing was changed"); !errors.Is(err, fs.ErrExist) {
				t.Errorf("%s: %v", c.name, err)
			}
			holds(t, path, "old")
		} else {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			holds(t, path, "new")
		}
		if m := stat(t, path).Mode(); m != c.want {
			t.Errorf("%s: mode is %v, want %v", c.name, m, c.want)
		}
	}
	if err := WriteOutput(ctx, dir, OutputOptions{Overwrite: true}, text("")); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a directory: %v", err)
	}
}

func TestWriteOutputFollowsLinksAndPreservesTheOwner(t *testing.T) {
	dir := t.TempDir()
	target := put(t, in(dir, "target"), "old", 0o644)
	link := symlink(t, "target", in(dir, "link"))
	if os.Geteuid() == 0 {
		if err := os.Chown(target, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	was := ownerOf(stat(t, target))
	if err := WriteOutput(context.Background(), link, OutputOptions{Overwrite: true}, text("new")); err != nil {
		t.Fatal(err)
	}
	holds(t, target, "new")
	only(t, dir, "link", "target")
	if fi := stat(t, target); ownerOf(fi) != was || fi.Mode() != 0o600 {
		t.Errorf("owner %v with mode %v, want %v with 0600", ownerOf(fi), fi.Mode(), was)
	}
}

func TestWriteOutputToAPipe(t *testing.T) {
	dir := t.TempDir()
	path := in(dir, "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	time.AfterFunc(50*time.Millisecond, func() {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
		}
		got <- string(b)
	})
	if err := WriteOutput(context.Background(), path, OutputOptions{Overwrite: true}, text(big)); err != nil {
		t.Error(err)
	}
	if b := <-got; b != big {
		t.Errorf("the reader got %d of %d bytes", len(b), len(big))
	}
	only(t, dir, "pipe")
}

// A pipe whose reader never comes, or stops reading, is waited for until the
// context ends.
func TestWriteOutputToAPipeStopsWhenContextEnds(t *testing.T) {
	path := in(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, reader := range []bool{false, true} {
		if reader {
			r, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
		}
		ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
		defer cancel()
		if err := WriteOutput(ctx, path, OutputOptions{}, text(big)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a reader: %v: %v", reader, err)
		}
	}
}

func TestReplaceFuncWrapsTheErrorOfItsCallback(t *testing.T) {
	dir := t.TempDir()
	path := put(t, in(dir, "f"), "old", 0o644)
	broken := errors.New("the source ended early")
	err := ReplaceFunc(context.Background(), path, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half"); err != nil {
			return err
		}
		return broken
	}, ReplaceOptions{})
	if says(t, err, broken.Error(), "nothing was changed"); !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
	holds(t, path, "old")
	only(t, dir, "f")
}

// A callback that drops the error of its writer does not make the file count as
// complete.
func TestReplaceFuncRemembersAFailedWrite(t *testing.T) {
	path := put(t, in(t.TempDir(), "f"), "old", 0o644)
	err := ReplaceFunc(context.Background(), path, func(w io.Writer) error {
		_, _ = io.WriteString(w, big)
		return nil
	}, ReplaceOptions{Hook: func(op Op, _ string) error {
		if op == OpWrite {
			return syscall.ENOSPC
		}
		return nil
	}})
	if says(t, err, "nothing was changed"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error is %v", err)
	}
	holds(t, path, "old")
}

// The file that build gets must be the one that is renamed.
func TestBuildNewNoticesAReplacedFile(t *testing.T) {
	dir := t.TempDir()
	path := in(dir, "f")
	err := BuildNew(context.Background(), path, 0o600, "", nil, func(temp string) error {
		if err := os.Remove(temp); err != nil {
			return err
		}
		put(t, temp, "another file", 0o644)
		return nil
	})
	if says(t, err, "another run"); !errors.Is(err, ErrLocked) {
		t.Errorf("error is %v", err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file exists (%v)", err)
	}
	broken := errors.New("no tables")
	if err := BuildNew(context.Background(), path, 0o600, "", nil, func(string) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error is %v", err)
	}
	only(t, dir)
}
