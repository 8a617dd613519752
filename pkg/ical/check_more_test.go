package ical

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The quirks of Sun are notes, once for a calendar, and warnings in calendars of others.
func TestCheckSun(t *testing.T) {
	sun := func(head []string, lines ...string) string {
		all := slices.Concat([]string{"BEGIN:VCALENDAR"}, head, lines, []string{"END:VCALENDAR", ""})
		return strings.Join(all, "\r\n")
	}
	head := []string{"VERSION:2.0", "PRODID:-//SunONE/Calendar Hosting Server//EN"}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"a calendar as the server exports it": {
			sun([]string{"VERSION:6.0", "PRODID:-//SunJavaSystem/Calendar Hosting Server//EN", "METHOD:PUBLISH", "X-NSCP-CALPROPS-RELATIVE-CALID;X-S1CS-EMAIL=a@example.com:a"},
				eventOf("X-NSCP-DTSTART-TZID:Europe/Berlin", "X-NSCP-ONGOING:0", "ORGANIZER;CN=A;X-NSCP-ORGANIZER-UID=a:a", "ATTENDEE;SENT-BY=c:b")...),
			[]string{"note sun-version 2 VERSION", "note sun-parameter 5 X-NSCP-CALPROPS-RELATIVE-CALID", "note sun-property 5 X-NSCP-CALPROPS-RELATIVE-CALID",
				"note sun-zone-alongside 10 X-NSCP-DTSTART-TZID", "note sun-address 12 ORGANIZER"},
		},
		"an all-day event without an end": {
			sun(head, slices.Concat(datelessOf("DTSTART;VALUE=DATE:20260302"), datelessOf("DTSTART;VALUE=DATE:20260303"))...), []string{"note sun-no-dtend 7 DTSTART"},
		},
		"an all-day event with a TZID":       {sun(head, datelessOf("DTSTART;VALUE=DATE;TZID=/a:20260302", "DTEND;VALUE=DATE:20260303")...), []string{"note sun-tzid-on-date 7 DTSTART"}},
		"an exception in UTC of all-day":     {sun(head, slices.Concat(datelessOf("DTSTART;VALUE=DATE:20260302", "DURATION:P1D"), eventOf("RECURRENCE-ID:20260303T000000Z"))...), []string{"note sun-recurrence-id-type 14 RECURRENCE-ID"}},
		"an exception in UTC of local times": {sun(head, slices.Concat(datelessOf("DTSTART;TZID=/a:20260302T090000"), eventOf("RECURRENCE-ID:20260303T080000Z"))...), []string{"note recurrence-id-utc 13 RECURRENCE-ID"}},
		"errors stay errors":                 {sun(head, eventOf("DTEND:20260301T000000Z")...), []string{"error dtend-before-dtstart 8 DTEND"}},
		"known by a property":                {calText(eventOf("X-NSCP-ORIGINAL-DTSTART:20260302T090000Z", "ORGANIZER:a")...), []string{"note sun-property 8 X-NSCP-ORIGINAL-DTSTART", "note sun-address 9 ORGANIZER"}},
		"of another program":                 {calText(eventOf("ORGANIZER:a")...), []string{"warning address-invalid 8 ORGANIZER"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, problemSummary(Check(parseLoosely(t, c.text)))); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
		})
	}
}

func TestCheckHeader(t *testing.T) {
	for head, want := range map[string][]string{
		"VERSION:2.0\nPRODID:a":            {},
		"PRODID:a":                         {"warning property-missing 1 VERSION"},
		"VERSION:2.0":                      {"warning property-missing 1 PRODID"},
		"VERSION:1.0\nPRODID:a":            {"error version 2 VERSION"},
		"VERSION:3\nPRODID:a":              {"warning version 2 VERSION"},
		"VERSION:2.0\nVERSION:3\nPRODID:a": {"warning property-repeated 3 VERSION", "warning version 3 VERSION"},
	} {
		s := "BEGIN:VCALENDAR\n" + head + "\n" + strings.Join(eventOf(), "\n") + "\nEND:VCALENDAR\n"
		if diff := cmp.Diff(want, problemSummary(Check(parseLoosely(t, s)))); diff != "" {
			t.Errorf("%q (-want +got)\n%s", head, diff)
		}
	}
}

