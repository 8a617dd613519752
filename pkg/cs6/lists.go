package cs6

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
)

// defaultMaxLine is far longer than a description in a property list.
const defaultMaxLine = 64 << 10

// ListedUser is one record of a user list: a user, or one calendar of a user. A list
// of calendars yields the owner once for each calendar; UserSet merges them.
type ListedUser struct {
	// Address is the mail address, "" if it is unknown. A bare word with an @ may be
	// an address or a user id with its domain: then it is in Address, and its parts
	// are in UID and Domain.
	Address string

	UID    string // "" if it is unknown
	Domain string // of the user id, else of the address, "" if it is unknown

	Calendars int    // how many calendars the record describes
	Disabled  bool   // the record says that the calendar or the account is disabled
	File      string // ListOptions.Name
	Line      int    // on which the record begins, counted from 1
}

// ListOptions say how a list is read. The zero value suits any list.
type ListOptions struct {
	Name    string // of the file, for messages
	MaxLine int    // maximum length of a line in bytes; 0 means 64 KiB
	Tally   *Tally // counts the lines while they are read, unless nil
}

// Tally counts the lines of a list by kind. Lines is the sum of the counts from
// Records to Errors once the list has been read to its end.
type Tally struct {
	Lines         int
	Records       int // lines on which a record begins
	Continuations int // further lines of a record, valid or not
	Comments      int
	Blanks        int
	Headers       int // headings of CSV columns
	Errors        int // lines that are invalid, or begin an invalid record

	// Ignored counts the properties that do not identify the user. The lines
	// themselves are counted in Continuations or Records.
	Ignored int
}

// LineError says why a line of a list, or several lines that belong together, is
// not a record. Reading continues after it.
type LineError struct {
	File   string // ListOptions.Name
	Line   int    // counted from 1
	Last   int    // the last line of the record; equal to Line for a single line
	Text   string // the line, or its beginning
	Detail string
}

func (e *LineError) Error() string {
	file := e.File
	if file != "" {
		file += ": "
	}
	if e.Last > e.Line {
		return fmt.Sprintf("%slines %d to %d: %s: %s", file, e.Line, e.Last, e.Detail, quote(e.Text))
	}
	return fmt.Sprintf("%sline %d: %s: %s", file, e.Line, e.Detail, quote(e.Text))
}

// ReadUsers reads a user list. One file may contain lines of all these forms:
//
//	user1@example.com                                   an address, or a user id with its domain
//	jdoe                                                a user id
//	jdoe@example.com:work                               a calendar id
//	jdoe@example.com:work: owner=jdoe status=enabled    a line of `cscal list`
//
// `cscal -v list` prints several lines for each calendar. Its layout is known from
// memory only, so the parser is liberal: a record is a line as above, or a line with
// the calendar id and a colon only, or a property "calid", followed by properties,
// indented or not. The user is named by "owner" or "primary owner", else by the user
// id in the calendar id. Blank lines do not end such a record. An address or a user
// id among its properties belongs to a contact, but after a blank line it begins the
// record of another user.
//
// Blocks of properties with a key "mail", "account" or "uid" are records too, and
// a blank line ends them. A property is "key: value" or "key=value"; letter case,
// blanks, hyphens and underscores in a key do not matter. Properties that do not
// identify the user are counted and ignored.
//
// CSV begins with a heading that names a column "mail", "account" or "uid". Its
// columns are separated by commas, semicolons or tabs, and each record is one line.
// A line that could be a record or a heading with other columns is an error.
//
// Blank lines and lines that begin with # are skipped. Any other line yields a
// *LineError, and the sequence continues. If such a line may have been the beginning
// of a record, the record before it ends there, so that no user gets the properties
// of another. Any other error is the last element of the sequence: the rest of the
// list could not be read, and the record before it may have been incomplete, so the
// list is not complete.
func ReadUsers(r io.Reader, o ListOptions) iter.Seq2[ListedUser, error] {
	return func(yield func(ListedUser, error) bool) {
		l := listReader{o: o, yield: yield, tally: o.Tally}
		if l.o.MaxLine <= 0 {
			l.o.MaxLine = defaultMaxLine
		}
		l.o.MaxLine = min(l.o.MaxLine, math.MaxInt-len("\r\n"))
		if l.tally == nil {
			l.tally = new(Tally)
		}
		l.run(bufio.NewReaderSize(r, 64<<10))
	}
}

// listReader reads one list.
type listReader struct {
	o     ListOptions
	tally *Tally
	yield func(ListedUser, error) bool
	done  bool // yield returned false

	line    int      // number of the current line
	content bool     // there was a line that is neither blank nor a comment
	block   *block   // the current record, which may have further lines
	columns *columns // of the current CSV
}

// run reads to the end, or until yield returns false.
func (l *listReader) run(in *bufio.Reader) {
	var buf []byte
	for !l.done {
		var length int
		var last bool
		var err error
		buf, length, last, err = readLine(in, buf[:0], l.o.MaxLine)
		if err != nil {
			l.fail(err)
			return
		}
		if length > 0 {
			l.line++
			l.tally.Lines++
			l.take(string(buf), length)
		}
		if last {
			break
		}
	}
	if !l.done {
		l.flush()
	}
}

