package listfile

import (
	"fmt"
	"slices"
	"strings"
)

// sheet is a CSV whose heading was read.
type sheet struct {
	titles  []string
	heading string // the line with the titles; "" if there was none yet
	sep     byte
	open    *Record // a record with a quoted field that continues on the next line
}

// formed handles a line of CSV or of a block, and reports whether it is one.
func (l *reader) formed(r Record) bool {
	trimmed := strings.Trim(r.Text, blanks)
	if l.csv != nil && l.csv.open != nil {
		l.csv.row(l, r)
		return true
	}
	switch {
	case trimmed == "":
		l.endBlock()
		return false
	case trimmed[0] == '#':
		return false
	case l.blocks && l.blockLine(r):
		return true
	case l.csv == nil && l.line == 1 && l.separator(r.Text):
		return true
	}
	if sheet := l.sheetOf(r.Text); sheet != nil {
		l.endForms()
		l.csv = sheet
		return true
	}
	if l.csv != nil && l.csv.heading != "" {
		l.csv.row(l, r)
		return true
	}
	return l.beginsBlock(r)
}

// separator reads the line with which Excel declares the separator.
func (l *reader) separator(line string) bool {
	sep, ok := Separator(line)
	if ok {
		l.csv, l.content = &sheet{sep: sep}, false
	}
	return ok
}

// sheetOf returns the CSV that a line is the heading of, nil if it is not a heading: the first
// line may be one, and later only the same line again, as in files that were put together.
func (l *reader) sheetOf(line string) *sheet {
	seps := ",;\t"
	switch {
	case l.csv != nil && l.csv.heading != "":
		if line != l.csv.heading {
			return nil
		}
		return &sheet{titles: l.csv.titles, sep: l.csv.sep, heading: line}
	case l.lines > 0:
		return nil
	case l.csv != nil:
		seps = string(l.csv.sep)
	}
	for _, sep := range []byte(seps) {
		titles, bad := SplitCSV(line, sep)
		if bad != "" || len(titles) < 2 && !l.o.Single {
			continue
		}
		known := false
		for i, title := range titles {
			titles[i] = Cell(title)
			name, ok := FoldKey(titles[i])
			if !ok && titles[i] != "" {
				known = false
				break
			}
			known = known || l.o.Identifies(name)
		}
		if known {
			return &sheet{titles: titles, sep: sep, heading: line}
		}
	}
	return nil
}

// row reads a record of CSV, or a further line of one.
func (c *sheet) row(l *reader, r Record) {
	if c.open != nil {
		r.Line, r.Text, r.Length = c.open.Line, c.open.Text+"\n"+r.Text, c.open.Length+r.Length
		c.open = nil
	}
	r.Last = l.line
	if IsOpen(r.Text, c.sep) {
		if len(r.Text) <= l.o.MaxLine {
			c.open = &r
			return
		}
		r.Bad = fmt.Sprintf("a record of more than %d bytes", l.o.MaxLine)
	}
	cells, bad := SplitCSV(r.Text, c.sep)
	switch {
	case r.Bad != "":
	case bad != "":
		r.Bad = bad
	case c.hidesRecord(l, r.Text):
		r.Bad = HiddenRecord
	case len(cells) > len(c.titles) && strings.Trim(strings.Join(cells[len(c.titles):], ""), blanks) != "":
		r.Bad = fmt.Sprintf("it has %d values, but the heading %d", len(cells), len(c.titles))
	}
	r.Fields = Fields{}
	for i, title := range c.titles {
		if i < len(cells) {
			r.Fields = append(r.Fields, newField(title, Cell(cells[i])))
		}
	}
	if r.Bad == "" && strings.Trim(strings.Join(cells, ""), blanks) == "" {
		return // Excel writes rows without values as separators only
	}
	l.emit(r)
}

// hidesRecord reports whether a quoted field of a record contains a line that could itself be
// a record, with an address.
func (c *sheet) hidesRecord(l *reader, text string) bool {
	_, more, found := strings.Cut(text, "\n")
	for line := range strings.SplitSeq(more, "\n") {
		cells, bad := SplitCSV(line, c.sep)
		if !found || bad != "" || len(cells) < 2 {
			continue
		}
		for i, title := range c.titles[:min(len(c.titles), len(cells))] {
			name, _ := FoldKey(title)
			if cell := Cell(cells[i]); l.o.Identifies(name) && strings.Contains(cell, "@") && !strings.ContainsAny(cell, " \"") {
				return true
			}
		}
	}
	return false
}

// flush yields the record whose last field did not end.
func (c *sheet) flush(l *reader) {
	if r := c.open; r != nil {
		c.open = nil
		r.Last, r.Bad, r.Fields = l.line, unterminated, Fields{}
		l.emit(*r)
	}
}

