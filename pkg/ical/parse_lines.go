package ical

import "strings"

// lines cuts a text into content lines that may be folded. For a Reader, text is a window that
// moves over the input.
type lines struct {
	text     string
	start    int  // of what no component has taken yet: blank and broken lines, and the line below
	from, to int  // the line, with its folds and ending
	folds    int  // how many line endings inside of it are folds
	unfolded int  // about the length of its content up to the last fold
	overlong bool // the middle of it was left out
	line     int  // number of its first physical line, from 1
	next     int  // number of the physical line after it
	newline  byte
	lenient  bool

	// fill makes the window larger, and moves it so that it begins at start; nil if text is
	// all there is.
	fill func() bool
}

// scan moves to the next line. It returns false at the end of the text.
func (l *lines) scan() bool {
	l.from, l.line, l.folds = l.to, l.next, 0
	l.unfolded, l.overlong = 0, false
	for {
		length := strings.IndexByte(l.text[l.to:], l.newline) + 1
		if (length == 0 || l.to+length == len(l.text)) && l.more() {
			continue
		}
		if length == 0 { // the last line has no ending
			length = len(l.text) - l.to
			l.to += length
			if length > 0 {
				l.next++
			}
			return length > 0
		}
		l.to += length
		l.next++
		end := l.to
		switch {
		case end == len(l.text), l.text[end] != ' ' && l.text[end] != '\t', l.folds == 0 && l.isBlank(),
			l.lenient && length < oddNameAfter && l.isOddName():
			return true
		}
		l.folds++
		l.unfolded += max(length-len("\r\n "), 0)
	}
}

// cut removes the middle of a line that is too long, so that the rest of it can be read without
// keeping it.
func (l *lines) cut() {
	const kept = 64
	l.overlong, l.unfolded = true, 0
	line := l.text[l.from:]
	if len(line) <= kept {
		return
	}
	l.to = min(l.to-l.from, kept)
	l.start, l.from = 0, 0
	l.text = line[:kept] + line[len(line)-1:] // it can end with a newline
}

// join adds the next line to the current one, unless it is blank or begins or ends a component.
// It returns the content of the next line.
func (l *lines) join() (string, bool) {
	length, line, folds, next, overlong := l.to-l.from, l.line, l.folds, l.next, l.overlong
	ok := l.scan() && !l.isBlank()
	content := ""
	if ok {
		content = l.content()
		nameEnd, _, _ := splitLine(content)
		ok = !equalName(content[:nameEnd], "BEGIN") && !equalName(content[:nameEnd], "END")
	}
	if !ok {
		l.to, l.next = l.from, next
	}
	l.from, l.line, l.folds = l.from-length, line, folds
	l.overlong = l.overlong || overlong
	return content, ok
}

// more makes the window larger. It returns false at the end of the input.
func (l *lines) more() bool { return l.fill != nil && l.fill() }

// isBlank reports whether the line contains only its ending.
func (l *lines) isBlank() bool {
	switch l.to - l.from {
	case 0:
		return true
	case 1:
		return l.text[l.from] == l.newline || l.text[l.from] == '\r'
	case 2:
		return l.text[l.from] == '\r' && l.text[l.from+1] == '\n'
	}
	return false
}

// take returns the line as received together with the blank and broken lines before it, whose
// length is lead.
func (l *lines) take() (raw string, lead int) {
	raw, lead = l.text[l.start:l.to], l.from-l.start
	l.start = l.to
	return raw, lead
}

// content returns the line, unfolded and without its ending.
func (l *lines) content() string {
	s := l.text[l.from:l.to]
	if l.folds == 0 {
		return s[:len(s)-ending(s, l.newline)]
	}
	var b strings.Builder
	b.Grow(len(s))
	for first := true; s != ""; first = false {
		if !first {
			s = s[1:]
		}
		end := strings.IndexByte(s, l.newline) + 1
		if end == 0 {
			end = len(s)
		}
		b.WriteString(s[:end-ending(s[:end], l.newline)])
		s = s[end:]
	}
	return b.String()
}

// ending returns the length of the ending of a line. A CR at the end of the text is an ending
// whose LF is missing.
func ending(s string, newline byte) int {
	n := len(s)
	switch {
	case n > 1 && s[n-1] == '\n' && s[n-2] == '\r' && newline == '\n':
		return 2
	case n > 0 && (s[n-1] == newline || s[n-1] == '\r'):
		return 1
	}
	return 0
}

// place returns the line and column in the input of a byte of the unfolded line.
func (l *lines) place(at int) (line, column int) {
	s := l.text[l.from:l.to]
	line = l.line
	skip := 0 // the blank of a fold
	for {
		end := strings.IndexByte(s, l.newline) + 1
		if end == 0 {
			end = len(s)
		}
		n := end - skip - ending(s[:end], l.newline)
		if at < n || end == len(s) {
			return line, skip + at + 1
		}
		at -= n
		s, skip = s[end:], 1
		line++
	}
}

// oddNameAfter is how short a line must be for the line after it to be a property though it
// begins with a blank. Lines of text that is folded are longer.
const oddNameAfter = 60

// isOddName reports whether the text after the line is a blank and a property of Calendar
// Server 6, which writes one so.
func (l *lines) isOddName() bool {
	const longest = 80
	for len(l.text)-l.to < longest {
		if !l.more() {
			break
		}
	}
	s := l.text[l.to:min(len(l.text), l.to+longest)]
	return isOddName(s)
}

func isOddName(s string) bool {
	if len(s) < 8 || s[1]|0x20 != 'x' || !equalName(s[1:8], "X-NSCP-") && !equalName(s[1:8], "X-S1CS-") {
		return false
	}
	i := 8
	for i < len(s) && isNameByte(s[i]) {
		i++
	}
	return i > 8 && i < len(s) && (s[i] == ':' || s[i] == ';')
}
