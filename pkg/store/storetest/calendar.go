package storetest

import (
	"context"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func calendarTests() []test {
	return []test{
		{"Calendar", testCalendar},
		{"CalendarRefused", testCalendarRefused},
		{"CalendarUpdate", testCalendarUpdate},
		{"CalendarDelete", testCalendarDelete},
		{"CalendarMissing", testCalendarMissing},
		{"CalendarListing", testCalendarListing},
		{"Usage", testUsage},
	}
}

func testCalendar(s *scene) {
	s.create(person("a"), person("b"))
	want := fullCalendar("a", "work")
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.CreateCalendar(ctx, want.Clone()); err != nil {
			return err
		}
		other := calendar("b", "work") // a name is one of an account
		return w.CreateCalendar(ctx, &other)
	})
	s.view(func(ctx context.Context, r store.Reader) error {
		got, err := r.Calendar(ctx, "a", "work")
		if err != nil {
			return err
		}
		want.Created, want.Changed, want.Number, want.Version, want.Revision = s.clock.stamp(), s.clock.stamp(), got.Number, got.Version, got.Revision
		s.same(&want, got, "the calendar")
		s.dated(got.Created, "the date")
		for _, c := range [][2]string{{"a", "Work"}, {"A", "work"}, {"a", "wor"}, {"nobody", "work"}} {
			_, err := r.Calendar(ctx, c[0], c[1])
			s.wantClass(err, store.ErrNotFound, "calendar "+c[1]+" of "+c[0])
			_, err = r.CalendarUsage(ctx, c[0], c[1])
			s.wantClass(err, store.ErrNotFound, "what is in calendar "+c[1]+" of "+c[0])
		}
		usage, err := r.CalendarUsage(ctx, "a", "work")
		s.same(store.CalendarUsage{}, usage, "what is in it")
		return err
	})
}

func testCalendarRefused(s *scene) {
	s.create(withHome("a"), person("gone"))
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
	for what, c := range map[string]struct {
		class  error
		change func(*store.Calendar)
	}{
		"for nobody":           {store.ErrNotFound, func(c *store.Calendar) { c.Account = "nobody" }},
		"for who is deleted":   {store.ErrDeleted, func(c *store.Calendar) { c.Account = "gone" }},
		"of a name that is":    {store.ErrExists, func(c *store.Calendar) { c.Name = store.DefaultCalendar }},
		"of an inbox's name":   {store.ErrExists, func(c *store.Calendar) { c.Name = store.InboxName }},
		"without a name":       {store.ErrInvalid, func(c *store.Calendar) { c.Name = "" }},
		"with a slash":         {store.ErrInvalid, func(c *store.Calendar) { c.Name = "a/b" }},
		"above":                {store.ErrInvalid, func(c *store.Calendar) { c.Name = ".." }},
		"of no kind":           {store.ErrInvalid, func(c *store.Calendar) { c.Kind = 0 }},
		"that takes nothing":   {store.ErrInvalid, func(c *store.Calendar) { c.Components = nil }},
		"that takes something": {store.ErrInvalid, func(c *store.Calendar) { c.Components = []string{"VTIMEZONE"} }},
		"that takes it twice":  {store.ErrInvalid, func(c *store.Calendar) { c.Components = []string{"VEVENT", "VEVENT"} }},
		"of no colour":         {store.ErrInvalid, func(c *store.Calendar) { c.Colour = "red" }},
		"with a free/busy list": {store.ErrInvalid, func(c *store.Calendar) {
			c.ACL = store.ACL{{Principal: store.Principal{Everyone: true}, Rights: "f"}}
		}},
	} {
		s.refuses(c.class, "a calendar "+what, func(ctx context.Context, w store.Writer) error {
			x := calendar("a", "new")
			c.change(&x)
			return w.CreateCalendar(ctx, &x)
		})
	}
	for what, spoil := range map[string]func(*store.NewAccount){
		"a bad calendar":          func(a *store.NewAccount) { a.Calendars[3].Name = "a/b" },
		"two calendars of a name": func(a *store.NewAccount) { a.Calendars[3] = a.Calendars[0] },
	} {
		s.refusesAny("an account with "+what, func(ctx context.Context, w store.Writer) error {
			a := withHome("new")
			spoil(a)
			return w.CreateAccount(ctx, a)
		}, store.ErrInvalid, store.ErrExists)
	}
}

