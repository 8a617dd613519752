package listfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"
	"strings"
)

// Record is a record of a list, or a line of text.
type Record struct {
	Line int // on which it begins, counted from 1
	Last int // the last line; equal to Line for most forms

	// Fields are the named values. nil means that the record is a line of text.
	Fields Fields

	Text   string // the line without its ending, or its beginning if it is too long
	Length int    // of the whole line with its ending

	// Table is set for a row of a table, whose cells are whole only in columns that identify
	// something.
	Table bool
	// Note is set for the lines below a table that say what all its rows have in common:
	// Fields are these values, and not a record.
	Note bool
	// Bad says why the record is invalid; "" if it is valid.
	Bad string
}

// Field is a named value of a record.
type Field struct {
	Name  string // as FoldKey returns it
	Title string // as it is written; "" for a column without a heading
	Value string
}

func newField(title, value string) Field {
	name, _ := FoldKey(title)
	return Field{Name: name, Title: title, Value: value}
}

// Fields are the named values of a record, in the order of the list.
type Fields []Field

// Get returns the first value with a name, and "" if absent.
func (f Fields) Get(name string) string {
	for i := range f {
		if f[i].Name == name {
			return f[i].Value
		}
	}
	return ""
}

// hasTitle reports whether there is a field with that title.
func (f Fields) hasTitle(title string) bool {
	return slices.ContainsFunc(f, func(x Field) bool { return x.Title == title })
}

// Has reports whether there is a field with that name.
func (f Fields) Has(name string) bool {
	for i := range f {
		if f[i].Name == name {
			return true
		}
	}
	return false
}

// Differ reports whether several fields have that name, and different values.
func (f Fields) Differ(name string) bool {
	return slices.ContainsFunc(f, func(x Field) bool { return x.Name == name && x.Value != f.Get(name) })
}

// Options say how a list is read.
type Options struct {
	Name    string // of the file, for messages
	MaxLine int    // maximum length of a line of text in bytes; 0 means 64 KiB
	MaxSize int64  // maximum size of the input in bytes; 0 means no limit

	// Identifies reports whether a column with that name, as FoldKey returns it, identifies
	// what the list is about. A heading names such a column.
	Identifies func(name string) bool
	// Forms says that CSV and blocks of lines 'name: value' are read as records too.
	// Otherwise their lines are lines of text.
	Forms bool
	// Lines is set to the number of lines when the list ends, unless it is nil.
	Lines *int
	// Single says that a heading of CSV may consist of one name.
	Single bool
}

// defaultMaxLine is far longer than a description in a list.
const defaultMaxLine = 64 << 10

// Error is returned if a list cannot be read to its end.
type Error struct {
	Name string // Options.Name
	Line int    // 0 for the whole file
	Err  error  // *EncodingError, *IncompleteError, *SizeError, or the error of the input
	// Reading is set for an error of the input.
	Reading bool
}

