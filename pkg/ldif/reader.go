package ldif

import (
	"io"
	"math"
)

// Options are the limits of a Reader and what it is allowed to do. The zero value
// is suitable for files of any size.
type Options struct {
	Name string // of the file, for messages

	// MaxLine is the maximum length in bytes of an unfolded line, and of a value
	// read from a URL. 0 means 64 MiB.
	MaxLine int

	// MaxEntry is the maximum size in bytes of a record in the file, including its
	// comments. 0 means 256 MiB. A record can have at most 4 Mi (4,194,304) values.
	MaxEntry int

	// Comments makes the Reader deliver the comments inside a record, and those
	// directly before it without a blank line in between, as Record.Comments.
	Comments bool

	// FileURLs allows values that are read from elsewhere, "name:< URL". Without it
	// such a value makes its record invalid, and nothing is opened.
	FileURLs bool

	// OpenURL returns the content of a URL when FileURLs is set. When OpenURL is nil,
	// file: URLs of this host are read, but only regular files, and any other URL
	// makes its record invalid.
	OpenURL func(url string) ([]byte, error)
}

const (
	defaultMaxLine  = 64 << 20
	defaultMaxEntry = 256 << 20
	maxValues       = 4 << 20
)

func (o Options) withDefaults() Options {
	if o.MaxLine <= 0 {
		o.MaxLine = defaultMaxLine
	}
	if o.MaxEntry <= 0 {
		o.MaxEntry = defaultMaxEntry
	}
	o.MaxEntry = min(o.MaxEntry, math.MaxInt32)
	return o
}

// Reader reads records from LDIF text. Besides what RFC 2849 describes it accepts
// what is found in real files:
//
//   - a byte-order mark; CR as a line ending in addition to LF and CRLF; several
//     blank lines, and lines that contain only blanks, between records; no blank
//     line at the end
//   - "version: 1" with or without a blank line after it, missing, or repeated in
//     files that were concatenated
//   - "DN:" in any case; entries without attributes; empty values; tabs after the
//     colon, and a tab as the mark of a folded line: no line begins with a tab
//     otherwise, and the libraries of the Netscape servers fold that way
//   - non-ASCII bytes that are not encoded in base64, which are kept unchanged
//   - '_' in names; any visible character in options
//   - what ldapsearch prints about the search between and after the entries: see
//     SearchResult
//   - modify records whose last "-" is missing
//
// A Reader must not be used by several goroutines at once.
type Reader struct {
	cut    cutter
	parser parser
	buf    []byte
	err    error
}

// NewReader returns a Reader of r. It reads ahead: the position of r is not the end
// of the last record delivered.
func NewReader(r io.Reader, o Options) *Reader { return newReader(r, o, pieceSize) }

func newReader(r io.Reader, o Options, size int) *Reader {
	o = o.withDefaults()
	return &Reader{
		cut:    cutter{r: r, size: size, limit: o.MaxEntry},
		parser: parser{o: o, nextLine: 1},
	}
}

// Next returns the next record. It is valid until the next call.
//
// For an invalid record it returns a *RecordError, and the next call continues
// after that record. Any other error is final, and each further call repeats it.
// It is io.EOF only when the underlying reader returned io.EOF and everything was
// read; otherwise it is the error of the underlying reader, returned after all
// records that were complete before it. An error that wraps io.EOF without being
// io.EOF is replaced by io.ErrUnexpectedEOF.
//
// An input that ends within a line, with an entry that is a DN alone, or with a
// modification without its "-" (RFC 2849) was cut off, if no blank line follows. Its
// last record is then a *RecordError with Cut set. An input that was cut off at the
// end of another line cannot be detected.
func (r *Reader) Next() (*Record, error) {
	for {
		rec, bad := r.parser.next()
		if bad != nil {
			return nil, bad
		}
		if rec != nil {
			return rec, nil
		}
		if r.err != nil {
			return nil, r.err
		}
		p, err := r.cut.next(r.buf)
		if err != nil {
			r.err = err
			continue
		}
		if !p.oversize {
			r.buf = p.data
		}
		r.parser.load(p, r.parser.nextLine)
	}
}

// Bytes returns the number of bytes of the input that have been parsed, for progress.
func (r *Reader) Bytes() int64 { return r.parser.offset() }

// Line returns the number of the line to be read next, counted from 1.
func (r *Reader) Line() int { return r.parser.nextLine }

// SearchResult returns what ldapsearch printed as the result of its search, once
// that has been read; ok reports whether there was one. A code other than 0 means
// that the server did not return all entries. Of several results, one for each page,
// it returns the first with such a code, or else the last one.
func (r *Reader) SearchResult() (code int, text string, ok bool) {
	s := r.parser.search
	return s.Code, s.Text, s.HasResult
}

// Search returns everything that the input says about the search that produced it.
func (r *Reader) Search() Search { return r.parser.search }
