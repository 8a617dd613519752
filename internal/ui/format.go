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

// Format is a form of output.
type Format string

// The formats. A command may be able to give only some of them.
const (
	Table Format = "table" // for a person
	Plain Format = "plain" // stable text, one record per line or block
	JSON  Format = "json"  // one document
	JSONL Format = "jsonl" // one object a line
	CSV   Format = "csv"   // with a header line
)

// Formats lists all formats, in the order in which help shows them.
func Formats() []Format { return []Format{Table, Plain, JSON, JSONL, CSV} }

// ChooseFormat returns the format asked for, or the default: a table on a
// terminal, plain text otherwise. A format that is not among can is an error.
func ChooseFormat(asked string, tty bool, can ...Format) (Format, error) {
	if asked == "" {
		if tty && slices.Contains(can, Table) {
			return Table, nil
		}
		if slices.Contains(can, Plain) {
			return Plain, nil
		}
		return can[0], nil
	}
	f := Format(asked)
	if slices.Contains(can, f) {
		return f, nil
	}
	names := make([]string, len(can))
	for i, c := range can {
		names[i] = string(c)
	}
	if !slices.Contains(Formats(), f) {
		return "", fmt.Errorf("'%s' is no output format; this command gives %s", Sanitize(asked), strings.Join(names, ", "))
	}
	return "", fmt.Errorf("this command cannot give %s; it gives %s", f, strings.Join(names, ", "))
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
// can only stand inside strings.
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

// CSVWriter writes rows one by one. A cell that a spreadsheet would take for a
// formula is made text by a leading apostrophe, and hidden characters appear as
// Sanitize shows them: JSON is the format for exact values.
type CSVWriter struct {
	c    *csv.Writer
	safe []string
}

// NewCSVWriter writes the header. Flush must be called at the end.
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

// Flush writes what is buffered, and returns the first error of all.
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
