package calio_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// rangeSelection is what a filter selects: whether a component, by UID, is entirely in the
// time range.
type rangeSelection map[string]bool

// ranged returns what a filter selects, and fails if Components and Texts differ.
func (w *world) ranged(f calio.Filter) rangeSelection {
	w.Helper()
	both := []rangeSelection{{}, {}}
	err := w.View(w.Context(), func(ctx context.Context, r store.Reader) error {
		for i := range both {
			clear(both[i])
			s := calio.NewSelector(f, nil)
			list := s.Components(ctx, r, "a", store.DefaultCalendar)
			if i == 1 {
				list = s.Texts(ctx, r, "a", store.DefaultCalendar)
			}
			for x, err := range list {
				if err != nil {
					return err
				}
				if x.Err != nil {
					return x.Err
				}
				both[i][x.UID] = s.Within(x)
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	if diff := cmp.Diff(both[0], both[1]); diff != "" {
		w.Errorf("Components and Texts differ (-Components +Texts):\n%s", diff)
	}
	return both[0]
}

// someComponent returns a component whose times are full hours of a few days, so that they often
// coincide with the ends of a time range. n makes its UID.
func someComponent(r *rand.Rand, n int) (uid, text string) {
	uid = fmt.Sprintf("u%03d", n)
	start := time.Date(2026, 3, 27+r.IntN(4), r.IntN(24), 0, 0, 0, time.UTC) // around the change to summer time
	end := start.Add(time.Duration(r.IntN(30)) * time.Hour)
	form := []string{":20060102T150405Z", ":20060102T150405", ";TZID=Europe/Berlin:20060102T150405", ";VALUE=DATE:20060102"}[r.IntN(4)]
	if strings.Contains(form, "DATE") {
		end = end.AddDate(0, 0, 1)
	}
	kind, lines := "VEVENT", []string{"DTSTART" + start.Format(form), "DTEND" + end.Format(form)}
	if !end.After(start) || r.IntN(5) == 0 {
		lines = lines[:1]
	}
	if r.IntN(3) == 0 {
		kind = "VTODO"
		stamp := ":20060102T150405Z"
		lines = [][]string{
			{"DUE" + end.Format(form)},
			{"DTSTART" + start.Format(form)},
			{"DTSTART" + start.Format(form), "DUE" + end.Add(time.Hour*24).Format(form)},
			{"CREATED" + start.Format(stamp), "COMPLETED" + end.Format(stamp)},
			{"CREATED" + start.Format(stamp)},
			{},
		}[r.IntN(6)]
	}
	if len(lines) > 0 && strings.HasPrefix(lines[0], "DTSTART") && r.IntN(3) == 0 {
		lines = append(lines, fmt.Sprintf("RRULE:FREQ=DAILY;INTERVAL=%d;COUNT=%d", 1+r.IntN(3), 1+r.IntN(4)))
	}
	lines = append([]string{"BEGIN:" + kind, "UID:" + uid, "DTSTAMP:20260101T000000Z"}, lines...)
	return uid, strings.Join(append(lines, "END:"+kind, ""), "\r\n")
}

// instances returns all instances of an object, with times without a zone in one.
func instances(t *testing.T, text string, zone *recur.Zone) (out []recur.Instance) {
	t.Helper()
	object, err := calobj.Parse([]byte(text), calobj.Options{Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	set, _, err := recur.NewSet(object.Calendar, object.Calendar.Components, recur.SetOptions{Floating: zone})
	if err != nil {
		t.Fatal(err)
	}
	for in, err := range set.Between(math.MinInt64, math.MaxInt64, nil) {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, in)
	}
	return out
}

// TestSelectIsExact compares time ranges with all instances of each component.
func TestSelectIsExact(t *testing.T) {
	r := seed.New(t)
	w := newWorld(t)
	texts, parts := map[string]string{}, []string{}
	for n := range 200 {
		uid, text := someComponent(r, n)
		texts[uid] = file(text)
		parts = append(parts, text)
	}
	if _, err := w.load(w.options(), file(parts...)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "America/New_York", "Asia/Tokyo"} {
		var zone *recur.Zone
		if name != "" {
			zone, _ = recur.NewZones().Named(name)
		}
		all := map[string][]recur.Instance{}
		for uid, text := range texts {
			all[uid] = instances(t, text, zone)
		}
		for range tier.Rounds(t, 30, 300) {
			from := time.Date(2026, 3, 26+r.IntN(6), r.IntN(24), 0, 0, 0, time.UTC)
			f := calio.Filter{From: from, To: from.Add(time.Duration(1+r.IntN(60)) * time.Hour), Zone: zone}
			switch r.IntN(6) {
			case 0:
				f.From = time.Time{}
			case 1:
				f.To = time.Time{}
			}
			want := wanted(all, &f)
			got := w.ranged(f)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("from %s to %s, zone %q: (-want +got)\n%s\n%s", f.From, f.To, name, diff, strings.Join(texted(texts, want, got), ""))
			}
		}
	}
}

// wanted returns what a filter must select.
func wanted(all map[string][]recur.Instance, f *calio.Filter) rangeSelection {
	out := rangeSelection{}
	from, to := f.Window()
	for uid, list := range all {
		in := func(i recur.Instance) bool { return i.Overlaps(from, to) }
		if !slices.ContainsFunc(list, in) {
			continue
		}
		out[uid] = !slices.ContainsFunc(list, func(i recur.Instance) bool {
			before := !f.From.IsZero() && i.Start < from || i.Start == math.MinInt64
			after := !f.To.IsZero() && (i.End > to || i.Start >= to) || i.End == math.MaxInt64
			return before || after
		})
	}
	return out
}

// texted returns the texts of what two selections do not have in common.
func texted(texts map[string]string, a, b rangeSelection) (out []string) {
	for uid := range maps.Keys(texts) {
		first, inFirst := a[uid]
		second, inSecond := b[uid]
		if first != second || inFirst != inSecond {
			out = append(out, texts[uid])
		}
	}
	return out
}
