package recur

import (
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/tz"
)

func TestNamed(t *testing.T) {
	zones := NewZones()
	for _, c := range []struct {
		name   string
		source ZoneSource
		want   string // name of the zone in the database
		offset int    // in July 2026, in minutes
	}{
		{"Europe/Paris", ZoneIANA, "Europe/Paris", 120},
		{"europe/PARIS", ZoneIANA, "Europe/Paris", 120},
		{` "Europe/Paris" `, ZoneIANA, "Europe/Paris", 120},
		{"America/Los Angeles", ZoneIANA, "America/Los_Angeles", -420},
		{"US/Pacific", ZoneIANA, "US/Pacific", -420},
		{"Asia/Calcutta", ZoneIANA, "Asia/Calcutta", 330},
		{"UTC", ZoneIANA, "UTC", 0},
		{"utc", ZoneIANA, "UTC", 0},
		{"GMT", ZoneIANA, "GMT", 0},
		{"Zulu", ZoneIANA, "Zulu", 0},
		{"CET", ZoneIANA, "CET", 120},
		{"EST5EDT", ZoneIANA, "EST5EDT", -240},
		{"Etc/GMT+1", ZoneIANA, "Etc/GMT+1", -60}, // POSIX counts westwards
		{"etc/gmt-14", ZoneIANA, "Etc/GMT-14", 840},

		{"/freeassociation.sourceforge.net/Tzfile/Europe/Brussels", ZonePrefix, "Europe/Brussels", 120},
		{"/freeassociation.sourceforge.net/Europe/Brussels", ZonePrefix, "Europe/Brussels", 120},
		{"/softwarestudio.org/Olson_20011030_5/America/Argentina/Buenos_Aires", ZonePrefix, "America/Argentina/Buenos_Aires", -180},
		{"/mozilla.org/20070129_1/Europe/Prague", ZonePrefix, "Europe/Prague", 120},
		{"/citadel.org/20210210_1/Europe/Paris", ZonePrefix, "Europe/Paris", 120},
		{"/example.com/UTC", ZonePrefix, "UTC", 0},
		{"/example.com/Romance Standard Time", ZonePrefix, "Europe/Paris", 120},
		{"posix/Europe/Rome", ZonePrefix, "Europe/Rome", 120},
		{"http://tzurl.org/zoneinfo/Europe/Paris.ics", ZonePrefix, "Europe/Paris", 120},
		{"tzone://Microsoft/Utc", ZonePrefix, "UTC", 0},
		{"tz://Asia/Tokyo", ZonePrefix, "Asia/Tokyo", 540},

		{"W. Europe Standard Time", ZoneWindows, "Europe/Berlin", 120},
		{"w. europe standard time", ZoneWindows, "Europe/Berlin", 120},
		{"Eastern Standard Time", ZoneWindows, "America/New_York", -240},
		{"UTC-11", ZoneWindows, "Etc/GMT+11", -660},
		{"UTC+12", ZoneWindows, "Etc/GMT-12", 720},

		{"(UTC+01:00) Amsterdam, Berlin, Bern", ZoneOffset, "", 60},
		{"(GMT-05:00) Eastern Time (US & Canada)", ZoneOffset, "", -300},
		{"(UTC+5:30) Chennai", ZoneOffset, "", 330},
		{"(UTC) Coordinated Universal Time", ZoneOffset, "", 0},
		{"( utc -03:30 ) Newfoundland", ZoneOffset, "", -210},
		{"GMT+0100", ZoneOffset, "", 60},
		{"GMT+1", ZoneOffset, "", 60}, // people count eastwards
		{"UTC+1", ZoneOffset, "", 60},
		{"UTC-3", ZoneOffset, "", -180},
		{"UTC+01:00 Rome", ZoneOffset, "", 60},
		{"GMT -0800", ZoneOffset, "", -480},
		{"gmt+530", ZoneOffset, "", 330},
		{"+0100", ZoneOffset, "", 60},
		{"-01:00", ZoneOffset, "", -60},
		{"UTC\u22124", ZoneOffset, "", -240},
		{"Z", ZoneOffset, "", 0},

		{"", NoZone, "", 0},
		{" ", NoZone, "", 0},
		{"Rome", NoZone, "", 0},
		{"Europe/Nowhere", NoZone, "", 0},
		{"Customized Time Zone", NoZone, "", 0},
		{"tzone://Microsoft/Custom", NoZone, "", 0},
		{"Foo/Japan", NoZone, "", 0}, // not a prefix of a path
		{"CEST", NoZone, "", 0},
		{"Factory", NoZone, "", 0},
		{"UTC+24", NoZone, "", 0},
		{"UTC+1:60", NoZone, "", 0},
		{"UTC+1:5", NoZone, "", 0},
		{"UTC+12345", NoZone, "", 0},
		{"UTC+", NoZone, "", 0},
		{"UTCX", NoZone, "", 0},
		{"UTC+1h", NoZone, "", 0},
		{"(UTC+01:00 Rome", NoZone, "", 0},
		{"(UTC+01:00 Rome)", NoZone, "", 0},
		{"+", NoZone, "", 0},
		{"(", NoZone, "", 0},
		{"()", NoZone, "", 0},
		{"../../etc/passwd", NoZone, "", 0},
		{"\u212Aiev", NoZone, "", 0},
		{"/" + strings.Repeat("/", 1<<20), NoZone, "", 0},
		{strings.Repeat("a/", 127), NoZone, "", 0},
	} {
		zone, source := zones.Named(c.name)
		if source != c.source || (zone == nil) != (source == NoZone) {
			t.Errorf("%.60q: %s, not %s", c.name, source, c.source)
			continue
		}
		if zone == nil {
			continue
		}
		if want := c.want; want != "" && zone.Name() != want || want == "" && zone.Name() != c.name {
			t.Errorf("%q: %s", c.name, zone.Name())
		}
		if got := zone.Offset(1784000000) / 60; got != c.offset {
			t.Errorf("%q: offset %d, not %d", c.name, got, c.offset)
		}
	}
}

