package cs6

import (
	"fmt"
	"strings"

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
}

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
	names, bad := splitCSV(text, sep)
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
		if at != nil && *at < 0 {
			*at = i
		}
	}
	if c.address < 0 && c.account < 0 && c.uid < 0 {
		return nil
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
	fields, bad := splitCSV(text, c.sep)
	if bad != "" {
		l.fault(text, bad)
		return true
	}
	p, bad := c.user(fields)
	if bad != "" {
		l.fault(text, bad)
		return true
	}
	l.flush()
	l.emit(p, l.line)
	return true
}

// isRecord reports whether a line is a record with these columns.
func (c *columns) isRecord(text string) bool {
	fields, bad := splitCSV(text, c.sep)
	if bad == "" {
		_, bad = c.user(fields)
	}
	return bad == ""
}

// user reads the columns that identify the user.
func (c *columns) user(fields []string) (p ListedUser, bad string) {
	for _, i := range []int{c.address, c.account} {
		word := field(fields, i)
		if word == "" || p.Address != "" {
			continue
		}
		uid, domain, bad := splitUser(word)
		switch {
		case bad != "":
			return ListedUser{}, fmt.Sprintf("column %d: %s", i+1, bad)
		case domain != "":
			p.Address, p.Domain = word, domain
		case i == c.account:
			p.UID = uid
		default:
			return ListedUser{}, fmt.Sprintf("column %d: not an address", i+1)
		}
	}
	if word := field(fields, c.uid); word != "" {
		uid, domain, bad := splitUser(word)
		if bad != "" {
			return ListedUser{}, fmt.Sprintf("column %d: %s", c.uid+1, bad)
		}
		p.UID = uid
		if domain != "" {
			p.Domain = domain
		}
	}
	if p.Address == "" && p.UID == "" {
		return ListedUser{}, "the columns that identify the user are empty"
	}
	p.Disabled, _ = isOff(field(fields, c.status))
	return p, ""
}

// field returns a column of a record, "" if the record does not have it.
func field(fields []string, i int) string {
	if i < 0 || i >= len(fields) {
		return ""
	}
	return directory.CutMailto(trimBlanks(fields[i]))
}

// splitCSV splits one line of RFC 4180. A quoted field must end on the same line.
func splitCSV(text string, sep byte) (fields []string, bad string) {
	for {
		quoted, isQuoted := strings.CutPrefix(strings.TrimLeft(text, " "), `"`)
		if !isQuoted {
			field, rest, more := strings.Cut(text, string(sep))
			fields = append(fields, field)
			if !more {
				return fields, ""
			}
			text = rest
			continue
		}
		field, rest, closed := cutQuoted(quoted)
		if !closed {
			return nil, "unterminated quoted field"
		}
		fields = append(fields, field)
		rest = strings.TrimLeft(rest, " ")
		if rest == "" {
			return fields, ""
		}
		if rest[0] != sep {
			return nil, "text after a quoted field"
		}
		text = rest[1:]
	}
}

// cutQuoted returns the field at the beginning of text, whose opening quote has
// been removed. A doubled quote in it represents one quote.
func cutQuoted(text string) (field, rest string, closed bool) {
	var b strings.Builder
	for {
		part, after, found := strings.Cut(text, `"`)
		if !found {
			return "", "", false
		}
		b.WriteString(part)
		doubled, again := strings.CutPrefix(after, `"`)
		if !again {
			return b.String(), after, true
		}
		b.WriteByte('"')
		text = doubled
	}
}
