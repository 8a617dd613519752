package recur

import (
	"errors"
	"testing"
)

func TestSpans(t *testing.T) {
	for _, c := range []struct {
		name       string
		components []string
		start, end string // "" means open
		floating   bool
		recurring  bool
	}{
		{
			name:       "a single event",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDTEND:20260302T100000Z"},
			start:      "20260302T090000Z", end: "20260302T100000Z",
		}, {
			name:       "an instant",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z"},
			start:      "20260302T090000Z", end: "20260302T090001Z",
		}, {
			name:       "floating: from UTC+14 to UTC-12",
			components: []string{"VEVENT\nDTSTART:20260302T090000\nDTEND:20260302T100000"},
			start:      "20260301T190000Z", end: "20260302T220000Z", floating: true,
		}, {
			name:       "a day",
			components: []string{"VEVENT\nDTSTART;VALUE=DATE:20260302"},
			start:      "20260301T100000Z", end: "20260303T120000Z", floating: true,
		}, {
			name:       "without end",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=YEARLY"},
			start:      "20260302T090000Z", recurring: true,
		}, {
			name:       "COUNT",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=100"},
			start:      "20260302T090000Z", end: "20280124T100000Z", recurring: true, // 99 weeks later
		}, {
			name:       "COUNT that is too large to count",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=1000000000"},
			start:      "20260302T090000Z", recurring: true,
		}, {
			name:       "UNTIL between two instances",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=MONTHLY;UNTIL=20301231T000000Z"},
			start:      "20260302T090000Z", end: "20301202T100000Z", recurring: true,
		}, {
			name:       "UNTIL of a frequent rule",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=SECONDLY;INTERVAL=7;UNTIL=20300302T090001Z"},
			// Four years are 1461 days, 126230400 s: 18032914 times 7 and 2.
			start: "20260302T090000Z", end: "20300302T085959Z", recurring: true,
		}, {
			name:       "both ends, the earlier one first",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=1000000000;UNTIL=20260310T090000Z", "VEVENT\nRECURRENCE-ID:20260305T090000Z\nDTSTART:20260305T100000Z"},
			start:      "20260302T090000Z", end: "20260310T090001Z", recurring: true,
		}, {
			name:       "an RDATE before DTSTART and one after the rule",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nRDATE:20250101T000000Z,20300101T000000Z"},
			start:      "20250101", end: "20300101T010000Z", recurring: true,
		}, {
			name:       "a long period before the last date",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRDATE;VALUE=PERIOD:20260303T090000Z/P30D,20260304T090000Z/PT1H"},
			start:      "20260302T090000Z", end: "20260402T090000Z", recurring: true,
		}, {
			name:       "a short period after the last of the longer instances",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDURATION:P9D\nRDATE:20260303T090000Z\nRDATE;VALUE=PERIOD:20260304T090000Z/PT1H"},
			start:      "20260302T090000Z", end: "20260312T090000Z", recurring: true,
		}, {
			name:       "what EXDATE removes does not count",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=WEEKLY;COUNT=4\nEXDATE:20260302T090000Z,20260323T090000Z,20260316T090000Z"},
			start:      "20260309T090000Z", end: "20260309T090001Z", recurring: true,
		}, {
			name: "overrides count where they are",
			components: []string{
				"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=3",
				"VEVENT\nRECURRENCE-ID:20260302T090000Z\nDTSTART:20260303T100000Z",
				"VEVENT\nRECURRENCE-ID:20260303T090000Z\nDTSTART:20200101T000000Z\nDURATION:P1D",
				"VEVENT\nRECURRENCE-ID:20990303T090000Z\nDTSTART:20300101T000000Z\nDURATION:P1D",
			},
			start: "20200101", end: "20300102", recurring: true,
		}, {
			name: "a floating override widens its own part",
			components: []string{
				"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=3",
				"VEVENT\nRECURRENCE-ID:20260304T090000Z\nDTSTART:20260304T090000",
			},
			start: "20260302T090000Z", end: "20260304T210001Z", recurring: true, floating: true,
		}, {
			name: "THISANDFUTURE without end",
			components: []string{
				"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY",
				"VEVENT\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260304T090000Z\nDTSTART:20260204T090000Z",
			},
			// A second earlier than necessary.
			start: "20260204T085959Z", recurring: true,
		}, {
			name:       "nothing is left",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20260302T090000Z,20260303T090000Z"},
			start:      "20260302T090000Z", end: "20260302T090001Z", recurring: true,
		}, {
			name:       "an EXRULE of everything",
			components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=MINUTELY\nEXRULE:FREQ=MINUTELY"},
			start:      "20260302T090000Z", end: "20260302T090001Z", recurring: true,
		}, {
			name:       "a journal entry without a start, which no range overlaps",
			components: []string{"VJOURNAL\nSUMMARY:Notes"},
		}, {
			name:       "no readable start",
			components: []string{"VEVENT\nDTSTART:tomorrow"},
		}, {
			name: "an override whose start cannot be read",
			components: []string{
				"VEVENT\nRECURRENCE-ID:tomorrow\nDTSTART:tomorrow",
				"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=2",
			},
			recurring: true,
		}, {
			name:       "a task without dates",
			components: []string{"VTODO\nSUMMARY:Some day"},
		}, {
			name:       "a task that was created",
			components: []string{"VTODO\nCREATED:20260302T090000Z"},
			start:      "20260302T090000Z",
		}, {
			name:       "a task that is due, which a range that ends then overlaps",
			components: []string{"VTODO\nDUE:20260302T090000Z"},
			start:      "20260302T085959Z", end: "20260302T090000Z",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			zones := NewZones()
			auckland, _ := zones.Named("Pacific/Auckland")
			for _, zone := range []*Zone{nil, auckland} { // the zone of the reader makes no difference
				s, _ := setOf(t, SetOptions{Zones: zones, Floating: zone}, c.components...)
				got, err := s.Span(nil)
				if err != nil {
					t.Fatal(err)
				}
				want := Span{OpenStart: c.start == "", OpenEnd: c.end == "", Floating: c.floating, Recurring: c.recurring}
				if c.start != "" {
					want.Start = instantOf(t, c.start)
				}
				if c.end != "" {
					want.End = instantOf(t, c.end)
				}
				if got != want {
					t.Errorf("span %s to %s, %+v; want %s to %s, %+v", showInstant(got.Start), showInstant(got.End), got, c.start, c.end, want)
				}
			}
		})
	}
}

