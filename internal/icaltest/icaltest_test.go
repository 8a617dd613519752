package icaltest

import (
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	o := Typical(1, 5000)
	text, counts := Text(o)
	if again, _ := Text(o); again != text {
		t.Error("the same options give different text")
	}
	if other, _ := Text(Typical(2, 5000)); other == text {
		t.Error("another seed gives the same text")
	}
	for what, n := range map[string]int{
		"BEGIN:VEVENT\r\n": counts.Events, "\r\nRRULE:FREQ=": counts.Recurring + 4, "\r\nRECURRENCE-ID;": counts.Overrides,
		"BEGIN:VALARM\r\n": counts.Alarms, "BEGIN:VTIMEZONE\r\n": counts.Zones,
	} {
		if got := strings.Count(text, what); got != n {
			t.Errorf("%q: %d times, not %d", what, got, n)
		}
	}
	if counts.Events != 5000 || counts.Overrides < 50 || counts.Recurring < 200 || counts.Recurring > 300 || counts.Alarms < 500 {
		t.Errorf("%+v", counts)
	}
	if each := len(text) / counts.Events; each < 470 || each > 510 {
		t.Errorf("%d bytes for each event", each)
	}
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > 75 || line == " " {
			t.Fatalf("folded wrongly: %q", line)
		}
	}
	for want := range strings.SplitSeq("ATTENDEE; ATTACH; TZID=Europe/Berlin: VALUE=DATE: SUMMARY;LANGUAGE=ja: EXDATE;", " ") {
		if !strings.Contains(text, want) {
			t.Errorf("no %s", want)
		}
	}
}
