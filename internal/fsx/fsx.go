// Package fsx changes files that must not be lost.
//
// After a kill -9 at any instant, on a full disk and when a permission is
// refused, a file is either the complete old one or the complete new one: the
// new bytes go to a temporary file in the same directory, are synced to disk,
// and replace the old file with one rename. Mode, owner, group and, on Linux,
// extended attributes including the POSIX ACL are preserved; when one of them
// cannot be, nothing is changed. Append makes the same promise for a file that
// only grows, except that a kill during its single write may leave a part of
// the data.
//
// A power failure is survived as far as the file system honours fsync. A file
// system that cannot sync a directory at all is used as it is.
//
// The package is not for directories that an attacker can write to, and not for
// files with several hard links (the other names keep the old bytes). It does
// not lock: the caller who changes a path holds a Lock, because the temporary
// file has a fixed name (TempName). The exceptions are WriteOutput and MkdirOutput,
// for files and directories that the user names, which may be in /tmp: they need no
// lock, and follow no link. MkdirPrivate needs no lock either. ACLs are not preserved
// on macOS and FreeBSD.
//
// All functions may be called from several goroutines for different paths.
package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Op names a system call that changes the disk.
type Op string

// The operations. A Hook is told of each before it is carried out.
const (
	OpCreate   Op = "create"   // create a file
	OpWrite    Op = "write"    // write one chunk
	OpChown    Op = "chown"    // set owner and group
	OpChmod    Op = "chmod"    // set permission bits
	OpXattr    Op = "xattr"    // set or remove one extended attribute
	OpSync     Op = "sync"     // sync a file or a new directory to disk
	OpRename   Op = "rename"   // give the new file its name
	OpSyncDir  Op = "syncdir"  // sync the directory of the file to disk
	OpRemove   Op = "remove"   // remove a leftover or an unfinished new file
	OpMkdir    Op = "mkdir"    // create a directory
	OpTruncate Op = "truncate" // shorten a file, or undo an unfinished Append
)

// Hook is called, if not nil, before each system call that changes the disk,
// with the path that the call acts on. If it returns an error, the call is not
// made and counts as failed with that error. Tests inject failures and kills
// through it.
type Hook func(op Op, path string) error

func (h Hook) before(op Op, path string) error {
	if h == nil {
		return nil
	}
	return h(op, path)
}

// Error is the error of every failed change of this package.
type Error struct {
	Op       Op     // what failed; empty when a check stopped the change, not a system call
	Path     string // the file or directory to be changed, with symbolic links resolved where that was done
	Replaced bool   // the new bytes (for Append, maybe only a part of them) are in place nevertheless
	Err      error  // the cause, which does not repeat the path

	verb  string // what was tried, when the phrase of Op does not fit
	state string // what is on disk now, when it is not the usual
}

// Error says what failed, on which file, why, and what is on disk now.
func (e *Error) Error() string {
	state := e.state
	switch {
	case state != "":
	case e.Replaced:
		state = "the file was replaced, but the change might not survive a power failure"
	default:
		state = "nothing was changed"
	}
	verb := e.verb
	if verb == "" {
		verb = e.Op.phrase()
	}
	return fmt.Sprintf("cannot %s %s: %v; %s", verb, e.Path, e.Err, state)
}

// Unwrap returns the cause, so that errors.Is finds syscall.ENOSPC, fs.ErrPermission and the like.
func (e *Error) Unwrap() error { return e.Err }

// phrase returns the text between "cannot" and the path of the file.
func (o Op) phrase() string {
	switch o {
	case OpCreate:
		return "create the new version of"
	case OpWrite:
		return "write the new version of"
	case OpChown:
		return "set the owner of the new version of"
	case OpChmod:
		return "set the mode of the new version of"
	case OpXattr:
		return "preserve the ACL and extended attributes of"
	case OpSync:
		return "sync to disk the new version of"
	case OpRename:
		return "rename the new version to"
	case OpSyncDir:
		return "sync to disk the directory of"
	case OpRemove:
		return "remove the unfinished new version of"
	case OpMkdir:
		return "create the directory"
	case OpTruncate:
		return "undo the unfinished write to"
	default:
		return "change"
	}
}

