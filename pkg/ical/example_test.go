package ical_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/davadmin/davadmin/pkg/ical"
)

// crlf returns a text with the line endings of iCalendar.
func crlf(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

// Only the lines of the edited property change.
func ExampleParse() {
	text := crlf(`BEGIN:VCALENDAR
VERSION:2.0
begin:vevent
uid:1
DTSTART;TZID="Europe/Berlin":20260302T090000
DESCRIPTION:Folded in an unus
 ual place
SUMMARY;LANGUAGE=en:Meeting
end:vevent
END:VCALENDAR
`)
	calendar, problems, err := ical.Parse(text, ical.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for event := range calendar.Children("VEVENT") {
		start := event.Get("DTSTART")
		fmt.Println(start.Value(), start.Param("TZID"), len(problems))
		event.Get("SUMMARY").SetValue(ical.EscapeText("Lunch, at noon"))
	}
	fmt.Print(strings.ReplaceAll(calendar.String(), "\r\n", "\n"))
	// Output:
	// 20260302T090000 Europe/Berlin 0
	// BEGIN:VCALENDAR
	// VERSION:2.0
	// begin:vevent
	// uid:1
	// DTSTART;TZID="Europe/Berlin":20260302T090000
	// DESCRIPTION:Folded in an unus
	//  ual place
	// SUMMARY;LANGUAGE=en:Lunch\, at noon
	// end:vevent
	// END:VCALENDAR
}

// A large file is read one component at a time. What is broken is reported, and the rest is read.
func ExampleReader() {
	file := strings.NewReader(crlf(`BEGIN:VCALENDAR
X-WR-CALNAME:Team
BEGIN:VEVENT
UID:1
SUMMARY:First
END:VEVENT
BEGIN:VEVENT
UID:2
SUMMARY:Cut off
BEGIN:VEVENT
UID:3
SUMMARY:Third
This line is not folded
END:VEVENT
END:VCALENDAR
`))
	r := ical.NewReader(file, ical.Options{Lenient: true})
	for {
		component, err := r.Next()
		for _, p := range r.TakeProblems() {
			fmt.Printf("%s %s: %v\n", p.Level, p.UID, &p)
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(r.Calendar().Value("X-WR-CALNAME"), component.Value("UID"), component.Get("SUMMARY").Text())
	}
	// Output:
	// Team 1 First
	// error 2: line 7: VEVENT does not end: VEVENT begins before END:VEVENT in line 10
	// error 3: line 13, column 6: the line does not begin with the name of a property: "This line is not folded"
	// Team 3 Third
}

// Whatever the values contain, they cannot break the lines.
func ExampleNewComponent() {
	calendar := ical.NewComponent("VCALENDAR")
	calendar.Add("VERSION", "2.0")
	event := ical.NewComponent("VEVENT")
	event.Add("UID", "1")
	event.Add("DTSTART", ical.Time{Civil: ical.CivilOf(2026, 3, 2, 9, 0, 0), Form: ical.UTC}.String())
	event.Add("ATTENDEE", "mailto:jane@example.com",
		ical.Param{Name: "CN", Values: []string{"Doe, Jane \"JD\""}}, ical.Param{Name: "PARTSTAT", Values: []string{"ACCEPTED"}})
	event.Add("DESCRIPTION", ical.EscapeText("Two lines,\nof which the second one is so long that it does not fit in 75 bytes."))
	calendar.AddComponent(event)
	os.Stdout.WriteString(strings.ReplaceAll(calendar.String(), "\r\n", "\n"))
	// Output:
	// BEGIN:VCALENDAR
	// VERSION:2.0
	// BEGIN:VEVENT
	// UID:1
	// DTSTART:20260302T090000Z
	// ATTENDEE;CN="Doe, Jane ^'JD^'";PARTSTAT=ACCEPTED:mailto:jane@example.com
	// DESCRIPTION:Two lines\,\nof which the second one is so long that it does no
	//  t fit in 75 bytes.
	// END:VEVENT
	// END:VCALENDAR
}
