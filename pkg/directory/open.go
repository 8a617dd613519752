package directory

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/klauspost/compress/zstd"
)

// readSize is how much is read from a file, or unpacked, at a time.
const readSize = 256 << 10

// maxWindow limits how far back a zstd file can refer, and so the memory that
// unpacking takes: what the zstd program allows unless it is told otherwise.
const maxWindow = 128 << 20

// fileInput is a file to read, or what was handed in for standard input.
type fileInput struct {
	path    string
	stdin   io.Reader // nil for a file
	regular bool      // reading it never waits, and size is known
	size    int64
}

// inspect looks at a file without taking anything from a pipe. What it refuses
// would fail later, too.
func inspect(path string) (fileInput, error) {
	in := fileInput{path: path}
	info, err := os.Stat(path)
	if err != nil {
		return in, err
	}
	if info.IsDir() {
		return in, &fs.PathError{Op: "read", Path: path, Err: errors.New("is a directory")}
	}
	if in.regular = info.Mode().IsRegular(); !in.regular {
		return in, nil
	}
	in.size = info.Size()
	f, err := os.Open(path)
	if err != nil {
		return in, err
	}
	defer f.Close()
	if err := refuse(bufio.NewReader(f)); err != nil {
		return in, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return in, nil
}

// inspectStdin looks at the reader that takes the place of standard input, which
// may be a file.
func inspectStdin(r io.Reader) fileInput {
	in := fileInput{path: stdinPath, stdin: r}
	f, ok := r.(*os.File)
	if !ok {
		return in
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return in
	}
	if at, err := f.Seek(0, io.SeekCurrent); err == nil {
		in.regular, in.size = true, max(0, info.Size()-at)
	}
	return in
}

// open returns the text of the input, unpacked. done counts the bytes that were
// read to get it. Once ctx has ended, a read returns its error.
//
// What can wait or is unpacked is read by another goroutine. When the reader is
// closed, a read of a pipe that waits is left behind: it ends when something
// comes, and takes that.
func (in fileInput) open(ctx context.Context, done *atomic.Int64) (io.ReadCloser, error) {
	if !in.regular {
		return newAhead(ctx, func() (io.ReadCloser, error) {
			raw, err := in.openRaw(done)
			if err != nil {
				return nil, err
			}
			r, _, err := unpack(raw)
			return r, err
		}, false), nil
	}
	raw, err := in.openRaw(done)
	if err != nil {
		return nil, err
	}
	r, packed, err := unpack(raw)
	if err != nil || !packed {
		return r, err
	}
	return newAhead(ctx, func() (io.ReadCloser, error) { return r, nil }, true), nil
}

func (in fileInput) openRaw(done *atomic.Int64) (io.ReadCloser, error) {
	if in.stdin != nil {
		return &counted{r: io.NopCloser(in.stdin), done: done, want: in.size}, nil
	}
	f, err := os.Open(in.path)
	if err != nil {
		return nil, err
	}
	return &counted{r: f, done: done, want: in.size}, nil
}

// counted counts what is read, and finds an end that comes too early: that of a
// file that became shorter while it was read.
type counted struct {
	r    io.ReadCloser
	done *atomic.Int64
	read int64
	want int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.done.Add(int64(n))
	c.read += int64(n)
	if errors.Is(err, io.EOF) && c.read < c.want {
		err = fmt.Errorf("the file has become shorter, from %d bytes to %d: %w", c.want, c.read, io.ErrUnexpectedEOF)
	}
	return n, err
}

func (c *counted) Close() error { return c.r.Close() }

// unpacked is what is read of an input, and what has to be closed with it.
type unpacked struct {
	io.Reader
	close func() error
}

func (u *unpacked) Close() error { return u.close() }

// unpack recognises by their first bytes what is compressed, and unpacks it. The
// reader that it returns owns raw, which is closed on an error.
func unpack(raw io.ReadCloser) (r io.ReadCloser, packed bool, err error) {
	buffered := bufio.NewReaderSize(raw, readSize)
	switch kind := sniff(buffered); kind {
	case "":
		return &unpacked{buffered, raw.Close}, false, nil
	case "gzip":
		z, err := gzip.NewReader(buffered)
		if err != nil {
			raw.Close()
			return nil, true, damaged(kind, err)
		}
		return &unpacked{damageNamer{z, kind}, raw.Close}, true, nil
	case "zstd":
		z, err := zstd.NewReader(buffered, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(2))
		if err != nil {
			raw.Close()
			return nil, true, damaged(kind, err)
		}
		return &unpacked{damageNamer{z, kind}, func() error { z.Close(); return raw.Close() }}, true, nil
	}
	defer raw.Close()
	return nil, false, refuse(buffered)
}

// sniff returns what the first bytes say about the format, "" for text.
func sniff(r *bufio.Reader) string {
	head, _ := r.Peek(6) // an error comes again with the next read
	for _, m := range []struct{ magic, kind string }{
		{"\x1f\x8b", "gzip"},
		{"\x28\xb5\x2f\xfd", "zstd"},
		{"BZh", "bzip2"},
		{"\xfd7zXZ\x00", "xz"},
		{"PK\x03\x04", "zip"},
		{"\x1f\x9d", "compress"},
		{"\x04\x22\x4d\x18", "lz4"},
		{"\xff\xfe", "UTF-16"},
		{"\xfe\xff", "UTF-16"},
	} {
		if bytes.HasPrefix(head, []byte(m.magic)) {
			return m.kind
		}
	}
	// A frame that zstd skips, in front of others.
	if len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18" {
		return "zstd"
	}
	return ""
}

// refuse returns an error for a format that is recognised and not read.
func refuse(r *bufio.Reader) error {
	switch kind := sniff(r); kind {
	case "", "gzip", "zstd":
		return nil
	case "UTF-16":
		return errors.New("it is UTF-16 text, and LDIF is UTF-8: convert it first")
	default:
		return fmt.Errorf("it is packed by %s, which is not read here: unpack it first", kind)
	}
}

// damageNamer says of the errors of an unpacker what was being unpacked. An end
// of the input inside it is one of them.
type damageNamer struct {
	r    io.Reader
	kind string
}

func (d damageNamer) Read(b []byte) (int, error) {
	n, err := d.r.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		err = damaged(d.kind, err)
	}
	return n, err
}

func damaged(kind string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the %s data is cut off: %w", kind, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("unpacking the %s data: %w", kind, err)
}
