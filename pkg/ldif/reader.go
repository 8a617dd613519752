package ldif

import (
	"io"
	"math"
)

// Options are the limits of a Reader, and what it may do. The zero value is
// good for files of any size.
type Options struct {
	Name string // of the file, for messages

	// MaxLine limits a line after unfolding, in bytes, and a value that a URL
	// gives. 0 means 64 MiB.
	MaxLine int

	// MaxEntry limits a record as it stands in the file, in bytes, comments
	// included. 0 means 256 MiB. A record may hold 4 Mi values.
	MaxEntry int

	// Comments delivers the comments that stand before a record and in it, without
	// a blank line in between, as Record.Comments.
	Comments bool

	// FileURLs allows values that are read from elsewhere, "name:< URL". While
	// it is off such a value is an error of its record, and nothing is opened.
	FileURLs bool

	// OpenURL returns what a URL stands for, when FileURLs is on. Without it
	// file: URLs of this host are read, regular files only, and others are an
	// error of their record.
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

// Reader reads records from LDIF text. Besides what RFC 2849 describes it
// takes what is found in real files:
//
//   - a byte-order mark; CR as a line ending besides LF and CRLF; several blank
//     lines, and lines of blanks alone, between records; no blank line and no
//     line ending at the end
//   - "version: 1" with or without a blank line behind it, missing, or repeated
//     where files have been put together
//   - "DN:" in any case; entries without attributes; empty values; tabs behind
//     the colon, and a tab as the mark of a folded line: no line begins with a
//     tab otherwise, and the libraries of the Netscape servers fold there
//   - bytes beyond ASCII that are not in base64, kept as they are
//   - '_' in names; any visible character in options
//   - what ldapsearch prints about the search between the entries and behind
//     them: see SearchResult
//   - modify records whose last "-" is missing
//
// A Reader must not be used by several goroutines at once.
type Reader struct {
	cut    cutter
	parser parser
	buf    []byte
	err    error
}

// NewReader returns a Reader of r. It reads ahead: r is not left behind the
// last record that was delivered.
func NewReader(r io.Reader, o Options) *Reader { return newReader(r, o, pieceSize) }

func newReader(r io.Reader, o Options, size int) *Reader {
	o = o.withDefaults()
	return &Reader{
		cut:    cutter{r: r, size: size, limit: o.MaxEntry},
		parser: parser{o: o, nextLine: 1},
	}
}

// Next returns the next record. It is good until the next call.
//
// A record that is broken gives a *RecordError, and the next call goes on
// behind it. Any other error is the last word, and each further call repeats
// it: io.EOF, which is returned only when the reader itself has ended and all
// that it gave was read; or the error of the reader, after all records that
// were complete before it. io.ErrUnexpectedEOF takes the place of an error that
// wraps io.EOF without being it.
//
// A last record without a line ending is delivered if it is well-formed: it may
// be what is left of a longer one, and there is no way to know.
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

// Bytes returns how much of the input has been dealt with, for progress.
func (r *Reader) Bytes() int64 { return r.parser.offset() }

// Line returns the number of the line that will be read next, from 1.
func (r *Reader) Line() int { return r.parser.nextLine }

// SearchResult returns what ldapsearch printed as the result of its search,
// once that has been read; ok tells whether there was one. A code other than 0
// means that the server did not give all entries. Of several results, one a
// page, it is the first with such a code, else the last.
func (r *Reader) SearchResult() (code int, text string, ok bool) {
	s := r.parser.search
	return s.Code, s.Text, s.Seen
}

// Search returns all that the input says about the search that it came from.
func (r *Reader) Search() Search { return r.parser.search }
