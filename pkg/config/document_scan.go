package config

import (
	"bytes"
)

// scan finds the entries. It follows LineReader.readLine and Properties.load0 of the
// JDK. Lines without a continuation are scanned in one pass; the pieces of other
// lines are joined first.
func (d *Document) scan() error {
	src := d.src
	d.entries = make([]entry, 0, bytes.Count(src, []byte{'\n'})+1)
	lines := lineFinder{b: src, lf: -1, cr: -1}
	void := -1 // start of the preceding lines that consist of a backslash only, -1 for none
	for off := 0; off < len(src); {
		start := off
		if void >= 0 {
			start, void = void, -1
		}
		off = skipBlanks(src, off)
		if off == len(src) {
			break
		}
		switch src[off] {
		case '\n', '\r':
			off++
			continue
		case '#', '!':
			off = lines.end(off)
			continue
		}
		eol := lines.end(off)
		line := src[off:eol]
		hasBackslash := bytes.IndexByte(line, '\\') >= 0
		if hasBackslash && oddBackslashes(line) {
			found := len(d.entries)
			next, err := d.scanContinued(&lines, start, off)
			if err != nil {
				return err
			}
			if len(d.entries) == found {
				void = start
			}
			off = next
			continue
		}
		e := splitLine(line, hasBackslash)
		e.shift(uint32(off))
		e.start, e.valEnd = uint32(start), uint32(eol)
		d.noteEscapes(&e, hasBackslash)
		if hasBackslash {
			if bad := badUnicodeEscape(line); bad >= 0 {
				return d.malformed(off + bad)
			}
		}
		d.entries = append(d.entries, e)
		off = skipEOL(src, eol)
	}
	return nil
}

func (e *entry) shift(by uint32) {
	e.keyStart += by
	e.keyEnd += by
	e.valStart += by
}

// noteEscapes sets the flags for raw text that must be decoded.
func (d *Document) noteEscapes(e *entry, hasBackslash bool) {
	key, value := d.src[e.keyStart:e.keyEnd], d.src[e.valStart:e.valEnd]
	if hasBackslash && bytes.IndexByte(key, '\\') >= 0 || !d.utf8 && !isASCII(key) {
		e.flags |= keyEscaped
	}
	if hasBackslash && bytes.IndexByte(value, '\\') >= 0 || !d.utf8 && !isASCII(value) {
		e.flags |= valueEscaped
	}
}

// splitLine finds the key and the value in a logical line that does not start with a
// blank or a comment mark. Offsets are relative to the line.
func splitLine(line []byte, hasBackslash bool) entry {
	var e entry
	keyEnd := 0
	if hasBackslash {
		keyEnd = escapedKeyEnd(line)
	} else {
		for keyEnd < len(line) && !endsKey[line[keyEnd]] {
			keyEnd++
		}
	}
	val := keyEnd
	for val < len(line) {
		c := line[val]
		if c == ' ' || c == '\t' || c == '\f' {
			val++
			continue
		}
		if e.flags&hasSeparator == 0 && (c == '=' || c == ':') {
			e.flags |= hasSeparator
			val++
			continue
		}
		break
	}
	e.keyEnd, e.valStart = uint32(keyEnd), uint32(val)
	return e
}

var endsKey = [256]bool{'=': true, ':': true, ' ': true, '\t': true, '\f': true}

func escapedKeyEnd(line []byte) int {
	escaped := false
	for i, c := range line {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case endsKey[c]:
			return i
		}
	}
	return len(line)
}

