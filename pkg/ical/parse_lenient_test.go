package ical

import (
	"fmt"
	"strings"
	"testing"
)

// wild is a text that is not as RFC 5545 wants it. The lines of text are separated by "|".
type wild struct {
	name, text string
	strict     string   // the error; "" if the text is accepted
	problems   []string // with Lenient: level, code, line, column, component
	kept       string   // with Lenient: names and UIDs of the components in the calendar
}

var wilds = []wild{
	{
		name:     "text that is not folded",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|DESCRIPTION:first|second part|SUMMARY:Mail|END:VEVENT|BEGIN:VEVENT|UID:2|END:VEVENT|END:VCALENDAR",
		strict:   "line 5, column 8: the line does not begin with the name of a property: \"second part\"",
		problems: []string{"error no-name 5:8 VEVENT 1"},
		kept:     "VEVENT 1 [UID DESCRIPTION SUMMARY], VEVENT 2 [UID]",
	},
	{
		name:     "no colon",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|SUMMARY|END:VEVENT|END:VCALENDAR",
		strict:   "line 4, column 7: the line has no colon",
		problems: []string{"error no-colon 4:7 VEVENT 1"},
		kept:     "VEVENT 1 [UID]",
	},
	{
		name:     "place in a fold",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|SUMMARY:ab| c\x01d|END:VEVENT|END:VCALENDAR",
		strict:   "line 5, column 3: the line contains the control character 0x01",
		problems: []string{"error control-character 5:3 VEVENT 1"},
		kept:     "VEVENT 1 [UID SUMMARY]",
	},
	{
		name:     "event without END before another event",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|BEGIN:VALARM|END:VALARM|BEGIN:VEVENT|UID:2|END:VEVENT|END:VCALENDAR",
		strict:   "line 2: VEVENT does not end: VEVENT begins before END:VEVENT in line 6",
		problems: []string{"error component-not-ended 2:0 VEVENT 1"},
		kept:     "VEVENT 2 [UID]",
	},
	{
		name:     "event without END at the end of the calendar",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|END:VEVENT|BEGIN:VEVENT|UID:2|END:VCALENDAR",
		strict:   "line 5: VEVENT does not end: END:VCALENDAR is before END:VEVENT in line 7",
		problems: []string{"error component-not-ended 5:0 VEVENT 2"},
		kept:     "VEVENT 1 [UID]",
	},
	{
		name: "alarm without END",
		text: "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|BEGIN:VALARM|ACTION:AUDIO|SUMMARY:a|END:VEVENT|BEGIN:VTODO|UID:2|END:VTODO|END:VCALENDAR",
		// What follows the alarm could belong to the event: the event is skipped as a whole.
		strict:   "line 4: VALARM does not end: END:VEVENT is before END:VALARM in line 7",
		problems: []string{"error component-not-ended 4:0 VALARM 1"},
		kept:     "VTODO 2 [UID]",
	},
	{
		name:     "deeper component without END",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|BEGIN:VALARM|BEGIN:X-A|X-B:1|END:VALARM|SUMMARY:a|END:VEVENT|BEGIN:VTODO|UID:2|END:VTODO|END:VCALENDAR",
		strict:   "line 5: X-A does not end: END:VALARM is before END:X-A in line 7",
		problems: []string{"error component-not-ended 5:0 X-A 1", "warning property-after-component 8:1 VEVENT 1"},
		kept:     "VTODO 2 [UID]",
	},
	{
		name:     "END without BEGIN",
		text:     "BEGIN:VCALENDAR|END:VALARM|BEGIN:VEVENT|UID:1|END:VTODO|SUMMARY:a|END:VEVENT|END:VCALENDAR",
		strict:   "line 2, column 1: END:VALARM without BEGIN",
		problems: []string{"error end-without-begin 2:1 VCALENDAR ", "error end-without-begin 5:1 VEVENT 1"},
		kept:     "VEVENT 1 [UID SUMMARY]",
	},
	{
		name:     "lower case and blanks",
		text:     "begin:vcalendar|version:2.0|Begin: vevent |uid:1|Summary ;language=de; x-a=b:a|end:VEvent|End:VCalendar",
		problems: []string{"warning blank-after-name 5:8 VEVENT 1", "warning parameter 5:22 VEVENT 1"},
		kept:     "VEVENT 1 [UID SUMMARY]",
	},
	{
		name:     "a property of Calendar Server 6 after a blank",
		text:     "BEGIN:VCALENDAR|VERSION:6.0| X-NSCP-CALPROPS-LAST-MODIFIED:20020101T000000Z|METHOD:PUBLISH|BEGIN:VEVENT|UID:1|DESCRIPTION:0123456789012345678901234567890123456789012345678901234567890123456789| X-NSCP-A:b|END:VEVENT|END:VCALENDAR",
		problems: []string{"warning blank-before-name 3:1 VCALENDAR "},
		kept:     "VEVENT 1 [UID DESCRIPTION]",
	},
	{
		name:     "a continuation of nothing",
		text:     "BEGIN:VCALENDAR||  more|BEGIN:VEVENT|UID:1|END:VEVENT|END:VCALENDAR",
		strict:   "line 3, column 1: the line continues another one, but no line is before it",
		problems: []string{"warning blank-line 2:1 VCALENDAR ", "error continuation-of-nothing 3:1 VCALENDAR "},
		kept:     "VEVENT 1 [UID]",
	},
	{
		name:     "a bare CR",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|SUMMARY:One\rtwo|END:VEVENT|END:VCALENDAR",
		problems: []string{"warning bare-cr 4:12 VEVENT 1"},
		kept:     "VEVENT 1 [UID SUMMARY]",
	},
	{
		name:     "NUL and a bare CR",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|SUMMARY:One\rtwo\x00|END:VEVENT|END:VCALENDAR",
		strict:   "line 4, column 16: the line contains the control character 0x00",
		problems: []string{"warning bare-cr 4:12 VEVENT 1", "error control-character 4:16 VEVENT 1"},
		kept:     "VEVENT 1 [UID SUMMARY]",
	},
	{
		name:     "not UTF-8",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|SUMMARY:M\xfcll|END:VEVENT|END:VCALENDAR",
		strict:   "line 4, column 10: the line is not UTF-8",
		problems: []string{"error not-utf-8 4:10 VEVENT 1"},
		kept:     "VEVENT 1 [UID SUMMARY]",
	},
	{
		name: "a fold inside a rune",
		text: "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|SUMMARY:M\xc3| \xbcll|END:VEVENT|END:VCALENDAR",
		kept: "VEVENT 1 [UID SUMMARY]",
	},
	{
		name:     "a property after a component",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|BEGIN:VALARM|END:VALARM|SUMMARY:a|END:VEVENT|VERSION:2.0|END:VCALENDAR",
		problems: []string{"warning property-after-component 6:1 VEVENT 1", "warning property-after-component 8:1 VCALENDAR "},
		kept:     "VEVENT 1 [UID SUMMARY]",
	},
	{
		name:     "an open quote",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|ATTENDEE;CN=\"Doe:mailto:a@example.com|END:VEVENT|END:VCALENDAR",
		strict:   "line 4, column 9: a quote in the parameters has no end",
		problems: []string{"error open-quote 4:9 VEVENT 1"},
		kept:     "VEVENT 1 [UID ATTENDEE]",
	},
	{
		name: "odd parameters",
		text: "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|ATTENDEE;RSVP:mailto:a@example.com|ATTENDEE;CN=a\"b\":mailto:a@example.com|ATTENDEE;=b:mailto:a@example.com|END:VEVENT|END:VCALENDAR",
		problems: []string{
			"warning parameter 4:10 VEVENT 1", "warning parameter 5:10 VEVENT 1", "warning parameter 6:10 VEVENT 1",
		},
		kept: "VEVENT 1 [UID ATTENDEE ATTENDEE ATTENDEE]",
	},
	{
		name:     "the name of a component",
		text:     "BEGIN:VCALENDAR|BEGIN:V EVENT|BEGIN:|BEGIN:VEVENT|UID:1|END:VEVENT|END:VCALENDAR",
		strict:   "line 2, column 7: \"V EVENT\" is not a valid name of a component",
		problems: []string{"error component-name 2:7 VCALENDAR ", "error component-name 3:7 VCALENDAR "},
		kept:     "VEVENT 1 [UID]",
	},
	{
		name:     "cut off in an event",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|END:VEVENT|BEGIN:VEVENT|UID:2|DTSTART:2026",
		strict:   "line 5: the text ends in line 7, before END:VEVENT",
		problems: []string{"error truncated 5:0 VEVENT 2"},
		kept:     "VEVENT 1 [UID]",
	},
	{
		name:     "cut off after an event",
		text:     "BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|END:VEVENT|",
		strict:   "line 1: the text ends in line 4, before END:VCALENDAR",
		problems: []string{"error truncated 1:0 VCALENDAR "},
		kept:     "VEVENT 1 [UID]",
	},
	{
		name:     "a byte order mark",
		text:     "\ufeffBEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|END:VEVENT|END:VCALENDAR",
		problems: []string{"note byte-order-mark 1:1  "},
		kept:     "VEVENT 1 [UID]",
	},
	{
		name:     "CR as line ending",
		text:     "BEGIN:VCALENDAR\rBEGIN:VEVENT\rUID:1\r SUMMARY:a\rEND:VEVENT\rEND:VCALENDAR\r",
		strict:   "line 1: the lines end with CR instead of CRLF",
		problems: []string{"error cr-lines 1:0  "},
		kept:     "VEVENT 1SUMMARY:a [UID]",
	},
	{
		name: "text around the calendar", text: "From: a@example.com||BEGIN:VCALENDAR|BEGIN:VEVENT|UID:1|END:VEVENT|END:VCALENDAR||-- ",
		strict:   "line 1, column 1: text is outside of a VCALENDAR",
		problems: []string{"error text-outside-calendar 1:1  ", "error text-outside-calendar 9:1  "},
		kept:     "VEVENT 1 [UID]",
	},
	{
		name:     "component without a valid name",
		text:     "BEGIN:VCALENDAR|PRODID:a|BEGIN:MY PART|PRODID:b|BEGIN:X-A|METHOD:c|END:X-A|END:MY PART|BEGIN:VEVENT|UID:1|END:VEVENT|X-B:c|END:VCALENDAR",
		strict:   "line 3, column 7: \"MY PART\" is not a valid name of a component",
		problems: []string{"error component-name 3:7 VCALENDAR ", "warning property-after-component 12:1 VCALENDAR "},
		kept:     "VEVENT 1 [UID]",
	},
	{
		name:     "component without a valid name or END",
		text:     "BEGIN:VCALENDAR|BEGIN:|UID:0|BEGIN:VEVENT|UID:1|END:VEVENT|BEGIN:Ä|UID:2|END:VCALENDAR",
		strict:   "line 2, column 7: \"\" is not a valid name of a component",
		problems: []string{"error component-name 2:7 VCALENDAR ", "error component-name 7:7 VCALENDAR "},
		kept:     "VEVENT 1 [UID]",
	},
}