// Properties change; kind and component types do not.
func testCalendarUpdate(s *scene) {
	s.create(withHome("a"))
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.PutComponent(ctx, "a", store.DefaultCalendar, event("1.ics"), store.Condition{})
	})
	read := func() *store.Calendar {
		for _, c := range s.home("a").Calendars {
			if c.Name == store.DefaultCalendar {
				return c
			}
		}
		return nil
	}
	stale := read()
	want := fullCalendar("a", store.DefaultCalendar)
	want.Components = stale.Components
	want.Created, want.Number, want.Version, want.Revision = stale.Created, stale.Number, stale.Version, stale.Revision
	s.update(func(ctx context.Context, w store.Writer) error {
		changed := want.Clone()
		changed.Created, changed.Revision = time.Unix(1, 0), 99
		if err := w.UpdateCalendar(ctx, changed); err != nil {
			return err
		}
		if changed.Version <= stale.Version {
			s.t.Errorf("version %d follows %d", changed.Version, stale.Version)
		}
		want.Version = changed.Version
		return nil
	})
	want.Changed = s.clock.stamp()
	s.same(&want, read(), "the changed calendar")
	now := read()
	for what, c := range map[string]struct {
		class  error
		from   *store.Calendar
		change func(*store.Calendar)
	}{
		"an old version":  {store.ErrConflict, stale, func(c *store.Calendar) { c.DisplayName = "lost update" }},
		"another kind":    {store.ErrInvalid, now, func(c *store.Calendar) { c.Kind = store.Inbox }},
		"another type":    {store.ErrInvalid, now, func(c *store.Calendar) { c.Components = []string{"VEVENT", "VJOURNAL"} }},
		"a type more":     {store.ErrInvalid, now, func(c *store.Calendar) { c.Components = append(c.Components, "VJOURNAL") }},
		"a type less":     {store.ErrInvalid, now, func(c *store.Calendar) { c.Components = c.Components[:1] }},
		"a bad colour":    {store.ErrInvalid, now, func(c *store.Calendar) { c.Colour = "#12345" }},
		"another name":    {store.ErrNotFound, now, func(c *store.Calendar) { c.Name = "renamed" }},
		"another account": {store.ErrNotFound, now, func(c *store.Calendar) { c.Account = "b" }},
	} {
		s.refuses(c.class, "an update of a calendar with "+what, func(ctx context.Context, w store.Writer) error {
			x := c.from.Clone()
			c.change(x)
			return w.UpdateCalendar(ctx, x)
		})
	}
}

// A name can be used again, and what was deleted last comes back first.
func testCalendarDelete(s *scene) {
	s.create(person("a"))
	work := &reborn{s}
	work.create("first", "1.ics", "2.ics")
	work.remove()
	s.view(func(ctx context.Context, r store.Reader) error {
		_, err := r.Calendar(ctx, "a", "work")
		s.wantClass(err, store.ErrNotFound, "a deleted calendar")
		_, err = r.Component(ctx, "a", "work", "1.ics")
		s.wantClass(err, store.ErrNotFound, "a component of a deleted calendar")
		_, _, err = r.Changes(ctx, "a", "work", store.Token{})
		s.wantClass(err, store.ErrNotFound, "changes of a deleted calendar")
		deleted, err := collect(r.Calendars(ctx, "a", store.CalendarFilter{State: store.OnlyDeleted}))
		if len(deleted) != 1 || !deleted[0].Deleted.Equal(s.clock.stamp()) {
			s.t.Errorf("deleted calendars: %+v", deleted)
		}
		return err
	})
	work.create("second")
	work.remove()
	work.create("third", "3.ics")
	s.refuses(store.ErrExists, "bringing back a calendar whose name is used", func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", "work") })
	work.remove()
	work.back()
	work.holds("third", "3.ics")
	work.remove()
	work.back() // it was deleted last again
	work.holds("third", "3.ics")
}

// What is not there cannot be changed.
func testCalendarMissing(s *scene) {
	s.create(person("a"))
	(&reborn{s}).create("work")
	for what, change := range map[string]func(ctx context.Context, w store.Writer) error{
		"deleting a calendar that is not there": func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "none") },
		"deleting a calendar of nobody":         func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "nobody", "work") },
		"bringing back one that never was":      func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", "none") },
		"bringing back one of nobody":           func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "nobody", "work") },
		"a component for a calendar not there": func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "a", "none", event("1.ics"), store.Condition{})
		},
		"a component for somebody who is not": func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "b", "work", event("1.ics"), store.Condition{})
		},
		"deleting a component of no calendar": func(ctx context.Context, w store.Writer) error {
			return w.DeleteComponent(ctx, "a", "none", "1.ics", store.Condition{})
		},
		"bringing a component of no calendar back": func(ctx context.Context, w store.Writer) error { return w.UndeleteComponent(ctx, "a", "none", "1.ics") },
	} {
		s.refuses(store.ErrNotFound, what, change)
	}
}

