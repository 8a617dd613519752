package storetest

import (
	"bytes"
	"context"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func componentTests() []test {
	return []test{
		{"Component", testComponent},
		{"ComponentBytes", testComponentBytes},
		{"ComponentReplace", testComponentReplace},
		{"ComponentConditions", testConditions},
		{"ComponentRefused", testComponentRefused},
		{"ComponentDelete", testComponentDelete},
	}
}

func testComponent(s *scene) {
	s.create(withHome("a"))
	want := event("1.ics")
	want.ScheduleTag, want.Recurring, want.Type = `"tag"`, true, "VTODO"
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
		s.same(want, &made, "what the store set")
		return nil
	})
	s.view(func(ctx context.Context, r store.Reader) error {
		got, err := r.Component(ctx, "a", cal, "1.ics")
		if err != nil {
			return err
		}
		s.same(want, got, "the component")
		for what, at := range map[string]time.Time{"the date": got.Created, "the start": got.Start, "the end": got.End} {
			s.dated(at, what)
		}
		listed, err := collect(r.Components(ctx, "a", cal, store.ComponentFilter{}))
		if err != nil {
			return err
		}
		want.Text = nil
		s.same([]*store.Component{want}, listed, "the listing without texts")
		for _, place := range [][3]string{{"a", cal, "1.ICS"}, {"a", "none", "1.ics"}, {"b", cal, "1.ics"}, {"a", store.InboxName, "1.ics"}} {
			_, err := r.Component(ctx, place[0], place[1], place[2])
			s.wantClass(err, store.ErrNotFound, "a component that is not there")
		}
		_, err = collect(r.Components(ctx, "a", "none", store.ComponentFilter{}))
		s.wantClass(err, store.ErrNotFound, "components of a calendar that is not there")
		return nil
	})
}

// The text comes back with every byte that it was received with.
func testComponentBytes(s *scene) {
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
				s.t.Errorf("%s comes back as %.40q (%d bytes), %.40q", m.Name, m.Text, m.Size, one.Text)
			}
		}
		if n != len(texts) {
			s.t.Errorf("%d of %d are listed", n, len(texts))
		}
		return nil
	})
}

// What replaces a resource is another state of it.
func testComponentReplace(s *scene) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	put := func(m *store.Component) {
		s.t.Helper()
		s.update(func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "a", cal, m, store.Condition{})
		})
	}
	first := event("1.ics")
	first.ScheduleTag, first.Recurring = "tag", true
	put(first)
	made := s.clock.stamp()
	next := event("1.ics")
	next.UID, next.Type, next.Text, next.Start, next.End = "another uid", "VTODO", []byte("another text"), time.Time{}, time.Time{}
	put(next)
	if next.Revision <= first.Revision || next.ETag == first.ETag {
		s.t.Errorf("revision %d follows %d, ETag %s %s", next.Revision, first.Revision, next.ETag, first.ETag)
	}
	want := *next
	want.Created, want.Changed = made, s.clock.stamp()
	s.same(&want, next, "what the store set")
	h := s.home("a")
	s.same([]*store.Component{&want}, h.Components[cal], "what is there")
	s.same([]*store.Deletion(nil), h.Deletions, "deletions")
	put(event("2.ics")) // the former UID is free
	same := event("1.ics")
	same.Text, same.UID = next.Text, next.UID
	put(same)
	if same.ETag != next.ETag || same.Revision <= next.Revision {
		s.t.Errorf("the same text again has the ETag %s, revision %d; it had %s, %d", same.ETag, same.Revision, next.ETag, next.Revision)
	}
}

// An ETag guards against the change of somebody else.
func testConditions(s *scene) {
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
	s.refuses(store.ErrConflict, "an ETag of nothing", put(first, tag(first)))
	s.refusesAny("deleting nothing with an ETag", remove(tag(first)), store.ErrConflict, store.ErrNotFound)
	s.update(put(first, absent))
	s.refuses(store.ErrConflict, "what must not be there", put(next, absent))
	s.refuses(store.ErrConflict, "another ETag", put(next, tag(next)))
	s.refuses(store.ErrConflict, "deleting another ETag", remove(tag(next)))
	s.refuses(store.ErrConflict, "an ETag in other letter case", put(next, store.Condition{IfETag: "X" + store.ETagOf(first.Text)[1:]}))
	s.update(put(next, tag(first)))
	s.refuses(store.ErrConflict, "the ETag of before", put(first, tag(first)))
	s.refuses(store.ErrConflict, "deleting the ETag of before", remove(tag(first)))
	s.update(remove(tag(next)))
	s.refuses(store.ErrConflict, "the ETag of what is deleted", put(first, tag(next)))
	s.update(put(first, absent)) // what is deleted is not there
	s.update(remove(store.Condition{}))
	s.refuses(store.ErrNotFound, "deleting nothing", remove(store.Condition{}))
}

