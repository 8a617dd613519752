package ical

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonReader reads JSON (RFC 8259) value by value, without a tree: its memory does not grow with
// what the text contains.
type jsonReader struct {
	text     string
	at       int
	token    int // where the last token began
	lenient  bool
	err      *Problem // the error that ended the reading
	problems problems

	counted int // place up to which lines are counted
	line    int // of that place, from 0

	component string // name of the component that is read
	property  string // name of the property that is read
}

// place adds the place to a problem.
func (r *jsonReader) place(p Problem) Problem {
	r.line += strings.Count(r.text[r.counted:r.token], "\n")
	r.counted = r.token
	p.Line, p.Component, p.Property = r.line+1, r.component, r.property
	p.Column = r.token - strings.LastIndexByte(r.text[:r.token], '\n')
	return p
}

// fatal ends the reading.
func (r *jsonReader) fatal(code, format string, args ...any) {
	if r.err == nil {
		p := r.place(Problem{Level: Error, Code: code, Text: fmt.Sprintf(format, args...)})
		r.problems.add(p)
		r.err = &p
		r.at = len(r.text)
	}
}

// flaw reports a part that is not as jCal requires. It ends the reading unless that is lenient.
func (r *jsonReader) flaw(code, format string, args ...any) {
	switch {
	case r.err != nil:
	case !r.lenient:
		r.fatal(code, format, args...)
	case len(r.problems.list) == maxProblems:
		r.problems.add(Problem{Level: Error}) // counted, without the search for its place
	default:
		r.problems.add(r.place(Problem{Level: Error, Code: code, Text: fmt.Sprintf(format, args...)}))
	}
}

// peek returns the first byte of the next token; 0 at the end.
func (r *jsonReader) peek() byte {
	for r.at < len(r.text) {
		switch c := r.text[r.at]; c {
		case ' ', '\t', '\r', '\n':
			r.at++
		default:
			r.token = r.at
			return c
		}
	}
	r.token = r.at
	return 0
}

// expect reads one byte of punctuation.
func (r *jsonReader) expect(c byte) {
	if got := r.peek(); got == c {
		r.at++
	} else {
		r.syntax("%q", string(c))
	}
}

// syntax ends the reading: something else was expected.
func (r *jsonReader) syntax(format string, args ...any) {
	if r.at >= len(r.text) {
		r.fatal("json", "the text ends in the middle of its JSON")
		return
	}
	r.fatal("json", "the text is not valid JSON: expected "+format, args...)
}

// end reports whether an array or object ends after n elements. If not, it reads the comma
// before the next one.
func (r *jsonReader) end(closing byte, n int) bool {
	if r.peek() == closing {
		r.at++
		return true
	}
	if n > 0 {
		r.expect(',')
	}
	return false
}

// string reads a string.
func (r *jsonReader) string() string {
	if r.peek() != '"' {
		r.syntax("a string")
		return ""
	}
	r.at++
	start := r.at
	for i := start; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.at = i + 1
			return r.valid(r.text[start:i])
		case c == '\\':
			return r.escaped(start, i)
		case c < 0x20:
			r.at = i
			r.syntax("the end of the string before a control character")
			return ""
		}
	}
	r.at = len(r.text)
	r.syntax("")
	return ""
}

// valid reports text that is not UTF-8.
func (r *jsonReader) valid(s string) string {
	if !utf8.ValidString(s) {
		r.flaw("not-utf-8", "a string is not UTF-8")
		return strings.ToValidUTF8(s, "\ufffd")
	}
	return s
}

