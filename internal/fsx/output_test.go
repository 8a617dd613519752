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
	ours := func(head []byte) bool { return string(head) == "old" }
	for _, c := range []struct {
		name     string
		old      string // "": no old file
		o        OutputOptions
		existing bool // the error is fs.ErrExist
	}{
		{"new", "", OutputOptions{}, false},
		{"exists", "old", OutputOptions{}, true},
		{"overwrite-new", "", OutputOptions{Overwrite: true}, false},
		{"overwrite", "old", OutputOptions{Overwrite: true}, false},
		{"ours-new", "", OutputOptions{Ours: ours}, false},
		{"ours", "old", OutputOptions{Ours: ours}, false},
		{"not-ours", "settings", OutputOptions{Ours: ours}, true},
		{"not-ours-overwrite", "settings", OutputOptions{Ours: ours, Overwrite: true}, true},
	} {
		path := in(dir, c.name)
		if c.old != "" {
			put(t, path, c.old, 0o644)
		}
		early := CheckOutput(path, c.o)
		err := WriteOutput(ctx, path, c.o, text("new"))
		if (early == nil) != (err == nil) {
			t.Errorf("%s: %v before, then %v", c.name, early, err)
		}
		want, mode := "new", fs.FileMode(0o600)
		if c.existing {
			if says(t, err, "nothing was changed"); !errors.Is(err, fs.ErrExist) || !errors.Is(early, fs.ErrExist) {
				t.Errorf("%s: %v, %v", c.name, early, err)
			}
			want, mode = c.old, 0o644
		} else if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		holds(t, path, want)
		if m := stat(t, path).Mode(); m != mode {
			t.Errorf("%s: mode is %v, want %v", c.name, m, mode)
		}
	}
	if err := WriteOutput(ctx, put(t, in(dir, "empty"), "", 0o644), OutputOptions{Ours: ours}, text("new")); err != nil {
		t.Errorf("an empty file: %v", err)
	}
	if err := WriteOutput(ctx, dir, OutputOptions{Overwrite: true}, text("")); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a directory: %v", err)
	}
}

// A link may have been planted by another user, and lead to any file.
func TestWriteOutputFollowsNoLinks(t *testing.T) {
	dir := t.TempDir()
	put(t, in(dir, "target"), "old", 0o644)
	for _, to := range []string{"target", "missing", "/dev/null"} {
		link := symlink(t, to, in(dir, "link"))
		if err := WriteOutput(context.Background(), link, OutputOptions{}, text("new")); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", to, err)
		}
		for _, o := range []OutputOptions{{Overwrite: true}, {Ours: func([]byte) bool { return true }}} {
			if err := WriteOutput(context.Background(), link, o, text("new")); !errors.Is(err, ErrNotRegular) {
				t.Errorf("%s: %v", to, err)
			}
		}
		holds(t, in(dir, "target"), "old")
		only(t, dir, "link", "target")
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
	put(t, TempName(in(dir, "f")), "a file of someone else", 0o644)
	if err := WriteOutput(context.Background(), in(dir, "f"), OutputOptions{}, text("new")); err != nil {
		t.Error(err)
	}
	holds(t, TempName(in(dir, "f")), "a file of someone else")
}

func TestWriteOutputPreservesTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can change the owner of a file")
	}
	dir := t.TempDir()
	path := put(t, in(dir, "f"), "old", 0o644)
	if err := os.Chown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	was := ownerOf(stat(t, path))
	if err := WriteOutput(context.Background(), path, OutputOptions{Overwrite: true}, text("new")); err != nil {
		t.Fatal(err)
	}
	if fi := stat(t, path); ownerOf(fi) != was || fi.Mode() != 0o600 {
		t.Errorf("owner %v with mode %v, want %v with 0600", ownerOf(fi), fi.Mode(), was)
	}
	// In /tmp, anyone could get a plan of root that way.
	if err := os.Chmod(dir, 0o777|fs.ModeSticky); err != nil {
		t.Fatal(err)
	}
	put(t, in(dir, "own"), "old", 0o644)
	if err := WriteOutput(context.Background(), path, OutputOptions{Overwrite: true}, text("secret")); !errors.Is(err, errShared) {
		t.Errorf("a file of another user: %v", err)
	}
	holds(t, path, "new")
	if err := WriteOutput(context.Background(), in(dir, "own"), OutputOptions{Overwrite: true}, text("new")); err != nil {
		t.Errorf("an own file: %v", err)
	}
}