// A span that the budget does not suffice for is open, not short.
func TestSpansWithoutBudgetAreOpen(t *testing.T) {
	s, _ := setOf(t, SetOptions{}, "VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=1000")
	full, err := s.Span(NewBudget(10_000))
	if err != nil || full.OpenEnd || full.End != instantOf(t, "20281125T090001Z") { // 999 days later
		t.Errorf("span %+v, %v", full, err)
	}
	for n := range 1200 {
		b := NewBudget(n)
		span, err := s.Span(b)
		if err != nil && !errors.Is(err, ErrBudget) {
			t.Fatal(err)
		}
		if span.OpenStart || span.Start > full.Start || !span.OpenEnd && span.End < full.End {
			t.Errorf("budget of %d: %+v", n, span)
		}
		if span.OpenEnd != (err != nil) {
			t.Errorf("budget of %d: %+v, %v", n, span, err)
		}
	}
	s, _ = setOf(t, SetOptions{}, "VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=MINUTELY\nEXRULE:FREQ=SECONDLY")
	if span, err := s.Span(nil); err != nil || span.OpenStart || !span.OpenEnd || span.Start != instantOf(t, "20260302T090000Z") {
		t.Errorf("an endless search gives %+v, %v", span, err)
	}
}

// Where the clock skips the ids of floating instances, their order, and with it what
// THISANDFUTURE means, depends on the zone of the reader. The span contains them in all zones.
func TestSpansOfFloatingRangesInTheSkippedHour(t *testing.T) {
	zones := NewZones()
	berlin, _ := zones.Named("Europe/Berlin")
	for _, start := range []string{"20260329T023000", "20260329T021000", "20260329T025000", "20260329T023000\nEXDATE:20260329T023000"} {
		s, _ := setOf(t, SetOptions{Zones: zones, Floating: berlin},
			"VEVENT\nDTSTART:"+start+"\nDURATION:PT9H\nRRULE:FREQ=MINUTELY;INTERVAL=20;COUNT=7\nRDATE:20260406T040000,20260321T040000",
			"VEVENT\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260329T031000\nDTSTART:20260327T034000\nDURATION:PT3H",
			"VEVENT\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260329T025000\nDTSTART:20260408T025000\nDURATION:PT1H",
			"VEVENT\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260329T023000\nDTSTART:20260330T013000\nDURATION:PT1H")
		checkSpan(t, s)
	}
}
