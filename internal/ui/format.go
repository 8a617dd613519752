package ui

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
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

// WriteJSON writes v as one indented document.
func WriteJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// WriteJSONL writes v as one line.
func WriteJSONL(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// WriteCSV writes a header and rows. A cell that a spreadsheet would take for a
// formula is made text by a leading apostrophe.
func WriteCSV(w io.Writer, header []string, rows [][]string) error {
	c := csv.NewWriter(w)
	if err := c.Write(header); err != nil {
		return err
	}
	for _, row := range rows {
		safe := make([]string, len(row))
		for i, cell := range row {
			safe[i] = csvCell(cell)
		}
		if err := c.Write(safe); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

func csvCell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
