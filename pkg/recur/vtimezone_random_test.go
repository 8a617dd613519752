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

// Many hostile time zones in one object take no longer than a few of them. Which are used does not
// depend on what was read before.
func TestManyHostileVTimezones(t *testing.T) {
	var lines []string
	for i := range 200 {
		rule := "RRULE:FREQ=MONTHLY;BYMONTH=2;BYDAY=5MO;COUNT=" + fmt.Sprint(60+i%3)
		lines = append(lines, zoneLines(fmt.Sprint("X", i), fmt.Sprintf("STANDARD +0100 +0200 %d0101T000000\n%s", 1600+i, rule)))
	}
	object := zoneObject(t, lines...)
	zones := NewZones()
	used := func(zones *Zones) (n int) {
		of := zones.Of(object)
		for i := range 200 {
			if z, _ := of.Find(fmt.Sprint("X", i)); z != nil {
				n++
			}
		}
		if of.spent > objectBudget+readBudget {
			t.Errorf("%d candidates", of.spent)
		}
		if n := len(of.Problems()); n > maxReported+maxZoneProblems+maxReported {
			t.Errorf("%d problems", n)
		}
		return n
	}
	first := used(zones)
	if first < 10 || first > 190 {
		t.Errorf("%d zones of 200", first)
	}
	if again := used(zones); again != first {
		t.Errorf("%d zones, then %d", first, again)
	}
}

// An object with thousands of names that mean nothing has a limited number of problems.
func TestUnknownZonesAreReportedALimitedNumberOfTimes(t *testing.T) {
	of := NewZones().Of(nil)
	for i := range 5000 {
		of.Find(fmt.Sprint("Nowhere/", i))
	}
	if n := len(of.Problems()); n != maxReported {
		t.Errorf("%d problems", n)
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
