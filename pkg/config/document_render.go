package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// ErrUnsafeEdit is returned by Render if the edited bytes, when they are parsed
// again, would not be exactly the old content with the intended changes.
var ErrUnsafeEdit = errors.New("the edit cannot be made without changing other settings")

// splice is a replacement of src[from:to] by text.
type splice struct {
	from, to int
	kind     spliceKind
	text     []byte
}

// spliceKind determines the order of the splices at one offset: a line is inserted
// before the text at that offset, but an empty value at the end of the file is
// replaced before a line is inserted after it.
type spliceKind int

const (
	spliceLineBefore spliceKind = iota
	spliceValue
	spliceLineAfter
	spliceRemoval
)

// Bytes returns the document with its edits, without the check of Render. If no edit
// changes anything, it is equal to the input.
func (d *Document) Bytes() []byte {
	splices := d.splices()
	if len(splices) == 0 {
		return d.src
	}
	size := len(d.src)
	for _, s := range splices {
		size += len(s.text) - (s.to - s.from)
	}
	out := make([]byte, 0, size)
	at := 0
	for _, s := range splices {
		out = append(out, d.src[at:s.from]...)
		out = append(out, s.text...)
		at = s.to
	}
	return append(out, d.src[at:]...)
}

// Render returns the document with its edits as a new Document without edits. It
// parses the result again and compares every key: the result must contain the old
// content with the intended changes, and nothing else. Otherwise, and if the
// result cannot be parsed, the error is ErrUnsafeEdit.
func (d *Document) Render() (*Document, error) {
	changes := d.Changes()
	if len(changes) == 0 {
		return &Document{src: d.src, utf8: d.utf8, entries: d.entries, index: d.index}, nil
	}
	after, err := parse(d.Bytes(), d.utf8)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnsafeEdit, err)
	}
	if err := d.compare(after, changes); err != nil {
		return nil, err
	}
	return after, nil
}

// splices turns the edits into replacements, in file order.
func (d *Document) splices() []splice {
	var out []splice
	unset := map[string]bool{}
	for _, c := range d.Changes() {
		switch {
		case c.HasNew && c.HadOld:
			out = append(out, d.replaceValue(c))
		case c.HasNew:
			out = append(out, d.insertLine(c))
		default:
			unset[c.Key] = true
		}
	}
	out = append(out, d.removeLines(unset)...)
	d.moveBeforeRemovedEnd(out)
	// The sort is stable so that new entries at one offset keep the order of the edits.
	slices.SortStableFunc(out, func(a, b splice) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.kind, b.kind))
	})
	return out
}

// moveBeforeRemovedEnd moves lines that would be inserted after a last line without
// a line ending to the front of that line, if the line itself is removed.
// Otherwise the line ending that was inserted for it would remain as an empty
// line.
func (d *Document) moveBeforeRemovedEnd(splices []splice) {
	end := len(d.src)
	if end == 0 || d.src[end-1] == '\n' || d.src[end-1] == '\r' {
		return
	}
	from := -1
	for _, s := range splices {
		if s.kind == spliceRemoval && s.to == end {
			from = s.from
		}
	}
	if from < 0 {
		return
	}
	eol := d.eol()
	for i := range splices {
		if s := &splices[i]; s.kind == spliceLineAfter {
			s.from, s.to, s.kind = from, from, spliceLineBefore
			s.text = append(bytes.TrimPrefix(s.text, []byte(eol)), eol...)
		}
	}
}

func (d *Document) replaceValue(c Change) splice {
	e := &d.entries[d.find(c.Key)]
	text := encodeValue(c.New, e.flags&hasSeparator != 0)
	if e.keyEnd == e.valStart && e.flags&hasSeparator == 0 {
		text = append([]byte{'='}, encodeValue(c.New, true)...)
	}
	from := int(e.valStart)
	if len(text) == 0 {
		// A continuation mark before an empty value would swallow the next line.
		if i := bytes.IndexByte(d.src[e.keyEnd:e.valStart], '\\'); i >= 0 {
			from = int(e.keyEnd) + i
		}
	}
	return splice{from: from, to: int(e.valEnd), kind: spliceValue, text: text}
}

// removeLines removes all entries of the keys. If only the last one were removed, an
// earlier one would take effect.
func (d *Document) removeLines(keys map[string]bool) []splice {
	if len(keys) == 0 {
		return nil
	}
	var out []splice
	for i := range d.entries {
		if e := &d.entries[i]; d.isOneOf(e, keys) {
			out = append(out, splice{from: int(e.start), to: d.endOf(e), kind: spliceRemoval})
		}
	}
	return out
}

// insertLine inserts a new entry after the last one of its nearest family, or at the
// end of the file.
func (d *Document) insertLine(c Change) splice {
	line := append(encodeKey(c.Key), '=')
	line = append(line, encodeValue(c.New, true)...)
	last := d.lastOfFamily(c.Key)
	if last < 0 {
		last = len(d.entries) - 1
		if last < 0 || d.entries[last].flags&dangling == 0 {
			return d.insertAt(len(d.src), line)
		}
	}
	e := &d.entries[last]
	if e.flags&dangling != 0 {
		// Text after it would become part of its value.
		return d.insertAt(int(e.start), line)
	}
	return d.insertAt(d.endOf(e), line)
}

// insertAt inserts a line at an offset, which must be the start of a line or the end
// of the file.
func (d *Document) insertAt(at int, line []byte) splice {
	s := splice{from: at, to: at, kind: spliceLineBefore}
	if at == len(d.src) {
		s.kind = spliceLineAfter
	}
	eol := d.eol()
	if at < len(d.src) && d.src[at] == '\n' {
		eol = "\n" // a CR would form one line ending with it
	}
	if at == 0 || d.src[at-1] == '\n' || d.src[at-1] == '\r' {
		s.text = append(line, eol...)
	} else {
		s.text = append([]byte(eol), line...)
	}
	return s
}

// lastOfFamily returns the index of the last entry among those that have the most
// leading dotted components in common with key, or -1 if none has any.
func (d *Document) lastOfFamily(key string) int {
	best, bestShared := -1, 1
	for i := range d.entries {
		e := &d.entries[i]
		if n := sharedComponents(d.src[e.keyStart:e.keyEnd], key); n >= bestShared {
			best, bestShared = i, n
		}
	}
	return best
}

// sharedComponents counts the leading dotted components that a and b have in common,
// without the last component of each.
func sharedComponents(a []byte, b string) int {
	n := 0
	for i := 0; i < len(a) && i < len(b) && a[i] == b[i]; i++ {
		if a[i] == '.' {
			n++
		}
	}
	return n
}

// eol returns the line ending of the first line of the file, or LF.
func (d *Document) eol() string {
	for i, c := range d.src {
		switch {
		case c == '\n':
			return "\n"
		case c == '\r' && i+1 < len(d.src) && d.src[i+1] == '\n':
			return "\r\n"
		case c == '\r':
			return "\r"
		}
	}
	return "\n"
}
