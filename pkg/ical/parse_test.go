package ical

import (
	"strings"
	"testing"
)

const simple = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//a//b//EN\r\n\r\n" +
	"BEGIN:VEVENT\r\nUID:1\r\nsummary;LANGUAGE=en;X-A=\"a;b:c\",d:One long\r\n  text\r\n" +
	"BEGIN:VALARM\r\nACTION:DISPLAY\r\nEND:VALARM\r\nDTSTART:20260302T090000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func TestParse(t *testing.T) {
	for name, text := range map[string]string{
		"CRLF":      simple,
		"LF":        strings.ReplaceAll(simple, "\r\n", "\n"),
		"no ending": strings.TrimSuffix(simple, "\r\n"),
		"blank end": simple + "\r\n\n\r\n",
		"CR at end": strings.TrimSuffix(simple, "\n"),
	} {
		c, problems, err := Parse(text, Options{})
		if err != nil {
			t.Fatalf("%s: %v %v", name, err, problems)
		}
		if got := c.String(); got != text {
			t.Errorf("%s: got\n%q\nnot\n%q", name, got, text)
		}
		event := c.Components[0]
		p := event.Get("SUMMARY")
		if c.Value("VERSION") != "2.0" || event.Name != "VEVENT" || event.Value("DTSTART") != "20260302T090000Z" ||
			p.Value() != "One long text" || p.Param("LANGUAGE") != "en" || p.Param("X-A") != "a;b:c" || p.Line != 7 {
			t.Errorf("%s: %+v", name, event)
		}
	}
}