// reborn is the calendar 'work' of account a, which comes and goes.
type reborn struct{ s *scene }

func (r *reborn) create(shown string, resources ...string) {
	r.s.t.Helper()
	r.s.update(func(ctx context.Context, w store.Writer) error {
		c := calendar("a", "work")
		c.DisplayName = shown
		if err := w.CreateCalendar(ctx, &c); err != nil {
			return err
		}
		for _, name := range resources {
			if err := w.PutComponent(ctx, "a", "work", event(name), store.Condition{}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *reborn) remove() {
	r.s.t.Helper()
	r.s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "work") })
}

func (r *reborn) back() {
	r.s.t.Helper()
	r.s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", "work") })
}

// holds expects a calendar that is shown by a name and has these resources.
func (r *reborn) holds(shown string, resources ...string) {
	r.s.t.Helper()
	for _, c := range r.s.home("a").Calendars {
		if c.Name == "work" && c.Deleted.IsZero() && c.DisplayName != shown {
			r.s.t.Errorf("the calendar that is there is the %s, want the %s", c.DisplayName, shown)
		}
	}
	var got []string
	for _, m := range r.s.home("a").Components["work"] {
		got = append(got, m.Name)
	}
	r.s.same(resources, got, "what is in the calendar")
}

func testCalendarListing(s *scene) {
	s.create(withHome("a"), withHome("b"))
	s.update(func(ctx context.Context, w store.Writer) error {
		for _, name := range []string{"z", "B", "gone", "gone"} {
			c := calendar("a", name)
			if err := w.CreateCalendar(ctx, &c); err != nil {
				return err
			}
			if name == "gone" {
				if err := w.DeleteCalendar(ctx, "a", name); err != nil {
					return err
				}
			}
		}
		return nil
	})
	for _, c := range []struct {
		f    store.CalendarFilter
		want []string
	}{
		{store.CalendarFilter{}, []string{"B", "calendar", "calendar_inbox", "calendar_outbox", "dropbox", "z"}},
		{store.CalendarFilter{OnlyPlain: true}, []string{"B", "calendar", "z"}},
		{store.CalendarFilter{State: store.OnlyDeleted}, []string{"gone", "gone"}},
		{store.CalendarFilter{State: store.AnyState, OnlyPlain: true}, []string{"B", "calendar", "gone", "gone", "z"}},
	} {
		s.view(func(ctx context.Context, r store.Reader) error {
			var got []string
			numbers := map[int64]bool{}
			for x, err := range r.Calendars(ctx, "a", c.f) {
				if err != nil {
					return err
				}
				got = append(got, x.Name)
				numbers[x.Number] = true
			}
			s.same(c.want, got, "calendars")
			if len(numbers) != len(got) {
				s.t.Errorf("%d calendars have %d numbers", len(got), len(numbers))
			}
			for x, err := range r.Calendars(ctx, "a", c.f) { // broken off, with a call meanwhile
				if err != nil {
					return err
				}
				if _, err := r.Account(ctx, x.Account); err != nil {
					return err
				}
				break
			}
			return nil
		})
	}
}

// What an account holds, without what is deleted.
func testUsage(s *scene) {
	s.withContent("a") // calendar, inbox, outbox, dropbox, work with two resources
	s.create(person("nothing"), withHome("b"))
	size := int64(len(event("1.ics").Text) + len(event("3.ics").Text))
	s.view(func(ctx context.Context, r store.Reader) error {
		got, err := r.Usage(ctx, []string{"b", "a", "nothing", "nobody", "a", "A"})
		s.same(map[string]store.Usage{
			"a": {Calendars: 5, Components: 2, Bytes: size, Subscriptions: 1},
			"b": {Calendars: 4},
		}, got, "what accounts hold")
		if err != nil {
			return err
		}
		if got, err := r.Usage(ctx, nil); err != nil || len(got) != 0 {
			s.t.Errorf("no accounts hold %v, %v", got, err)
		}
		usage, err := r.CalendarUsage(ctx, "a", "work")
		s.same(store.CalendarUsage{Components: 2, Bytes: size}, usage, "what the calendar holds")
		return err
	})
}
