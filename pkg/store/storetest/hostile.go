package storetest

import (
	"context"
	"math"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func hostileTests() []test {
	return []test{
		{"HostileLimits", testHostileLimits},
		{"HostileTimes", testHostileTimes},
	}
}

// A limit that makes no sense is rejected before anything is written, or means none, the
// same in every engine.
func testHostileLimits(s *env) {
	s.create(withHome("a"))
	s.put("1", "2", "3")
	s.remove("1")
	for _, limit := range []int{math.MinInt, -1, 0} {
		s.rejects(store.ErrInvalid, "a purge of nothing", func(ctx context.Context, w store.Writer) error {
			_, err := w.Purge(ctx, s.clock.Now().Add(time.Hour), limit)
			return err
		})
		s.rejects(store.ErrInvalid, "a claim of nothing", func(ctx context.Context, w store.Writer) error {
			_, err := w.ClaimOutgoing(ctx, s.clock.Now().Add(time.Hour), limit)
			return err
		})
		s.view(func(ctx context.Context, r store.Reader) error {
			found, err := collect(r.Components(ctx, "a", store.DefaultCalendar, store.ComponentFilter{Limit: limit}))
			if err != nil || len(found) != 2 {
				s.t.Errorf("with the limit %d: found %d components, error %v", limit, len(found), err)
			}
			accounts, err := collect(r.Accounts(ctx, store.AccountFilter{Limit: limit}))
			if err != nil || len(accounts) < 1 {
				s.t.Errorf("with the limit %d: found %d accounts, error %v", limit, len(accounts), err)
			}
			changes, _, err := readChanges(ctx, r, "a", store.DefaultCalendar, store.Token{}, limit)
			if len(changes) != 2 {
				s.t.Errorf("with the limit %d: found %d changes, error %v", limit, len(changes), err)
			}
			return err
		})
	}
	s.view(func(ctx context.Context, r store.Reader) error {
		found, err := collect(r.Components(ctx, "a", store.DefaultCalendar, store.ComponentFilter{Limit: math.MaxInt}))
		if err != nil || len(found) != 2 {
			s.t.Errorf("with the greatest limit: found %d components, error %v", len(found), err)
		}
		return nil
	})
}

// Times at the ends of the calendar are stored as they are, and found by ranges.
func testHostileTimes(s *env) {
	s.create(withHome("a"))
	day := 24 * time.Hour
	times := map[string][2]time.Time{
		"first":     {time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(1, 1, 1, 1, 0, 0, 0, time.UTC)},
		"epoch":     {time.Unix(0, 0).UTC(), time.Unix(0, 0).UTC()},
		"before":    {time.Unix(-1, 0).UTC(), time.Unix(0, 0).UTC()},
		"last":      {time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		"all":       {time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		"31 days":   {time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(31 * day)},
		"31 days +": {time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(31*day + time.Microsecond)},
	}
	for name, span := range times {
		s.update(func(ctx context.Context, w store.Writer) error {
			m := event(name)
			m.Start, m.End = span[0], span[1]
			return w.PutComponent(ctx, "a", store.DefaultCalendar, m, store.Condition{})
		})
	}
	find := func(from, to time.Time) map[string]bool {
		out := map[string]bool{}
		s.view(func(ctx context.Context, r store.Reader) error {
			found, err := collect(r.Components(ctx, "a", store.DefaultCalendar, store.ComponentFilter{From: from, To: to}))
			for _, m := range found {
				if out[m.Name] {
					s.t.Errorf("%s is listed twice", m.Name)
				}
				out[m.Name] = true
				if !m.Start.Equal(times[m.Name][0]) || !m.End.Equal(times[m.Name][1]) {
					s.t.Errorf("%s is from %s to %s", m.Name, m.Start, m.End)
				}
			}
			return err
		})
		return out
	}
	ends := []time.Time{{}, time.Date(-5000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(300000, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(math.MinInt32, 0)}
	for _, span := range times {
		for _, edge := range span {
			ends = append(ends, edge.Add(-time.Microsecond), edge, edge.Add(time.Microsecond))
		}
	}
	for _, from := range ends {
		for _, to := range ends {
			if !from.IsZero() && !to.IsZero() && !to.After(from) || from.IsZero() && to.IsZero() {
				continue
			}
			want := map[string]bool{}
			for name, span := range times {
				starts, empty := span[0], span[0].Equal(span[1])
				if (to.IsZero() || starts.Before(to)) && (from.IsZero() || span[1].After(from) || empty && span[1].Equal(from)) {
					want[name] = true
				}
			}
			if got := find(from, to); len(got) != len(want) {
				s.t.Errorf("from %s to %s: found %v, want %v", from, to, got, want)
			}
		}
	}
}
