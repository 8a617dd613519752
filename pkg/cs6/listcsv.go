package cs6

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/listfile"
	"github.com/davadmin/davadmin/pkg/directory"
)

// columns are the numbers of the CSV columns that are used, -1 for a missing one.
type columns struct {
	text    string // the heading
	sep     byte
	address int
	account int
	uid     int
	status  int
	again   [][2]int // pairs of columns of the same kind
	more    []int    // the columns of a listing: those of moreKeys, -1 for a missing one
}

// moreKeys are the columns of the lists that davadmin prints that do not identify a user.
func moreKeys() []string { return []string{"id", "side", "kind", "state", "calendars"} }

// heading reads a line that names the columns of a CSV, and reports whether the
// line is such a heading. A single name is a heading only at the beginning of the
// list: later it is a user id. A record that could also be a different heading is an
// error.
func (l *listReader) heading(text string) bool {
	for _, sep := range []byte(",;\t") {
		if strings.IndexByte(trimBlanks(text), sep) < 0 && (l.content || sep != ',') {
			continue
		}
		if c := columnsOf(text, sep); c != nil {
			if old := l.columns; old != nil && old.sep == sep && old.text != text && old.isRecord(text) {
				l.fault(text, "ambiguous: a record, or a heading with other columns")
				return true
			}
			l.flush()
			l.columns = c
			l.tally.Headers++
			return true
		}
	}
	return false
}

// columnsOf returns the columns that a heading names, nil if the line is not a
// heading.
func columnsOf(text string, sep byte) *columns {
	names, bad := listfile.SplitCSV(text, sep)
	if bad != "" {
		return nil
	}
	c := &columns{text: text, sep: sep, address: -1, account: -1, uid: -1, status: -1}
	for i, name := range names {
		key, ok := foldKey(name)
		if !ok && trimBlanks(name) != "" {
			return nil
		}
		var at *int
		switch kindOf(key) {
		case addressKey:
			at = &c.address
		case accountKey:
			at = &c.account
		case uidKey:
			at = &c.uid
		case statusKey:
			at = &c.status
		}
		switch {
		case at == nil:
		case *at < 0:
			*at = i
		default:
			c.again = append(c.again, [2]int{*at, i})
		}
	}
	if c.address < 0 && c.account < 0 && c.uid < 0 {
		return nil
	}
	for _, key := range moreKeys() {
		c.more = append(c.more, slices.IndexFunc(names, func(name string) bool {
			folded, _ := foldKey(name)
			return folded == key
		}))
	}
	return c
}

// row reads a record of the current CSV and reports whether the line is a record.
// A line without a separator may have another form.
func (l *listReader) row(text string) bool {
	c := l.columns
	if c == nil || strings.IndexByte(text, c.sep) < 0 && trimBlanks(text)[0] != '"' {
		return false
	}
	if len(text) <= l.o.MaxLine && listfile.IsOpen(text, c.sep) {
		l.open, l.opened = text, l.begins
		return true
	}
	fields, bad := listfile.SplitCSV(text, c.sep)
	if bad != "" {
		l.fault(text, bad)
		return true
	}
	if trimBlanks(strings.Join(fields, "")) == "" {
		l.tally.Blanks++ // a spreadsheet writes rows without values as separators only
		return true
	}
	p, bad := c.user(fields)
	if bad == "" {
		bad = c.surplus(text, fields)
	}
	if bad != "" && !l.elsewhere(p) {
		l.fault(text, bad)
		return true
	}
	l.flush()
	l.emit(p, min(l.begins, l.line))
	return true
}

// surplus says what a record contains that may be another user, "" if there is nothing.
func (c *columns) surplus(text string, fields []string) string {
	if n := len(c.names()); len(fields) > n && trimBlanks(strings.Join(fields[n:], "")) != "" {
		return fmt.Sprintf("it has %d values, but the heading %d", len(fields), n)
	}
	_, more, _ := strings.Cut(text, "\n")
	for line := range strings.SplitSeq(more, "\n") {
		if more != "" && strings.IndexByte(line, c.sep) >= 0 && c.isRecord(line) {
			return listfile.HiddenRecord
		}
	}
	return ""
}

// names returns the titles of the columns.
func (c *columns) names() []string {
	names, _ := listfile.SplitCSV(c.text, c.sep)
	return names
}

// endOpen reports a record of CSV whose last field did not end.
func (l *listReader) endOpen() {
	if l.opened > 0 {
		text := l.open
		l.open, l.opened = "", 0
		l.fault(text, "unterminated quoted field")
	}
}

// isRecord reports whether a line is a record with these columns.
func (c *columns) isRecord(text string) bool {
	fields, bad := listfile.SplitCSV(text, c.sep)
	if bad == "" {
		_, bad = c.user(fields)
	}
	return bad == ""
}

// user reads the columns that identify the user.
func (c *columns) user(fields []string) (p ListedUser, bad string) {
	p = listing(func(i int) string { return field(fields, c.more[i]) })
	for _, i := range []int{c.address, c.account} {
		word := field(fields, i)
		if word == "" || p.Address != "" {
			continue
		}
		uid, domain, bad := splitUser(word)
		switch {
		case i == c.address && (bad != "" || domain == "") && p.fromListing():
			p.setVerbatim(word)
		case bad != "":
			return p, fmt.Sprintf("column %d: %s", i+1, bad)
		case domain != "":
			p.Address, p.Domain = word, domain
		case i == c.account:
			p.UID = uid
		default:
			return p, fmt.Sprintf("column %d: not an address", i+1)
		}
	}
	if word := field(fields, c.uid); word != "" {
		uid, domain, bad := splitUser(word)
		if bad != "" {
			return p, fmt.Sprintf("column %d: %s", c.uid+1, bad)
		}
		p.UID = uid
		if domain != "" {
			p.Domain = domain
		}
	}
	if p.Address == "" && p.UID == "" {
		return p, "the columns that identify the user are empty"
	}
	for _, pair := range c.again {
		if differ(field(fields, pair[0]), field(fields, pair[1])) {
			return p, fmt.Sprintf("columns %d and %d name different users", pair[0]+1, pair[1]+1)
		}
	}
	p.Disabled, _ = isOff(field(fields, c.status))
	return p, ""
}

// differ reports whether two values of one kind name different users. A text that cannot be
// that of a user, such as a postal address, names nobody.
func differ(x, y string) bool {
	_, domain, bad := splitUser(y)
	return bad == "" && x != "" && y != "" && !strings.EqualFold(x, y) && (domain != "" || !strings.Contains(x, "@"))
}

// field returns a column of a record, "" if the record does not have it.
func field(fields []string, i int) string {
	if i < 0 || i >= len(fields) {
		return ""
	}
	return directory.CutMailto(listfile.Cell(fields[i]))
}
