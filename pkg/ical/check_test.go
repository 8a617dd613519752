package ical

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// calText returns the lines of a calendar with what every calendar needs around them. The lines begin
// in line 4.
func calText(lines ...string) string {
	all := slices.Concat([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN"}, lines, []string{"END:VCALENDAR", ""})
	return strings.Join(all, "\r\n")
}

// eventOf returns an event with UID, DTSTAMP and DTSTART. Further lines begin in line 8 of a
// calendar.
func eventOf(lines ...string) []string {
	return slices.Concat([]string{"BEGIN:VEVENT", "UID:one", "DTSTAMP:20260101T000000Z", "DTSTART:20260302T090000Z"}, lines, []string{"END:VEVENT"})
}

// datelessOf returns an event without DTSTART. Further lines begin in line 7.
func datelessOf(lines ...string) []string {
	return slices.Concat([]string{"BEGIN:VEVENT", "UID:one", "DTSTAMP:20260101T000000Z"}, lines, []string{"END:VEVENT"})
}

// todoOf returns a task. Further lines begin in line 7.
func todoOf(lines ...string) []string {
	return slices.Concat([]string{"BEGIN:VTODO", "UID:one", "DTSTAMP:20260101T000000Z"}, lines, []string{"END:VTODO"})
}

// alarmOf returns an event with an alarm whose lines begin in line 9.
func alarmOf(lines ...string) []string {
	return eventOf(slices.Concat([]string{"BEGIN:VALARM"}, lines, []string{"END:VALARM"})...)
}

// berlinZone is a time zone of 13 lines.
var berlinZone = []string{
	"BEGIN:VTIMEZONE", "TZID:Berlin",
	"BEGIN:STANDARD", "DTSTART:19701025T030000", "TZOFFSETFROM:+0200", "TZOFFSETTO:+0100", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10", "END:STANDARD",
	"BEGIN:DAYLIGHT", "DTSTART:19700329T020000", "TZOFFSETFROM:+0100", "TZOFFSETTO:+0200", "END:DAYLIGHT",
	"END:VTIMEZONE",
}

// parseLoosely parses a text that the reader accepts.
func parseLoosely(t testing.TB, s string) *Component {
	t.Helper()
	c, _, err := Parse(s, Options{Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// problemSummary returns problems as "level code line property".
func problemSummary(list []Problem) []string {
	out := []string{}
	for _, p := range list {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %d %s", p.Level, p.Code, p.Line, p.Property)))
	}
	return out
}

// checkCase is an input and the problems that Check finds in it.
type checkCase struct {
	name  string
	lines []string
	want  []string
}

func testCheck(t *testing.T, cases []checkCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // checks may run at the same time
			if c.want == nil {
				c.want = []string{}
			}
			got := Check(parseLoosely(t, calText(c.lines...)))
			if diff := cmp.Diff(c.want, problemSummary(got)); diff != "" {
				t.Errorf("(-want +got)\n%s\n%+v", diff, got)
			}
		})
	}
}

func TestCheckPresence(t *testing.T) {
	zoned := func(lines ...string) []string { return slices.Concat(berlinZone, datelessOf(lines...)) }
	testCheck(t, []checkCase{
		{"a plain event", eventOf("DTEND:20260302T100000Z", "SUMMARY:Lunch"), nil},
		{"an empty calendar", nil, []string{"warning calendar-empty 1"}},
		{"no UID", []string{"BEGIN:VEVENT", "DTSTAMP:20260101T000000Z", "DTSTART:20260302T090000Z", "END:VEVENT"}, []string{"error property-missing 4 UID"}},
		{"no DTSTAMP", []string{"BEGIN:VTODO", "UID:one", "END:VTODO"}, []string{"warning property-missing 4 DTSTAMP"}},
		{"no DTSTART", datelessOf(), []string{"error property-missing 4 DTSTART"}},
		{"no DTSTART in a message", append([]string{"METHOD:CANCEL"}, datelessOf()...), nil},
		{"a task without times", todoOf(), nil},
		{"an unknown component", []string{"BEGIN:X-NOTE", "X-A:b", "SUMMARY:s", "BEGIN:NEW", "END:NEW", "END:X-NOTE"}, nil},
		{"unknown properties", eventOf("X-A;X-B=c:d", "NEW-THING:a,b;c"), nil},
		{"SUMMARY twice", eventOf("SUMMARY:a", "SUMMARY:b"), []string{"warning property-repeated 9 SUMMARY"}},
		{"the same line twice", eventOf("DTEND:20260302T100000Z", "DTEND:20260302T100000Z"), []string{"warning property-repeated 9 DTEND"}},
		{"two ends", eventOf("DTEND:20260302T100000Z", "DTEND:20260302T110000Z"), []string{"error property-repeated 9 DTEND"}},
		{"two UIDs", eventOf("UID:two"), []string{"error property-repeated 8 UID"}},
		{"two rules", eventOf("RRULE:FREQ=DAILY", "RRULE:FREQ=WEEKLY"), []string{"warning property-repeated 9 RRULE"}},
		{"what may be repeated", eventOf("COMMENT:a", "COMMENT:b", "ATTENDEE:mailto:a@example.com", "ATTENDEE:mailto:b@example.com", "EXDATE:20260303T090000Z", "EXDATE:20260304T090000Z"), nil},
		{"descriptions of a journal", []string{"BEGIN:VJOURNAL", "UID:one", "DTSTAMP:20260101T000000Z", "DESCRIPTION:a", "DESCRIPTION:b", "END:VJOURNAL"}, nil},
		{"DUE in an event", eventOf("DUE:20260302T100000Z"), []string{"warning property-misplaced 8 DUE"}},
		{"TRANSP in a task", todoOf("TRANSP:OPAQUE"), []string{"warning property-misplaced 7 TRANSP"}},
		{"an alarm in a calendar", []string{"BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER:PT0S", "END:VALARM"}, []string{"warning component-misplaced 4"}},
		{"an observance in an event", eventOf("BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:+0000", "TZOFFSETTO:+0000", "END:STANDARD"), []string{"warning component-misplaced 8"}},
		{"a zone in use", zoned("DTSTART;TZID=Berlin:20260302T090000", "DTEND;TZID=\"Berlin\":20260302T100000"), nil},
		{"a zone that is missing", zoned("DTSTART;TZID=Rome:20260302T090000", "DTEND;TZID=Rome:20260302T100000"), []string{"warning vtimezone-missing 21 DTSTART"}},
		{"a global zone", datelessOf("DTSTART;TZID=/example.org/Rome:20260302T090000"), nil},
		{"a zone with commas", slices.Concat([]string{"BEGIN:VTIMEZONE", `TZID:(UTC+01:00) Berlin\, Rome`}, berlinZone[2:], datelessOf(`DTSTART;TZID="(UTC+01:00) Berlin, Rome":20260302T090000`)), nil},
		{"an empty zone", slices.Concat([]string{"BEGIN:VTIMEZONE", "TZID:Rome", "X-LIC-LOCATION:Rome", "END:VTIMEZONE"}, datelessOf("DTSTART;TZID=Rome:20260302T090000")), []string{"warning vtimezone-empty 4"}},
		{"a zone without a name", slices.Concat([]string{"BEGIN:VTIMEZONE"}, berlinZone[2:], eventOf()), []string{"error property-missing 4 TZID"}},
		{"a zone twice", slices.Concat(berlinZone, berlinZone, eventOf()), []string{"warning vtimezone-repeated 18 TZID"}},
		{
			"an observance without offsets", slices.Concat([]string{"BEGIN:VTIMEZONE", "TZID:a", "BEGIN:STANDARD", "DTSTART:19700101T000000Z", "END:STANDARD", "END:VTIMEZONE"}, eventOf()),
			[]string{"error property-missing 6 TZOFFSETFROM", "error property-missing 6 TZOFFSETTO", "warning observance-dtstart 7 DTSTART"},
		},
		{"CALSCALE with a blank", append([]string{"CALSCALE:Gregorian "}, eventOf()...), nil},
		{"an empty CALSCALE", append([]string{"CALSCALE:"}, eventOf()...), []string{"warning calscale 4 CALSCALE"}},
		{"CALSCALE", append([]string{"CALSCALE:CHINESE"}, eventOf()...), []string{"error calscale 4 CALSCALE"}},
		{"CALSCALE in lower case", append([]string{"CALSCALE:gregorian"}, eventOf()...), nil},
		{
			"RFC 7986", append([]string{"NAME:a", "NAME;LANGUAGE=de:b", "COLOR:turquoise", "REFRESH-INTERVAL;VALUE=DURATION:P1W", "SOURCE;VALUE=URI:https://example.org/c.ics", "IMAGE;VALUE=URI;DISPLAY=BADGE,THUMBNAIL:https://example.org/i.png", "UID:u", "LAST-MODIFIED:20260101T000000Z"},
				eventOf("CONFERENCE;VALUE=URI;FEATURE=AUDIO,VIDEO:tel:+1-412-555-0123", "COLOR:RED")...), nil,
		},
		{
			"RFC 7986 without VALUE", append([]string{"REFRESH-INTERVAL:PT0S", "SOURCE:https://example.org/c.ics", "COLOR:#ff0000"}, eventOf("CONFERENCE:nowhere")...),
			[]string{"warning value-type-missing 4 REFRESH-INTERVAL", "warning duration-not-positive 4 REFRESH-INTERVAL", "warning value-type-missing 5 SOURCE", "warning color 6 COLOR",
				"warning value-type-missing 11 CONFERENCE", "warning value-invalid 11 CONFERENCE"},
		},
		{
			"RFC 9073 and 9074", eventOf("STYLED-DESCRIPTION;VALUE=TEXT;FMTTYPE=text/html:<b>a</b>", "BEGIN:PARTICIPANT", "UID:p", "PARTICIPANT-TYPE:SPEAKER", "CALENDAR-ADDRESS:mailto:a@example.com", "BEGIN:VLOCATION", "UID:l", "NAME:Hall", "END:VLOCATION", "END:PARTICIPANT",
				"BEGIN:VALARM", "UID:a", "ACTION:DISPLAY", "DESCRIPTION:d", "TRIGGER:-PT5M", "ACKNOWLEDGED:20260302T080000Z", "RELATED-TO;RELTYPE=SNOOZE:b", "PROXIMITY:DEPART", "END:VALARM"), nil,
		},
		{
			"availability", []string{"BEGIN:VAVAILABILITY", "UID:a", "DTSTAMP:20260101T000000Z", "BUSYTYPE:BUSY", "BEGIN:AVAILABLE", "UID:b", "DTSTAMP:20260101T000000Z", "DTSTART:20260302T090000Z", "DTEND:20260302T080000Z", "RRULE:FREQ=DAILY", "END:AVAILABLE", "END:VAVAILABILITY"},
			[]string{"error dtend-before-dtstart 12 DTEND"},
		},
	})
}

func TestCheckTimes(t *testing.T) {
	zoned := func(lines ...string) []string { return slices.Concat(berlinZone, datelessOf(lines...)) }
	testCheck(t, []checkCase{
		{"an end before the start", eventOf("DTEND:20260223T090000Z"), []string{"error dtend-before-dtstart 8 DTEND"}},
		{"one second before", eventOf("DTEND:20260302T085959Z"), []string{"error dtend-before-dtstart 8 DTEND"}},
		{"the same time", eventOf("DTEND:20260302T090000Z"), []string{"warning dtend-not-after-dtstart 8 DTEND"}},
		{"the same day", datelessOf("DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260302"), []string{"warning dtend-not-after-dtstart 8 DTEND"}},
		{"the next day", datelessOf("DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260303"), nil},
		{"the day before", datelessOf("DTSTART;VALUE=DATE:20260302", "DTEND;VALUE=DATE:20260301"), []string{"error dtend-before-dtstart 8 DTEND"}},
		{"zones that need an offset to compare", zoned("DTSTART;TZID=Berlin:20260302T090000", "DTEND:20260302T083000Z"), nil},
		{"zones that do not", zoned("DTSTART;TZID=Berlin:20260302T090000", "DTEND:20260301T065959Z"), []string{"error dtend-before-dtstart 22 DTEND"}},
		{"the end in another type", eventOf("DTEND;VALUE=DATE:20260303"), []string{"error dtend-type 8 DTEND"}},
		{"the start in another type", datelessOf("DTSTART;VALUE=DATE:20260302", "DTEND:20260303T000000Z"), []string{"error dtend-type 8 DTEND"}},
		{"a floating end", eventOf("DTEND:20260302T100000"), []string{"warning dtend-floating 8 DTEND"}},
		{"both ends", eventOf("DTEND:20260302T100000Z", "DURATION:PT3H"), []string{"error dtend-and-duration 9 DURATION"}},
		{"a duration", eventOf("DURATION:PT1H30M"), nil},
		{"a negative duration", eventOf("DURATION:-PT4S"), []string{"error duration-negative 8 DURATION"}},
		{"a sign inside", eventOf("DURATION:PT-22H0M0S"), []string{"error value-invalid 8 DURATION"}},
		{"no duration", eventOf("DURATION:PT0S"), []string{"warning duration-not-positive 8 DURATION"}},
		{"an empty duration", eventOf("DURATION:"), []string{"error value-invalid 8 DURATION"}},
		{"hours of a day", datelessOf("DTSTART;VALUE=DATE:20260302", "DURATION:PT24H"), []string{"warning duration-of-date 8 DURATION"}},
		{"days of a day", datelessOf("DTSTART;VALUE=DATE:20260302", "DURATION:P2D"), nil},
		{"weeks and days", eventOf("DURATION:P1W2D"), []string{"warning duration-form 8 DURATION"}},
		{"hours and seconds", eventOf("DURATION:PT1H5S"), []string{"warning duration-form 8 DURATION"}},
		{"lower case", eventOf("DURATION:pt1h"), []string{"warning duration-form 8 DURATION"}},
		{"a date without VALUE", datelessOf("DTSTART:20260302"), []string{"warning value-type-missing 7 DTSTART"}},
		{"a time with VALUE=DATE", datelessOf("DTSTART;VALUE=DATE:20260302T090000Z"), []string{"error value-type 7 DTSTART"}},
		{"VALUE=DATE-TIME", datelessOf("DTSTART;VALUE=DATE-TIME:20260302T090000Z"), nil},
		{"VALUE=PERIOD", datelessOf("DTSTART;VALUE=PERIOD:20260302T090000Z/PT1H"), []string{"error value-type 7 DTSTART"}},
		{"a type that does not exist", datelessOf("DTSTART;VALUE=DAY:20260302T090000Z"), []string{"error value-type 7 DTSTART"}},
		{"30 February", datelessOf("DTSTART:20260230T090000Z"), []string{"error value-invalid 7 DTSTART"}},
		{"hour 24", eventOf("DTEND:20260302T240000Z"), []string{"error value-invalid 8 DTEND"}},
		{"a leap second", eventOf("DTEND:20261231T235960Z"), nil},
		{"a small t", eventOf("DTEND:20260302t100000Z"), []string{"warning time-form 8 DTEND"}},
		{"a blank", eventOf("DTEND: 20260302T100000Z"), []string{"warning time-form 8 DTEND"}},
		{"a DTSTAMP in local time", []string{"BEGIN:VTODO", "UID:one", "DTSTAMP:20260101T000000", "END:VTODO"}, []string{"warning not-utc 6 DTSTAMP"}},
		{"an invalid DTSTAMP", []string{"BEGIN:VTODO", "UID:one", "DTSTAMP:today", "END:VTODO"}, []string{"warning value-invalid 6 DTSTAMP"}},
		{"a date where a time must be", eventOf("CREATED:20260101"), []string{"warning value-type 8 CREATED"}},
		{"TZID of UTC", zoned("DTSTART;TZID=Berlin:20260302T090000Z"), []string{"warning tzid-on-utc 21 DTSTART"}},
		{"TZID of a date", zoned("DTSTART;VALUE=DATE;TZID=Berlin:20260302"), []string{"warning tzid-on-date 21 DTSTART"}},
		{"lists", eventOf("EXDATE:20260303T090000Z,20260304T090000Z", "RDATE;VALUE=PERIOD:20260305T090000Z/PT2H,20260309T090000Z/20260309T093000Z"), nil},
		{"dates that are gone", eventOf("EXDATE:", "RDATE;VALUE=DATE:,", "EXDATE;TZID=: "), []string{"warning value-invalid 8 EXDATE", "warning value-invalid 9 RDATE", "warning value-invalid 10 EXDATE"}},
		{"no busy times", []string{"BEGIN:VFREEBUSY", "UID:one", "DTSTAMP:20260101T000000Z", "FREEBUSY:", "END:VFREEBUSY"}, []string{"warning value-invalid 7 FREEBUSY"}},
		{"times in a list of dates", eventOf("EXDATE;VALUE=DATE:20260303T090000Z"), []string{"warning value-type 8 EXDATE"}},
		{"a task that is due at a time of a day", todoOf("DTSTART;VALUE=DATE:20260302", "DUE:20260302T170000Z"), []string{"warning due-type 8 DUE"}},
		{"a flaw in a list", eventOf("EXDATE:20260303T090000Z,tomorrow"), []string{"error value-invalid 8 EXDATE"}},
		{"periods backwards", eventOf("RDATE;VALUE=PERIOD:20260305T090000Z/20260305T080000Z,20260305T090000Z/PT0S"), []string{"error period-order 8 RDATE", "error period-order 8 RDATE"}},
		{"half a period", eventOf("RDATE;VALUE=PERIOD:20260305T090000Z"), []string{"error value-invalid 8 RDATE"}},
		{"a due task", todoOf("DTSTART:20260302T090000Z", "DUE:20260306T090000Z", "COMPLETED:20260320T120000Z"), nil},
		{"DUE and DURATION", todoOf("DTSTART:20260302T090000Z", "DUE:20260306T090000Z", "DURATION:PT1H"), []string{"error due-and-duration 9 DURATION"}},
		{"DUE before DTSTART", todoOf("DTSTART:20260302T090000Z", "DUE:20260301T090000Z"), []string{"warning due-before-dtstart 8 DUE"}},
		{"DUE at DTSTART", todoOf("DTSTART:20260302T090000Z", "DUE:20260302T090000Z"), []string{"warning due-not-after-dtstart 8 DUE"}},
		{"DURATION alone", todoOf("DURATION:PT1H"), []string{"warning duration-without-dtstart 7 DURATION"}},
		{"a rule without a start", todoOf("RRULE:FREQ=DAILY"), []string{"warning rrule-without-dtstart 7 RRULE"}},
		{"busy times", []string{"BEGIN:VFREEBUSY", "UID:one", "DTSTAMP:20260101T000000Z", "DTSTART:20260302T000000Z", "DTEND:20260303T000000Z", "FREEBUSY;FBTYPE=BUSY:20260302T090000Z/PT1H,20260302T110000Z/20260302T113000Z", "END:VFREEBUSY"}, nil},
		{"local busy times", []string{"BEGIN:VFREEBUSY", "UID:one", "DTSTAMP:20260101T000000Z", "DTSTART:20260302T000000", "FREEBUSY:20260302T090000/PT1H", "END:VFREEBUSY"}, []string{"warning not-utc 7 DTSTART", "warning not-utc 8 FREEBUSY"}},
	})
}

func TestCheckRecurrenceID(t *testing.T) {
	series := func(start string, override ...string) []string {
		return slices.Concat(berlinZone, datelessOf(start, "RRULE:FREQ=DAILY;COUNT=3"), eventOf(override...))
	}
	testCheck(t, []checkCase{
		{"the same zone", series("DTSTART;TZID=Berlin:20260302T090000", "RECURRENCE-ID;TZID=Berlin:20260303T090000"), nil},
		{"in UTC", series("DTSTART;TZID=Berlin:20260302T090000", "RECURRENCE-ID:20260303T080000Z"), []string{"note recurrence-id-utc 28 RECURRENCE-ID"}},
		{"a date for times", series("DTSTART;TZID=Berlin:20260302T090000", "RECURRENCE-ID;VALUE=DATE:20260303"), []string{"warning recurrence-id-type 28 RECURRENCE-ID"}},
		{"a time for dates", series("DTSTART;VALUE=DATE:20260302", "RECURRENCE-ID:20260303T000000Z"), []string{"warning recurrence-id-type 28 RECURRENCE-ID"}},
		{"floating", series("DTSTART;TZID=Berlin:20260302T090000", "RECURRENCE-ID:20260303T090000"), []string{"warning recurrence-id-floating 28 RECURRENCE-ID"}},
		{"UTC for floating", series("DTSTART:20260302T090000", "RECURRENCE-ID:20260303T090000Z"), []string{"warning recurrence-id-floating 28 RECURRENCE-ID"}},
		{"without a series", eventOf("RECURRENCE-ID;VALUE=DATE:20260303"), nil},
		{"of another UID", slices.Concat([]string{"BEGIN:VEVENT", "UID:two", "DTSTAMP:20260101T000000Z", "DTSTART;VALUE=DATE:20260302", "END:VEVENT"}, eventOf("RECURRENCE-ID:20260303T090000Z")), nil},
		{"this and future", eventOf("RECURRENCE-ID;RANGE=THISANDFUTURE:20260303T090000Z"), nil},
		{"this and prior", eventOf("RECURRENCE-ID;RANGE=THISANDPRIOR:20260303T090000Z"), []string{"warning parameter-value 8 RECURRENCE-ID"}},
		{"invalid", eventOf("RECURRENCE-ID:next"), []string{"error value-invalid 8 RECURRENCE-ID"}},
	})
}

func TestCheckValues(t *testing.T) {
	one := func(line, want string) checkCase { return checkCase{line, eventOf(line), strings.Fields(want)} }
	var cases []checkCase
	for line, want := range map[string]string{
		"STATUS:TENTATIVE": "", "STATUS:cancelled": "", "STATUS:COMPLETED": "status", "STATUS:CONFIRMED CANCELLED": "status",
		"CLASS:PRIVATE": "", "CLASS:X-SECRET": "class", "TRANSP:OPAQUE": "", "TRANSP:0": "transp",
		"PRIORITY:9": "", "PRIORITY:10": "value-range", "PRIORITY:-1": "value-range", "PRIORITY:high": "value-invalid", "PRIORITY:": "value-invalid",
		"SEQUENCE:0": "", "SEQUENCE:-1": "value-range", "SEQUENCE:4294967296": "value-invalid", "SEQUENCE:1.5": "value-invalid",
		"GEO:37.386013;-122.082932": "", "GEO:37.386013,-122.082932": "geo", "GEO:91;0": "geo", "GEO:0;181": "geo", "GEO:a;b": "geo", "GEO:0;+.5": "geo",
		"URL:https://example.org/": "", "URL:": "value-invalid", "URL:example.org": "value-invalid", "URL:https://a b/": "value-invalid", "URL:1x:y": "value-invalid",
		"ORGANIZER:mailto:a@example.com": "", "ORGANIZER:MAILTO:a@example.com": "", "ORGANIZER:urn:uuid:1": "", "ORGANIZER;CN=Nobody:invalid:nomail": "address-invalid",
		"ATTENDEE;CN=Room:nomail": "address-invalid", "ATTENDEE:a@example.com": "address-invalid", "ATTENDEE:mailto:nomail": "address-invalid", "ATTENDEE:": "address-invalid",
		"ATTENDEE;SENT-BY=\"mailto:b@example.com\":mailto:a@example.com": "", "ATTENDEE;SENT-BY=b:mailto:a@example.com": "address-invalid",
		"ATTENDEE;MEMBER=\"mailto:b@example.com\",\"c\":mailto:a@example.com": "address-invalid",
		"ATTENDEE;RSVP=TRUE;PARTSTAT=X-MAYBE:mailto:a@example.com":            "", "ATTENDEE;RSVP=YES:mailto:a@example.com": "parameter-value",
		"ATTENDEE;CN=Doe, Jane:mailto:a@example.com": "parameter-values", "ATTENDEE;CN=\"Doe, Jane\":mailto:a@example.com": "", "ATTENDEE;CN=:mailto:a@example.com": "parameter-value",
		"ATTENDEE;CN=a;cn=b:mailto:a@example.com": "parameter-repeated", "SUMMARY;TZID=x:a": "parameter-misplaced", "SUMMARY;LANGUAGE=de;X-A=b,c;NEW=d:a": "",
		"SUMMARY;ALTREP=\"cid:1\":a": "", "SUMMARY;ALTREP=one:a": "parameter-value",
		"ATTACH:cid:1": "", "ATTACH;ENCODING=BASE64;VALUE=BINARY:AAEC": "", "ATTACH;ENCODING=BASE64;VALUE=BINARY:AAE": "value-invalid", "ATTACH;ENCODING=BASE64;VALUE=BINARY:A*EC": "value-invalid",
		"ATTACH;VALUE=BINARY:AAEC": "encoding", "ATTACH;ENCODING=BASE64:AAEC": "encoding value-invalid", "ATTACH;ENCODING=ZIP;VALUE=BINARY:AAEC": "encoding encoding",
		"ATTACH;VALUE=TEXT:a": "value-type", "COMMENT;VALUE=X-NEW:a,b": "", "DESCRIPTION;ENCODING=8BIT:a": "", "DESCRIPTION;ENCODING=QUOTED-PRINTABLE:a=": "",
		`SUMMARY:a\, b\; c\\ d\n e\N`: "", "SUMMARY:a, b": "text-not-escaped", "SUMMARY:a; b": "text-not-escaped", `SUMMARY:C:\temp`: "text-backslash", `SUMMARY:end\`: "text-backslash",
		"CATEGORIES:a,b": "", "RESOURCES:a,b": "", "LOCATION:": "", "X-LIC-ERROR;X-LIC-ERRORTYPE=VALUE-PARSE-ERROR:No value, it; says": "",
		"REQUEST-STATUS:2.0;Success": "", "REQUEST-STATUS:3.1.2;Bad;DTSTART:x": "", "REQUEST-STATUS:2.0": "request-status", "REQUEST-STATUS:two;Success": "request-status",
		"COLOR:light blue": "color", "COLOR:lightgoldenrodyellow": "", "RELATED-TO;RELTYPE=FINISHTOSTART;GAP=P1D:two": "", "IMAGE;VALUE=URI:": "value-invalid",
	} {
		c := one(line, want)
		for i, code := range c.want {
			level := "warning"
			switch {
			case code == "class" || code == "parameter-misplaced":
				level = "note"
			case strings.Contains(line, "ENCODING=ZIP") && i == 0:
				level = "error"
			}
			name, _, _ := strings.Cut(line, ":")
			name, _, _ = strings.Cut(name, ";")
			c.want[i] = fmt.Sprintf("%s %s 8 %s", level, code, name)
		}
		cases = append(cases, c)
	}
	cases = append(cases,
		checkCase{"100 %", todoOf("PERCENT-COMPLETE:100", "STATUS:IN-PROCESS"), nil},
		checkCase{"101 %", todoOf("PERCENT-COMPLETE:101", "STATUS:CONFIRMED"), []string{"warning value-range 7 PERCENT-COMPLETE", "warning status 8 STATUS"}},
		checkCase{"a final journal", []string{"BEGIN:VJOURNAL", "UID:one", "DTSTAMP:20260101T000000Z", "STATUS:FINAL", "END:VJOURNAL"}, nil},
		checkCase{"offsets", slices.Concat([]string{"BEGIN:VTIMEZONE", "TZID:a", "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:-0000", "TZOFFSETTO:+01:00", "END:STANDARD", "END:VTIMEZONE"}, eventOf()),
			[]string{"warning offset-form 8 TZOFFSETFROM", "warning offset-form 9 TZOFFSETTO"}},
		checkCase{"offsets with seconds", slices.Concat([]string{"BEGIN:VTIMEZONE", "TZID:a", "BEGIN:STANDARD", "DTSTART:18000101T000000", "TZOFFSETFROM:+005328", "TZOFFSETTO:+0100", "END:STANDARD", "END:VTIMEZONE"}, eventOf()), nil},
	)
	testCheck(t, cases)
}

func TestCheckAlarms(t *testing.T) {
	testCheck(t, []checkCase{
		{"a message", alarmOf("ACTION:DISPLAY", "DESCRIPTION:d", "TRIGGER:-PT15M"), nil},
		{"a sound", alarmOf("ACTION:AUDIO", "TRIGGER;RELATED=START:-PT15M", "ATTACH;FMTTYPE=audio/basic:https://example.org/a.aud", "REPEAT:4", "DURATION:PT15M"), nil},
		{"a mail", alarmOf("ACTION:EMAIL", "TRIGGER;VALUE=DATE-TIME:20260302T080000Z", "SUMMARY:s", "DESCRIPTION:d", "ATTENDEE:mailto:a@example.com"), nil},
		{"an unknown action", alarmOf("ACTION:X-LIGHT", "TRIGGER:PT0S"), nil},
		{"nothing", alarmOf(), []string{"warning property-missing 8 ACTION", "warning property-missing 8 TRIGGER"}},
		{"a message without text", alarmOf("ACTION:DISPLAY", "TRIGGER:-PT15M"), []string{"warning property-missing 8 DESCRIPTION"}},
		{"a mail to nobody", alarmOf("ACTION:email", "TRIGGER:-PT15M", "DESCRIPTION:d"), []string{"warning property-missing 8 SUMMARY", "warning property-missing 8 ATTENDEE"}},
		{"a program", alarmOf("ACTION:PROCEDURE", "TRIGGER:-PT15M", "ATTACH:ftp://example.org/a.sh"), []string{"note alarm-procedure 9 ACTION"}},
		{"two sounds", alarmOf("ACTION:AUDIO", "TRIGGER:-PT15M", "ATTACH:cid:1", "ATTACH:cid:2"), []string{"warning property-repeated 12 ATTACH"}},
		{"REPEAT alone", alarmOf("ACTION:AUDIO", "TRIGGER:-PT15M", "REPEAT:4"), []string{"warning alarm-repeat 11 REPEAT"}},
		{"REPEAT:0 alone", alarmOf("ACTION:AUDIO", "TRIGGER:-PT15M", "REPEAT:0"), nil},
		{"DURATION alone", alarmOf("ACTION:AUDIO", "TRIGGER:-PT15M", "DURATION:PT5M"), []string{"warning alarm-repeat 11 DURATION"}},
		{"no pause", alarmOf("ACTION:AUDIO", "TRIGGER:-PT15M", "REPEAT:1", "DURATION:PT0M"), []string{"warning duration-not-positive 12 DURATION"}},
		{"a broken pause does not make the event invalid", alarmOf("ACTION:AUDIO", "TRIGGER:-PT15M", "REPEAT:1", "DURATION:long"), []string{"warning value-invalid 12 DURATION"}},
		{"a local time", alarmOf("ACTION:AUDIO", "TRIGGER;VALUE=DATE-TIME:20260302T080000"), []string{"warning not-utc 10 TRIGGER"}},
		{"a time without VALUE", alarmOf("ACTION:AUDIO", "TRIGGER:20260302T080000Z"), []string{"warning value-type-missing 10 TRIGGER"}},
		{"a related time", alarmOf("ACTION:AUDIO", "TRIGGER;RELATED=END;VALUE=DATE-TIME:20260302T080000Z"), []string{"warning trigger-related 10 TRIGGER"}},
		{"no end", alarmOf("ACTION:AUDIO", "TRIGGER;RELATED=END:-PT15M"), []string{"warning trigger-related 10 TRIGGER"}},
		{"neither start nor end", alarmOf("ACTION:AUDIO", "TRIGGER;RELATED=MIDDLE:-PT15M"), []string{"warning parameter-value 10 TRIGGER"}},
		{"an end", eventOf("DTEND:20260302T100000Z", "BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER;RELATED=END:-PT15M", "END:VALARM"), nil},
		{"an end of a task", todoOf("DUE:20260302T100000Z", "BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER;RELATED=END:-PT15M", "END:VALARM"), nil},
		{"no trigger that can be read", alarmOf("ACTION:AUDIO", "TRIGGER:soon"), []string{"warning value-invalid 10 TRIGGER"}},
	})
}
