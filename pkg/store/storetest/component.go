package storetest

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func componentTests() []test {
	return []test{
		{"Component", testComponent},
		{"ComponentBytes", testComponentBytes},
		{"ComponentReplace", testComponentReplace},
		{"ComponentConditions", testConditions},
		{"ComponentRejected", testComponentRejected},
		{"ComponentDelete", testComponentDelete},
	}
}

// A component is returned as it was stored, with the fields that the store sets.
func testComponent(s *env) {
	s.create(withHome("a"))
	want := event("1.ics")
	want.ScheduleTag, want.Recurring, want.Type, want.Status, want.Transparent, want.Floating = `"tag"`, true, "VTODO", "IN-PROCESS", true, true
	const cal = store.DefaultCalendar
	s.update(func(ctx context.Context, w store.Writer) error {
		made := *want
		if err := w.PutComponent(ctx, "a", cal, &made, store.Condition{}); err != nil {
			return err
		}
		c, err := w.Calendar(ctx, "a", cal)
		if err != nil {
			return err
		}
		want.ETag, want.Size, want.Created, want.Changed, want.Revision = store.ETagOf(want.Text), int64(len(want.Text)), s.clock.stamp(), s.clock.stamp(), c.Revision
		s.same(want, &made, "the fields that the store set")
		return nil
	})
	s.view(func(ctx context.Context, r store.Reader) error {
		got, err := r.Component(ctx, "a", cal, "1.ics")
		if err != nil {
			return err
		}
		s.same(want, got, "the component")
		for what, at := range map[string]time.Time{"the time of creation": got.Created, "the start": got.Start, "the end": got.End} {
			s.dated(at, what)
		}
		listed, err := collect(r.Components(ctx, "a", cal, store.ComponentFilter{}))
		if err != nil {
			return err
		}
		want.Text = nil
		s.same([]*store.Component{want}, listed, "the listing without text")
		for _, place := range [][3]string{{"a", cal, "1.ICS"}, {"a", "none", "1.ics"}, {"b", cal, "1.ics"}, {"a", store.InboxName, "1.ics"}} {
			_, err := r.Component(ctx, place[0], place[1], place[2])
			s.wantClass(err, store.ErrNotFound, "an unknown component")
		}
		_, err = collect(r.Components(ctx, "a", "none", store.ComponentFilter{}))
		s.wantClass(err, store.ErrNotFound, "components of an unknown calendar")
		return nil
	})
}

// The text is returned byte for byte.
func testComponentBytes(s *env) {
	s.create(withHome("a"))
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	texts := map[string][]byte{
		"crlf.ics": []byte("BEGIN:VCALENDAR\r\nX: a\r\n  b\r\nEND:VCALENDAR\r\n"), "lf.ics": []byte("BEGIN:VCALENDAR\nEND:VCALENDAR"), "mixed.ics": []byte("a\r\n\n\r\r\n"),
		"nul.ics": {0}, "latin.ics": []byte("SUMMARY:\xe4\xf6\xfc"), "bytes.ics": all, "sql.ics": []byte(`\x41 '; DROP TABLE component; --`), "hex.ics": []byte(`\\x00ff`),
		"big.ics": []byte(random(3 << 20)), "zeros.ics": make([]byte, 1<<20), "space.ics": []byte("  "),
	}
	for name, text := range texts {
		s.update(func(ctx context.Context, w store.Writer) error {
			m := event(name)
			m.Text = bytes.Clone(text)
			return w.PutComponent(ctx, "a", store.DefaultCalendar, m, store.Condition{})
		})
	}
	s.view(func(ctx context.Context, r store.Reader) error {
		n := 0
		for m, err := range r.Components(ctx, "a", store.DefaultCalendar, store.ComponentFilter{WithText: true}) {
			if err != nil {
				return err
			}
			n++
			one, err := r.Component(ctx, "a", store.DefaultCalendar, m.Name)
			if err != nil {
				return err
			}
			want := texts[m.Name]
			if !bytes.Equal(want, m.Text) || !bytes.Equal(want, one.Text) || m.Size != int64(len(want)) || m.ETag != store.ETagOf(want) || one.ETag != m.ETag {
				s.t.Errorf("%s is returned as %.40q (%d bytes) in a listing, and as %.40q", m.Name, m.Text, m.Size, one.Text)
			}
		}
		if n != len(texts) {
			s.t.Errorf("%d of %d components are listed", n, len(texts))
		}
		return nil
	})
}

