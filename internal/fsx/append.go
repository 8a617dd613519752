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

// Append appends data to the file at path in one write and syncs it to disk. A
// file that does not exist is created with mode 0600 and, if the process runs as
// root, with the owner of ownerFrom unless that is empty. A symbolic link at path
// is refused.
//
// When anything fails, the file is truncated to its old size, or removed if it
// was created; Replaced of the *Error is true only if that failed too. A run that
// is killed may leave a part of data at the end, or an empty file.
//
// The caller holds a lock against other changes of the same path.
func Append(ctx context.Context, path string, data []byte, ownerFrom string, hook Hook) error {
	a := &appender{path: path, hook: hook}
	if err := ctx.Err(); err != nil {
		return a.fail("", err)
	}
	if err := a.open(); err != nil {
		return err
	}
	defer a.f.Close()
	err := a.settle(ownerFrom)
	if err == nil {
		err = a.do(OpWrite, func() error {
			a.dirty = true
			_, err := a.f.Write(data)
			return err
		})
	}
	if err == nil {
		err = a.do(OpSync, a.f.Sync)
	}
	if err != nil {
		return a.undo(err)
	}
	return nil
}

type appender struct {
	path  string
	hook  Hook
	f     *os.File
	made  bool  // the file did not exist before
	size  int64 // of the file before
	dirty bool  // a write was attempted
}

func (a *appender) fail(op Op, err error) error {
	return &Error{Op: op, Path: a.path, Err: bare(err)}
}

func (a *appender) do(op Op, call func() error) error {
	err := a.hook.before(op, a.path)
	if err == nil {
		err = call()
	}
	if err != nil {
		return a.fail(op, err)
	}
	return nil
}

// open opens or creates the file and remembers its size.
func (a *appender) open() error {
	// O_NONBLOCK: opening a pipe that was put there after the look must not block.
	const flags = os.O_WRONLY | os.O_APPEND | syscall.O_NOFOLLOW | syscall.O_NONBLOCK
	old, err := lookAt(a.path)
	if err != nil {
		return a.fail("", err)
	}
	if old == nil {
		a.made = true
		err = a.do(OpCreate, func() (err error) {
			a.f, err = os.OpenFile(a.path, flags|os.O_CREATE|os.O_EXCL, 0o600)
			return err
		})
		return err
	}
	if a.f, err = os.OpenFile(a.path, flags, 0); err != nil {
		return a.fail(OpWrite, err)
	}
	fi, err := a.f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = notRegular(fi.Mode())
	}
	if err != nil {
		_ = a.f.Close()
		return a.fail("", err)
	}
	a.size = fi.Size()
	return nil
}

// settle completes the creation of the file: it sets the owner and syncs the name
// to disk. It does so for every empty file, since the run that created it may have
// been killed before this step.
func (a *appender) settle(ownerFrom string) error {
	if a.size > 0 {
		return nil
	}
	o, give, err := ownerForNew(ownerFrom)
	if err != nil {
		return a.fail(OpChown, err)
	}
	if give {
		if err := a.own(o); err != nil {
			return a.fail(OpChown, err)
		}
	}
	dir, err := os.Open(filepath.Dir(a.path))
	if err != nil {
		return a.fail(OpSyncDir, err)
	}
	defer dir.Close()
	return a.do(OpSyncDir, func() error { return syncDir(dir) })
}

// own changes the owner of the file, unless it has a second name: then it may be a
// file of root that someone linked here in order to get it.
func (a *appender) own(o owner) error {
	fi, err := a.f.Stat()
	if err != nil {
		return bare(err)
	}
	if links(fi) > 1 && ownerOf(fi) != o {
		return errors.New("it has several hard links, so its owner is not changed")
	}
	return o.give(a.f, a.hook)
}

// undo restores the file, and returns cause together with the outcome of that.
func (a *appender) undo(cause error) error {
	var err error
	switch {
	case a.made:
		err = a.hook.before(OpRemove, a.path)
		if err == nil {
			err = syscall.Unlink(a.path)
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	case a.dirty:
		err = a.hook.before(OpTruncate, a.path)
		if err == nil {
			err = a.f.Truncate(a.size)
		}
		if err == nil {
			_ = a.f.Sync() // the size is right; nothing more can be done if it is not synced
		}
	}
	var e *Error
	if err == nil || !errors.As(cause, &e) {
		return cause
	}
	e.Replaced = true
	e.Err = fmt.Errorf("%w, and undoing it failed: %w", e.Err, bare(err))
	e.state = fmt.Sprintf("the file may contain a part of the new data after its first %d bytes", a.size)
	return e
}
