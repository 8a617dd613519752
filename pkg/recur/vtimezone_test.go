package recur

import (
	"slices"
	"strings"
	"testing"

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
