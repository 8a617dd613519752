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

// readSize is the number of bytes read from a file, or decompressed, at a time.
const readSize = 256 << 10

// maxWindow limits how far back a zstd file can refer, and so the memory for
// decompressing it. It is the default limit of the zstd program.
const maxWindow = 128 << 20

// fileInput is a file to read, or the reader for standard input.
type fileInput struct {
	path    string
	stdin   io.Reader // nil for a file
	regular bool      // reading never blocks, and size is known
	size    int64
}

// inspect checks a file without reading from a pipe. A file that it rejects could not
// be read later, either.
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
	if err := checkFormat(bufio.NewReader(f)); err != nil {
		return in, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return in, nil
}

// inspectStdin checks the reader for standard input, which may be a file.
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

// open returns the decompressed text of the input. done counts the bytes read from the
// file. Once ctx has ended, a read returns its error.
//
// An input that can block, or that is compressed, is read by another goroutine. When
// the reader is closed, a blocked read of a pipe is abandoned: it ends when data
// arrives, which is then lost.
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

// counted counts the bytes read, and returns an error when the input ends too early
// because the file became shorter while it was read.
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
		err = fmt.Errorf("the file was truncated from %d bytes to %d while it was read: %w", c.want, c.read, io.ErrUnexpectedEOF)
	}
	return n, err
}

func (c *counted) Close() error { return c.r.Close() }

// unpacked reads decompressed text. close releases what belongs to it.
type unpacked struct {
	io.Reader
	close func() error
}

func (u *unpacked) Close() error { return u.close() }

// unpack recognizes compressed data by its first bytes and decompresses it. The reader
// that it returns owns raw. On an error unpack closes raw.
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
	return nil, false, checkFormat(buffered)
}

// sniff returns the format indicated by the first bytes, "" for text.
func sniff(r *bufio.Reader) string {
	head, _ := r.Peek(6) // an error is returned again by the next read
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
	// A skippable frame of zstd before other frames.
	if len(head) >= 4 && head[0]&0xf0 == 0x50 && string(head[1:4]) == "\x2a\x4d\x18" {
		return "zstd"
	}
	return ""
}

// checkFormat returns an error for a format that is recognized but not supported.
func checkFormat(r *bufio.Reader) error {
	switch kind := sniff(r); kind {
	case "", "gzip", "zstd":
		return nil
	case "UTF-16":
		return errors.New("the file is UTF-16 text, but LDIF is UTF-8: convert it first")
	default:
		return fmt.Errorf("the file is compressed with %s, which is not supported: decompress it first", kind)
	}
}

// damageNamer adds the format to the errors of a decompressor, including an input that
// ends too early.
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
		return fmt.Errorf("the %s data is truncated: %w", kind, io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("decompressing the %s data: %w", kind, err)
}
