package recur

import (
	"math"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/ical"
)

// overlapCase is a component with time ranges, and whether it overlaps them: the conditions of
// RFC 4791, 9.9, worked out by hand. All times are of 2 March 2026, in UTC, given as HHMM; a
// letter after a range is y or n.
type overlapCase struct {
	name      string
	component string
	ranges    string
}

var overlapCases = []overlapCase{
	// VEVENT: start < DTEND and end > DTSTART.
	{"VEVENT with DTEND", "VEVENT DTSTART:1000 DTEND:1100", "0900-1000n 0900-1001y 1059-1200y 1100-1200n 1030-1040y"},
	// start < DTSTART+DURATION and end > DTSTART.
	{"VEVENT with DURATION", "VEVENT DTSTART:1000 DURATION=PT1H", "0900-1000n 0900-1001y 1059-1200y 1100-1200n"},
	// start <= DTSTART and end > DTSTART.
	{"VEVENT with DURATION of 0", "VEVENT DTSTART:1000 DURATION=PT0S", "0900-1000n 0900-1001y 1000-1100y 1001-1100n"},
	{"VEVENT without an end", "VEVENT DTSTART:1000", "0900-1000n 0900-1001y 1000-1100y 1001-1100n"},
	// DTEND must be later than DTSTART, so it counts as missing.
	{"VEVENT that ends when it starts", "VEVENT DTSTART:1000 DTEND:1000", "0900-1000n 0900-1001y 1000-1100y 1001-1100n"},
	// start <= DTSTART+DURATION and (end > DTSTART or end >= DTSTART+DURATION).
	{"VTODO with DTSTART and DURATION", "VTODO DTSTART:1000 DURATION=PT1H CREATED:0100 COMPLETED:0200", "0900-1000n 0900-1001y 1100-1200y 1101-1200n 0100-0300n"},
	{"VTODO with DTSTART and DURATION of 0", "VTODO DTSTART:1000 DURATION=PT0S", "0900-1000y 0900-0959n 1000-1100y 1001-1100n"},
	// (start < DUE or start <= DTSTART) and (end > DTSTART or end >= DUE).
	{"VTODO with DTSTART and DUE", "VTODO DTSTART:1000 DUE:1100 COMPLETED:0100 CREATED:0030", "0900-1000n 0900-1001y 1059-1200y 1100-1200n 0100-0200n"},
	{"VTODO with DTSTART equal to DUE", "VTODO DTSTART:1000 DUE:1000", "0900-1000y 0900-0959n 1000-1100y 1001-1100n"},
	{"VTODO with DUE before DTSTART", "VTODO DTSTART:1000 DUE:0900", "0800-0900y 0800-0859n 0930-0940y 1000-1100y 1001-1100n"},
	// start <= DTSTART and end > DTSTART.
	{"VTODO with DTSTART", "VTODO DTSTART:1000 COMPLETED:0100", "0900-1000n 0900-1001y 1000-1100y 1001-1100n 0000-0200n"},
	// start < DUE and end >= DUE.
	{"VTODO with DUE", "VTODO DUE:1000 DURATION=PT1H COMPLETED:0100", "0900-1000y 0900-0959n 0959-1100y 1000-1100n 0000-0200n"},
	// (start <= CREATED or start <= COMPLETED) and (end >= CREATED or end >= COMPLETED).
	{"VTODO with COMPLETED and CREATED", "VTODO COMPLETED:1100 CREATED:1000", "0900-1000y 0900-0959n 1100-1200y 1101-1200n 1030-1040y"},
	{"VTODO completed before it was created", "VTODO COMPLETED:1000 CREATED:1100", "0900-1000y 0900-0959n 1100-1200y 1101-1200n 1030-1040y"},
	// start <= COMPLETED and end >= COMPLETED.
	{"VTODO with COMPLETED", "VTODO COMPLETED:1000", "0900-1000y 0900-0959n 1000-1100y 1001-1100n"},
	// end > CREATED.
	{"VTODO with CREATED", "VTODO CREATED:1000", "0900-1000n 0900-1001y 1800-1900y"},
	{"VTODO without dates", "VTODO PRIORITY=1", "0000-0001y 1800-1900y"},
	// start <= DTSTART and end > DTSTART; false without DTSTART.
	{"VJOURNAL with DTSTART", "VJOURNAL DTSTART:1000", "0900-1000n 0900-1001y 1000-1100y 1001-1100n"},
	{"VJOURNAL without DTSTART", "VJOURNAL CREATED:1000", "0000-2300n"},
	// start <= DTEND and end > DTSTART.
	{"VFREEBUSY with DTSTART and DTEND", "VFREEBUSY DTSTART:1000 DTEND:1100 FREEBUSY=20260302T200000Z/PT1H", "0900-1000n 0900-1001y 1100-1200y 1101-1200n 2000-2100n"},
	// start < period end and end > period start, for one of the periods.
	{"VFREEBUSY with periods", "VFREEBUSY FREEBUSY=20260302T100000Z/PT1H,20260302T130000Z/20260302T140000Z", "0900-1000n 0900-1001y 1059-1200y 1100-1300n 1100-1301y 1400-1500n"},
	{"VFREEBUSY without periods", "VFREEBUSY DTSTART:1000", "0000-2300n"},
}