func TestLenient(t *testing.T) {
	for _, w := range wilds {
		t.Run(w.name, func(t *testing.T) {
			for _, ending := range []string{"\r\n", "\n"} {
				text := strings.ReplaceAll(w.text, "|", ending)
				c, problems, err := Parse(text, Options{})
				switch {
				case w.strict == "" && err != nil:
					t.Errorf("strict: %v", err)
				case w.strict != "" && (err == nil || err.Error() != w.strict):
					t.Errorf("strict: %v\n   not %s", err, w.strict)
				case err == nil && c.String() != strings.TrimPrefix(text, "\ufeff"):
					t.Errorf("strict: written as %q", c)
				case err != nil && (c != nil || problems[len(problems)-1] != *err.(*Problem)): //nolint:errorlint // it is documented
					t.Errorf("strict: %v %v", c, problems)
				}
				c, problems, err = Parse(text, Options{Lenient: true})
				if err != nil {
					t.Fatal(err)
				}
				if got := list(problems); fmt.Sprint(got) != fmt.Sprint(w.problems) {
					t.Errorf("got  %q\nwant %q", got, w.problems)
				}
				if got := describe(c.Components); got != w.kept {
					t.Errorf("got  %s\nwant %s", got, w.kept)
				}
				if got := c.String(); !strings.Contains(text, got) || !strings.HasPrefix(w.name, "text around") && got != strings.TrimPrefix(text, "\ufeff") {
					t.Errorf("written as %q", got)
				}
			}
		})
	}
}

