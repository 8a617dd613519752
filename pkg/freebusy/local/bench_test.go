package local

import (
	"fmt"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// fill loads n events over five years from 2023 on, one in 25 of them a weekly series.
func fill(t testing.TB, s store.Store, id string, n int) {
	t.Helper()
	zones := recur.NewZones()
	var objects []calobj.Named
	for i := range n {
		day := week().Start.AddDate(-3, 0, i*5*365/n)
		lines := fmt.Sprintf("DTSTART;TZID=Europe/Berlin:%sT%02d0000|DURATION:PT1H|SUMMARY:Meeting %d about something|LOCATION:Room %d|DESCRIPTION:%s", day.Format("20060102"), 8+i%9, i, i%7, strings.Repeat("words ", 20))
		if i%3 == 0 {
			lines += "|ORGANIZER:mailto:b@example.com|ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@example.com|ATTENDEE:mailto:c@example.com"
		}
		if i%25 == 0 {
			lines += "|RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE"
		}
		text := strings.ReplaceAll(string(event(lines)), "UID:u", fmt.Sprintf("UID:%d", i))
		object, err := calobj.Parse([]byte(text), calobj.Options{Zones: zones, Lenient: true})
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, calobj.Named{Name: fmt.Sprintf("%05d.ics", i), Object: object})
	}
	if _, err := calobj.Load(t.Context(), s.(store.ComponentLoader), id, store.DefaultCalendar, objects); err != nil {
		t.Fatal(err)
	}
}

// A month of an account with 5,000 events takes at most 5 ms.
func BenchmarkBusy(b *testing.B) {
	for name, open := range map[string]func(testing.TB) store.Store{"sqlite": onSQLite, "postgres": onPostgres} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			person(b, s, "a")
			fill(b, s, "a", 5000)
			month := freebusy.Window{Start: week().Start, End: week().Start.AddDate(0, 1, 0)}
			o := Options{Zones: recur.NewZones()}
			b.ReportAllocs()
			for b.Loop() {
				if got, _ := compute(b, s, "a", month, o); len(got) < 30 {
					b.Fatal(show(got))
				}
			}
		})
	}
}

// 30 days of 100 accounts with 5,000 events each take at most 300 ms.
func BenchmarkBusyMany(b *testing.B) {
	const accounts = 100
	s := onSQLite(b)
	for i := range accounts {
		id := fmt.Sprintf("p%d", i)
		person(b, s, id)
		fill(b, s, id, 5000)
	}
	window := freebusy.Window{Start: week().Start, End: week().Start.AddDate(0, 0, 30)}
	o := Options{Zones: recur.NewZones()}
	b.ReportAllocs()
	for b.Loop() {
		for i := range accounts {
			compute(b, s, fmt.Sprintf("p%d", i), window, o)
		}
	}
}
