package ui

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Column describes a column of a table.
type Column struct {
	Title string

	// Key marks what identifies a record, such as an address, an id, a DN or the
	// name of a rule. A key is never cut or dropped.
	Key bool

	// Essential marks text without which the rest means little. It may be wrapped, but is
	// never dropped: a table too narrow for it is written as blocks.
	Essential bool

	// Number aligns the cells right. A number is never cut or wrapped.
	Number bool

	// Clip cuts long text with "…" where other text is wrapped.
	Clip bool

	// Optional marks a column that is dropped rather than wrapped.
	Optional bool

	// Priority decides which columns give way first when a table is too wide: the
	// lowest, and of equals the rightmost.
	Priority int
}

const (
	gap        = 2   // spaces between columns
	moreIndent = 4   // indent of lines that continue a row
	sampleRows = 200 // rows from which a streamed table settles its widths
)

// TableWriter writes a table that fits the width of the terminal, in constant
// memory. It buffers the first rows to choose a layout, then writes each row at
// once. Cells are sanitised; no line is wider than the width.
//
// Columns without any value are not shown. If a table is too wide, the writer makes
// room in this order: it wraps titles; it moves columns with the same value in every
// row to a note; it drops optional columns; it wraps or clips text columns; it drops
// columns that are neither keys nor essential; it writes each record as a block of "title: value" lines. A note names
// the columns that it dropped. A later row that does not fit the layout continues on
// indented lines, so that keys, numbers and values that differ from a note are always
// complete.
type TableWriter struct {
	w       io.Writer
	width   int
	columns []Column
	sample  [][]string // rows not written yet; nil once the layout is settled
	limit   int        // rows to buffer before the layout is settled
	layout  *layout
	cells   []string // one row, reused
	buf     bytes.Buffer
	rows    int
	err     error
}

// NewTableWriter returns a writer of a table that is width cells wide (80 if width
// is 0). Close must be called at the end.
func NewTableWriter(w io.Writer, width int, columns []Column) *TableWriter {
	t := &TableWriter{w: w, width: widthOr80(width), limit: sampleRows}
	for _, c := range columns {
		c.Title = tableCell(c.Title)
		t.columns = append(t.columns, c)
	}
	return t
}

// Write adds a row. Missing cells are empty. The writer does not keep the slice.
// The first error is returned by every later call.
func (t *TableWriter) Write(row []string) error {
	if t.err != nil {
		return t.err
	}
	if len(row) > len(t.columns) {
		t.err = fmt.Errorf("a row has %d cells, the table %d columns", len(row), len(t.columns))
		return t.err
	}
	if t.layout != nil {
		t.cells = tableCells(t.cells[:0], row, len(t.columns))
		t.writeRow(t.cells)
		return t.err
	}
	t.sample = append(t.sample, tableCells(nil, row, len(t.columns)))
	if len(t.sample) >= t.limit {
		t.settle(true)
	}
	return t.err
}

// Flush writes the rows that are buffered, and thereby settles the layout. Call it
// when the next row may take long to come.
func (t *TableWriter) Flush() error {
	if len(t.sample) > 0 {
		t.settle(true)
	}
	return t.err
}

// Close writes what is left, and the notes below the table.
func (t *TableWriter) Close() error {
	if t.err != nil {
		return t.err
	}
	if t.layout == nil {
		t.settle(false)
	}
	t.buf.Reset()
	if !t.layout.block {
		for _, note := range t.layout.notes(t.columns) {
			t.writeIndented(note, 0, 2)
		}
	}
	t.send()
	return t.err
}

// settle chooses the layout and writes the header and the buffered rows. With more,
// other rows can follow.
func (t *TableWriter) settle(more bool) {
	sample := t.sample
	t.sample = nil
	t.layout = newLayout(t.columns, sample, t.width, more)
	if t.layout.block && len(sample) > 0 {
		t.writeRows(sample)
		return
	}
	t.buf.Reset()
	t.writeHeader()
	t.send()
	t.writeRows(sample)
}

func (t *TableWriter) writeRows(rows [][]string) {
	for _, row := range rows {
		t.writeRow(row)
	}
}

func (t *TableWriter) writeRow(cells []string) {
	if t.err != nil {
		return
	}
	t.rows++
	t.buf.Reset()
	if t.layout.block {
		t.block(cells)
	} else {
		t.tabular(cells)
	}
	t.send()
}

func (t *TableWriter) send() {
	if t.err == nil && t.buf.Len() > 0 {
		_, t.err = t.w.Write(t.buf.Bytes())
	}
}

// writeHeader writes the titles so that the last line of each is next to its cells.
func (t *TableWriter) writeHeader() {
	if t.layout.block { // a table without rows that is too narrow for its titles
		var titles []string
		for _, c := range t.columns {
			titles = append(titles, c.Title)
		}
		t.writeIndented(strings.Join(titles, "  "), 0, 0)
		return
	}
	parts := make([][]string, len(t.layout.shown))
	height := 0
	for i, p := range t.layout.shown {
		parts[i] = breakText(t.columns[p.column].Title, p.size)
		height = max(height, len(parts[i]))
	}
	for i, lines := range parts {
		parts[i] = append(make([]string, height-len(lines)), lines...)
	}
	t.writeLines(parts)
}

