package local

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// office is available on Monday to Wednesday from 9:00 to 17:00.
const office = "BEGIN:AVAILABLE|UID:w|DTSTAMP:20260101T000000Z|DTSTART:20260302T090000Z|DTEND:20260302T170000Z|RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE|END:AVAILABLE"

func TestAvailability(t *testing.T) {
	const outside = "02T00:00-02T09:00 unavailable, 02T17:00-03T09:00 unavailable, 03T17:00-04T09:00 unavailable, 04T17:00-09T00:00 unavailable"
	for _, test := range []struct {
		name  string
		texts []string
		want  string
	}{
		{"office hours", []string{office}, outside},
		{"type", []string{"DTSTART:20260304T000000Z|DTEND:20260305T000000Z|BUSYTYPE:BUSY-TENTATIVE"}, "04T00:00-05T00:00 tentative"},
		{"duration", []string{"DTSTART:20260304T000000Z|DURATION:P1D"}, "04T00:00-05T00:00 unavailable"},
		{"higher priority replaces lower", []string{office, "PRIORITY:1|DTSTART:20260303T000000Z|BUSYTYPE:BUSY"}, "02T00:00-02T09:00 unavailable, 02T17:00-03T00:00 unavailable, 03T00:00-09T00:00 busy"},
		{"no priority is the lowest", []string{"PRIORITY:9|DTSTART:20260303T000000Z|BEGIN:AVAILABLE|UID:x|DTSTART:20260303T000000Z|DTEND:20260309T000000Z|END:AVAILABLE", office}, "02T00:00-02T09:00 unavailable, 02T17:00-03T00:00 unavailable"},
		{"same priority", []string{office, "DTSTART:20260303T000000Z|DTEND:20260303T120000Z"}, "02T00:00-02T09:00 unavailable, 02T17:00-03T12:00 unavailable, 03T17:00-04T09:00 unavailable, 04T17:00-09T00:00 unavailable"},
		{"excluded date", []string{strings.Replace(office, "RRULE", "EXDATE:20260303T090000Z|RRULE", 1)}, "02T00:00-02T09:00 unavailable, 02T17:00-04T09:00 unavailable, 04T17:00-09T00:00 unavailable"},
		{"unreadable", []string{"DTSTART:nonsense"}, "02T00:00-09T00:00 unknown (problem)"},
	} {
		s := onSQLite(t)
		person(t, s, "a")
		for i, text := range test.texts {
			put(t, s, "a", store.DefaultCalendar, fmt.Sprintf("%d.ics", i), []byte(strings.Replace(string(component(availabilityType, text)), "UID:u", fmt.Sprintf("UID:u%d", i), 1)))
		}
		if got := busyWeek(t, s, nil); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

// setInbox sets a dead property of the inbox.
func setInbox(t *testing.T, s store.Store, name store.PropertyName, value string) {
	t.Helper()
	update(t, s, func(ctx context.Context, w store.Writer) error {
		return w.SetProperties(ctx, store.PropertyPlace{Account: "a", Calendar: store.InboxName}, []store.PropertyChange{{Property: store.Property{PropertyName: name, Value: value}}})
	})
}

// Clients set availability on the inbox; an event during the office hours is still busy.
func TestAvailabilityOfInbox(t *testing.T) {
	text := string(component(availabilityType, office))
	for _, value := range []string{
		text,
		`<C:calendar-availability xmlns:C="urn:ietf:params:xml:ns:caldav">` + text + `</C:calendar-availability>`,
		`<C:calendar-availability xmlns:C="urn:ietf:params:xml:ns:caldav"><![CDATA[` + text + `]]></C:calendar-availability>`,
	} {
		for _, name := range availabilityNames() {
			s := onSQLite(t)
			person(t, s, "a")
			setInbox(t, s, name, value)
			put(t, s, "a", store.DefaultCalendar, "1.ics", event(hour+"STATUS:CONFIRMED"))
			want := "02T00:00-02T09:00 unavailable, 02T10:00-02T11:00 busy, 02T17:00-03T09:00 unavailable, 03T17:00-04T09:00 unavailable, 04T17:00-09T00:00 unavailable"
			if got := busyWeek(t, s, nil); got != want {
				t.Errorf("%s: got %s, want %s", name, got, want)
			}
		}
	}
	s := onSQLite(t)
	person(t, s, "a")
	setInbox(t, s, availabilityNames()[0], "nothing")
	if got, want := busyWeek(t, s, nil), "02T00:00-09T00:00 unknown (problem)"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Times without a zone are those of the account.
func TestAvailabilityFloating(t *testing.T) {
	berlin, _ := recur.NewZones().Named("Europe/Berlin")
	s := onSQLite(t)
	person(t, s, "a")
	put(t, s, "a", store.DefaultCalendar, "1.ics", component(availabilityType, "DTSTART:20260304T000000|DTEND:20260305T000000|BEGIN:AVAILABLE|UID:x|DTSTART:20260304T090000|DTEND:20260304T170000|END:AVAILABLE"))
	if got, want := busyWeek(t, s, berlin), "03T23:00-04T08:00 unavailable, 04T16:00-04T23:00 unavailable"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
