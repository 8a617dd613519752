package calobj

import (
	"io"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/ical"
)

// decodeQuoted decodes the values of a component that are QUOTED-PRINTABLE, an encoding of
// vCalendar 1.0 that iCalendar does not have, and reports whether there were any.
func decodeQuoted(c *ical.Component) (found bool) {
	for i := range c.Properties {
		p := &c.Properties[i]
		if !strings.EqualFold(strings.TrimSpace(p.Param("ENCODING")), "QUOTED-PRINTABLE") {
			continue
		}
		text, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(p.Value())))
		if err != nil {
			continue // it stays as it is, and pkg/ical reports it
		}
		found = true
		p.SetValue(plainText(text, p.Param("CHARSET")))
		p.RemoveParam("ENCODING")
		p.RemoveParam("CHARSET")
	}
	for _, child := range c.Components {
		found = decodeQuoted(child) || found
	}
	return found
}

// plainText returns decoded bytes as a value. What is escaped in them stays so; only line ends
// and control characters, which a value cannot contain, are replaced. Bytes that are not UTF-8
// are read as ISO 8859-1, which was common in files of this kind.
func plainText(text []byte, charset string) string {
	s := string(text)
	if !utf8.Valid(text) || strings.EqualFold(charset, "ISO-8859-1") {
		runes := make([]rune, len(text))
		for i, b := range text {
			runes[i] = rune(b)
		}
		s = string(runes)
	}
	s = strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\n`).Replace(s)
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
