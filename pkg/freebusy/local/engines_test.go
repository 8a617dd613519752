package local

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

func at(text string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", text)
	if err != nil {
		panic(err)
	}
	return t
}

func week() freebusy.Window {
	return freebusy.Window{Start: at("2026-03-02 00:00"), End: at("2026-03-09 00:00")}
}

// show returns periods in short form.
func show(periods []freebusy.Period) string {
	var lines []string
	for _, p := range periods {
		lines = append(lines, p.Start.Format("02T15:04")+"-"+p.End.Format("02T15:04")+" "+p.Kind.String())
	}
	return strings.Join(lines, ", ")
}

// kindAt returns the highest kind at an instant by looking at all periods.
func kindAt(periods []freebusy.Period, t time.Time) freebusy.Kind {
	kind := freebusy.Free
	for _, p := range periods {
		if !t.Before(p.Start) && t.Before(p.End) {
			kind = max(kind, p.Kind)
		}
	}
	return kind
}

// object returns the text of a calendar with some lines.
func object(lines ...string) []byte {
	all := slices.Concat([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//t//EN"}, lines, []string{"END:VCALENDAR", ""})
	return []byte(strings.Join(all, "\r\n"))
}

// onSQLite returns an empty store in a file.
func onSQLite(t testing.TB) store.Store {
	t.Helper()
	o := sqlite.Options{Path: filepath.Join(t.TempDir(), "s.sqlite"), Backend: "one"}
	if err := sqlite.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// onPostgres returns an empty store on a server of its own.
func onPostgres(t testing.TB) store.Store {
	t.Helper()
	o := postgres.Options{URL: servertest.Postgres(t, servertest.PostgresOptions{}).URL("postgres"), Backend: "two"}
	if err := postgres.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// update changes a store.
func update(t testing.TB, s store.Store, fn func(ctx context.Context, w store.Writer) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// person creates an account with some calendars.
func person(t testing.TB, s store.Store, id string, calendars ...store.Calendar) {
	t.Helper()
	if calendars == nil {
		calendars = []store.Calendar{{Name: store.DefaultCalendar}}
	}
	for i := range calendars {
		calendars[i].Kind, calendars[i].Components = store.PlainCalendar, store.ComponentTypes()
	}
	calendars = append(calendars, store.Calendar{Name: store.InboxName, Kind: store.Inbox, Components: store.ItemTypes()})
	update(t, s, func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(ctx, &store.NewAccount{
			Account:   store.Account{ID: id, Kind: store.User, Addresses: []string{id + "@example.com", "alias-" + id + "@example.com"}},
			Calendars: calendars,
		})
	})
}

// put stores a text, however faulty it is.
func put(t testing.TB, s store.Store, id, calendar, name string, text []byte) {
	t.Helper()
	object, err := calobj.Parse(text, calobj.Options{Zones: recur.NewZones(), Lenient: true})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	update(t, s, func(ctx context.Context, w store.Writer) error {
		_, err := calobj.Put(ctx, w, store.Place{Account: id, Calendar: calendar, Name: name}, object, calobj.PutOptions{})
		return err
	})
}

// event returns the text of an event with lines that "|" separates, after a UID.
func event(lines string) []byte {
	return component("VEVENT", lines)
}

func component(name, lines string) []byte {
	all := []string{"BEGIN:" + name, "UID:u", "DTSTAMP:20260101T000000Z"}
	all = append(all, strings.Split(lines, "|")...)
	return object(append(all, "END:"+name)...)
}

// compute returns when an account is busy, and the problems.
func compute(t testing.TB, s store.Store, id string, window freebusy.Window, o Options) ([]freebusy.Period, []Problem) {
	t.Helper()
	var problems []Problem
	var periods []freebusy.Period
	o.Problem = func(p Problem) { problems = append(problems, p) }
	err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		problems = nil
		a, err := r.Account(ctx, id)
		if err != nil {
			return err
		}
		periods, err = Busy(ctx, r, a, window, o)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return periods, problems
}

// busyWeek returns when a is busy in the week of 2 March 2026.
func busyWeek(t testing.TB, s store.Store, zone *recur.Zone) string {
	t.Helper()
	periods, problems := compute(t, s, "a", week(), Options{Zone: zone})
	text := show(periods)
	for range problems {
		text += " (problem)"
	}
	return text
}

func TestBothEngines(t *testing.T) {
	for name, open := range map[string]func(testing.TB) store.Store{"sqlite": onSQLite, "postgres": onPostgres} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			person(t, s, "a", store.Calendar{Name: store.DefaultCalendar, TimeZone: "Europe/Berlin"}, store.Calendar{Name: "private", Transparent: true})
			put(t, s, "a", store.DefaultCalendar, "1.ics", event("DTSTART:20260302T100000Z|DURATION:PT1H|SUMMARY:secret"))
			put(t, s, "a", store.DefaultCalendar, "2.ics", object("BEGIN:VEVENT", "UID:2", "DTSTART;VALUE=DATE:20260304", "END:VEVENT"))
			put(t, s, "a", "private", "3.ics", event("DTSTART:20260305T100000Z|DURATION:PT1H"))
			if got, want := busyWeek(t, s, nil), "02T10:00-02T11:00 busy, 03T23:00-04T23:00 busy"; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestMayKnow(t *testing.T) {
	a := &store.Account{
		ID: "a", Delegates: []store.Person{{ID: "delegate"}}, Owners: []store.Person{{ID: "owner"}},
		SchedulingACL: store.ACL{
			{Principal: store.Principal{Domain: "example.com"}, Rights: "f"}, {Principal: store.Principal{Person: store.Person{ID: "out", Address: "out@example.com"}}, Rights: "n"},
			{Principal: store.Principal{Person: store.Person{ID: "group", Address: "group@example.org"}}, Rights: "s"},
		},
	}
	for _, c := range []struct {
		person, address string
		may, groups     bool
	}{
		{"a", "", true, false}, {"delegate", "d@x", true, false}, {"owner", "o@x", true, false}, {"b", "b@EXAMPLE.com", true, false},
		{"out", "out@example.com", false, true}, {"c", "c@example.org", false, true}, {"group", "group@example.org", true, false},
		{"", "", false, true},
	} {
		if may, groups := MayKnow(a, c.person, []string{c.address}); may != c.may || groups != c.groups {
			t.Errorf("%s: %t, %t", c.person, may, groups)
		}
	}
	for list, want := range map[string]bool{"": false, "@:n": false, "@:f": true, "@:s;@example.com:n": false, "@:n;@example.com:m": true} {
		acl, err := store.ParseACL(list, store.SchedulingACL)
		if err != nil {
			t.Fatal(err)
		}
		a.SchedulingACL = acl
		if may, groups := MayKnow(a, "b", []string{"b@example.com"}); may != want || groups {
			t.Errorf("%s: %t, %t", list, may, groups)
		}
	}
}

func TestWindow(t *testing.T) {
	s := onSQLite(t)
	start := week().Start
	for _, w := range []freebusy.Window{{}, {Start: start, End: start}, {Start: start, End: start.Add(MaxWindow + 1)}, {Start: start, End: start.Add(-1)}} {
		err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
			_, err := Busy(ctx, r, &store.Account{ID: "a"}, w, Options{})
			return err
		})
		if !errors.Is(err, ErrWindow) {
			t.Errorf("%v: %v", w, err)
		}
	}
}