// Error says where reading ended, and why.
func (e *Error) Error() string {
	switch {
	case e.Reading:
		return fmt.Sprintf("%s: reading line %d: %v", e.Name, e.Line, e.Err)
	case e.Line == 0:
		return fmt.Sprintf("%s: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("%s: line %d: %v", e.Name, e.Line, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// IncompleteError is returned for a list that is not the whole list.
type IncompleteError struct {
	Detail string
}

// Error says how it is known.
func (e *IncompleteError) Error() string { return e.Detail }

// Read yields the records of a list. A *Error is the last element of the sequence: the rest
// could not be read, so the list is not complete. A record that is invalid has the reason in
// Bad, and the sequence continues.
func Read(r io.Reader, o Options) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if o.MaxLine <= 0 {
			o.MaxLine = defaultMaxLine
		}
		o.MaxLine = min(o.MaxLine, math.MaxInt-len("\r\n"))
		if o.Identifies == nil {
			o.Identifies = func(string) bool { return false }
		}
		if o.MaxSize > 0 {
			r = &limited{r: r, left: o.MaxSize, limit: o.MaxSize}
		}
		l := &reader{o: o, yield: yield}
		l.run(bufio.NewReaderSize(r, 64<<10))
	}
}

// reader reads one list.
type reader struct {
	o     Options
	yield func(Record, error) bool
	done  bool // yield returned false, or reading failed

	line    int      // number of the current line
	content bool     // there was a line that is neither blank nor a comment
	lines   int      // such lines of CSV, blocks and text so far
	held    []Record // lines that may be the upper part of a heading
	table   *table
	csv     *sheet
	block   *Record // the current block of lines 'name: value'
	blocks  bool    // the list consists of blocks
	exact   bool    // the last value of the block began on a line of its own
}

// fail ends the sequence with an error.
func (l *reader) fail(line int, err error) {
	if l.done {
		return
	}
	l.done = true
	var bad *EncodingError
	var size *SizeError
	e := &Error{Name: l.o.Name, Line: line, Err: err, Reading: true}
	if e.Name == "" {
		e.Name = "user list"
	}
	switch {
	case errors.As(err, &bad), errors.As(err, &size):
		e.Line, e.Reading = 0, false
	case errors.Is(err, io.EOF):
		// A wrapped io.EOF is a failure, and callers must not take it for the end.
		e.Err = fmt.Errorf("%w: %s", io.ErrUnexpectedEOF, err.Error())
	case isFormat(err):
		e.Reading = false
	}
	l.yield(Record{}, e)
}

// formatError is what is wrong with the text of a list.
type formatError string

func (e formatError) Error() string { return string(e) }

func isFormat(err error) bool {
	var incomplete *IncompleteError
	var format formatError
	return errors.As(err, &incomplete) || errors.As(err, &format)
}

// emit yields a record.
func (l *reader) emit(r Record) {
	if r.Last < r.Line {
		r.Last = r.Line
	}
	if title := l.ambiguous(r.Fields); title != "" && r.Bad == "" && !r.Note {
		r.Bad = "'" + title + "' is in it twice, with different values"
	}
	if !l.done && !l.yield(r, nil) {
		l.done = true
	}
}

// ambiguous returns the title of a value that identifies something, if there is another value
// with that name, and "" if absent.
func (l *reader) ambiguous(fields Fields) string {
	for i, f := range fields {
		if f.Value != "" && l.o.Identifies(f.Name) && slices.ContainsFunc(fields[:i], func(x Field) bool {
			return x.Name == f.Name && x.Value != "" && !strings.EqualFold(x.Value, f.Value)
		}) {
			return f.Title
		}
	}
	return ""
}

// run reads to the end, or until yield returns false.
func (l *reader) run(in *bufio.Reader) {
	head, _ := in.Peek(4) // an error is returned again by the next read
	if kind := Encoding(head); kind != "" {
		l.fail(0, &EncodingError{Kind: kind})
		return
	}
	if strings.HasPrefix(string(head), ByteOrderMark) {
		_, _ = in.Discard(len(ByteOrderMark))
	}
	if isJSON(in) {
		l.readJSON(in, 0)
		return
	}
	var buf []byte
	for !l.done {
		var length int
		var last bool
		var err error
		buf, length, last, err = readLine(in, buf[:0], l.o.MaxLine)
		if err != nil {
			l.fail(l.line+1, err)
			return
		}
		if length > 0 {
			l.line++
			l.take(Record{Line: l.line, Text: string(buf), Length: length})
		}
		if last {
			break
		}
	}
	l.end()
	if l.o.Lines != nil {
		*l.o.Lines = l.line
	}
}

// isJSON reports whether the text begins like JSON.
func isJSON(in *bufio.Reader) bool {
	const most = 1024 // bytes of white space before it
	first := byte(0)
	for n := 1; n < most; n++ {
		b, _ := in.Peek(n)
		if len(b) < n {
			return first == '['
		}
		c := b[n-1]
		switch {
		case strings.IndexByte(" \t\r\n", c) >= 0:
		case first == '[':
			return strings.IndexByte(`{"]`, c) >= 0
		case c == '{':
			return true
		case c == '[':
			first = c
		default:
			return false
		}
	}
	return false
}

// end handles what the end of the list ends.
func (l *reader) end() {
	l.release()
	l.endForms()
}

// endForms ends the record of a table, a CSV or a block that may have further lines.
func (l *reader) endForms() {
	if l.table != nil {
		l.table.flush(l)
	}
	if l.csv != nil {
		l.csv.flush(l)
	}
	l.endBlock()
}

// release yields the lines that turned out not to be the upper part of a heading.
func (l *reader) release() {
	held := l.held
	l.held = nil
	for _, r := range held {
		l.text(r)
	}
}

// text yields a line of text.
func (l *reader) text(r Record) {
	if (!l.o.Forms && !l.blocks) || !l.formed(r) {
		l.emit(r)
	}
	if trimmed := strings.Trim(r.Text, blanks); trimmed != "" && trimmed[0] != '#' && (l.csv == nil || l.csv.titles != nil) {
		l.lines++
	}
}

// take handles one line.
func (l *reader) take(r Record) {
	whole := len(r.Text) == r.Length
	if whole {
		r.Text = cutEnding(r.Text)
	}
	trimmed := strings.Trim(r.Text, blanks)
	if !whole || len(r.Text) > l.o.MaxLine {
		l.release()
		l.endForms()
		l.table, l.csv = nil, nil
		l.emit(r)
		return
	}
	switch {
	case l.csv != nil && l.csv.open != nil:
		l.text(r)
		return
	case trimmed == "":
		if l.table != nil {
			l.table.flush(l)
			l.table = nil
		}
	case trimmed[0] == '#':
	case l.tableLine(r):
		l.content = true
		return
	case l.holdsBlock(r):
		return
	case !l.content && len(l.held) < maxHeld && strings.HasPrefix(r.Text, "  "):
		l.held = append(l.held, r)
		return
	case l.listingLine(r):
		l.content = true
		return
	}
	l.release()
	l.content = l.content || trimmed != "" && trimmed[0] != '#'
	l.text(r)
}

// maxHeld is the maximum number of lines of a heading above its last line, and maxHeldValue
// that of the lines of an address, on a narrow terminal, before the next title.
const (
	maxHeld      = 4
	maxHeldValue = 40
)
