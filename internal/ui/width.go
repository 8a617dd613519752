package ui

import (
	"strings"

	"github.com/clipperhouse/displaywidth"
)

// DefaultWidth is the width in cells of output that does not go to a terminal.
const DefaultWidth = 80

// Width returns the number of terminal cells that text on one line takes: two for
// a wide East Asian character or an emoji, none for a combining mark.
func Width(s string) int { return displaywidth.String(s) }

func widthOr80(width int) int {
	if width <= 0 {
		return DefaultWidth
	}
	return width
}

// clipCells shortens text to n cells, the last of which is then "…".
func clipCells(s string, n int) string {
	return displaywidth.TruncateString(s, n, "…")
}

// leadingMark reports whether text begins with a combining mark, which would join
// the blank before it.
func leadingMark(s string) bool {
	if s == "" || s[0] < 0x80 {
		return false
	}
	g := displaywidth.StringGraphemes(s)
	return g.Next() && g.Width() == 0
}

// breakText breaks text into lines of at most n cells: at spaces, and inside a word
// only if the word alone is wider. Text that fits stays exactly as it is.
func breakText(s string, n int) []string { return breakLines(s, n, n) }

// breakLines is breakText with a first line of another width, which is not less.
func breakLines(s string, first, n int) []string {
	if Width(s) <= first {
		return []string{s}
	}
	var lines []string
	line, used := "", 0
	for _, word := range splitWords(s) {
		size, limit := Width(word), n
		if len(lines) == 0 {
			limit = first
		}
		if used > 0 && used+1+size <= limit {
			line, used = line+" "+word, used+1+size
			continue
		}
		if used > 0 {
			lines = append(lines, line)
		}
		pieces := breakWord(word, n)
		last := len(pieces) - 1
		lines = append(lines, pieces[:last]...)
		line, used = pieces[last], Width(pieces[last])
	}
	return append(lines, line)
}

// splitWords splits text at spaces. A space that carries a combining mark is part
// of a word.
func splitWords(s string) []string {
	var words []string
	start, pos := 0, 0
	add := func() {
		if pos > start {
			words = append(words, s[start:pos])
		}
	}
	for g := displaywidth.StringGraphemes(s); g.Next(); {
		v := g.Value()
		if v == " " {
			add()
			start = pos + 1
		}
		pos += len(v)
	}
	add()
	return words
}

// breakWord cuts text into pieces of at most n cells, which joined are the text
// again. It prefers to cut after punctuation, as people do with a DN, a URL or a
// path. A single character that is wider than n is a piece of its own.
func breakWord(s string, n int) []string {
	var pieces []string
	start, pos, used := 0, 0, 0
	good, goodUsed := 0, 0 // the last position after punctuation in this piece, and its width
	dot, dotUsed := 0, 0   // the same of a dot, as in the name of a parameter
	for g := displaywidth.StringGraphemes(s); g.Next(); {
		v, size := g.Value(), g.Width()
		if used+size > n && pos > start {
			end := pos
			switch {
			case goodUsed > n/2:
				end = good
				used -= goodUsed
			case dotUsed > n/2:
				end = dot
				used -= dotUsed
			default:
				used = 0
			}
			pieces = append(pieces, s[start:end])
			start, goodUsed, dotUsed = end, 0, 0
		}
		pos += len(v)
		used += size
		if strings.Contains(",;/&?", v) {
			good, goodUsed = pos, used
		}
		if v == "." {
			dot, dotUsed = pos, used
		}
	}
	return append(pieces, s[start:])
}

// longestWord returns the width of the widest word of text.
func longestWord(s string) int {
	longest := 0
	for word := range strings.FieldsSeq(s) {
		longest = max(longest, Width(word))
	}
	return longest
}
