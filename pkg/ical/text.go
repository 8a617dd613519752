package ical

import (
	"iter"
	"strings"
)

// UnescapeText returns the text that a TEXT value stands for (RFC 5545, 3.3.11). A backslash
// before any other character than those of the RFC is kept.
func UnescapeText(value string) string {
	if strings.IndexByte(value, '\\') < 0 {
		return value
	}
	b := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] != '\\' || i+1 == len(value) {
			b = append(b, value[i])
			continue
		}
		i++
		switch value[i] {
		case 'n', 'N':
			b = append(b, '\n')
		case '\\', ';', ',':
			b = append(b, value[i])
		default:
			b = append(b, '\\', value[i])
		}
	}
	return string(b)
}

// EscapeText returns the TEXT value for a text. Line endings become \n. Control characters,
// which no value may contain, are left out.
func EscapeText(text string) string {
	b := make([]byte, 0, len(text)+8)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' || c == ';' || c == ',':
			b = append(b, '\\', c)
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
		case c == '\n' || c == '\r':
			b = append(b, '\\', 'n')
		case c < 0x20 && c != '\t' || c == 0x7f:
		default:
			b = append(b, c)
		}
	}
	return string(b)
}

// SplitValues yields the values of a list, at the commas that are not escaped by a backslash.
func SplitValues(list string) iter.Seq[string] {
	return func(yield func(string) bool) {
		start := 0
		for i := 0; i < len(list); i++ {
			switch list[i] {
			case '\\':
				i++
			case ',':
				if !yield(list[start:i]) {
					return
				}
				start = i + 1
			}
		}
		yield(list[start:])
	}
}

// number parses up to 18 decimal digits.
func number(s string) (int64, bool) {
	n := int64(0)
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// daysIn returns the number of days of a month.
func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}
