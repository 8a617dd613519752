package fsx

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// OutputOptions says how WriteOutput treats its file. The zero value is usable.
type OutputOptions struct {
	// Hook sees every change of a regular file; nil in production.
	Hook Hook
	// Mode holds the permission bits of a file that does not exist yet; zero
	// means 0600. The umask is ignored.
	Mode fs.FileMode
	// Overwrite allows an existing regular file to be replaced, symbolic links
	// followed. The new version has the owner of the old one and, if Mode is zero,
	// mode 0600; otherwise it has what Replace preserves.
	Overwrite bool
}

// WriteOutput writes a file whose path the user named, with the data that write
// writes to w. A regular file is written next to its place, synced and renamed,
// so that it is complete or unchanged. A device or a pipe, and anything under /dev
// (such as /dev/stdout), is written to directly; a pipe without a reader is waited
// for until ctx ends.
//
// Every error is an *Error. It wraps fs.ErrExist when a file exists at path and
// Overwrite is false, and ErrNotRegular for a directory or a socket.
//
// Of two runs that write the same file at the same time, one fails with ErrLocked.
func WriteOutput(ctx context.Context, path string, o OutputOptions, write func(w io.Writer) error) error {
	if isDirect(path) {
		return writeDirect(ctx, path, write)
	}
	if o.Overwrite {
		return ReplaceFunc(ctx, path, write, ReplaceOptions{Hook: o.Hook, Mode: o.Mode, Private: o.Mode == 0})
	}
	mode := o.Mode
	if mode == 0 {
		mode = 0o600
	}
	return writeNew(ctx, path, streamContent(write), mode, "", o.Hook)
}

// isDirect reports whether a path is written to without a temporary file. A path
// under /dev is, even if it leads to a regular file: /dev/stdout is the open
// output of the process, which would not follow a rename.
func isDirect(path string) bool {
	if strings.HasPrefix(filepath.Clean(path), "/dev/") {
		return true
	}
	fi, err := os.Stat(path)
	return err == nil && fi.Mode()&(fs.ModeDevice|fs.ModeNamedPipe) != 0
}

// writeDirect writes to a device or a pipe.
func writeDirect(ctx context.Context, path string, write func(io.Writer) error) error {
	f, err := openDirect(ctx, path)
	if err != nil {
		return &Error{Op: OpWrite, Path: path, Err: bare(err), verb: "write to"}
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(time.Now()) })
	defer stop()
	err = write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		err = ctx.Err()
	}
	if err != nil {
		return &Error{Op: OpWrite, Path: path, Err: bare(err), verb: "write to", state: "a part of the data may have been written"}
	}
	return nil
}

// openDirect opens a device or a pipe. It does not let the system wait for the
// reader of a pipe, since nothing could end that wait.
func openDirect(ctx context.Context, path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|syscall.O_NONBLOCK, 0)
		if !errors.Is(err, syscall.ENXIO) {
			return f, err
		}
		if fi, serr := os.Stat(path); serr != nil || fi.Mode()&fs.ModeNamedPipe == 0 {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lastWait):
		}
	}
}