// The Reader finds the same as Parse, except that a truncated text is an error.
func TestReaderLenient(t *testing.T) {
	for _, w := range wilds {
		text := strings.ReplaceAll(w.text, "|", "\r\n")
		all, problems, err := readAll(t, strings.NewReader(text), Options{Lenient: true})
		if got := list(problems); fmt.Sprint(got) != fmt.Sprint(w.problems) {
			t.Errorf("%s:\ngot  %q\nwant %q", w.name, got, w.problems)
		}
		if got := describe(all); got != w.kept {
			t.Errorf("%s:\ngot  %s\nwant %s", w.name, got, w.kept)
		}
		if truncated := strings.HasPrefix(w.name, "cut off"); truncated != (err != nil) {
			t.Errorf("%s: %v", w.name, err)
		}
		if _, _, err := readAll(t, strings.NewReader(text), Options{}); w.strict != "" && (err == nil || err.Error() != w.strict) ||
			w.strict == "" && err != nil {
			t.Errorf("%s, strict: %v", w.name, err)
		}
	}
}

func list(problems []Problem) []string {
	var all []string
	for _, p := range problems {
		all = append(all, fmt.Sprintf("%v %s %d:%d %s %s", p.Level, p.Code, p.Line, p.Column, p.Component, p.UID))
	}
	return all
}

