package recur

import (
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/tz"
)

func zoneInstant(t testing.TB, text string) int64 { return int64(zoneCivil(t, text)) }

// madeZone makes a VTIMEZONE and reads it as a part of an object. The name becomes one that
// nobody knows, so that only what it says itself counts.
func madeZone(t *testing.T, zones *Zones, name string, from, to int64) (*Zone, string) {
	t.Helper()
	c, ok := zones.Component(name, from, to)
	if !ok {
		t.Fatalf("%s: no VTIMEZONE", name)
	}
	c.Set("TZID", "made of it")
	calendar := zoneObject(t, strings.ReplaceAll(strings.TrimSuffix(c.String(), "\r\n"), "\r\n", "\n"))
	o := zones.Of(calendar)
	zone, source := o.Find("made of it")
	if problems := o.Problems(); source != ZoneEmbedded || len(problems) > 0 {
		t.Fatalf("%s: %s, %v\n%s", name, source, problems, c)
	}
	return zone, c.String()
}

// Every zone of the database is the same after it was written and read, from 1970 to 2100 and
// after that.
func TestMadeVTimezonesSayTheSame(t *testing.T) {
	random, zones := seed.New(t), NewZones()
	from, to := zoneInstant(t, "19700101T000000"), zoneInstant(t, "21000101T000000")
	rounds, size, longest := tier.Rounds(t, 100, 3000), 0, ""
	step, number := tier.Step(t, 4), random.IntN(4)
	for name := range tz.Names() {
		if number++; number%step != 0 {
			continue
		}
		want := zoneNamed(t, zones, name)
		got, text := madeZone(t, zones, name, from, to)
		if size += len(text); len(text) > len(longest) {
			longest = text
		}
		check := func(unix int64) {
			if g, w := got.Offset(unix), want.Offset(unix); g != w {
				t.Fatalf("%s: the offset at %s is %d, not %d\n%s", name, ical.Civil(unix), g, w, text)
			}
		}
		for range rounds {
			check(from + random.Int64N(to-from))
			check(to + random.Int64N(maxInstant-to-2*ical.SecondsPerDay))
		}
		if want.source == nil {
			continue
		}
		for at := from; at < to; at = want.source.(iana).next(at) {
			check(at)
			check(max(from, at-1))
			check(at + 1)
		}
	}
	t.Logf("%d bytes; the longest has %d", size, len(longest))
	if size > 600/step*1300 {
		t.Errorf("%d bytes are not compact", size)
	}
}

// Any part of time is exact.
func TestMadeVTimezonesOfAnyTime(t *testing.T) {
	random, zones := seed.New(t), NewZones()
	names := []string{}
	for name := range tz.Names() {
		names = append(names, name)
	}
	for range tier.Rounds(t, 150, 4000) {
		name := names[random.IntN(len(names))]
		from := -5e9 + random.Int64N(11e9) // 1811 to 2160
		to := from + random.Int64N(3e9)
		want := zoneNamed(t, zones, name)
		got, text := madeZone(t, zones, name, from, to)
		for i := range int64(200) {
			at := from + random.Int64N(to-from+1)
			if i < 2 {
				at = from + i*(to-from)
			}
			if g, w := got.Offset(at), want.Offset(at); g != w {
				t.Fatalf("%s from %d to %d: the offset at %s is %d, not %d\n%s", name, from, to, ical.Civil(at), g, w, text)
			}
		}
	}
}

func TestMadeVTimezone(t *testing.T) {
	zones := NewZones()
	for _, c := range []struct{ name, from, to, want string }{
		{"Europe/Berlin", "20260101T000000", "20270101T000000", `BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:STANDARD
DTSTART:20251026T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20260329T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE
`},
		// summer is DAYLIGHT in Ireland too
		{"Europe/Dublin", "20260101T000000", "20270101T000000", `BEGIN:VTIMEZONE
TZID:Europe/Dublin
BEGIN:STANDARD
DTSTART:20251026T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0000
TZNAME:GMT
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20260329T010000
TZOFFSETFROM:+0000
TZOFFSETTO:+0100
TZNAME:IST
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE
`},
		{"America/New_York", "20060101T000000", "20080101T000000", `BEGIN:VTIMEZONE
TZID:America/New_York
BEGIN:STANDARD
DTSTART:20071104T020000
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
TZNAME:EST
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
END:STANDARD
BEGIN:STANDARD
DTSTART:20051030T020000
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
TZNAME:EST
RDATE:20051030T020000
RDATE:20061029T020000
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:20070311T020000
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
TZNAME:EDT
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
END:DAYLIGHT
BEGIN:DAYLIGHT
DTSTART:20060402T020000
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
TZNAME:EDT
END:DAYLIGHT
END:VTIMEZONE
`},
		{"Asia/Tokyo", "20260101T000000", "20270101T000000", `BEGIN:VTIMEZONE
TZID:Asia/Tokyo
BEGIN:STANDARD
DTSTART:19510909T010000
TZOFFSETFROM:+1000
TZOFFSETTO:+0900
TZNAME:JST
END:STANDARD
END:VTIMEZONE
`},
		// a name in which a comma must be escaped, without a zone in the database
		{"(UTC+05:30) Chennai, Mumbai", "20260101T000000", "20270101T000000", `BEGIN:VTIMEZONE
TZID:(UTC+05:30) Chennai\, Mumbai
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0530
TZOFFSETTO:+0530
TZNAME:(UTC+05:30) Chennai\, Mumbai
END:STANDARD
END:VTIMEZONE
`},
	} {
		got, ok := zones.Component(c.name, zoneInstant(t, c.from), zoneInstant(t, c.to))
		if text := strings.ReplaceAll(got.String(), "\r\n", "\n"); !ok || text != c.want {
			t.Errorf("%s:\n%s", c.name, text)
		}
	}
	if c, ok := zones.Component("Nowhere", 0, 1); ok || c != nil {
		t.Error("an unknown zone has a VTIMEZONE")
	}
	if c, ok := zones.Component("W. Europe Standard Time", 0, 1); !ok || c.Value("TZID") != "W. Europe Standard Time" {
		t.Errorf("%v", c)
	}
	// Egypt leaves summer time on the day after the last Thursday of October, which may be in
	// November.
	if c, _ := zones.Component("Africa/Cairo", 18e8, 18e8); !strings.Contains(c.String(), "RRULE:FREQ=YEARLY;BYYEARDAY=-67,-66,-65,-64,-63,-62,-61;BYDAY=FR\r\n") {
		t.Errorf("%s", c)
	}
}

func BenchmarkMakeVTimezone(b *testing.B) {
	zones := NewZones()
	for b.Loop() {
		zones.Component("Europe/Berlin", 17e8, 18e8)
	}
}