// A replaced component has a new revision and ETag, and keeps its time of creation.
func testComponentReplace(s *env) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	put := func(m *store.Component) {
		s.t.Helper()
		s.update(func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "a", cal, m, store.Condition{})
		})
	}
	first := event("1.ics")
	first.ScheduleTag, first.Recurring, first.Status, first.Transparent, first.Floating = "tag", true, "TENTATIVE", true, true
	put(first)
	made := s.clock.stamp()
	next := event("1.ics")
	next.Type, next.Text, next.Start, next.End = "VTODO", []byte("another text"), time.Time{}, time.Time{}
	put(next)
	if next.Revision <= first.Revision || next.ETag == first.ETag {
		s.t.Errorf("revision %d follows %d, ETag %s follows %s", next.Revision, first.Revision, next.ETag, first.ETag)
	}
	want := *next
	want.Created, want.Changed = made, s.clock.stamp()
	s.same(&want, next, "the fields that the store set")
	h := s.home("a")
	s.same([]*store.Component{&want}, h.Components[cal], "components")
	s.same([]*store.Deletion(nil), h.Deletions, "deletions")
	same := event("1.ics")
	same.Text = next.Text
	put(same)
	if same.ETag != next.ETag || same.Revision <= next.Revision {
		s.t.Errorf("writing the same text again: ETag %s, revision %d; before: ETag %s, revision %d", same.ETag, same.Revision, next.ETag, next.Revision)
	}
}

// Conditions protect the changes of others.
func testConditions(s *env) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	first, next := event("1.ics"), event("1.ics")
	next.Text = []byte("changed")
	absent := store.Condition{IfAbsent: true}
	put := func(m *store.Component, cond store.Condition) func(ctx context.Context, w store.Writer) error {
		return func(ctx context.Context, w store.Writer) error {
			copied := *m
			return w.PutComponent(ctx, "a", cal, &copied, cond)
		}
	}
	remove := func(cond store.Condition) func(ctx context.Context, w store.Writer) error {
		return func(ctx context.Context, w store.Writer) error {
			return w.DeleteComponent(ctx, "a", cal, "1.ics", cond)
		}
	}
	tag := func(m *store.Component) store.Condition { return store.Condition{IfETag: store.ETagOf(m.Text)} }
	s.rejects(store.ErrConflict, "the ETag of a component that does not exist", put(first, tag(first)))
	s.rejectsAny("deleting a component that does not exist with an ETag", remove(tag(first)), store.ErrConflict, store.ErrNotFound)
	s.update(put(first, absent))
	s.rejects(store.ErrConflict, "IfAbsent for an existing component", put(next, absent))
	s.rejects(store.ErrConflict, "a different ETag", put(next, tag(next)))
	s.rejects(store.ErrConflict, "deleting with a different ETag", remove(tag(next)))
	s.rejects(store.ErrConflict, "an ETag with a different first character", put(next, store.Condition{IfETag: "X" + store.ETagOf(first.Text)[1:]}))
	s.update(put(next, tag(first)))
	s.rejects(store.ErrConflict, "the previous ETag", put(first, tag(first)))
	s.rejects(store.ErrConflict, "deleting with the previous ETag", remove(tag(first)))
	s.update(remove(tag(next)))
	s.rejects(store.ErrConflict, "the ETag of a deleted component", put(first, tag(next)))
	s.update(put(first, absent)) // a deleted component is absent
	s.update(remove(store.Condition{}))
	s.rejects(store.ErrNotFound, "deleting a component that does not exist", remove(store.Condition{}))
}

