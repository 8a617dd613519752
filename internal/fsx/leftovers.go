package fsx

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Leftovers returns the temporary files and directories of this package that killed runs
// left in dir, if they were last written before a time. It includes the files that a
// database engine keeps next to a temporary file of BuildNew. A directory that does not
// exist contains none; a symbolic link is not followed.
//
// The caller holds the locks of the files in dir, or chooses a time at which no run that
// is in progress can have been writing.
func Leftovers(dir string, before time.Time) ([]string, error) {
	fi, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && !fi.IsDir() {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range list {
		if !isTemp(e.Name()) || !e.Type().IsRegular() && !e.IsDir() {
			continue
		}
		fi, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if fi.ModTime().Before(before) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}

// isTemp reports whether a name is one of a temporary file of this package.
func isTemp(name string) bool {
	for _, ending := range []string{"", "-wal", "-shm", "-journal"} {
		base, ok := strings.CutSuffix(name, TempSuffix+ending)
		if ok && len(base) > 1 && base[0] == '.' {
			return true
		}
	}
	return false
}

// RemoveLeftover removes a file or an empty directory that Leftovers returned. It is not
// an error if it does not exist any more. Every error is an *Error.
func RemoveLeftover(ctx context.Context, path string, hook Hook) error {
	err := ctx.Err()
	if err == nil {
		err = hook.before(OpRemove, path)
	}
	if err == nil {
		if err = syscall.Unlink(path); errors.Is(err, syscall.EISDIR) || errors.Is(err, syscall.EPERM) {
			err = syscall.Rmdir(path)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &Error{Op: OpRemove, Path: path, Err: err, verb: "remove"}
	}
	return nil
}
