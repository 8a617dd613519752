package fsx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// ErrTooLarge is wrapped when a file is larger than the caller takes.
var ErrTooLarge = errors.New("too large")

// ReadLimited reads the regular file at path, symbolic links followed, whole
// and with one allocation. The info is that of the file that was read, fit for
// SameFile. It needs no lock against Replace: a file is replaced in one step.
//
// It fails with ErrTooLarge when the file is larger than max bytes, with
// ErrNotRegular for anything but a regular file (which is not even opened),
// and when another program writes into the file during the read.
func ReadLimited(path string, max int64) ([]byte, fs.FileInfo, error) {
	data, info, err := readLimited(path, max)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot read %s: %w", path, bare(err))
	}
	return data, info, nil
}

func readLimited(path string, max int64) ([]byte, fs.FileInfo, error) {
	// The look comes first because opening some devices has effects, and is
	// repeated on the opened file because another may have taken its place.
	fi, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, nil, notRegular(fi.Mode())
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	if fi, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, nil, notRegular(fi.Mode())
	}
	if fi.Size() > max {
		return nil, nil, fmt.Errorf("it is %w: %d bytes, at most %d are read", ErrTooLarge, fi.Size(), max)
	}
	// One byte more than expected, so that the end of the file is seen.
	buf := make([]byte, fi.Size()+1)
	n, err := io.ReadFull(f, buf)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, err
	}
	if int64(n) != fi.Size() {
		return nil, nil, errors.New("it changed while it was read")
	}
	return buf[:n:n], fi, nil
}
