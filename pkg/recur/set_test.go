package recur

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/ical"
)

// calendarOf returns a calendar with components given as lines between BEGIN and END.
func calendarOf(t testing.TB, components ...string) *ical.Component {
	t.Helper()
	var text strings.Builder
	text.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//davadmin//test//EN\r\n")
	for _, lines := range components {
		kind, rest, _ := strings.Cut(strings.TrimSpace(lines), "\n")
		text.WriteString("BEGIN:" + kind + "\r\nUID:u\r\n")
		for line := range strings.Lines(rest) {
			text.WriteString(strings.TrimSpace(line) + "\r\n")
		}
		text.WriteString("END:" + kind + "\r\n")
	}
	text.WriteString("END:VCALENDAR\r\n")
	calendar, _, err := ical.Parse(text.String(), ical.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return calendar
}

// setOf returns the set of components.
func setOf(t testing.TB, o SetOptions, components ...string) (*Set, []ical.Problem) {
	t.Helper()
	calendar := calendarOf(t, components...)
	if o.Zones == nil {
		o.Zones = NewZones()
	}
	s, problems, err := NewSet(calendar, calendar.Components, o)
	if err != nil {
		t.Fatal(err)
	}
	return s, problems
}

func instantOf(t testing.TB, text string) int64 {
	t.Helper()
	v, err := ical.ParseTime(text)
	if err != nil {
		t.Fatal(err)
	}
	return int64(v.Civil)
}

// showInstant formats an instant as 20260302T090000Z, or a date at midnight as 20260302.
func showInstant(unix int64) string {
	switch {
	case unix == math.MinInt64 || unix == math.MaxInt64:
		return "open"
	case unix%ical.SecondsPerDay == 0:
		return ical.Time{Civil: ical.Civil(unix), Form: ical.Date}.String()
	}
	return ical.Time{Civil: ical.Civil(unix), Form: ical.UTC}.String()
}

// listSet returns the instances in a time range as START/END, with the recurrence id after @ if it
// is not the start, and the summary of an override after a blank.
func listSet(t testing.TB, s *Set, from, to string) []string {
	t.Helper()
	all := []string{}
	for in, err := range s.Between(instantOf(t, from), instantOf(t, to), nil) {
		if err != nil {
			return append(all, err.Error())
		}
		text := showInstant(in.Start)
		if in.End != in.Start {
			text += "/" + showInstant(in.End)
		}
		if in.Recurring && in.RecurrenceID != in.Start {
			text += "@" + showInstant(in.RecurrenceID)
		}
		if summary := in.Component.Value("SUMMARY"); summary != "" {
			text += " " + summary
		}
		all = append(all, text)
	}
	return all
}

func codesOf(problems []ical.Problem) []string {
	all := []string{}
	for _, p := range problems {
		all = append(all, p.Code)
	}
	return all
}

// setCase is a set with its instances and problems, worked out by hand.
type setCase struct {
	name       string
	components []string
	from, to   string // a range; "" means the years 2026 and 2027
	want       []string
	problems   []string
	floating   string // a zone
}

func (c *setCase) run(t *testing.T) {
	t.Helper()
	o := SetOptions{Zones: NewZones()}
	if c.floating != "" {
		o.Floating, _ = o.Zones.Named(c.floating)
	}
	s, problems := setOf(t, o, c.components...)
	from, to := c.from, c.to
	if from == "" {
		from, to = "20260101", "20280101"
	}
	if got := listSet(t, s, from, to); !slices.Equal(got, c.want) {
		t.Errorf("instances:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
	}
	if got := codesOf(problems); !slices.Equal(got, c.problems) && len(got)+len(c.problems) > 0 {
		t.Errorf("problems %v, want %v\n%v", got, c.problems, problems)
	}
	checkSpan(t, s)
}

// checkSpan checks that the span contains all instances of a few years, for floating ones in
// the zones farthest away.
func checkSpan(t testing.TB, s *Set) {
	t.Helper()
	span, err := s.Span(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !span.OpenStart && !span.OpenEnd && span.Start >= span.End {
		t.Errorf("span from %s to %s", showInstant(span.Start), showInstant(span.End))
	}
	for in, err := range s.Between(instantOf(t, "19000101"), instantOf(t, "20400101"), NewBudget(20_000)) {
		if errors.Is(err, ErrBudget) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !span.OpenStart && in.from < span.Start || !span.OpenEnd && in.until > span.End {
			t.Errorf("the span from %s to %s does not contain the instance from %s to %s",
				showInstant(span.Start), showInstant(span.End), showInstant(in.from), showInstant(in.until))
			return
		}
	}
}

func TestSets(t *testing.T) {
	for _, c := range slices.Concat(dateCases, exceptionCases, untilCases) {
		t.Run(c.name, c.run)
	}
}

// The length and kinds of dates.
var dateCases = []setCase{
	{
		name:       "a single event",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDTEND:20260302T100000Z"},
		want:       []string{"20260302T090000Z/20260302T100000Z"},
	}, {
		name:       "several rules apply together, and an instant counts once",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDTEND:20260302T100000Z\nRRULE:FREQ=DAILY;COUNT=3\nRRULE:FREQ=WEEKLY;COUNT=2"},
		want: []string{
			"20260302T090000Z/20260302T100000Z", "20260303T090000Z/20260303T100000Z",
			"20260304T090000Z/20260304T100000Z", "20260309T090000Z/20260309T100000Z",
		},
		problems: []string{"several-rrules"},
	}, {
		name: "RDATE with times of all kinds, duplicates, and one before DTSTART",
		components: []string{`VEVENT
			DTSTART;TZID=Europe/Berlin:20260302T090000
			DURATION:PT1H
			RDATE:20260305T080000Z,20260305T090000
			RDATE;TZID=America/New_York:20260306T030000
			RDATE;TZID=Europe/Berlin:20260301T090000,20260302T090000`},
		want: []string{
			"20260301T080000Z/20260301T090000Z", "20260302T080000Z/20260302T090000Z",
			"20260305T080000Z/20260305T090000Z", "20260306T080000Z/20260306T090000Z",
		},
	}, {
		name: "RDATE with periods, each with its own length",
		components: []string{`VEVENT
			DTSTART:20260302T090000Z
			DTEND:20260302T100000Z
			RRULE:FREQ=DAILY;COUNT=2
			RDATE;VALUE=PERIOD:20260303T090000Z/PT2H,20260309T090000Z/20260309T093000Z`},
		want: []string{
			"20260302T090000Z/20260302T100000Z", "20260303T090000Z/20260303T110000Z",
			"20260309T090000Z/20260309T093000Z",
		},
	}, {
		name:       "a period that ends before it starts has the length of the others",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDTEND:20260302T100000Z\nRDATE;VALUE=PERIOD:20260303T090000Z/20260303T080000Z,20260304T090000Z,20260304T0900Z/PT1H"},
		want:       []string{"20260302T090000Z/20260302T100000Z", "20260303T090000Z/20260303T100000Z", "20260304T090000Z/20260304T100000Z"},
		problems:   []string{"period-order", "value-invalid"},
	}, {
		name:       "RDATE with a date takes the time of day of DTSTART",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260302T090000\nDURATION:PT1H\nRDATE;VALUE=DATE:20260402"},
		want:       []string{"20260302T080000Z/20260302T090000Z", "20260402T070000Z/20260402T080000Z"},
		problems:   []string{"rdate-type"},
	}, {
		name:       "RDATE with times on an all-day event takes the dates",
		components: []string{"VEVENT\nDTSTART;VALUE=DATE:20260302\nRDATE:20260305T230000Z\nRDATE;VALUE=PERIOD:20260310T220000/20260312T020000"},
		want:       []string{"20260302/20260303", "20260305/20260306", "20260310/20260313"},
		problems:   []string{"rdate-type"},
	}, {
		name:       "DTEND is an exact length: 24 hours over the change of the clock",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260327T120000\nDTEND;TZID=Europe/Berlin:20260328T120000\nRRULE:FREQ=DAILY;COUNT=2"},
		want:       []string{"20260327T110000Z/20260328T110000Z", "20260328T110000Z/20260329T110000Z"},
	}, {
		name:       "DTEND of 23 hours over the change of the clock stays 23 hours",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260328T120000\nDTEND;TZID=Europe/Berlin:20260329T120000\nRRULE:FREQ=DAILY;COUNT=2"},
		want:       []string{"20260328T110000Z/20260329T100000Z", "20260329T100000Z/20260330T090000Z"},
	}, {
		name:       "DURATION in days is nominal, its hours are exact",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260327T120000\nDURATION:P1DT1H\nRRULE:FREQ=DAILY;COUNT=2"},
		want:       []string{"20260327T110000Z/20260328T120000Z", "20260328T110000Z/20260329T110000Z"},
	}, {
		name:       "DURATION in hours is exact",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260328T120000\nDURATION:PT24H"},
		want:       []string{"20260328T110000Z/20260329T110000Z"},
	}, {
		name:       "DTEND in another zone",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260302T120000\nDTEND;TZID=America/New_York:20260302T150000\nRRULE:FREQ=WEEKLY;COUNT=2"},
		want:       []string{"20260302T110000Z/20260302T200000Z", "20260309T110000Z/20260309T200000Z"},
	}, {
		name:       "neither DTEND nor DURATION",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=2"},
		want:       []string{"20260302T090000Z", "20260303T090000Z"},
	}, {
		name:       "an all-day event without DTEND has one day",
		components: []string{"VEVENT\nDTSTART;VALUE=DATE:20260302\nRRULE:FREQ=DAILY;COUNT=2"},
		want:       []string{"20260302/20260303", "20260303/20260304"},
	}, {
		name:       "an all-day event with DTEND on the same day, as the old Sun clients write, has one day",
		components: []string{"VEVENT\nDTSTART;VALUE=DATE:20260302\nDTEND;VALUE=DATE:20260302"},
		want:       []string{"20260302/20260303"},
		problems:   []string{"dtend-not-after-dtstart"},
	}, {
		name:       "an all-day event has days of the reader's zone, over the change of the clock",
		components: []string{"VEVENT\nDTSTART;VALUE=DATE:20260328\nDTEND;VALUE=DATE:20260330\nRRULE:FREQ=WEEKLY;COUNT=2"},
		floating:   "Europe/Berlin",
		want:       []string{"20260327T230000Z/20260329T220000Z", "20260403T220000Z/20260405T220000Z"},
	}, {
		name:       "an all-day DURATION with hours is rounded up to days",
		components: []string{"VEVENT\nDTSTART;VALUE=DATE:20260302\nDURATION:PT25H"},
		want:       []string{"20260302/20260304"},
		problems:   []string{"duration-of-date"},
	}, {
		name:       "DTEND before DTSTART is ignored",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDTEND:20260223T090000Z"},
		want:       []string{"20260302T090000Z"},
		problems:   []string{"dtend-before-dtstart"},
	}, {
		name:       "DTEND wins over DURATION",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDTEND:20260302T100000Z\nDURATION:PT3H"},
		want:       []string{"20260302T090000Z/20260302T100000Z"},
		problems:   []string{"dtend-and-duration"},
	}, {
		name:       "odd durations count as missing",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDURATION:-PT1H"},
		want:       []string{"20260302T090000Z"},
		problems:   []string{"duration-negative"},
	}, {
		name:       "a DURATION with a sign inside is not one",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDURATION:PT-22H0M0S"},
		want:       []string{"20260302T090000Z"},
		problems:   []string{"value-invalid"},
	}, {
		name:       "DTEND as a date on a timed event is the beginning of the day",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260302T090000\nDTEND;VALUE=DATE:20260303"},
		want:       []string{"20260302T080000Z/20260302T230000Z"},
		problems:   []string{"dtend-type"},
	}, {
		name:       "no readable start, no instances",
		components: []string{"VEVENT\nDTSTART:20260230T090000Z\nRRULE:FREQ=DAILY"},
		want:       []string{},
		problems:   []string{"value-invalid", "rrule-without-dtstart"},
	}, {
		name:       "no start at all",
		components: []string{"VEVENT\nSUMMARY:Nothing"},
		want:       []string{},
		problems:   []string{"property-missing"},
	}, {
		name:       "an unknown zone is floating",
		components: []string{"VEVENT\nDTSTART;TZID=Utopia/Main Street:20260302T090000"},
		floating:   "Europe/Berlin",
		want:       []string{"20260302T080000Z"},
		problems:   []string{"zone-unknown"},
	}, {
		name:       "a skipped hour has the offset before the gap and comes in its order",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260329T013000\nRRULE:FREQ=MINUTELY;INTERVAL=30;COUNT=6"},
		// 01:30, 02:00 and 02:30 (skipped: 03:00 and 03:30), 03:00, 03:30, 04:00.
		want: []string{"20260329T003000Z", "20260329T010000Z", "20260329T013000Z", "20260329T020000Z"},
	}, {
		name:       "points of the skipped hour between later ones",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260329T013000\nRRULE:FREQ=MINUTELY;INTERVAL=20;UNTIL=20260329T031000"},
		// 01:30, 01:50, 02:10, 02:30 and 02:50 (skipped: an hour later), 03:10.
		want:     []string{"20260329T003000Z", "20260329T005000Z", "20260329T011000Z", "20260329T013000Z", "20260329T015000Z"},
		problems: []string{"until-not-utc"},
	}, {
		name:       "a start in the skipped hour is after later moments",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260329T023000\nRRULE:FREQ=MINUTELY;INTERVAL=40;COUNT=2\nEXDATE:20260329T013000Z"},
		want:       []string{"20260329T011000Z"}, // 03:10
	}, {
		name:       "an end in the skipped hour is after later ones",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260328T023000\nDURATION:P1D\nRRULE:FREQ=MINUTELY;INTERVAL=20;COUNT=4"},
		want: []string{
			"20260328T013000Z/20260329T013000Z", "20260328T015000Z/20260329T015000Z",
			"20260328T021000Z/20260329T011000Z", "20260328T023000Z/20260329T013000Z",
		},
	}, {
		name:       "a long period is found after its start",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2\nRDATE;VALUE=PERIOD:20260305T090000Z/P2D"},
		from:       "20260306", to: "20260401",
		want: []string{"20260305T090000Z/20260307T090000Z"},
	}, {
		name:       "a daily event in the skipped hour",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260328T023000\nDTEND;TZID=Europe/Berlin:20260328T024500\nRRULE:FREQ=DAILY;COUNT=3"},
		want:       []string{"20260328T013000Z/20260328T014500Z", "20260329T013000Z/20260329T014500Z", "20260330T003000Z/20260330T004500Z"},
	}, {
		name:       "a repeated hour is its first reading",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20261024T023000\nRRULE:FREQ=DAILY;COUNT=3"},
		want:       []string{"20261024T003000Z", "20261025T003000Z", "20261026T013000Z"},
	}, {
		name: "the zone alongside times in UTC is that of the series",
		components: []string{`VEVENT
			DTSTART:20260327T080000Z
			X-NSCP-DTSTART-TZID:Europe/Berlin
			DTEND:20260327T090000Z
			X-NSCP-DTEND-TZID:Europe/Berlin
			EXDATE:20260328T080000Z
			RRULE:FREQ=DAILY;COUNT=4`},
		want:     []string{"20260327T080000Z/20260327T090000Z", "20260329T070000Z/20260329T080000Z", "20260330T070000Z/20260330T080000Z"},
		problems: []string{"utc-with-zone"},
	}, {
		name:       "an unknown zone alongside is ignored",
		components: []string{"VEVENT\nDTSTART:20260327T080000Z\nX-NSCP-DTSTART-TZID:Utopia\nRRULE:FREQ=WEEKLY;COUNT=2"},
		want:       []string{"20260327T080000Z", "20260403T080000Z"},
		problems:   []string{"zone-unknown"},
	}, {
		name: "a zone that the object defines, with a change of its own",
		components: []string{
			"VTIMEZONE\nTZID:Custom\nBEGIN:STANDARD\nDTSTART:20200101T000000\nTZOFFSETFROM:+0530\nTZOFFSETTO:+0530\nEND:STANDARD\nBEGIN:DAYLIGHT\nDTSTART:20260304T000000\nTZOFFSETFROM:+0530\nTZOFFSETTO:+0600\nEND:DAYLIGHT",
			"VEVENT\nDTSTART;TZID=Custom:20260303T090000\nDURATION:P1D\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20260305T030000Z",
		},
		want: []string{"20260303T033000Z/20260304T030000Z", "20260304T030000Z/20260305T030000Z"},
	}, {
		name: "dates given as times in UTC are those of the zone alongside",
		components: []string{`VEVENT
			DTSTART;VALUE=DATE:20260302
			X-NSCP-DTSTART-TZID:Europe/Berlin
			RDATE:20260304T230000Z
			EXDATE:20260302T230000Z
			RRULE:FREQ=DAILY;COUNT=3`},
		want:     []string{"20260302/20260303", "20260304/20260305", "20260305/20260306"},
		problems: []string{"rdate-type", "exdate-type"},
	}, {
		name: "the newer of two masters",
		components: []string{
			"VEVENT\nDTSTART:20260302T090000Z\nSEQUENCE:1\nLAST-MODIFIED:20260112T201830Z\nSUMMARY:old",
			"VEVENT\nDTSTART:20260302T090000Z\nSEQUENCE:1\nLAST-MODIFIED:20260112T201911Z\nSUMMARY:new",
			"VEVENT\nDTSTART:20260302T090000Z\nSEQUENCE:0\nLAST-MODIFIED:20260812T201911Z\nSUMMARY:older",
		},
		want:     []string{"20260302T090000Z new"},
		problems: []string{"resource-masters", "resource-masters"},
	},
}

// EXDATE and EXRULE.
var exceptionCases = []setCase{
	{
		name:       "EXDATE in UTC against a zone is the instant",
		components: []string{"VEVENT\nDTSTART;TZID=America/Chicago:20260506T200000\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE:20260507T010000Z"},
		want:       []string{"20260514T010000Z", "20260521T010000Z"},
	}, {
		name:       "EXDATE in another zone, and without one",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260302T090000\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE;TZID=Europe/London:20260303T080000\nEXDATE:20260304T090000"},
		want:       []string{"20260302T080000Z", "20260305T080000Z"},
	}, {
		name:       "EXDATE with a date removes what starts on that day in the zone of the event",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Berlin:20260302T003000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2;BYHOUR=0,12\nRDATE;TZID=Europe/Berlin:20260304T003000\nEXDATE;VALUE=DATE:20260302"},
		want:       []string{"20260303T233000Z/20260304T003000Z"},
		problems:   []string{"exdate-type"},
	}, {
		// Samoa skipped 30 December 2011, so 22:00 on that day is 22:00 on the next.
		name:       "EXDATE with a date removes what the clock shows on that day",
		components: []string{"VEVENT\nDTSTART;TZID=Pacific/Apia:20111228T220000\nRRULE:FREQ=DAILY;INTERVAL=2;COUNT=3\nEXDATE;VALUE=DATE:20111231"},
		from:       "20111201", to: "20120201",
		want:     []string{"20111229T080000Z", "20120101T080000Z"},
		problems: []string{"exdate-type"},
	}, {
		name:       "EXDATE with times on an all-day event",
		components: []string{"VEVENT\nDTSTART;VALUE=DATE:20260302\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE:20260303T000000Z\nEXDATE;TZID=Europe/Berlin:20260304T000000\nEXDATE;VALUE=DATE:20260305"},
		want:       []string{"20260302/20260303"},
		problems:   []string{"exdate-type", "exdate-type"},
	}, {
		name:       "EXDATE in UTC on a floating event is read as it is written, in every zone",
		components: []string{"VEVENT\nDTSTART:20260302T090000\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE:20260303T090000Z"},
		floating:   "America/New_York",
		want:       []string{"20260302T140000Z"},
		problems:   []string{"exdate-utc"},
	}, {
		name:       "EXDATE as a period, one that hits nothing, one that is nonsense",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260303T090000Z/PT1H,20260303T100000Z,tomorrow"},
		want:       []string{"20260302T090000Z", "20260304T090000Z"},
		problems:   []string{"value-invalid"},
	}, {
		name:       "EXDATE removes DTSTART, and a single event",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nEXDATE:20260302T090000Z"},
		want:       []string{},
	}, {
		name:       "EXRULE is honoured; one that does not give DTSTART leaves it",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=4\nEXRULE:FREQ=WEEKLY;BYDAY=TU,WE"},
		want:       []string{"20260302T090000Z", "20260305T090000Z"},
		problems:   []string{"exrule"},
	}, {
		name:       "EXRULE removes DTSTART and RDATE too, until its end",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRDATE:20260305T090000Z\nRRULE:FREQ=DAILY;COUNT=3\nEXRULE:FREQ=DAILY;UNTIL=20260303T090000Z"},
		want:       []string{"20260304T090000Z", "20260305T090000Z"},
		problems:   []string{"exrule"},
	}, {
		name:       "EXRULE of everything",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=MINUTELY\nEXRULE:FREQ=MINUTELY"},
		from:       "20260302", to: "20260401",
		want:     []string{},
		problems: []string{"exrule"},
	}, {
		name:       "EXRULE of everything, written differently",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=MINUTELY\nEXRULE:FREQ=MINUTELY;INTERVAL=1;BYSECOND=0"},
		from:       "20260303", to: "20260304",
		want:     []string{},
		problems: []string{"exrule"},
	}, {
		name:       "EXRULE of every second does not use up the budget between rare instances",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=YEARLY\nEXRULE:FREQ=SECONDLY;INTERVAL=2;BYMONTH=3"},
		from:       "20260101", to: "20400101",
		want:     []string{},
		problems: []string{"exrule"},
	},
}

// UNTIL in its forms.
var untilCases = []setCase{
	{
		name:       "a date is the end of that day in the zone of the event",
		components: []string{"VEVENT\nDTSTART;TZID=Pacific/Auckland:20261203T180000\nRRULE:FREQ=WEEKLY;UNTIL=20261217"},
		want:       []string{"20261203T050000Z", "20261210T050000Z", "20261217T050000Z"},
		problems:   []string{"until-date"},
	}, {
		name:       "a local time is one of the zone of the event, inclusive",
		components: []string{"VEVENT\nDTSTART;TZID=Europe/Paris:20260302T090000\nRRULE:FREQ=DAILY;UNTIL=20260304T090000"},
		want:       []string{"20260302T080000Z", "20260303T080000Z", "20260304T080000Z"},
		problems:   []string{"until-not-utc"},
	}, {
		name:       "UTC is an instant, inclusive",
		components: []string{"VEVENT\nDTSTART;TZID=Asia/Jerusalem:20260805T123000\nRRULE:FREQ=WEEKLY;UNTIL=20260819T093000Z"},
		want:       []string{"20260805T093000Z", "20260812T093000Z", "20260819T093000Z"},
	}, {
		name:       "UTC a second before an instance",
		components: []string{"VEVENT\nDTSTART;TZID=Asia/Jerusalem:20260805T123000\nRRULE:FREQ=WEEKLY;UNTIL=20260819T092959Z"},
		want:       []string{"20260805T093000Z", "20260812T093000Z"},
	}, {
		name:       "a time on an all-day event counts by its date, in every zone",
		components: []string{"VEVENT\nDTSTART;VALUE=DATE:20260301\nRRULE:FREQ=DAILY;UNTIL=20260303T230000Z"},
		floating:   "Pacific/Auckland",
		want:       []string{"20260228T110000Z/20260301T110000Z", "20260301T110000Z/20260302T110000Z", "20260302T110000Z/20260303T110000Z"},
		problems:   []string{"until-time"},
	}, {
		name:       "UTC on a floating event is read as it is written",
		components: []string{"VEVENT\nDTSTART:20260302T090000\nRRULE:FREQ=DAILY;UNTIL=20260304T090000Z"},
		floating:   "Pacific/Auckland",
		want:       []string{"20260301T200000Z", "20260302T200000Z", "20260303T200000Z"},
		problems:   []string{"until-utc"},
	}, {
		name:       "of COUNT and UNTIL, the earlier end",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;COUNT=3;UNTIL=20261231T000000Z"},
		want:       []string{"20260302T090000Z", "20260303T090000Z", "20260304T090000Z"},
		problems:   []string{"count-and-until"},
	}, {
		name:       "UNTIL before DTSTART leaves DTSTART",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY;UNTIL=20250101T000000Z"},
		want:       []string{"20260302T090000Z"},
	}, {
		name:       "a rule that never matches leaves DTSTART",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"},
		want:       []string{"20260302T090000Z"},
	}, {
		name:       "a rule without meaning leaves DTSTART",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=FORTNIGHTLY"},
		want:       []string{"20260302T090000Z"},
		problems:   []string{"rule-frequency"},
	}, {
		name:       "DTSTART is an instance even if the rule does not give it",
		components: []string{"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=3"},
		want:       []string{"20260302T090000Z", "20260303T090000Z", "20260310T090000Z"},
	},
}
