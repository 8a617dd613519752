package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// directoryFile is an LDIF file with the entries of a directory. Everything that no
// fix changes is kept byte for byte, including broken records, comments and the
// search result.
type directoryFile struct {
	path    string
	text    []byte
	places  []place
	byDN    map[string][]int // indexes of places
	changed map[int]*entry   // by index of the place
	dirty   bool
}

// place is the position of an entry in the text: from its dn: line up to the blank
// line after it.
type place struct{ start, end int64 }

// entry is an entry that a fix changes, with its lines in the order of the file.
type entry struct {
	dn    string
	lines []attribute
}

// attribute is one value of an attribute.
type attribute struct {
	name  string // including options
	value []byte
}

// readDirectory reads a file and finds its entries.
func readDirectory(path string) (*directoryFile, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := &directoryFile{path: path, text: text, byDN: map[string][]int{}, changed: map[int]*entry{}}
	r := ldif.NewReader(bytes.NewReader(text), ldif.Options{Name: path})
	for {
		rec, err := r.Next()
		var broken *ldif.RecordError
		switch {
		case errors.Is(err, io.EOF):
			return d, nil
		case errors.As(err, &broken):
			continue // the check reports it; the record is kept
		case err != nil:
			return nil, fmt.Errorf("%s: %w", path, err)
		case rec.Kind == ldif.KindContent:
			key := dnKey(rec.DN)
			d.byDN[key] = append(d.byDN[key], len(d.places))
			d.places = append(d.places, place{rec.Offset, r.Bytes()})
		}
	}
}

// dnKey returns the same key for all spellings of a DN. Spellings of a malformed DN
// are only equal if they differ in letter case.
func dnKey(dn []byte) string {
	normal, err := directory.AppendNormalDN(nil, dn)
	if err != nil {
		return "\x00" + strings.ToLower(string(dn))
	}
	return string(normal)
}

// modify applies a modify record as a directory would: all of it, or nothing.
func (d *directoryFile) modify(rec *ldif.Record) error {
	found := d.byDN[dnKey(rec.DN)]
	switch len(found) {
	case 0:
		return errors.New("there is no such entry")
	case 1:
	default:
		return fmt.Errorf("there are %d entries with this name", len(found))
	}
	old, err := d.entry(found[0])
	if err != nil {
		return err
	}
	e := &entry{dn: old.dn, lines: slices.Clone(old.lines)}
	for i := range rec.Changes {
		if err := e.apply(&rec.Changes[i]); err != nil {
			return err
		}
	}
	d.changed[found[0]], d.dirty = e, true
	return nil
}

// entry returns the current state of an entry.
func (d *directoryFile) entry(number int) (*entry, error) {
	if e := d.changed[number]; e != nil {
		return e, nil
	}
	at := d.places[number]
	rec, err := ldif.NewReader(bytes.NewReader(d.text[at.start:at.end]), ldif.Options{Name: d.path}).Next()
	if err != nil {
		return nil, fmt.Errorf("cannot read the entry again: %w", err)
	}
	e := &entry{dn: string(rec.DN)}
	for _, a := range rec.Attributes {
		name := string(a.Name)
		if a.Options != nil {
			name += ";" + string(a.Options)
		}
		e.lines = append(e.lines, attribute{name, bytes.Clone(a.Value)})
	}
	return e, nil
}

// apply makes one change of a modify record.
func (e *entry) apply(c *ldif.Modification) error {
	first := slices.IndexFunc(e.lines, func(a attribute) bool { return strings.EqualFold(a.name, c.Name) })
	switch c.Op {
	case ldif.OpAdd:
		return e.add(c)
	case ldif.OpReplace:
		e.removeAll(c.Name)
		if first < 0 {
			first = len(e.lines)
		}
		e.insert(first, c)
		return nil
	case ldif.OpDelete:
		if first < 0 {
			return fmt.Errorf("there is no %s to delete", c.Name)
		}
		if len(c.Values) == 0 {
			e.removeAll(c.Name)
		}
		for _, v := range c.Values {
			if err := e.remove(c.Name, v); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("do not know how to %s %s", c.Op, c.Name)
}

// add inserts values after the existing values of the attribute.
func (e *entry) add(c *ldif.Modification) error {
	at := len(e.lines)
	for i, a := range e.lines {
		if !strings.EqualFold(a.name, c.Name) {
			continue
		}
		at = i + 1
		// Only a schema says whether letter case matters; equal bytes are the same
		// value in every schema.
		if slices.ContainsFunc(c.Values, func(v []byte) bool { return bytes.Equal(v, a.value) }) {
			return fmt.Errorf("the value %q of %s already exists", a.value, c.Name)
		}
	}
	e.insert(at, c)
	return nil
}

func (e *entry) insert(at int, c *ldif.Modification) {
	for i, v := range c.Values {
		// The record is only valid until the next read, but the entry is kept.
		e.lines = slices.Insert(e.lines, at+i, attribute{strings.Clone(c.Name), bytes.Clone(v)})
	}
}

func (e *entry) removeAll(name string) {
	e.lines = slices.DeleteFunc(e.lines, func(a attribute) bool { return strings.EqualFold(a.name, name) })
}

// remove removes one value: one with the same bytes if there is one, otherwise one
// that differs only in letter case.
func (e *entry) remove(name string, value []byte) error {
	for _, same := range []func(a, b []byte) bool{bytes.Equal, bytes.EqualFold} {
		at := slices.IndexFunc(e.lines, func(a attribute) bool { return strings.EqualFold(a.name, name) && same(a.value, value) })
		if at >= 0 {
			e.lines = slices.Delete(e.lines, at, at+1)
			return nil
		}
	}
	return fmt.Errorf("%s has no value %q to delete", name, value)
}

// write replaces the file by one with the changed entries.
func (d *directoryFile) write(ctx context.Context) error {
	if !d.dirty {
		return nil
	}
	var out bytes.Buffer
	out.Grow(len(d.text) + len(d.text)/16)
	at := int64(0)
	for number, p := range d.places {
		e := d.changed[number]
		if e == nil {
			continue
		}
		record, err := e.record()
		if err != nil {
			return fmt.Errorf("%s: %w", d.path, err)
		}
		out.Write(d.text[at:p.start])
		out.Write(record)
		at = p.end
	}
	out.Write(d.text[at:])
	if err := fsx.Replace(ctx, d.path, out.Bytes(), fsx.ReplaceOptions{}); err != nil {
		return err
	}
	d.dirty = false
	return nil
}

// record returns the entry as LDIF, without the version line at the beginning of a
// file and the blank line at the end of a record, which are in the text around it.
func (e *entry) record() ([]byte, error) {
	var b bytes.Buffer
	w := ldif.NewWriter(&b)
	attrs := make([]ldif.WriteAttribute, len(e.lines))
	for i, a := range e.lines {
		attrs[i] = ldif.WriteAttribute{Name: a.name, Values: [][]byte{a.value}}
	}
	if err := w.Entry(e.dn, attrs); err != nil {
		return nil, err
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	text := bytes.TrimPrefix(b.Bytes(), []byte("version: 1\n"))
	return bytes.TrimSuffix(text, []byte("\n")), nil
}
