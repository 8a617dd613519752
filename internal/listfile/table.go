package listfile

import (
	"slices"
	"strings"
)

// table is a table as davadmin prints it: a heading, rows whose cells begin below the
// titles, indented lines "title: value" for values that have no room in their column, and
// notes about columns that are not shown.
type table struct {
	titles []string
	starts []int // the cell of the terminal where each column begins
	key    func(string) bool

	row     *Record // the current row, which may have further lines
	pending string  // the first cell, if it is on a line above its row
	above   int     // the line of pending
	wants   string  // the column whose value is on the next line; "" if none
	exact   string  // the column whose value was on the last line, and may continue
	note    *Record // the note that is being read
}

// tableOf returns the table that a line is the heading of, nil if it is not a heading: at
// least two titles that are two blanks apart, one of which identifies something.
func (l *reader) tableOf(line string) *table {
	t := &table{key: l.o.Identifies}
	if line == "" || line[0] == ' ' || strings.Contains(line, "\t") || !strings.Contains(line, "  ") {
		return nil
	}
	for at := 0; at < len(line); {
		if line[at] == ' ' {
			at++
			continue
		}
		title, _, _ := strings.Cut(line[at:], "  ")
		if _, ok := FoldKey(title); !ok {
			return nil
		}
		t.titles, t.starts = append(t.titles, title), append(t.starts, at) // titles are ASCII
		at += len(title)
	}
	if len(t.titles) < 2 || !slices.ContainsFunc(t.titles, t.identifies) {
		return nil
	}
	return t
}

func (t *table) identifies(title string) bool {
	name, _ := FoldKey(title)
	return t.key(name)
}

// tableLine handles a line of a table, and reports whether it is one.
func (l *reader) tableLine(r Record) bool {
	if t := l.tableOf(r.Text); t != nil {
		l.endForms()
		l.csv, l.held = nil, nil
		l.table = t
		return true
	}
	if l.table == nil {
		return false
	}
	l.table.take(l, r)
	return true
}

// take reads a line below the heading.
func (t *table) take(l *reader, r Record) {
	trimmed := strings.Trim(r.Text, " ")
	switch {
	case t.wants != "":
		t.value(r, trimmed)
	case t.continued(r.Text):
	case t.note != nil && strings.HasPrefix(r.Text, "  "):
		t.note.Text += " " + trimmed
	case isNote(r.Text):
		t.flush(l)
		t.note = &r
	case t.row != nil && t.field(r):
	case t.pending == "" && !t.begins(r.Text):
		// A wrapped cell of a column that identifies nothing.
	default:
		t.record(l, r)
	}
}

// begins reports whether a line has something in a column that identifies something, or in
// the first one.
func (t *table) begins(line string) bool {
	if line != "" && line[0] != ' ' {
		return true
	}
	for i := range t.titles {
		if t.identifies(t.titles[i]) && t.cell(line, i) != "" {
			return true
		}
	}
	return false
}

// record reads a row.
func (t *table) record(l *reader, r Record) {
	first, _, more := strings.Cut(strings.TrimRight(r.Text, " "), "  ")
	if !more && t.identifies(t.titles[0]) && len(t.titles) > 1 && r.Text[0] != ' ' && width(first) > t.starts[1]-2 {
		// The first column has a line of its own if it is too long.
		t.flush(l)
		t.pending, t.above, t.exact = first, r.Line, t.titles[0]
		return
	}
	if r.Text[0] != ' ' {
		t.flush(l)
	}
	pending, above := t.pending, t.above
	t.pending = ""
	t.flush(l)
	row := &Record{Table: true, Line: r.Line, Last: r.Line, Text: r.Text, Length: r.Length}
	if pending != "" {
		row.Line = above
	}
	for i, title := range t.titles {
		f := newField(title, t.cell(r.Text, i))
		if i == 0 && pending != "" {
			f.Value = pending
		}
		if t.identifies(title) && !t.aligned(r.Text, i) {
			row.Bad = "the column '" + title + "' is not below its heading"
		}
		row.Fields = append(row.Fields, f)
	}
	t.row = row
}

