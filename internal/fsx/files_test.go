package fsx

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

func TestResolve(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(in(dir, "a/b"), 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, in(dir, "a/f"), "", 0o600)
	symlink(t, "a/b", in(dir, "link"))
	symlink(t, "../f", in(dir, "a/b/up"))
	symlink(t, "none", in(dir, "dangling"))
	for path, want := range map[string]string{
		"a/f":          "a/f",
		"link/up":      "a/f",
		"link/missing": "a/b/missing",
		// ".." is the parent of the target of the link, not of the link.
		"link/../f":       "a/f",
		"link/../missing": "a/missing",
	} {
		got, err := Resolve(dir + "/" + path)
		if err != nil || got != in(dir, want) {
			t.Errorf("Resolve(%s) = %s, %v; want %s", path, got, err, want)
		}
	}
	t.Chdir(dir)
	if got, err := Resolve("missing"); err != nil || got != "missing" {
		t.Errorf("Resolve(missing) = %s, %v", got, err)
	}
	for path, want := range map[string]error{
		"dangling": ErrDangling, "none/f": fs.ErrNotExist, "dangling/f": fs.ErrNotExist, "": fs.ErrNotExist, "a/f/x": syscall.ENOTDIR,
	} {
		if got, err := Resolve(path); !errors.Is(err, want) || got != "" {
			t.Errorf("Resolve(%q) = %q, %v; want %v", path, got, err, want)
		}
	}
}

