package listfile

import "strings"

// Messages of SplitCSV.
const (
	unterminated = "unterminated quoted field"
	afterQuoted  = "text after a quoted field"
)

// HiddenRecord is what is wrong with a record of CSV that seems to contain another one.
const HiddenRecord = "a quoted field contains a line that looks like another record; if it is one, a quotation mark is missing or too many"

// SplitCSV splits a record of RFC 4180 without its line ending. bad says why it is not one.
func SplitCSV(text string, sep byte) (fields []string, bad string) {
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
			return nil, unterminated
		}
		fields = append(fields, field)
		rest = strings.TrimLeft(rest, " ")
		if rest == "" {
			return fields, ""
		}
		if rest[0] != sep {
			return nil, afterQuoted
		}
		text = rest[1:]
	}
}

// IsOpen reports whether a record of CSV continues on the next line, because a quoted field
// of it contains the line end.
func IsOpen(text string, sep byte) bool {
	if strings.IndexByte(text, '"') < 0 {
		return false
	}
	_, bad := SplitCSV(text, sep)
	return bad == unterminated
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

// Cell returns the value of a cell of CSV: without the blanks around it, and without the
// apostrophe that marks as text what a spreadsheet would take for a formula.
func Cell(s string) string {
	s = strings.Trim(s, blanks)
	if len(s) > 1 && s[0] == '\'' && strings.IndexByte("=+-@\t\r", s[1]) >= 0 {
		return s[1:]
	}
	return s
}

// Separator returns the separator that the first line of a CSV by Excel declares, as in
// "sep=;".
func Separator(line string) (sep byte, ok bool) {
	if len(line) == 5 && strings.EqualFold(line[:4], "sep=") && strings.IndexByte(",;\t", line[4]) >= 0 {
		return line[4], true
	}
	return 0, false
}
