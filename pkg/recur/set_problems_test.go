package recur

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/ical"
)

func TestErrorsOfSets(t *testing.T) {
	calendar := calendarOf(t, "VALARM\nACTION:DISPLAY")
	if _, _, err := NewSet(calendar, calendar.Components, SetOptions{}); !errors.Is(err, errNoComponent) {
		t.Errorf("a set without components: %v", err)
	}
	calendar = calendarOf(t, "VEVENT\nDTSTART:20260302T090000Z\n"+strings.Repeat("RRULE:FREQ=DAILY\nEXRULE:FREQ=DAILY\n", 51))
	if _, _, err := NewSet(calendar, calendar.Components, SetOptions{}); !errors.Is(err, errManyRules) {
		t.Errorf("a set with 102 rules: %v", err)
	}
}

// A Set may be read by several goroutines at once.
func TestSetsAreSafeForConcurrentUse(t *testing.T) {
	zones := NewZones()
	berlin, _ := zones.Named("Europe/Berlin")
	s, _ := setOf(t, SetOptions{Zones: zones, Floating: berlin},
		"VEVENT\nDTSTART;TZID=Europe/Berlin:20260302T090000\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY",
		"VEVENT\nRECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260404T090000\nDTSTART:20260404T100000")
	for i := range 4 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			for range 20 {
				checkSpan(t, s)
				if got := listSet(t, s, "20260302", "20260501"); len(got) != 51 { // 60 days without 9 Mondays
					t.Errorf("%d instances", len(got))
				}
			}
		})
	}
}

func TestProblemsTellTheirPlace(t *testing.T) {
	_, problems := setOf(t, SetOptions{}, "VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:nonsense")
	if len(problems) != 1 {
		t.Fatalf("problems %v", problems)
	}
	p := problems[0]
	got := fmt.Sprint(p.Line, p.Component, p.Property, p.UID, p.Level)
	if want := fmt.Sprint(8, "VEVENT", "EXDATE", "u", ical.Error); got != want {
		t.Errorf("place %s, want %s", got, want)
	}
}

// What both NewSet and ical.Check report has the same code and level.
func TestLevelsAreThoseOfCheck(t *testing.T) {
	for _, component := range []string{
		"VEVENT\nDTSTART:20260302T090000Z\nDTEND:20260302T100000Z\nDURATION:PT1H",
		"VEVENT\nDTSTART;VALUE=DATE:20260302\nDTEND:20260302T100000Z",
		"VEVENT\nDTSTART:20260302T090000Z\nDTEND:20260301T090000Z",
		"VEVENT\nDTSTART:20260302T090000Z\nDURATION:-PT1H",
		"VEVENT\nDTSTART:20260302T090000Z\nDURATION:1 hour",
		"VEVENT\nDTSTART:today",
		"VEVENT\nSUMMARY:Lunch",
		"VTODO\nDTSTART;VALUE=DATE:20260302\nDUE:20260302T170000Z",
		"VTODO\nDTSTART:20260302T090000Z\nDUE:20260303T090000Z\nDURATION:PT1H",
		"VTODO\nDTSTART:20260302T090000Z\nDUE:20260301T090000Z",
		"VTODO\nRRULE:FREQ=DAILY",
		"VJOURNAL\nRRULE:FREQ=DAILY",
		"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:",
		"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:tomorrow",
		"VEVENT\nDTSTART:20260302T090000Z\nRDATE:",
		"VEVENT\nDTSTART:20260302T090000Z\nRDATE:,tomorrow",
		"VEVENT\nDTSTART:20260302T090000Z\nRDATE;VALUE=PERIOD:20260303T090000Z/20260303T080000Z",
		"VFREEBUSY\nFREEBUSY:",
		"VFREEBUSY\nFREEBUSY:tomorrow",
	} {
		calendar := calendarOf(t, component)
		check := make(map[string]ical.Level)
		for _, p := range ical.Check(calendar) {
			check[p.Code] = max(check[p.Code], p.Level)
		}
		_, problems, err := NewSet(calendar, calendar.Components, SetOptions{Zones: NewZones()})
		if err != nil || len(problems) == 0 {
			t.Errorf("%q: %v, %v", component, problems, err)
		}
		for _, p := range problems {
			if level, both := check[p.Code]; both && level != p.Level {
				t.Errorf("%q: %s is %s here and %s there", component, p.Code, p.Level, level)
			}
		}
	}
}