func TestWriteNew(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	path := in(dir, "f")
	if err := WriteNew(ctx, path, []byte(big), 0o604, "", nil); err != nil {
		t.Fatal(err)
	}
	holds(t, path, big)
	if m := stat(t, path).Mode(); m != 0o604 {
		t.Errorf("mode is %v", m)
	}
	symlink(t, "none", in(dir, "dangling"))
	if err := os.Mkdir(in(dir, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"f", "dangling", "dir"} {
		err := WriteNew(ctx, in(dir, name), []byte("x"), 0, "", nil)
		if says(t, err, "nothing was changed"); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	holds(t, path, big)
	only(t, dir, "dangling", "dir", "f")
	for _, bad := range []string{"", ".", dir + "/"} {
		if err := WriteNew(ctx, bad, nil, 0, "", nil); err == nil {
			t.Errorf("%q was accepted as a file", bad)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := WriteNew(ended, in(dir, "g"), nil, 0, "", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("under an ended context: %v", err)
	}
}

// A file that appears between the first check and the last step is not overwritten.
func TestWriteNewNeverOverwrites(t *testing.T) {
	ctx := context.Background()
	for what, plant := range map[string]func(t *testing.T, path string){
		"file":    func(t *testing.T, path string) { put(t, path, "theirs", 0o600) },
		"symlink": func(t *testing.T, path string) { symlink(t, put(t, path+"2", "theirs", 0o600), path) },
	} {
		dir := t.TempDir()
		path := in(dir, "f")
		err := WriteNew(ctx, path, []byte("mine"), 0, "", func(op Op, _ string) error {
			if op == OpRename {
				plant(t, path)
			}
			return nil
		})
		if e := says(t, err, "nothing was changed"); e.Op != OpRename || !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s: %v", what, err)
		}
		holds(t, path, "theirs")
		if _, err := os.Lstat(TempName(path)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the temporary file was left behind (%v)", what, err)
		}
	}
}

// NFS and systems other than Linux have no renameat2, so a link is used.
func TestRenameByLink(t *testing.T) {
	for _, taken := range []bool{false, true} {
		dir := t.TempDir()
		path := in(dir, "f")
		d, err := newDraft(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		first := true
		d.hook = func(op Op, _ string) error {
			if op == OpRename && first {
				first = false
				return errNoReplace
			}
			return nil
		}
		if taken {
			put(t, path, "theirs", 0o600)
		}
		err = d.renameNew()
		if taken {
			if !errors.Is(err, fs.ErrExist) {
				t.Errorf("error is %v", err)
			}
			holds(t, path, "theirs")
		} else {
			if err != nil {
				t.Error(err)
			}
			only(t, dir, "f")
		}
		d.abort()
	}
}

func TestAppend(t *testing.T) {
	ctx := context.Background()
	defer syscall.Umask(syscall.Umask(0))
	dir := t.TempDir()
	path := in(dir, "f")
	for range 3 {
		if err := Append(ctx, path, []byte("line\n"), "", nil); err != nil {
			t.Fatal(err)
		}
	}
	holds(t, path, "line\nline\nline\n")
	if m := stat(t, path).Mode(); m != 0o600 {
		t.Errorf("mode is %v", m)
	}
	victim := put(t, in(dir, "victim"), "precious", 0o644)
	if err := syscall.Mkfifo(in(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	symlink(t, "victim", in(dir, "link"))
	symlink(t, "none", in(dir, "dangling"))
	for _, name := range []string{"link", "dangling", "pipe", "."} {
		if err := Append(ctx, dir+"/"+name, []byte("x"), "", nil); !errors.Is(err, ErrNotRegular) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Planted after the check.
	err := Append(ctx, in(dir, "new"), []byte("x"), "", func(op Op, p string) error {
		if op == OpCreate {
			symlink(t, "victim", p)
		}
		return nil
	})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("a planted link: %v", err)
	}
	holds(t, victim, "precious")
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := Append(ended, path, []byte("x"), "", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("under an ended context: %v", err)
	}
	holds(t, path, "line\nline\nline\n")
}

// An empty file may be left by a killed run: its owner is still to be set and its
// name to be synced. The owner of a hard link to a file of root is not changed.
func TestAppendFinishesEmptyFile(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	path := put(t, in(dir, "f"), "", 0o600)
	var ops []Op
	if err := Append(ctx, path, []byte("x"), "", func(op Op, _ string) error { ops = append(ops, op); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(ops) == 0 || ops[0] != OpSyncDir {
		t.Errorf("the steps are %q", ops)
	}
	asRoot(t)
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	victim := put(t, in(dir, "victim"), "", 0o600)
	if err := os.Link(victim, in(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	if err := Append(ctx, in(dir, "linked"), []byte("x"), dir, nil); err == nil {
		t.Error("a hard-linked file of root was accepted as ours")
	}
	if o := ownerOf(stat(t, victim)); o.uid != 0 {
		t.Errorf("the victim now belongs to %v", o)
	}
	holds(t, victim, "")
}

func TestMkdirPrivate(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	if err := MkdirPrivate(ctx, in(dir, "d")+"/", "", nil); err != nil {
		t.Fatal(err)
	}
	if m := stat(t, in(dir, "d")).Mode(); m != 0o700|fs.ModeDir {
		t.Errorf("mode is %v", m)
	}
	chmod(t, in(dir, "d"), 0o755)
	put(t, in(dir, "d/f"), "", 0o600)
	none := func(op Op, p string) error { t.Errorf("%s of %s", op, p); return nil }
	if err := MkdirPrivate(ctx, in(dir, "d"), "", none); err != nil {
		t.Fatal(err)
	}
	if m := stat(t, in(dir, "d")).Mode().Perm(); m != 0o755 {
		t.Errorf("an existing directory was changed to %v", m)
	}
	put(t, in(dir, "f"), "", 0o600)
	symlink(t, "d", in(dir, "link"))
	symlink(t, "none", in(dir, "dangling"))
	for name, want := range map[string]error{
		"f": syscall.ENOTDIR, "link": syscall.ENOTDIR, "dangling": syscall.ENOTDIR, "none/d": fs.ErrNotExist,
	} {
		if err := MkdirPrivate(ctx, in(dir, name), "", nil); !errors.Is(err, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := MkdirPrivate(ended, in(dir, "e"), "", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("under an ended context: %v", err)
	}
	only(t, dir, "d", "dangling", "f", "link")
}

func TestMkdirPrivateInParallel(t *testing.T) {
	for range 50 {
		dir := t.TempDir()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if err := MkdirPrivate(context.Background(), in(dir, "d"), dir, nil); err != nil {
					t.Error(err)
				}
				// If the directory were replaced while it is used, files in it would be lost.
				f, err := os.CreateTemp(in(dir, "d"), "x")
				if err != nil {
					t.Error(err)
					return
				}
				_ = f.Close()
			})
		}
		all.Wait()
		only(t, dir, "d")
		if list, err := os.ReadDir(in(dir, "d")); err != nil || len(list) != 8 {
			t.Fatalf("%d of 8 files exist (%v)", len(list), err)
		}
	}
}

func TestMkdirPrivateTempNameInUse(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	temp := TempName(in(dir, "d"))
	if err := errors.Join(os.Mkdir(temp, 0o777), os.Chown(temp, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	put(t, in(temp, "planted"), "", 0o600)
	if err := MkdirPrivate(context.Background(), in(dir, "d"), "", nil); err == nil {
		t.Error("a directory of another user was used")
	}
	if err := os.RemoveAll(temp); err != nil {
		t.Fatal(err)
	}
	symlink(t, t.TempDir(), temp)
	if err := MkdirPrivate(context.Background(), in(dir, "d"), "", nil); err == nil {
		t.Error("a link was accepted as the directory")
	}
	if _, err := os.Lstat(in(dir, "d")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something exists at the path: %v", err)
	}
}

func TestReadLimited(t *testing.T) {
	dir := t.TempDir()
	path := put(t, in(dir, "f"), "12345", 0o640)
	symlink(t, "f", in(dir, "link"))
	for _, p := range []string{path, in(dir, "link")} {
		b, info, err := ReadLimited(p, 5)
		if err != nil || string(b) != "12345" {
			t.Fatalf("%q, %v", b, err)
		}
		if info.Size() != 5 || info.Mode() != 0o640 || !os.SameFile(info, stat(t, path)) {
			t.Errorf("info is %v of %d bytes", info.Mode(), info.Size())
		}
	}
	if b, _, err := ReadLimited(put(t, in(dir, "empty"), "", 0o600), 0); err != nil || len(b) != 0 {
		t.Errorf("empty file: %q, %v", b, err)
	}
	_, _, err := ReadLimited(path, 4)
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "5 bytes, the limit is 4") || !strings.Contains(err.Error(), path) {
		t.Errorf("error is %v", err)
	}
	if err := syscall.Mkfifo(in(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]error{
		in(dir, "pipe"): ErrNotRegular, dir: ErrNotRegular, "/dev/zero": ErrNotRegular, in(dir, "none"): fs.ErrNotExist,
	} {
		if b, info, err := ReadLimited(p, 100); !errors.Is(err, want) || b != nil || info != nil {
			t.Errorf("%s: %v", p, err)
		}
	}
	put(t, path, string(bytes.Repeat([]byte{'x'}, 1<<20)), 0o640)
	if n := testing.AllocsPerRun(10, func() { _, _, _ = ReadLimited(path, 1<<20) }); n > 15 {
		t.Errorf("%v allocations, want one for the data", n)
	}
}

func TestSameFile(t *testing.T) {
	path := put(t, in(t.TempDir(), "f"), "old", 0o640)
	info := stat(t, path)
	check := func(want bool, when string) {
		t.Helper()
		if got, err := SameFile(path, info); got != want || err != nil {
			t.Errorf("%s: %v, %v", when, got, err)
		}
	}
	check(true, "untouched")
	if err := replace(path, "old"); err != nil {
		t.Fatal(err)
	}
	check(false, "replaced by the same bytes")
	info = stat(t, path)
	put(t, path, "older", 0o640)
	check(false, "written in place")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check(false, "gone")
}