// cell returns the cell of a column: from where the column begins until two blanks.
func (t *table) cell(line string, i int) string {
	at := offset(line, t.starts[i])
	if at >= len(line) {
		return ""
	}
	rest := line[at:]
	if strings.HasPrefix(rest, " ") {
		return ""
	}
	cell, _, _ := strings.Cut(rest, "  ")
	return strings.TrimRight(cell, " ")
}

// aligned reports whether there are two blanks before a column.
func (t *table) aligned(line string, i int) bool {
	if t.starts[i] < 2 {
		return true
	}
	at := offset(line, t.starts[i])
	return at >= len(line) || strings.HasSuffix(line[:at], "  ")
}

// field reads a line "    title: value", and reports whether it is one.
func (t *table) field(r Record) bool {
	text, indented := strings.CutPrefix(r.Text, "    ")
	title, value, ok := strings.Cut(text, ":")
	name, isName := FoldKey(title)
	if !indented || !ok || !isName || text[0] == ' ' || value != "" && value[0] != ' ' {
		return false
	}
	value = strings.Trim(value, " ")
	if value == "(empty)" {
		value = ""
	}
	t.row.Last = r.Line
	if strings.HasSuffix(r.Text, ":") {
		t.wants = name
	}
	for i := range t.row.Fields {
		if t.row.Fields[i].Name == name {
			t.row.Fields[i].Value = value
			return true
		}
	}
	t.row.Fields = append(t.row.Fields, Field{Name: name, Title: title, Value: value})
	return true
}

// value reads the line with a value that has no room next to its title.
func (t *table) value(r Record, value string) {
	for i := range t.row.Fields {
		if f := &t.row.Fields[i]; f.Name == t.wants && f.Value == "" {
			f.Value = value
		}
	}
	t.row.Last = r.Line
	if t.exact, t.wants = t.wants, ""; strings.HasPrefix(r.Text, "   ") {
		t.exact = "" // wrapped text of a column that identifies nothing
	}
}

// continued reads a line that continues a value that was too long for a line, and reports
// whether it is one: it is indented by two blanks, and nothing was added or lost.
func (t *table) continued(line string) bool {
	name := t.exact
	if name == "" || len(line) < 3 || line[:2] != "  " || line[2] == ' ' {
		t.exact = ""
		return false
	}
	if t.pending != "" {
		t.pending += line[2:]
		return true
	}
	for i := range t.row.Fields {
		if f := &t.row.Fields[i]; f.Name == name {
			f.Value += line[2:]
		}
	}
	t.row.Last++
	return true
}

// flush yields the current row, or the note below the rows.
func (t *table) flush(l *reader) {
	if t.pending != "" {
		l.emit(Record{Line: t.above, Text: t.pending, Bad: "a row of a table that ends after its first column"})
		t.pending = ""
	}
	if row := t.row; row != nil {
		t.row = nil
		for _, f := range row.Fields {
			if t.key(f.Name) && strings.HasSuffix(f.Value, "…") {
				row.Bad = "the value of '" + f.Title + "' was shortened; list it again with --output csv"
			}
		}
		l.emit(*row)
	}
	if note := t.note; note != nil {
		t.note = nil
		note.Note, note.Fields = true, noteFields(note.Text)
		l.emit(*note)
	}
}

// Beginnings of notes. A note about all other rows is as good as one about all rows: those
// that differ have the value themselves.
const (
	noteAll   = "all rows: "
	noteOther = "all other rows: "
	noteNot   = "not shown: "
)

func isNote(line string) bool {
	return strings.HasPrefix(line, noteAll) || strings.HasPrefix(line, noteOther) || strings.HasPrefix(line, noteNot)
}

// noteFields returns the columns of a note with their values. The value of a column that is
// not shown at all is "…".
func noteFields(note string) Fields {
	var out Fields
	if rest, ok := strings.CutPrefix(note, noteNot); ok {
		rest, _, _ = strings.Cut(rest, " (")
		for title := range strings.SplitSeq(rest, ", ") {
			out = append(out, newField(title, "…"))
		}
		return out
	}
	_, rest, _ := strings.Cut(note, ": ")
	for part := range strings.SplitSeq(rest, "; ") {
		title, value, _ := strings.Cut(part, " ")
		if after, ok := strings.CutPrefix(part, "back end "); ok {
			title, value = "back end", after
		}
		out = append(out, newField(title, value))
	}
	return out
}