func TestZoneSourcesHaveWords(t *testing.T) {
	seen := map[string]bool{}
	for s := NoZone; s <= ZoneHint; s++ {
		if text := s.String(); text == "" || strings.HasPrefix(text, "zone source") || seen[text] {
			t.Errorf("%d: %q", s, text)
		} else {
			seen[text] = true
		}
	}
	if got := (ZoneHint + 1).String(); got != "zone source 7" {
		t.Errorf("%q", got)
	}
}

// Every name of the lists has a zone.
func TestAllNamesHaveZones(t *testing.T) {
	zones := NewZones()
	for name := range tz.Names() {
		if zone, source := zones.Named(strings.ToUpper(name)); zone == nil || source != ZoneIANA || zone.Name() != name {
			t.Errorf("%s: %s", name, source)
		}
	}
	for windows, name := range tz.WindowsNames() {
		if zone, source := zones.Named(windows); windows != "UTC" && (zone == nil || zone.Name() != name || source != ZoneWindows) {
			t.Errorf("%s: %s", windows, source)
		}
	}
	for _, number := range strings.Fields("0 1 3 4 6 9 10 11 12 13 14 15 17 18 20 23 38 59") {
		if _, source := zones.Named(microsoftZone(number)); source != ZoneIANA {
			t.Errorf("number %s: %s", number, source)
		}
	}
}

// The database and the list of names are of the same release: each has all names of the other,
// except for Factory, which is no place.
func TestDatabaseHasTheNamesOfTheList(t *testing.T) {
	files, err := openDatabase()
	if err != nil {
		t.Fatal(err)
	}
	for name := range tz.Names() {
		if files[name] == nil {
			t.Errorf("%s is not in the database", name)
		}
		delete(files, name)
	}
	for name, file := range files {
		if name != "Factory" && !file.FileInfo().IsDir() {
			t.Errorf("%s is not in the list", name)
		}
	}
}

func TestZonesOfNothing(t *testing.T) {
	o := NewZones().Of(nil)
	if zone, source := o.Find("Europe/Rome"); zone == nil || source != ZoneIANA || o.Problems() != nil {
		t.Errorf("%v, %s", zone, source)
	}
	if zone, source := o.Find(""); zone != nil || source != NoZone || o.Problems() != nil {
		t.Errorf("%v, %s", zone, source)
	}
}

// A zone exists once, so that equal zones can be compared by their pointers.
func TestZonesAreShared(t *testing.T) {
	zones := NewZones()
	a, _ := zones.Named("Europe/Berlin")
	for _, name := range []string{"Europe/Berlin", "EUROPE/berlin", "/x/Europe/Berlin", "W. Europe Standard Time"} {
		if b, _ := zones.Named(name); a != b {
			t.Errorf("%s is another zone", name)
		}
	}
}

func FuzzNamed(f *testing.F) {
	for _, name := range []string{"Europe/Rome", "/a/b/Europe/Rome", "(UTC+01:00) x", "UTC-1", "GMT+0100", "W. Europe Standard Time"} {
		f.Add(name)
	}
	zones := NewZones()
	f.Fuzz(func(t *testing.T, name string) {
		zone, source := zones.Named(name)
		if (zone == nil) != (source == NoZone) {
			t.Errorf("%v, %s", zone, source)
		}
		if zone != nil && (zone.Offset(0) > maxOffset || zone.Offset(0) < -maxOffset) {
			t.Errorf("offset %d", zone.Offset(0))
		}
	})
}
