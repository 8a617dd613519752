// Package fsx is how davadmin changes a file that must not be lost.
//
// It promises that a file is either the old one or the new one, whole, after
// kill -9 at any instant, on a full disk and when a permission is refused:
// the new bytes go to a file beside the old one, are brought to disk, and
// take its place in one step. Mode, owner, group and, on Linux, extended
// attributes with the POSIX ACL go along; where they cannot, nothing is
// changed. Append keeps the same promise for a file that only grows, except
// that a kill in the middle of its one write may leave a part of the record.
//
// A power cut is survived as far as the file system honours fsync; one that
// cannot sync a directory at all is taken as it is.
//
// It is not for files in a directory that someone hostile may write, not for
// hard-linked files (the other names keep the old bytes), and not a lock by
// itself: the caller who changes a path holds a Lock, because the file beside
// it has a fixed name (TempName). MkdirPrivate alone needs no lock. ACLs are
// not carried over on macOS and FreeBSD.
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

// The operations, each named to a Hook before it is carried out.
const (
	OpCreate   Op = "create"   // make a file
	OpWrite    Op = "write"    // write one chunk
	OpChown    Op = "chown"    // set owner and group
	OpChmod    Op = "chmod"    // set permission bits
	OpXattr    Op = "xattr"    // set or remove one extended attribute
	OpSync     Op = "sync"     // bring a file or a new directory to disk
	OpRename   Op = "rename"   // put the new file in place
	OpSyncDir  Op = "syncdir"  // bring the directory of the file to disk
	OpRemove   Op = "remove"   // remove a leftover or an unfinished new file
	OpMkdir    Op = "mkdir"    // make a directory
	OpTruncate Op = "truncate" // take back an unfinished Append
)

// Hook is called, when it is not nil, before each system call that changes
// the disk, with the path that the call acts upon. An error that it returns
// is taken as the failure of that call, which is then not made. Tests inject
// failures and kills through it.
type Hook func(op Op, path string) error

func (h Hook) before(op Op, path string) error {
	if h == nil {
		return nil
	}
	return h(op, path)
}

// Error is what every failed change of this package returns.
type Error struct {
	Op       Op     // what failed; empty when the change was stopped by a look or a check, not by a system call
	Path     string // the file or directory to be changed, symbolic links resolved where that was done
	Replaced bool   // the new bytes, or a part of them for Append, are in place all the same
	Err      error  // why, without a repetition of the path

	verb  string // what was tried, when the phrase of Op does not fit
	state string // what is on the disk now, when it is not the usual
}

// Error says what could not be done to what, why, and what is on the disk now.
func (e *Error) Error() string {
	state := e.state
	switch {
	case state != "":
	case e.Replaced:
		state = "the file was replaced, but the change might not survive a power cut"
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

// phrase fits between "cannot" and the path of the file.
func (o Op) phrase() string {
	switch o {
	case OpCreate:
		return "make the new file for"
	case OpWrite:
		return "write the new data of"
	case OpChown:
		return "set the owner of the new"
	case OpChmod:
		return "set the mode of the new"
	case OpXattr:
		return "keep the access list and extended attributes of"
	case OpSync:
		return "bring to disk the new data of"
	case OpRename:
		return "put in place the new"
	case OpSyncDir:
		return "bring to disk the directory of"
	case OpRemove:
		return "remove the unfinished new file beside"
	case OpMkdir:
		return "make the directory"
	case OpTruncate:
		return "take back the unfinished write to"
	default:
		return "change"
	}
}

// ErrNotRegular is wrapped when a path names a directory, a device, a pipe, a
// socket or, where links are not followed, a symbolic link.
var ErrNotRegular = errors.New("not a regular file")

// ErrDangling is wrapped when a symbolic link points at nothing. It is apart
// from fs.ErrNotExist, which callers take as leave to make the file.
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

// bare takes the path and the name of the call off an error of package os:
// our own errors name the file that the user knows, and name it once.
func bare(err error) error {
	switch e := err.(type) { //nolint:errorlint // only the outermost layer is ours to take off
	case *fs.PathError:
		return e.Err
	case *os.LinkError:
		return e.Err
	case *os.SyscallError:
		return e.Err
	}
	return err
}

// syncDir brings the entries of an open directory to disk. A file system that
// cannot do this for directories (some network and FUSE ones) says EINVAL or
// ENOTSUP; nothing more can be done there, so that is no failure.
func syncDir(dir *os.File) error {
	err := dir.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil
	}
	return err
}

// Resolve returns the file that path stands for, with all symbolic links
// followed. A file that does not exist is fine when its directory does: the
// answer is then its name in the resolved directory.
//
// It fails with ErrDangling when path is a link to nothing, with ELOOP for a
// loop, and with fs.ErrNotExist when the directory is missing.
func Resolve(path string) (string, error) {
	target, err := resolve(path)
	if err != nil {
		return "", fmt.Errorf("cannot find the file behind %s: %w", path, err)
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
	// Not filepath.Dir: that would clean "link/.." away before the link is followed.
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
// describes: the same file, with the same size and time of change. It is for
// ReplaceOptions.Check, as the last look at what is about to be replaced. A
// file that is gone is not the same; any other failure to look is an error.
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
