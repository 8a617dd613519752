package storetest

import (
	"context"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func calendarTests() []test {
	return []test{
		{"Calendar", testCalendar},
		{"CalendarRejected", testCalendarRejected},
		{"CalendarUpdate", testCalendarUpdate},
		{"CalendarDelete", testCalendarDelete},
		{"CalendarMissing", testCalendarMissing},
		{"CalendarListing", testCalendarListing},
		{"Usage", testUsage},
	}
}

// A calendar is returned as it was created, with the fields that the store sets.
func testCalendar(s *env) {
	s.create(person("a"), person("b"))
	want := fullCalendar("a", "work")
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.CreateCalendar(ctx, want.Clone()); err != nil {
			return err
		}
		other := calendar("b", "work") // a name is unique only in its account
		return w.CreateCalendar(ctx, &other)
	})
	s.view(func(ctx context.Context, r store.Reader) error {
		got, err := r.Calendar(ctx, "a", "work")
		if err != nil {
			return err
		}
		want.Created, want.Changed, want.Number, want.Version, want.Revision, want.Incarnation = s.clock.stamp(), s.clock.stamp(), got.Number, got.Version, got.Revision, got.Incarnation
		s.same(&want, got, "the calendar")
		s.dated(got.Created, "the time of creation")
		for _, c := range [][2]string{{"a", "Work"}, {"A", "work"}, {"a", "wor"}, {"nobody", "work"}} {
			_, err := r.Calendar(ctx, c[0], c[1])
			s.wantClass(err, store.ErrNotFound, "calendar "+c[1]+" of "+c[0])
			_, err = r.CalendarUsage(ctx, c[0], c[1])
			s.wantClass(err, store.ErrNotFound, "usage of calendar "+c[1]+" of "+c[0])
		}
		usage, err := r.CalendarUsage(ctx, "a", "work")
		s.same(store.CalendarUsage{}, usage, "usage of the calendar")
		return err
	})
}

// Invalid calendars are rejected.
func testCalendarRejected(s *env) {
	s.create(withHome("a"), person("gone"))
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
	for what, c := range map[string]struct {
		class  error
		change func(*store.Calendar)
	}{
		"of an unknown account":          {store.ErrNotFound, func(c *store.Calendar) { c.Account = "nobody" }},
		"of a deleted account":           {store.ErrDeleted, func(c *store.Calendar) { c.Account = "gone" }},
		"with an existing name":          {store.ErrExists, func(c *store.Calendar) { c.Name = store.DefaultCalendar }},
		"with the name of the inbox":     {store.ErrExists, func(c *store.Calendar) { c.Name = store.InboxName }},
		"without a name":                 {store.ErrInvalid, func(c *store.Calendar) { c.Name = "" }},
		"with a slash in its name":       {store.ErrInvalid, func(c *store.Calendar) { c.Name = "a/b" }},
		"named ..":                       {store.ErrInvalid, func(c *store.Calendar) { c.Name = ".." }},
		"without a kind":                 {store.ErrInvalid, func(c *store.Calendar) { c.Kind = 0 }},
		"without component types":        {store.ErrInvalid, func(c *store.Calendar) { c.Components = nil }},
		"with an invalid component type": {store.ErrInvalid, func(c *store.Calendar) { c.Components = []string{"VTIMEZONE"} }},
		"with a component type twice":    {store.ErrInvalid, func(c *store.Calendar) { c.Components = []string{"VEVENT", "VEVENT"} }},
		"with an invalid colour":         {store.ErrInvalid, func(c *store.Calendar) { c.Colour = "red" }},
		"with rights of a scheduling list": {store.ErrInvalid, func(c *store.Calendar) {
			c.ACL = store.ACL{{Principal: store.Principal{Everyone: true}, Rights: "f"}}
		}},
	} {
		s.rejects(c.class, "a calendar "+what, func(ctx context.Context, w store.Writer) error {
			x := calendar("a", "new")
			c.change(&x)
			return w.CreateCalendar(ctx, &x)
		})
	}
	for what, corrupt := range map[string]func(*store.NewAccount){
		"an invalid calendar":              func(a *store.NewAccount) { a.Calendars[3].Name = "a/b" },
		"two calendars with the same name": func(a *store.NewAccount) { a.Calendars[3] = a.Calendars[0] },
	} {
		s.rejectsAny("an account with "+what, func(ctx context.Context, w store.Writer) error {
			a := withHome("new")
			corrupt(a)
			return w.CreateAccount(ctx, a)
		}, store.ErrInvalid, store.ErrExists)
	}
}

// UpdateCalendar writes the properties. Kind and component types cannot be changed.
func testCalendarUpdate(s *env) {
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
	want.Created, want.Number, want.Version, want.Revision, want.Incarnation = stale.Created, stale.Number, stale.Version, stale.Revision, stale.Incarnation
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
		"an old version":    {store.ErrConflict, stale, func(c *store.Calendar) { c.DisplayName = "lost update" }},
		"another kind":      {store.ErrInvalid, now, func(c *store.Calendar) { c.Kind = store.Inbox }},
		"another type":      {store.ErrInvalid, now, func(c *store.Calendar) { c.Components = []string{"VEVENT", "VJOURNAL"} }},
		"an added type":     {store.ErrInvalid, now, func(c *store.Calendar) { c.Components = append(c.Components, "VJOURNAL") }},
		"a removed type":    {store.ErrInvalid, now, func(c *store.Calendar) { c.Components = c.Components[:1] }},
		"an invalid colour": {store.ErrInvalid, now, func(c *store.Calendar) { c.Colour = "#12345" }},
		"another name":      {store.ErrNotFound, now, func(c *store.Calendar) { c.Name = "renamed" }},
		"another account":   {store.ErrNotFound, now, func(c *store.Calendar) { c.Account = "b" }},
	} {
		s.rejects(c.class, "an update of a calendar with "+what, func(ctx context.Context, w store.Writer) error {
			x := c.from.Clone()
			c.change(x)
			return w.UpdateCalendar(ctx, x)
		})
	}
}

