package fsx

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Truncate shortens the regular file at path to size bytes and syncs it to disk.
// It fails if the file has fewer bytes, or if path is a symbolic link.
//
// Every error is an *Error; its Replaced is true when the file was truncated but
// might have its old size after a power failure.
func Truncate(ctx context.Context, path string, size int64, hook Hook) error {
	fail := func(op Op, err error) *Error { return &Error{Op: op, Path: path, Err: bare(err), verb: "truncate"} }
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
		return fail("", fmt.Errorf("it has only %d bytes, fewer than %d", fi.Size(), size))
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
		e.Replaced, e.state = true, "the file was truncated, but that might not survive a power failure"
		return e
	}
	return nil
}

// Remove removes the file at path; of a symbolic link it removes the link, not the
// target. The removal is not synced to disk, so the caller must tolerate a file
// that reappears after a power failure. Every error is an *Error.
func Remove(ctx context.Context, path string, hook Hook) error {
	if err := ctx.Err(); err != nil {
		return &Error{Path: path, Err: err, verb: "remove"}
	}
	err := hook.before(OpRemove, path)
	if err == nil {
		err = syscall.Unlink(path)
	}
	if err != nil {
		return &Error{Op: OpRemove, Path: path, Err: bare(err), verb: "remove", state: "it still exists"}
	}
	return nil
}

// RemoveSynced is Remove, synced to disk. If the Replaced of its error is true, the
// file was removed but might reappear after a power failure.
func RemoveSynced(ctx context.Context, path string, hook Hook) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return &Error{Path: path, Err: bare(err), verb: "remove", state: "it still exists"}
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
		return &Error{Op: OpSyncDir, Path: path, Err: bare(err), Replaced: true, verb: "sync to disk the removal of", state: "it was removed, but might reappear after a power failure"}
	}
	return nil
}