func TestOverlapFollowsTheTables(t *testing.T) {
	for _, c := range overlapCases {
		t.Run(c.name, func(t *testing.T) {
			fields := strings.Fields(c.component)
			lines := fields[0]
			for _, f := range fields[1:] {
				if name, clock, ok := strings.Cut(f, ":"); ok && !strings.Contains(name, "=") {
					lines += "\n" + name + ":20260302T" + clock + "00Z"
				} else {
					lines += "\n" + strings.Replace(f, "=", ":", 1)
				}
			}
			s, _ := setOf(t, SetOptions{}, lines)
			span, err := s.Span(nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range strings.Fields(c.ranges) {
				from, to := instantOf(t, "20260302T"+r[0:4]+"00Z"), instantOf(t, "20260302T"+r[5:9]+"00Z")
				found := false
				for in, err := range s.Between(from, to, nil) {
					if err != nil || !in.Overlaps(from, to) {
						t.Errorf("%s: %+v, %v", r, in, err)
					}
					found = true
				}
				if found != (r[9] == 'y') {
					t.Errorf("overlaps %s: %t", r, found)
				}
				if found && (!span.OpenStart && span.Start >= to || !span.OpenEnd && span.End <= from) {
					t.Errorf("the span from %s to %s does not overlap %s", showInstant(span.Start), showInstant(span.End), r)
				}
			}
		})
	}
}

func TestAllDayOverlap(t *testing.T) {
	s, _ := setOf(t, SetOptions{}, "VEVENT\nDTSTART;VALUE=DATE:20260302")
	for _, c := range []struct {
		from, to string
		want     int
	}{
		{"20260301", "20260302", 0}, {"20260301", "20260302T000001Z", 1}, {"20260302T235959Z", "20260304", 1}, {"20260303", "20260304", 0},
	} {
		if got := len(listSet(t, s, c.from, c.to)); got != c.want {
			t.Errorf("%d instances from %s to %s, want %d", got, c.from, c.to, c.want)
		}
	}
}

// Tasks recur by their start with the same length, or by DUE if they have no start.
func TestTasks(t *testing.T) {
	for _, c := range []setCase{
		{
			name:       "a task with DUE",
			components: []string{"VTODO\nDTSTART:20260302T090000Z\nDUE:20260304T090000Z\nRRULE:FREQ=WEEKLY;COUNT=2"},
			want:       []string{"20260302T090000Z/20260304T090000Z", "20260309T090000Z/20260311T090000Z"},
		}, {
			name:       "a task without DTSTART recurs by DUE",
			components: []string{"VTODO\nDUE;TZID=Europe/Berlin:20260327T090000\nRRULE:FREQ=DAILY;COUNT=3", "VTODO\nRECURRENCE-ID;TZID=Europe/Berlin:20260328T090000\nDUE:20260328T120000Z\nSUMMARY:later"},
			want:       []string{"20260327T080000Z", "20260328T120000Z@20260328T080000Z later", "20260329T070000Z"},
		}, {
			name:       "an all-day task",
			components: []string{"VTODO\nDTSTART;VALUE=DATE:20260302\nDUE;VALUE=DATE:20260304"},
			want:       []string{"20260302/20260304"},
		}, {
			name:       "a task that is due before it starts",
			components: []string{"VTODO\nDTSTART:20260302T090000Z\nDUE:20260301T090000Z"},
			want:       []string{"20260302T090000Z"},
			problems:   []string{"due-before-dtstart"},
		}, {
			name:       "tasks that are due before they start",
			components: []string{"VTODO\nDTSTART:20260302T090000Z\nDUE:20260301T090000Z\nRRULE:FREQ=WEEKLY;COUNT=2"},
			from:       "20260308T080000Z", to: "20260308T090000Z",
			want:     []string{"20260309T090000Z"},
			problems: []string{"due-before-dtstart"},
		}, {
			name:       "a task without dates",
			components: []string{"VTODO\nRRULE:FREQ=DAILY"},
			want:       []string{"open/open"},
			problems:   []string{"rrule-without-dtstart"},
		}, {
			name:       "a journal entry of a day, recurring",
			components: []string{"VJOURNAL\nDTSTART;VALUE=DATE:20260302\nRRULE:FREQ=WEEKLY;COUNT=2"},
			want:       []string{"20260302/20260303", "20260309/20260310"},
		}, {
			name:       "types do not mix",
			components: []string{"VTODO\nDTSTART:20260302T090000Z", "VEVENT\nDTSTART:20260303T090000Z"},
			want:       []string{"20260302T090000Z"},
			problems:   []string{"resource-types"},
		},
	} {
		t.Run(c.name, c.run)
	}
}

func TestInstancesTellTheirZoneAndKind(t *testing.T) {
	zones := NewZones()
	berlin, _ := zones.Named("Europe/Berlin")
	first := func(component string) Instance {
		s, _ := setOf(t, SetOptions{Zones: zones, Floating: berlin}, component)
		for in, err := range s.Between(math.MinInt64, math.MaxInt64, nil) {
			if err != nil {
				t.Fatal(err)
			}
			return in
		}
		t.Fatal("no instance")
		return Instance{}
	}
	for _, c := range []struct {
		component, civil, zone      string
		allDay, floating, recurring bool
	}{
		{"VEVENT\nDTSTART:20260302T090000Z", "20260302T090000", "UTC", false, false, false},
		{"VEVENT\nDTSTART;TZID=America/New_York:20260302T090000\nRRULE:FREQ=DAILY", "20260302T090000", "America/New_York", false, false, true},
		{"VEVENT\nDTSTART:20260302T090000", "20260302T090000", "Europe/Berlin", false, true, false},
		{"VEVENT\nDTSTART;VALUE=DATE:20260302", "20260302T000000", "Europe/Berlin", true, true, false},
		// The clock skips this time of a zone, but a floating time stays as it is written.
		{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260329T023000", "20260329T033000", "Europe/Berlin", false, false, false},
		{"VEVENT\nDTSTART:20260329T023000", "20260329T023000", "Europe/Berlin", false, true, false},
	} {
		in := first(c.component)
		if in.Civil.String() != c.civil || in.Zone.Name() != c.zone || in.AllDay != c.allDay || in.Floating != c.floating || in.Recurring != c.recurring {
			t.Errorf("%q: %+v in %s at %s", c.component, in, in.Zone.Name(), in.Civil)
		}
		if in.Zone.Unix(in.Civil) != in.Start || in.Component.Name != "VEVENT" {
			t.Errorf("%q: %s is not at %d", c.component, in.Civil, in.Start)
		}
	}
}

func TestHeapSorts(t *testing.T) {
	var h instanceHeap
	for _, start := range []int64{5, 3, 9, 3, 1, 7, 2, 8, 4, 6} {
		h.push(Instance{Start: start, RecurrenceID: int64(len(h))})
	}
	last := Instance{Start: math.MinInt64}
	for n := 0; len(h) > 0; n++ {
		in := h.pop()
		if in.less(&last) {
			t.Errorf("%d after %d", in.Start, last.Start)
		}
		last = in
	}
	if last.Start != 9 || last.Zone != nil || last.Civil != ical.Civil(0) {
		t.Errorf("the last one is %+v", last)
	}
}