// escaped reads the rest of a string whose first escape is at i.
func (r *jsonReader) escaped(start, i int) string {
	b := append(make([]byte, 0, i-start+64), r.text[start:i]...)
	for i < len(r.text) {
		c := r.text[i]
		switch {
		case c == '"':
			r.at = i + 1
			return r.valid(string(b))
		case c < 0x20:
			r.at = i
			r.syntax("the end of the string before a control character")
			return ""
		case c != '\\':
			b = append(b, c)
			i++
			continue
		}
		if i+1 == len(r.text) {
			break
		}
		if at := strings.IndexByte(`"\/bfnrt`, r.text[i+1]); at >= 0 {
			b = append(b, "\"\\/\b\f\n\r\t"[at])
			i += 2
			continue
		}
		r.at = i
		char, n := r.unicode(r.text[i:])
		if n == 0 {
			r.syntax("a valid escape in the string")
			return ""
		}
		b = utf8.AppendRune(b, char)
		i += n
	}
	r.at = len(r.text)
	r.syntax("")
	return ""
}

// unicode decodes \uXXXX, or a pair of them, and returns its length; 0 if the text is something else.
func (r *jsonReader) unicode(s string) (rune, int) {
	first, ok := hex4(s)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(first) {
		return first, 6
	}
	if second, ok := hex4(s[6:]); ok {
		if char := utf16.DecodeRune(first, second); char != utf8.RuneError {
			return char, 12
		}
	}
	r.flaw("not-utf-8", "a string contains half a surrogate pair")
	return utf8.RuneError, 6
}

// hex4 decodes \uXXXX at the beginning of s.
func hex4(s string) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	n := rune(0)
	for i := 2; i < 6; i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			n = n<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			n = n<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

// The kinds of scalars.
type scalarKind uint8

const (
	isNull scalarKind = iota
	isString
	isNumber
	isBoolean
)

// scalar reads a string, a number as it is written, or a boolean as TRUE or FALSE. ok is false
// for null, and for arrays and objects, which are skipped.
func (r *jsonReader) scalar() (s string, kind scalarKind, ok bool) {
	switch c := r.peek(); {
	case c == '"':
		s = r.string()
		return s, isString, r.err == nil
	case c == '-' || c >= '0' && c <= '9':
		s = r.number()
		return s, isNumber, r.err == nil
	case c == 't' && r.word("true"):
		return "TRUE", isBoolean, true
	case c == 'f' && r.word("false"):
		return "FALSE", isBoolean, true
	}
	r.skip()
	return "", isNull, false
}

func (r *jsonReader) word(s string) bool {
	if strings.HasPrefix(r.text[r.at:], s) {
		r.at += len(s)
		return true
	}
	return false
}

// number reads a number (RFC 8259, 6).
func (r *jsonReader) number() string {
	start, i := r.at, r.at
	digits := func() bool {
		from := i
		for i < len(r.text) && r.text[i] >= '0' && r.text[i] <= '9' {
			i++
		}
		return i > from
	}
	is := func(set string) bool { return i < len(r.text) && strings.IndexByte(set, r.text[i]) >= 0 }
	if is("-") {
		i++
	}
	whole := i
	ok := digits() && (r.text[whole] != '0' || i == whole+1)
	if ok && is(".") {
		i++
		ok = digits()
	}
	if ok && is("eE") {
		if i++; is("+-") {
			i++
		}
		ok = digits()
	}
	r.at = i
	if !ok {
		r.syntax("a number")
	}
	return r.text[start:i]
}

// maxJSONDepth is how deep values that are skipped may be nested.
const maxJSONDepth = 100

// skip reads a value of any kind and forgets it.
func (r *jsonReader) skip() { r.skipAt(0) }

func (r *jsonReader) skipAt(depth int) {
	if depth > maxJSONDepth {
		r.fatal("limit-depth", "JSON is nested more than %d deep", maxJSONDepth)
		return
	}
	switch c := r.peek(); {
	case c == '[':
		r.at++
		for n := 0; r.err == nil && !r.end(']', n); n++ {
			r.skipAt(depth + 1)
		}
	case c == '{':
		r.at++
		for n := 0; r.err == nil && !r.end('}', n); n++ {
			r.string()
			r.expect(':')
			r.skipAt(depth + 1)
		}
	case c == '"':
		r.string()
	case c == '-' || c >= '0' && c <= '9':
		r.number()
	case r.word("true"), r.word("false"), r.word("null"):
	default:
		r.syntax("a value")
	}
}