func describe(components []*Component) string {
	var all []string
	for _, c := range components {
		var names []string
		for _, p := range c.Properties {
			names = append(names, p.Name)
		}
		all = append(all, fmt.Sprintf("%s %s %v", c.Name, c.Value("UID"), names))
	}
	return strings.Join(all, ", ")
}

func TestOddNameAfterBlank(t *testing.T) {
	text := strings.ReplaceAll(wilds[9].text, "|", "\r\n")
	c, _, err := Parse(text, Options{Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	// The second one continues a line that is long enough to have been folded.
	if c.Value("VERSION") != "6.0" || c.Value("X-NSCP-CALPROPS-LAST-MODIFIED") != "20020101T000000Z" ||
		!strings.HasSuffix(c.Components[0].Value("DESCRIPTION"), "9X-NSCP-A:b") {
		t.Errorf("%+v", c.Properties)
	}
}

// A calendar does not get the properties of a component without a valid name.
func TestComponentWithoutName(t *testing.T) {
	const text = "BEGIN:VCALENDAR\nPRODID:a\nBEGIN:MY PART\nPRODID:b\nMETHOD:c\nEND:MY PART\nX-B:d\nBEGIN:V EVENT\nMETHOD:e\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n"
	c, _, err := Parse(text, Options{Lenient: true})
	if err != nil || len(c.Properties) != 2 || c.Value("PRODID") != "a" || c.Value("X-B") != "d" || c.String() != text {
		t.Errorf("%v, %q", err, c)
	}
}

func TestNoCalendar(t *testing.T) {
	for text, want := range map[string]string{
		"":                                "no-calendar",
		"\r\n\r\n":                        "no-calendar",
		"\ufeff":                          "no-calendar",
		"BEGIN:VEVENT\r\nEND:VEVENT\r\n":  "no-calendar",
		"<html></html>":                   "no-calendar",
		"\xff\xfeB\x00E\x00G\x00I\x00":    "utf-16",
		"\xfe\xff\x00B\x00E\x00G\x00I":    "utf-16",
		"B\x00E\x00G\x00I\x00N\x00:\x00":  "utf-16",
		"\x00B\x00E\x00G\x00I\x00N\x00:":  "utf-16",
		"BEGIN:VCARD\r\nEND:VCARD\r\n":    "no-calendar",
		" BEGIN:VCALENDAR\nEND:VCALENDAR": "no-calendar",
	} {
		for _, lenient := range []bool{true, false} {
			c, problems, err := Parse(text, Options{Lenient: lenient})
			p, ok := err.(*Problem) //nolint:errorlint // it is documented
			if c != nil || !ok || problems[len(problems)-1] != *p {
				t.Fatalf("%q: %v %v %v", text, c, problems, err)
			}
			if p.Code != want && (lenient || p.Code != "text-outside-calendar") {
				t.Errorf("%q, lenient %v: %s", text, lenient, p.Code)
			}
			if _, _, err := readAll(t, strings.NewReader(text), Options{Lenient: lenient}); err == nil || err.Error() != p.Error() {
				t.Errorf("%q: Reader: %v, not %v", text, err, p)
			}
		}
	}
}

func TestSeveralCalendars(t *testing.T) {
	one := "BEGIN:VCALENDAR\r\nX-N:1\r\nBEGIN:VEVENT\r\nUID:1\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	cut := "BEGIN:VCALENDAR\r\nX-N:2\r\nBEGIN:VEVENT\r\nUID:2\r\nEND:VEVENT\r\nBEGIN:VTODO\r\nUID:3\r\n"
	text := one + "garbage\r\n\ufeff" + cut + strings.ReplaceAll(one, ":1", ":4") + "garbage"
	all, problems, err := readAll(t, strings.NewReader(text), Options{Lenient: true})
	if err != nil || describe(all) != "VEVENT 1 [UID], VEVENT 2 [UID], VEVENT 4 [UID]" {
		t.Error(describe(all), err)
	}
	want := "[error text-outside-calendar 7:1   note byte-order-mark 8:1   error calendar-not-ended 15:1 VTODO 3 error text-outside-calendar 21:1  ]"
	if got := fmt.Sprint(list(problems)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, text := range []string{one + one, cut + one} {
		if _, _, err := Parse(text, Options{}); err == nil {
			t.Errorf("strict: %q is accepted", text)
		}
		c, problems, err := Parse(text, Options{Lenient: true})
		if err != nil || problems[len(problems)-1].Code != "more-calendars" || len(c.Components) != 1 {
			t.Errorf("%v %v %v", c, problems, err)
		}
		if got := c.String(); got+one != text {
			t.Errorf("written as %q", got)
		}
	}
}
