package calobj_test

import (
	"testing"

	"github.com/davadmin/davadmin/pkg/calobj"
)

func TestCompareNewness(t *testing.T) {
	object := func(lines ...string) *calobj.Object {
		t.Helper()
		text := calendar(append(append([]string{"BEGIN:VEVENT", "UID:1", "DTSTART:20260302T080000Z"}, lines...), "END:VEVENT")...)
		o, err := calobj.Parse(text, calobj.Options{Lenient: true})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	override := []string{"SEQUENCE:1", "END:VEVENT", "BEGIN:VEVENT", "UID:1", "RECURRENCE-ID:20260302T080000Z", "DTSTART:20260302T090000Z", "SEQUENCE:3"}
	ordered := []*calobj.Object{
		object(),
		object("DTSTAMP:20260101T000000Z"),
		object("DTSTAMP:20260102T000000Z"),
		object("DTSTAMP:20260101T000000Z", "LAST-MODIFIED:20250101T000000Z"),
		object("DTSTAMP:20260101T000000Z", "LAST-MODIFIED:20250102T000000Z", "SEQUENCE:none"),
		object("SEQUENCE:2"),
		object(override...),
	}
	for i, a := range ordered {
		for j, b := range ordered {
			want := 0
			switch {
			case i < j:
				want = -1
			case i > j:
				want = 1
			}
			if got := calobj.CompareNewness(a, b); got != want {
				t.Errorf("%d and %d: %d, want %d", i, j, got, want)
			}
		}
	}
}
