package local_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/freebusy/local"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

// home is a store with the account a.
type home struct {
	testing.TB
	store.Store
	zones *recur.Zones
	count int
}

func newHome(t testing.TB) *home {
	t.Helper()
	o := sqlite.Options{Path: filepath.Join(t.TempDir(), "s.sqlite"), Backend: "b"}
	if err := sqlite.Create(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	h := &home{TB: t, Store: s, zones: recur.NewZones()}
	h.update(func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(ctx, &store.NewAccount{
			Account: store.Account{ID: "a", Kind: store.User, Addresses: []string{"ann@example.com", "alias@example.com"}},
			Calendars: []store.Calendar{
				{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT", "VTODO", "VFREEBUSY", "VAVAILABILITY"}},
				{Name: "berlin", Kind: store.PlainCalendar, Components: []string{"VEVENT"}, TimeZone: "Europe/Berlin"},
				{Name: "ignored", Kind: store.PlainCalendar, Components: []string{"VEVENT"}, Transparent: true},
			},
		})
	})
	return h
}

func (h *home) update(fn func(ctx context.Context, w store.Writer) error) {
	h.Helper()
	if err := h.Update(h.Context(), fn); err != nil {
		h.Fatal(err)
	}
}

// put stores a component, given by its lines.
func (h *home) put(calendar, component string, lines ...string) {
	h.Helper()
	h.count++
	text := strings.Join(slices.Concat([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:" + component, fmt.Sprintf("UID:%d", h.count), "DTSTAMP:20260101T000000Z"}, lines, []string{"END:" + component, "END:VCALENDAR", ""}), "\r\n")
	object, err := calobj.Parse([]byte(text), calobj.Options{Zones: h.zones, Lenient: true})
	if err != nil {
		h.Fatal(err)
	}
	h.update(func(ctx context.Context, w store.Writer) error {
		_, err := calobj.Put(ctx, w, store.Place{Account: "a", Calendar: calendar, Name: fmt.Sprintf("%d.ics", h.count)}, object, calobj.PutOptions{})
		return err
	})
}

// busy returns the busy times of a day in March 2026 as text.
func (h *home) busy(from, to string) []string {
	h.Helper()
	at := func(s string) time.Time {
		t, err := time.Parse("2006-01-02T15:04", "2026-"+s)
		if err != nil {
			h.Fatal(err)
		}
		return t
	}
	var out []string
	err := h.View(h.Context(), func(ctx context.Context, r store.Reader) error {
		a, err := r.Account(ctx, "a")
		if err != nil {
			return err
		}
		periods, err := local.Busy(ctx, r, a, freebusy.Window{Start: at(from), End: at(to)}, local.Options{Zones: h.zones})
		out = nil
		for _, p := range periods {
			out = append(out, p.Start.Format("02T15:04")+" "+p.End.Format("02T15:04")+" "+p.Kind.String())
		}
		return err
	})
	if err != nil {
		h.Fatal(err)
	}
	return out
}

// march is a window of a day.
func (h *home) march(day int) []string {
	return h.busy(fmt.Sprintf("03-%02dT00:00", day), fmt.Sprintf("03-%02dT00:00", day+1))
}

func TestEvents(t *testing.T) {
	const start, end = "DTSTART:20260302T090000Z", "DTEND:20260302T100000Z"
	const nine = "02T09:00 02T10:00 "
	for name, c := range map[string]struct {
		lines []string
		want  []string
	}{
		"plain":                        {[]string{start, end}, []string{nine + "busy"}},
		"tentative":                    {[]string{start, end, "STATUS:tentative"}, []string{nine + "tentative"}},
		"cancelled":                    {[]string{start, end, "STATUS:CANCELLED"}, nil},
		"transparent":                  {[]string{start, end, "TRANSP:TRANSPARENT"}, nil},
		"declined":                     {[]string{start, end, "ORGANIZER:mailto:b@example.com", "ATTENDEE;PARTSTAT=DECLINED:MAILTO:Ann@Example.com"}, nil},
		"declined by an alias":         {[]string{start, end, "ATTENDEE;PARTSTAT=declined:mailto:alias@example.com"}, nil},
		"declined by somebody else":    {[]string{start, end, "ATTENDEE;PARTSTAT=DECLINED:mailto:b@example.com"}, []string{nine + "busy"}},
		"declined twice, accepted too": {[]string{start, end, "ATTENDEE;PARTSTAT=DECLINED:mailto:ann@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:alias@example.com"}, []string{nine + "busy"}},
		"not answered yet":             {[]string{start, end, "ORGANIZER:mailto:b@example.com", "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:ann@example.com"}, []string{nine + "tentative"}},
		"organizer who declines":       {[]string{start, end, "ORGANIZER:mailto:ann@example.com", "ATTENDEE;PARTSTAT=DECLINED:mailto:ann@example.com"}, []string{nine + "busy"}},
		"old server's address":         {[]string{start, end, "ATTENDEE;PARTSTAT=DECLINED;X-S1CS-EMAIL=ann@example.com:ann"}, nil},
		"no time":                      {[]string{start}, nil},
		"all day":                      {[]string{"DTSTART;VALUE=DATE:20260302"}, []string{"02T00:00 03T00:00 busy"}},
		"series":                       {[]string{"DTSTART:20260301T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY"}, []string{nine + "busy"}},
		"exception":                    {[]string{"DTSTART:20260301T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY", "EXDATE:20260302T090000Z"}, nil},
		"from the day before":          {[]string{"DTSTART:20260301T230000Z", "DURATION:PT2H"}, []string{"02T00:00 02T01:00 busy"}},
		"far away":                     {[]string{"DTSTART:20260401T230000Z", "DURATION:PT2H"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHome(t)
			h.put(store.DefaultCalendar, "VEVENT", c.lines...)
			if diff := cmp.Diff(c.want, h.march(2)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// An instance that an override cancels, moves or makes free takes no time where it was.
func TestOverrides(t *testing.T) {
	h := newHome(t)
	h.put(store.DefaultCalendar, "VEVENT", "DTSTART:20260301T090000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=5",
		"END:VEVENT", "BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z", "RECURRENCE-ID:20260302T090000Z", "DTSTART:20260302T090000Z", "STATUS:CANCELLED",
		"END:VEVENT", "BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z", "RECURRENCE-ID:20260303T090000Z", "DTSTART:20260303T120000Z", "DURATION:PT30M", "STATUS:TENTATIVE",
		"END:VEVENT", "BEGIN:VEVENT", "UID:1", "DTSTAMP:20260101T000000Z", "RECURRENCE-ID:20260304T090000Z", "DTSTART:20260304T090000Z", "ATTENDEE;PARTSTAT=DECLINED:mailto:ann@example.com")
	want := []string{"01T09:00 01T10:00 busy", "03T12:00 03T12:30 tentative", "05T09:00 05T10:00 busy"}
	if diff := cmp.Diff(want, h.busy("03-01T00:00", "03-10T00:00")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// Floating times and dates are those of the calendar's zone; a calendar that does not count is
// not read, and what overlaps is merged.
func TestCalendars(t *testing.T) {
	h := newHome(t)
	h.put("berlin", "VEVENT", "DTSTART;VALUE=DATE:20260302")
	h.put("berlin", "VEVENT", "DTSTART:20260304T090000", "DTEND:20260304T100000")
	h.put("ignored", "VEVENT", "DTSTART:20260305T090000Z", "DTEND:20260305T100000Z")
	h.put(store.DefaultCalendar, "VEVENT", "DTSTART:20260304T083000Z", "DTEND:20260304T110000Z", "STATUS:TENTATIVE")
	want := []string{"01T23:00 02T23:00 busy", "04T08:00 04T09:00 busy", "04T09:00 04T11:00 tentative"}
	if diff := cmp.Diff(want, h.busy("03-01T00:00", "03-10T00:00")); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestStoredFreeBusyAndTasks(t *testing.T) {
	h := newHome(t)
	h.put(store.DefaultCalendar, "VFREEBUSY", "DTSTART:20260302T000000Z", "DTEND:20260303T000000Z",
		"FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260302T080000Z/PT1H,20260302T100000Z/20260302T103000Z", "FREEBUSY;FBTYPE=FREE:20260302T120000Z/PT1H", "FREEBUSY:nonsense")
	h.put(store.DefaultCalendar, "VTODO", "DTSTART:20260302T140000Z", "DUE:20260302T150000Z")
	want := []string{"02T08:00 02T09:00 unavailable", "02T10:00 02T10:30 unavailable"}
	if diff := cmp.Diff(want, h.march(2)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// RFC 7953, 4: the availability with the higher priority decides, and events come on top.
func TestAvailability(t *testing.T) {
	h := newHome(t)
	h.put(store.DefaultCalendar, "VAVAILABILITY", "BEGIN:AVAILABLE", "UID:w", "DTSTAMP:20260101T000000Z", "DTSTART:20260102T090000Z", "DTEND:20260102T170000Z",
		"RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "END:AVAILABLE")
	want := []string{"02T00:00 02T09:00 unavailable", "02T17:00 03T00:00 unavailable"}
	if diff := cmp.Diff(want, h.march(2)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	h.put(store.DefaultCalendar, "VAVAILABILITY", "PRIORITY:1", "BUSYTYPE:BUSY-TENTATIVE", "DTSTART:20260302T120000Z", "DTEND:20260302T200000Z",
		"BEGIN:AVAILABLE", "UID:x", "DTSTAMP:20260101T000000Z", "DTSTART:20260302T180000Z", "DURATION:PT1H", "END:AVAILABLE")
	h.put(store.DefaultCalendar, "VEVENT", "DTSTART:20260302T181500Z", "DTEND:20260302T183000Z")
	want = []string{"02T00:00 02T09:00 unavailable", "02T12:00 02T18:00 tentative", "02T18:15 02T18:30 busy", "02T19:00 02T20:00 tentative", "02T20:00 03T00:00 unavailable"}
	if diff := cmp.Diff(want, h.march(2)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := h.march(7); !slices.Equal(got, []string{"07T00:00 08T00:00 unavailable"}) {
		t.Errorf("a Saturday: %q", got)
	}
}

// What takes too long to compute is unknown, and not free.
func TestEndlessSeries(t *testing.T) {
	h := newHome(t)
	h.put(store.DefaultCalendar, "VEVENT", "DTSTART:20260301T000000Z", "DURATION:PT0.5S", "RRULE:FREQ=SECONDLY")
	h.put(store.DefaultCalendar, "VEVENT", "DTSTART:20260301T000000Z", "DURATION:PT1H", "RRULE:FREQ=SECONDLY")
	h.put(store.DefaultCalendar, "VAVAILABILITY", "BEGIN:AVAILABLE", "UID:w", "DTSTAMP:20260101T000000Z", "DTSTART:20260102T090000Z", "DURATION:PT1S", "RRULE:FREQ=SECONDLY;INTERVAL=2", "END:AVAILABLE")
	got := h.busy("03-01T00:00", "03-31T00:00")
	if len(got) == 0 || !strings.HasPrefix(got[0], "01T00:00") || !strings.HasPrefix(got[len(got)-1][9:], "31T00:00") {
		t.Errorf("%q", got)
	}
}

func TestWindow(t *testing.T) {
	h := newHome(t)
	for _, w := range []freebusy.Window{{}, {Start: time.Unix(0, 0), End: time.Unix(0, 0).Add(local.MaxWindow + 1)}, {Start: time.Unix(9, 0), End: time.Unix(8, 0)}} {
		err := h.View(t.Context(), func(ctx context.Context, r store.Reader) error {
			_, err := local.Busy(ctx, r, &store.Account{ID: "a"}, w, local.Options{})
			return err
		})
		if err == nil {
			t.Errorf("%v was accepted", w)
		}
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
	} {
		if may, groups := local.MayKnow(a, c.person, []string{c.address}); may != c.may || groups != c.groups {
			t.Errorf("%s: %t, %t", c.person, may, groups)
		}
	}
	a.SchedulingACL = nil
	if may, groups := local.MayKnow(a, "b", []string{"b@example.com"}); may || groups {
		t.Error("somebody may know without any right")
	}
}

func BenchmarkBusy(b *testing.B) {
	h := newHome(b)
	var objects []calobj.Named
	for i := range 5000 {
		lines := fmt.Sprintf("DTSTART:2026%02d%02dT%02d0000Z\r\nDURATION:PT1H", 1+i%12, 1+i%28, 7+i%10)
		if i%25 == 0 {
			lines += "\r\nRRULE:FREQ=WEEKLY"
		}
		text := fmt.Sprintf("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:%d\r\nDTSTAMP:20260101T000000Z\r\n%s\r\nSUMMARY:Event\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", i, lines)
		o, err := calobj.Parse([]byte(text), calobj.Options{Zones: h.zones})
		if err != nil {
			b.Fatal(err)
		}
		objects = append(objects, calobj.Named{Name: fmt.Sprintf("%d.ics", i), Object: o})
	}
	loader, ok := h.Store.(store.ComponentLoader)
	if !ok {
		b.Skip("the store cannot load")
	}
	if _, err := calobj.Load(b.Context(), loader, "a", store.DefaultCalendar, objects); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := h.busy("03-01T00:00", "04-01T00:00"); len(got) < 10 {
			b.Fatal(got)
		}
	}
}
