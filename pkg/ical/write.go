package ical

import (
	"bytes"
	"unicode/utf8"
)

// foldAt is the maximum length of a line in bytes without its ending (RFC 5545, 3.1).
const foldAt = 75

// AppendTo appends the text of the component, and returns the extended buffer. Lines that were
// not edited are as they were received. Edited and new lines are folded, and end as the line before
// them does; with CRLF if they are the first.
func (c *Component) AppendTo(b []byte) []byte {
	w := writer{b: b, base: len(b)}
	w.component(c)
	return w.b
}

// String returns the text of the component.
func (c *Component) String() string { return string(c.AppendTo(nil)) }

// writer appends lines to b. What is before base was there before.
type writer struct {
	b    []byte
	base int
	seen int // how much after base was searched for LF
	lf   int // the end of the last LF in it; 0 for none
}

func (w *writer) component(c *Component) {
	if c.begin != "" {
		w.raw(c.begin)
	} else {
		w.line("BEGIN:" + c.Name)
	}
	next := 0
	for i, child := range c.Components {
		for ; next < c.before(i); next++ {
			w.property(&c.Properties[next])
		}
		w.raw(child.lead)
		w.component(child)
	}
	for ; next < len(c.Properties); next++ {
		w.property(&c.Properties[next])
	}
	w.raw(c.tail)
	switch {
	case c.end != "":
		w.raw(c.end)
	case !c.open:
		w.line("END:" + c.Name)
	}
}

// before returns how many properties are before a component in the text.
func (c *Component) before(i int) int {
	if i < len(c.follows) {
		return min(c.follows[i], len(c.Properties))
	}
	return len(c.Properties)
}

func (w *writer) property(p *Property) {
	w.raw(p.raw)
	if p.edited {
		w.line(p.text)
	}
}

// raw appends lines as they were received.
func (w *writer) raw(lines string) {
	if lines != "" {
		w.endLine()
		w.b = append(w.b, lines...)
	}
}

// endLine appends the ending of the last line if it is missing: the input ended there.
func (w *writer) endLine() {
	if n := len(w.b); n > w.base && w.b[n-1] != '\n' {
		switch ending := w.ending(); {
		case w.b[n-1] != '\r':
			w.b = append(w.b, ending...)
		case ending != "\r": // the input ended between CR and LF
			w.b = append(w.b, '\n')
		}
	}
}

// ending returns the ending of the last line that has one.
func (w *writer) ending() string {
	own := w.b[w.base:]
	// Lines that end with CR only have no LF: what was searched once is not searched again.
	if j := bytes.LastIndexByte(own[w.seen:], '\n'); j >= 0 {
		w.lf = w.seen + j + 1
	}
	w.seen = len(own)
	i := w.lf - 1
	switch {
	case i > 0 && own[i-1] != '\r':
		return "\n"
	case i < 0 && bytes.IndexByte(own, '\r') >= 0:
		return "\r"
	}
	return "\r\n"
}

// line appends a line, folded.
func (w *writer) line(text string) {
	w.endLine()
	ending := w.ending()
	for room := foldAt; len(text) > room; room = foldAt - 1 {
		end := room
		for end > room-utf8.UTFMax && !utf8.RuneStart(text[end]) {
			end--
		}
		if !utf8.RuneStart(text[end]) { // not UTF-8
			end = room
		}
		w.b = append(w.b, text[:end]...)
		w.b = append(w.b, ending...)
		w.b = append(w.b, ' ')
		text = text[end:]
	}
	w.b = append(w.b, text...)
	w.b = append(w.b, ending...)
}
