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

// WriteNew creates a file that must not exist yet, completely or not at all. Its
// mode is mode, or 0640 if that is zero; the umask is ignored. If the process
// runs as root, the file gets owner and group of ownerFrom, unless that is empty.
//
// Every error is an *Error. It wraps fs.ErrExist when something, be it only a
// symbolic link, already exists at path; that is then untouched.
//
// The caller holds a lock against other changes of the same path.
func WriteNew(ctx context.Context, path string, data []byte, mode fs.FileMode, ownerFrom string, hook Hook) error {
	return writeNew(ctx, path, bytesContent(data), mode, ownerFrom, hook)
}

// BuildNew is WriteNew for a file that is written by its name rather than through
// a writer, as a database engine does. build gets the path of an empty file, which
// it fills in place, without replacing it, and whose mode it leaves alone; before
// that, it removes what a killed run left under names derived from that path. When
// build returns, nothing else may have the file open. An error of build is wrapped,
// and the file is removed.
func BuildNew(ctx context.Context, path string, mode fs.FileMode, ownerFrom string, hook Hook, build func(path string) error) error {
	return writeNew(ctx, path, func(_ context.Context, d *draft) error {
		if err := d.do(OpWrite, d.temp, func() error { return build(d.temp) }); err != nil {
			return err
		}
		return d.sync()
	}, mode, ownerFrom, hook)
}

func writeNew(ctx context.Context, path string, fill content, mode fs.FileMode, ownerFrom string, hook Hook) error {
	if err := ctx.Err(); err != nil {
		return &Error{Path: path, Err: err}
	}
	if base := filepath.Base(path); path == "" || base == "." || base == ".." || os.IsPathSeparator(path[len(path)-1]) {
		return &Error{Op: OpCreate, Path: path, Err: errors.New("it does not name a file"), verb: "create"}
	}
	// Only to fail early; the rename checks again, in one step.
	if _, err := os.Lstat(path); err == nil {
		return &Error{Op: OpCreate, Path: path, Err: syscall.EEXIST, verb: "create"}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return &Error{Op: OpCreate, Path: path, Err: bare(err), verb: "create"}
	}
	d, err := newDraft(path, hook)
	if err != nil {
		return err
	}
	err = d.setNew(ownerFrom, mode)
	if err == nil {
		err = fill(ctx, d)
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
	return d.settle("the file was created, but might not survive a power failure")
}

// renameNew gives the new file its name, which must not be in use.
func (d *draft) renameNew() error {
	err := d.do(OpRename, d.temp, func() error { return renameNoReplace(d.temp, d.target) })
	if !errors.Is(err, errNoReplace) {
		return err
	}
	// A link does not overwrite either, but for a moment the file has two names.
	err = d.do(OpRename, d.temp, func() error { return os.Link(d.temp, d.target) })
	if err != nil {
		return err
	}
	// The file is in place. If its temporary name stays, the next run removes it.
	_, _ = removeTemp(d.temp, d.target, d.hook)
	return nil
}

// errNoReplace is returned when the system or the file system cannot rename without replacing.
var errNoReplace = errors.New("rename without replacing is not supported")

// MkdirPrivate creates a directory that only its owner can enter (0700). If the
// process runs as root, the owner is that of ownerFrom, unless that is empty. An
// existing directory is left as it is; a symbolic link or anything else at that
// path is an error. The parent directory must exist.
//
// Every error is an *Error; its Replaced means that the directory was created.
// Several runs may do this at the same time without a lock, since the directory
// may be the one for the lock file.
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
		return fail(OpMkdir, fmt.Errorf("its parent directory: %w", bare(err)))
	}
	defer parent.Close()
	// It gets its name when it has its owner: a kill in between would leave a
	// directory that looks finished and that the user of the server cannot enter.
	temp := TempName(dir)
	if err := mkdirTemp(temp, o, give, hook); err != nil {
		if found, _ := isDir(dir); found {
			return nil // another run was faster, and renamed the directory that we shared
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
			state: "the directory was created, but might not survive a power failure"}
	}
	return nil
}

// MkdirOutput creates a directory whose path the user named, for output files. Only
// this user can enter it (0700). Its parent must exist.
//
// Every error is an *Error. It wraps fs.ErrExist when anything exists at path, also a
// directory or a symbolic link, which another user may have put there.
func MkdirOutput(ctx context.Context, dir string, hook Hook) error {
	dir = filepath.Clean(dir)
	fail := func(op Op, err error) error { return &Error{Op: op, Path: dir, Err: bare(err)} }
	if err := ctx.Err(); err != nil {
		return fail(OpMkdir, err)
	}
	parent, err := os.Open(filepath.Dir(dir))
	if err != nil {
		return fail(OpMkdir, fmt.Errorf("its parent directory: %w", bare(err)))
	}
	defer parent.Close()
	err = hook.before(OpMkdir, dir)
	if err == nil {
		err = os.Mkdir(dir, 0o700)
	}
	if err != nil {
		return fail(OpMkdir, err)
	}
	err = hook.before(OpSyncDir, parent.Name())
	if err == nil {
		err = syncDir(parent)
	}
	if err != nil {
		return &Error{Op: OpSyncDir, Path: dir, Replaced: true, Err: bare(err),
			state: "the directory was created, but might not survive a power failure"}
	}
	return nil
}

// isDir reports whether path is a directory, and not a link to one. Anything else
// at that path is an error.
func isDir(path string) (bool, error) {
	fi, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, &Error{Op: OpMkdir, Path: path, Err: bare(err)}
	case fi.Mode()&fs.ModeSymlink != 0:
		return false, &Error{Op: OpMkdir, Path: path, Err: fmt.Errorf("it is a symbolic link: %w", syscall.ENOTDIR)}
	case !fi.IsDir():
		return false, &Error{Op: OpMkdir, Path: path, Err: fmt.Errorf("it is a file: %w", syscall.ENOTDIR)}
	}
	return true, nil
}

// mkdirTemp creates the directory under its temporary name. An existing one, of a
// killed or a parallel run, is used if its owner shows that it can only be that;
// every step may be done twice.
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
		return fmt.Errorf("%s already exists and belongs to %s", temp, ownerOf(fi))
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

// placeDir gives the directory its name. If another run did so before, its
// directory is as good as ours.
func placeDir(temp, dir string, hook Hook) error {
	err := hook.before(OpRename, temp)
	if err == nil {
		err = renameNoReplace(temp, dir)
	}
	if errors.Is(err, errNoReplace) {
		err = syscall.Rename(temp, dir) // replaces only an empty directory
	}
	if err == nil {
		return nil
	}
	if hook.before(OpRemove, temp) == nil {
		_ = syscall.Rmdir(temp) // ours, or already renamed
	}
	if found, derr := isDir(dir); found || derr != nil {
		return derr
	}
	return &Error{Op: OpMkdir, Path: dir, Err: bare(err)}
}
