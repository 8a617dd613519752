package fsx

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// chunkSize is how much is written at a time: small enough that a cancelled
// context is noticed soon, large enough to cost nothing.
const chunkSize = 256 << 10

// defaultMode is the mode of a new file when the caller names none.
const defaultMode fs.FileMode = 0o640

// TempSuffix ends the name of every temporary file of this package.
const TempSuffix = ".davadmin-new"

// TempName returns the name of the temporary file that holds the new version of
// path until it replaces path. The name is always the same, so that the next run
// finds and removes what a killed run left behind. For a symbolic link, call it
// with the path that Resolve returns.
func TempName(path string) string {
	dir, base := filepath.Split(path)
	return dir + "." + base + TempSuffix
}

// CleanTemp removes the temporary file that a killed Replace or WriteNew of path
// left behind. The caller holds the lock of path. It is not an error when there
// is none.
func CleanTemp(path string) (removed bool, err error) {
	target, err := resolve(path)
	if err != nil {
		return false, &Error{Op: OpRemove, Path: path, Err: err}
	}
	return removeTemp(TempName(target), target, nil)
}

// removeTemp removes a temporary file of target. It calls unlink, not os.Remove,
// because a directory of that name is not ours. Of a symbolic link it removes the
// link, not the target.
func removeTemp(temp, target string, hook Hook) (removed bool, err error) {
	_, err = os.Lstat(temp)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = hook.before(OpRemove, temp)
	}
	if err == nil {
		err = syscall.Unlink(temp)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, &Error{Op: OpRemove, Path: target, Err: bare(err)}
	}
	return true, nil
}

// draft is the new version of a file, written to a temporary file next to it.
type draft struct {
	target string
	temp   string
	hook   Hook
	f      *os.File
	dir    *os.File // opened first: a directory that cannot be synced later is refused before any change
	lost   bool     // the file at temp is not ours
}

// newDraft creates the empty temporary file with the name TempName, which only we can
// read, after it has removed the one of a killed run.
func newDraft(target string, hook Hook) (*draft, error) {
	return openDraft(target, TempName(target), hook, func() error {
		_, err := removeTemp(TempName(target), target, hook)
		return err
	})
}

