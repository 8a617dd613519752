package freebusy

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/seed"
)

func at(hour, minute int) time.Time { return time.Date(2026, 3, 2, hour, minute, 0, 0, time.UTC) }

var day = Window{at(0, 0), at(24, 0)}

func TestMergeByHand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		in, want []Period
	}{
		{"nothing", nil, nil},
		{"overlap", []Period{{at(10, 0), at(12, 0), Busy}, {at(9, 0), at(11, 0), Busy}}, []Period{{at(9, 0), at(12, 0), Busy}}},
		{"adjoining", []Period{{at(9, 0), at(10, 0), Busy}, {at(10, 0), at(11, 0), Busy}}, []Period{{at(9, 0), at(11, 0), Busy}}},
		{
			"busy hides tentative", []Period{{at(9, 0), at(12, 0), Tentative}, {at(10, 0), at(11, 0), Busy}},
			[]Period{{at(9, 0), at(10, 0), Tentative}, {at(10, 0), at(11, 0), Busy}, {at(11, 0), at(12, 0), Tentative}},
		},
		{"clipped", []Period{{at(-5, 0), at(1, 0), Unavailable}, {at(23, 0), at(30, 0), Busy}, {at(25, 0), at(26, 0), Busy}}, []Period{{at(0, 0), at(1, 0), Unavailable}, {at(23, 0), at(24, 0), Busy}}},
		{"free, empty and reversed", []Period{{at(1, 0), at(2, 0), Free}, {at(3, 0), at(3, 0), Busy}, {at(5, 0), at(4, 0), Busy}}, nil},
		{"unknown is not free", []Period{{at(0, 0), at(24, 0), Unknown}, {at(9, 0), at(10, 0), Tentative}}, []Period{{at(0, 0), at(9, 0), Unknown}, {at(9, 0), at(10, 0), Tentative}, {at(10, 0), at(24, 0), Unknown}}},
	} {
		if diff := cmp.Diff(c.want, Merge(day, c.in)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// minutes returns the kind of each minute of the day: the slow model.
func minutes(periods []Period) (out [24 * 60]Kind) {
	for i := range out {
		for _, p := range periods {
			if now := at(0, i); !now.Before(p.Start) && now.Before(p.End) {
				out[i] = max(out[i], p.Kind)
			}
		}
	}
	return out
}

func TestMergeAndCommonAgreeWithASlowModel(t *testing.T) {
	t.Parallel()
	random := seed.New(t)
	h := Hours{From: 9 * time.Hour, To: 17*time.Hour + 30*time.Minute, Days: [7]bool{1: true}, Zone: time.UTC}
	for range 300 {
		people := make([][]Period, random.IntN(4))
		var all []Period
		for i := range people {
			for range random.IntN(8) {
				start := at(0, random.IntN(1700)-100)
				people[i] = append(people[i], Period{start, start.Add(time.Duration(random.IntN(200)-10) * time.Minute), Kind(random.IntN(kinds))})
			}
			all = append(all, people[i]...)
		}
		merged := Merge(day, all)
		model := minutes(all)
		if minutes(merged) != model {
			t.Fatalf("%v\n%v", all, merged)
		}
		for i, p := range merged {
			if !p.End.After(p.Start) || i > 0 && (p.Start.Before(merged[i-1].End) || p.Start.Equal(merged[i-1].End) && p.Kind == merged[i-1].Kind) {
				t.Fatalf("not sorted, not merged, or empty: %v", merged)
			}
		}
		length := time.Duration(1+random.IntN(60)) * time.Minute
		var want []Window
		for begin := 9 * 60; begin < 17*60+30; {
			end := begin
			for end < 17*60+30 && model[end] == Free {
				end++
			}
			if end > begin && at(0, end).Sub(at(0, begin)) >= length {
				want = append(want, Window{at(0, begin), at(0, end)})
			}
			begin = end + 1
		}
		if diff := cmp.Diff(want, Common(day, h, length, people...)); diff != "" {
			t.Fatalf("%v, %v (-want +got):\n%s", all, length, diff)
		}
	}
}

func TestWorkingHoursFollowTheClockOnTheWall(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	h := Hours{From: 9 * time.Hour, To: 10 * time.Hour, Days: [7]bool{true, true, false, false, false, true, false}, Zone: berlin}
	w := Window{time.Date(2026, 3, 27, 8, 30, 0, 0, time.UTC), time.Date(2026, 3, 30, 7, 30, 0, 0, time.UTC)} // the clocks change on the 29th
	want := []Window{
		{w.Start, time.Date(2026, 3, 27, 9, 0, 0, 0, time.UTC)}, // clipped
		{time.Date(2026, 3, 29, 7, 0, 0, 0, time.UTC), time.Date(2026, 3, 29, 8, 0, 0, 0, time.UTC)},
		{time.Date(2026, 3, 30, 7, 0, 0, 0, time.UTC), w.End},
	}
	if diff := cmp.Diff(want, Common(w, h, time.Minute), cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Error(diff)
	}
	if got := Common(w, h, time.Minute, nil, []Period{{w.Start, w.End, Unknown}}); got != nil {
		t.Errorf("common times with somebody unknown: %v", got)
	}
}

func TestFBTypesThatAreNotKnownAreBusy(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Kind{"": Busy, "BUSY": Busy, "busy-tentative": Tentative, "BUSY-UNAVAILABLE": Unavailable, "Free": Free, "X-OOF": Busy, "X-UNKNOWN": Unknown} {
		if got := ParseFBType(text); got != want {
			t.Errorf("%q: %s", text, got)
		}
	}
}

func TestACalendarOfReplies(t *testing.T) {
	t.Parallel()
	replies := []Reply{
		{UID: "1", Address: "ann@example.com", Window: day, Periods: []Period{{at(9, 0).Add(500 * time.Millisecond), at(10, 0).Add(time.Millisecond), Busy}, {at(9, 0), at(11, 0), Tentative}}},
		{UID: "2", Address: "evil\r\nFREEBUSY:x@example.com", Window: day, Periods: []Period{{at(0, 0), at(24, 0), Unknown}}},
	}
	got := Calendar("-//Test//EN", at(1, 2), replies).String()
	want := strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Test//EN
METHOD:PUBLISH
BEGIN:VFREEBUSY
UID:1
DTSTAMP:20260302T010200Z
ORGANIZER:mailto:ann@example.com
DTSTART:20260302T000000Z
DTEND:20260303T000000Z
FREEBUSY;FBTYPE=BUSY:20260302T090000Z/20260302T100001Z
FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260302T100001Z/20260302T110000Z
END:VFREEBUSY
BEGIN:VFREEBUSY
UID:2
DTSTAMP:20260302T010200Z
ORGANIZER:mailto:evil%0D%0AFREEBUSY%3Ax@example.com
DTSTART:20260302T000000Z
DTEND:20260303T000000Z
FREEBUSY;FBTYPE=X-UNKNOWN:20260302T000000Z/20260303T000000Z
END:VFREEBUSY
END:VCALENDAR
`, "\n", "\r\n")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
