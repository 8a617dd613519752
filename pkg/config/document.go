package config

import (
	"errors"
	"fmt"
	"iter"
	"unicode/utf8"
)

// maxDocumentSize ensures that every offset fits in 32 bits, with room to spare.
const maxDocumentSize = 1 << 31

// ErrTooLarge is returned for a document of 2 GiB or more.
var ErrTooLarge = errors.New("larger than 2 GiB")

// ErrNotUTF8 is returned by ParseUTF8 for bytes that are not valid UTF-8.
var ErrNotUTF8 = errors.New("not valid UTF-8")

// SyntaxError is returned for a document that java.util.Properties refuses to
// load. The only such error in this format is a \u that is not followed by four
// hexadecimal digits.
type SyntaxError struct {
	Line   int // counted from 1, with the line endings of Java: LF, CR or CRLF
	Detail string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Detail) }

// Document is a Java .properties file that keeps every byte.
//
// Parsing follows java.util.Properties.load (Java SE 17) in every detail:
// separators, continuation lines, escapes, comments, the last of several equal
// keys taking effect, a backslash at the very end, an empty key, and a byte-order
// mark that becomes part of the first key.
//
// Keys and values are UTF-8. A UTF-16 surrogate without its partner, which is
// allowed in Java strings but not in UTF-8, is represented in its generalized
// three-byte form (WTF-8), so that nothing is lost when it is written back.
//
// Edits are kept separately from the bytes until Render is called. It only changes
// the value bytes of changed entries, and the lines of added and removed ones.
// What it writes is ASCII, so that it reads the same in every encoding that the
// rest of the file may have.
//
// A Document must not be used by several goroutines at once.
type Document struct {
	src     []byte
	utf8    bool
	entries []entry
	index   *keyIndex
	scans   int // number of lookups without the index
	pending map[string]*edit
	order   []*edit
}

// entry contains the offsets of one key and value in the source. The text between
// them is raw: it still contains continuation marks and escapes.
type entry struct {
	start    uint32 // of the line, including blanks before the key
	keyStart uint32
	keyEnd   uint32
	valStart uint32
	valEnd   uint32 // where the line ending begins, or the end of the file
	flags    entryFlags
}

type entryFlags uint8

const (
	keyEscaped   entryFlags = 1 << iota // the raw key must be decoded
	valueEscaped                        // the raw value must be decoded
	hasSeparator                        // there is a '=' or ':' between key and value
	dangling                            // ends the file with a backslash: text appended to it would be swallowed
	shadowed                            // a later entry has the same key
)

// edit is the requested change of one key: a value, or the removal of its entries.
type edit struct {
	key   string
	value string
	unset bool
}

// Parse parses a .properties file as java.util.Properties.load(InputStream) does:
// each byte is one Latin-1 character. It keeps b, which must not be changed
// afterwards. It returns a *SyntaxError for a file that Java refuses to load, or
// ErrTooLarge.
func Parse(b []byte) (*Document, error) { return parse(b, false) }

// ParseUTF8 parses a .properties file as java.util.Properties.load(Reader) does
// with a UTF-8 reader. It returns the errors of Parse, or ErrNotUTF8.
func ParseUTF8(b []byte) (*Document, error) {
	if !utf8.Valid(b) {
		return nil, ErrNotUTF8
	}
	return parse(b, true)
}

func parse(b []byte, isUTF8 bool) (*Document, error) {
	if int64(len(b)) >= maxDocumentSize {
		return nil, ErrTooLarge
	}
	d := &Document{src: b, utf8: isUTF8}
	if err := d.scan(); err != nil {
		return nil, err
	}
	return d, nil
}

// Get returns the value of key, including edits. ok is false if it is not set.
func (d *Document) Get(key string) (value string, ok bool) {
	if e, found := d.pending[key]; found {
		return e.value, !e.unset
	}
	return d.stored(key)
}

// stored returns the value of key in the source.
func (d *Document) stored(key string) (string, bool) {
	i := d.find(key)
	if i < 0 {
		return "", false
	}
	return d.valueOf(&d.entries[i]), true
}

// Set gives key a value, which may be empty. Unset removes the key.
func (d *Document) Set(key, value string) { d.request(&edit{key: key, value: value}) }

