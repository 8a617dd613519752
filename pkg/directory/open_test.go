package directory

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
)

// readPacked returns the decompressed content of b, read from a pipe or a file.
func readPacked(t *testing.T, b []byte, pipe bool) (string, error) {
	t.Helper()
	var in fileInput
	if pipe {
		in = inspectStdin(iotest.HalfReader(bytes.NewReader(b)))
	} else {
		var err error
		if in, err = inspect(writeFiles(t, string(b))[0]); err != nil {
			return "", err
		}
	}
	var done atomic.Int64
	r, err := in.open(t.Context(), &done)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err == nil && done.Load() != int64(len(b)) {
		t.Errorf("%d of %d bytes counted", done.Load(), len(b))
	}
	return string(text), err
}

func TestUnpack(t *testing.T) {
	one, two := strings.Repeat("dn: o=a\n\n", 100000), "dn: o=b\n"
	pack := func(pack func([]byte) []byte, parts ...string) []byte {
		var out []byte
		for _, p := range parts {
			out = append(out, pack([]byte(p))...)
		}
		return out
	}
	skip := []byte("\x52\x2a\x4d\x18\x03\x00\x00\x00abc")
	for name, c := range map[string]struct {
		packed []byte
		want   string
	}{
		"text":                        {[]byte(one), one},
		"nothing":                     {nil, ""},
		"one byte":                    {[]byte("\x1f"), "\x1f"},
		"gzip":                        {pack(packGzip, one), one},
		"gzip in parts":               {pack(packGzip, one, "", two, one), one + two + one},
		"gzip of nothing":             {pack(packGzip, ""), ""},
		"zstd":                        {pack(packZstd, one), one},
		"zstd in parts":               {pack(packZstd, one, "", two, one), one + two + one},
		"zstd behind a skipped frame": {append(bytes.Clone(skip), pack(packZstd, two)...), two},
	} {
		for _, pipe := range []bool{false, true} {
			if got, err := readPacked(t, c.packed, pipe); got != c.want || err != nil {
				t.Errorf("%s: %d bytes, want %d: %v", name, len(got), len(c.want), err)
			}
		}
	}
}

// TestCutOffIsNeverTheEnd truncates compressed data at each byte.
func TestCutOffIsNeverTheEnd(t *testing.T) {
	text := strings.Repeat("dn: o=a\ncn: b\n\n", 20)
	for kind, pack := range map[string]func([]byte) []byte{"gzip": packGzip, "zstd": packZstd} {
		first := pack([]byte(text))
		whole := append(bytes.Clone(first), pack([]byte(text))...)
		magic := map[string]int{"gzip": 2, "zstd": 4}[kind]
		for at := magic; at < len(whole); at++ {
			if at == len(first) {
				continue // at the end of a part nothing shows that another one is missing
			}
			for _, pipe := range []bool{false, true} {
				_, err := readPacked(t, whole[:at], pipe)
				if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), kind) {
					t.Fatalf("%s truncated to %d of %d bytes: %v", kind, at, len(whole), err)
				}
			}
		}
		damagedBytes := bytes.Clone(first)
		damagedBytes[len(first)-2] ^= 1 // a checksum is at the end
		if _, err := readPacked(t, damagedBytes, false); err == nil || !strings.Contains(err.Error(), kind) {
			t.Errorf("an invalid checksum: %v", err)
		}
		if _, err := readPacked(t, append(bytes.Clone(first), "garbage after it"...), false); err == nil || !strings.Contains(err.Error(), kind) {
			t.Errorf("garbage after the data: %v", err)
		}
	}

	for _, packed := range [][]byte{packGzip([]byte(text)), packZstd([]byte(text))} {
		s := NewFiles(FilesOptions{Paths: writeFiles(t, string(packed[:len(packed)-1]))})
		_, err := entriesOf(t, s, peopleQuery())
		requireIncomplete(t, err, "f0.ldif", 0, 0, "truncated")
	}
}

// TestWindowIsLimited reads a frame that requires more memory than the limit.
func TestWindowIsLimited(t *testing.T) {
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithWindowSize(256<<20))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := readPacked(t, b.Bytes(), false); !errors.Is(err, zstd.ErrWindowSizeExceeded) {
		t.Errorf("%v", err)
	}
}

func TestOtherFormatsAreRejected(t *testing.T) {
	for magic, want := range map[string]string{
		"BZh9": "bzip2", "\xfd7zXZ\x00": "xz", "PK\x03\x04": "zip", "\x1f\x9d": "compress", "\x04\x22\x4d\x18": "lz4", "\xff\xfed\x00": "UTF-16", "\xfe\xff\x00d": "UTF-16",
	} {
		for _, pipe := range []bool{false, true} {
			if _, err := readPacked(t, []byte(magic+"..."), pipe); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v", magic, err)
			}
		}
	}
}

