package calio_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// selected returns the UIDs of what a filter selects, and how many instances that has.
func (w *world) selected(f calio.Filter) (uids []string, instances int) {
	w.Helper()
	s := calio.NewSelector(f, nil)
	err := w.View(w.Context(), func(ctx context.Context, r store.Reader) error {
		uids, instances = nil, 0
		for x, err := range s.Components(ctx, r, "a", store.DefaultCalendar) {
			if err != nil {
				return err
			}
			if x.Err != nil {
				return x.Err
			}
			uids = append(uids, x.UID)
			for _, err := range s.Instances(x) {
				if err != nil {
					return err
				}
				instances++
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	slices.Sort(uids)
	return uids, instances
}

func TestSelect(t *testing.T) {
	w := newWorld(t)
	text := file(
		event("daily", "Straße\\, STANDUP", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=10", "ORGANIZER;CN=x:MAILTO:Boss@Example.com"),
		event("once", "Zahnärztin", "DESCRIPTION:ﬁnally Ⅳ"),
		"BEGIN:VEVENT\r\nUID:floating\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260310T233000\r\nDTEND:20260310T234000\r\nEND:VEVENT\r\n",
		"BEGIN:VTODO\r\nUID:todo\r\nDTSTAMP:20260101T000000Z\r\nDUE:20260303T120000Z\r\nSUMMARY:Tax\r\nEND:VTODO\r\n",
	)
	if _, err := w.load(w.options(), text); err != nil {
		t.Fatal(err)
	}
	at := func(day, hour int) time.Time { return time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC) }
	tokyo, _ := recur.NewZones().Named("Asia/Tokyo")
	for name, c := range map[string]struct {
		filter    calio.Filter
		want      []string
		instances int
	}{
		"all":                        {calio.Filter{}, []string{"daily", "floating", "once", "todo"}, 13},
		"type":                       {calio.Filter{Types: []string{"VTODO"}}, []string{"todo"}, 1},
		"UID":                        {calio.Filter{UIDs: []string{"once", "none"}}, []string{"once"}, 1},
		"sharp s and capitals":       {calio.Filter{Text: "strasse, standUP"}, []string{"daily"}, 10},
		"umlaut of two characters":   {calio.Filter{Text: "ZAHNA\u0308RZTIN"}, []string{"once"}, 1},
		"ligature, Roman number":     {calio.Filter{Text: "FINALLY iv"}, []string{"once"}, 1},
		"another property":           {calio.Filter{Text: "boss"}, nil, 0},
		"organizer":                  {calio.Filter{Organizer: "boss@example.COM"}, []string{"daily"}, 10},
		"day of an instance":         {calio.Filter{From: at(9, 0), To: at(10, 0)}, []string{"daily"}, 1},
		"day between two instances":  {calio.Filter{From: at(10, 0), To: at(10, 23)}, nil, 0},
		"end is exclusive":           {calio.Filter{From: at(9, 0), To: at(9, 8)}, nil, 0},
		"open end":                   {calio.Filter{From: at(16, 0)}, []string{"daily"}, 8},
		"floating time, in UTC":      {calio.Filter{From: at(10, 23), To: at(11, 0)}, []string{"floating"}, 1},
		"floating time, in Tokyo":    {calio.Filter{From: at(10, 14), To: at(10, 15), Zone: tokyo}, []string{"floating"}, 1},
		"not the floating, in Tokyo": {calio.Filter{From: at(10, 23), To: at(11, 0), Zone: tokyo}, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{T: t, Store: w.Store}
			if got, n := w.selected(c.filter); !slices.Equal(got, c.want) || n != c.instances {
				t.Errorf("%q with %d instances, want %q with %d", got, n, c.want, c.instances)
			}
		})
	}
}

// Free/busy data has gaps, and availability has a span but no instances.
func TestSelectWithoutEvents(t *testing.T) {
	w := newWorld(t)
	text := file(
		"BEGIN:VFREEBUSY\r\nUID:busy\r\nDTSTAMP:20260101T000000Z\r\nFREEBUSY:20260301T080000Z/PT1H,20260303T080000Z/PT1H\r\nEND:VFREEBUSY\r\n",
		"BEGIN:VAVAILABILITY\r\nUID:hours\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260301T080000\r\nDTEND:20260303T080000\r\nEND:VAVAILABILITY\r\n",
	)
	w.requireLoad(w.options(), text, "created busy", "created hours")
	at := func(day, hour int) time.Time { return time.Date(2026, 3, day, hour, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		from, to  time.Time
		want      []string
		instances int
	}{
		{at(1, 0), at(4, 0), []string{"busy", "hours"}, 2},
		{at(1, 8), at(1, 9), []string{"busy", "hours"}, 1},
		{at(2, 0), at(3, 0), []string{"hours"}, 0},
		{at(5, 0), at(6, 0), nil, 0},
	} {
		if got, n := w.selected(calio.Filter{From: c.from, To: c.to}); !slices.Equal(got, c.want) || n != c.instances {
			t.Errorf("from %s to %s: %q with %d instances, want %q with %d", c.from, c.to, got, n, c.want, c.instances)
		}
	}
}