// tabular writes a record as a row of the table.
func (t *TableWriter) tabular(cells []string) {
	l := t.layout
	parts := make([][]string, len(l.shown))
	var below []int // columns that continue below the row
	filled := false
	for i, p := range l.shown {
		c, cell := t.columns[p.column], cells[p.column]
		switch {
		case Width(cell) <= p.size:
			parts[i] = []string{cell}
		case c.Key && i == 0:
			// The key gets a line of its own above the other cells.
			t.writeExact(cell)
			parts[i] = []string{""}
		case c.Key || c.Number:
			parts[i] = []string{"…"}
			below = append(below, p.column)
		case p.wrapped:
			parts[i] = breakText(cell, p.size)
		default:
			parts[i] = []string{clipCells(cell, p.size)}
		}
		filled = filled || parts[i][0] != ""
	}
	if filled || t.buf.Len() == 0 {
		t.writeLines(parts)
	}
	for _, column := range below {
		t.field(moreIndent, column, cells[column])
	}
	for i := range l.hidden {
		h := &l.hidden[i]
		if h.noted && cells[h.column] != h.value {
			h.differs = h.value != "" // without a value there is no note
			shown := cells[h.column]
			if shown == "" {
				shown = "(empty)"
			}
			t.field(moreIndent, h.column, shown)
		}
	}
}

// writeLines writes cells that have one line or more next to each other. The last
// cell of a line is not padded.
func (t *TableWriter) writeLines(parts [][]string) {
	height := 0
	for _, lines := range parts {
		height = max(height, len(lines))
	}
	for n := range height {
		pending := 0 // spaces that are due when another cell follows
		for i, p := range t.layout.shown {
			cell := ""
			if n < len(parts[i]) {
				cell = parts[i][n]
			}
			if !t.columns[p.column].Key {
				cell = strings.TrimRight(cell, " ")
			}
			pad := max(0, p.size-Width(cell))
			if t.columns[p.column].Number {
				pending, pad = pending+pad, 0
			}
			if cell != "" {
				writeSpaces(&t.buf, pending)
				t.buf.WriteString(cell)
				pending = 0
			}
			pending += pad + gap
		}
		t.buf.WriteByte('\n')
	}
}

func writeSpaces(b *bytes.Buffer, n int) {
	for range n {
		b.WriteByte(' ')
	}
}

// block writes a record as lines "title: value". Empty values are omitted, except
// for keys.
func (t *TableWriter) block(cells []string) {
	if t.rows > 1 {
		t.buf.WriteByte('\n')
	}
	for i, cell := range cells {
		if cell != "" || t.columns[i].Key {
			t.field(0, i, cell)
		}
	}
}

// field writes "title: value". A key or a number that does not fit on the line
// follows on lines of its own.
func (t *TableWriter) field(indent, column int, value string) {
	c := t.columns[column]
	if t.width < 4*moreIndent {
		indent = 0
	}
	line := strings.TrimRight(c.Title+": ", " ")
	if value != "" {
		line = c.Title + ": " + value
	}
	if (c.Key || c.Number) && indent+Width(line) > t.width {
		t.writeIndented(c.Title+":", indent, indent)
		t.writeExact(value)
		return
	}
	if (c.Key || c.Number) && value != "" {
		writeSpaces(&t.buf, indent)
		t.buf.WriteString(line + "\n")
		return
	}
	t.writeIndented(line, indent, indent+2)
}

// writeExact writes text on one line or more without adding or losing a character:
// lines after the first are indented by two spaces.
func (t *TableWriter) writeExact(s string) {
	indent := ""
	if t.width > 2 {
		indent = "  "
	}
	if Width(s) <= t.width {
		t.buf.WriteString(s + "\n")
		return
	}
	for i, piece := range breakWord(s, t.width-len(indent)) {
		if i > 0 {
			t.buf.WriteString(indent)
		}
		t.buf.WriteString(piece + "\n")
	}
}

// writeIndented writes text on lines that fit: the first after indent spaces, the
// others after hang spaces, which are not fewer.
func (t *TableWriter) writeIndented(s string, indent, hang int) {
	if t.width < 4*moreIndent {
		indent, hang = 0, 0
	}
	for i, line := range breakLines(s, t.width-indent, t.width-hang) {
		if i > 0 {
			indent = hang
		}
		writeSpaces(&t.buf, indent)
		t.buf.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// tableCells appends the cells of a row to dst, n in all, ready to be printed.
func tableCells(dst, row []string, n int) []string {
	for i := range n {
		cell := ""
		if i < len(row) {
			cell = tableCell(row[i])
		}
		dst = append(dst, cell)
	}
	return dst
}

// tableCell returns a cell sanitised. A combining mark at its beginning is shown as
// an escape, because it would join the space before the cell.
func tableCell(s string) string {
	s = Sanitize(s)
	if !leadingMark(s) {
		return s
	}
	r, n := utf8.DecodeRuneInString(s)
	return fmt.Sprintf(`\u%04x`, r) + s[n:]
}

// WriteColumns writes a table with all its rows, which together determine the
// layout. A long listing uses a TableWriter instead.
func WriteColumns(w io.Writer, width int, columns []Column, rows [][]string) error {
	t := NewTableWriter(w, width, columns)
	t.limit = len(rows) + 1
	for _, row := range rows {
		if err := t.Write(row); err != nil {
			return err
		}
	}
	return t.Close()
}
