package cs6

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"
)

// defaultMaxLine is far more than a description in a property list takes.
const defaultMaxLine = 64 << 10

// Person is one record of a list: a person, or one calendar of a person. A list
// of calendars yields its owner once for each; PeopleSet puts them together.
type Person struct {
	// Address is the mail address, "" when it is not known. A bare word with an @
	// may be an address or a user id with its domain: then it is in Address, and
	// its parts are in UID and Domain.
	Address string

	UID    string // "" when it is not known
	Domain string // of the user id, else of the address, "" when it is not known

	Calendars int    // how many calendars the record tells of
	Disabled  bool   // the record says so, of the calendar or of the account
	File      string // PeopleOptions.Name
	Line      int    // on which the record begins, counted from 1
}

// PeopleOptions say how a list is read. The zero value is good for any list.
type PeopleOptions struct {
	Name    string // of the file, for messages
	MaxLine int    // limits a line, in bytes; 0 means 64 KiB
	Tally   *Tally // counts the lines while they are read, unless nil
}

// Tally accounts for each line of a list. Lines is the sum of the counts from
// People to Errors once the list has been read to its end.
type Tally struct {
	Lines         int
	People        int // lines on which a record begins
	Continuations int // further lines of a record, or of one that is an error
	Comments      int
	Blanks        int
	Headers       int // headings of CSV columns
	Errors        int // lines that are an error, or begin a record that is one

	// Ignored counts the properties of records that say nothing about who it is.
	// The same lines are in Continuations, or in People.
	Ignored int
}

// LineError says why a line of a list, or several that belong together, is no
// person. Reading goes on behind it.
type LineError struct {
	File   string // PeopleOptions.Name
	Line   int    // counted from 1
	Last   int    // the last line of the record; equal to Line for a single one
	Text   string // of the line, or its beginning
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

// ReadPeople reads a list of people. Lines of all these forms may stand in one
// file:
//
//	user1@example.com                                   an address, or a user id with its domain
//	jdoe                                                a user id
//	jdoe@example.com:work                               a calendar id
//	jdoe@example.com:work: owner=jdoe status=enabled    a line of `cscal list`
//
// `cscal -v list` gives each calendar several lines. Its layout is known from
// memory only, so what is taken is liberal: a line as above, or one with the
// calendar id and a colon alone, or a property "calid", and behind it
// properties, indented or not. "owner" or "primary owner" names the person, else
// the user id in the calendar id does. Blank lines do not end such a record. An
// address or a user id among its properties is that of a contact, but behind a
// blank line it begins the record of another person.
//
// Blocks of properties with a key "mail", "account" or "uid" are people too, and
// there a blank line does end a record. A property is "key: value" or
// "key=value"; letter case, blanks, hyphens and underscores of a key do not
// matter. Properties that say nothing about who it is are counted and ignored.
//
// CSV begins with a heading that names a column "mail", "account" or "uid", has
// commas, semicolons or tabs between the columns, and one record a line. A line
// that reads as a record and as the heading of other columns is an error.
//
// Blank lines and those that begin with # pass. What fits none of this yields a
// *LineError, and the sequence goes on. Where such a line may have been the
// beginning of a record, the one in front of it ends there, so that nobody gets
// the properties of somebody else. An error that is no *LineError is the last of
// the sequence: the rest of the list could not be read, and the record in front
// of it may not have been whole either, so the list is not complete.
func ReadPeople(r io.Reader, o PeopleOptions) iter.Seq2[Person, error] {
	return func(yield func(Person, error) bool) {
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
	o     PeopleOptions
	tally *Tally
	yield func(Person, error) bool
	done  bool // yield wants no more

	line    int      // number of the line in hand
	content bool     // a line that is neither blank nor a comment was there
	block   *block   // the record that may have further lines
	columns *columns // of the CSV in hand
}

// run reads to the end, or until yield wants no more.
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

// fail ends the sequence. The record in hand goes with it: nobody knows whether
// it was whole.
func (l *listReader) fail(err error) {
	name := l.o.Name
	if name == "" {
		name = "list of people"
	}
	if errors.Is(err, io.EOF) {
		// An error that claims to be the end of the file is not one to rely on.
		err = fmt.Errorf("%w: %s", io.ErrUnexpectedEOF, err.Error())
	}
	l.yield(Person{}, fmt.Errorf("%s: reading line %d: %w", name, l.line+1, err))
}

// readLine appends a line to buf, at most limit bytes and the line ending. length
// is that of all the line with its ending, 0 when there is no further line. last
// tells that the input has ended.
func readLine(in *bufio.Reader, buf []byte, limit int) (line []byte, length int, last bool, err error) {
	for {
		part, err := in.ReadSlice('\n')
		length += len(part)
		if room := limit + len("\r\n") - len(buf); room > 0 {
			buf = append(buf, part[:min(room, len(part))]...)
		}
		switch {
		case err == io.EOF: // one that is wrapped is a failure
			return buf, length, true, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return buf, length, false, err
		}
	}
}

// take reads one line, of which text is the beginning and length the length in
// the file. Its ending is there still.
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
		l.leave(text, trimmed)
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
		l.fault(text, "holds "+bad)
		l.leave(text, trimmed)
		return
	}
	l.parse(text, trimmed)
	l.content = true
}

// leave ends the record in hand at a line that was an error, unless the line can
// only be a part of it.
func (l *listReader) leave(text, trimmed string) {
	if l.block != nil && !l.block.holds(trimmed, isIndented(text)) {
		l.flush()
	}
}

// parse tries the forms of a line one after the other. The order matters: a line
// of cscal would pass for a property, and a property for a CSV record.
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

// bare reads a line that is one word, perhaps with a comment behind it.
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
		// It may go on with the value of the line before, or be a user id.
		l.fault(text, fmt.Sprintf("an indented word within the record that begins on line %d", l.block.first))
		return
	}
	p, bad := personOf(word)
	if bad != "" {
		l.fault(text, bad)
		return
	}
	l.flush()
	l.person(p, l.line)
}

// personOf reads an address, a user id with or without domain, or a calendar id.
func personOf(word string) (p Person, bad string) {
	word = cutMailto(word)
	if strings.Contains(word, ":") {
		uid, domain, bad := splitCalendarID(word)
		return Person{UID: uid, Domain: domain, Calendars: 1}, bad
	}
	uid, domain, bad := splitUser(word)
	if bad != "" {
		return Person{}, bad
	}
	p = Person{UID: uid, Domain: domain}
	if domain != "" {
		p.Address = word
	}
	return p, ""
}

// person hands out one record.
func (l *listReader) person(p Person, line int) {
	l.tally.People++
	p.File, p.Line = l.o.Name, line
	if !l.done && !l.yield(p, nil) {
		l.done = true
	}
}

// fault hands out the error of the line in hand.
func (l *listReader) fault(text, detail string) {
	l.tally.Errors++
	l.report(&LineError{File: l.o.Name, Line: l.line, Last: l.line, Text: text, Detail: detail})
}

func (l *listReader) report(e *LineError) {
	const most = 200 // the text of a line may be as long as the limit
	e.Text = strings.Clone(head(e.Text, most))
	if !l.done && !l.yield(Person{}, e) {
		l.done = true
	}
}