// Unset removes every entry of key, and reports whether there was one. Comments are
// kept, including those above the entry.
func (d *Document) Unset(key string) bool {
	_, was := d.Get(key)
	d.request(&edit{key: key, unset: true})
	return was
}

func (d *Document) request(e *edit) {
	if old, found := d.pending[e.key]; found {
		*old = *e
		return
	}
	if d.pending == nil {
		d.pending = make(map[string]*edit)
	}
	d.pending[e.key] = e
	d.order = append(d.order, e)
}

// Change is one difference between two versions of a document. Old is meaningful
// if HadOld is set, and New if HasNew is set.
type Change struct {
	Key    string
	Old    string
	New    string
	HadOld bool
	HasNew bool
}

// Changes returns the differences that the edits make to the source, in the order
// in which the edits were requested. It omits edits that change nothing.
func (d *Document) Changes() []Change {
	var out []Change
	for _, e := range d.order {
		old, had := d.stored(e.key)
		if had == !e.unset && (e.unset || old == e.value) {
			continue
		}
		out = append(out, Change{Key: e.key, Old: old, HadOld: had, New: e.value, HasNew: !e.unset})
	}
	return out
}

// Source returns the bytes that were parsed. They must not be changed.
func (d *Document) Source() []byte { return d.src }

// Entry is one key and value in the source.
type Entry struct {
	Key      string
	Value    string
	Line     int  // of the key, counted from 1
	Shadowed bool // a later line sets the same key, so this one has no effect

	// Text is the raw text of the whole entry without its line ending.
	Text []byte
}

// Entries yields every entry of the source in file order, including those without
// effect. Edits are not included.
func (d *Document) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		d.lookup()
		line, at := 1, 0
		for i := range d.entries {
			e := &d.entries[i]
			line += countLines(d.src[at:e.keyStart])
			at = int(e.keyStart)
			if !yield(Entry{
				Key:      d.keyOf(e),
				Value:    d.valueOf(e),
				Line:     line,
				Shadowed: e.flags&shadowed != 0,
				Text:     d.src[e.start:e.valEnd],
			}) {
				return
			}
		}
	}
}

// All yields the effective keys and values, including edits: those of the source in
// file order, then the new ones in the order in which they were set.
func (d *Document) All() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		d.lookup()
		for i := range d.entries {
			e := &d.entries[i]
			if e.flags&shadowed != 0 {
				continue
			}
			key := d.keyOf(e)
			value, set := d.valueOf(e), true
			if w, found := d.pending[key]; found {
				value, set = w.value, !w.unset
			}
			if set && !yield(key, value) {
				return
			}
		}
		for _, w := range d.order {
			if _, had := d.stored(w.key); had || w.unset {
				continue
			}
			if !yield(w.key, w.value) {
				return
			}
		}
	}
}

// Len returns the number of distinct keys in the source.
func (d *Document) Len() int { return d.lookup().distinct }

// Line returns the line of the effective entry of key in the source, counted from
// 1, or 0 if the source has none.
func (d *Document) Line(key string) int {
	i := d.find(key)
	if i < 0 {
		return 0
	}
	return 1 + countLines(d.src[:d.entries[i].keyStart])
}

func (d *Document) rawKey(e *entry) []byte   { return d.src[e.keyStart:e.keyEnd] }
func (d *Document) rawValue(e *entry) []byte { return d.src[e.valStart:e.valEnd] }

// endOf returns the offset after the line ending of an entry.
func (d *Document) endOf(e *entry) int { return skipEOL(d.src, int(e.valEnd)) }

func (d *Document) keyOf(e *entry) string {
	raw := d.rawKey(e)
	if e.flags&keyEscaped == 0 {
		return string(raw)
	}
	return d.decode(raw)
}

func (d *Document) valueOf(e *entry) string {
	raw := d.rawValue(e)
	if e.flags&valueEscaped == 0 {
		return string(raw)
	}
	return d.decode(raw)
}

// countLines counts the line endings in b: LF, CR, and CRLF as one.
func countLines(b []byte) int {
	n := 0
	for i, c := range b {
		if c == '\n' || c == '\r' && (i+1 >= len(b) || b[i+1] != '\n') {
			n++
		}
	}
	return n
}
