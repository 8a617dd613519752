package config

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/finding"
)

// textChecks returns the checks of the characters in the file.
func textChecks() []check {
	return []check{
		{newRule("control-character", finding.Error,
			"the file and its values contain no control characters",
			"no parameter accepts them; they come from a damaged file, or from a single backslash as in logs\\new, where Java reads a line feed",
			"set the parameter again; write \\\\ for a backslash when editing by hand"),
			checkControl, true},
		{newRule("non-ascii-text", finding.Warning,
			"names and values are in ASCII",
			"the server reads each byte as one character of Latin-1, while editors and other tools expect UTF-8: one of them shows wrong letters",
			"set the parameter with davadmin, which writes such letters as \\u escapes that all programs read in the same way"),
			checkASCII, false},
	}
}

// physicalLine is one line of the file, whether or not it is part of an entry.
type physicalLine struct {
	number int
	offset int // in the text that was split into lines
	text   []byte
}

// physicalLines yields the lines of b as Java counts them, without their line
// endings. The first line gets the given number.
func physicalLines(b []byte, first int) iter.Seq[physicalLine] {
	return func(yield func(physicalLine) bool) {
		for at, n := 0, first; at < len(b); n++ {
			end := len(b)
			if i := bytes.IndexAny(b[at:], "\r\n"); i >= 0 {
				end = at + i
			}
			if !yield(physicalLine{n, at, b[at:end]}) {
				return
			}
			at = skipEOL(b, end)
		}
	}
}

// comments yields the lines that are not part of an entry.
func (s *checkState) comments() iter.Seq[physicalLine] {
	return func(yield func(physicalLine) bool) {
		line, at := 1, uint32(0)
		gap := func(to uint32) bool {
			text := s.doc.src[at:to]
			for l := range physicalLines(text, line) {
				if !yield(l) {
					return false
				}
			}
			line += countLines(text)
			return true
		}
		for i := range s.doc.entries {
			e := &s.doc.entries[i]
			if !gap(e.start) {
				return
			}
			end := uint32(skipEOL(s.doc.src, int(e.valEnd)))
			line += countLines(s.doc.src[e.start:end])
			at = end
		}
		gap(uint32(len(s.doc.src)))
	}
}

func checkControl(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	raw := func(lines iter.Seq[physicalLine]) {
		for l := range lines {
			if i := bytes.IndexFunc(l.text, rawControl); i >= 0 {
				emit(finding.Finding{Where: s.where(l.number), Detail: fmt.Sprintf("the line contains the control character U+%04X", l.text[i])})
			}
		}
	}
	if s.doc == nil {
		if isUTF16(s.in.Text) {
			return finding.NotApplicable("the file is in UTF-16")
		}
		raw(physicalLines(s.in.Text, 1))
		return nil
	}
	raw(s.comments())
	for i := range s.settings {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &s.settings[i]
		key, value := st.asMeant()
		for _, part := range []struct{ what, text string }{{"name", key}, {"value", value}} {
			if fault := controlFault(part.text); fault != "" {
				emit(s.of(st, fmt.Sprintf("the %s of %s contains %s; perhaps a backslash should be doubled", part.what, st.name(), fault), finding.Fix{}))
				break
			}
		}
	}
	return nil
}

// rawControl reports whether c is a control character that must not be in any
// line. Java reads a form feed as a blank.
func rawControl(c rune) bool { return c < 0x20 && c != '\t' && c != '\f' || c == 0x7f }

// controlFault describes the first character of s that no value may contain, or
// returns an empty string.
func controlFault(s string) string {
	for i, c := range s {
		if c == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return "half a surrogate pair " + at(s, i)
			}
		}
		if unicode.IsControl(c) && c != '\t' {
			return fmt.Sprintf("the control character U+%04X %s", c, at(s, i))
		}
	}
	return ""
}

// asMeant returns the key and the value as their author saw them.
func (st *setting) asMeant() (key, value string) { return asMeant(st.body, st.Key, st.Value) }

// asMeant reads the raw text of an entry, starting at its key, as UTF-8 if it is
// valid UTF-8 and not ASCII, and returns the given key and value otherwise. Read
// as Latin-1, parts of its letters are control characters.
func asMeant(body []byte, key, value string) (meantKey, meantValue string) {
	if isASCII(body) || !utf8.Valid(body) {
		return key, value
	}
	d, err := ParseUTF8(body)
	if err != nil {
		return key, value
	}
	for e := range d.Entries() {
		return strings.TrimPrefix(e.Key, "\ufeff"), e.Value
	}
	return key, value
}

func checkASCII(ctx context.Context, s *checkState, emit func(finding.Finding)) error {
	for i := range s.settings {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &s.settings[i]
		text := st.body
		if st.marked {
			text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
		}
		if isASCII(text) {
			continue
		}
		if !utf8.Valid(text) {
			emit(s.of(st, st.name()+" is written in Latin-1; an editor that expects UTF-8 would damage it", finding.Fix{}))
			continue
		}
		f := s.of(st, st.name()+" is written in UTF-8, but the server reads each byte as a separate letter", finding.Fix{})
		if key, value := st.asMeant(); key == st.Key && st.param != nil && !st.Shadowed {
			f.Fix = s.fixSet(st.Key, value)
		}
		emit(f)
	}
	return nil
}
