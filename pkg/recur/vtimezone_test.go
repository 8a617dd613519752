package recur

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/ical"
)

// zoneObject parses the content of a VCALENDAR, given by lines.
func zoneObject(t testing.TB, lines ...string) *ical.Component {
	t.Helper()
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n" + strings.Join(lines, "\n") + "\nEND:VCALENDAR\n"
	c, _, err := ical.Parse(strings.ReplaceAll(text, "\n", "\r\n"), ical.Options{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

// zoneLines returns a VTIMEZONE of observances, each given as KIND FROM TO START and lines.
func zoneLines(tzid string, observances ...string) string {
	b := "BEGIN:VTIMEZONE\nTZID:" + tzid + "\n"
	for _, o := range observances {
		head, rest, _ := strings.Cut(o, "\n")
		f := strings.Fields(head)
		b += "BEGIN:" + f[0] + "\n"
		for i, name := range []string{"TZOFFSETFROM", "TZOFFSETTO", "DTSTART"} {
			if f[i+1] != "none" {
				b += name + ":" + f[i+1] + "\n"
			}
		}
		if rest != "" {
			b += rest + "\n"
		}
		b += "END:" + f[0] + "\n"
	}
	return b + "END:VTIMEZONE"
}

// The rules of central Europe as Outlook writes them, from 1601 on.
var outlook = []string{
	"STANDARD +0200 +0100 16011028T030000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
	"DAYLIGHT +0100 +0200 16010325T020000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
}

type reading struct{ civil, utc string }

func checkReadings(t *testing.T, what string, zone *Zone, readings []reading) {
	t.Helper()
	for _, r := range readings {
		if got := ical.Civil(zone.Unix(zoneCivil(t, r.civil))); got != zoneCivil(t, r.utc) {
			t.Errorf("%s: %s is %sZ, not %s", what, r.civil, got, r.utc)
		}
	}
}

func TestVTimezones(t *testing.T) {
	for _, c := range []struct {
		name     string
		zone     []string // lines of the object
		tzid     string
		source   ZoneSource
		problems string
		readings []reading
	}{
		{
			name: "Outlook", zone: []string{zoneLines("tzone://Microsoft/Custom", outlook...)},
			tzid: "tzone://Microsoft/Custom", source: ZoneEmbedded,
			readings: []reading{
				{"16010101T000000", "16001231T230000Z"}, // before the first onset: its TZOFFSETFROM
				{"16010701T000000", "16010630T220000Z"},
				{"20260830T070000", "20260830T050000Z"},
				{"20261230T070000", "20261230T060000Z"},
				{"20260329T023000", "20260329T013000Z"},
				{"20261025T023000", "20261025T003000Z"},
				{"20261025T030000", "20261025T020000Z"},
				{"99990830T070000", "99990830T050000Z"},
				{"99991230T070000", "99991230T060000Z"},
			},
		},
		{
			name: "a list of cities, escaped in one place and quoted in the other",
			zone: []string{zoneLines(`(UTC+01:00) Amsterdam\, Berlin\, Rome`, outlook...)},
			tzid: "(UTC+01:00) Amsterdam, Berlin, Rome", source: ZoneEmbedded,
			readings: []reading{{"20260504T110000", "20260504T090000Z"}},
		},
		{
			name: "escaped in both places", zone: []string{zoneLines(`Amsterdam\, Berlin`, outlook...)},
			tzid: `Amsterdam\, Berlin`, source: ZoneEmbedded,
			readings: []reading{{"20260504T110000", "20260504T090000Z"}},
		},
		{
			name: "blanks and letter case", zone: []string{zoneLines("Somewhere  ", outlook...)},
			tzid: " SOMEWHERE", source: ZoneEmbedded,
			readings: []reading{{"20260504T110000", "20260504T090000Z"}},
		},
		{
			name: "no summer time where the name promises it",
			zone: []string{
				zoneLines("Eastern Standard Time", "STANDARD -0500 -0500 16010101T000000"),
				zoneLines("Eastern Standard Time 1",
					"STANDARD -0400 -0500 16010101T020000\nRRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11",
					"DAYLIGHT -0500 -0400 16010101T020000\nRRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3"),
			},
			tzid: "Eastern Standard Time", source: ZoneEmbedded,
			readings: []reading{{"20260713T160000", "20260713T210000Z"}},
		},
		{
			name: "summer time in the other zone",
			zone: []string{
				zoneLines("Eastern Standard Time", "STANDARD -0500 -0500 16010101T000000"),
				zoneLines("Eastern Standard Time 1",
					"STANDARD -0400 -0500 16010101T020000\nRRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11",
					"DAYLIGHT -0500 -0400 16010101T020000\nRRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3"),
			},
			tzid: "Eastern Standard Time 1", source: ZoneEmbedded,
			readings: []reading{{"20260713T160000", "20260713T200000Z"}, {"16010105T000000", "16010105T050000Z"}},
		},
		{
			name: "DTSTART that does not match the rule",
			zone: []string{zoneLines("Custom",
				"STANDARD -0400 -0500 20200101T020000\nRRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11",
				"DAYLIGHT -0500 -0400 20200101T020000\nRRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3")},
			tzid: "Custom", source: ZoneEmbedded,
			readings: []reading{
				{"20200201T120000", "20200201T170000Z"}, // not summer time from 1 January on
				{"20200713T160000", "20200713T200000Z"},
				{"20201201T160000", "20201201T210000Z"},
				{"20210201T120000", "20210201T170000Z"},
			},
		},
		{
			name: "UNTIL in UTC, then other rules",
			zone: []string{zoneLines("US",
				"DAYLIGHT -0500 -0400 19870405T020000\nRRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=1SU;UNTIL=20060402T070000Z",
				"STANDARD -0400 -0500 19671029T020000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=20061029T060000Z",
				"DAYLIGHT -0500 -0400 20070311T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU",
				"STANDARD -0400 -0500 20071104T020000\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU")},
			tzid: "US", source: ZoneEmbedded,
			readings: []reading{
				{"19980404T120000", "19980404T170000Z"},
				{"19980405T120000", "19980405T160000Z"},
				{"20060402T120000", "20060402T160000Z"}, // the last one: UNTIL is inclusive
				{"20061029T120000", "20061029T170000Z"},
				{"20070310T120000", "20070310T170000Z"},
				{"20070311T120000", "20070311T160000Z"},
				{"20071103T120000", "20071103T160000Z"},
				{"20071104T120000", "20071104T170000Z"},
			},
		},
		{
			name: "UNTIL as a local time and as a date",
			zone: []string{zoneLines("X",
				"DAYLIGHT +0100 +0200 20200329T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;UNTIL=20220327T020000",
				"STANDARD +0200 +0100 20201025T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;UNTIL=20221030")},
			tzid: "X", source: ZoneEmbedded, problems: "zone-until-not-utc zone-until-not-utc",
			readings: []reading{
				{"20220601T120000", "20220601T100000Z"},
				{"20221201T120000", "20221201T110000Z"},
				{"20230601T120000", "20230601T110000Z"},
			},
		},
		{
			name: "RDATE, and years without a change",
			zone: []string{zoneLines("Ramadan",
				"STANDARD +0100 +0000 20240310T030000\nRDATE:20240310T030000,20250223T030000,20260215T030000",
				"DAYLIGHT +0000 +0100 20240414T020000\nRDATE:20250406T020000\nRDATE:20260322T020000")},
			tzid: "Ramadan", source: ZoneEmbedded,
			readings: []reading{
				{"20240301T120000", "20240301T110000Z"},
				{"20240401T120000", "20240401T120000Z"},
				{"20240601T120000", "20240601T110000Z"},
				{"20250301T120000", "20250301T120000Z"},
				{"20260215T023000", "20260215T013000Z"},
				{"20260322T013000", "20260322T013000Z"},
				{"20260322T023000", "20260322T023000Z"}, // in the gap
				{"20270301T120000", "20270301T110000Z"}, // the last onset holds
			},
		},
		{
			name: "COUNT", zone: []string{zoneLines("C",
				"STANDARD +0200 +0100 20191027T030000",
				"DAYLIGHT +0100 +0200 20200329T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU;COUNT=2",
				"STANDARD +0200 +0100 20201025T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU;COUNT=2")},
			tzid: "C", source: ZoneEmbedded,
			readings: []reading{
				{"20200601T120000", "20200601T100000Z"},
				{"20210601T120000", "20210601T100000Z"},
				{"20220601T120000", "20220601T110000Z"},
			},
		},
		{
			name: "before the first onset, with a known name", zone: []string{zoneLines("Europe/Moscow",
				"STANDARD +0400 +0300 20141026T020000")},
			tzid: "Europe/Moscow", source: ZoneEmbedded,
			readings: []reading{
				{"20120115T120000", "20120115T080000Z"},
				{"20100115T120000", "20100115T090000Z"}, // TZOFFSETFROM would say 08:00Z
				{"20150115T120000", "20150115T090000Z"},
			},
		},
		{
			name: "before the first onset, with an unknown name", zone: []string{zoneLines("Moscow Custom",
				"STANDARD +0400 +0300 20141026T020000")},
			tzid: "Moscow Custom", source: ZoneEmbedded,
			readings: []reading{{"20100115T120000", "20100115T080000Z"}, {"20150115T120000", "20150115T090000Z"}},
		},
		{
			name: "no TZOFFSETFROM", zone: []string{zoneLines("F",
				"STANDARD none +0100 20201025T030000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
				"DAYLIGHT none +0200 20200329T020000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3")},
			tzid: "F", source: ZoneEmbedded, problems: "zone-offset-from-missing zone-offset-from-missing",
			readings: []reading{{"20261025T023000", "20261025T003000Z"}, {"20261025T030000", "20261025T020000Z"},
				{"20260329T023000", "20260329T013000Z"}, {"20190101T000000", "20181231T230000Z"}},
		},
		{
			name: "no DTSTART", zone: []string{zoneLines("G", "STANDARD +0300 +0300 none")},
			tzid: "G", source: ZoneEmbedded, problems: "zone-start-missing",
			readings: []reading{{"00010101T000000", "00001231T210000Z"}, {"20260101T030000", "20260101T000000Z"}},
		},
		{
			name: "seconds in offsets", zone: []string{zoneLines("LMT", "STANDARD +001932 +002000 19370701T000000")},
			tzid: "LMT", source: ZoneEmbedded,
			readings: []reading{{"19370630T235959", "19370630T234027Z"}, {"19370702T000000", "19370701T234000Z"}},
		},
		{
			name: "empty, with a known name", zone: []string{zoneLines("Europe/Amsterdam")},
			tzid: "Europe/Amsterdam", source: ZoneIANA, problems: "zone-empty",
			readings: []reading{{"20261214T163000", "20261214T153000Z"}},
		},
		{
			name: "only an offset in the name", zone: []string{"X-A:1"},
			tzid: "(UTC+01:00) Amsterdam, Berlin, Rome", source: ZoneOffset, problems: "zone-offset-only",
			readings: []reading{{"20260714T163000", "20260714T153000Z"}},
		},
		{
			name: "a Windows name without a VTIMEZONE", zone: []string{"X-A:1"},
			tzid: "W. Europe Standard Time", source: ZoneWindows,
			readings: []reading{{"20260917T130000", "20260917T110000Z"}},
		},
		{
			name: "the prefix of Evolution without a VTIMEZONE", zone: []string{"X-A:1"},
			tzid: "/freeassociation.sourceforge.net/Tzfile/Europe/Brussels", source: ZonePrefix,
			readings: []reading{{"20260507T100000", "20260507T080000Z"}},
		},
		{
			name: "an unknown name", zone: []string{"X-WR-TIMEZONE:Europe/Madrid"},
			tzid: "Madrid", source: NoZone, problems: "zone-unknown",
		},
		{
			name: "empty, with a hint", zone: []string{strings.Replace(zoneLines("Mine"), "TZID:Mine", "TZID:Mine\nX-LIC-LOCATION:Asia/Tokyo", 1)},
			tzid: "Mine", source: ZoneHint, problems: "zone-empty",
			readings: []reading{{"20261214T163000", "20261214T073000Z"}},
		},
		{
			name: "empty, with the number of Microsoft", zone: []string{strings.Replace(zoneLines("Mine"), "TZID:Mine", "TZID:Mine\nX-MICROSOFT-CDO-TZID:4", 1)},
			tzid: "Mine", source: ZoneHint, problems: "zone-empty",
			readings: []reading{{"20260714T163000", "20260714T143000Z"}},
		},
		{
			name: "twice, the empty one first", zone: []string{zoneLines("Z1"), zoneLines("Z1", outlook...)},
			tzid: "Z1", source: ZoneEmbedded, problems: "zone-empty zone-twice",
			readings: []reading{{"20260830T070000", "20260830T050000Z"}},
		},
		{
			name: "every second", zone: []string{zoneLines("Europe/Paris", "STANDARD +0100 +0200 20200101T000000\nRRULE:FREQ=SECONDLY")},
			tzid: "Europe/Paris", source: ZoneIANA, problems: "zone-rule-too-frequent",
			readings: []reading{{"20260101T120000", "20260101T110000Z"}},
		},
		{
			name: "every Sunday", zone: []string{zoneLines("Nowhere", "STANDARD +0100 +0200 20200101T000000\nRRULE:FREQ=YEARLY;BYDAY=SU")},
			tzid: "Nowhere", source: NoZone, problems: "zone-rule-too-frequent zone-unknown",
		},
		{
			name: "an offset of a day", zone: []string{zoneLines("Europe/Paris", outlook[0], "DAYLIGHT +0100 +2400 16010325T020000")},
			tzid: "Europe/Paris", source: ZoneIANA, problems: "zone-offset-invalid",
			readings: []reading{{"20260701T120000", "20260701T100000Z"}},
		},
		{
			name: "what can be read, if the name is unknown", zone: []string{zoneLines("Nowhere", outlook[0], "DAYLIGHT +0100 +2400 16010325T020000")},
			tzid: "Nowhere", source: ZoneEmbedded, problems: "zone-offset-invalid",
			readings: []reading{{"20260701T120000", "20260701T110000Z"}},
		},
		{
			name: "broken rule, start and date", zone: []string{zoneLines("Nowhere",
				"STANDARD +0200 +0100 20200101T000000\nRRULE:FREQ=NEVER\nRDATE;VALUE=PERIOD:20210101T000000/PT1H",
				"DAYLIGHT +0100 +0200 yesterday")},
			tzid: "Nowhere", source: ZoneEmbedded, problems: "zone-start-invalid zone-rule-invalid zone-rdate-invalid",
			readings: []reading{{"20260701T120000", "20260701T110000Z"}, {"20190701T120000", "20190701T100000Z"}},
		},
		{
			name: "only in leap years, and every fifth year", zone: []string{zoneLines("Rare",
				"STANDARD +0000 +0100 20000229T000000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
				"DAYLIGHT +0100 +0000 20010601T000000\nRRULE:FREQ=YEARLY;INTERVAL=5;BYMONTH=6;BYMONTHDAY=1")},
			tzid: "Rare", source: ZoneEmbedded,
			readings: []reading{
				{"20000301T120000", "20000301T110000Z"}, {"20010701T120000", "20010701T120000Z"},
				{"20040301T120000", "20040301T110000Z"}, {"20040602T120000", "20040602T110000Z"},
				{"20060602T120000", "20060602T120000Z"},
				// 2100 is not a leap year: after 1 June 2096, the next change is in 2104
				{"20960301T120000", "20960301T110000Z"}, {"20960602T120000", "20960602T120000Z"},
				{"21040201T120000", "21040201T120000Z"}, {"21040301T120000", "21040301T110000Z"},
			},
		},
		{
			name: "every third year", zone: []string{zoneLines("Europe/Paris",
				"STANDARD +0000 +0100 20000229T000000\nRRULE:FREQ=YEARLY;INTERVAL=3")},
			tzid: "Europe/Paris", source: ZoneIANA, problems: "zone-rule-odd",
			readings: []reading{{"20260701T120000", "20260701T100000Z"}},
		},
		{
			name: "UNTIL at the end of time", zone: []string{zoneLines("Long",
				"STANDARD +0200 +0100 00011028T030000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10;UNTIL=99991231T235959Z",
				"DAYLIGHT +0100 +0200 00010325T020000\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3;UNTIL=99991231T235959Z")},
			tzid: "Long", source: ZoneEmbedded,
			readings: []reading{{"20260701T120000", "20260701T100000Z"}, {"99981224T120000", "99981224T110000Z"}},
		},
		{
			name: "thousands of years", zone: []string{zoneLines("Europe/Paris",
				"STANDARD +0000 +0100 00010101T000000", "STANDARD +0000 +0200 90000101T000000")},
			tzid: "Europe/Paris", source: ZoneIANA, problems: "zone-too-long",
			readings: []reading{{"20260701T120000", "20260701T100000Z"}},
		},
	} {
		calendar := zoneObject(t, c.zone...)
		zones := NewZones().Of(calendar)
		zone, source := zones.Find(c.tzid)
		if source != c.source || (zone == nil) != (source == NoZone) {
			t.Errorf("%s: source %q, not %q", c.name, source, c.source)
			continue
		}
		var codes []string
		for _, p := range zones.Problems() {
			codes = append(codes, p.Code)
			if p.Text == "" || p.Level == 0 || p.Code != "zone-unknown" && p.Code != "zone-offset-only" && (p.Line < 4 || p.Component == "") {
				t.Errorf("%s: problem %+v", c.name, p)
			}
		}
		if got := strings.Join(codes, " "); got != c.problems {
			t.Errorf("%s: problems %q, not %q", c.name, got, c.problems)
		}
		if zone != nil {
			checkReadings(t, c.name, zone, c.readings)
		}
	}
}

func TestZoneProblemsHaveLines(t *testing.T) {
	calendar := zoneObject(t, "X-A:1", zoneLines("A", "STANDARD +0100 +0200 20200101T000000\nRDATE:x"),
		zoneLines("B", "STANDARD +0100 +0200 20200101T000000\nRDATE:x"))
	for range 2 { // the second time from the cache
		var lines []int
		for _, p := range NewZones().Of(calendar).Problems() {
			lines = append(lines, p.Line)
		}
		if !slices.Equal(lines, []int{11, 20}) {
			t.Errorf("lines %v", lines)
		}
	}
}

func TestTZID(t *testing.T) {
	c := zoneObject(t, "BEGIN:VEVENT",
		`DTSTART;TZID="Amsterdam, Berlin":20260101T000000`,
		`DTEND;TZID=Amsterdam\, Berlin;VALUE=DATE-TIME:20260101T000000`,
		`DUE;TZID=Europe/Rome:20260101T000000`, `RDATE:20260101T000000,20260102T000000`, "END:VEVENT").Components[0]
	for name, want := range map[string]string{
		"DTSTART": "Amsterdam, Berlin", "DTEND": `Amsterdam\, Berlin`, "DUE": "Europe/Rome", "RDATE": "",
	} {
		if got := TZID(c.Get(name)); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// Hostile time zones are refused or answered, and take neither long nor much memory.
func TestHostileVTimezones(t *testing.T) {
	var dates, rules, many []string
	for i := range 100_000 {
		dates = append(dates, ical.Civil(int64(i)*86400).String())
	}
	for i := range 600 {
		rules = append(rules, "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;BYSECOND="+fmt.Sprint(i%60))
		many = append(many, fmt.Sprintf("STANDARD +0100 +0200 %sT000000\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=%d", ical.Civil(int64(i) * 86400 * 40).String()[:8], i%28+1))
	}
	for name, zone := range map[string]string{
		"dates":       zoneLines("X", "STANDARD +0100 +0200 20200101T000000\nRDATE:"+strings.Join(dates, ",")),
		"rules":       zoneLines("X", "STANDARD +0100 +0200 20200101T000000\n"+strings.Join(rules, "\n")),
		"observances": zoneLines("X", many...),
		"active":      zoneLines("X", many[:100]...),
		"count":       zoneLines("X", "STANDARD +0100 +0200 20200101T000000\nRRULE:FREQ=YEARLY;COUNT=1000000000", "DAYLIGHT +0200 +0300 20200102T000000\nRRULE:FREQ=MONTHLY;COUNT=1000000000"),
		"seconds":     zoneLines("X", "STANDARD +0100 +0200 20200101T000000\nRRULE:FREQ=YEARLY;BYSECOND=1,2,3,4,5,6,7,8,9,10,11,12;BYMINUTE=1,2,3,4,5,6"),
	} {
		zones := NewZones().Of(zoneObject(t, zone))
		if z, source := zones.Find("X"); z != nil {
			t.Errorf("%s: %s", name, source)
		}
		if problems := zones.Problems(); len(problems) == 0 || len(problems) > maxZoneProblems+1 {
			t.Errorf("%s: %d problems", name, len(problems))
		}
	}
}

// plainOffset finds what holds at an instant without any jump: all onsets one after another.
func plainOffset(all []onset, first onset, before int32, unix int64) int32 {
	if unix < first.at {
		return before
	}
	i, _ := slices.BinarySearchFunc(all, onset{at: unix, rank: 1 << 30}, compareOnsets)
	return all[i-1].offset
}

// Random VTIMEZONEs say the same as a list of all their onsets.
func TestRandomVTimezonesAgreeWithAllOnsets(t *testing.T) {
	random := seed.New(t)
	for range tier.Rounds(t, 150, 5000) {
		var lines []string
		var all []onset
		n := 1 + random.IntN(5)
		type spec struct {
			start    ical.Civil
			from, to int32
			rule     string
		}
		var specs []spec
		for range n {
			year := 1600 + random.IntN(420)
			s := spec{
				start: ical.CivilOf(year, 1, 1+random.IntN(365), random.IntN(24), 0, 0),
				from:  int32(random.IntN(9)-4) * 1800, to: int32(random.IntN(9)-4) * 1800,
			}
			s.rule = randomZoneRule(random, s.start)
			specs = append(specs, s)
		}
		slices.SortStableFunc(specs, func(a, b spec) int { return int(min(1, max(-1, a.start-b.start))) })
		var first onset
		var before int32
		for rank, s := range specs {
			line := fmt.Sprintf("STANDARD %s %s %s", offsetValue(int(s.from)), offsetValue(int(s.to)), s.start)
			add := func(c ical.Civil) {
				o := onset{int64(c) - int64(s.from), s.to, int32(rank)}
				if all = append(all, o); len(all) == 1 || compareOnsets(o, first) < 0 {
					first, before = o, s.from
				}
			}
			if s.rule == "" {
				add(s.start)
			} else {
				line += "\nRRULE:" + s.rule
				rule, _, err := ParseRule(s.rule)
				if err != nil {
					t.Fatal(err)
				}
				it := rule.Iterator(s.start, false, nil)
				for c, ok := it.Next(); ok && c < zoneCivil(t, "30000101T000000"); c, ok = it.Next() {
					if !rule.HasUntil || c-ical.Civil(s.from) <= rule.Until.Civil {
						add(c)
					}
				}
			}
			lines = append(lines, line)
		}
		slices.SortFunc(all, compareOnsets)
		text := zoneLines("X", lines...)
		zone, source := NewZones().Of(zoneObject(t, text)).Find("X")
		if source != ZoneEmbedded {
			t.Fatalf("%s: %s", text, source)
		}
		for range 300 {
			unix := -12e9 + random.Int64N(44e9) // 1589 to 2984
			if random.IntN(2) == 0 {
				unix = all[random.IntN(len(all))].at - random.Int64N(2)
			}
			if got, want := zone.Offset(unix), int(plainOffset(all, first, before, unix)); got != want {
				t.Fatalf("%s\nthe offset at %s is %d, not %d", text, ical.Civil(unix), got, want)
			}
		}
	}
}

// randomZoneRule returns a rule that matches a DTSTART, or none.
func randomZoneRule(random *rand.Rand, start ical.Civil) string {
	year, month, day := start.Date()
	weekday := weekdayNames[start.Weekday()]
	rule := fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d", month)
	switch random.IntN(6) {
	case 0:
		return ""
	case 1:
		rule += fmt.Sprintf(";BYMONTHDAY=%d", day)
	case 2:
		rule += fmt.Sprintf(";BYDAY=%d%s", (day-1)/7+1, weekday)
	case 3:
		rule = fmt.Sprintf("FREQ=YEARLY;INTERVAL=%d", []int{1, 2, 4, 5, 8}[random.IntN(5)])
	case 4:
		rule = fmt.Sprintf("FREQ=MONTHLY;INTERVAL=%d", []int{3, 4, 5, 6, 12, 24}[random.IntN(6)])
	case 5:
		low := max(1, day-random.IntN(7))
		rule += fmt.Sprintf(";BYDAY=%s;BYMONTHDAY=%d,%d,%d,%d,%d,%d,%d", weekday, low, low+1, low+2, low+3, low+4, low+5, low+6)
		if low+6 > 31 {
			return ""
		}
	}
	if random.IntN(3) == 0 {
		rule += fmt.Sprintf(";UNTIL=%dZ", int64(year+random.IntN(100))*10000000000+1231235959)
		rule = strings.Replace(rule, "1231235959Z", "1231T235959Z", 1)
	}
	return rule
}

func TestEmbeddedZonesAreKeptWithinBounds(t *testing.T) {
	zones := NewZones()
	var first *Zone
	for i := range 1000 {
		o := zones.Of(zoneObject(t, zoneLines("X", fmt.Sprintf("STANDARD +0100 +0200 20200101T0000%02d", i%60),
			fmt.Sprintf("DAYLIGHT +0100 +0200 2020%02d01T000000", i%12+1), fmt.Sprintf("STANDARD +0100 +0200 2020%02d02T000000", i%11+1))))
		zone, _ := o.Find("X")
		if zone == nil {
			t.Fatal("not found")
		}
		if i == 0 {
			first = zone
		}
	}
	if n := len(zones.embedded.current) + len(zones.embedded.last); n > 2*maxDefinitions {
		t.Errorf("%d are kept", n)
	}
	again, _ := zones.Of(zoneObject(t, zoneLines("X", "STANDARD +0100 +0200 20200101T000000"))).Find("X")
	same, _ := zones.Of(zoneObject(t, "X-B:1", zoneLines("X", "STANDARD +0100 +0200 20200101T000000"))).Find("X")
	if again != same || again == first {
		t.Error("the same text is not found again")
	}
	large := zoneObject(t, zoneLines("X", "STANDARD +0100 +0200 20200101T000000\nCOMMENT:"+strings.Repeat("x", maxKeptText)))
	a, _ := zones.Of(large).Find("X")
	if b, _ := zones.Of(large).Find("X"); a == b || a.Offset(2e9) != 7200 {
		t.Error("a large VTIMEZONE is kept, or not read")
	}
}

func TestEmbeddedZonesAreSafeForConcurrentUse(t *testing.T) {
	zones := NewZones()
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 200 {
				calendar := zoneObject(t, zoneLines(fmt.Sprint("Zone ", i%90), outlook...))
				zone, _ := zones.Of(calendar).Find(fmt.Sprint("Zone ", i%90))
				if got := zone.Offset(1788000000 + int64(i)*1e8); got != 3600 && got != 7200 {
					t.Errorf("worker %d: %d", worker, got)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzVTimezone(f *testing.F) {
	f.Add(zoneLines("X", outlook...), int64(2e9))
	f.Add(zoneLines("Europe/Paris", "STANDARD +0100 +0200 20200101T000000\nRRULE:FREQ=MONTHLY;COUNT=5\nRDATE:20210101"), int64(0))
	f.Add(zoneLines("Y", "DAYLIGHT none -235959 00000101T000000\nRRULE:FREQ=YEARLY;INTERVAL=7;UNTIL=99991231"), int64(-6e10))
	f.Add(zoneLines("Y", "DAYLIGHT +2359 -2359 99991231T235959Z\nRDATE:99991231T235959Z", "STANDARD -2359 +2359 none"), int64(25e10))
	zones := NewZones()
	f.Fuzz(func(t *testing.T, text string, unix int64) {
		calendar, _, err := ical.Parse("BEGIN:VCALENDAR\n"+text+"\nEND:VCALENDAR", ical.Options{Lenient: true})
		if err != nil {
			return
		}
		o := zones.Of(calendar)
		for c := range calendar.Children("VTIMEZONE") {
			zone, source := o.Find(c.Value("TZID"))
			if (zone == nil) != (source == NoZone) {
				t.Errorf("%v, %s", zone, source)
			}
			if zone == nil {
				continue
			}
			for _, at := range []int64{unix, unix % 253402300800, unix % 4e9} {
				offset := int64(zone.Offset(at))
				if offset < -maxOffset || offset > maxOffset {
					t.Errorf("offset %d", offset)
				}
				if at < -1<<61 || at > 1<<61 {
					continue
				}
				back := zone.Unix(ical.Civil(at + offset))
				if d := back - at; d > 0 || d < -2*86400 {
					t.Errorf("%d comes back as %d", at, back)
				}
			}
		}
		if n := len(o.Problems()); n > 100*(1+len(calendar.Components)) {
			t.Errorf("%d problems", n)
		}
	})
}

func BenchmarkEmbeddedZone(b *testing.B) {
	zones := NewZones()
	calendar := zoneObject(b, zoneLines("X", outlook...))
	b.ReportAllocs()
	for b.Loop() {
		zones.Of(calendar).Find("X")
	}
}

func BenchmarkReadVTimezone(b *testing.B) {
	calendar := zoneObject(b, zoneLines("X", outlook...))
	b.ReportAllocs()
	for b.Loop() {
		zone := readDefinition(calendar.Components[0], "X", nil).zone
		_ = zone.Unix(2e9)
	}
}
