package ical

import (
	"iter"
	"strings"
)

// maxLineParams is how many parameters a line that ContentLines yields may have.
const maxLineParams = 100

// ContentLines yields the content lines of a text one after the other, BEGIN and END among them,
// for callers that want as much as there is of a text that may be broken or truncated. Lines end
// with CRLF or LF and are unfolded; blank lines are skipped. A property is valid until the next
// one is yielded.
//
// The name of a line that is not a content line is "", and its [Property.Content] is the whole
// line. This is so too if a quote has no end, if a parameter has no valid name or no value, or if
// there are more than 100 parameters.
func ContentLines(text string) iter.Seq[*Property] {
	return func(yield func(*Property) bool) {
		l := lines{text: text, next: 1, newline: '\n'}
		var p Property
		for l.scan() {
			l.start = l.to
			if l.isBlank() {
				continue
			}
			p = contentLine(l.content())
			if p.Line = l.line; p.text != "" && !yield(&p) {
				return
			}
		}
	}
}

// contentLine splits an unfolded line. A blank before the first line of a text, or after a blank
// line, continues nothing, and is skipped.
func contentLine(text string) Property {
	if text[0] == ' ' || text[0] == '\t' {
		text = text[1:]
	}
	nameEnd, at, params := splitLine(text)
	if at == 0 || params == openQuote || params != plainParams && !hasValidParams(text[nameEnd:at-1]) ||
		strings.Count(text[nameEnd:at-1], ";") > maxLineParams {
		return Property{text: text}
	}
	return Property{Name: upper(strings.TrimRight(text[:nameEnd], " \t")), text: text, nameEnd: int32(nameEnd), at: int32(at)}
}

// hasValidParams reports whether all parameters have a name and a value, which may be empty.
func hasValidParams(params string) bool {
	for params != "" {
		end := 1 + paramEnd(params[1:])
		name, _, ok := strings.Cut(params[1:end], "=")
		if !ok || !IsName(strings.Trim(name, " \t")) {
			return false
		}
		params = params[end:]
	}
	return true
}
