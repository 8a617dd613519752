package calio

import (
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
)

// inZone returns an object with an event at 8 o'clock in a zone, and the zones it defines.
func inZone(uid, zone string, defined ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + strings.Join(defined, "") + "BEGIN:VEVENT\r\nUID:" + uid +
		"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=" + zone + ":20260302T080000\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

// fixedZone returns a VTIMEZONE. before are lines in front of its TZID.
func fixedZone(name, offset, before string) string {
	return "BEGIN:VTIMEZONE\r\n" + before + "TZID:" + name + "\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:" + offset +
		"\r\nTZOFFSETTO:" + offset + "\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
}

// An event keeps its time, whatever the other objects of the file call a time zone, and its
// object gets nothing that it did not have.
func TestZonesKeepTheirMeaning(t *testing.T) {
	const berlin = "Europe/Berlin"
	for _, c := range []struct {
		name      string
		calendars int
		objects   []string
	}{
		{"the same zone", 1, []string{inZone("1", berlin, fixedZone(berlin, "+0900", "")), inZone("2", berlin, fixedZone(berlin, "+0900", ""))}},
		{"an undefined zone after a defined one", 2, []string{inZone("1", berlin, fixedZone(berlin, "+0900", "")), inZone("2", berlin)}},
		{"an undefined zone before a defined one", 2, []string{inZone("1", berlin), inZone("2", berlin, fixedZone(berlin, "+0900", ""))}},
		{"an undefined zone on a folded line", 2, []string{inZone("1", berlin, fixedZone(berlin, "+0900", "")), inZone("2", "Euro\r\n pe/Berlin")}},
		{"a folded parameter", 2, []string{inZone("1", berlin, fixedZone(berlin, "+0900", "")), strings.Replace(inZone("2", berlin), ";TZID=", ";TZ\r\n ID=", 1)}},
		{"a quoted zone in lower case", 2, []string{inZone("1", berlin, fixedZone(berlin, "+0900", "")), strings.Replace(inZone("2", `"`+berlin+`"`), ";TZID=", ";tzid=", 1)}},
		{"undefined zones", 1, []string{inZone("1", berlin), inZone("2", "Asia/Tokyo")}},
		{"an alias in front of the name", 2, []string{
			inZone("1", "Z", fixedZone("Z", "+0100", "TZID-ALIAS-OF:Europe/Berlin\r\n")),
			inZone("2", "Z", fixedZone("Z", "+0200", "TZID-ALIAS-OF:Europe/Helsinki\r\n"))}},
		{"a colon in a parameter of the name", 2, []string{
			inZone("1", "Z", strings.Replace(fixedZone("Z", "+0100", ""), "TZID:", `TZID;X-P="a:b":`, 1)), inZone("2", "Z", fixedZone("Z", "+0200", ""))}},
		{"a zone that is defined twice", 1, []string{inZone("1", "Z", fixedZone("Z", "+0100", ""), fixedZone("Z", "+0200", ""))}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before []*calobj.Object
			for _, text := range c.objects {
				o, err := calobj.Parse([]byte(text), calobj.Options{Lenient: true})
				if err != nil {
					t.Fatal(err)
				}
				before = append(before, o)
			}
			file := exported(t, before)
			if n := strings.Count(file, "BEGIN:VCALENDAR"); n != c.calendars {
				t.Errorf("%d calendars, want %d:\n%s", n, c.calendars, file)
			}
			after := objectsOf(t, file)
			slices.SortFunc(after, func(a, b *calobj.Object) int { return strings.Compare(a.UID, b.UID) })
			if len(after) != len(before) {
				t.Fatalf("%d objects became %d:\n%s", len(before), len(after), file)
			}
			for i, o := range before {
				if !o.Index.Start.Equal(after[i].Index.Start) {
					t.Errorf("%s begins at %s, then at %s:\n%s", o.UID, o.Index.Start, after[i].Index.Start, file)
				}
				if a, b := zoneNames(o.Calendar), zoneNames(after[i].Calendar); !slices.Equal(a, b) {
					t.Errorf("%s has the zones %q, then %q", o.UID, a, b)
				}
			}
		})
	}
}

// zoneNames returns the names of the zones that a calendar defines, each once.
func zoneNames(calendar *ical.Component) (names []string) {
	for z := range calendar.Children("VTIMEZONE") {
		names = append(names, z.Get("TZID").Text())
	}
	slices.Sort(names)
	return slices.Compact(names)
}
