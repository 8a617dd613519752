package config

import (
	"unicode/utf16"
	"unicode/utf8"
)

// decode converts the raw text of a key or value to what Java reads: it removes
// continuation marks, replaces escapes, and converts bytes to characters.
func (d *Document) decode(raw []byte) string {
	out := make([]byte, 0, len(raw))
	high := rune(0) // a pending high surrogate
	flush := func() {
		if high != 0 {
			out = appendSurrogate(out, high)
			high = 0
		}
	}
	joined := joinContinuations(raw)
	for i := 0; i < len(joined); i++ {
		c := joined[i]
		if c != '\\' {
			flush()
			out = d.appendRaw(out, c)
			continue
		}
		i++
		if i == len(joined) {
			break
		}
		if c = joined[i]; c == 'u' {
			if r, ok := hex4(joined[i+1:]); ok {
				i += 4
				out, high = appendUTF16(out, high, r)
				continue
			}
		}
		flush()
		out = d.appendRaw(out, unescape(c))
	}
	flush()
	return string(out)
}

func (d *Document) appendRaw(out []byte, c byte) []byte {
	if d.utf8 {
		return append(out, c)
	}
	return utf8.AppendRune(out, rune(c))
}

// unescape returns the character that a backslash before c stands for.
func unescape(c byte) byte {
	switch c {
	case 't':
		return '\t'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 'f':
		return '\f'
	}
	return c
}

// appendUTF16 appends one UTF-16 code unit, where high is the pending high surrogate
// before it, or 0. It returns the high surrogate that is pending afterwards, or 0.
func appendUTF16(out []byte, high, unit rune) ([]byte, rune) {
	if high != 0 {
		if r := utf16.DecodeRune(high, unit); r != utf8.RuneError {
			return utf8.AppendRune(out, r), 0
		}
		out = appendSurrogate(out, high)
	}
	switch {
	case unit >= 0xd800 && unit < 0xdc00:
		return out, unit
	case unit >= 0xdc00 && unit < 0xe000:
		return appendSurrogate(out, unit), 0
	}
	return utf8.AppendRune(out, unit), 0
}

// appendSurrogate appends a lone surrogate in the form that it would have in UTF-8 if
// it were allowed.
func appendSurrogate(out []byte, r rune) []byte {
	return append(out, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0xbf, 0x80|byte(r)&0xbf)
}

// joinContinuations removes the continuation marks: a backslash, the line ending and
// the blanks that follow. It returns raw itself if there are none.
func joinContinuations(raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			continue
		}
		i++
		if i == len(raw) || raw[i] == '\n' || raw[i] == '\r' {
			return joinFrom(raw, i-1)
		}
	}
	return raw
}

func joinFrom(raw []byte, i int) []byte {
	out := append(make([]byte, 0, len(raw)), raw[:i]...)
	for i < len(raw) {
		c := raw[i]
		i++
		if c != '\\' {
			out = append(out, c)
			continue
		}
		if i == len(raw) {
			break
		}
		if raw[i] == '\n' || raw[i] == '\r' {
			i = skipBlanks(raw, skipEOL(raw, i))
			continue
		}
		out = append(out, c, raw[i])
		i++
	}
	return out
}

// encodeValue encodes a value in ASCII so that Java decodes it to the same value. A
// leading blank is escaped because it would otherwise be part of the separator, and
// so is a leading '=' or ':' if the separator is a blank. A trailing blank is
// escaped so that users and editors do not lose it.
func encodeValue(value string, afterSeparator bool) []byte {
	out := make([]byte, 0, len(value)+8)
	for i := 0; i < len(value); {
		c := value[i]
		first, last := i == 0, i == len(value)-1
		if c == ' ' && (first || last) || (c == '=' || c == ':') && first && !afterSeparator {
			out = append(out, '\\', c)
			i++
			continue
		}
		var n int
		out, n = appendEncoded(out, value[i:])
		i += n
	}
	return out
}

// encodeKey encodes a key in ASCII so that Java decodes it to the same key.
func encodeKey(key string) []byte {
	out := make([]byte, 0, len(key)+8)
	for i := 0; i < len(key); {
		c := key[i]
		if c == ' ' || c == '=' || c == ':' || (c == '#' || c == '!') && i == 0 {
			out = append(out, '\\', c)
			i++
			continue
		}
		var n int
		out, n = appendEncoded(out, key[i:])
		i += n
	}
	return out
}

// appendEncoded appends the encoded first character of s, and returns its length in
// s.
func appendEncoded(out []byte, s string) ([]byte, int) {
	switch c := s[0]; {
	case c == '\\':
		return append(out, '\\', '\\'), 1
	case c == '\t':
		return append(out, '\\', 't'), 1
	case c == '\n':
		return append(out, '\\', 'n'), 1
	case c == '\r':
		return append(out, '\\', 'r'), 1
	case c == '\f':
		return append(out, '\\', 'f'), 1
	case c >= 0x20 && c < 0x7f:
		return append(out, c), 1
	case c < 0x80:
		return appendUnit(out, rune(c)), 1
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 {
		if u, ok := surrogate(s); ok {
			return appendUnit(out, u), 3
		}
		return appendUnit(out, utf8.RuneError), 1
	}
	if hi, lo := utf16.EncodeRune(r); r > 0xffff {
		return appendUnit(appendUnit(out, hi), lo), n
	}
	return appendUnit(out, r), n
}

// surrogate decodes the form that appendSurrogate writes.
func surrogate(s string) (rune, bool) {
	if len(s) < 3 || s[0] != 0xed || s[1]&0xe0 != 0xa0 || s[2]&0xc0 != 0x80 {
		return 0, false
	}
	return 0xd000 | rune(s[1]&0x3f)<<6 | rune(s[2]&0x3f), true
}

func appendUnit(out []byte, u rune) []byte {
	const digits = "0123456789ABCDEF"
	return append(out, '\\', 'u', digits[u>>12&15], digits[u>>8&15], digits[u>>4&15], digits[u&15])
}
