package ical

import "strings"

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
	return string(joined)
}
