package ui

import (
	"bytes"
	"fmt"
	"io"
	"iter"
)

// Document writes one JSON object member by member, in the layout of WriteJSON,
// so that a long list in it need not be held in memory. Nothing is written after
// the first error, which Close returns: an incomplete document is not valid JSON.
type Document struct {
	w       io.Writer
	members int
	err     error
}

// NewDocument returns a Document that writes to w.
func NewDocument(w io.Writer) *Document { return &Document{w: w} }

// Member writes a member with the value v.
func (d *Document) Member(name string, v any) {
	d.begin(name)
	d.value(v, "  ")
}

// List writes a member that is a list. An error from items ends the document.
func (d *Document) List(name string, items iter.Seq2[any, error]) {
	d.begin(name)
	d.write("[")
	n := 0
	for v, err := range items {
		if err != nil && d.err == nil {
			d.err = err
		}
		if d.err != nil {
			return
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
}

// Close completes the document and returns the first error.
func (d *Document) Close() error {
	d.write("\n}\n")
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
