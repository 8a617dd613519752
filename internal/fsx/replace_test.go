package fsx

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func replace(path, data string) error {
	return Replace(context.Background(), path, []byte(data), ReplaceOptions{})
}

func TestReplaceKeepsMode(t *testing.T) {
	for _, mode := range []fs.FileMode{0o600, 0o644, 0o660, 0o400, 0o777} {
		dir := t.TempDir()
		path := put(t, in(dir, "f"), "old", mode)
		if err := replace(path, "new"); err != nil {
			t.Fatal(err)
		}
		holds(t, path, "new")
		only(t, dir, "f")
		if got := stat(t, path).Mode(); got != mode {
			t.Errorf("mode is %v, was %v", got, mode)
		}
	}
}

func TestReplaceDropsSetuid(t *testing.T) {
	path := put(t, in(t.TempDir(), "f"), "old", 0o755|fs.ModeSetuid)
	if err := replace(path, "new"); err != nil {
		t.Fatal(err)
	}
	if got := stat(t, path).Mode(); got != 0o755 {
		t.Errorf("mode is %v", got)
	}
}

func TestReplaceCreatesMissingFile(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077)) // is ignored
	dir := t.TempDir()
	if err := replace(in(dir, "a"), ""); err != nil {
		t.Fatal(err)
	}
	err := Replace(context.Background(), in(dir, "b"), []byte("x"), ReplaceOptions{Mode: 0o664})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, in(dir, "a"), "")
	if a, b := stat(t, in(dir, "a")).Mode(), stat(t, in(dir, "b")).Mode(); a != 0o640 || b != 0o664 {
		t.Errorf("modes are %v and %v", a, b)
	}
}

func TestReplaceFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(in(dir, "real"), 0o755); err != nil {
		t.Fatal(err)
	}
	target := put(t, in(dir, "real/f"), "old", 0o644)
	put(t, TempName(target), "leftover", 0o600) // in the directory of the target, not of the link
	symlink(t, target, in(dir, "absolute"))
	symlink(t, "real/f", in(dir, "relative"))
	symlink(t, "relative", in(dir, "chain"))
	symlink(t, "real", in(dir, "dir"))
	for _, name := range []string{"absolute", "relative", "chain", "dir/f", "dir/../real/f"} {
		if err := replace(dir+"/"+name, name); err != nil {
			t.Fatal(err)
		}
		holds(t, target, name)
	}
	for _, name := range []string{"absolute", "relative", "chain", "dir"} {
		if stat(t, in(dir, name)).Mode()&fs.ModeSymlink == 0 {
			t.Errorf("%s is no longer a link", name)
		}
	}
	only(t, dir, "absolute", "chain", "dir", "real", "relative")
	only(t, in(dir, "real"), "f")
}