// fail ends the sequence. The current record is dropped, because it may be
// incomplete.
func (l *listReader) fail(err error) {
	name := l.o.Name
	if name == "" {
		name = "user list"
	}
	if errors.Is(err, io.EOF) {
		// A wrapped io.EOF is a failure, and callers must not take it for the end.
		err = fmt.Errorf("%w: %s", io.ErrUnexpectedEOF, err.Error())
	}
	l.yield(ListedUser{}, fmt.Errorf("%s: reading line %d: %w", name, l.line+1, err))
}

// readLine appends a line to buf, at most limit bytes and the line ending. length
// is the length of the whole line with its ending, 0 if there is no further line.
// last reports whether the input has ended.
func readLine(in *bufio.Reader, buf []byte, limit int) (line []byte, length int, last bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		length += len(part)
		if room := limit + len("\r\n") - len(buf); room > 0 {
			buf = append(buf, part[:min(room, len(part))]...)
		}
		switch {
		case err == io.EOF: // a wrapped io.EOF is a failure
			return buf, length, true, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return buf, length, false, err
		}
	}
}

// take handles one line; text is its beginning, including any line ending, and
// length is the length of the whole line.
func (l *listReader) take(text string, length int) {
	whole := len(text) == length
	if whole {
		text = strings.TrimSuffix(text, "\n")
		text = strings.TrimSuffix(text, "\r")
	}
	if l.line == 1 {
		text = strings.TrimPrefix(text, byteOrderMark)
	}
	trimmed := trimBlanks(text)
	switch {
	case !whole || len(text) > l.o.MaxLine:
		l.fault(text, fmt.Sprintf("longer than %d bytes", l.o.MaxLine))
		l.endRecord(text, trimmed)
		return
	case trimmed == "":
		l.tally.Blanks++
		l.blank()
		return
	case trimmed[0] == '#':
		l.tally.Comments++
		return
	}
	if bad := badBytes(text); bad != "" {
		l.fault(text, "contains "+bad)
		l.endRecord(text, trimmed)
		return
	}
	l.parse(text, trimmed)
	l.content = true
}

// endRecord ends the current record at an invalid line, unless the line can only be
// part of that record.
func (l *listReader) endRecord(text, trimmed string) {
	if l.block != nil && !l.block.contains(trimmed, isIndented(text)) {
		l.flush()
	}
}

// parse tries the forms of a line one after the other. The order matters: a line
// of cscal also looks like a property, and a property like a CSV record.
func (l *listReader) parse(text, trimmed string) {
	indented := isIndented(text)
	switch {
	case l.calendarLine(trimmed, indented):
	case l.heading(text):
	case l.row(text):
	case l.property(trimmed, indented):
	default:
		l.bare(trimmed, indented)
	}
}

// bare reads a line that consists of one word and possibly a comment after it.
func (l *listReader) bare(text string, indented bool) {
	word := text
	if at := strings.IndexAny(text, blanks); at >= 0 {
		word = text[:at]
		if trimBlanks(text[at:])[0] != '#' {
			l.fault(text, "neither an address, a user id, a line of cscal nor a property")
			if !indented {
				l.flush()
			}
			return
		}
	}
	if indented && l.block != nil && l.block.props > 0 {
		// It may continue the value of the previous line, or be a user id.
		l.fault(text, fmt.Sprintf("an indented word inside the record that begins on line %d", l.block.first))
		return
	}
	p, bad := userOf(word)
	if bad != "" {
		l.fault(text, bad)
		return
	}
	l.flush()
	l.emit(p, l.line)
}

// userOf reads an address, a user id with or without domain, or a calendar id.
func userOf(word string) (p ListedUser, bad string) {
	word = directory.CutMailto(word)
	if strings.Contains(word, ":") {
		uid, domain, bad := splitCalendarID(word)
		return ListedUser{UID: uid, Domain: domain, Calendars: 1}, bad
	}
	uid, domain, bad := splitUser(word)
	if bad != "" {
		return ListedUser{}, bad
	}
	p = ListedUser{UID: uid, Domain: domain}
	if domain != "" {
		p.Address = word
	}
	return p, ""
}

// emit yields one record.
func (l *listReader) emit(p ListedUser, line int) {
	l.tally.Records++
	p.File, p.Line = l.o.Name, line
	if !l.done && !l.yield(p, nil) {
		l.done = true
	}
}

// fault reports the error of the current line.
func (l *listReader) fault(text, detail string) {
	l.tally.Errors++
	l.report(&LineError{File: l.o.Name, Line: l.line, Last: l.line, Text: text, Detail: detail})
}

func (l *listReader) report(e *LineError) {
	const most = 200 // bytes; the text may be as long as the limit of a line
	e.Text = strings.Clone(head(e.Text, most))
	if !l.done && !l.yield(ListedUser{}, e) {
		l.done = true
	}
}
