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

// WriteNew makes a file that must not exist yet, whole or not at all. Its
// mode is 0640 when mode is zero, whatever the umask; as root it gets owner
// and group of ownerFrom, unless that is empty.
//
// Every error is an *Error; fs.ErrExist is wrapped when there is something at
// path already, a symbolic link included, and that is then untouched.
//
// The caller holds a lock against other changes of the same path.
func WriteNew(ctx context.Context, path string, data []byte, mode fs.FileMode, ownerFrom string, hook Hook) error {
	if err := ctx.Err(); err != nil {
		return &Error{Path: path, Err: err}
	}
	if base := filepath.Base(path); path == "" || base == "." || base == ".." || os.IsPathSeparator(path[len(path)-1]) {
		return &Error{Op: OpCreate, Path: path, Err: errors.New("it does not name a file")}
	}
	// Only to fail early; the rename looks again, in one step.
	if _, err := os.Lstat(path); err == nil {
		return &Error{Op: OpCreate, Path: path, Err: syscall.EEXIST}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return &Error{Op: OpCreate, Path: path, Err: bare(err)}
	}
	d, err := newDraft(path, hook)
	if err != nil {
		return err
	}
	err = d.setNew(ownerFrom, mode)
	if err == nil {
		err = d.write(ctx, data)
	}
	if err == nil {
		err = d.ready(ctx)
	}
	if err == nil {
		err = d.renameNew()
	}
	if err != nil {
		d.abort()
		return err
	}
	return d.settle("the file was made, but might not survive a power cut")
}

// renameNew moves the new file to its place, where nothing may be.
func (d *draft) renameNew() error {
	err := d.do(OpRename, d.temp, func() error { return renameNoReplace(d.temp, d.target) })
	if !errors.Is(err, errNoReplace) {
		return err
	}
	// A link never overwrites either; it only leaves two names for a moment.
	err = d.do(OpRename, d.temp, func() error { return os.Link(d.temp, d.target) })
	if err != nil {
		return err
	}
	// The file is in place. A second name that stays is removed by the next run.
	_, _ = removeTemp(d.target, d.hook)
	return nil
}

// errNoReplace says that system or file system cannot rename without replacing.
var errNoReplace = errors.New("rename without replacing is not supported")

// MkdirPrivate makes a directory that its owner alone may enter (0700); as
// root, the owner is that of ownerFrom, unless that is empty. A directory that
// is there already is fine, and left as it is; a symbolic link or anything
// else at that path is an error. The parent must exist.
//
// Every error is an *Error; Replaced then means that the directory was made.
// Several runs may do this at the same time without a lock, since the lock
// may be what the directory is made for.
func MkdirPrivate(ctx context.Context, dir string, ownerFrom string, hook Hook) error {
	dir = filepath.Clean(dir)
	fail := func(op Op, err error) error { return &Error{Op: op, Path: dir, Err: bare(err)} }
	if err := ctx.Err(); err != nil {
		return fail(OpMkdir, err)
	}
	if found, err := isDir(dir); found || err != nil {
		return err
	}
	o, give, err := ownerForNew(ownerFrom)
	if err != nil {
		return fail(OpMkdir, err)
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return fail(OpMkdir, fmt.Errorf("the directory above it: %w", bare(err)))
	}
	defer parent.Close()
	// It gets its name when it has its owner: a kill in between would leave a
	// directory that looks finished and that the server's user cannot enter.
	temp := TempName(dir)
	if err := mkdirTemp(temp, o, give, hook); err != nil {
		if found, _ := isDir(dir); found {
			return nil // another run was faster, and moved the one that we shared
		}
		if hook.before(OpRemove, temp) == nil {
			_ = syscall.Rmdir(temp)
		}
		return fail(OpMkdir, err)
	}
	if err := placeDir(temp, dir, hook); err != nil {
		return err
	}
	err = hook.before(OpSyncDir, parent.Name())
	if err == nil {
		err = syncDir(parent)
	}
	if err != nil {
		return &Error{Op: OpSyncDir, Path: dir, Replaced: true, Err: bare(err),
			state: "the directory was made, but might not survive a power cut"}
	}
	return nil
}

// isDir tells whether a directory, and not a link to one, is at path; anything
// else that is there is an error.
func isDir(path string) (bool, error) {
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, &Error{Op: OpMkdir, Path: path, Err: bare(err)}
	case fi.Mode()&fs.ModeSymlink != 0:
		return false, &Error{Op: OpMkdir, Path: path, Err: fmt.Errorf("a symbolic link is there: %w", syscall.ENOTDIR)}
	case !fi.IsDir():
		return false, &Error{Op: OpMkdir, Path: path, Err: fmt.Errorf("a file is there: %w", syscall.ENOTDIR)}
	}
	return true, nil
}

// mkdirTemp makes the directory under its temporary name. One that is there
// already, of a killed or a parallel run, is taken over if it can only be
// such a one; every step may be done twice.
func mkdirTemp(temp string, want owner, give bool, hook Hook) error {
	err := hook.before(OpMkdir, temp)
	if err == nil {
		err = syscall.Mkdir(temp, 0o700)
	}
	if err != nil && !errors.Is(err, syscall.EEXIST) {
		return err
	}
	f, err := os.OpenFile(temp, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", temp, bare(err))
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return bare(err)
	}
	if uid := ownerOf(fi).uid; uid != os.Geteuid() && (!give || uid != want.uid) {
		return fmt.Errorf("%s is in the way and belongs to %s", temp, ownerOf(fi))
	}
	if give {
		if err := want.give(f, hook); err != nil {
			return err
		}
	}
	if fi.Mode().Perm() != 0o700 {
		err = hook.before(OpChmod, temp)
		if err == nil {
			err = f.Chmod(0o700)
		}
		if err != nil {
			return bare(err)
		}
	}
	if err := hook.before(OpSync, temp); err != nil {
		return err
	}
	return bare(syncDir(f))
}

// placeDir gives the directory its name. When another run did so before, its
// directory is as good as ours.
func placeDir(temp, dir string, hook Hook) error {
	err := hook.before(OpRename, temp)
	if err == nil {
		err = renameNoReplace(temp, dir)
	}
	if errors.Is(err, errNoReplace) {
		err = syscall.Rename(temp, dir) // replaces nothing but an empty directory
	}
	if err == nil {
		return nil
	}
	if hook.before(OpRemove, temp) == nil {
		_ = syscall.Rmdir(temp) // ours, or moved away already
	}
	if found, derr := isDir(dir); found || derr != nil {
		return derr
	}
	return &Error{Op: OpMkdir, Path: dir, Err: bare(err)}
}
