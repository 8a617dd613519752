package coexist

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/ischedule"
)

// noon is the start of the time range in these tests. The tests write times as hours since
// then.
func noon() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) }

func at(hours float64) time.Time { return noon().Add(time.Duration(hours * float64(time.Hour))) }

func period(from, to float64, kind ischedule.BusyType) ischedule.Period {
	return ischedule.Period{Start: at(from), End: at(to), Type: kind}
}

// found is a difference with its times in hours.
type found struct {
	From, To float64
	New, Old ischedule.BusyType
	Why      reason
}

func (a *busyAnswers) found(hours float64) []found {
	var out []found
	for _, d := range a.differences(span{noon(), at(hours)}) {
		out = append(out, found{d.start.Sub(noon()).Hours(), d.end.Sub(noon()).Hours(), d.newType, d.oldType, d.why})
	}
	return out
}

func TestDifferences(t *testing.T) {
	const b, tentative, away = ischedule.Busy, ischedule.Tentative, ischedule.Unavailable
	type list = []ischedule.Period
	for _, c := range []struct {
		name            string
		now, old, alone list
		aloneUnknown    bool
		want            []found
	}{
		{name: "nothing"},
		{name: "the same, in other pieces", now: list{period(1, 3, b)}, old: list{period(1, 2, b), period(2, 3, b)}},
		{name: "the stronger type counts", now: list{period(1, 3, b)}, old: list{period(1, 3, b), period(1, 2, tentative)}},
		{name: "only on the new server", now: list{period(1, 3, b)}, want: []found{{1, 3, b, "", unexplained}}},
		{name: "only on the old server", old: list{period(1, 3, b)}, want: []found{{1, 3, "", b, unexplained}}},
		{name: "another type", now: list{period(1, 3, b)}, old: list{period(1, 3, tentative)}, want: []found{{1, 3, b, tentative, unexplained}}},
		{name: "moved", now: list{period(1, 3, b)}, old: list{period(2, 4, b)}, want: []found{{1, 2, b, "", unexplained}, {3, 4, "", b, unexplained}}},
		{name: "outside the range", now: list{period(-5, -1, b)}, old: list{period(99, 100, b)}},
		{name: "the new server knows the default calendar only", now: list{period(1, 3, b)}, old: list{period(1, 3, b), period(5, 6, b)}, alone: list{period(1, 3, b)},
			want: []found{{5, 6, "", b, defaultCalendar}}},
		{name: "the default calendar is not in the answer for all", now: list{period(1, 3, b)}, alone: list{period(1, 3, b)}, want: []found{{1, 3, b, "", defaultCalendar}}},
		{name: "it is unknown what is in the default calendar", old: list{period(5, 6, b)}, aloneUnknown: true, want: []found{{5, 6, "", b, unexplained}}},
		{name: "an all-day item", now: list{period(11, 35, b)}, want: []found{{11, 35, b, "", allDayItems}}},
		{name: "a short and a long day", now: list{period(11, 34, b), period(40, 65, b)}, want: []found{{11, 34, b, "", allDayItems}, {40, 65, b, "", allDayItems}}},
		{name: "an all-day item around a timed one", now: list{period(11, 35, b)}, old: list{period(20, 22, b)},
			want: []found{{11, 20, b, "", allDayItems}, {22, 35, b, "", allDayItems}}},
		{name: "an all-day item merged with a timed one that begins earlier", now: list{period(8, 35, b)}, old: list{period(8, 12, b)},
			want: []found{{12, 35, b, "", allDayItems}}},
		{name: "an all-day item merged with a timed one that ends later", now: list{period(11, 40, b)}, old: list{period(30, 40, tentative), period(34, 40, b)},
			want: []found{{11, 30, b, "", allDayItems}, {30, 34, b, tentative, allDayItems}}},
		{name: "longer than a day", now: list{period(11, 41, b)}, want: []found{{11, 41, b, "", unexplained}}},
		{name: "an all-day item hides a timed one that is missing", now: list{period(11, 35, away), period(20, 22, b)},
			want: []found{{11, 20, away, "", allDayItems}, {20, 22, away, "", unexplained}, {22, 35, away, "", allDayItems}}},
		{name: "an all-day item is only on the old server", old: list{period(11, 35, b)}, want: []found{{11, 35, "", b, unexplained}}},
		{name: "cut off by the query", now: list{period(-48, 2, b)}, want: []found{{0, 2, b, "", allDayItems}}},
		{name: "an all-day item, and a timed one outside of the default calendar", now: list{period(11, 35, b)}, old: list{period(20, 22, b)}, alone: list{period(0, 1, b)},
			want: []found{{11, 20, b, "", allDayItems}, {22, 35, b, "", allDayItems}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.alone == nil {
				c.alone = c.old // there is only the default calendar
			}
			a := busyAnswers{asked: span{at(-48), at(120)}, newServer: c.now, oldServer: c.old, oldDefault: c.alone, withDefault: !c.aloneUnknown}
			if diff := cmp.Diff(c.want, a.found(72)); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}

// At every hour, the differences are those between the strongest types of the periods at
// that hour. No period is long enough for an all-day item.
func TestDifferencesAgreeWithASlowModel(t *testing.T) {
	random := seed.New(t)
	kinds := []ischedule.BusyType{ischedule.Tentative, ischedule.Busy, ischedule.Unavailable}
	const hours = 100
	for range 300 {
		lists := make([][]ischedule.Period, 3)
		for i := range lists {
			for range random.IntN(12) {
				from := random.IntN(hours+20) - 10
				lists[i] = append(lists[i], period(float64(from), float64(from+random.IntN(12)), kinds[random.IntN(len(kinds))]))
			}
		}
		a := busyAnswers{asked: span{at(-48), at(hours + 48)}, newServer: lists[0], oldServer: lists[1], oldDefault: lists[2], withDefault: true}
		got := map[int]difference{}
		for _, d := range a.differences(span{noon(), at(hours)}) {
			for h := d.start; h.Before(d.end); h = h.Add(time.Hour) {
				got[int(h.Sub(noon()).Hours())] = d
			}
		}
		for h := range hours {
			newer, older, alone := typeAt(lists[0], h), typeAt(lists[1], h), typeAt(lists[2], h)
			d, differs := got[h]
			switch {
			case differs != (newer != older):
				t.Fatalf("hour %d: a difference: %t; new %q, old %q, of %v", h, differs, newer, older, lists)
			case differs && (d.newType != newer || d.oldType != older || (d.why == defaultCalendar) != (newer == alone) || d.why == allDayItems):
				t.Fatalf("hour %d: %+v; new %q, old %q, default %q, of %v", h, d, newer, older, alone, lists)
			}
		}
	}
}

// typeAt returns the strongest type of the periods that contain an hour.
func typeAt(list []ischedule.Period, hour int) (out ischedule.BusyType) {
	t := at(float64(hour))
	for _, p := range list {
		if !t.Before(p.Start) && t.Before(p.End) && (out == "" || out == ischedule.Tentative || p.Type == ischedule.Unavailable) {
			out = p.Type
		}
	}
	return out
}

// A hostile answer has as many long periods as fit into it.
func TestManyPeriodsAreCompared(t *testing.T) {
	var a busyAnswers
	a.asked = span{at(-48), at(800)}
	const many = 100_000
	for i := range many {
		a.newServer = append(a.newServer, period(float64(i%10), float64(100+i%500), ischedule.Busy))
		a.oldServer = append(a.oldServer, period(float64(i%700), float64(i%700+1), ischedule.Tentative))
	}
	start := time.Now()
	if list := a.differences(span{noon(), at(700)}); len(list) == 0 {
		t.Error("no difference")
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}
