package fsx

import (
	"context"
	"errors"
	"io/fs"
	"os"
)

// ReplaceOptions says how Replace treats a file. The zero value is usable.
type ReplaceOptions struct {
	// Hook sees every change; nil in production.
	Hook Hook
	// Mode holds the permission bits of a file that does not exist yet, 0640
	// when it is zero; the umask has no say. An existing file keeps its own.
	Mode fs.FileMode
	// OwnerFrom names a file or directory whose owner and group a file that
	// does not exist yet is given, when we are root. Empty leaves it ours.
	OwnerFrom string
	// Check, when not nil, is called with the new file, written and synced
	// but not yet in place: the moment for a last look at the old file. It may
	// read the file, not change or close it. An error stops the replacement.
	Check func(*os.File) error
}

// Replace puts data in the place of the file at path, or makes the file.
//
// Symbolic links are followed: what they point at is replaced, they stay. An
// existing file keeps its permission bits (a setuid, setgid or sticky bit is
// dropped), its owner and group, and on Linux its ACL, its SELinux label and
// its user attributes; when one of these cannot be kept, nothing is changed.
//
// Every error is an *Error. As long as its Replaced is false the old file is
// untouched and the new one removed. It wraps ErrNotRegular when path is no
// regular file, ErrDangling for a link to nothing, and the cause of the
// system (syscall.ENOSPC, fs.ErrPermission) or of ctx otherwise. When ctx ends
// before the file is in place, nothing is changed.
//
// The caller holds a lock against other changes of the same path.
func Replace(ctx context.Context, path string, data []byte, o ReplaceOptions) error {
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
	if err := d.replace(ctx, old, data, o); err != nil {
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

// replace does all that comes before and with the rename. Owner, attributes
// and mode are set while the file is empty, so that at no time someone can
// read the data who could not read the old file.
func (d *draft) replace(ctx context.Context, old fs.FileInfo, data []byte, o ReplaceOptions) error {
	var err error
	if old == nil {
		err = d.setNew(o.OwnerFrom, o.Mode)
	} else {
		err = d.setLike(old)
	}
	if err != nil {
		return err
	}
	if err := d.write(ctx, data); err != nil {
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

// setLike gives the new file what the old one has. The mode is last: setting
// user attributes needs a writable file, and the ACL brings its mode along.
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
