package ui

import (
	"bytes"
	"fmt"
	"io"
	"iter"
)

// Document writes one JSON object member by member, in the layout of WriteJSON,
// so that a long list in it need not be held in memory. It is valid JSON even if a list
// breaks off; a later member has to say so. After an error of the writer, nothing more
// is written. Close returns the first error.
type Document struct {
	w       io.Writer
	members int
	err     error // of the writer
	broken  error // of a list
}

// NewDocument returns a Document that writes to w.
func NewDocument(w io.Writer) *Document { return &Document{w: w} }

// Member writes a member with the value v.
func (d *Document) Member(name string, v any) {
	d.begin(name)
	d.value(v, "  ")
}

// List writes a member that is a list. An error from items ends the list; List returns
// it. It also returns errors of the writer.
func (d *Document) List(name string, items iter.Seq2[any, error]) error {
	d.begin(name)
	d.write("[")
	n := 0
	var broken error
	for v, err := range items {
		if err != nil {
			broken = err
			break
		}
		if d.err != nil {
			return d.err
		}
		if n > 0 {
			d.write(",")
		}
		n++
		d.write("\n    ")
		d.value(v, "    ")
	}
	if n > 0 {
		d.write("\n  ")
	}
	d.write("]")
	if d.broken == nil {
		d.broken = broken
	}
	if broken != nil {
		return broken
	}
	return d.err
}

// Close completes the document and returns the first error of a list or, if there is
// none, of the writer.
func (d *Document) Close() error {
	d.write("\n}\n")
	if d.broken != nil {
		return d.broken
	}
	return d.err
}

func (d *Document) begin(name string) {
	if d.members++; d.members == 1 {
		d.write("{\n  ")
	} else {
		d.write(",\n  ")
	}
	d.value(name, "")
	d.write(": ")
}

func (d *Document) value(v any, prefix string) {
	if d.err != nil {
		return
	}
	var b bytes.Buffer
	if err := writeJSON(&b, v, "  ", prefix); err != nil {
		d.err = err
		return
	}
	d.write(string(bytes.TrimSuffix(b.Bytes(), []byte("\n"))))
}

func (d *Document) write(s string) {
	if d.err == nil {
		_, d.err = fmt.Fprint(d.w, s)
	}
}
