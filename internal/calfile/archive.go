package calfile

import (
	"archive/zip"
	"bufio"
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// LimitError says that a file exceeds a limit, so that it was not read to its end.
type LimitError struct {
	Text string
}

func (e *LimitError) Error() string { return e.Text }

// damagedError says that compressed data is damaged or cut off.
type damagedError struct{ err error }

func (e *damagedError) Error() string { return "the archive is damaged: " + e.err.Error() }

// damaged returns an error of a decompressor as one of the file, unless it is one of the
// system or of a limit.
func damaged(err error) error {
	var limit *LimitError
	if errors.As(err, &limit) {
		return err
	}
	text := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "gzip: "), "zip: ")
	if errors.Is(err, io.ErrUnexpectedEOF) {
		text = "it ends too early"
	}
	return &damagedError{errors.New(text)}
}

// unpacker bounds what comes out of a compressed file.
type unpacker struct {
	r      io.Reader
	limits Limits
	packed func() int64 // bytes of the compressed file that were read, or all of them
	out    *int64       // bytes unpacked so far, of all entries
	failed func() error // why the compressed file could not be read; nil if it could
}

func (u *unpacker) Read(b []byte) (int, error) {
	n, err := u.r.Read(b)
	*u.out += int64(n)
	switch packed := max(u.packed(), 1); {
	case *u.out > u.limits.Unpacked:
		return n, &LimitError{fmt.Sprintf("the archive contains more than %d bytes, so the rest was not read", u.limits.Unpacked)}
	case *u.out > u.limits.Free && *u.out/packed > u.limits.Ratio:
		return n, &LimitError{fmt.Sprintf("the archive unpacks to more than %d times its size, so the rest was not read", u.limits.Ratio)}
	case u.failed() != nil:
		return n, u.failed()
	case err != nil && err != io.EOF:
		return n, damaged(err)
	}
	return n, err
}

// gzip reads a compressed file.
func (w *walk) gzip(name string, below *recorder, b *bufio.Reader) error {
	z, err := gzip.NewReader(b)
	if err != nil && below.err == nil {
		err = damaged(err)
	}
	if err != nil {
		return w.broken(name, err)
	}
	out := int64(0)
	inner := &recorder{r: &unpacker{r: z, limits: w.limits, packed: func() int64 { return below.n }, out: &out, failed: func() error { return below.err }}}
	text := bufio.NewReaderSize(inner, 64<<10)
	head := peek(text)
	if len(head) == 0 {
		if inner.err != nil {
			return w.broken(name, inner.err)
		}
		return w.fault(Bad, name, "file-empty", errors.New("the file is empty"))
	}
	return w.text(name, formatOf(head), text, inner, false)
}

// zip reads an archive. The info is nil, or not that of a regular file, for a stream, which
// is copied to a temporary file first.
func (w *walk) zip(file, name string, b io.Reader, info fs.FileInfo) error {
	var f *os.File
	var err error
	if info != nil && info.Mode().IsRegular() {
		if f, err = os.Open(file); err != nil {
			return w.fault(Incomplete, name, "file-unreadable", bare(err))
		}
	} else if f, err = w.spool(b); err != nil {
		return w.broken(name, err)
	}
	defer f.Close()
	now, err := f.Stat()
	if err != nil {
		return w.fault(Incomplete, name, "file-unreadable", bare(err))
	}
	bounded := &boundedAt{r: f, left: maxDirectory}
	archive, err := zip.NewReader(bounded, now.Size())
	if bounded.err != nil {
		return w.broken(name, bounded.err)
	}
	if err != nil {
		return w.broken(name, damaged(err))
	}
	bounded.left = -1
	if len(archive.File) > w.limits.Entries {
		return w.broken(name, &LimitError{fmt.Sprintf("the archive contains more than %d files, so it was not read", w.limits.Entries)})
	}
	return w.entries(name, archive.File, bounded, now.Size())
}

