package cs6

import (
	"fmt"
	"strings"
)

// ProblemKind is the rule of ics.conf that a line does not follow.
type ProblemKind string

// The kinds of problems. A line with one of the first two is not a Setting.
const (
	NoSetting     ProblemKind = "no-setting"     // neither a setting nor a comment
	NameMalformed ProblemKind = "name-malformed" // the name contains invalid characters

	NameUpperCase     ProblemKind = "name-upper-case"    // the server recognizes lower-case names only
	ValueMissing      ProblemKind = "value-missing"      // nothing after the equals sign
	ValueUnquoted     ProblemKind = "value-unquoted"     // the value is the first word
	QuoteUnterminated ProblemKind = "quote-unterminated" // the value is the rest of the line
	TrailingSettings  ProblemKind = "trailing-settings"  // further settings after the value
	TrailingComment   ProblemKind = "trailing-comment"   // a comment after the value
	TrailingText      ProblemKind = "trailing-text"      // other text after the value
	BadBytes          ProblemKind = "bad-bytes"          // a byte-order mark, control characters, or invalid UTF-8
)

// Problem is a line of an ics.conf that does not follow the rules.
type Problem struct {
	Kind   ProblemKind
	Line   int    // counted from 1
	Text   string // the line, with secrets masked
	Detail string // what is wrong; it never contains a value
}

// String returns the line number, what is wrong and the line, safe for a terminal.
func (p Problem) String() string {
	return fmt.Sprintf("line %d: %s: %s", p.Line, p.Detail, quote(p.Text))
}

func (c *IcsConf) problem(kind ProblemKind, line int, raw, detail string) {
	c.problems = append(c.problems, Problem{Kind: kind, Line: line, Text: maskIcsLine(raw), Detail: detail})
}

// IsIcsSecret reports whether the value of a parameter is a password, so that it
// must not be shown. It decides by the name: those of Calendar Server 6 contain
// "cred" or "passw". Letter case does not matter.
func IsIcsSecret(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "cred") || strings.Contains(name, "passw") || strings.Contains(name, "secret")
}

// maskIcsLine returns a line in a form that may be shown. A line that contains the
// name of a secret is cut after that name, because the end of the value is unknown
// in a malformed line.
func maskIcsLine(raw string) string {
	for at := 0; at < len(raw); {
		end := at
		for end < len(raw) && isIcsNameByte(raw[end]) {
			end++
		}
		if IsIcsSecret(raw[at:end]) {
			return raw[:end] + " ****"
		}
		at = end + 1
	}
	return raw
}
