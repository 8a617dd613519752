package ical

import (
	"fmt"
	"strings"
	"testing"
)

func TestQuotedPrintable(t *testing.T) {
	const text = "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|" +
		"SUMMARY;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Caf=C3=A9: noir|" +
		"DESCRIPTION; ENCODING=quoted-printable:One=0D=0Atwo =|three,=3B four=|  five\\; six=|END:VEVENT|" +
		"BEGIN:VEVENT|UID:2|" +
		"SUMMARY;QUOTED-PRINTABLE;CHARSET=windows-1252;LANGUAGE=de:=80 gr=FC=|=DFt=|BEGIN:no, it is text|" +
		"LOCATION;ENCODING=QUOTED-PRINTABLE;CHARSET=SHIFT_JIS:=83|" +
		"COMMENT;ENCODING=QUOTED-PRINTABLE:=FC=|" +
		"END:VEVENT|END:VCALENDAR|"
	_, problems, err := Parse(strings.ReplaceAll(text, "|", "\r\n"), Options{})
	if err == nil || err.Error() != "line 4, column 8: the value is QUOTED-PRINTABLE, which iCalendar does not have" || len(problems) != 1 {
		t.Errorf("strict: %v %v", err, problems)
	}
	_, problems, err = Parse(strings.ReplaceAll(text, "|", "\r\n"), Options{Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	// A line BEGIN is never taken for text: an event could get lost.
	want := "[error component-name 13:7 VEVENT 2]"
	if got := fmt.Sprint(list(only(problems, Error))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	fixed := strings.ReplaceAll(strings.ReplaceAll(text, "t=|BEGIN:no, it is text", "t"), "|", "\r\n")
	c, problems, err := Parse(fixed, Options{Lenient: true})
	if err != nil || only(problems, Error) != nil {
		t.Fatal(err, problems)
	}
	if c.String() != fixed {
		t.Errorf("written as %q", c)
	}
	if n := c.DecodeQuotedPrintable(); n != 3 {
		t.Errorf("%d decoded", n)
	}
	one, two := c.Components[0], c.Components[1]
	for _, test := range []struct{ got, want string }{
		{one.Get("SUMMARY").Content(), "SUMMARY:Café: noir"},
		{one.Get("DESCRIPTION").Content(), `DESCRIPTION:One\ntwo three\,\; four= five\; six`},
		{two.Get("SUMMARY").Content(), "SUMMARY;LANGUAGE=de:€ grüßt"},
		{two.Get("LOCATION").Content(), "LOCATION;ENCODING=QUOTED-PRINTABLE;CHARSET=SHIFT_JIS:=83"},
		{two.Get("COMMENT").Content(), "COMMENT;ENCODING=QUOTED-PRINTABLE:=FC="},
	} {
		if test.got != test.want {
			t.Errorf("got  %q\nwant %q", test.got, test.want)
		}
	}
	again, problems, err := Parse(c.String(), Options{Lenient: true})
	if err != nil || len(problems) != 2 || contents(again) != contents(c) {
		t.Errorf("%v %v\n%s", err, problems, c)
	}
}

func only(problems []Problem, level Level) []Problem {
	var all []Problem
	for _, p := range problems {
		if p.Level == level {
			all = append(all, p)
		}
	}
	return all
}

func TestDecodeQuoted(t *testing.T) {
	for value, want := range map[string]string{
		"": "", "=": "", "a=": "a", "=4": "=4", "=4g": "=4g", "=41=4a=4A": "AJJ", "a=b": "a=b", "=3D3D": "=3D", "==41": "=A",
	} {
		if got := decodeQuoted(value); got != want {
			t.Errorf("%q: %q, not %q", value, got, want)
		}
	}
}
