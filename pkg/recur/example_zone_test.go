package recur_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// A VTIMEZONE of the object comes before the name, which nobody else knows here.
func ExampleObjectZones_Find() {
	calendar, _, err := ical.Parse(strings.ReplaceAll(`BEGIN:VCALENDAR
BEGIN:VTIMEZONE
TZID:tzone://Microsoft/Custom
BEGIN:STANDARD
DTSTART:16011028T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;TZID="tzone://Microsoft/Custom":20260830T070000
DTEND;TZID=Pacific Standard Time:20260830T070000
DUE;TZID=Moon/Tranquility:20260830T070000
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n"), ical.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	zones := recur.NewZones().Of(calendar)
	event := calendar.Components[1]
	for i := range event.Properties {
		p := &event.Properties[i]
		zone, source := zones.Find(recur.TZID(p))
		if zone == nil {
			fmt.Printf("%s: %s\n", p.Name, source)
			continue
		}
		t, _ := ical.ParseTime(p.Value())
		fmt.Printf("%s: %s: %s\n", p.Name, source, time.Unix(zone.Unix(t.Civil), 0).UTC().Format(time.RFC3339))
	}
	for _, p := range zones.Problems() {
		fmt.Printf("%s: %s\n", p.Level, p.Text)
	}
	// Output:
	// DTSTART: defined in the object: 2026-08-30T05:00:00Z
	// DTEND: Windows name: 2026-08-30T14:00:00Z
	// DUE: unknown
	// warning: the time zone "Moon/Tranquility" is unknown; its times are read as floating
}

// The clock in Berlin skips the hour after two o'clock on 29 March 2026, and shows it twice on
// 25 October.
func ExampleZone_Unix() {
	zone, _ := recur.NewZones().Named("Europe/Berlin")
	for _, c := range []ical.Civil{
		ical.CivilOf(2026, time.March, 29, 2, 30, 0),
		ical.CivilOf(2026, time.October, 25, 2, 30, 0),
	} {
		unix := zone.Unix(c)
		fmt.Printf("%s is %s, and the clock shows %s\n", c, time.Unix(unix, 0).UTC().Format("15:04Z"), zone.Civil(unix))
	}
	// Output:
	// 20260329T023000 is 01:30Z, and the clock shows 20260329T033000
	// 20261025T023000 is 00:30Z, and the clock shows 20261025T023000
}

// An object that goes to other programs contains the zones that it uses.
func ExampleZones_Component() {
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	c, ok := recur.NewZones().Component("Asia/Tokyo", from, from)
	fmt.Println(ok)
	fmt.Print(strings.ReplaceAll(c.String(), "\r\n", "\n"))
	// Output:
	// true
	// BEGIN:VTIMEZONE
	// TZID:Asia/Tokyo
	// BEGIN:STANDARD
	// DTSTART:19510909T010000
	// TZOFFSETFROM:+1000
	// TZOFFSETTO:+0900
	// TZNAME:JST
	// END:STANDARD
	// END:VTIMEZONE
}
