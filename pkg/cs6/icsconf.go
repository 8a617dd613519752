package cs6

import (
	"fmt"
	"iter"
	"strings"
	"unicode/utf8"
)

// Setting is one line of an ics.conf that sets a parameter.
type Setting struct {
	Name  string // as written; the server recognizes lower-case names only
	Value string // without its quotes; nothing is unescaped
	Line  int    // counted from 1
	Raw   string // the whole line, without its ending; it may contain a secret

	// Quoted reports whether the value is in double quotes, as required. The value of
	// a setting without quotes is its first word.
	Quoted bool

	// Shadowed reports whether a later line sets the same parameter, which is
	// allowed: the last line takes effect. ShadowedBy is the number of that line.
	Shadowed   bool
	ShadowedBy int

	// Trailing is the text after the value. Whether the server reads it is not
	// documented, so it is neither part of the value nor a separate setting.
	Trailing string

	// Inside contains the settings that Trailing looks like, at most 100. They are
	// not in Get and Settings, and they do not shadow anything. Their Line and Raw
	// are those of the line, their Trailing and Inside are empty.
	Inside []Setting
}

// IcsConf is a parsed ics.conf, the configuration of a Calendar Server 6.
//
// The rules are those of the Calendar Server 6.3 Administration Guide, appendix
// E: a line is `name = "value"`, names are in lower case, spaces and tabs may
// surround the equals sign, every value is in double quotes whatever it contains,
// a line that begins with an exclamation mark is a comment, and the last of
// several lines for one parameter takes effect. The guide does not say how the
// server treats anything else. Therefore each other line is a Problem, and also a
// Setting if its likely meaning can be determined.
//
// An IcsConf is immutable and safe for concurrent use.
type IcsConf struct {
	settings []Setting
	problems []Problem
	last     map[string]int // from the name to the number of the setting in effect
}

// ParseIcsConf parses an ics.conf. It never fails: a line that is not understood is
// a Problem, and parsing continues with the next one. A real file has about 100 KiB;
// an invalid one can take 200 times its length in memory, so the caller must limit
// the length.
func ParseIcsConf(b []byte) *IcsConf {
	c := &IcsConf{last: map[string]int{}}
	text := string(b)
	for n := 1; text != ""; n++ {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		c.readLine(strings.TrimSuffix(line, "\r"), n)
	}
	for i := range c.settings {
		s := &c.settings[i]
		if counts := c.last[s.Name]; counts != i {
			s.Shadowed, s.ShadowedBy = true, c.settings[counts].Line
		}
	}
	return c
}

// Get returns the setting in effect for name, which is the last one; ok reports
// whether there is one. Names are compared as written, because the server
// recognizes lower-case names only.
func (c *IcsConf) Get(name string) (s Setting, ok bool) {
	i, ok := c.last[name]
	if !ok {
		return Setting{}, false
	}
	return c.settings[i], true
}

// Settings yields every setting in the order of the file, including shadowed ones.
func (c *IcsConf) Settings() iter.Seq[Setting] {
	return func(yield func(Setting) bool) {
		for _, s := range c.settings {
			if !yield(s) {
				return
			}
		}
	}
}

// Problems returns the lines that do not follow the rules, in the order of the
// file. The caller must not modify the list.
func (c *IcsConf) Problems() []Problem { return c.problems }

// readLine reads one line: at most one setting, and any number of problems.
func (c *IcsConf) readLine(raw string, n int) {
	text := raw
	if n == 1 {
		var marked bool
		if text, marked = strings.CutPrefix(raw, byteOrderMark); marked {
			c.problem(BadBytes, n, raw, "the file begins with a byte-order mark, which the server may read as part of the first line")
		}
	}
	text = trimBlanks(text)
	if text == "" || text[0] == '!' {
		return
	}
	if bad := badBytes(raw); bad != "" {
		c.problem(BadBytes, n, raw, "contains "+bad)
	}
	s := Setting{Line: n, Raw: raw}
	name, rest, found := strings.Cut(text, "=")
	s.Name = trimBlanks(name)
	switch {
	case text[0] == '#':
		c.problem(NoSetting, n, raw, "begins with '#', which does not start a comment in this file; '!' does")
		return
	case !found:
		c.problem(NoSetting, n, raw, "is neither a setting nor a comment")
		return
	case s.Name == "":
		c.problem(NoSetting, n, raw, "has no name before the '='")
		return
	case !isIcsName(s.Name):
		c.problem(NameMalformed, n, raw, "the name contains characters other than letters, digits, '.', '-' and '_'")
		return
	case s.Name != strings.ToLower(s.Name):
		c.problem(NameUpperCase, n, raw, "the name is not in lower case, so the server may not recognize it")
	}
	c.readValue(&s, trimBlanks(rest))
	c.last[s.Name] = len(c.settings)
	c.settings = append(c.settings, s)
}

