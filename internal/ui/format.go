package ui

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Format is an output format.
type Format string

// The output formats. A command may support only some of them.
const (
	Table Format = "table" // for people
	Plain Format = "plain" // stable text, one record per line or block
	JSON  Format = "json"  // one document
	JSONL Format = "jsonl" // one object per line
	CSV   Format = "csv"   // with a header line
)

// The formats of one command only.
const (
	ICS  Format = "ics"  // iCalendar
	HTML Format = "html" // a page that needs no other file
)

// Formats lists the formats that most commands have, in the order in which help shows them.
func Formats() []Format { return []Format{Table, Plain, JSON, JSONL, CSV} }

// ChooseFormat returns the requested format, or the default if none is requested: a
// table on a terminal, plain text otherwise. A format that is not supported is an
// error.
func ChooseFormat(requested string, tty bool, supported ...Format) (Format, error) {
	if requested == "" {
		if tty && slices.Contains(supported, Table) {
			return Table, nil
		}
		if slices.Contains(supported, Plain) {
			return Plain, nil
		}
		return supported[0], nil
	}
	f := Format(requested)
	if slices.Contains(supported, f) {
		return f, nil
	}
	names := make([]string, len(supported))
	for i, c := range supported {
		names[i] = string(c)
	}
	if !slices.Contains(Formats(), f) {
		return "", fmt.Errorf("'%s' is not a valid output format (%s)", Sanitize(requested), strings.Join(names, ", "))
	}
	return "", fmt.Errorf("this command does not support the output format %s (only %s)", f, strings.Join(names, ", "))
}

// WriteJSON writes v as one indented document. Characters that could act on a
// terminal are escaped, which changes nothing for a reader of JSON.
func WriteJSON(w io.Writer, v any) error { return writeJSON(w, v, "  ", "") }

// WriteJSONL writes v as one line, escaped like WriteJSON.
func WriteJSONL(w io.Writer, v any) error { return writeJSON(w, v, "", "") }

func writeJSON(w io.Writer, v any, indent, prefix string) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent(prefix, indent)
	if err := e.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(escapeHidden(b.Bytes()))
	return err
}

// escapeHidden writes the hidden characters of a JSON text as \u escapes. They
// can only occur inside strings.
func escapeHidden(text []byte) []byte {
	if bytes.IndexFunc(text, func(r rune) bool { return r >= 0x7f && hidden(r) }) < 0 {
		return text
	}
	var out []byte
	for _, r := range string(text) {
		switch {
		case r < 0x7f || !hidden(r):
			out = utf8.AppendRune(out, r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			out = fmt.Appendf(out, "\\u%04x\\u%04x", hi, lo)
		default:
			out = fmt.Appendf(out, "\\u%04x", r)
		}
	}
	return out
}

// WriteCSV writes a header and rows, as a CSVWriter does.
func WriteCSV(w io.Writer, header []string, rows [][]string) error {
	c, err := NewCSVWriter(w, header)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := c.Write(row); err != nil {
			return err
		}
	}
	return c.Flush()
}

// CSVWriter writes rows one by one. A cell that a spreadsheet would evaluate as a
// formula gets a leading apostrophe, which makes it text, and hidden characters are
// shown as Sanitize shows them: JSON is the format for exact values.
type CSVWriter struct {
	c    *csv.Writer
	safe []string
}

// NewCSVWriter writes the header and returns a writer of rows. Flush must be called
// at the end.
func NewCSVWriter(w io.Writer, header []string) (*CSVWriter, error) {
	c := csv.NewWriter(w)
	return &CSVWriter{c: c}, c.Write(header)
}

// Write writes a row.
func (w *CSVWriter) Write(row []string) error {
	w.safe = w.safe[:0]
	for _, cell := range row {
		w.safe = append(w.safe, csvCell(cell))
	}
	return w.c.Write(w.safe)
}

// Flush writes what is buffered and returns the first error of any write.
func (w *CSVWriter) Flush() error {
	w.c.Flush()
	return w.c.Error()
}

func csvCell(s string) string {
	s = SanitizeLines(s)
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
