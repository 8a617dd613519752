package calobj_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// calendar returns a valid calendar with lines in it.
func calendar(lines ...string) []byte {
	all := append([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"}, lines...)
	return []byte(strings.Join(append(all, "END:VCALENDAR", ""), "\r\n"))
}

// component returns the lines of a component of a type with the UID u, which has more lines.
func component(typ string, lines ...string) []string {
	all := append([]string{"BEGIN:" + typ, "UID:u", "DTSTAMP:20260101T000000Z"}, lines...)
	return append(all, "END:"+typ)
}

// event returns a calendar with one event.
func event(lines ...string) []byte { return calendar(component("VEVENT", lines...)...) }

func options(lenient bool) calobj.Options {
	return calobj.Options{Zones: recur.NewZones(), Lenient: lenient}
}

// The object has the text as it was given, and what a store keeps beside it.
func TestParse(t *testing.T) {
	text := calendar("BEGIN:VEVENT", "dtstart:20260302T090000Z", "DTEND:20260302T1000", " 00Z", "X-A;b=\"c:d\":e", "UID:a\\,b@example.com", "DTSTAMP:20260101T000000Z", "STATUS:tentative", "TRANSP:TRANSPARENT", "END:VEVENT")
	given := bytes.Clone(text)
	o, err := calobj.Parse(text, options(false))
	if err != nil {
		t.Fatal(err)
	}
	c := o.Component("r.ics")
	want := store.Component{
		Name: "r.ics", UID: "a,b@example.com", Type: "VEVENT", Status: "TENTATIVE", Transparent: true, Text: given,
		Start: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC), End: time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC),
	}
	if c.Name != want.Name || c.UID != want.UID || c.Type != want.Type || c.Method != "" || !c.Index().Equal(want.Index()) {
		t.Errorf("got %+v, want %+v", c, want)
	}
	if !bytes.Equal(c.Text, given) || !bytes.Equal(o.Text(), given) || o.ETag() != store.ETagOf(given) {
		t.Errorf("the text is %q", c.Text)
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
	if o.Set() == nil || o.Calendar.Name != "VCALENDAR" {
		t.Error("the object has no set or calendar")
	}
	marked, err := calobj.Parse(append([]byte("\ufeff"), text...), options(false))
	if err != nil || !bytes.Equal(marked.Text(), given) || marked.ETag() != o.ETag() {
		t.Errorf("with a byte order mark: %q, error %v", marked.Text(), err)
	}
}

// What is wrong with a text is refused with the precondition that it violates and the place.
func TestRefused(t *testing.T) {
	start := "DTSTART:20260302T090000Z"
	for name, c := range map[string]struct {
		text         []byte
		precondition string
		want         string // in the text of the error
		lenient      bool   // it is refused even then
	}{
		"nothing":                 {nil, "valid-calendar-data", "VCALENDAR", true},
		"not iCalendar":           {[]byte("hello\r\n"), "valid-calendar-data", "", true},
		"a line that is none":     {event(start, "and this"), "valid-calendar-data", "line 8", false},
		"no end":                  {[]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u\r\n"), "valid-calendar-data", "", true},
		"end before start":        {event(start, "DTEND:20260301T090000Z"), "valid-calendar-data", "DTEND", false},
		"no start":                {event(), "valid-calendar-data", "DTSTART", false},
		"a rule without sense":    {event(start, "RRULE:FREQ=SOMETIMES"), "valid-calendar-data", "line 8", false},
		"no component":            {calendar(), "valid-calendar-object-resource", "", true},
		"only a zone":             {calendar("BEGIN:VTIMEZONE", "TZID:x", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0000", "TZOFFSETTO:+0000", "END:STANDARD", "END:VTIMEZONE"), "valid-calendar-object-resource", "", true},
		"no UID":                  {calendar("BEGIN:VEVENT", "DTSTAMP:20260101T000000Z", start, "END:VEVENT"), "valid-calendar-object-resource", "line 4: VEVENT has no UID", true},
		"several UIDs":            {calendar(append(component("VEVENT", start), "BEGIN:VEVENT", "UID:other", "DTSTAMP:20260101T000000Z", start, "END:VEVENT")...), "valid-calendar-object-resource", "line 10: ", true},
		"several types":           {calendar(append(component("VEVENT", start), component("VTODO")...)...), "valid-calendar-object-resource", "", false},
		"two masters":             {calendar(append(component("VEVENT", start), component("VEVENT", start)...)...), "valid-calendar-object-resource", "", false},
		"a method":                {calendar(append([]string{"METHOD:PUBLISH"}, component("VEVENT", start)...)...), "valid-calendar-object-resource", "METHOD", false},
		"an unknown type":         {calendar(component("X-THING", start)...), "supported-calendar-component", "X-THING", true},
		"a long UID":              {calendar("BEGIN:VEVENT", "UID:"+strings.Repeat("x", store.MaxUID+1), "DTSTAMP:20260101T000000Z", start, "END:VEVENT"), "valid-calendar-data", "longer", true},
		"a UID that is not UTF-8": {calendar("BEGIN:VEVENT", "UID:\xff", "DTSTAMP:20260101T000000Z", start, "END:VEVENT"), "valid-calendar-data", "UTF-8", true},
	} {
		_, err := calobj.Parse(c.text, options(false))
		var refused *calobj.RefusedError
		if !errors.As(err, &refused) {
			t.Errorf("%s: got error %v", name, err)
			continue
		}
		if refused.Precondition != c.precondition || !strings.Contains(err.Error(), c.want) || len(refused.Problems) == 0 || refused.Problems[0].Level != ical.Error {
			t.Errorf("%s: violates %s: %v; want %s: %s", name, refused.Precondition, err, c.precondition, c.want)
		}
		o, err := calobj.Parse(c.text, options(true))
		if (err != nil) != c.lenient {
			t.Errorf("%s: a lenient reading returned the error %v", name, err)
		}
		if err == nil && (o.UID != "u" || o.Type != "VEVENT" || !bytes.Equal(o.Text(), c.text) || !hasError(o.Problems)) {
			t.Errorf("%s: a lenient reading returned %s %s with %v", name, o.Type, o.UID, o.Problems)
		}
	}
}

func hasError(problems []ical.Problem) bool {
	for _, p := range problems {
		if p.Level == ical.Error {
			return true
		}
	}
	return false
}

// A text larger than the limit violates a precondition of its own, in either mode.
func TestLimits(t *testing.T) {
	text := event("DTSTART:20260302T090000Z", "DESCRIPTION:"+strings.Repeat("x", 1000))
	for _, lenient := range []bool{false, true} {
		o := options(lenient)
		o.Limits.Size = len(text) - 1
		_, err := calobj.Parse(text, o)
		var refused *calobj.RefusedError
		if !errors.As(err, &refused) || refused.Precondition != calobj.MaxResourceSize {
			t.Errorf("lenient %v: got error %v", lenient, err)
		}
		o.Limits.Size++
		if _, err := calobj.Parse(text, o); err != nil {
			t.Errorf("lenient %v: a text of the maximum size: %v", lenient, err)
		}
	}
}

// A message needs a method, which an object must not have.
func TestMessages(t *testing.T) {
	o := options(false)
	o.Message = true
	start := "DTSTART:20260302T090000Z"
	m, err := calobj.Parse(calendar(append([]string{"METHOD:Request"}, component("VEVENT", start, "ORGANIZER:mailto:a@example.com", "ATTENDEE:mailto:b@example.com")...)...), o)
	if err != nil || m.Method != "REQUEST" || m.Component("x").Method != "REQUEST" {
		t.Errorf("%+v, error %v", m, err)
	}
	if _, err := calobj.Parse(event(start), o); err == nil || !strings.Contains(err.Error(), "METHOD") {
		t.Errorf("a message without a method: %v", err)
	}
}

// Status is that of the master, and an object is transparent only if all of it is.
func TestStatusAndTransparency(t *testing.T) {
	master := component("VEVENT", "DTSTART:20260302T090000Z", "RRULE:FREQ=DAILY;COUNT=3", "STATUS:CONFIRMED", "TRANSP:transparent")
	override := func(lines ...string) []string {
		return component("VEVENT", append([]string{"RECURRENCE-ID:20260303T090000Z", "DTSTART:20260303T110000Z"}, lines...)...)
	}
	for name, c := range map[string]struct {
		text        []byte
		status      string
		transparent bool
		recurring   bool
	}{
		"a plain event":               {event("DTSTART:20260302T090000Z"), "", false, false},
		"an opaque event":             {event("DTSTART:20260302T090000Z", "TRANSP:OPAQUE", "STATUS:cancelled"), "CANCELLED", false, false},
		"a series":                    {calendar(master...), "CONFIRMED", true, true},
		"with an opaque override":     {calendar(append(override("STATUS:CANCELLED"), master...)...), "CONFIRMED", false, true},
		"with a transparent override": {calendar(append(override("STATUS:CANCELLED", "TRANSP:TRANSPARENT"), master...)...), "CONFIRMED", true, true},
		"an override alone":           {calendar(override("STATUS:TENTATIVE")...), "TENTATIVE", false, true},
		"a status that is no word":    {event("DTSTART:20260302T090000Z", "STATUS:"+strings.Repeat("x", 500)), "", false, false},
		"a task":                      {calendar(component("VTODO", "STATUS:NEEDS-ACTION")...), "NEEDS-ACTION", false, false},
	} {
		o, err := calobj.Parse(c.text, options(true))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if x := o.Index; x.Status != c.status || x.Transparent != c.transparent || x.Recurring != c.recurring {
			t.Errorf("%s: got %+v", name, x)
		}
	}
}
