package cmdutil

import (
	"fmt"
	"iter"

	"github.com/davadmin/davadmin/internal/ui"
)

// List describes the output of a listing of records of type T in every format. It holds
// only a bounded number of records in memory.
type List[T any] struct {
	Schema string // of the JSON document
	Member string // the JSON member with the records, which are encoded as they are

	Header []string         // of CSV
	Record func(T) []string // cells of CSV, and of plain text unless Plain is set

	// Columns and Row make the table. Without Columns, a table looks like plain text. Without
	// Row, a row has the cells of Record.
	Columns []ui.Column
	Row     func(T) []string

	// Plain returns a record as plain text: one line or more, sanitised. Without it, a record
	// is a line of the cells of Record separated by tabs. Blocks separates records with a
	// blank line.
	Plain  func(T) string
	Blocks bool

	// None is the note for people if there is no record. Without it, nothing is said.
	None string
}

// ListFormats returns the output formats of a List.
func ListFormats() []ui.Format { return []ui.Format{ui.Table, ui.Plain, ui.JSON, ui.JSONL, ui.CSV} }

// Print prints the records in a format, each as soon as it comes; a table first collects
// some rows for its layout. It stops at the first error in records and returns it. JSON then
// says at its end that the list is incomplete: in the member "complete" of the document, or
// in a last line of kind "summary". A table without records has no header;
// instead, there is the note None.
func (l List[T]) Print(c *Console, format ui.Format, records iter.Seq2[T, error]) error {
	none := l.None != "" && (format == ui.Table || format == ui.Plain)
	err := l.print(c, format, func(yield func(T, error) bool) {
		for r, err := range records {
			none = false
			if !yield(r, err) {
				return
			}
		}
	})
	if none && err == nil {
		c.Notef("%s", l.None)
	}
	return err
}

func (l List[T]) print(c *Console, format ui.Format, records iter.Seq2[T, error]) error {
	switch {
	case format == ui.JSON:
		return l.printJSON(c, records)
	case format == ui.JSONL:
		return l.printJSONL(c, records)
	case format == ui.CSV:
		return l.printCSV(c, records)
	case format == ui.Table && l.Columns != nil:
		return l.printTable(c, records)
	}
	first := true
	return eachRecord(records, func(r T) error {
		var text string
		if l.Plain != nil {
			text = l.Plain(r)
		} else {
			text = TabLine(l.Record(r)) + "\n"
		}
		if l.Blocks && !first {
			text = "\n" + text
		}
		first = false
		_, err := fmt.Fprint(c.Streams.Out, text)
		return err
	})
}

// PrintAll prints records that are all in memory.
func (l List[T]) PrintAll(c *Console, format ui.Format, records []T) error {
	return l.PrintUntil(c, format, records, nil)
}

// PrintUntil prints records that are in memory. If err is not nil, it is why there are not
// all of them: the output says that it is incomplete, and err is returned.
func (l List[T]) PrintUntil(c *Console, format ui.Format, records []T, err error) error {
	return l.Print(c, format, func(yield func(T, error) bool) {
		for _, r := range records {
			if !yield(r, nil) {
				return
			}
		}
		if err != nil {
			var none T
			yield(none, err)
		}
	})
}

func (l List[T]) printJSON(c *Console, records iter.Seq2[T, error]) error {
	d := ui.NewDocument(c.Streams.Out)
	d.Member("schema", l.Schema)
	err := d.List(l.Member, func(yield func(any, error) bool) {
		for r, err := range records {
			if !yield(r, err) {
				return
			}
		}
	})
	d.Member("complete", err == nil)
	return d.Close()
}

func (l List[T]) printJSONL(c *Console, records iter.Seq2[T, error]) error {
	for r, err := range records {
		if err != nil {
			_ = WriteSummary(c, l.Schema, false) // the error of the records matters more
			return err
		}
		if err := ui.WriteJSONL(c.Streams.Out, r); err != nil {
			return err
		}
	}
	return WriteSummary(c, l.Schema, true)
}

// WriteSummary writes the last line of a listing in JSONL.
func WriteSummary(c *Console, schema string, complete bool) error {
	return ui.WriteJSONL(c.Streams.Out, struct {
		Kind     string `json:"kind"`
		Schema   string `json:"schema"`
		Complete bool   `json:"complete"`
	}{"summary", schema, complete})
}

func (l List[T]) printCSV(c *Console, records iter.Seq2[T, error]) error {
	w, err := ui.NewCSVWriter(c.Streams.Out, l.Header)
	if err != nil {
		return err
	}
	if err := eachRecord(records, func(r T) error { return w.Write(l.Record(r)) }); err != nil {
		_ = w.Flush() // the records until the error
		return err
	}
	return w.Flush()
}

func (l List[T]) printTable(c *Console, records iter.Seq2[T, error]) error {
	row := l.Row
	if row == nil {
		row = l.Record
	}
	var t *ui.TableWriter
	err := eachRecord(records, func(r T) error {
		if t == nil {
			t = ui.NewTableWriter(c.Streams.Out, c.Streams.Width, l.Columns)
		}
		return t.Write(row(r))
	})
	switch {
	case t == nil:
		return err
	case err != nil:
		_ = t.Flush() // the records until the error
		return err
	}
	return t.Close()
}

// eachRecord calls print for each record until an error.
func eachRecord[T any](records iter.Seq2[T, error], print func(T) error) error {
	for r, err := range records {
		if err != nil {
			return err
		}
		if err := print(r); err != nil {
			return err
		}
	}
	return nil
}
