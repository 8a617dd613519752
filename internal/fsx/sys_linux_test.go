package fsx

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// enrich gives a file attributes that a replacement has to preserve.
func enrich(t *testing.T, path string) {
	t.Helper()
	if err := unix.Setxattr(path, "user.test", []byte("kept"), 0); err != nil && !errors.Is(err, unix.ENOTSUP) {
		t.Fatal(err)
	}
}

func setAttribute(t *testing.T, path, name string, value []byte) {
	t.Helper()
	err := unix.Setxattr(path, name, value, 0)
	if errors.Is(err, unix.ENOTSUP) {
		t.Skipf("the file system of %s does not support %s", path, name)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func attribute(t *testing.T, path, name string) string {
	t.Helper()
	b := make([]byte, 4096)
	n, err := unix.Lgetxattr(path, name, b)
	if errors.Is(err, unix.ENODATA) {
		return "-"
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b[:n])
}

// acl returns a POSIX ACL in the kernel's format: the owner has the rights own, the
// named user can read and write, the group has no rights, and the mask is rw.
func acl(user uint32, own uint16) []byte {
	const none = ^uint32(0)
	b := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{1, own, none}, {2, 6, user}, {4, 0, none}, {0x10, 6, none}, {0x20, 0, none}} {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

func TestReplaceKeepsAttributes(t *testing.T) {
	path := put(t, in(t.TempDir(), "f"), "old", 0o600)
	setAttribute(t, path, "user.test", []byte("kept"))
	setAttribute(t, path, "user.empty", nil)
	chmod(t, path, 0o400) // a read-only file can be replaced
	if err := replace(path, "new"); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "new")
	if v := attribute(t, path, "user.test"); v != "kept" {
		t.Errorf("user.test is %q", v)
	}
	if v := attribute(t, path, "user.empty"); v != "" {
		t.Errorf("user.empty is %q", v)
	}
	if m := stat(t, path).Mode(); m != 0o400 {
		t.Errorf("mode is %v", m)
	}
}

func TestReplaceKeepsACL(t *testing.T) {
	path := put(t, in(t.TempDir(), "f"), "old", 0o600)
	want := string(acl(1234, 6))
	setAttribute(t, path, aclAttribute, []byte(want))
	mode := stat(t, path).Mode()
	err := Replace(context.Background(), path, []byte("new"), ReplaceOptions{Hook: func(op Op, p string) error {
		// The group bits of the mode are the mask of the ACL. Without the ACL they would let the group in.
		if op == OpCreate || op == OpSyncDir {
			return nil
		}
		if stat(t, p).Mode().Perm()&0o060 != 0 && attribute(t, p, aclAttribute) == "-" {
			t.Errorf("before %s the group has access to the new file", op)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := attribute(t, path, aclAttribute); got != want {
		t.Errorf("the ACL is %x, was %x", got, want)
	}
	if m := stat(t, path).Mode(); m != mode {
		t.Errorf("mode is %v, was %v", m, mode)
	}
}

// An ACL may make the file read-only, and on a read-only file only root can set user
// attributes.
func TestReplaceKeepsAttributesAndACLAsUser(t *testing.T) {
	asRoot(t)
	dir := openDir(t, 0o777)
	path := put(t, in(dir, "f"), "old", 0o600)
	if err := os.Chown(path, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	setAttribute(t, path, "user.test", []byte("kept"))
	setAttribute(t, path, aclAttribute, acl(1234, 4))
	complaint, _ := run(t, part{Do: "replace", Path: path, Data: "new", KillAt: -1, UID: nobody})
	if complaint != "" {
		t.Fatal(complaint)
	}
	holds(t, path, "new")
	if v, a := attribute(t, path, "user.test"), attribute(t, path, aclAttribute); v != "kept" || a != string(acl(1234, 4)) {
		t.Errorf("user.test is %q, the ACL %x", v, a)
	}
}

func TestReplaceACLThatCannotBePreserved(t *testing.T) {
	dir := t.TempDir()
	path := put(t, in(dir, "f"), "old", 0o600)
	setAttribute(t, path, "user.test", []byte("x"))
	refuse := func(op Op, _ string) error {
		if op == OpXattr {
			return unix.ENOTSUP
		}
		return nil
	}
	// A file system without user attributes is not a reason to fail…
	if err := Replace(context.Background(), path, []byte("new"), ReplaceOptions{Hook: refuse}); err != nil {
		t.Errorf("a user attribute: %v", err)
	}
	// …but the access to the file never changes silently.
	setAttribute(t, path, aclAttribute, acl(1234, 6))
	err := Replace(context.Background(), path, []byte("newer"), ReplaceOptions{Hook: refuse})
	if e := says(t, err, aclAttribute, "nothing was changed"); e.Op != OpXattr {
		t.Errorf("Op is %q", e.Op)
	}
	if strings.Count(err.Error(), path) != 1 {
		t.Errorf("%q names the file more than once", err)
	}
	holds(t, path, "new")
	only(t, dir, "f")
}

// A default ACL of the directory would give the new file ACL entries that the old
// one does not have.
func TestReplaceDropsInheritedACL(t *testing.T) {
	dir := t.TempDir()
	path := put(t, in(dir, "f"), "old", 0o660)
	setAttribute(t, dir, "system.posix_acl_default", acl(1234, 6))
	if err := replace(path, "new"); err != nil {
		t.Fatal(err)
	}
	if got := attribute(t, path, aclAttribute); got != "-" {
		t.Errorf("the file has the ACL %x", got)
	}
	if m := stat(t, path).Mode(); m != 0o660 {
		t.Errorf("mode is %v", m)
	}
}

func TestReplaceAttributeSteps(t *testing.T) {
	path := put(t, in(t.TempDir(), "f"), "old", 0o640)
	setAttribute(t, path, "user.test", []byte("kept"))
	var ops []Op
	err := Replace(context.Background(), path, []byte("new"), ReplaceOptions{Hook: func(op Op, _ string) error {
		ops = append(ops, op)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Op{OpCreate, OpXattr, OpChmod, OpWrite, OpSync, OpRename, OpSyncDir}
	if !slices.Equal(ops, want) {
		t.Errorf("the steps are %q, want %q", ops, want)
	}
}

// smallDisk returns the path of a real file system of one MiB.
func smallDisk(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m,mode=755")
	if errors.Is(err, syscall.EPERM) {
		t.Skip("mounting is not allowed here, even as root")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Errorf("a file is still open on the small disk: %v", err)
			_ = syscall.Unmount(dir, syscall.MNT_DETACH)
		}
	})
	return dir
}

// fill fills the disk until about free bytes are left.
func fill(t *testing.T, dir string, free int64) {
	t.Helper()
	f, err := os.Create(in(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var size int64
	for err == nil {
		var n int
		n, err = f.Write(make([]byte, 4096))
		size += int64(n)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Truncate(size - free); err != nil {
		t.Fatal(err)
	}
}

func TestFullDisk(t *testing.T) {
	ctx := context.Background()
	dir := smallDisk(t)
	old := strings.Repeat("old", 20000)
	path := put(t, in(dir, "f"), old, 0o640)
	fill(t, dir, 400<<10) // the first chunk fits, the second does not
	before := stat(t, path)
	ops := 0
	err := Replace(ctx, path, []byte(big), ReplaceOptions{Hook: func(op Op, _ string) error {
		if op == OpWrite {
			ops++
		}
		return nil
	}})
	if e := says(t, err, path, "no space left on device", "nothing was changed"); e.Replaced || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error is %v", err)
	}
	if ops != 2 {
		t.Errorf("the disk was full at chunk %d, want the second", ops)
	}
	holds(t, path, old)
	if !os.SameFile(before, stat(t, path)) {
		t.Error("it is a different file")
	}
	only(t, dir, "f", "filler")

	if err := WriteNew(ctx, in(dir, "new"), []byte(big), 0, "", nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("WriteNew: %v", err)
	}
	only(t, dir, "f", "filler")

	// A lock can still be taken.
	l, err := lock(in(dir, "lock"), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Error(err)
	}
	if err := os.Remove(in(dir, "filler")); err != nil {
		t.Fatal(err)
	}
	if err := replace(path, "small"); err != nil {
		t.Errorf("with free space again: %v", err)
	}
	only(t, dir, "f", "lock")
}

func TestAppendOnFullDisk(t *testing.T) {
	ctx := context.Background()
	dir := smallDisk(t)
	old := strings.Repeat("old", 20000)
	path := put(t, in(dir, "f"), old, 0o640)
	fill(t, dir, 400<<10)
	wrote := false
	hook := func(op Op, p string) error {
		if op == OpTruncate {
			wrote = stat(t, p).Size() > int64(len(old))
		}
		return nil
	}
	err := Append(ctx, path, []byte(big), "", hook)
	if e := says(t, err, path, "nothing was changed"); e.Replaced || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Append: %v", err)
	}
	if !wrote {
		t.Error("no part was written, so the test shows nothing")
	}
	holds(t, path, old)

	if err := Append(ctx, in(dir, "log"), []byte(big), "", nil); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Append to a new file: %v", err)
	}
	only(t, dir, "f", "filler")
}

func TestReadOnlyDisk(t *testing.T) {
	dir := smallDisk(t)
	path := put(t, in(dir, "f"), "old", 0o640)
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for name, err := range map[string]error{
		"Replace":      replace(path, "new"),
		"WriteNew":     WriteNew(ctx, in(dir, "g"), nil, 0, "", nil),
		"Append":       Append(ctx, path, []byte("x"), "", nil),
		"MkdirPrivate": MkdirPrivate(ctx, in(dir, "d"), "", nil),
	} {
		if says(t, err, "read-only file system", "nothing was changed"); !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := lock(in(dir, "lock"), 0); !errors.Is(err, syscall.EROFS) {
		t.Errorf("AcquireLock: %v", err)
	}
	holds(t, path, "old")
}

// A directory that appears at the last moment is not replaced, even if it is empty.
func TestMkdirPrivateNeverReplaces(t *testing.T) {
	dir := t.TempDir()
	err := MkdirPrivate(context.Background(), in(dir, "d"), "", func(op Op, _ string) error {
		if op == OpRename {
			return os.Mkdir(in(dir, "d"), 0o750)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if m := stat(t, in(dir, "d")).Mode().Perm(); m != 0o750 {
		t.Errorf("the directory was replaced by one with mode %v", m)
	}
	only(t, dir, "d")
}

// The files of /proc claim to be empty: the simplest case of a file that has more
// bytes than it had when it was opened.
func TestReadLimitedNoticesGrowth(t *testing.T) {
	if b, _, err := ReadLimited("/proc/self/status", 1<<20); err == nil || !strings.Contains(err.Error(), "changed while") {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

// The open output of the process is written to as it is, even if it is a regular
// file: after a rename, later output would go to a file without a name.
func TestWriteOutputToAnOpenFile(t *testing.T) {
	path := in(t.TempDir(), "f")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write := func(w io.Writer) error {
		_, err := io.WriteString(w, "rejected\n")
		return err
	}
	if err := WriteOutput(context.Background(), fmt.Sprintf("/dev/fd/%d", f.Fd()), OutputOptions{Overwrite: true}, write); err != nil {
		t.Fatal(err)
	}
	if err := WriteOutput(context.Background(), fmt.Sprintf("/dev/fd/%d", f.Fd()), OutputOptions{}, write); err != nil {
		t.Fatal(err)
	}
	holds(t, path, "rejected\nrejected\n")
	if fi, err := f.Stat(); err != nil || !os.SameFile(fi, stat(t, path)) {
		t.Errorf("the file was replaced (%v)", err)
	}
	err = WriteOutput(context.Background(), "/dev/full", OutputOptions{}, write)
	if says(t, err, "/dev/full", "a part of the data may have been written"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a full device: %v", err)
	}
}

// A device is not even opened.
func TestDeviceIsNotOpened(t *testing.T) {
	asRoot(t)
	path := in(t.TempDir(), "dev")
	if err := unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))); err != nil {
		t.Skipf("devices cannot be created here: %v", err)
	}
	if err := Append(context.Background(), path, []byte("x"), "", nil); !errors.Is(err, ErrNotRegular) {
		t.Errorf("Append: %v", err)
	}
	if _, err := lock(path, 0); !errors.Is(err, ErrNotRegular) {
		t.Errorf("AcquireLock: %v", err)
	}
	if stat(t, path).Mode()&fs.ModeCharDevice == 0 {
		t.Error("the device was replaced")
	}
}
