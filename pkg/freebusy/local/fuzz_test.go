package local

import (
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// ofText returns the busy times of a stored text, of whose span nothing is known.
func ofText(component, text string) []freebusy.Period {
	window := week()
	w := &work{
		zones: recur.NewZones(), own: newAddresses([]string{"a@example.com"}), window: window, from: window.Start.Unix(), to: window.End.Unix(),
		zone: recur.UTC(), floating: recur.UTC(), left: MaxCandidates, calendar: store.DefaultCalendar,
	}
	w.component(&store.Component{Name: "1.ics", Type: component, Text: []byte(text), Floating: true})
	return freebusy.Merge(window, append(w.periods, w.availability()...))
}

// samples are good texts, by the type of the component. Each takes time from 10:00 to 11:00 on
// Tuesday, 3 March 2026.
func samples() map[string]string {
	return map[string]string{
		"VEVENT": string(event("DTSTART;TZID=Europe/Berlin:20260302T110000|DURATION:PT1H|RRULE:FREQ=DAILY;COUNT=5|EXDATE:20260305T100000Z" +
			"|ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@example.com|END:VEVENT|BEGIN:VEVENT|UID:u|RECURRENCE-ID:20260304T100000Z|DTSTART:20260304T120000Z|DURATION:PT1H")),
		"VFREEBUSY":      string(component("VFREEBUSY", "DTSTART:20260302T000000Z|DTEND:20260309T000000Z|FREEBUSY;FBTYPE=BUSY:20260303T100000Z/PT1H,20260304T100000Z/20260304T110000Z")),
		availabilityType: string(component(availabilityType, "DTSTART:20260301T000000Z|"+strings.ReplaceAll(office, "T090000Z", "T110000Z"))),
	}
}

// No truncation of a text makes busy time free.
func TestTruncated(t *testing.T) {
	busy := at("2026-03-03 10:30")
	for name, text := range samples() {
		if kindAt(ofText(name, text), busy) < freebusy.Unavailable {
			t.Errorf("%s is not busy:\n%s", name, text)
		}
		for n := range len(text) - len("\r\n") {
			if kindAt(ofText(name, text[:n]), busy) == freebusy.Free {
				t.Errorf("%s is free after %d bytes:\n%s", name, n, text[:n])
			}
		}
	}
}

// Any text gives periods in the window, in bounded time.
func FuzzText(f *testing.F) {
	for name, text := range samples() {
		f.Add(name, text)
	}
	f.Add("VEVENT", string(event("DTSTART:20260301T000000Z|DURATION:PT1S|RRULE:FREQ=SECONDLY")))
	f.Add("VEVENT", string(event("DTSTART;VALUE=DATE:99991231|DURATION:P9999999W")))
	f.Fuzz(func(t *testing.T, component, text string) {
		before := week().Start
		for _, p := range ofText(component, text) {
			if p.Start.Before(before) || !p.End.After(p.Start) || p.End.After(week().End) || p.Kind == freebusy.Free {
				t.Fatalf("%v in %q", p, text)
			}
			before = p.End
		}
	})
}