// maxDirectory is how much of a zip archive its table of contents may take, in bytes: the
// library holds it in memory.
const maxDirectory = 24 << 20

// boundedAt reads an archive. Until left is -1, it bounds how much.
type boundedAt struct {
	r    io.ReaderAt
	left int64
	err  error // the first that is not the end of the file
}

func (b *boundedAt) ReadAt(p []byte, at int64) (int, error) {
	if b.left >= 0 {
		if b.left -= int64(len(p)); b.left < 0 {
			b.left = 0
			b.err = &LimitError{"the table of contents of the archive is too large, so it was not read"}
			return 0, b.err
		}
	}
	n, err := b.r.ReadAt(p, at)
	if err != nil && err != io.EOF && b.err == nil {
		b.err = err
	}
	return n, err
}

// spool copies a stream to a temporary file that nobody else can open.
func (w *walk) spool(r io.Reader) (*os.File, error) {
	f, err := os.CreateTemp(w.Tmp, "davadmin-*")
	if err != nil {
		return nil, fmt.Errorf("temporary file: %w", bare(err))
	}
	err = os.Remove(f.Name())
	if err == nil {
		var n int64
		if n, err = io.Copy(f, io.LimitReader(r, w.limits.Spooled+1)); err == nil && n > w.limits.Spooled {
			err = &LimitError{fmt.Sprintf("the archive has more than %d bytes; give the name of a file instead of a stream", w.limits.Spooled)}
		}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// entries reads the entries of a zip archive, sorted by name.
func (w *walk) entries(name string, entries []*zip.File, below *boundedAt, size int64) error {
	slices.SortStableFunc(entries, func(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) })
	out, found := int64(0), false
	for _, e := range entries {
		if e.FileInfo().IsDir() {
			continue
		}
		read, over, err := w.entry(name, e, below, &out, size)
		if err != nil {
			return err
		}
		found = found || read
		if over {
			return nil
		}
	}
	if found {
		return w.ctx.Err()
	}
	return w.fault(Bad, name, "no-calendar", errors.New("the archive contains no calendar data"))
}

// entry reads an entry of a zip archive. Read reports whether the entry contains, or may
// contain, calendar data; over, that a limit of the archive was reached.
func (w *walk) entry(archive string, e *zip.File, below *boundedAt, out *int64, size int64) (read, over bool, err error) {
	name := archive + ":" + e.Name
	wanted := hasExtension(path.Base(strings.ReplaceAll(e.Name, `\`, "/")))
	switch {
	case !e.Mode().IsRegular():
		return false, false, w.fault(Skipped, name, "not-a-file", errors.New("skipped: it is not a regular file"))
	case e.Flags&1 != 0:
		return true, false, w.fault(Incomplete, name, "archive-encrypted", errors.New("the file is encrypted, so it was not read"))
	}
	r, err := e.Open()
	if err != nil {
		return true, false, w.broken(name, damaged(err))
	}
	defer r.Close()
	inner := &recorder{r: &unpacker{r: r, limits: w.limits, packed: func() int64 { return size }, out: out, failed: func() error { return below.err }}}
	text := bufio.NewReaderSize(inner, 64<<10)
	head := peek(text)
	format := formatOf(head)
	switch {
	case len(head) == 0 && inner.err == nil && wanted:
		return true, false, w.fault(Bad, name, "file-empty", errors.New("the file is empty"))
	case len(head) == 0 && inner.err == nil:
		return false, false, nil
	case inner.err == nil && !wanted && (format == formatText && !isCalendar(head) || format == formatUTF16 || format == formatJSON):
		return false, false, w.fault(Skipped, name, "not-calendar", errors.New("skipped: it is not calendar data"))
	case len(head) == 0:
		err = w.broken(name, inner.err)
	default:
		err = w.text(name, format, text, inner, true)
	}
	var limit *LimitError
	return true, errors.As(inner.err, &limit) || below.err != nil, err
}
