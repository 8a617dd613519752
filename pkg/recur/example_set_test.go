package recur_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// meeting is every second Thursday; one was cancelled, and one is on another day.
const meeting = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
BEGIN:VEVENT
UID:meeting
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260108T100000
DURATION:PT1H
RRULE:FREQ=WEEKLY;INTERVAL=2
EXDATE;TZID=Europe/Berlin:20260305T100000
SUMMARY:Meeting
END:VEVENT
BEGIN:VEVENT
UID:meeting
DTSTAMP:20260101T000000Z
RECURRENCE-ID;TZID=Europe/Berlin:20260319T100000
DTSTART;TZID=Europe/Berlin:20260320T140000
DURATION:PT2H
SUMMARY:Meeting on Friday
END:VEVENT
END:VCALENDAR
`

func meetingSet() (*recur.Set, error) {
	calendar, _, err := ical.Parse(strings.ReplaceAll(meeting, "\n", "\r\n"), ical.Options{})
	if err != nil {
		return nil, err
	}
	set, _, err := recur.NewSet(calendar, calendar.Components, recur.SetOptions{Zones: recur.NewZones()})
	return set, err
}

// The instances of an object over two months. Each object of a request takes from one budget.
func ExampleSet_Between() {
	set, err := meetingSet()
	if err != nil {
		fmt.Println(err)
		return
	}
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Unix()
	to := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).Unix()
	budget := recur.NewBudget(recur.DefaultBudget)
	for instance, err := range set.Between(from, to, budget) {
		if err != nil {
			fmt.Println(err)
			return
		}
		start, end := time.Unix(instance.Start, 0).UTC(), time.Unix(instance.End, 0).UTC()
		fmt.Println(start.Format("Mon 2 Jan 15:04"), end.Format("15:04"), instance.Civil, instance.Component.Value("SUMMARY"))
	}
	// Output:
	// Fri 20 Mar 13:00 15:00 20260320T140000 Meeting on Friday
	// Thu 2 Apr 08:00 09:00 20260402T100000 Meeting
	// Thu 16 Apr 08:00 09:00 20260416T100000 Meeting
	// Thu 30 Apr 08:00 09:00 20260430T100000 Meeting
}

// The span tells which time ranges need not look at the object.
func ExampleSet_Span() {
	set, err := meetingSet()
	if err != nil {
		fmt.Println(err)
		return
	}
	span, err := set.Span(nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(time.Unix(span.Start, 0).UTC().Format(time.RFC3339), span.OpenEnd, span.Recurring)
	// Output:
	// 2026-01-08T09:00:00Z true true
}
