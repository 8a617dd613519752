package ical

import (
	"slices"
	"strings"
	"testing"
)

// refusal returns the precondition that a server names when it refuses a text; "" if it accepts it.
func refusal(s string) string {
	c, _, err := Parse(s, Options{})
	if err != nil {
		return ValidCalendarData
	}
	for _, p := range append(Check(c), CheckResource(c)...) {
		if p.Level == Error {
			return Precondition(p.Code)
		}
	}
	return ""
}

// Difficulties that public reports describe. Each is refused or accepted as RFC 5545 and RFC 4791
// want it, and a lenient reader finds all of it.
func TestCheckWildCalendars(t *testing.T) {
	timed := func(uid string, lines ...string) []string {
		return slices.Concat([]string{"BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20260102T030405Z"}, lines, []string{"END:VEVENT"})
	}
	zone := func(name string) []string {
		return slices.Concat([]string{"BEGIN:VTIMEZONE", "TZID:" + name}, berlinZone[2:])
	}
	start := "DTSTART:20260511T070000Z"
	for name, c := range map[string]struct {
		lines    []string
		refused  string
		problems string // those of Check that are not notes, by code
	}{
		"an end before the start":             {timed("a", start, "DTEND:20260504T070000Z"), ValidCalendarData, "dtend-before-dtstart"},
		"an end at the start":                 {timed("a", start, "DTEND:20260511T070000Z"), "", "dtend-not-after-dtstart"},
		"a start alone":                       {timed("a", start), "", ""},
		"an end and a duration":               {timed("a", start, "DTEND:20260511T080000Z", "DURATION:PT2H"), ValidCalendarData, "dtend-and-duration"},
		"a duration with a sign inside":       {timed("a", start, "DURATION:PT-8H0M0S"), ValidCalendarData, "value-invalid"},
		"a negative duration":                 {timed("a", start, "DURATION:-PT9S"), ValidCalendarData, "duration-negative"},
		"no UID":                              {[]string{"BEGIN:VEVENT", "DTSTAMP:20260102T030405Z", start, "END:VEVENT"}, ValidCalendarData, "property-missing"},
		"a UID twice":                         {slices.Concat(timed("a", start, "SEQUENCE:4"), timed("a", start, "SEQUENCE:3")), ValidCalendarResource, ""},
		"several UIDs":                        {slices.Concat(zone("Rome"), timed("a", "DTSTART;TZID=Rome:20260511T070000"), timed("b", "DTSTART;TZID=Rome:20260512T070000")), ValidCalendarResource, ""},
		"an override alone":                   {slices.Concat(zone("W. Europe Standard Time"), timed("a", "RECURRENCE-ID;TZID=W. Europe Standard Time:20260511T070000", "DTSTART;TZID=W. Europe Standard Time:20260511T080000")), "", ""},
		"a split series":                      {slices.Concat(timed("a@example.com", start, "RRULE:FREQ=WEEKLY;UNTIL=20260524T235959Z"), timed("a_R20260525T070000@example.com", "DTSTART:20260525T070000Z")), ValidCalendarResource, ""},
		"a message":                           {append([]string{"METHOD:REQUEST"}, timed("a", start)...), ValidCalendarResource, ""},
		"an EXDATE of a day":                  {timed("a", start, "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20260512"), "", ""},
		"an EXDATE on an override":            {slices.Concat(timed("a", start, "RRULE:FREQ=DAILY;COUNT=3"), timed("a", "RECURRENCE-ID:20260512T070000Z", "DTSTART:20260512T080000Z", "EXDATE:20260513T070000Z")), "", ""},
		"periods":                             {timed("a", start, "RDATE;VALUE=PERIOD:20260513T070000Z/PT3H,20260515T070000Z/20260515T071500Z"), "", ""},
		"a task with many times":              {[]string{"BEGIN:VTODO", "UID:a", "DTSTAMP:20260102T030405Z", start, "DUE:20260513T070000Z", "CREATED:20260103T000000Z", "COMPLETED:20260520T000000Z", "STATUS:COMPLETED", "END:VTODO"}, "", ""},
		"a Windows zone":                      {timed("a", "DTSTART;TZID=Romance Standard Time;VALUE=DATE-TIME:20260511T070000"), "", "vtimezone-missing"},
		"a zone that is a URI":                {slices.Concat(zone("tzone://Example/Custom"), timed("a", `DTSTART;TZID="tzone://Example/Custom":20260511T070000`)), "", ""},
		"a zone of cities":                    {slices.Concat(zone(`(UTC+01:00) Paris\, Madrid`), timed("a", `DTSTART;TZID="(UTC+01:00) Paris, Madrid":20260511T070000`)), "", ""},
		"a zone of a vendor":                  {timed("a", "DTSTART;TZID=/vendor.example.org/Europe/Madrid:20260511T070000"), "", ""},
		"a zone without rules":                {slices.Concat([]string{"BEGIN:VTIMEZONE", "TZID:Europe/Oslo", "END:VTIMEZONE"}, timed("a", "DTSTART;TZID=Europe/Oslo:20260511T070000")), "", "vtimezone-empty"},
		"floating times":                      {append([]string{"X-WR-TIMEZONE:Europe/Rome"}, timed("a", "DTSTART:20260511T070000", "DTEND:20260511T080000")...), "", ""},
		"two zones whose names nearly agree":  {slices.Concat(zone("Pacific"), zone("Pacific 1"), timed("a", "DTSTART;TZID=Pacific 1:20260511T070000", "DTEND;TZID=Pacific:20260511T180000")), "", ""},
		"quoted-printable text":               {timed("a", start, "SUMMARY;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:F=C3=BCnf"), ValidCalendarData, ""},
		"a NUL":                               {timed("a", start, "SUMMARY:a\x00b"), ValidCalendarData, ""},
		"text that is not folded":             {timed("a", start, "DESCRIPTION:first", "and second"), ValidCalendarData, ""},
		"names with commas and quotes":        {timed("a", start, "ATTENDEE;CN=Roe, Rita:mailto:r@example.com", `ATTENDEE;MEMBER="mailto:x@example.com","mailto:y@example.com":mailto:z@example.com`, "ATTENDEE;CN=The ^'Boss^':mailto:b@example.com"), "", "parameter-values"},
		"addresses that reach no one":         {timed("a", start, "ORGANIZER;CN=None:invalid:nomail", "ATTENDEE:room"), "", "address-invalid address-invalid"},
		"traces of another program":           {timed("a", start, "X-LIC-ERROR;X-LIC-ERRORTYPE=VALUE-PARSE-ERROR:No value for GEO property", "LOCATION:"), "", ""},
		"a rule that ends in a different way": {timed("a", "DTSTART;VALUE=DATE:20260511", "RRULE:FREQ=DAILY;UNTIL=20260513T220000Z"), "", ""},
		"two ends of a rule":                  {timed("a", start, "RRULE:FREQ=DAILY;COUNT=2;UNTIL=20261231T000000Z"), "", ""}, // pkg/recur reports it
	} {
		t.Run(name, func(t *testing.T) {
			s := calText(c.lines...)
			if got := refusal(s); got != c.refused {
				t.Errorf("refused with %q, not %q", got, c.refused)
			}
			var codes []string
			for _, p := range Check(parseLoosely(t, s)) {
				if p.Level != Note {
					codes = append(codes, p.Code)
				}
			}
			if got := strings.Join(codes, " "); got != c.problems {
				t.Errorf("problems %q, not %q", got, c.problems)
			}
		})
	}
}