// The name of a deleted calendar can be reused. The most recently deleted calendar is
// restored first.
func testCalendarDelete(s *env) {
	s.create(person("a"))
	work := &workCalendar{s}
	work.create("first", "1.ics", "2.ics")
	work.remove()
	s.view(func(ctx context.Context, r store.Reader) error {
		_, err := r.Calendar(ctx, "a", "work")
		s.wantClass(err, store.ErrNotFound, "a deleted calendar")
		_, err = r.Component(ctx, "a", "work", "1.ics")
		s.wantClass(err, store.ErrNotFound, "a component of a deleted calendar")
		_, _, err = r.Changes(ctx, "a", "work", store.Token{}, 0)
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
	s.rejects(store.ErrExists, "restoring a calendar whose name is in use", func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", "work") })
	work.remove()
	work.restore()
	work.contains("third", "3.ics")
	work.remove()
	work.restore() // it is the most recently deleted one again
	work.contains("third", "3.ics")
}

// Unknown calendars and accounts are reported as not found.
func testCalendarMissing(s *env) {
	s.create(person("a"))
	(&workCalendar{s}).create("work")
	for what, change := range map[string]func(ctx context.Context, w store.Writer) error{
		"deleting an unknown calendar":               func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "none") },
		"deleting a calendar of an unknown account":  func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "nobody", "work") },
		"restoring an unknown calendar":              func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", "none") },
		"restoring a calendar of an unknown account": func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "nobody", "work") },
		"creating a component in an unknown calendar": func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "a", "none", event("1.ics"), store.Condition{})
		},
		"creating a component in an unknown account": func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "b", "work", event("1.ics"), store.Condition{})
		},
		"deleting a component of an unknown calendar": func(ctx context.Context, w store.Writer) error {
			return w.DeleteComponent(ctx, "a", "none", "1.ics", store.Condition{})
		},
		"restoring a component of an unknown calendar": func(ctx context.Context, w store.Writer) error { return w.UndeleteComponent(ctx, "a", "none", "1.ics") },
	} {
		s.rejects(store.ErrNotFound, what, change)
	}
}

// workCalendar creates, deletes and restores the calendar 'work' of account a.
type workCalendar struct{ s *env }

func (r *workCalendar) create(shown string, resources ...string) {
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

func (r *workCalendar) remove() {
	r.s.t.Helper()
	r.s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", "work") })
}

func (r *workCalendar) restore() {
	r.s.t.Helper()
	r.s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", "work") })
}

// contains expects a calendar with a display name and these resources.
func (r *workCalendar) contains(shown string, resources ...string) {
	r.s.t.Helper()
	for _, c := range r.s.home("a").Calendars {
		if c.Name == "work" && c.Deleted.IsZero() && c.DisplayName != shown {
			r.s.t.Errorf("the calendar has the display name %s, want %s", c.DisplayName, shown)
		}
	}
	var got []string
	for _, m := range r.s.home("a").Components["work"] {
		got = append(got, m.Name)
	}
	r.s.same(resources, got, "resources of the calendar")
}

// Calendars are listed by name, as the filter selects.
func testCalendarListing(s *env) {
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
			for x, err := range r.Calendars(ctx, "a", c.f) { // stopped early, with another call meanwhile
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

// Usage does not count what is deleted.
func testUsage(s *env) {
	s.withContent("a") // calendar, inbox, outbox, dropbox, work with two resources
	s.create(person("nothing"), withHome("b"))
	size := int64(len(event("1.ics").Text) + len(event("3.ics").Text))
	s.view(func(ctx context.Context, r store.Reader) error {
		got, err := r.Usage(ctx, []string{"b", "a", "nothing", "nobody", "a", "A"})
		s.same(map[string]store.Usage{
			"a": {Calendars: 5, Components: 2, Bytes: size, Subscriptions: 1},
			"b": {Calendars: 4},
		}, got, "usage of the accounts")
		if err != nil {
			return err
		}
		if got, err := r.Usage(ctx, nil); err != nil || len(got) != 0 {
			s.t.Errorf("usage of no accounts is %v, error %v", got, err)
		}
		usage, err := r.CalendarUsage(ctx, "a", "work")
		first := event("1.ics").Start
		s.same(store.CalendarUsage{Components: 2, Bytes: size, Oldest: first, Newest: first}, usage, "usage of the calendar")
		return err
	})
	floating, open, early := event("5.ics"), event("6.ics"), event("7.ics")
	floating.Floating, floating.Start, floating.End = true, floating.Start.AddDate(0, 1, 0), floating.End.AddDate(0, 1, 1)
	open.Start, open.End = time.Time{}, time.Time{}
	early.Start, early.End, early.Recurring = early.Start.AddDate(-80, 0, 0), time.Time{}, true
	s.update(func(ctx context.Context, w store.Writer) error {
		for _, c := range []*store.Component{floating, open, early} {
			if err := w.PutComponent(ctx, "b", store.DefaultCalendar, c, store.Condition{}); err != nil {
				return err
			}
		}
		return nil
	})
	s.view(func(ctx context.Context, r store.Reader) error {
		usage, err := r.CalendarUsage(ctx, "b", store.DefaultCalendar)
		size := int64(3 * len(event("5.ics").Text))
		s.same(store.CalendarUsage{Components: 3, Bytes: size, Oldest: early.Start, Newest: floating.Start.Add(14 * time.Hour)}, usage, "usage of a calendar with open spans")
		return err
	})
}
