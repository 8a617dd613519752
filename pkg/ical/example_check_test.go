package ical_test

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/ical"
)

// lines returns a text of lines that end with CRLF.
func lines(s string) string { return strings.ReplaceAll(strings.TrimPrefix(s, "\n"), "\n", "\r\n") }

func ExampleCheck() {
	text := lines(`
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
BEGIN:VEVENT
UID:lunch@example.com
DTSTAMP:20260101T000000Z
DTSTART:20260302T120000Z
DTEND:20260302T110000Z
STATUS:MAYBE
END:VEVENT
END:VCALENDAR
`)
	calendar, _, err := ical.Parse(text, ical.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range ical.Check(calendar) {
		fmt.Printf("%s %s: %s\n", p.Level, p.Code, p.Error())
	}
	// Output:
	// error dtend-before-dtstart: line 8: DTEND is before DTSTART; it is ignored
	// warning status: line 9: "MAYBE" is not a valid STATUS of VEVENT (TENTATIVE, CONFIRMED, CANCELLED); it is ignored
}

// A server refuses an object and names the precondition that it breaks.
func ExampleCheckResource() {
	text := lines(`
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
METHOD:PUBLISH
BEGIN:VTODO
UID:tax@example.com
DTSTAMP:20260101T000000Z
END:VTODO
END:VCALENDAR
`)
	calendar, _, err := ical.Parse(text, ical.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range ical.CheckResource(calendar) {
		fmt.Printf("%s: %s\n", ical.Precondition(p.Code), p.Error())
	}
	// Output:
	// valid-calendar-object-resource: line 4: the calendar has a METHOD, which is only allowed in messages
}

func ExampleAppendJSON() {
	event := ical.NewComponent("VEVENT")
	event.Add("UID", "lunch@example.com")
	event.Add("DTSTART", "20260302T120000", ical.Param{Name: "TZID", Values: []string{"Europe/Berlin"}})
	event.Add("SUMMARY", ical.EscapeText("Lunch, or dinner"))
	event.Add("RRULE", "FREQ=WEEKLY;COUNT=4")
	b, err := ical.AppendJSON(nil, event)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.ReplaceAll(string(b), "],[", "],\n["))
	// Output:
	// ["vevent",[["uid",{},"text","lunch@example.com"],
	// ["dtstart",{"tzid":"Europe/Berlin"},"date-time","2026-03-02T12:00:00"],
	// ["summary",{},"text","Lunch, or dinner"],
	// ["rrule",{},"recur",{"freq":"WEEKLY","count":4}]],
	// []]
}

func ExampleParseJSON() {
	text := `["vcalendar", [["version", {}, "text", "2.0"]], [
	  ["vevent", [["summary", {}, "text", "Lunch, or dinner"], ["dtstart", {}, "date", "2026-03-02"]], []]]]`
	calendar, _, err := ical.ParseJSON([]byte(text), ical.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(strings.ReplaceAll(calendar.String(), "\r\n", "\n"))
	// Output:
	// BEGIN:VCALENDAR
	// VERSION:2.0
	// BEGIN:VEVENT
	// SUMMARY:Lunch\, or dinner
	// DTSTART;VALUE=DATE:20260302
	// END:VEVENT
	// END:VCALENDAR
}

// A truncated text still says something.
func ExampleContentLines() {
	for p := range ical.ContentLines("BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\nFREEBUSY;FBTYPE=BUSY:20260302T12\r\n 0000Z/PT1H\r\nFREEBU") {
		fmt.Printf("%q %q\n", p.Name, p.Content())
	}
	// Output:
	// "BEGIN" "BEGIN:VCALENDAR"
	// "BEGIN" "BEGIN:VFREEBUSY"
	// "FREEBUSY" "FREEBUSY;FBTYPE=BUSY:20260302T120000Z/PT1H"
	// "" "FREEBU"
}
