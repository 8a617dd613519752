package ui

import (
	"io"
	"strings"
	"unicode"
)

// Wrap breaks the paragraphs of text into lines of at most width cells (80 if width
// is 0). Blank lines and indented lines are kept. An indented line that is too long
// continues on lines with a deeper indent: a shell command, which begins with
// "davadmin", after a backslash, and a line of two columns in the second column. A
// line is longer than the width only if a single word is.
func Wrap(text string, width int) string {
	width = widthOr80(width)
	lines := strings.Split(strings.ReplaceAll(text, "\t", "    "), "\n")
	var out []string
	for i := 0; i < len(lines); {
		line := strings.TrimRight(lines[i], " ")
		i++
		hang := listMarker(line)
		switch {
		case line == "":
			out = append(out, "")
			continue
		case line[0] == ' ':
			out = append(out, wrapIndented(line, width)...)
			continue
		}
		for i < len(lines) && continues(lines[i], hang > 0) {
			line += " " + strings.TrimSpace(lines[i])
			i++
		}
		out = append(out, hanging(line[:hang], line[hang:], hang, width)...)
	}
	return strings.Join(out, "\n")
}

// continues reports whether a line belongs to the paragraph before it. In a list,
// indented lines do.
func continues(line string, inList bool) bool {
	trimmed := strings.TrimSpace(line)
	return trimmed != "" && listMarker(trimmed) == 0 && (line[0] != ' ' || inList)
}

// listMarker returns the length of "- ", "* " or "1. " at the beginning of a line.
func listMarker(line string) int {
	if strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "* ") {
		return 2
	}
	number, _, ok := strings.Cut(line, ". ")
	if ok && number != "" && len(number) < 3 && strings.IndexFunc(number, func(r rune) bool { return !unicode.IsDigit(r) }) < 0 {
		return len(number) + 2
	}
	return 0
}

// hanging breaks text into lines, the first after prefix and the others indented.
func hanging(prefix, text string, indent, width int) []string {
	var out []string
	line, used, empty := prefix, Width(prefix), true
	for _, word := range splitWords(text) {
		size := Width(word)
		switch {
		case empty:
		case used+1+size <= width:
			line, used = line+" ", used+1
		default:
			out = append(out, line)
			line, used = strings.Repeat(" ", indent), indent
		}
		line, used, empty = line+word, used+size, false
	}
	return append(out, line)
}

func wrapIndented(line string, width int) []string {
	if Width(line) <= width {
		return []string{line}
	}
	text := strings.TrimLeft(line, " ")
	indent := len(line) - len(text)
	if strings.HasPrefix(text, "davadmin ") {
		return wrapCommand(text, indent, width)
	}
	if gap := strings.Index(text, "  "); gap > 0 {
		rest := strings.TrimLeft(text[gap:], " ")
		prefix := line[:len(line)-len(rest)]
		if column := Width(prefix); column <= width/2 {
			return hanging(prefix, rest, column, width)
		}
	}
	hang := indent
	if hang+4 <= width/2 {
		hang += 4
	}
	return hanging(line[:indent], text, hang, width)
}

// wrapCommand breaks a shell command at spaces outside of quotes, so that it can be
// pasted as it is printed.
func wrapCommand(command string, indent, width int) []string {
	var words []string
	start, quote := 0, rune(0)
	for i, r := range command {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == ' ':
			if i > start {
				words = append(words, command[start:i])
			}
			start = i + 1
		}
	}
	words = append(words, command[start:])
	var out []string
	line := strings.Repeat(" ", indent) + words[0]
	for i := 1; i < len(words); {
		// An option and its value stay together, and so do a redirection and its file.
		next := words[i]
		joins := strings.HasPrefix(next, "-") || redirects(next)
		if i++; i < len(words) && joins && !strings.HasPrefix(words[i], "-") && !redirects(words[i]) && indent+4+Width(next)+1+Width(words[i])+2 <= width {
			next += " " + words[i]
			i++
		}
		end := 2 // for the backslash
		if i == len(words) {
			end = 0
		}
		if Width(line)+1+Width(next)+end > width {
			out = append(out, line+` \`)
			line = strings.Repeat(" ", indent+4) + next
			continue
		}
		line += " " + next
	}
	return append(out, line)
}

// redirects reports whether a word of a shell command redirects its input or output.
func redirects(word string) bool { return word == "<" || word == ">" || word == ">>" }

// Definition is an item of a list: an option, an action or an operation, and the
// text that explains it.
type Definition struct{ Term, Text string }

const (
	maxTerm     = 30 // cells; a longer term gets a line of its own
	minTextSize = 24 // cells; with less, the text goes under its term
)

// WriteDefinitions writes an aligned list of two columns that fits the width (80 if
// width is 0). A term may begin with spaces to line up with others.
func WriteDefinitions(w io.Writer, width int, items []Definition) error {
	width = widthOr80(width)
	terms := 0
	for _, d := range items {
		if n := Width(d.Term); n <= maxTerm {
			terms = max(terms, n)
		}
	}
	column := 2 + terms + 2
	under := width-column < minTextSize
	if under || terms == 0 {
		column = min(6, width/4)
	}
	var b strings.Builder
	for _, d := range items {
		line := "  " + d.Term
		text := strings.Split(Wrap(d.Text, width-column), "\n")
		if under || Width(d.Term) > terms || d.Text == "" {
			for _, l := range wrapIndented(line, width) {
				b.WriteString(l + "\n")
			}
			if d.Text == "" {
				continue
			}
			line = ""
		}
		for _, t := range text {
			b.WriteString(strings.TrimRight(line+strings.Repeat(" ", max(0, column-Width(line)))+t, " ") + "\n")
			line = ""
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Field returns a line of a label and text. On a terminal, whose width is not 0, the
// text is wrapped, and its further lines are indented to its first.
func Field(label, text string, width int) string {
	indent := Width(label)
	if width == 0 || width-indent < minTextSize {
		return label + text + "\n"
	}
	lines := strings.Split(Wrap(strings.TrimSpace(text), width-indent), "\n")
	return label + strings.Join(lines, "\n"+strings.Repeat(" ", indent)) + "\n"
}
