// Package calfile finds calendar data in what users send: files, directories, zip and gzip
// archives, and streams. It looks at the content, not only at the name.
//
// Everything is hostile: sizes, numbers of files and ratios of compression are bounded,
// archives in archives are refused, and nothing is unpacked to disk under a name from an
// archive. Memory does not grow with the size of what is read.
//
// The package does not interpret calendar data. Functions are safe for concurrent use.
package calfile

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Form is the form of a text.
type Form int

// The forms. A text that is neither of them is given as ICalendar, whose reader finds out.
const (
	ICalendar Form = iota // content lines, RFC 5545
	JCal                  // JSON, RFC 7265
)

// Text is one text to read. Reader is valid only during the call that receives the text.
type Text struct {
	Name   string // as the user named it; an entry of an archive as ARCHIVE:ENTRY
	Form   Form
	Reader io.Reader
}

// Kind says what is wrong with a file.
type Kind int

// The kinds of faults.
const (
	Skipped    Kind = iota // not calendar data, found in a directory or an archive
	Bad                    // read to its end, or to where it is damaged
	Incomplete             // not read, or only a part of it, because of the system or a limit
)

// Fault is something wrong with a file that has nothing to do with calendars.
type Fault struct {
	Name string // of the file, as in Text
	Kind Kind
	Code string // words with hyphens, such as archive-damaged
	Err  error  // without the name
}

// Limits bound what is read. Zero values mean the defaults.
type Limits struct {
	Entries  int   // of an archive; default 100,000
	Unpacked int64 // bytes of a compressed file or archive, unpacked; default 16 GiB
	Ratio    int64 // of a compressed file or archive, once it gave more than Free; default 250
	Free     int64 // bytes of a compressed file or archive for which Ratio does not count; default 64 MiB
	Spooled  int64 // bytes of a zip archive that comes from a stream; default 4 GiB
}

func (l Limits) withDefaults() Limits {
	l.Entries = cmp.Or(l.Entries, 100_000)
	l.Unpacked = cmp.Or(l.Unpacked, 16<<30)
	l.Ratio = cmp.Or(l.Ratio, 250)
	l.Free = cmp.Or(l.Free, 64<<20)
	l.Spooled = cmp.Or(l.Spooled, 4<<30)
	return l
}

// Source reads what the user named.
type Source struct {
	// Open opens a file, a pipe or a stream that the user named, or a file in a directory.
	// The info is nil for a stream without one.
	Open   func(ctx context.Context, path string) (io.ReadCloser, fs.FileInfo, error)
	Limits Limits
	Tmp    string // directory for a zip archive that comes from a stream; "" for the system's

	// Text is called for each text. Its error ends the walk. It need not report errors of
	// the reader, which become faults.
	Text func(Text) error
	// Fault is called for each fault. Its error ends the walk.
	Fault func(Fault) error
}

// Extensions returns the extensions, in lower case, of the files that are read in a directory.
func Extensions() []string { return []string{".ics", ".ical", ".ifb", ".json"} }

func hasExtension(name string) bool {
	if strings.HasPrefix(name, "._") { // the metadata that macOS adds to archives
		return false
	}
	ext := strings.ToLower(filepath.Ext(name))
	for _, e := range Extensions() {
		if ext == e {
			return true
		}
	}
	return false
}

// Each reads a path: a directory with its subdirectories, sorted by name, or a file. The name
// is how messages call it. The error is that of Text or Fault, or the end of ctx; everything
// else is a fault.
func (s *Source) Each(ctx context.Context, path, name string) error {
	w := &walk{Source: s, ctx: ctx, limits: s.Limits.withDefaults()}
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return w.directory(path)
	}
	return w.file(path, name, false)
}

// walk is one call of Each.
type walk struct {
	*Source
	ctx    context.Context
	limits Limits
}

func (w *walk) fault(kind Kind, name, code string, err error) error {
	if ended := w.ctx.Err(); ended != nil {
		return ended
	}
	return w.Fault(Fault{Name: name, Kind: kind, Code: code, Err: err})
}

// directory reads the files of a directory. Symbolic links to files are followed, those to
// directories are not, so that there are no cycles.
func (w *walk) directory(root string) error {
	found := false
	// With the separator, the walk follows a link that the user named.
	err := filepath.WalkDir(root+string(filepath.Separator), func(path string, d fs.DirEntry, err error) error {
		path = filepath.Clean(path)
		switch {
		case w.ctx.Err() != nil:
			return w.ctx.Err()
		case err != nil:
			found = true // what could not be read is not absent
			if err := w.fault(Incomplete, path, "file-unreadable", bare(err)); err != nil {
				return err
			}
			if d != nil && d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() || !hasExtension(d.Name()):
			return nil
		}
		mode := d.Type()
		if mode&fs.ModeSymlink != 0 {
			info, err := os.Stat(path)
			if err != nil {
				found = true
				return w.fault(Incomplete, path, "file-unreadable", bare(err))
			}
			mode = info.Mode()
		}
		if !mode.IsRegular() {
			return w.fault(Skipped, path, "not-a-file", errors.New("skipped: it is not a regular file"))
		}
		found = true
		return w.file(path, path, true)
	})
	if err != nil || found {
		return err
	}
	return w.fault(Bad, root, "no-calendar", fmt.Errorf("the directory contains no file with the extension %s", strings.Join(Extensions(), ", ")))
}

