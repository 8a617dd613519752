package recur

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/tz"
)

// zoneCivil parses a time of a test.
func zoneCivil(t testing.TB, text string) ical.Civil {
	t.Helper()
	parsed, err := ical.ParseTime(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return parsed.Civil
}

// zoneNamed returns a zone of the database.
func zoneNamed(t testing.TB, zones *Zones, name string) *Zone {
	t.Helper()
	zone, source := zones.Named(name)
	if zone == nil || source != ZoneIANA || zone.Name() != name {
		t.Fatalf("%s: %v, %s", name, zone, source)
	}
	return zone
}

// Expected values are from the source of the tz database, by hand.
func TestZoneReadsCivilTimes(t *testing.T) {
	zones := NewZones()
	for _, c := range []struct {
		zone, civil, utc, back string
	}{
		{"Europe/Berlin", "20260701T120000", "20260701T100000Z", ""},
		{"Europe/Berlin", "20260101T120000", "20260101T110000Z", ""},
		// the gap of 29 March 2026: offset before it
		{"Europe/Berlin", "20260329T015959", "20260329T005959Z", ""},
		{"Europe/Berlin", "20260329T020000", "20260329T010000Z", "20260329T030000"},
		{"Europe/Berlin", "20260329T023000", "20260329T013000Z", "20260329T033000"},
		{"Europe/Berlin", "20260329T025959", "20260329T015959Z", "20260329T035959"},
		{"Europe/Berlin", "20260329T030000", "20260329T010000Z", ""},
		// the repeated hour of 25 October 2026: first reading
		{"Europe/Berlin", "20261025T015959", "20261024T235959Z", ""},
		{"Europe/Berlin", "20261025T020000", "20261025T000000Z", ""},
		{"Europe/Berlin", "20261025T025959", "20261025T005959Z", ""},
		{"Europe/Berlin", "20261025T030000", "20261025T020000Z", ""},
		{"Europe/London", "20261025T013000", "20261025T003000Z", ""},
		{"America/New_York", "20260308T023000", "20260308T073000Z", "20260308T033000"},
		{"America/New_York", "20261101T013000", "20261101T053000Z", ""},
		{"Australia/Sydney", "20260405T023000", "20260404T153000Z", ""},
		{"Australia/Sydney", "20261004T023000", "20261003T163000Z", "20261004T033000"},
		// half an hour: 5 April 2026 at 02:00 back to 01:30, 4 October at 02:00 to 02:30
		{"Australia/Lord_Howe", "20260405T014500", "20260404T144500Z", ""},
		{"Australia/Lord_Howe", "20260405T020000", "20260404T153000Z", ""},
		{"Australia/Lord_Howe", "20261004T021500", "20261003T154500Z", "20261004T024500"},
		// summer time is the standard of Ireland
		{"Europe/Dublin", "20260701T120000", "20260701T110000Z", ""},
		{"Europe/Dublin", "20261025T013000", "20261025T003000Z", ""},
		// 30 December 2011 does not exist in Samoa: the offset before is -10:00
		{"Pacific/Apia", "20111229T235959", "20111230T095959Z", ""},
		{"Pacific/Apia", "20111230T120000", "20111230T220000Z", "20111231T120000"},
		{"Pacific/Apia", "20111231T000000", "20111230T100000Z", ""},
		// Kwajalein skipped 21 August 1993; -12:00 before, +12:00 after
		{"Pacific/Kwajalein", "19930821T060000", "19930821T180000Z", "19930822T060000"},
		// Manila had 31 December 1844 only in the east: -15:56:08 before
		{"Asia/Manila", "18440101T000000", "18440101T155608Z", ""},
		// Alaska had the 18th of October 1867 twice
		{"America/Juneau", "18671018T120000", "18671017T205741Z", ""},
		{"Africa/Monrovia", "19700101T000000", "19700101T004430Z", ""},
		{"Africa/Monrovia", "19720107T000000", "19720107T004430Z", "19720107T004430"},
		// two hours of summer time
		{"Antarctica/Troll", "20260329T020000", "20260329T020000Z", "20260329T040000"},
		{"Antarctica/Troll", "20260329T005959", "20260329T005959Z", ""},
		{"Antarctica/Troll", "20261025T020000", "20261025T000000Z", ""},
		// Ramadan 2026 in Morocco: from 15 February 03:00 to 22 March 02:00
		{"Africa/Casablanca", "20260214T120000", "20260214T110000Z", ""},
		{"Africa/Casablanca", "20260301T120000", "20260301T120000Z", ""},
		{"Africa/Casablanca", "20260401T120000", "20260401T110000Z", ""},
		// mean local time, with seconds
		{"Europe/Amsterdam", "00010101T000000", "00001231T234028Z", ""},
		{"Europe/Paris", "18000101T000000", "17991231T235039Z", ""},
		{"Asia/Kathmandu", "20260101T000000", "20251231T181500Z", ""},
		// rules go on
		{"Europe/Berlin", "99990701T000000", "99990630T220000Z", ""},
		{"America/New_York", "98761225T000000", "98761225T050000Z", ""},
		{"Etc/GMT+5", "20260101T000000", "20260101T050000Z", ""},
		{"UTC", "20260101T000000", "20260101T000000Z", ""},
	} {
		zone, want := zoneNamed(t, zones, c.zone), zoneCivil(t, c.utc)
		unix := zone.Unix(zoneCivil(t, c.civil))
		if unix != int64(want) {
			t.Errorf("%s: %s is %sZ, not %s", c.zone, c.civil, ical.Civil(unix), c.utc)
		}
		if c.back == "" {
			c.back = c.civil
		}
		if got := zone.Civil(int64(want)); got != zoneCivil(t, c.back) {
			t.Errorf("%s: %s is %s, not %s", c.zone, c.utc, got, c.back)
		}
	}
}

func TestFixedZones(t *testing.T) {
	if z := UTC(); z.Name() != "UTC" || z.Unix(77) != 77 || z.Civil(77) != 77 || z.Offset(5) != 0 {
		t.Errorf("UTC: %+v", z)
	}
	if z := FixedZone("x", -5400); z.Name() != "x" || z.Unix(0) != 5400 || z.Civil(5400) != 0 || z.Offset(1<<40) != -5400 {
		t.Errorf("fixed: %+v", z)
	}
	if got := FixedZone("x", math.MaxInt32).Offset(0); got != 86399 {
		t.Errorf("offset %d", got)
	}
	if got := FixedZone("x", math.MinInt32).Offset(0); got != -86399 {
		t.Errorf("offset %d", got)
	}
}

// zoneReadings returns all instants of a civil time, ascending, and the offset before a gap.
func zoneReadings(location *time.Location, c ical.Civil) (found []int64, before int64) {
	at := int64(c) - 2*86400
	for at < int64(c)+2*86400 {
		moment := time.Unix(at, 0).In(location)
		_, offset := moment.Zone()
		next := int64(c) + 2*86400
		if _, end := moment.ZoneBounds(); !end.IsZero() && end.Unix() > at {
			next = min(next, end.Unix())
		}
		if unix := int64(c) - int64(offset); unix >= at && unix < next {
			found = append(found, unix)
		} else if unix >= next {
			before = int64(offset)
		}
		at = next
	}
	return found, before
}

// checkCivil compares a civil time with what Go's tables say.
func checkCivil(t *testing.T, zone *Zone, c ical.Civil) {
	t.Helper()
	found, before := zoneReadings(zone.location, c)
	want := int64(c) - before
	if len(found) > 0 {
		want = found[0]
	}
	if got := zone.Unix(c); got != want {
		t.Errorf("%s: %s is %d, not %d", zone.name, c, got, want)
	}
}

// Every zone agrees with Go's package time at its changes, before and after them, and at
// random instants.
func TestAllZonesAgreeWithTime(t *testing.T) {
	random, zones := seed.New(t), NewZones()
	rounds := tier.Rounds(t, 50, 5000)
	step, number, count := tier.Step(t, 8), random.IntN(8), 0
	for name := range tz.Names() {
		if number++; number%step != 0 {
			continue
		}
		zone := zoneNamed(t, zones, name)
		check := func(unix int64) {
			moment := time.Unix(unix, 0).In(zone.location)
			_, want := moment.Zone()
			if got := zone.Offset(unix); got != want {
				t.Errorf("%s: the offset at %s is %d, not %d", name, moment, got, want)
			}
			checkCivil(t, zone, ical.Civil(unix+int64(want)))
		}
		for range rounds {
			check(minInstant + random.Int64N(maxInstant-minInstant))
			check(-4e9 + random.Int64N(9e9)) // 1843 to 2128
		}
		for at := int64(-5e9); at < 5e9; count++ {
			_, end := time.Unix(at, 0).In(zone.location).ZoneBounds()
			if end.IsZero() {
				break
			}
			at = max(end.Unix(), at+3600)
			for _, d := range []int64{-86401, -3600, -1, 0, 1, 1799, 3599, 3600, 7200, 86400} {
				check(at + d)
				checkCivil(t, zone, ical.Civil(at+d))
			}
		}
	}
	if count < 50000/step {
		t.Errorf("only %d changes were seen", count)
	}
}

// Outside of years 0 to 9999 the nearest offset holds, and nothing overflows.
func TestZoneFarAway(t *testing.T) {
	zone := zoneNamed(t, NewZones(), "Europe/Berlin")
	for _, unix := range []int64{math.MinInt64, math.MinInt64 / 2, minInstant - 1, maxInstant + 1, math.MaxInt64 / 2, math.MaxInt64} {
		offset := int64(3208) // mean local time
		if unix > 0 {
			offset = 3600
		}
		if got := zone.Offset(unix); int64(got) != offset {
			t.Errorf("%d: offset %d", unix, got)
		}
		if got := zone.Unix(ical.Civil(unix)); got != unix-offset {
			t.Errorf("%d: instant %d", unix, got)
		}
	}
}

func TestZoneIsSafeForConcurrentUse(t *testing.T) {
	zones := NewZones()
	names := slices.Collect(tz.Names())
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(worker)))
			for range 2000 {
				zone, _ := zones.Named(names[random.IntN(20)])
				unix := random.Int64N(1 << 37)
				if _, want := time.Unix(unix, 0).In(zone.location).Zone(); zone.Offset(unix) != want {
					t.Errorf("%s: %d", zone.name, unix)
				}
			}
		})
	}
	wg.Wait()
}

