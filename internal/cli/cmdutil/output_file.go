package cmdutil

import (
	"errors"
	"io/fs"

	"github.com/davadmin/davadmin/internal/fsx"
)

// CheckOutput returns an error if a command cannot write its output file to path. A
// command calls it before its work, which may be long or not be undone. A file that
// exists needs --force, if the command has that option.
func CheckOutput(path string, o fsx.OutputOptions) error {
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
	err := fsx.CheckOutput(path, o)
	switch {
	case errors.Is(err, fs.ErrExist):
		return Usagef("--reject: '%s' already exists and is not a reject file that davadmin wrote, so nothing was changed; choose another path", path)
	case errors.Is(err, fsx.ErrNotRegular):
		return Usagef("--reject: %v; use the path of a file", err)
	}
	return err
}
