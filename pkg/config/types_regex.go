package config

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// regexScanner scans a pattern of java.util.regex.Pattern and finds parentheses
// and brackets without a partner, a backslash at the very end, and repetition of
// nothing. Whatever it reports is an error in Java; what it accepts may still be
// one, such as an unknown character property.
//
// Package regexp/syntax cannot be used: it rejects look-around, back-references
// and possessive quantifiers, which are all valid in Java, and does not know
// classes within classes.
type regexScanner struct {
	s     string
	pos   int
	opens []int // positions of the open parentheses
	atom  bool  // something that can be repeated comes just before pos
	fault string
	stop  bool // what follows cannot be judged
}

func checkRegex(value string) []Problem {
	r := regexScanner{s: value}
	for r.fault == "" && !r.stop && r.pos < len(value) {
		r.step()
	}
	if r.fault == "" && !r.stop && len(r.opens) > 0 {
		r.pos = r.opens[len(r.opens)-1]
		r.fault = "')' is missing for the '('"
	}
	if r.fault == "" {
		return nil
	}
	return failure(fmt.Sprintf("%s is not a Java regular expression: %s %s", quoted(value), r.fault, at(value, r.pos)), "")
}

// step reads one element of the pattern.
func (r *regexScanner) step() {
	switch c := r.s[r.pos]; c {
	case '\\':
		r.escape()
		r.atom = true
	case '[':
		r.class()
		r.atom = true
	case '(':
		r.group()
	case ')':
		if len(r.opens) == 0 {
			r.fault = "there is no '(' for the ')'"
			return
		}
		r.opens = r.opens[:len(r.opens)-1]
		r.pos++
		r.atom = true
	case '|':
		r.pos++
		r.atom = false
	case '*', '+', '?':
		if !r.atom {
			r.fault = fmt.Sprintf("there is nothing to repeat before the '%c'", c)
			return
		}
		r.pos++
		if r.pos < len(r.s) && (r.s[r.pos] == '?' || r.s[r.pos] == '+') {
			r.pos++
		}
		r.atom = false
	default:
		r.pos++
		r.atom = true
	}
}

// escape reads a backslash and what belongs to it. It stops judging at two forms
// that are never used in practice: an empty \Q\E, and a backslash after \c. Java
// resolves \Q before everything else, which changes what these mean.
func (r *regexScanner) escape() {
	rest := r.s[r.pos+1:]
	switch {
	case rest == "":
		r.fault = `nothing follows the '\'`
	case rest[0] == 'Q':
		text, _, closed := strings.Cut(rest[1:], `\E`)
		r.pos += len(`\Q`) + len(text)
		if closed {
			r.pos += len(`\E`)
		}
		r.stop = text == ""
	case strings.HasPrefix(rest, `c\`):
		r.stop = true
	case rest[0] == 'c':
		_, size := utf8.DecodeRuneInString(rest[1:])
		r.pos += len(`\c`) + size
	default:
		_, size := utf8.DecodeRuneInString(rest)
		r.pos += 1 + size
	}
}

// class reads a character class, which may contain other classes. A closing
// bracket directly after an opening one is an ordinary character.
func (r *regexScanner) class() {
	start := r.pos
	first := false
	for depth := 0; r.fault == "" && !r.stop && r.pos < len(r.s); {
		switch c := r.s[r.pos]; {
		case c == '[':
			depth++
			r.pos++
			if r.pos < len(r.s) && r.s[r.pos] == '^' {
				r.pos++
			}
			first = true
			continue
		case c == ']' && !first:
			depth--
			r.pos++
			if depth == 0 {
				return
			}
		case c == '\\':
			r.escape()
		default:
			r.pos++
		}
		first = false
	}
	if r.fault == "" && !r.stop {
		r.pos = start
		r.fault = "']' is missing for the '['"
	}
}

// group reads an opening parenthesis with the marks of its kind.
func (r *regexScanner) group() {
	r.opens = append(r.opens, r.pos)
	r.pos++
	r.atom = false
	rest, special := strings.CutPrefix(r.s[r.pos:], "?")
	if !special {
		return
	}
	for _, kind := range []string{":", "=", "!", ">", "<=", "<!"} {
		if strings.HasPrefix(rest, kind) {
			r.pos += 1 + len(kind)
			return
		}
	}
	if strings.HasPrefix(rest, "<") {
		name := strings.IndexByte(rest, '>')
		if r.stop = name < 0; !r.stop {
			r.pos += 1 + name + 1
		}
		return
	}
	after := strings.TrimLeft(rest, "idmsuxU-")
	flags := rest[:len(rest)-len(after)]
	// After an x flag, blanks and comments are ignored, up to a position that
	// depends on the enclosing groups.
	if strings.Contains(flags, "x") || after == "" || after[0] != ':' && after[0] != ')' {
		r.stop = true
		return
	}
	if after[0] == ')' {
		r.opens = r.opens[:len(r.opens)-1]
	}
	r.pos += 1 + len(flags) + 1
}