// scanContinued reads a logical line that spans several lines or ends the file with
// a backslash. It returns the offset after it. If the line turns out to be empty,
// no entry is added, and reading continues after the continuation mark, where a
// comment may follow. The mark then belongs to the next entry: if that entry were
// removed without the mark, the mark could end the file, and Java would see an
// entry.
func (d *Document) scanContinued(lines *lineFinder, start, off int) (int, error) {
	src := d.src
	j := joiner{src: src}
	at, dangles := off, false
	for {
		eol := lines.end(at)
		line := src[at:eol]
		if !oddBackslashes(line) {
			j.add(at, eol)
			at = eol
			break
		}
		j.add(at, eol-1)
		at = skipEOL(src, eol)
		if at == len(src) && !(eol+2 == at && len(j.buf) == 0) {
			// Java drops the backslash; even a line that contains nothing else
			// is then an entry with an empty key. The only exception is CRLF,
			// because Java's look-ahead stops at its first half.
			dangles = true
			break
		}
		if len(j.buf) == 0 {
			return at, nil
		}
		at = skipBlanks(src, at)
		if at == len(src) {
			dangles = true
			break
		}
	}
	hasBackslash := bytes.IndexByte(j.buf, '\\') >= 0
	if bad := badUnicodeEscape(j.buf); bad >= 0 {
		return 0, d.malformed(j.raw(bad))
	}
	logical := splitLine(j.buf, hasBackslash)
	e := entry{start: uint32(start), keyStart: uint32(off), valEnd: uint32(at), flags: logical.flags}
	e.keyEnd = uint32(j.rawEnd(int(logical.keyEnd)))
	if int(logical.valStart) < len(j.buf) {
		e.valStart = uint32(j.raw(int(logical.valStart)))
	} else {
		e.valStart = uint32(j.rawEnd(len(j.buf)))
	}
	e.flags |= keyEscaped | valueEscaped
	if dangles {
		e.flags |= dangling
	}
	d.entries = append(d.entries, e)
	return skipEOL(src, at), nil
}

// joiner assembles a logical line and records where its bytes came from.
type joiner struct {
	src  []byte
	buf  []byte
	segs []segment
}

type segment struct{ logical, raw, length int }

func (j *joiner) add(from, to int) {
	j.segs = append(j.segs, segment{logical: len(j.buf), raw: from, length: to - from})
	j.buf = append(j.buf, j.src[from:to]...)
}

// raw returns the source offset of logical byte i, which must exist.
func (j *joiner) raw(i int) int {
	for _, s := range j.segs {
		if i >= s.logical && i < s.logical+s.length {
			return s.raw + i - s.logical
		}
	}
	return j.rawEnd(i)
}

// rawEnd returns the source offset just after logical byte i-1.
func (j *joiner) rawEnd(i int) int {
	if i == 0 {
		return j.segs[0].raw
	}
	return j.raw(i-1) + 1
}

func (d *Document) malformed(at int) error {
	return &SyntaxError{
		Line:   1 + countLines(d.src[:at]),
		Detail: `\u must be followed by four hexadecimal digits; Java refuses to load the file`,
	}
}

func skipBlanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\f') {
		i++
	}
	return i
}

// lineFinder finds line endings from left to right. It remembers the next LF and the
// next CR, so that a file with only one kind is not searched to its end for the
// other kind at every line.
type lineFinder struct {
	b      []byte
	lf, cr int
}

// end returns the offset of the first CR or LF at or after i, or len(b). The
// argument must not decrease from call to call.
func (f *lineFinder) end(i int) int {
	if f.lf < i {
		f.lf = indexFrom(f.b, i, '\n')
	}
	if f.cr < i {
		f.cr = indexFrom(f.b, i, '\r')
	}
	return min(f.lf, f.cr)
}

func indexFrom(b []byte, i int, c byte) int {
	if n := bytes.IndexByte(b[i:], c); n >= 0 {
		return i + n
	}
	return len(b)
}

// skipEOL returns the offset after the line ending at i, or i if absent.
func skipEOL(b []byte, i int) int {
	if i < len(b) && b[i] == '\r' {
		i++
		if i < len(b) && b[i] == '\n' {
			i++
		}
		return i
	}
	if i < len(b) && b[i] == '\n' {
		i++
	}
	return i
}

// oddBackslashes reports whether line ends in an unescaped backslash.
func oddBackslashes(line []byte) bool {
	n := 0
	for n < len(line) && line[len(line)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

func isASCII(b []byte) bool {
	for len(b) >= 8 {
		if (b[0]|b[1]|b[2]|b[3]|b[4]|b[5]|b[6]|b[7])&0x80 != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// badUnicodeEscape returns the offset of the first malformed \u in a logical
// line, or -1.
func badUnicodeEscape(line []byte) int {
	for i := 0; i < len(line); i++ {
		if line[i] != '\\' {
			continue
		}
		i++
		if i < len(line) && line[i] == 'u' {
			if _, ok := hex4(line[i+1:]); !ok {
				return i - 1
			}
		}
	}
	return -1
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	var r rune
	for _, c := range b[:4] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c >= 'a' && c <= 'f':
			r = r<<4 | rune(c-'a'+10)
		case c >= 'A' && c <= 'F':
			r = r<<4 | rune(c-'A'+10)
		default:
			return 0, false
		}
	}
	return r, true
}
