package cs6

import (
	"fmt"
	"strings"
)

// ProblemKind says which rule of ics.conf a line does not follow.
type ProblemKind string

// The kinds of problems. A line with one of the first two gives no setting.
const (
	NoSetting     ProblemKind = "no-setting"     // neither a setting nor a comment
	NameMalformed ProblemKind = "name-malformed" // the name holds what no name can hold

	NameUpperCase     ProblemKind = "name-upper-case"    // the server knows names in lower case only
	ValueMissing      ProblemKind = "value-missing"      // nothing behind the equals sign
	ValueUnquoted     ProblemKind = "value-unquoted"     // the first word was taken
	QuoteUnterminated ProblemKind = "quote-unterminated" // the rest of the line was taken
	TrailingSettings  ProblemKind = "trailing-settings"  // further settings behind the value
	TrailingComment   ProblemKind = "trailing-comment"   // a comment behind the value
	TrailingText      ProblemKind = "trailing-text"      // something else behind the value
	BadBytes          ProblemKind = "bad-bytes"          // a byte-order mark, controls, or no UTF-8
)

// Problem is a line of an ics.conf that does not follow the rules.
type Problem struct {
	Kind   ProblemKind
	Line   int    // counted from 1
	Text   string // of the line; the value of a secret is stars
	Detail string // what is wrong; it never holds a value
}

// String names line and fault, fit for a terminal.
func (p Problem) String() string {
	return fmt.Sprintf("line %d: %s: %s", p.Line, p.Detail, quote(p.Text))
}

func (c *IcsConf) problem(kind ProblemKind, line int, raw, detail string) {
	c.problems = append(c.problems, Problem{Kind: kind, Line: line, Text: maskIcsLine(raw), Detail: detail})
}

// IsIcsSecret tells whether the value of a parameter is a password, so that it
// must not be shown. It goes by the name: those of Calendar Server 6 hold "cred"
// or "passw". Letter case does not matter.
func IsIcsSecret(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "cred") || strings.Contains(name, "passw") || strings.Contains(name, "secret")
}

// maskIcsLine returns a line in a form that may be shown. A line that speaks of
// a secret anywhere is shown up to that name, since where the value ends cannot
// be told in a broken line.
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
