package cs6

import (
	"fmt"
	"io"
	"iter"
	"math"
	"strings"

	"github.com/davadmin/davadmin/internal/listfile"
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

	Calendars int // how many calendars the record describes

	// These are columns of the lists that davadmin prints, "" in other lists.
	ID    string // the unique id of an account
	Side  string // cs6, cs7, both, neither or inactive
	Kind  string // user, group, resource or location
	State string // active, deleted, or missing: an entry without an account

	Disabled bool   // the record says that the calendar or the account is disabled
	File     string // ListOptions.Name
	Line     int    // on which the record begins, counted from 1
}

// ListOptions say how a list is read. The zero value suits any list.
type ListOptions struct {
	Name    string // of the file, for messages
	MaxLine int    // maximum length of a line in bytes; 0 means 64 KiB
	Tally   *Tally // counts the lines while they are read, unless nil

	// Elsewhere reports whether a record says of its user that the list is not meant to
	// contain the user; such records are counted in Tally and not yielded. It may be nil.
	Elsewhere func(ListedUser) bool
}

// Tally counts the lines of a list by kind. Lines is the sum of the counts from
// Records to Elsewhere once the list has been read to its end. In JSON, each object counts as
// a line.
type Tally struct {
	Lines         int
	Records       int // lines on which a record begins
	Continuations int // further lines of a record, valid or not
	Comments      int
	Blanks        int
	Headers       int // headings of CSV columns
	Errors        int // lines that are invalid, or begin an invalid record
	Elsewhere     int // records of which ListOptions.Elsewhere is true

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
// columns are separated by commas, semicolons or tabs. A line that could be a record or a
// heading with other columns is an error.
//
// The lists of users that davadmin prints are read in every format: plain text, tables,
// CSV, JSON and JSON lines (package listfile).
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
		l.run(r)
	}
}

// listReader reads one list.
type listReader struct {
	o     ListOptions
	tally *Tally
	yield func(ListedUser, error) bool
	done  bool // yield returned false

	line    int      // number of the current line
	counted int      // the last line that is in the tally
	content bool     // there was a line that is neither blank nor a comment
	block   *block   // the current record, which may have further lines
	columns *columns // of the current CSV
	open    string   // a record of CSV with a quoted field that continues on the next line
	opened  int      // the line on which it begins; 0 if absent
	begins  int      // the line on which the current record of CSV begins
}

// run reads to the end, or until yield returns false.
func (l *listReader) run(in io.Reader) {
	identifies := func(name string) bool {
		kind := kindOf(name)
		return kind == addressKey || kind == accountKey || kind == uidKey || name == "id"
	}
	lines := 0
	for r, err := range listfile.Read(in, listfile.Options{Name: l.o.Name, MaxLine: l.o.MaxLine, Identifies: identifies, Lines: &lines}) {
		if err == nil {
			l.count(r.Line - 1)
		}
		switch {
		case err != nil:
			// The current record is dropped, because it may be incomplete.
			l.yield(ListedUser{}, err)
			return
		case r.Fields != nil:
			l.endOpen()
			l.flush()
			l.columns = nil
			l.listed(&r)
			l.count(r.Last)
		case r.Bad != "": // a text of JSON, or of a table
			l.endOpen()
			l.flush()
			l.line, l.begins, l.counted = r.Line, r.Line, r.Line
			l.tally.Lines++
			l.fault(r.Text, r.Bad)
		default:
			l.line, l.counted = r.Line, r.Line
			l.tally.Lines++
			l.take(r.Text)
		}
		if l.done {
			return
		}
	}
	l.endOpen()
	l.flush()
	l.count(lines)
}

// count counts the lines until one that were not counted yet: headings of tables, and further
// lines of records.
func (l *listReader) count(line int) {
	if n := line - l.counted; n > 0 {
		l.tally.Lines += n
		l.tally.Continuations += n
		l.counted = line
	}
}

// take handles one line; text is its beginning if it is longer than the limit.
func (l *listReader) take(text string) {
	if l.opened == 0 {
		l.begins = l.line
	} else if l.tally.Continuations++; len(text) <= l.o.MaxLine {
		text = l.open + "\n" + text
		l.open, l.opened = "", 0
		l.parse(text, trimBlanks(text))
		return
	} else {
		l.endOpen()
	}
	trimmed := trimBlanks(text)
	switch {
	case len(text) > l.o.MaxLine: // it is cut after a few more bytes
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
	if _, ok := listfile.Separator(text); ok && l.line == 1 {
		l.tally.Headers++ // the heading shows the separator
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
	if l.elsewhere(p) {
		l.tally.Elsewhere++
		return
	}
	if l.o.Elsewhere != nil && !isSide(p.Side) {
		l.fault(p.Side, "an unknown side: expected cs6, cs7, both, neither or inactive")
		return
	}
	l.tally.Records++
	p.File, p.Line = l.o.Name, line
	if !l.done && !l.yield(p, nil) {
		l.done = true
	}
}

// elsewhere reports whether a record says that the list is not meant to contain its user.
func (l *listReader) elsewhere(p ListedUser) bool { return l.o.Elsewhere != nil && l.o.Elsewhere(p) }

// fault reports the error of the current line.
func (l *listReader) fault(text, detail string) {
	l.tally.Errors++
	l.report(&LineError{File: l.o.Name, Line: min(l.begins, l.line), Last: l.line, Text: text, Detail: detail})
}

func (l *listReader) report(e *LineError) {
	const most = 200 // bytes; the text may be as long as the limit of a line
	e.Text = strings.Clone(head(e.Text, most))
	if !l.done && !l.yield(ListedUser{}, e) {
		l.done = true
	}
}
