package ical

import (
	"strings"
	"unicode/utf8"
)

// IsName reports whether a text can be the name of a property, a parameter or a component: letters,
// digits and hyphens (RFC 5545, 3.1), and underscores, which Calendar Server 6 uses. BEGIN and END
// cannot.
func IsName(s string) bool {
	for i := range len(s) {
		if !isNameByte(s[i]) {
			return false
		}
	}
	return s != "" && !equalName(s, "BEGIN") && !equalName(s, "END")
}

func isNameByte(c byte) bool {
	return c-'0' < 10 || c|0x20-'a' < 26 || c == '-' || c == '_'
}

// upper returns a name with the letters of ASCII in upper case: the name itself, if it is in upper
// case, which most are. Other bytes stay: strings.ToUpper makes ASCII of some letters, and replaces
// what is not UTF-8.
func upper(name string) string {
	for i := range len(name) {
		if isLower(name[i]) {
			b := []byte(name)
			for ; i < len(b); i++ {
				if isLower(b[i]) {
					b[i] -= 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return name
}

func isLower(c byte) bool { return c-'a' < 26 }

// paramState says what splitLine found out about parameters.
type paramState uint8

const (
	plainParams paramState = iota // as RFC 5545 writes them, and none is ENCODING; or no parameters
	otherParams
	openQuote // a quote has no end
)

// splitLine finds the end of the name, which is where parameters begin, and the beginning of the
// value of a content line. If it is not a content line, at is 0 and nameEnd is the place of the error.
func splitLine(text string) (nameEnd, at int, params paramState) {
	i := 0
	for i < len(text) && isNameByte(text[i]) {
		i++
	}
	named := i > 0
	for i < len(text) && (text[i] == ' ' || text[i] == '\t') {
		i++
	}
	switch {
	case !named || i == len(text) || text[i] != ':' && text[i] != ';':
		return i, 0, plainParams
	case text[i] == ':':
		return i, i + 1, plainParams
	}
	nameEnd = i
	if at = plainParamsEnd(text, i); at > 0 {
		return nameEnd, at, plainParams
	}
	for quoted := false; i < len(text); i++ {
		switch text[i] {
		case '"':
			quoted = !quoted
		case ':':
			if !quoted {
				return nameEnd, i + 1, otherParams
			}
		}
	}
	// A quote has no end: the value begins at the first colon.
	if i = strings.IndexByte(text[nameEnd:], ':'); i >= 0 {
		return nameEnd, nameEnd + i + 1, openQuote
	}
	return len(text), 0, openQuote
}

// plainParamsEnd returns where the value begins after parameters that begin at i and are plain; 0
// if they are not.
func plainParamsEnd(text string, i int) int {
	for i < len(text) {
		switch text[i] {
		case ':':
			return i + 1
		case ';':
			i++
			key := i
			for i < len(text) && isNameByte(text[i]) {
				i++
			}
			if i == key || i == len(text) || text[i] != '=' || equalName(text[key:i], "ENCODING") {
				return 0
			}
		case ',':
		default:
			return 0
		}
		// The value after an equals sign or a comma.
		if i++; i < len(text) && text[i] == '"' {
			end := strings.IndexByte(text[i+1:], '"')
			if end < 0 {
				return 0
			}
			i += end + 2
			continue
		}
		for i < len(text) && text[i] != ':' && text[i] != ';' && text[i] != ',' {
			if text[i] == '"' {
				return 0
			}
			i++
		}
	}
	return 0
}

// oddBytes says what a text contains besides printable ASCII.
func oddBytes(s string) (control, high bool) {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	var low, top uint64
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		del := w ^ ones*0x7f
		low |= (w-ones*0x20)&^w | (del-ones)&^del
		top |= w
	}
	control, high = low&tops != 0, top&tops != 0
	for ; i < len(s); i++ {
		control = control || s[i] < 0x20 || s[i] == 0x7f
		high = high || s[i] >= 0x80
	}
	return control, high
}

// isControl reports whether a byte is one that no text may contain. A CR is one too, but it is
// reported apart from the others.
func isControl(c byte) bool { return c < 0x20 && c != '\t' || c == 0x7f }

// invalidUTF8 returns where a text stops to be UTF-8; -1 if it is UTF-8.
func invalidUTF8(s string) int {
	if utf8.ValidString(s) {
		return -1
	}
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n <= 1 {
				return i
			}
		}
	}
	return -1
}

// paramFlaw looks for parameters that are not as RFC 5545 writes them, in the part of a line
// between the name and the value. at is the place of the first one.
func paramFlaw(params string) (at int, flaw string, quotedPrintable bool) {
	for pos := 0; pos < len(params); {
		pos++ // the semicolon
		end := pos + paramEnd(params[pos:])
		key, list, hasValue := strings.Cut(params[pos:end], "=")
		name := strings.Trim(key, " \t")
		if flaw == "" {
			at = pos
			switch {
			case !hasValue:
				flaw = "a parameter has no value"
			case len(name) != len(key):
				flaw = "a parameter has blanks around its name"
			case !IsName(name):
				flaw = "the name of a parameter is not valid"
			case strings.IndexByte(list, '"') >= 0 && !wellQuoted(list):
				flaw = "a quote is inside the value of a parameter"
			}
		}
		quotedPrintable = quotedPrintable ||
			isQuotedPrintable(name, list, hasValue)
		pos = end
	}
	return at, flaw, quotedPrintable
}

// wellQuoted reports whether quotes are only around the whole values of a list.
func wellQuoted(list string) bool {
	for more := true; more; {
		value, rest := cutValue(list)
		more = len(value) < len(list)
		if n := strings.Count(value, `"`); n > 2 || n > 0 && (len(value) < 2 || value[0] != '"' || value[len(value)-1] != '"') {
			return false
		}
		list = rest
	}
	return true
}

// isQuotedPrintable reports whether a parameter says that the value is QUOTED-PRINTABLE. vCalendar
// 1.0 allows to leave out "ENCODING=".
func isQuotedPrintable(name, value string, hasValue bool) bool {
	if !hasValue {
		return equalName(name, "QUOTED-PRINTABLE")
	}
	return equalName(name, "ENCODING") && equalName(strings.Trim(value, `" `), "QUOTED-PRINTABLE")
}
