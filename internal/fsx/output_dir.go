package fsx

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// FinishOutputDir gives a directory its name after it was filled with output files, so that a
// directory with that name is complete. Everything in draft is synced to disk first. Nothing
// may exist at path, which is in the same directory as draft; no other run writes to draft.
//
// Every error is an *Error. It wraps fs.ErrExist when anything exists at path. While its
// Replaced is false, the directory is still at draft.
func FinishOutputDir(ctx context.Context, draft, path string, hook Hook) error {
	fail := func(op Op, err error) error {
		return &Error{Op: op, Path: path, Err: bare(err), verb: "complete the directory", state: "what was written is in " + draft}
	}
	if err := ctx.Err(); err != nil {
		return fail("", err)
	}
	parent, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fail(OpSyncDir, err)
	}
	defer parent.Close()
	err = hook.before(OpSync, draft)
	if err == nil {
		err = syncTree(ctx, draft)
	}
	if err != nil {
		return fail(OpSync, err)
	}
	err = hook.before(OpRename, path)
	if err == nil {
		if err = renameNoReplace(draft, path); errors.Is(err, errNoReplace) {
			err = os.Rename(draft, path) // which replaces no file, and of directories only an empty one
		}
	}
	if err != nil {
		return fail(OpRename, err)
	}
	err = hook.before(OpSyncDir, parent.Name())
	if err == nil {
		err = syncDir(parent)
	}
	if err != nil {
		return &Error{Op: OpSyncDir, Path: path, Err: bare(err), Replaced: true, verb: "complete the directory",
			state: "it is complete, but its name might not survive a power failure"}
	}
	return nil
}

// syncEach syncs all files and directories in a directory, one after the other.
func syncEach(ctx context.Context, dir string) error {
	return filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		if e.IsDir() {
			return syncDir(f)
		}
		return f.Sync()
	})
}
