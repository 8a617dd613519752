package cmdutil

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/fsx"
)

// CheckOutput returns an error if a command cannot write its output file to path. A
// command calls it before its work, which may be long or not be undone. A file that
// exists needs --force, if the command has that option.
func CheckOutput(path string, o fsx.OutputOptions) error {
	if err := CheckNotDash("the output file", path); err != nil {
		return err
	}
	err := fsx.CheckOutput(path, o)
	switch {
	case errors.Is(err, fs.ErrExist):
		return Usagef("'%s' already exists; use --force to overwrite it", path)
	case errors.Is(err, fsx.ErrNotRegular):
		return Usagef("%v; use the path of a file", err)
	}
	return err
}

// CheckReject returns an error if the file of --reject cannot be written. An existing
// file is only replaced if it is a reject file of an earlier run.
func CheckReject(path string, o fsx.OutputOptions) error {
	if path == "" {
		return nil
	}
	if err := CheckNotDash("--reject", path); err != nil {
		return err
	}
	err := fsx.CheckOutput(path, o)
	switch {
	case errors.Is(err, fs.ErrExist):
		return Usagef("--reject: '%s' already exists and is not a reject file that davadmin wrote, so nothing was changed; choose another path", path)
	case errors.Is(err, fsx.ErrNotRegular):
		return Usagef("--reject: %v; use the path of a file", err)
	}
	return err
}

// CheckNotDash returns an error for an output named -, which other programs use for standard
// output: nobody wants a file of that name. what is the output.
func CheckNotDash(what, path string) error {
	if path != "-" {
		return nil
	}
	return Usagef("%s: '-' is not the name of a file; use /dev/stdout for standard output, or ./- for a file of that name", what)
}

// CheckDistinct returns an error if two paths, each with what it is, name one file, of
// which at least one is to be written: it would replace what is read, or the other
// output. An empty path, and - for standard input, name no file. Devices may be named twice.
func CheckDistinct(what, path, what2, path2 string) error {
	if !sameFile(path, path2) {
		return nil
	}
	return Usagef("%s and %s are both '%s'; use different files", what, what2, path)
}

// sameFile reports whether two paths name one file. It need not exist.
func sameFile(path, path2 string) bool {
	if path == "" || path2 == "" || path2 == "-" {
		return false
	}
	fi, err := os.Stat(path)
	fi2, err2 := os.Stat(path2)
	if err == nil && err2 == nil {
		return fi.Mode().IsRegular() && os.SameFile(fi, fi2)
	}
	return err != nil && err2 != nil && place(path) == place(path2)
}

// place returns a path without links in its directory.
func place(path string) string {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	return filepath.Join(dir, base)
}