// The next run removes what a killed run left, but not what another run is writing.
func TestWriteOutputRemovesLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := in(dir, "f")
	left := put(t, in(dir, ".f.00112233445566778899aabb"+TempSuffix), "half", 0o600)
	others := []string{
		in(dir, ".f.notes"+TempSuffix), in(dir, ".g.00112233445566778899aabb"+TempSuffix), in(dir, ".f.00112233445566778899aabb"),
	}
	for _, name := range others {
		put(t, name, "kept", 0o600)
	}
	inner := errors.New("stop")
	err := WriteOutput(context.Background(), path, OutputOptions{}, func(io.Writer) error {
		if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the leftover exists (%v)", err)
		}
		if err := WriteOutput(context.Background(), path, OutputOptions{}, text("second")); err != nil {
			t.Error(err)
		}
		return inner
	})
	if !errors.Is(err, inner) {
		t.Errorf("error is %v, so the inner run removed the file of the outer one", err)
	}
	holds(t, path, "second")
	only(t, dir, ".f.00112233445566778899aabb", ".f.notes"+TempSuffix, ".g.00112233445566778899aabb"+TempSuffix, "f")
}

// A device stays a device, and nothing is created under /dev by a mistyped name.
func TestWriteOutputToADevice(t *testing.T) {
	ctx, o := context.Background(), OutputOptions{Overwrite: true}
	before, err := os.Lstat("/dev/full")
	if err != nil {
		t.Skip("this system has no /dev/full")
	}
	if err := WriteOutput(ctx, "/dev/full", o, text("new")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full device: %v", err)
	}
	if err := WriteOutput(ctx, "/dev/null", OutputOptions{}, text("new")); err != nil {
		t.Errorf("/dev/null: %v", err)
	}
	if after, err := os.Lstat("/dev/full"); err != nil || !os.SameFile(before, after) {
		t.Errorf("/dev/full was replaced (%v)", err)
	}
	for _, err := range []error{WriteOutput(ctx, "/dev/nulll", o, text("new")), CheckOutput("/dev/nulll", o)} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a mistyped device: %v", err)
		}
	}
	if fi, err := os.Stat("/dev/shm"); err != nil || !fi.IsDir() {
		return
	}
	dir, err := os.MkdirTemp("/dev/shm", "davadmin-test-*")
	if err != nil {
		t.Skip("/dev/shm is not writable")
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := WriteOutput(ctx, in(dir, "f"), OutputOptions{}, text("new")); err != nil {
		t.Errorf("a file in /dev/shm: %v", err)
	}
}

func TestMkdirOutputTakesNoExistingDirectory(t *testing.T) {
	dir := t.TempDir()
	if err := MkdirOutput(context.Background(), in(dir, "wave"), nil); err != nil {
		t.Fatal(err)
	}
	if m := stat(t, in(dir, "wave")).Mode().Perm(); m != 0o700 {
		t.Errorf("mode is %o", m)
	}
	symlink(t, "missing", in(dir, "link"))
	for _, name := range []string{"wave", "link"} {
		if err := MkdirOutput(context.Background(), in(dir, name), nil); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", name, err)
		}
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

// What an earlier run wrote is removed if there is nothing to write now, but nothing else.
func TestRemoveOutput(t *testing.T) {
	dir := t.TempDir()
	o := OutputOptions{Ours: func(head []byte) bool { return string(head) == "ours" }}
	ours := put(t, in(dir, "ours"), "ours", 0o600)
	if err := RemoveOutput(t.Context(), ours, o); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(ours); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file remains: %v", err)
	}
	if err := RemoveOutput(t.Context(), ours, o); err != nil {
		t.Errorf("a missing file: %v", err)
	}
	other := put(t, in(dir, "other"), "settings", 0o600)
	if err := RemoveOutput(t.Context(), other, o); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a file of the user: %v", err)
	}
	holds(t, other, "settings")
	target := put(t, in(dir, "target"), "ours", 0o600)
	if err := RemoveOutput(t.Context(), symlink(t, "target", in(dir, "link")), o); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a link: %v", err)
	}
	holds(t, target, "ours")
	if err := RemoveOutput(t.Context(), "/dev/null", o); err != nil {
		t.Errorf("a device: %v", err)
	}
}