func testComponentRefused(s *scene) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	s.update(func(ctx context.Context, w store.Writer) error {
		other := calendar("a", "other")
		if err := w.CreateCalendar(ctx, &other); err != nil {
			return err
		}
		for _, c := range []string{cal, "other"} { // a UID is one of a calendar
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
		"another's UID":            {store.ErrExists, func(m *store.Component) { m.UID = "uid-1.ics" }},
		"another's UID, replacing": {store.ErrExists, func(m *store.Component) { m.Name, m.UID = "2.ics", "uid-1.ics" }},
		"a type not taken":         {store.ErrInvalid, func(m *store.Component) { m.Type = "VJOURNAL" }},
		"no type":                  {store.ErrInvalid, func(m *store.Component) { m.Type = "VTIMEZONE" }},
		"no UID":                   {store.ErrInvalid, func(m *store.Component) { m.UID = "" }},
		"no text":                  {store.ErrInvalid, func(m *store.Component) { m.Text = nil }},
		"no name":                  {store.ErrInvalid, func(m *store.Component) { m.Name = "" }},
		"a slash":                  {store.ErrInvalid, func(m *store.Component) { m.Name = "a/b.ics" }},
		"an end before its start":  {store.ErrInvalid, func(m *store.Component) { m.Start, m.End = at, at.Add(-time.Second) }},
	} {
		s.refuses(c.class, "a component with "+what, func(ctx context.Context, w store.Writer) error {
			m := event("new.ics")
			c.change(m)
			return w.PutComponent(ctx, "a", cal, m, store.Condition{})
		})
	}
	s.update(func(ctx context.Context, w store.Writer) error { // UIDs are compared byte by byte
		m := event("3.ics")
		m.UID = "UID-1.ics"
		return w.PutComponent(ctx, "a", cal, m, store.Condition{})
	})
}

// A deleted resource comes back as it was, the last of its name first.
func testComponentDelete(s *scene) {
	const cal = store.DefaultCalendar
	s.create(withHome("a"))
	put := func(text string) *store.Component {
		s.t.Helper()
		m := event("1.ics")
		m.Text, m.ScheduleTag, m.Recurring = []byte(text), "tag "+text, true
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
	back := func(ctx context.Context, w store.Writer) error { return w.UndeleteComponent(ctx, "a", cal, "1.ics") }
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
	s.update(back)
	h := s.home("a")
	if len(h.Components[cal]) != 1 {
		s.t.Fatalf("%d components came back", len(h.Components[cal]))
	}
	got := h.Components[cal][0]
	if got.Revision <= second.Revision {
		s.t.Errorf("it came back with the revision %d, and had %d", got.Revision, second.Revision)
	}
	second.Revision, second.Changed = got.Revision, got.Changed
	s.same(second, got, "what came back")
	s.same([]*store.Deletion{deletion(one)}, h.Deletions, "deletions after one came back")
	s.refuses(store.ErrExists, "bringing back what is there", back)
	remove("1.ics")
	s.update(func(ctx context.Context, w store.Writer) error { // somebody else has the UID now
		m := event("2.ics")
		m.UID = "uid-1.ics"
		return w.PutComponent(ctx, "a", cal, m, store.Condition{})
	})
	s.refuses(store.ErrExists, "bringing back a UID that is there", back)
	remove("2.ics")
	s.update(back)
	s.refuses(store.ErrNotFound, "bringing back what never was", func(ctx context.Context, w store.Writer) error {
		return w.UndeleteComponent(ctx, "a", cal, "3.ics")
	})
	// A calendar takes its deletions with it, and brings them back.
	before := s.home("a").Deletions
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, "a", cal) })
	s.same([]*store.Deletion(nil), s.home("a").Deletions, "deletions of a deleted calendar")
	s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, "a", cal) })
	s.same(before, s.home("a").Deletions, "deletions of a calendar that came back")
}