// Invalid components are rejected.
func testComponentRejected(s *env) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	s.update(func(ctx context.Context, w store.Writer) error {
		other := calendar("a", "other")
		if err := w.CreateCalendar(ctx, &other); err != nil {
			return err
		}
		for _, c := range []string{cal, "other"} { // a UID is unique only in its calendar
			if err := w.PutComponent(ctx, "a", c, event("1.ics"), store.Condition{}); err != nil {
				return err
			}
		}
		return w.PutComponent(ctx, "a", cal, event("2.ics"), store.Condition{})
	})
	at := event("1.ics").Start
	for what, c := range map[string]struct {
		class  error
		change func(*store.Component)
	}{
		"an existing UID":                          {store.ErrExists, func(m *store.Component) { m.UID = "uid-1.ics" }},
		"an existing UID, replacing a component":   {store.ErrExists, func(m *store.Component) { m.Name, m.UID = "2.ics", "uid-1.ics" }},
		"another UID for a resource":               {store.ErrExists, func(m *store.Component) { m.Name, m.UID = "1.ics", "another" }},
		"a message in a calendar":                  {store.ErrInvalid, func(m *store.Component) { m.Method = "REQUEST" }},
		"a type that the calendar does not accept": {store.ErrInvalid, func(m *store.Component) { m.Type = "VJOURNAL" }},
		"an invalid type":                          {store.ErrInvalid, func(m *store.Component) { m.Type = "VTIMEZONE" }},
		"no UID":                                   {store.ErrInvalid, func(m *store.Component) { m.UID = "" }},
		"no text":                                  {store.ErrInvalid, func(m *store.Component) { m.Text = nil }},
		"no name":                                  {store.ErrInvalid, func(m *store.Component) { m.Name = "" }},
		"a slash in its name":                      {store.ErrInvalid, func(m *store.Component) { m.Name = "a/b.ics" }},
		"an end before its start":                  {store.ErrInvalid, func(m *store.Component) { m.Start, m.End = at, at.Add(-time.Second) }},
	} {
		s.rejects(c.class, "a component with "+what, func(ctx context.Context, w store.Writer) error {
			m := event("new.ics")
			c.change(m)
			return w.PutComponent(ctx, "a", cal, m, store.Condition{})
		})
	}
	s.rejects(store.ErrExists, "an existing UID, with the component that has it", func(ctx context.Context, w store.Writer) error {
		m := event("new.ics")
		m.UID = "uid-1.ics"
		err := w.PutComponent(ctx, "a", cal, m, store.Condition{})
		var exists *store.ExistsError
		if !errors.As(err, &exists) || exists.What != "uid" || exists.Resource != "1.ics" || exists.Type != "VEVENT" {
			s.t.Errorf("got error %v (%+v), want an ExistsError that names 1.ics", err, exists)
		}
		return err
	})
	s.update(func(ctx context.Context, w store.Writer) error { // UIDs are compared byte by byte
		m := event("3.ics")
		m.UID = "UID-1.ics"
		return w.PutComponent(ctx, "a", cal, m, store.Condition{})
	})
}

// A deleted component is restored unchanged, the most recently deleted one first.
func testComponentDelete(s *env) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	put := func(text string) *store.Component {
		s.t.Helper()
		m := event("1.ics")
		m.Text, m.ScheduleTag, m.Recurring, m.Status, m.Transparent, m.Floating = []byte(text), "tag "+text, true, "CANCELLED", true, true
		s.update(func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "a", cal, m, store.Condition{})
		})
		return m
	}
	remove := func(name string) time.Time {
		s.t.Helper()
		s.update(func(ctx context.Context, w store.Writer) error {
			return w.DeleteComponent(ctx, "a", cal, name, store.Condition{})
		})
		return s.clock.stamp()
	}
	restore := func(ctx context.Context, w store.Writer) error { return w.UndeleteComponent(ctx, "a", cal, "1.ics") }
	put("first")
	one := remove("1.ics")
	second := put("second")
	two := remove("1.ics")
	s.view(func(ctx context.Context, r store.Reader) error {
		_, err := r.Component(ctx, "a", cal, "1.ics")
		s.wantClass(err, store.ErrNotFound, "a deleted component")
		return nil
	})
	deletion := func(at time.Time) *store.Deletion {
		return &store.Deletion{Calendar: cal, Name: "1.ics", UID: "uid-1.ics", Deleted: at}
	}
	s.same([]*store.Deletion{deletion(two), deletion(one)}, s.home("a").Deletions, "deletions")
	s.update(restore)
	h := s.home("a")
	if len(h.Components[cal]) != 1 {
		s.t.Fatalf("%d components were restored", len(h.Components[cal]))
	}
	got := h.Components[cal][0]
	if got.Revision <= second.Revision {
		s.t.Errorf("it was restored with revision %d; before the deletion it had %d", got.Revision, second.Revision)
	}
	second.Revision, second.Changed = got.Revision, got.Changed
	s.same(second, got, "the restored component")
	s.same([]*store.Deletion{deletion(one)}, h.Deletions, "deletions after one was restored")
	s.rejects(store.ErrExists, "restoring an existing component", restore)
	remove("1.ics")
	s.update(func(ctx context.Context, w store.Writer) error { // another component now has the UID
		m := event("2.ics")
		m.UID = "uid-1.ics"
		return w.PutComponent(ctx, "a", cal, m, store.Condition{})
	})
	s.rejects(store.ErrExists, "restoring a component whose UID is in use", restore)
	remove("2.ics")
	s.update(restore)
	s.rejects(store.ErrNotFound, "restoring an unknown component", func(ctx context.Context, w store.Writer) error {
		return w.UndeleteComponent(ctx, "a", cal, "3.ics")
	})
	// Deletions are hidden and restored with their calendar.
	before := s.home("a").Deletions
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", cal) })
	s.same([]*store.Deletion(nil), s.home("a").Deletions, "deletions of a deleted calendar")
	s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", cal) })
	s.same(before, s.home("a").Deletions, "deletions of a restored calendar")
}