// file reads a file. Skip says that it was found in a directory, not named.
func (w *walk) file(path, name string, skip bool) error {
	f, info, err := w.Open(w.ctx, path)
	if err != nil {
		return w.fault(Incomplete, name, "file-unreadable", bare(err))
	}
	defer f.Close()
	recorded := &recorder{r: f}
	b := bufio.NewReaderSize(recorded, 64<<10)
	head := peek(b)
	switch format := formatOf(head); {
	case len(head) == 0 && recorded.err == nil:
		return w.fault(Bad, name, "file-empty", errors.New("the file is empty"))
	case len(head) == 0:
		return w.fault(Incomplete, name, "file-unreadable", bare(recorded.err))
	case format == formatZip:
		return w.zip(path, name, b, info)
	case format == formatGzip:
		return w.gzip(name, recorded, b)
	default:
		return w.text(name, format, b, recorded, skip)
	}
}

// text gives a text to the caller. Recorded is the reader below b that knows why reading
// failed. Skip says that nobody named the file, so that it may be something else.
func (w *walk) text(name string, format format, b io.Reader, recorded *recorder, skip bool) error {
	form := ICalendar
	switch format {
	case formatJSON:
		if skip {
			return w.fault(Skipped, name, "not-calendar", errors.New("skipped: the JSON is not jCal"))
		}
		form = JCal // its reader says what is wrong
	case formatJCal:
		form = JCal
	case formatUTF16:
		return w.fault(Bad, name, "utf-16", errors.New("the text is UTF-16, but must be UTF-8; convert it, for example with: iconv -f UTF-16 -t UTF-8"))
	case formatOther:
		return w.fault(Bad, name, "archive-unsupported", errors.New("the file is an archive of a kind that is not supported; unpack it, and check the directory"))
	case formatZip, formatGzip:
		return w.fault(Bad, name, "archive-nested", errors.New("an archive inside an archive is not read; unpack it first"))
	case formatText:
	}
	if err := w.Text(Text{Name: name, Form: form, Reader: b}); err != nil {
		return err
	}
	return w.broken(name, recorded.err)
}

// broken reports why a text could not be read to its end, or nothing for nil.
func (w *walk) broken(name string, err error) error {
	var limit *LimitError
	var damaged *damagedError
	switch {
	case err == nil:
		return w.ctx.Err()
	case errors.As(err, &limit):
		return w.fault(Incomplete, name, "archive-limit", limit)
	case errors.As(err, &damaged):
		return w.fault(Bad, name, "archive-damaged", damaged)
	}
	return w.fault(Incomplete, name, "file-unreadable", bare(err))
}

// recorder remembers the error that ended reading, other than io.EOF.
type recorder struct {
	r   io.Reader
	n   int64 // bytes read
	err error
}

func (r *recorder) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	r.n += int64(n)
	if err != nil && err != io.EOF && r.err == nil {
		r.err = err
	}
	return n, err
}

type format int

const (
	formatText format = iota
	formatJSON
	formatJCal
	formatZip
	formatGzip
	formatUTF16
	formatOther // another kind of archive
)

const headSize = 512

// peek returns the beginning of a text without consuming it.
func peek(b *bufio.Reader) []byte {
	head, _ := b.Peek(headSize) // an error comes again when the text is read
	return head
}

// formatOf detects the format of a file by its first bytes.
func formatOf(head []byte) format {
	starts := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case starts("PK\x03\x04"), starts("PK\x05\x06"):
		return formatZip
	case starts("\x1f\x8b"):
		return formatGzip
	case starts("BZh"), starts("\xfd7zXZ"), starts("7z\xbc\xaf"), starts("\x28\xb5\x2f\xfd"), starts("Rar!"),
		len(head) > 262 && string(head[257:262]) == "ustar":
		return formatOther
	case starts("\xff\xfe"), starts("\xfe\xff"), starts("B\x00E\x00G\x00"), starts("\x00B\x00E\x00G"):
		return formatUTF16
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	switch {
	case bytes.HasPrefix(text, []byte("{")):
		return formatJSON
	case !bytes.HasPrefix(text, []byte("[")):
		return formatText
	}
	text = bytes.TrimLeft(text, "[ \t\r\n")
	if len(text) >= 11 && strings.EqualFold(string(text[:11]), `"vcalendar"`) {
		return formatJCal
	}
	return formatJSON
}

// isCalendar reports whether a text begins as iCalendar does.
func isCalendar(head []byte) bool {
	const begin = "BEGIN:VCALENDAR"
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	return len(text) >= len(begin) && strings.EqualFold(string(text[:len(begin)]), begin)
}

// bare returns an error of the system without the path and the name of the call, because a fault
// has the name of the file.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
