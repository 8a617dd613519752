package storetest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func spanTests() []test {
	return []test{
		{"Spans", testSpans},
		{"SpansOfMany", testManySpans},
		{"SpansFilters", testComponentFilters},
	}
}

// at returns an hour on the day of the spans.
func at(hour int) time.Time { return time.Date(2026, time.May, 4, hour, 0, 0, 0, time.UTC) }

// wantComponents expects that a filter selects the components with these names.
func (s *env) wantComponents(f store.ComponentFilter, want ...string) {
	s.t.Helper()
	s.view(func(ctx context.Context, r store.Reader) error {
		var got []string
		found, err := collect(r.Components(ctx, "a", store.DefaultCalendar, f))
		for _, m := range found {
			got = append(got, m.Name)
		}
		if err != nil || !slices.Equal(want, got) {
			s.t.Errorf("%+v selects %v, error %v; want %v", f, got, err, want)
		}
		return nil
	})
}

// Two spans overlap if they have a moment in common. The end of a span is exclusive, and
// an open side is unlimited.
func testSpans(s *env) {
	s.create(withHome("a"))
	none := time.Time{}
	spans := map[string][2]time.Time{
		"day": {at(8), at(18)}, "early": {at(8), at(10)}, "late": {at(16), at(18)}, "for-ever": {at(12), none}, "since-ever": {none, at(12)}, "always": {none, none},
		"epoch": {time.Unix(0, 0), time.Unix(0, 0).Add(time.Hour)}, "up-to-epoch": {none, time.Unix(0, 0)}, "from-epoch": {time.Unix(0, 0), none},
		"old":        {time.Date(1583, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)},
		"far":        {time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		"zone":       {at(8).In(time.FixedZone("", -7*3600)), at(10).In(time.FixedZone("", 3600))},
		"just-short": {at(9).Add(-store.ShortSpan), at(9)}, "just-long": {at(9).Add(-store.ShortSpan - time.Microsecond), at(9)}, "moment": {at(10), at(10)},
	}
	s.update(func(ctx context.Context, w store.Writer) error {
		for name, span := range spans {
			m := event(name)
			m.Start, m.End = span[0], span[1]
			if err := w.PutComponent(ctx, "a", store.DefaultCalendar, m, store.Condition{}); err != nil {
				return err
			}
		}
		return nil
	})
	for _, m := range s.home("a").Components[store.DefaultCalendar] {
		want := spans[m.Name]
		if !m.Start.Equal(want[0]) || !m.End.Equal(want[1]) || m.Start.IsZero() != want[0].IsZero() || m.End.IsZero() != want[1].IsZero() {
			s.t.Errorf("%s is returned with the span %v to %v", m.Name, m.Start, m.End)
		}
	}
	bounds := []time.Time{none, at(9).Add(-store.ShortSpan), at(9).Add(time.Microsecond), time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(0, 0), time.Unix(0, 1000), at(8), at(9), at(10), at(12), at(16), at(17), at(18), at(19), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
	names, byStart := slices.Sorted(maps.Keys(spans)), sortedByStart(spans)
	for _, from := range bounds {
		for _, to := range bounds {
			if !from.IsZero() && !to.IsZero() && !from.Before(to) {
				continue
			}
			order := byStart
			if from.IsZero() && to.IsZero() {
				order = names
			}
			var want []string
			for _, name := range order {
				start, end := spans[name][0], spans[name][1]
				ends := end.IsZero() || end.After(from) || end.Equal(from) && start.Equal(end)
				if (to.IsZero() || start.IsZero() || start.Before(to)) && (from.IsZero() || ends) {
					want = append(want, name)
				}
			}
			for limit := range want {
				s.wantComponents(store.ComponentFilter{From: from, To: to, Limit: limit + 1}, want[:limit+1]...)
			}
			s.wantComponents(store.ComponentFilter{From: from, To: to}, want...)
		}
		if from.IsZero() {
			continue
		}
		var over []string
		for _, name := range names {
			if end := spans[name][1]; !end.IsZero() && !end.After(from) {
				over = append(over, name)
			}
		}
		s.wantComponents(store.ComponentFilter{EndedBefore: from}, over...)
	}
}

// A time range lists more components than are read at once, with and without a limit: all
// short ones come before the long ones. A calendar that does not exist is no empty one.
func testManySpans(s *env) {
	l, ok := s.Store.(store.ComponentLoader)
	if !ok {
		s.t.Skipf("%s does not implement store.ComponentLoader", s.e.Name)
	}
	s.create(withHome("a"))
	const short, long = 1203, 707
	var list []*store.Component
	var want []string
	for i := range short + long {
		m := event(fmt.Sprintf("%04d", i))
		// Several begin at the same time.
		m.Start = at(8).Add(time.Duration(i/3) * time.Minute)
		if m.End = m.Start.Add(time.Hour); i >= short {
			m.End = m.Start.Add(2 * store.ShortSpan)
		}
		list, want = append(list, m), append(want, m.Name)
	}
	slices.Reverse(list)
	if err := l.LoadComponents(s.t.Context(), "a", store.DefaultCalendar, list); err != nil {
		s.t.Fatal(err)
	}
	for _, limit := range []int{0, 1, 499, 500, 501, short, short + 1, short + 500, short + 501, short + long, 5000} {
		selected := want
		if limit > 0 {
			selected = want[:min(limit, len(want))]
		}
		s.wantComponents(store.ComponentFilter{From: at(8), Limit: limit}, selected...)
	}
	s.wantComponents(store.ComponentFilter{From: at(8), To: at(8).Add(time.Second)}, want[:3]...)
	for _, f := range []store.ComponentFilter{{}, {From: at(8)}, {From: at(8), WithText: true}, {Names: []string{"0001"}}, {UID: "uid-0001"}, {Limit: 1}} {
		s.view(func(ctx context.Context, r store.Reader) error {
			found, err := collect(r.Components(ctx, "a", "none", f))
			s.wantClass(err, store.ErrNotFound, fmt.Sprintf("listing %d components of an unknown calendar with %+v", len(found), f))
			return nil
		})
	}
}

// sortedByStart returns the names of spans: first those of the short ones, then the others,
// each in the order of the starts and then of the names.
func sortedByStart(spans map[string][2]time.Time) []string {
	names := slices.Sorted(maps.Keys(spans))
	slices.SortStableFunc(names, func(a, b string) int {
		if x, y := isLong(spans[a]), isLong(spans[b]); x != y {
			return cmp.Compare(boolNumber(x), boolNumber(y))
		}
		return compareStarts(spans[a][0], spans[b][0])
	})
	return names
}

func isLong(span [2]time.Time) bool {
	return span[0].IsZero() || span[1].IsZero() || span[1].UnixMicro()-span[0].UnixMicro() > store.ShortSpan.Microseconds()
}

func boolNumber(b bool) int {
	if b {
		return 1
	}
	return 0
}

// compareStarts compares the starts of spans; an open one is before all others.
func compareStarts(a, b time.Time) int {
	if a.IsZero() || b.IsZero() {
		return boolNumber(!a.IsZero()) - boolNumber(!b.IsZero())
	}
	return a.Compare(b)
}

// Components are listed by name, as the filter selects.
func testComponentFilters(s *env) {
	s.create(withHome("a"))
	const many = 1200
	s.update(func(ctx context.Context, w store.Writer) error {
		for i := range many {
			m := event(fmt.Sprintf("%04d.ics", many-1-i))
			m.Type = []string{"VEVENT", "VTODO"}[i%2]
			m.Start, m.End = at(0).Add(time.Duration(i)*time.Hour), at(1).Add(time.Duration(i)*time.Hour)
			if err := w.PutComponent(ctx, "a", store.DefaultCalendar, m, store.Condition{}); err != nil {
				return err
			}
		}
		return nil
	})
	s.wantComponents(store.ComponentFilter{Limit: 3}, "0000.ics", "0001.ics", "0002.ics")
	s.wantComponents(store.ComponentFilter{Types: []string{"VEVENT"}, Limit: 2}, "0001.ics", "0003.ics")
	s.wantComponents(store.ComponentFilter{Types: []string{"VJOURNAL"}})
	s.wantComponents(store.ComponentFilter{Types: []string{"VJOURNAL", "VTODO", "VEVENT"}, Limit: 1}, "0000.ics")
	s.wantComponents(store.ComponentFilter{UID: "uid-0007.ics"}, "0007.ics")
	s.wantComponents(store.ComponentFilter{UID: "UID-0007.ics"})
	s.wantComponents(store.ComponentFilter{From: at(0), To: at(2), Types: []string{"VTODO"}}, "1198.ics")
	s.view(func(ctx context.Context, r store.Reader) error {
		n := 0
		for m, err := range r.Components(ctx, "a", store.DefaultCalendar, store.ComponentFilter{}) {
			if err != nil {
				return err
			}
			if want := fmt.Sprintf("%04d.ics", n); m.Name != want || m.Text != nil {
				s.t.Fatalf("the listing continues with %s, want %s", m.Name, want)
			}
			n++
			if n%100 == 0 {
				if full, err := r.Component(ctx, "a", store.DefaultCalendar, m.Name); err != nil || len(full.Text) == 0 {
					s.t.Errorf("%s during the listing: %v", m.Name, err)
				}
			}
		}
		if n != many {
			s.t.Errorf("%d of %d components are listed", n, many)
		}
		return nil
	})
}
