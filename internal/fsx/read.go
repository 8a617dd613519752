package fsx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrTooLarge is wrapped when a file is larger than the caller accepts.
var ErrTooLarge = errors.New("too large")

// ReadLimited returns the complete content of the regular file at path, read with
// one allocation; symbolic links are followed. The info describes the file that
// was read and can be passed to SameFile. No lock against Replace is needed, since
// a file is replaced in one step.
//
// It fails with ErrTooLarge when the file is larger than max bytes, with
// ErrNotRegular for anything but a regular file (which is not even opened), and
// when another program writes to the file during the read.
func ReadLimited(path string, max int64) ([]byte, fs.FileInfo, error) {
	data, info, err := readLimited(path, max)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read %s: %w", path, bare(err))
	}
	return data, info, nil
}

// OpenRegular opens the regular file at path for reading; symbolic links are followed. It
// fails with ErrNotRegular for anything else, and never waits for the writer of a pipe.
func OpenRegular(path string) (*os.File, error) {
	// The type is checked before, because opening some devices has side effects,
	// and again on the open file, because another file may have replaced it.
	fi, err := os.Stat(path)
	if err == nil && !fi.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: notRegular(fi.Mode())}
	}
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if fi, err = f.Stat(); err == nil && !fi.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: notRegular(fi.Mode())}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func readLimited(path string, max int64) ([]byte, fs.FileInfo, error) {
	f, err := OpenRegular(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	fi, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if fi.Size() > max {
		return nil, nil, fmt.Errorf("it is %w: %d bytes, the limit is %d", ErrTooLarge, fi.Size(), max)
	}
	// One byte more than expected, so that the end of the file is reached.
	buf := make([]byte, fi.Size()+1)
	n, err := io.ReadFull(f, buf)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, err
	}
	if int64(n) != fi.Size() {
		return nil, nil, errors.New("it changed while it was being read")
	}
	return buf[:n:n], fi, nil
}