// readValue reads the text after the equals sign.
func (c *IcsConf) readValue(s *Setting, text string) {
	value, rest, form := cutIcsValue(text)
	s.Value, s.Quoted = value, form != icsBare
	switch {
	case form == icsBare && value == "":
		c.problem(ValueMissing, s.Line, s.Raw, `has no value; an empty value is written as ""`)
	case form == icsBare:
		c.problem(ValueUnquoted, s.Line, s.Raw, "the value is not in double quotes")
	case form == icsOpen:
		c.problem(QuoteUnterminated, s.Line, s.Raw, "the closing double quote is missing")
	}
	s.Trailing = trimBlanks(rest)
	if s.Trailing == "" {
		return
	}
	if s.Trailing[0] == '!' {
		c.problem(TrailingComment, s.Line, s.Raw, "a comment after the value: comments must be on their own line, and the server may read this one as something else")
		return
	}
	s.Inside = icsSettingsIn(s)
	if len(s.Inside) == 0 {
		c.problem(TrailingText, s.Line, s.Raw, "text after the value: the server may ignore it, or the whole line")
		return
	}
	const most = 5 // names in the message
	names := make([]string, 0, most+1)
	for i := range s.Inside {
		if i == most {
			names = append(names, "and more")
			break
		}
		names = append(names, head(s.Inside[i].Name, 60))
	}
	c.problem(TrailingSettings, s.Line, s.Raw, fmt.Sprintf(
		"several settings on one line: the server may ignore %s after %s", strings.Join(names, ", "), head(s.Name, 60)))
}

// icsSettingsIn returns the settings that the text after the value of s looks like.
// It takes linear time.
func icsSettingsIn(s *Setting) []Setting {
	const most = 100
	var found []Setting
	for text := s.Trailing; text != "" && text[0] != '!' && len(found) < most; text = strings.TrimLeft(text, blanks) {
		n := 0
		for n < len(text) && isIcsNameByte(text[n]) {
			n++
		}
		if n == 0 {
			// A character that cannot be part of a name, such as a separator.
			_, size := utf8.DecodeRuneInString(text)
			text = text[size:]
			continue
		}
		name := text[:n]
		text = strings.TrimLeft(text[n:], blanks)
		if !strings.HasPrefix(text, "=") {
			continue
		}
		value, rest, form := cutIcsValue(strings.TrimLeft(text[1:], blanks))
		found = append(found, Setting{Name: name, Value: value, Line: s.Line, Raw: s.Raw, Quoted: form != icsBare})
		text = rest
	}
	return found
}

// icsForm is how a value is written.
type icsForm int

const (
	icsBare   icsForm = iota // without quotes
	icsQuoted                // in double quotes
	icsOpen                  // after a double quote that is never closed
)

// cutIcsValue splits text after the value that it begins with: the text up to the
// closing quote, or the first word.
func cutIcsValue(text string) (value, rest string, form icsForm) {
	if inner, quoted := strings.CutPrefix(text, `"`); quoted {
		value, rest, closed := strings.Cut(inner, `"`)
		if !closed {
			return value, "", icsOpen
		}
		return value, rest, icsQuoted
	}
	if end := strings.IndexAny(text, blanks); end >= 0 {
		return text[:end], text[end:], icsBare
	}
	return text, "", icsBare
}

func isIcsName(name string) bool {
	for i := range len(name) {
		if !isIcsNameByte(name[i]) {
			return false
		}
	}
	return name != ""
}

func isIcsNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_'
}
