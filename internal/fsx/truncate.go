package fsx

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Truncate cuts the regular file at path to size bytes, which must not be more
// than it has, and brings that to disk. A symbolic link at path is refused.
//
// Every error is an *Error; Replaced is true when the file was cut but might
// not stay so after a power cut.
func Truncate(ctx context.Context, path string, size int64, hook Hook) error {
	fail := func(op Op, err error) *Error { return &Error{Op: op, Path: path, Err: bare(err), verb: "cut"} }
	if err := ctx.Err(); err != nil {
		return fail("", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fail(OpTruncate, err)
	}
	defer f.Close()
	fi, err := f.Stat()
	switch {
	case err != nil:
		return fail(OpTruncate, err)
	case !fi.Mode().IsRegular():
		return fail("", notRegular(fi.Mode()))
	case size > fi.Size():
		return fail("", fmt.Errorf("it has only %d bytes, so it cannot be cut to %d", fi.Size(), size))
	}
	if err := hook.before(OpTruncate, path); err != nil {
		return fail(OpTruncate, err)
	}
	if err := f.Truncate(size); err != nil {
		return fail(OpTruncate, err)
	}
	err = hook.before(OpSync, path)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		e := fail(OpSync, err)
		e.Replaced, e.state = true, "the file was cut, but that might not survive a power cut"
		return e
	}
	return nil
}

// Remove takes the name path away; what a symbolic link points at stays. It is
// not brought to disk: a file that comes back after a power cut is removed
// again by whoever finds it superfluous. Every error is an *Error.
func Remove(ctx context.Context, path string, hook Hook) error {
	if err := ctx.Err(); err != nil {
		return &Error{Path: path, Err: err, verb: "remove"}
	}
	err := hook.before(OpRemove, path)
	if err == nil {
		err = syscall.Unlink(path)
	}
	if err != nil {
		return &Error{Op: OpRemove, Path: path, Err: bare(err), verb: "remove", state: "it is still there"}
	}
	return nil
}

// RemoveSynced is Remove, brought to disk. With an error whose Replaced is true
// the file is gone, but might come back after a power cut.
func RemoveSynced(ctx context.Context, path string, hook Hook) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return &Error{Path: path, Err: bare(err), verb: "remove", state: "it is still there"}
	}
	defer dir.Close()
	if err := Remove(ctx, path, hook); err != nil {
		return err
	}
	err = hook.before(OpSyncDir, dir.Name())
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return &Error{Op: OpSyncDir, Path: path, Err: bare(err), Replaced: true, verb: "bring to disk the removal of", state: "it is gone, but might come back after a power cut"}
	}
	return nil
}
