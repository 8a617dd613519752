package cs6

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	blanks        = " \t"
	byteOrderMark = "\xef\xbb\xbf"
)

func trimBlanks(s string) string { return strings.Trim(s, blanks) }

func isIndented(line string) bool { return line != "" && (line[0] == ' ' || line[0] == '\t') }

// badBytes describes the first invalid byte or character in a line, "" if there is
// none.
func badBytes(line string) string {
	for i, r := range line {
		switch {
		case r == utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(line[i:]); size == 1 {
				return "bytes that are not UTF-8"
			}
		case r == 0:
			return "a NUL byte"
		case r != '\t' && unicode.IsControl(r):
			return fmt.Sprintf("the control character U+%04X", r)
		}
	}
	return ""
}

// quote returns text for a message: its first line, shortened, and without anything that a
// terminal would interpret.
func quote(s string) string {
	const most = 60
	first, _, _ := strings.Cut(s, "\n")
	if short := head(first, most); len(short) < len(s) {
		return fmt.Sprintf("%q…", short)
	}
	return fmt.Sprintf("%q", s)
}

// head returns the beginning of s, at most that many bytes, without splitting a
// character.
func head(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for n := most; n > most-utf8.UTFMax; n-- {
		if utf8.RuneStart(s[n]) {
			return s[:n]
		}
	}
	return s[:most]
}
