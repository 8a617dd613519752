package calobj_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

// A server reads what a client wants to store strictly, and answers with the precondition that
// is violated.
func ExampleParse() {
	zones := recur.NewZones() // one for the process
	text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\nBEGIN:VEVENT\r\nUID:1@example.com\r\nDTSTAMP:20260101T000000Z\r\n" +
		"DTSTART:20260302T090000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=WEEKLY;COUNT=3\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	o, err := calobj.Parse([]byte(text), calobj.Options{Zones: zones})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(o.Type, o.UID, o.Index.Start.Format(time.RFC3339), o.Index.End.Format(time.RFC3339), o.Index.Recurring)

	_, err = calobj.Parse([]byte(strings.Replace(text, "UID:1@example.com\r\n", "", 1)), calobj.Options{Zones: zones})
	var refused *calobj.RefusedError
	if errors.As(err, &refused) {
		fmt.Printf("CALDAV:%s: %v\n", refused.Precondition, refused)
	}
	// Output:
	// VEVENT 1@example.com 2026-03-02T09:00:00Z 2026-03-16T10:00:00Z true
	// CALDAV:valid-calendar-object-resource: line 4: VEVENT has no UID
}

// An import divides a file into objects, one for each UID, and says what it had to change.
func ExampleSplit() {
	const file = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//EN
BEGIN:VEVENT
UID:lunch
DTSTAMP:20260101T000000Z
DTSTART:20260302T120000Z
END:VEVENT
BEGIN:VEVENT
UID:dinner
DTSTAMP:20260101T000000Z
DTSTART:20260302T190000Z
END:VEVENT
BEGIN:VEVENT
UID:lunch
DTSTAMP:20260201T000000Z
DTSTART:20260302T123000Z
END:VEVENT
END:VCALENDAR
`
	ctx := context.Background()
	s, err := calobj.Split(ctx, ical.NewReader(strings.NewReader(file), ical.Options{Lenient: true}), calobj.SplitOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer s.Close()
	for item, err := range s.Items(ctx) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(item.UID, item.Object.Index.Start.Format(time.Kitchen))
		for _, p := range item.Problems {
			fmt.Println("  " + p.Error())
		}
	}
	// Output:
	// lunch 12:30PM
	//   line 4: the VEVENT is not a newer master than that on line 14, so it is left out
	// dinner 7:00PM
}

// After an upgrade, the indexes of a store are computed again while it is in use.
func ExampleRespan() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	o := sqlite.Options{Path: filepath.Join(dir, "store.sqlite"), Backend: "defaultbackend"}
	if err := sqlite.Create(ctx, o); err != nil {
		fmt.Println(err)
		return
	}
	st, err := sqlite.Open(ctx, o)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer st.Close()
	result, err := calobj.Respan(ctx, st, calobj.RespanOptions{
		Rate:   1000, // components a second, so that others are not slowed down
		Failed: func(m *store.Indexed, err error) { fmt.Println(m.Address, m.Calendar, m.Name, err) },
	})
	fmt.Println(result.Read, result.Written, result.Completed, err)
	// Output:
	// 0 0 true <nil>
}