func TestZoneDoesNotAllocate(t *testing.T) {
	zone := zoneNamed(t, NewZones(), "Europe/Berlin")
	c, sum := zoneCivil(t, "20260329T023000"), int64(0)
	sum += zone.Unix(c)
	if n := testing.AllocsPerRun(1000, func() {
		sum += zone.Unix(c) + int64(zone.Offset(sum&0xfff)) + int64(zone.Civil(1e9))
		c += 86400 / 64
	}); n > 0.1 {
		t.Errorf("%g allocations", n)
	}
}

func BenchmarkZoneUnix(b *testing.B) {
	zone := zoneNamed(b, NewZones(), "Europe/Berlin")
	c := zoneCivil(b, "20200101T090000")
	sum := int64(0)
	for i := range b.N {
		sum += zone.Unix(c + ical.Civil(i%3650)*86400)
	}
	_ = sum
}

func BenchmarkZoneOffset(b *testing.B) {
	zone := zoneNamed(b, NewZones(), "Europe/Berlin")
	sum := 0
	for i := range b.N {
		sum += zone.Offset(1.6e9 + int64(i%3650)*86400)
	}
	_ = sum
}

// Each lookup is in a part of time that the zone does not have any more.
func BenchmarkZoneFarApart(b *testing.B) {
	zone := zoneNamed(b, NewZones(), "Europe/Berlin")
	for i := range b.N {
		_ = zone.Offset(int64(i%900) << blockShift)
	}
}

func BenchmarkNamed(b *testing.B) {
	zones := NewZones()
	for b.Loop() {
		zones.Named("Europe/Berlin")
	}
}

// A zone of the database needs few blocks.
func TestZonesNeedFewBlocks(t *testing.T) {
	zones := NewZones()
	for name := range tz.Names() {
		if n := len(zoneNamed(t, zones, name).blocks); n > 100 {
			t.Errorf("%s needs %d blocks", name, n)
		}
	}
}
