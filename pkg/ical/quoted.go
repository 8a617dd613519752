package ical

import (
	"strings"
	"unicode/utf8"
)

// quotedPrintable takes a property whose value is QUOTED-PRINTABLE, as in vCalendar 1.0. Its lines
// end with "=" where the next one continues them. It returns the whole line.
func (b *builder) quotedPrintable(name, text string, nameEnd int) string {
	level := Warning
	if !b.lenient {
		level = Error
	}
	b.reportLine(level, "quoted-printable", nameEnd, name, "the value is QUOTED-PRINTABLE, which iCalendar does not have")
	if b.err != nil || !strings.HasSuffix(text, "=") {
		return text
	}
	joined := []byte(text)
	for joined[len(joined)-1] == '=' && len(joined) <= b.limits.Line {
		next, ok := b.lines.join()
		if !ok {
			break
		}
		joined = append(joined[:len(joined)-1], next...)
	}
	if b.lines.overlong || len(joined) > b.limits.Line {
		b.limit("line", "the line is longer than %d bytes", b.limits.Line)
	}
	return string(joined)
}

// DecodeQuotedPrintable replaces QUOTED-PRINTABLE values, which programs carry over from vCalendar
// 1.0, by what they stand for as TEXT, in the component and all those in it. It returns how many
// there were. Their parameters ENCODING and CHARSET are removed. The character sets are
// UTF-8, US-ASCII, ISO-8859-1 and Windows-1252; values in others, or that are not UTF-8 without
// saying what they are, stay as they are.
func (c *Component) DecodeQuotedPrintable() int {
	n := 0
	for i := range c.Properties {
		p := &c.Properties[i]
		encoding := p.Param("ENCODING")
		if !equalName(encoding, "QUOTED-PRINTABLE") && !p.HasParam("QUOTED-PRINTABLE") {
			continue
		}
		text, ok := toUTF8(decodeQuoted(p.Value()), p.Param("CHARSET"))
		if !ok {
			continue
		}
		p.SetValue(escapeDecoded(text))
		p.RemoveParam("ENCODING")
		p.RemoveParam("QUOTED-PRINTABLE")
		p.RemoveParam("CHARSET")
		n++
	}
	for _, child := range c.Components {
		n += child.DecodeQuotedPrintable()
	}
	return n
}

// decodeQuoted replaces "=" and two hexadecimal digits by a byte. Another "=" is kept, except the
// last of the value.
func decodeQuoted(value string) string {
	b := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		if value[i] == '=' {
			if i+1 == len(value) {
				break
			}
			if i+2 < len(value) && hex(value[i+1]) < 16 && hex(value[i+2]) < 16 {
				b = append(b, hex(value[i+1])<<4|hex(value[i+2]))
				i += 2
				continue
			}
		}
		b = append(b, value[i])
	}
	return string(b)
}

// hex returns the value of a hexadecimal digit, or 16.
func hex(c byte) byte {
	switch {
	case c-'0' < 10:
		return c - '0'
	case c|0x20-'a' < 6:
		return c | 0x20 - 'a' + 10
	}
	return 16
}

// windows1252 is what the bytes 0x80 to 0x9f mean in Windows-1252. Those that mean nothing are control
// characters, as in ISO-8859-1.
const windows1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"

// toUTF8 converts text from a character set.
func toUTF8(text, charset string) (string, bool) {
	switch strings.ToUpper(charset) {
	case "", "UTF-8", "UTF8", "US-ASCII", "ASCII":
		return text, utf8.ValidString(text)
	case "ISO-8859-1", "LATIN1", "WINDOWS-1252", "CP1252":
	default:
		return "", false
	}
	// What says ISO-8859-1 is usually Windows-1252, which has the same letters.
	high := []rune(windows1252)
	runes := make([]rune, 0, len(text))
	for i := range len(text) {
		r := rune(text[i])
		if r >= 0x80 && r < 0xa0 {
			r = high[r-0x80]
		}
		runes = append(runes, r)
	}
	return string(runes), true
}

// escapeDecoded makes a TEXT value of decoded text. Backslashes escape already, as those before a
// semicolon in vCalendar; line endings, and commas and semicolons without a backslash, do not.
func escapeDecoded(text string) string {
	b := make([]byte, 0, len(text)+8)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && strings.IndexByte(`\;,nN`, text[i+1]) >= 0:
			i++
			b = append(b, c, text[i])
		case c == '\r' && i+1 < len(text) && text[i+1] == '\n':
		case c == '\r' || c == '\n':
			b = append(b, '\\', 'n')
		case c == '\\' || c == ';' || c == ',':
			b = append(b, '\\', c)
		default:
			b = append(b, c)
		}
	}
	return string(b)
}
