package fsx

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// chunkSize is how much is written at a time: small enough that a stop is
// heard soon, large enough to cost nothing.
const chunkSize = 256 << 10

// defaultMode is what a new file gets when the caller names no mode.
const defaultMode fs.FileMode = 0o640

// TempName returns the name under which the new version of path is written
// before it takes the place of path. It is always the same, so that what a
// killed run left behind is found and removed by the next one. For a symbolic
// link, ask with the path that Resolve returns.
func TempName(path string) string {
	dir, base := filepath.Split(path)
	return dir + "." + base + ".davadmin-new"
}

// CleanTemp removes what a killed Replace or WriteNew of path left beside it.
// The caller holds the lock of path. It is no error when there is nothing.
func CleanTemp(path string) (removed bool, err error) {
	target, err := resolve(path)
	if err != nil {
		return false, &Error{Op: OpRemove, Path: path, Err: err}
	}
	return removeTemp(target, nil)
}

// removeTemp takes a leftover away. Unlink, not os.Remove: a directory of
// that name is not ours. A symbolic link goes itself, not what it points at.
func removeTemp(target string, hook Hook) (removed bool, err error) {
	temp := TempName(target)
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

// draft is the new version of a file, being written beside it.
type draft struct {
	target string
	temp   string
	hook   Hook
	f      *os.File
	dir    *os.File // opened first: a directory that cannot be synced later is refused before any change
	lost   bool     // the file at temp is not ours
}

// newDraft makes the empty file, readable by us alone.
func newDraft(target string, hook Hook) (*draft, error) {
	d := &draft{target: target, temp: TempName(target), hook: hook}
	dir, err := os.Open(filepath.Dir(target))
	if err != nil {
		return nil, d.fail(OpCreate, fmt.Errorf("its directory: %w", bare(err)))
	}
	d.dir = dir
	if _, err := removeTemp(target, hook); err != nil {
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

// do carries out one call that changes the disk.
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

// setOwner gives the still empty file to its owner.
func (d *draft) setOwner(o owner) error {
	if err := o.give(d.f, d.hook); err != nil {
		return d.fail(OpChown, err)
	}
	return nil
}

// setMode sets the permission bits. It comes after owner and ACL: a chown may
// clear bits, and an ACL sets most of them by itself.
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

// setNew gives owner and mode to a file that did not exist before.
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

// write writes the data and brings it to disk.
func (d *draft) write(ctx context.Context, data []byte) error {
	for len(data) > 0 {
		if err := ctx.Err(); err != nil {
			return d.fail("", err)
		}
		n := min(len(data), chunkSize)
		err := d.do(OpWrite, d.temp, func() error {
			_, err := d.f.Write(data[:n])
			return err
		})
		if err != nil {
			return err
		}
		data = data[n:]
	}
	return d.do(OpSync, d.temp, d.f.Sync)
}

// ready makes sure that the finished file is still the one at its name, since
// a second run without a lock may have put its own there, and closes it.
func (d *draft) ready(ctx context.Context) error {
	mine, err := d.f.Stat()
	if err != nil {
		return d.fail("", err)
	}
	there, err := os.Lstat(d.temp) // while ours is open, its inode number is not given out again
	if err != nil || !os.SameFile(mine, there) {
		d.lost = true
		return d.fail("", fmt.Errorf("another run changes it at the same time: %w", ErrLocked))
	}
	if err := d.f.Close(); err != nil {
		return d.fail(OpWrite, err)
	}
	if err := ctx.Err(); err != nil {
		return d.fail("", err)
	}
	return nil
}

// abort forgets the draft. What it cannot remove, the next run removes.
func (d *draft) abort() {
	_ = d.f.Close() // may be closed already
	if !d.lost {
		_, _ = removeTemp(d.target, d.hook)
	}
	_ = d.dir.Close()
}

// settle brings the rename to disk; the new file is in place whatever happens here.
func (d *draft) settle(state string) error {
	err := d.do(OpSyncDir, d.dir.Name(), func() error { return syncDir(d.dir) })
	_ = d.dir.Close()
	var e *Error
	if errors.As(err, &e) {
		e.Replaced, e.state = true, state
	}
	return err
}
