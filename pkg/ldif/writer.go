package ldif

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
)

// width is the length at which RFC 2849 folds a line.
const width = 76

// WriteAttribute is an attribute with all its values, for a Writer.
type WriteAttribute struct {
	Name   string // with its options: "cn;lang-de"
	Values [][]byte
}

// Writer writes records in the format of RFC 2849: "version: 1", directly followed
// by the first record; lines end with LF and are folded at 76 columns; a blank line
// ends each record. A value that is not plain printable ASCII is written in base64,
// slightly more often than the RFC requires, so that no reader trims or interprets
// it.
//
// The first error is kept: each further call returns it and writes nothing, and so
// does Flush, so that output with a record missing is never mistaken for complete.
// No part of a rejected record is written.
//
// A Writer must not be used by several goroutines at once.
type Writer struct {
	w       *bufio.Writer
	started bool
	inert   bool
	text    []byte // the record being built
	err     error
}

// NewWriter returns a Writer that writes to w. Call Flush at the end.
func NewWriter(w io.Writer) *Writer { return &Writer{w: bufio.NewWriterSize(w, 64<<10)} }

// Inert makes the text harmless even if it is taken for shell commands: lines are not
// folded, because a folded line could begin with the name of a program, and every value
// with a character that means something to a shell is written in base64. A name with
// options is rejected, because the ';' ends a command. What a shell then reads as
// commands are words that end with a colon, or '-'.
func (w *Writer) Inert() { w.inert = true }

// Flush writes the buffered text and returns the first error of all calls.
func (w *Writer) Flush() error {
	if err := w.w.Flush(); w.err == nil {
		w.err = err
	}
	return w.err
}

// Comment writes a comment, one comment line for each line of text. Lines are not
// folded, so that a command in a comment can be copied. Control characters become
// '?'. A blank line separates the comment from the record before it, but not from
// the one after it.
func (w *Writer) Comment(text string) error {
	if w.err != nil {
		return w.err
	}
	w.text = w.text[:0]
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
	for line := range strings.SplitSeq(text, "\n") {
		w.text = append(w.text, '#')
		if line != "" {
			w.text = append(w.text, ' ')
		}
		for _, c := range line {
			if unicode.IsControl(c) || c == '\u2028' || c == '\u2029' {
				c = '?'
			}
			w.text = append(w.text, string(c)...)
		}
		w.text = append(w.text, '\n')
	}
	return w.emit()
}

// Entry writes an entry, without a changetype.
func (w *Writer) Entry(dn string, attrs []WriteAttribute) error {
	return w.record(dn, "", func() error { return w.attributes(attrs) })
}

// Add writes a record that adds an entry. It rejects an entry without attributes,
// which the format cannot express.
func (w *Writer) Add(dn string, attrs []WriteAttribute) error {
	return w.record(dn, "add", func() error {
		before := len(w.text)
		if err := w.attributes(attrs); err != nil {
			return err
		}
		if len(w.text) == before {
			return errors.New("the entry to add has no attributes")
		}
		return nil
	})
}

// Delete writes a record that deletes an entry.
func (w *Writer) Delete(dn string) error {
	return w.record(dn, "delete", func() error { return nil })
}