// beginsBlock reads the first line 'name: value' of a list of blocks, and reports whether it
// is one. Only the first line of a list decides whether it is one of blocks.
func (l *reader) beginsBlock(r Record) bool {
	if l.lines > 0 {
		return false
	}
	title, ok := blockTitle(r.Text)
	name, _ := FoldKey(title)
	l.blocks = ok && (l.o.Identifies(name) || name == "side" || name == "name")
	return l.blocks && l.blockLine(r)
}

// holdsBlock holds the first lines of a list that may consist of blocks as davadmin prints
// them, also where no other blocks are expected, and reports whether it did. They begin with
// the account or the side, and the id, the kind or the name is next.
func (l *reader) holdsBlock(r Record) bool {
	title, isTitle := blockTitle(r.Text)
	switch held := len(l.held); {
	case l.content || l.blocks:
		return false
	case held == 0 && isTitle && (title == "account" || title == "side"):
	case held > 0 && l.held[0].Text[0] == ' ':
		return false // of a table
	case held > 0 && held < maxHeldValue && !isTitle && strings.HasSuffix(l.held[0].Text, ":"): // the value
	case held > 0 && isTitle && (title == "id" || title == "kind" || title == "name"):
		l.blocks = true
		for _, line := range append(l.held, r) {
			l.blockLine(line)
		}
		l.held, l.content = nil, true
		return true
	default:
		return false
	}
	l.held = append(l.held, r)
	return true
}

// blockTitle returns the title of a line 'title: value'; ok reports whether it is one.
func blockTitle(line string) (title string, ok bool) {
	title, value, ok := strings.Cut(line, ":")
	_, isName := FoldKey(title)
	return title, ok && isName && line[0] != ' ' && line[0] != '\t' && (value == "" || value[0] == ' ')
}

// blockLine reads a line of a block, and reports whether it is one. A value that is too long
// for its line is on the next ones: one that identifies something completely, others wrapped.
func (l *reader) blockLine(r Record) bool {
	b := l.block
	title, ok := blockTitle(r.Text)
	if ok && b != nil && title == b.Fields[0].Title {
		l.endBlock() // another record, without a blank line before it
		b = nil
	}
	switch {
	case ok && b == nil:
		l.block = &r
		b = l.block
		b.Fields = Fields{}
	case ok && b.Fields.hasTitle(title):
		b.Bad = "'" + title + "' is in it twice"
	case ok:
	case b == nil:
		return false
	default:
		b.Last = r.Line
		l.blockValue(&b.Fields[len(b.Fields)-1], r.Text)
		return true
	}
	b.Last = r.Line
	l.exact = false
	b.Fields = append(b.Fields, newField(title, strings.Trim(r.Text[len(title)+1:], blanks)))
	return true
}

// blockValue reads a line that continues the last value of a block.
func (l *reader) blockValue(f *Field, line string) {
	rest, indented := strings.CutPrefix(line, "  ")
	switch {
	case !indented && f.Value == "" && l.o.Identifies(f.Name):
		f.Value, l.exact = line, true
	case indented && l.exact:
		f.Value += rest
	case !indented && (l.o.Identifies(f.Name) || f.Value != ""): // it may be another record
		l.block.Bad = "the line '" + line + "' has no name; list it again with --output csv"
	default:
		f.Value += "…"
	}
}

// endBlock yields the current block.
func (l *reader) endBlock() {
	if b := l.block; b != nil {
		l.block = nil
		for _, f := range b.Fields {
			if l.o.Identifies(f.Name) && strings.HasSuffix(f.Value, "…") {
				b.Bad = "the value of '" + f.Title + "' was shortened; list it again with --output csv"
			}
		}
		l.emit(*b)
	}
}

// listingLine reads a line of a listing as plain text, whose cells are separated by tabs and
// have no heading, and reports whether it is one.
func (l *reader) listingLine(r Record) bool {
	if l.csv != nil || l.block != nil {
		return false
	}
	cells := strings.Split(r.Text, "\t")
	var titles []string
	switch {
	case len(cells) >= 6 && isSide(cells[0]) && isKind(cells[1]):
		titles = []string{"side", "kind", "mail", "uid", "calendars", "dn"}
	case len(cells) >= 5 && isKind(cells[2]) && isState(cells[4]):
		titles = []string{"account", "id", "kind", "back end", "state"}
	case len(cells) == 6 && strings.Contains(cells[0], "@") && isState(cells[5]):
		titles = []string{"account", "name", "type", "display name", "acl", "state"}
	default:
		return false
	}
	l.release()
	for i, title := range titles {
		r.Fields = append(r.Fields, newField(title, cells[i]))
	}
	l.emit(r)
	return true
}

func isSide(s string) bool {
	return slices.Contains([]string{"cs6", "cs7", "both", "neither", "inactive"}, s)
}

func isKind(s string) bool {
	return slices.Contains([]string{"user", "group", "resource", "location"}, s)
}

func isState(s string) bool {
	return slices.Contains([]string{"active", "deleted", "missing"}, s)
}