func TestReplaceRefuses(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	symlink(t, "nowhere", in(dir, "dangling"))
	symlink(t, "loop", in(dir, "loop"))
	put(t, in(dir, "file"), "", 0o600)
	if err := os.Mkdir(in(dir, "dir"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(in(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	// A short path, because the length of a socket's path is limited.
	sockets := openDir(t, 0o700)
	l, err := net.Listen("unix", in(sockets, "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, c := range []struct {
		path string
		is   error
		says string
	}{
		{in(dir, "dangling"), ErrDangling, "symbolic link to nowhere, which does not exist"},
		{in(dir, "loop"), syscall.ELOOP, "loop"},
		{in(dir, "dir"), ErrNotRegular, "it is a directory"},
		{in(dir, "pipe"), ErrNotRegular, "it is a pipe"},
		{in(sockets, "s"), ErrNotRegular, "it is a socket"},
		{"/dev/null", ErrNotRegular, "it is a device"},
		{in(dir, "none/f"), fs.ErrNotExist, "its directory"},
		{in(dir, "file/f"), syscall.ENOTDIR, "not a directory"},
		{in(dir, "none") + "/", fs.ErrNotExist, "does not name a file"},
		{"", fs.ErrNotExist, "does not name a file"},
	} {
		err := replace(c.path, "new")
		if e := says(t, err, c.says, "nothing was changed"); e.Replaced || !errors.Is(err, c.is) {
			t.Errorf("%s: %v is not %v", c.path, err, c.is)
		}
	}
	if errors.Is(replace(in(dir, "dangling"), ""), fs.ErrNotExist) {
		t.Error("a dangling link looks like a file that can be created")
	}
	only(t, dir, "dangling", "dir", "file", "loop", "pipe")
}

func TestReplaceStopsWhenContextEnds(t *testing.T) {
	dir := t.TempDir()
	path := put(t, in(dir, "f"), "old", 0o644)
	for _, at := range []Op{"", OpCreate, OpWrite, OpSync} {
		ctx, cancel := context.WithCancel(context.Background())
		if at == "" {
			cancel()
		}
		seen := false
		err := Replace(ctx, path, []byte(big), ReplaceOptions{Hook: func(op Op, _ string) error {
			if op == at {
				cancel()
			}
			seen = true
			return nil
		}})
		cancel()
		if says(t, err, "nothing was changed"); !errors.Is(err, context.Canceled) {
			t.Errorf("stopped at %q: %v", at, err)
		}
		if at == "" && seen {
			t.Error("something was changed although the context had ended")
		}
		holds(t, path, "old")
		only(t, dir, "f")
	}
}

func TestReplaceCheck(t *testing.T) {
	dir := t.TempDir()
	path := put(t, in(dir, "f"), "old", 0o644)
	_, info, err := ReadLimited(path, 100)
	if err != nil {
		t.Fatal(err)
	}
	lastLook := errors.New("another program wrote it")
	check := func(f *os.File) error {
		b := make([]byte, 3)
		if _, err := f.ReadAt(b, 0); err != nil || string(b) != "new" {
			t.Errorf("the new file contains %q (%v)", b, err)
		}
		holds(t, path, "old")
		if same, err := SameFile(path, info); err != nil || !same {
			return errors.Join(lastLook, err)
		}
		return nil
	}
	if err := Replace(context.Background(), path, []byte("new"), ReplaceOptions{Check: check}); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new")
	put(t, path, "old", 0o644) // the same bytes, but a different version
	err = Replace(context.Background(), path, []byte("new"), ReplaceOptions{Check: check})
	if says(t, err, "nothing was changed", lastLook.Error()); !errors.Is(err, lastLook) {
		t.Errorf("error is %v", err)
	}
	holds(t, path, "old")
	only(t, dir, "f")
}

// Two runs without a lock must not mix their files.
func TestReplaceNoticesAnotherRun(t *testing.T) {
	path := put(t, in(t.TempDir(), "f"), "old", 0o644)
	err := Replace(context.Background(), path, []byte("mine"), ReplaceOptions{Check: func(*os.File) error {
		return replace(path, "theirs")
	}})
	if says(t, err, "another run"); !errors.Is(err, ErrLocked) {
		t.Errorf("error is %v", err)
	}
	holds(t, path, "theirs")

	// The other run is still writing: its unfinished file is neither renamed nor
	// removed.
	err = Replace(context.Background(), path, []byte("mine"), ReplaceOptions{Check: func(*os.File) error {
		if err := os.Remove(TempName(path)); err != nil {
			return err
		}
		put(t, TempName(path), "half", 0o600)
		return nil
	}})
	if says(t, err, "another run"); !errors.Is(err, ErrLocked) {
		t.Errorf("error is %v", err)
	}
	holds(t, path, "theirs")
	holds(t, TempName(path), "half")
}

func TestTempIsPrivateAndNotFollowed(t *testing.T) {
	dir := t.TempDir()
	victim := put(t, in(dir, "victim"), "precious", 0o644)
	path := put(t, in(dir, "f"), "old", 0o600)
	symlink(t, "victim", TempName(path))
	err := Replace(context.Background(), path, []byte("new"), ReplaceOptions{Hook: func(op Op, p string) error {
		if op == OpWrite && stat(t, p).Mode() != 0o600 {
			t.Errorf("others can read the new file: %v", stat(t, p).Mode())
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new")
	holds(t, victim, "precious")
	only(t, dir, "f", "victim")

	// Planted after the leftover was removed: O_EXCL refuses.
	err = Replace(context.Background(), path, []byte("x"), ReplaceOptions{Hook: func(op Op, p string) error {
		if op == OpCreate {
			symlink(t, "victim", p)
		}
		return nil
	}})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("error is %v", err)
	}
	holds(t, victim, "precious")
	holds(t, path, "new")
}

func TestCleanTemp(t *testing.T) {
	dir := t.TempDir()
	path := put(t, in(dir, "f"), "old", 0o644)
	link := symlink(t, "f", in(dir, "link"))
	if TempName(path) != in(dir, ".f.davadmin-new") {
		t.Errorf("TempName is %s", TempName(path))
	}
	if removed, err := CleanTemp(link); removed || err != nil {
		t.Errorf("nothing there: %v, %v", removed, err)
	}
	put(t, TempName(path), "x", 0o600)
	if removed, err := CleanTemp(link); !removed || err != nil {
		t.Errorf("a leftover: %v, %v", removed, err)
	}
	only(t, dir, "f", "link")
	if err := os.Mkdir(TempName(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if removed, err := CleanTemp(path); removed || err == nil {
		t.Errorf("a directory of that name: %v, %v", removed, err)
	}
	if err := replace(path, "new"); err == nil {
		t.Error("Replace continued although the temporary name is in use")
	}
	holds(t, path, "old")
}

func TestReplaceKeepsOwner(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	path := put(t, in(dir, "f"), "old", 0o640)
	for _, o := range []owner{{nobody, nobody}, {0, nobody}, {nobody, 0}} {
		if err := os.Chown(path, o.uid, o.gid); err != nil {
			t.Fatal(err)
		}
		if err := Replace(context.Background(), path, []byte("new"), ReplaceOptions{OwnerFrom: "/"}); err != nil {
			t.Fatal(err)
		}
		if fi := stat(t, path); ownerOf(fi) != o || fi.Mode() != 0o640 {
			t.Errorf("owner is %v with mode %v, want %v", ownerOf(fi), fi.Mode(), o)
		}
	}
}

func TestNewFilesGetOwnerFrom(t *testing.T) {
	asRoot(t)
	ctx := context.Background()
	dir := t.TempDir()
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	l, err := AcquireLock(ctx, in(dir, "lock"), LockOptions{OwnerFrom: dir})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(
		Replace(ctx, in(dir, "replace"), nil, ReplaceOptions{OwnerFrom: dir}),
		WriteNew(ctx, in(dir, "new"), nil, 0, dir, nil),
		Append(ctx, in(dir, "append"), []byte("x"), dir, nil),
		MkdirPrivate(ctx, in(dir, "mkdir"), dir, nil),
		l.Release())
	if err != nil {
		t.Fatal(err)
	}
	only(t, dir, "append", "lock", "mkdir", "new", "replace")
	for name, mode := range map[string]fs.FileMode{
		"append": 0o600, "lock": 0o600, "mkdir": 0o700 | fs.ModeDir, "new": 0o640, "replace": 0o640,
	} {
		if fi := stat(t, in(dir, name)); ownerOf(fi) != (owner{nobody, nobody}) || fi.Mode() != mode {
			t.Errorf("%s has owner %v and mode %v", name, ownerOf(fi), fi.Mode())
		}
	}
	if err := Replace(ctx, in(dir, "x"), nil, ReplaceOptions{OwnerFrom: in(dir, "none")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("owner of a missing file: %v", err)
	}
	if _, err := os.Lstat(in(dir, "x")); err == nil {
		t.Error("it was created with the wrong owner")
	}
}

// A user who may write to the directory, but cannot preserve the owner of the file,
// gets an error, not a file of their own.
func TestOwnerThatCannotBePreserved(t *testing.T) {
	asRoot(t)
	dir := openDir(t, 0o777)
	path := put(t, in(dir, "f"), "old", 0o666)
	complaint, _ := run(t, part{Do: "replace", Path: path, Data: "new", KillAt: -1, UID: nobody})
	for _, w := range []string{path, "(uid 0)", "uid 65534", "operation not permitted", "nothing was changed"} {
		if !strings.Contains(complaint, w) {
			t.Errorf("%q does not contain %q", complaint, w)
		}
	}
	holds(t, path, "old")
	only(t, dir, "f")
	if o := ownerOf(stat(t, path)); o != (owner{0, 0}) {
		t.Errorf("owner is now %v", o)
	}
	// With the same user and directory but a file of their own, it works.
	if err := os.Chown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	if complaint, _ := run(t, part{Do: "replace", Path: path, Data: "new", KillAt: -1, UID: nobody}); complaint != "" {
		t.Error(complaint)
	}
	holds(t, path, "new")
}

func TestDirectoryThatCannotBeWritten(t *testing.T) {
	uid := 0
	if os.Geteuid() == 0 {
		uid = nobody
	}
	dir := openDir(t, 0o755)
	path := put(t, in(dir, "f"), "old", 0o644)
	if uid != 0 {
		if err := os.Chown(path, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
	chmod(t, dir, 0o555)
	defer chmod(t, dir, 0o755)
	for _, p := range []part{
		{Do: "replace", Path: path}, {Do: "new", Path: in(dir, "g")}, {Do: "append", Path: in(dir, "g")},
		{Do: "mkdir", Path: in(dir, "g")}, {Do: "lock", Path: in(dir, "g")},
	} {
		p.UID, p.KillAt = uid, -1
		complaint, _ := run(t, p)
		if !strings.Contains(complaint, "permission denied") || !strings.Contains(complaint, p.Path) {
			t.Errorf("%s: %q", p.Do, complaint)
		}
		holds(t, path, "old")
		only(t, dir, "f")
	}
}