func TestFileThatBecomesShorter(t *testing.T) {
	path := writeFiles(t, "dn: o=a\n\ndn: o=b\n")[0]
	in, err := inspect(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 9); err != nil {
		t.Fatal(err)
	}
	r, err := in.open(t.Context(), new(atomic.Int64))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if string(text) != "dn: o=a\n\n" || !errors.Is(err, io.ErrUnexpectedEOF) || !strings.Contains(err.Error(), "from 17 bytes to 9") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestProgress(t *testing.T) {
	text := strings.Repeat("dn: o=a\nobjectClass: person\n\n", 50000)
	paths := writeFiles(t, text, string(packGzip([]byte(text))), string(packZstd([]byte(text))))
	total := int64(0)
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	s := NewFiles(FilesOptions{Paths: paths})
	if got := s.Progress(); got != (Progress{}) {
		t.Errorf("before: %+v", got)
	}
	for range 2 {
		n, last := 0, int64(0)
		for _, err := range s.Entries(t.Context(), peopleQuery()) {
			if err != nil {
				t.Fatal(err)
			}
			p := s.Progress()
			if n++; n == 1 && p.Done >= int64(len(text)) || p.Total != total || p.Done < last || p.Done > total {
				t.Fatalf("at entry %d: %+v, %d before, of %d", n, p, last, total)
			}
			last = p.Done
		}
		if got := s.Progress(); got != (Progress{total, total}) || n != 150000 {
			t.Errorf("after %d entries: %+v, want %d", n, got, total)
		}
	}

	// A file as standard input has a size; a pipe has none.
	f, err := os.Open(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Seek(29, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	s = NewFiles(FilesOptions{Paths: []string{"-"}, Stdin: f})
	got, err := entriesOf(t, s, peopleQuery())
	if want := int64(len(text)) - 29; err != nil || len(got) != 49999 || s.Progress() != (Progress{want, want}) {
		t.Errorf("%d entries, %v, %+v", len(got), err, s.Progress())
	}
	s = NewFiles(FilesOptions{Paths: []string{paths[0], "-"}, Stdin: strings.NewReader(text)})
	if _, err := entriesOf(t, s, peopleQuery()); err != nil || s.Progress() != (Progress{Done: int64(2 * len(text))}) {
		t.Errorf("%v, %+v", err, s.Progress())
	}
}

// idleReader returns neither data nor an error.
type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

// closing records that it was closed.
type closing struct {
	io.Reader
	closed chan struct{}
}

func (c closing) Close() error { close(c.closed); return nil }

func TestAhead(t *testing.T) {
	odd := errors.New("odd")
	for name, c := range map[string]struct {
		r    io.Reader
		want string
		err  error
	}{
		"an error with the last bytes":       {iotest.DataErrReader(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(odd))), "abc", odd},
		"an unexpected end with bytes":       {iotest.DataErrReader(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(io.ErrUnexpectedEOF))), "abc", io.ErrUnexpectedEOF},
		"an unexpected end that is not kept": {&once{text: "abc", err: io.ErrUnexpectedEOF}, "abc", io.ErrUnexpectedEOF},
		"nothing for ever":                   {idleReader{}, "", io.ErrNoProgress},
		"byte by byte":                       {iotest.OneByteReader(strings.NewReader(strings.Repeat("x", 1000))), strings.Repeat("x", 1000), nil},
	} {
		in := closing{c.r, make(chan struct{})}
		a := newAhead(t.Context(), func() (io.ReadCloser, error) { return in, nil }, true)
		got, err := io.ReadAll(a)
		if string(got) != c.want || !exactly(err, c.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if n, again := a.Read(make([]byte, 8)); n != 0 || !exactly(again, c.err) && !exactly(again, io.EOF) {
			t.Errorf("%s: the next read returned %d bytes, %v", name, n, again)
		}
		a.Close()
		<-in.closed
	}

	a := newAhead(t.Context(), func() (io.ReadCloser, error) { return nil, odd }, true)
	if _, err := a.Read(make([]byte, 8)); !exactly(err, odd) {
		t.Errorf("got the error %v, want that of opening", err)
	}
	a.Close()

	// Close while the channel is full.
	in := closing{endlessText{}, make(chan struct{})}
	a = newAhead(t.Context(), func() (io.ReadCloser, error) { return in, nil }, true)
	if _, err := a.Read(make([]byte, 8)); err != nil {
		t.Error(err)
	}
	a.Close()
	<-in.closed

	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	defer w.Close()
	a = newAhead(ctx, func() (io.ReadCloser, error) { return r, nil }, false)
	cancel()
	if _, err := a.Read(make([]byte, 8)); !exactly(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	a.Close()
}

// once returns its text together with an error, and then io.EOF.
type once struct {
	text string
	err  error
}

func (o *once) Read(b []byte) (int, error) {
	if o.err == nil {
		return 0, io.EOF
	}
	err := o.err
	o.err = nil
	return copy(b, o.text), err
}

type endlessText struct{}

func (endlessText) Read(b []byte) (int, error) { return len(b), nil }

func TestUnreadableFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gone.ldif")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := inspect(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if r, err := in.open(t.Context(), new(atomic.Int64)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, %v", r, err)
	}
	// A file that is removed between inspecting and reading makes the sequence incomplete.
	text := "dn: o=a\nobjectClass: person\n"
	paths := append(writeFiles(t, text), writeFiles(t, text)...)
	n := 0
	var last error
	for e, err := range NewFiles(FilesOptions{Paths: paths}).Entries(t.Context(), peopleQuery()) {
		if e != nil {
			n++
			if err := os.Remove(paths[1]); err != nil {
				t.Fatal(err)
			}
		}
		last = err
	}
	requireIncomplete(t, last, "f0.ldif", 1, 0, "no such file")
	if n != 1 {
		t.Errorf("%d entries", n)
	}
}

// A panic while reading ahead is the error of the reader.
func TestAheadPanics(t *testing.T) {
	a := newAhead(t.Context(), func() (io.ReadCloser, error) { panic("lost") }, true)
	if _, err := a.Read(make([]byte, 10)); err == nil || !strings.Contains(err.Error(), "internal error: lost") {
		t.Errorf("%v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}