// A problem says where it is and in which component; the text says what is wrong.
func TestCheckNamesThePlace(t *testing.T) {
	c := parseLoosely(t, calText(alarmOf("ACTION:AUDIO", "TRIGGER;RELATED=MIDDLE:-PT15M")...))
	want := []Problem{{Level: Warning, Code: "parameter-value", Line: 10, Component: "VALARM", Property: "TRIGGER", UID: "one",
		Text: `"MIDDLE" is not a valid value of the parameter RELATED (START or END); it is ignored`}}
	if diff := cmp.Diff(want, Check(c)); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
	uid := strings.Repeat("0123456789", 50)
	if got := Check(parseLoosely(t, calText("BEGIN:VEVENT", "UID:"+uid, "DTSTAMP:20260101T000000Z", "END:VEVENT"))); len(got) != 1 || got[0].UID != uid {
		t.Errorf("%+v", got)
	}
	long := parseLoosely(t, calText(eventOf("URL:"+strings.Repeat("ä", 1000))...))
	for _, p := range Check(long) {
		if len(p.Text) > 300 {
			t.Errorf("a text of %d bytes: %s", len(p.Text), p.Text)
		}
	}
}

// A component without its calendar is checked without what only the calendar can say.
func TestCheckComponentAlone(t *testing.T) {
	c := parseLoosely(t, calText(datelessOf("DTEND;TZID=Rome:20260302T090000")...))
	if diff := cmp.Diff([]string{"error property-missing 4 DTSTART", "warning vtimezone-missing 7 DTEND"}, sortedList(problemSummary(Check(c)))); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
	if got := Check(c.Components[0]); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func sortedList(list []string) []string { slices.Sort(list); return list }

// Many warnings do not hide the errors behind them.
func TestCheckBoundsProblems(t *testing.T) {
	var lines []string
	for i := range 1500 {
		lines = append(lines, "BEGIN:VEVENT", fmt.Sprintf("UID:%d", i), "DTSTAMP:x", "DTSTART:20260302T090000Z", "CLASS:X", "END:VEVENT")
	}
	got := Check(parseLoosely(t, calText(append(lines, datelessOf("DTSTART:never")...)...)))
	levels := map[Level]int{}
	for _, p := range got[:len(got)-1] {
		levels[p.Level]++
	}
	if diff := cmp.Diff(map[Level]int{Error: 1, Warning: 400, Note: 100}, levels); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
	last := got[len(got)-1]
	if want := "more problems are not listed: 0 errors, 1100 warnings and 1400 notes"; last.Code != "more-problems" || last.Level != Warning || last.Text != want {
		t.Errorf("%+v", last)
	}
}

func TestCheckResource(t *testing.T) {
	override := func(line string) []string { return eventOf(line) }
	for name, c := range map[string]struct {
		lines  []string
		want   []string
		breaks string
	}{
		"an event":                     {eventOf(), []string{}, ""},
		"a zone and an event":          {slices.Concat(berlinZone, eventOf()), []string{}, ""},
		"a series with overrides":      {slices.Concat(eventOf(), override("RECURRENCE-ID:20260303T090000Z"), override("RECURRENCE-ID:20260304T090000Z")), []string{}, ""},
		"overrides without a series":   {slices.Concat(override("RECURRENCE-ID:20260303T090000Z"), override("RECURRENCE-ID:20260304T090000Z")), []string{}, ""},
		"a METHOD":                     {append([]string{"METHOD:PUBLISH"}, eventOf()...), []string{"error resource-method 4 METHOD"}, ValidCalendarResource},
		"a zone alone":                 {berlinZone, []string{"error resource-empty 1"}, ValidCalendarResource},
		"nothing":                      {nil, []string{"error resource-empty 1"}, ValidCalendarResource},
		"an event and a task":          {slices.Concat(eventOf(), todoOf()), []string{"error resource-types 9"}, ValidCalendarResource},
		"two UIDs":                     {slices.Concat(eventOf(), []string{"BEGIN:VEVENT", "UID:two", "END:VEVENT"}), []string{"error resource-uids 10 UID"}, ValidCalendarResource},
		"two UIDs that differ by case": {slices.Concat(eventOf(), []string{"BEGIN:VEVENT", "UID:ONE", "END:VEVENT"}), []string{"error resource-uids 10 UID"}, ValidCalendarResource},
		"three UIDs":                   {slices.Concat(eventOf(), []string{"BEGIN:VEVENT", "UID:two", "END:VEVENT"}, []string{"BEGIN:VEVENT", "UID:three", "END:VEVENT"}), []string{"error resource-uids 10 UID"}, ValidCalendarResource},
		"a UID in two forms":           {slices.Concat([]string{"BEGIN:VEVENT", `UID:a\,b`, "END:VEVENT"}, []string{"BEGIN:VEVENT", "UID:a,b", "RECURRENCE-ID:20260303T090000Z", "END:VEVENT"}), []string{}, ""},
		"no UID":                       {[]string{"BEGIN:VEVENT", "END:VEVENT"}, []string{"error resource-no-uid 4"}, ValidCalendarResource},
		"an empty UID":                 {[]string{"BEGIN:VEVENT", "UID:", "END:VEVENT"}, []string{"error resource-no-uid 5 UID"}, ValidCalendarResource},
		"two series":                   {slices.Concat(eventOf(), eventOf()), []string{"error resource-masters 9"}, ValidCalendarResource},
		"an override twice":            {slices.Concat(override("RECURRENCE-ID:20260303T090000Z"), override("RECURRENCE-ID;X-A=b: 20260303t090000z")), []string{"error resource-overrides 14 RECURRENCE-ID"}, ValidCalendarResource},
		"times of two zones":           {slices.Concat(override("RECURRENCE-ID;TZID=a:20260303T090000"), override("RECURRENCE-ID;TZID=b:20260303T090000")), []string{}, ""},
		"a component that is unknown":  {[]string{"BEGIN:X-NOTE", "UID:one", "END:X-NOTE"}, []string{"error resource-component 4"}, SupportedCalendarComponent},
	} {
		t.Run(name, func(t *testing.T) {
			got := CheckResource(parseLoosely(t, calText(c.lines...)))
			if diff := cmp.Diff(c.want, problemSummary(got)); diff != "" {
				t.Error("(-want +got)\n" + diff)
			}
			for _, p := range got {
				if broken := Precondition(p.Code); broken != c.breaks {
					t.Errorf("%s breaks %s, not %s", p.Code, broken, c.breaks)
				}
			}
		})
	}
	if got := Precondition("dtend-before-dtstart"); got != "valid-calendar-data" {
		t.Error(got)
	}
	if got := problemSummary(CheckResource(NewComponent("VEVENT"))); !slices.Equal(got, []string{"error resource-empty 0"}) {
		t.Error(got)
	}
}

// The registry is consistent: each name of a component exists, and the bound of the table holds.
func TestRegistry(t *testing.T) {
	r := registry()
	if len(r.list) >= maxRules {
		t.Fatalf("%d properties", len(r.list))
	}
	for _, rule := range r.list {
		if rule.normal == 0 || rule.allowed&rule.normal == 0 || r.properties[rule.name].number != rule.number {
			t.Errorf("%+v", rule)
		}
		used := false
		for _, component := range r.components {
			used = used || component.limit[rule.number] != never
		}
		if !used {
			t.Errorf("no component contains %s", rule.name)
		}
		for name := range strings.FieldsSeq(rule.params) {
			if r.param(strings.ToLower(name)) == nil {
				t.Errorf("%s has the unknown parameter %s", rule.name, name)
			}
		}
	}
	for name, rule := range r.params {
		if rule.name != name || rule.number >= 64 || len(name) > maxParamName {
			t.Errorf("%+v", rule)
		}
	}
	for _, component := range r.components {
		for name := range strings.FieldsSeq(component.parents) {
			if r.components[name] == nil {
				t.Errorf("%s is in the unknown component %s", component.name, name)
			}
		}
	}
}

func TestHasWord(t *testing.T) {
	for _, c := range []struct {
		list, word string
		want       bool
	}{
		{"A BC D", "BC", true}, {"A BC D", "A", true}, {"A BC D", "D", true}, {"A BC D", "B", false}, {"AB B", "B", true}, {"BB B", "B", true}, {"A", "", false}, {"", "A", false}, {"ABC", "B", false},
	} {
		if got := hasWord(c.list, c.word); got != c.want {
			t.Errorf("%q in %q: %v", c.word, c.list, got)
		}
	}
	if hasName("A B", "a b") || !hasName("A B", "b") || hasName("A", strings.Repeat("a", 100)) {
		t.Error("hasName")
	}
}

func FuzzCheck(f *testing.F) {
	for _, s := range []string{
		"", calText(), calText(eventOf("DTEND:20260223T090000Z", "DURATION:-PT4S", "ATTENDEE;CN=a, b;SENT-BY=:x", `SUMMARY:\`)...), calText(slices.Concat(berlinZone, todoOf("DUE:x", "GEO:;"))...),
		calText(alarmOf("TRIGGER;RELATED=END:", "ACTION:", "X-NSCP-A:b")...), "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:\nEND:VTIMEZONE\nRECURRENCE-ID:\nEND:VCALENDAR",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, _, err := Parse(s, Options{Lenient: true})
		if err != nil {
			return
		}
		for _, p := range append(Check(c), CheckResource(c)...) {
			if p.Level == 0 || p.Code == "" || p.Text == "" || len(p.Text) > 1000 {
				t.Fatalf("%+v", p)
			}
		}
	})
}
