package fsx

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
)

// ReplaceOptions says how Replace treats a file. The zero value is usable.
type ReplaceOptions struct {
	// Hook sees every change; nil in production.
	Hook Hook
	// Mode holds the permission bits of a file that does not exist yet; zero
	// means 0640. The umask is ignored. An existing file keeps its own mode.
	Mode fs.FileMode
	// Private gives the new version mode 0600 and no ACL, whatever Mode says and
	// whatever the old version has. Attributes are not preserved then, and the
	// group only when the process runs as root.
	Private bool
	// OwnerFrom names a file or directory whose owner and group are given to a
	// file that does not exist yet, if the process runs as root. If it is empty,
	// the file belongs to the user of the process.
	OwnerFrom string
	// Check, if not nil, is called with the new file, which is written and synced
	// but not yet in place: the moment for a last look at the old file. It may
	// read the file, but not change or close it. An error stops the replacement.
	Check func(*os.File) error
}

// Replace replaces the content of the file at path with data, or creates the
// file.
//
// Symbolic links are followed: their target is replaced, the links stay. An
// existing file keeps its permission bits (but loses a setuid, setgid or sticky
// bit), its owner and group, and on Linux its ACL, its SELinux label and its
// user attributes; when one of these cannot be preserved, nothing is changed.
//
// Every error is an *Error. While its Replaced is false, the old file is
// untouched and the new one removed. It wraps ErrNotRegular when path is not a
// regular file, ErrDangling for a link to a missing file, and otherwise the
// error of the system (syscall.ENOSPC, fs.ErrPermission) or of ctx. When ctx
// ends before the file is in place, nothing is changed.
//
// The caller holds a lock against other changes of the same path.
func Replace(ctx context.Context, path string, data []byte, o ReplaceOptions) error {
	return replaceWith(ctx, path, bytesContent(data), o)
}

// ReplaceFunc is Replace for content that is too large for memory: write writes
// it to w. An error of write stops the replacement and is wrapped.
func ReplaceFunc(ctx context.Context, path string, write func(w io.Writer) error, o ReplaceOptions) error {
	return replaceWith(ctx, path, streamContent(write), o)
}

func replaceWith(ctx context.Context, path string, fill content, o ReplaceOptions) error {
	if err := ctx.Err(); err != nil {
		return &Error{Path: path, Err: err}
	}
	target, err := resolve(path)
	if err != nil {
		return &Error{Path: path, Err: err}
	}
	old, err := lookAt(target)
	if err != nil {
		return &Error{Path: target, Err: err}
	}
	d, err := newDraft(target, o.Hook)
	if err != nil {
		return err
	}
	if err := d.replace(ctx, old, fill, o); err != nil {
		d.abort()
		return err
	}
	return d.settle("")
}

// lookAt describes a regular file, or returns nil when there is none.
func lookAt(path string) (fs.FileInfo, error) {
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, bare(err)
	case !fi.Mode().IsRegular():
		return nil, notRegular(fi.Mode())
	}
	return fi, nil
}

// replace does everything up to and including the rename. Owner, attributes and
// mode are set while the file is empty, so that nobody who could not read the
// old file can read the new data at any time.
func (d *draft) replace(ctx context.Context, old fs.FileInfo, fill content, o ReplaceOptions) error {
	var err error
	switch {
	case o.Private:
		err = d.setPrivate(old, o.OwnerFrom)
	case old == nil:
		err = d.setNew(o.OwnerFrom, o.Mode)
	default:
		err = d.setLike(old)
	}
	if err != nil {
		return err
	}
	if err := fill(ctx, d); err != nil {
		return err
	}
	if o.Check != nil {
		if err := o.Check(d.f); err != nil {
			return &Error{Path: d.target, Err: err}
		}
	}
	if err := d.ready(ctx); err != nil {
		return err
	}
	return d.do(OpRename, d.temp, func() error { return os.Rename(d.temp, d.target) })
}

// setLike gives the new file what the old one has. The mode comes last: setting
// user attributes needs a writable file, and the ACL changes the mode.
func (d *draft) setLike(old fs.FileInfo) error {
	if err := d.dropInheritedACL(); err != nil {
		return err
	}
	if err := d.setOwner(ownerOf(old)); err != nil {
		return err
	}
	if err := d.copyAttributes(); err != nil {
		return err
	}
	return d.setMode(old.Mode())
}

// setPrivate gives the new file the owner of the old one, if there is one, and
// nobody else access to it. A group without rights does not matter, so a user who
// is not in it may replace the file.
func (d *draft) setPrivate(old fs.FileInfo, ownerFrom string) error {
	if err := d.dropInheritedACL(); err != nil {
		return err
	}
	if old == nil {
		return d.setNew(ownerFrom, 0o600)
	}
	want := ownerOf(old)
	if os.Geteuid() != 0 {
		fi, err := d.f.Stat()
		if err != nil {
			return d.fail(OpChown, err)
		}
		want.gid = ownerOf(fi).gid
	}
	if err := d.setOwner(want); err != nil {
		return err
	}
	return d.setMode(0o600)
}