// Modify writes a record that modifies an entry. It rejects an addition without
// values, and an increment that does not have exactly one value.
func (w *Writer) Modify(dn string, changes []Modification) error {
	return w.record(dn, "modify", func() error {
		for i := range changes {
			if err := w.change(&changes[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// ModDN writes a record that renames an entry. newSuperior is the DN of the new
// superior entry, or "" to keep the current one.
func (w *Writer) ModDN(dn, newRDN string, deleteOldRDN bool, newSuperior string) error {
	return w.record(dn, "moddn", func() error {
		if newRDN == "" {
			return errors.New("the new RDN is empty")
		}
		w.line("newrdn", []byte(newRDN))
		old := "0"
		if deleteOldRDN {
			old = "1"
		}
		w.line("deleteoldrdn", []byte(old))
		if newSuperior != "" {
			w.line("newsuperior", []byte(newSuperior))
		}
		return nil
	})
}

// record builds a record in text and writes all of it or nothing.
func (w *Writer) record(dn, changeType string, body func() error) error {
	if w.err != nil {
		return w.err
	}
	w.text = w.text[:0]
	w.line("dn", []byte(dn))
	if changeType != "" {
		w.line("changetype", []byte(changeType))
	}
	if err := body(); err != nil {
		w.err = fmt.Errorf("cannot write the record of %q: %w", dn, err)
		return w.err
	}
	w.text = append(w.text, '\n')
	return w.emit()
}

// emit writes text, preceded by the version line the first time.
func (w *Writer) emit() error {
	if !w.started {
		w.started = true
		_, w.err = w.w.WriteString("version: 1\n")
	}
	if w.err == nil {
		_, w.err = w.w.Write(w.text)
	}
	return w.err
}

func (w *Writer) attributes(attrs []WriteAttribute) error {
	for _, a := range attrs {
		if err := checkName(a.Name); err != nil {
			return err
		}
		for _, v := range a.Values {
			w.line(a.Name, v)
		}
	}
	return nil
}

func (w *Writer) change(c *Modification) error {
	if err := checkName(c.Name); err != nil {
		return err
	}
	switch n := len(c.Values); {
	case c.Op < OpAdd || c.Op > OpIncrement:
		return fmt.Errorf("%s is not a valid operation", c.Op)
	case c.Op == OpAdd && n == 0, c.Op == OpIncrement && n != 1:
		return fmt.Errorf("cannot %s %d values of %s", c.Op, n, c.Name)
	}
	if w.inert && strings.Contains(c.Name, ";") {
		return fmt.Errorf("the name %q is not harmless to a shell", c.Name)
	}
	w.line(c.Op.String(), []byte(c.Name))
	for _, v := range c.Values {
		w.line(c.Name, v)
	}
	w.text = append(w.text, '-', '\n')
	return nil
}

// line appends "name: value", folded, in base64 if the value requires it.
func (w *Writer) line(name string, value []byte) {
	start := len(w.text)
	w.text = append(append(w.text, name...), ':')
	switch {
	case len(value) == 0:
	case IsSafe(value) && !(w.inert && hasShellCharacter(value)):
		w.text = append(append(w.text, ' '), value...)
	default:
		w.text = append(w.text, ':', ' ')
		w.text = base64.StdEncoding.AppendEncode(w.text, value)
	}
	if !w.inert {
		w.text = fold(w.text, start)
	}
	w.text = append(w.text, '\n')
}

// hasShellCharacter reports whether a value contains a character that a shell may treat
// in a special way, or any other than those that certainly have no such meaning.
func hasShellCharacter(v []byte) bool {
	const harmless = letters + digits + " @%+=:,./_-"
	return bytes.ContainsFunc(v, func(c rune) bool { return !strings.ContainsRune(harmless, c) })
}

// fold folds the line that begins at start and reaches to the end of text.
func fold(text []byte, start int) []byte {
	n := len(text) - start
	if n <= width {
		return text
	}
	// The first line holds width bytes, each further line a blank and width-1 bytes.
	more := (n - width + width - 2) / (width - 1)
	text = append(text, make([]byte, 2*more)...)
	from, to := start+n, len(text)
	for ; more > 0; more-- {
		at := start + width + (more-1)*(width-1)
		to -= from - at
		copy(text[to:], text[at:from])
		text[to-2], text[to-1] = '\n', ' '
		from, to = at, to-2
	}
	return text
}

// IsSafe reports whether a value, which must not be empty, can be written without
// base64: it is a SAFE-STRING of RFC 2849 without control characters and without a
// blank at the end.
func IsSafe(v []byte) bool {
	switch v[0] {
	case ' ', ':', '<':
		return false
	}
	for _, c := range v {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return v[len(v)-1] != ' '
}

// checkName returns an error unless name is an attribute description (RFC 4512
// section 2.5) and not a word with another meaning at the beginning of a line. '_'
// is allowed, because servers can be configured to allow it.
func checkName(name string) error {
	base, options, some := strings.Cut(name, ";")
	valid := isOID(base)
	for more := some; more && valid; {
		var option string
		option, options, more = strings.Cut(options, ";")
		valid = option != "" && strings.Trim(option, keyCharacters) == ""
	}
	if !valid {
		return fmt.Errorf("%q is not a valid attribute name", name)
	}
	switch strings.ToLower(base) {
	case "dn", "changetype", "control":
		return fmt.Errorf("%q is a reserved word of LDIF and cannot be an attribute name", name)
	}
	return nil
}

const (
	digits        = "0123456789"
	letters       = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	keyCharacters = letters + digits + "-_"
)

// isOID reports whether s is a descr or a numericoid (RFC 4512 section 1.4).
func isOID(s string) bool {
	if s == "" {
		return false
	}
	if strings.Contains(letters, s[:1]) {
		return strings.Trim(s, keyCharacters) == ""
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || strings.Trim(part, digits) != "" || len(part) > 1 && part[0] == '0' {
			return false
		}
	}
	return strings.Contains(s, ".")
}
