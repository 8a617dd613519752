package cmdutil

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
)

// Open opens a file that the user named for reading, or standard input if path is "-" or
// another name of it. It can be a pipe or a device: then neither opening nor reading outlasts
// ctx, whose cause is the error. Standard input, and each pipe, can be opened only once. The
// info is nil for standard input.
func (in *Input) Open(ctx context.Context, path string) (io.ReadCloser, fs.FileInfo, error) {
	if isStdin(path) {
		if err := in.TakeStdin(); err != nil {
			return nil, nil, err
		}
		return &input{ctx: ctx, f: in.console.Streams.In}, nil, nil
	}
	if isPipe(path) {
		if err := in.takePipe(path); err != nil {
			return nil, nil, err
		}
	}
	f, err := ui.Interruptible(ctx, func() (*os.File, error) { return os.Open(path) })
	if err != nil {
		return nil, nil, bareOpen(path, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s: it is a directory, not a file", path)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return &input{ctx: ctx, f: &unchanged{f: f, before: info}, close: f.Close}, info, nil
}

// errChanged is returned for a file that may have been read in part.
var errChanged = errors.New("the file was changed while it was being read; run the command again when nothing writes to it")

// unchanged reads a file, and returns errChanged instead of the end if the file was changed
// since it was opened: a list that is written at the same time looks like a shorter list.
type unchanged struct {
	f      *os.File
	before fs.FileInfo
}

func (u *unchanged) Read(b []byte) (int, error) {
	n, err := u.f.Read(b)
	if err != io.EOF || !u.before.Mode().IsRegular() {
		return n, err
	}
	now, statErr := u.f.Stat()
	switch {
	case statErr != nil:
		return n, statErr
	case now.Size() != u.before.Size(), now.Size() > 0 && !now.ModTime().Equal(u.before.ModTime()):
		return n, errChanged
	}
	return n, err
}

// bareOpen returns an error of opening a file without the name of the system call.
func bareOpen(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", path, p.Err)
	}
	return err
}

// isStdin reports whether a path means standard input.
func isStdin(path string) bool { return path == "-" || fsx.IsStdin(path) }

// isPipe reports whether a path is a pipe, such as a process substitution, or another stream
// that can be read only once.
func isPipe(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&(fs.ModeNamedPipe|fs.ModeCharDevice|fs.ModeSocket) != 0
}

// ReadableAgain reports whether files can be read more than once, which standard input and pipes
// cannot.
func ReadableAgain(paths []string) bool {
	return !slices.ContainsFunc(paths, func(path string) bool { return isStdin(path) || isPipe(path) })
}

// takePipe returns an error if a pipe was already opened: its text is there only once.
func (in *Input) takePipe(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return nil //nolint:nilerr // the error is returned again when it is opened
	}
	for _, taken := range in.pipes {
		if os.SameFile(taken, info) {
			return Usagef("the pipe %s can be read only once, but two options name it; use a file for one of them", path)
		}
	}
	in.pipes = append(in.pipes, info)
	return nil
}

// input reads from a file until ctx ends.
type input struct {
	ctx   context.Context
	f     io.Reader
	close func() error // nil for standard input
	left  bool         // a read was left behind and may still be using the file
}

func (in *input) Read(b []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		return 0, err
	}
	read, err := ui.Interruptible(in.ctx, func() (*bytes.Buffer, error) {
		own := make([]byte, len(b)) // b belongs to the caller again once ctx has ended
		n, err := in.f.Read(own)
		return bytes.NewBuffer(own[:n]), err
	})
	in.left = in.ctx.Err() != nil
	if read == nil {
		return 0, err
	}
	return copy(b, read.Bytes()), err
}

// Close closes the file, unless a read was left behind, which ends with the process.
func (in *input) Close() error {
	if in.left || in.close == nil {
		return nil
	}
	return in.close()
}

// Finishing returns a context for what has to be done at the end of a run, even of one that
// was stopped: it ends half a second after ctx. So a file is still written, but a pipe
// without a reader is not waited for.
func Finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	const grace = 500 * time.Millisecond
	late, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(grace):
			cancel(context.Cause(ctx))
		case <-late.Done():
		}
	})
	return late, func() {
		stop()
		cancel(nil)
	}
}