// openDraft creates the empty temporary file temp, which only we can read, after clean
// has removed what killed runs left.
func openDraft(target, temp string, hook Hook, clean func() error) (*draft, error) {
	d := &draft{target: target, temp: temp, hook: hook}
	dir, err := os.Open(filepath.Dir(target))
	if err != nil {
		return nil, d.fail(OpCreate, fmt.Errorf("its directory: %w", bare(err)))
	}
	d.dir = dir
	if err := clean(); err != nil {
		_ = dir.Close()
		return nil, err
	}
	err = d.do(OpCreate, d.temp, func() (err error) {
		d.f, err = os.OpenFile(d.temp, os.O_RDWR|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
		return err
	})
	if err != nil {
		_ = dir.Close()
		return nil, err
	}
	return d, nil
}

func (d *draft) fail(op Op, err error) *Error {
	return &Error{Op: op, Path: d.target, Err: bare(err)}
}

// do makes one call that changes the disk.
func (d *draft) do(op Op, path string, call func() error) error {
	err := d.hook.before(op, path)
	if err == nil {
		err = call()
	}
	if err != nil {
		return d.fail(op, err)
	}
	return nil
}

// setOwner sets the owner of the file, which is still empty.
func (d *draft) setOwner(o owner) error {
	if err := o.give(d.f, d.hook); err != nil {
		return d.fail(OpChown, err)
	}
	return nil
}

// setMode sets the permission bits. It comes after owner and ACL: a chown may
// clear bits, and an ACL sets most of them itself.
func (d *draft) setMode(mode fs.FileMode) error {
	fi, err := d.f.Stat()
	if err != nil {
		return d.fail(OpChmod, err)
	}
	if fi.Mode().Perm() == mode.Perm() {
		return nil
	}
	return d.do(OpChmod, d.temp, func() error { return d.f.Chmod(mode.Perm()) })
}

// setNew sets owner and mode of a file that did not exist before.
func (d *draft) setNew(ownerFrom string, mode fs.FileMode) error {
	o, give, err := ownerForNew(ownerFrom)
	if err != nil {
		return d.fail(OpChown, err)
	}
	if give {
		if err := d.setOwner(o); err != nil {
			return err
		}
	}
	if mode.Perm() == 0 {
		mode = defaultMode
	}
	return d.setMode(mode)
}

// content produces the content of the new file and syncs it to disk.
type content func(ctx context.Context, d *draft) error

// bytesContent returns the content that consists of data.
func bytesContent(data []byte) content {
	return func(ctx context.Context, d *draft) error {
		if _, err := (&draftWriter{ctx: ctx, d: d}).Write(data); err != nil {
			return err
		}
		return d.sync()
	}
}

// streamContent returns the content that write writes.
func streamContent(write func(io.Writer) error) content {
	return func(ctx context.Context, d *draft) error {
		raw := &draftWriter{ctx: ctx, d: d}
		w := bufio.NewWriterSize(raw, chunkSize)
		err := write(w)
		if err == nil {
			err = w.Flush()
		}
		switch {
		case raw.err != nil: // write may have dropped or wrapped it
			return raw.err
		case err != nil:
			return &Error{Op: OpWrite, Path: d.target, Err: err}
		}
		return d.sync()
	}
}

func (d *draft) sync() error { return d.do(OpSync, d.temp, d.f.Sync) }

// draftWriter writes to the temporary file of a draft, in chunks, until its
// context ends. The first error stays and is an *Error.
type draftWriter struct {
	ctx context.Context
	d   *draft
	err error
}

// Write implements io.Writer.
func (w *draftWriter) Write(data []byte) (written int, err error) {
	for len(data) > 0 && w.err == nil {
		if err := w.ctx.Err(); err != nil {
			w.err = w.d.fail("", err)
			break
		}
		n := min(len(data), chunkSize)
		w.err = w.d.do(OpWrite, w.d.temp, func() error {
			done, err := w.d.f.Write(data[:n])
			written += done
			return err
		})
		data = data[n:]
	}
	return written, w.err
}

// ready closes the finished file, if it is still ours and ctx has not ended.
func (d *draft) ready(ctx context.Context) error {
	if err := d.stillOurs(); err != nil {
		return err
	}
	if err := d.f.Close(); err != nil {
		return d.fail(OpWrite, err)
	}
	if err := ctx.Err(); err != nil {
		return d.fail("", err)
	}
	return nil
}

// stillOurs checks that the file is still the one with the temporary name, since
// another run without a lock may have put its own there.
func (d *draft) stillOurs() error {
	mine, err := d.f.Stat()
	if err != nil {
		return d.fail("", err)
	}
	there, err := os.Lstat(d.temp) // while ours is open, its inode number is not reused
	if err != nil || !os.SameFile(mine, there) {
		d.lost = true
		return d.fail("", fmt.Errorf("another run is changing it at the same time: %w", ErrLocked))
	}
	return nil
}

// abort discards the draft. What it cannot remove, the next run removes.
func (d *draft) abort() {
	_ = d.f.Close() // may be closed already
	if !d.lost {
		_, _ = removeTemp(d.temp, d.target, d.hook)
	}
	_ = d.dir.Close()
}

// settle syncs the rename to disk; the new file is in place whatever happens here.
func (d *draft) settle(state string) error {
	_ = d.f.Close() // may be closed already
	err := d.do(OpSyncDir, d.dir.Name(), func() error { return syncDir(d.dir) })
	_ = d.dir.Close()
	var e *Error
	if errors.As(err, &e) {
		e.Replaced, e.state = true, state
	}
	return err
}