// ErrNotRegular is wrapped when a path names a directory, a device, a pipe, a
// socket or, where links are not followed, a symbolic link.
var ErrNotRegular = errors.New("not a regular file")

// ErrDangling is wrapped when the target of a symbolic link does not exist. It
// does not wrap fs.ErrNotExist, upon which callers would create the file.
var ErrDangling = errors.New("which does not exist")

func notRegular(m fs.FileMode) error {
	kind := "something else"
	switch {
	case m.IsDir():
		kind = "a directory"
	case m&fs.ModeSymlink != 0:
		kind = "a symbolic link"
	case m&fs.ModeNamedPipe != 0:
		kind = "a pipe"
	case m&fs.ModeSocket != 0:
		kind = "a socket"
	case m&fs.ModeDevice != 0:
		kind = "a device"
	}
	return fmt.Errorf("it is %s, %w", kind, ErrNotRegular)
}

// bare strips the path and the call from an error of package os: our own errors
// name the file that the user knows, and name it once.
func bare(err error) error {
	switch e := err.(type) { //nolint:errorlint // only the outermost layer is ours to strip
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	case *os.SyscallError:
		return e.Err
	}
	return err
}

// syncDir syncs the entries of an open directory to disk. A file system that
// cannot do this for directories (some network and FUSE ones) returns EINVAL or
// ENOTSUP. Nothing more can be done then, so it does not count as a failure.
func syncDir(dir *os.File) error {
	err := dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}

// Resolve returns the file that path refers to, with all symbolic links
// followed. The file itself need not exist, but its directory must; the result
// is then its name in the resolved directory.
//
// It fails with ErrDangling when path is a link to a missing file, with ELOOP
// for a loop, and with fs.ErrNotExist when the directory is missing.
func Resolve(path string) (string, error) {
	target, err := resolve(path)
	if err != nil {
		return "", fmt.Errorf("cannot find the file that %s refers to: %w", path, err)
	}
	return target, nil
}

// resolve is Resolve with an error that does not name the path.
func resolve(path string) (string, error) {
	_, err := os.Stat(path)
	switch {
	case err == nil:
		target, err := filepath.EvalSymlinks(path)
		return target, bare(err)
	case errors.Is(err, syscall.ELOOP):
		return "", fmt.Errorf("its symbolic links form a loop or a chain that is too long: %w", syscall.ELOOP)
	case !errors.Is(err, fs.ErrNotExist):
		return "", bare(err)
	}
	if fi, err := os.Lstat(path); err == nil && fi.Mode()&fs.ModeSymlink != 0 {
		to, err := os.Readlink(path)
		if err != nil {
			return "", bare(err)
		}
		return "", fmt.Errorf("it is a symbolic link to %s, %w", to, ErrDangling)
	}
	// Not filepath.Dir, which would remove "link/.." before the link is followed.
	dir, base := filepath.Split(path)
	if base == "" || base == "." || base == ".." {
		return "", fmt.Errorf("it does not name a file: %w", fs.ErrNotExist)
	}
	if dir == "" {
		return base, nil
	}
	dir, err = filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("its directory: %w", bare(err))
	}
	return filepath.Join(dir, base), nil
}

// SameFile reports whether path still names the version of a file that info
// describes: the same file, with the same size and modification time. It is for
// ReplaceOptions.Check, as the last look at the file that is about to be
// replaced. A missing file is not the same; any other failure to look is an error.
func SameFile(path string, info fs.FileInfo) (bool, error) {
	now, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("cannot look at %s: %w", path, bare(err))
	}
	return os.SameFile(now, info) && now.Size() == info.Size() && now.ModTime().Equal(info.ModTime()), nil
}
