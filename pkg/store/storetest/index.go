package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func indexTests() []test {
	return []test{
		{"Indexed", testIndexed},
		{"Reindex", testReindex},
		{"ReindexRejected", testReindexRejected},
		{"SpanRuns", testSpanRuns},
		{"SpanRunOverlaps", testSpanRunOverlaps},
	}
}

// indexed returns all components of the store in the order of Indexed, read so many at a time.
func (s *env) indexed(limit int) (all []*store.Indexed) {
	s.t.Helper()
	var after store.IndexPlace
	for {
		n := len(all)
		s.view(func(ctx context.Context, r store.Reader) error {
			for m, err := range r.Indexed(ctx, after, limit) {
				if err != nil {
					return err
				}
				all = append(all, m)
			}
			return nil
		})
		if limit == 0 || len(all) == n {
			return all
		}
		after = all[len(all)-1].Place
	}
}

// indexedContent fills the store: components of a calendar, of a deleted one and of a deleted
// account, a deleted component, and the trace of a moved one, which is no component.
func (s *env) indexedContent() {
	s.t.Helper()
	s.withWork()
	s.put("1", "2", "3", "4")
	s.remove("3")
	s.moveComponent(place(store.DefaultCalendar, "4"), place("work", "moved"), false)
	s.update(func(ctx context.Context, w store.Writer) error {
		c := calendar("a", "gone")
		message := event("message")
		message.Method = "REQUEST"
		return errors.Join(w.CreateCalendar(ctx, &c), w.PutComponent(ctx, "a", "gone", event("x"), store.Condition{}), w.DeleteCalendar(ctx, "a", "gone"),
			w.PutComponent(ctx, "a", store.InboxName, message, store.Condition{}),
			w.PutComponent(ctx, "b", store.DefaultCalendar, event("y"), store.Condition{}), w.DeleteAccount(ctx, "b"))
	})
}

// All components of a store are listed with their texts, the deleted ones last, in pages of
// any length.
func testIndexed(s *env) {
	s.indexedContent()
	all := s.indexed(0)
	var got []string
	for _, m := range all {
		got = append(got, fmt.Sprintf("%s/%s/%s %v %s", m.Address, m.Calendar, m.Name, m.Place.Deleted, m.Method))
		if want := event(m.Name).Text; m.Place.Name != m.Name || m.Name != "moved" && !bytes.HasPrefix(m.Text, want) || m.ETag != store.ETagOf(m.Text) || m.Type != "VEVENT" || m.Size != int64(len(m.Text)) {
			s.t.Errorf("%+v has the text %q", m.Place, m.Text)
		}
		if want := event("1").Index(); !m.Index().Equal(want) {
			s.t.Errorf("%+v has the index %+v, want %+v", m.Place, m.Index(), want)
		}
	}
	slices.Sort(got)
	want := []string{
		"a@example.com/calendar/1 false ", "a@example.com/calendar/2 false ", "a@example.com/calendar/3 true ", "a@example.com/calendar_inbox/message false REQUEST",
		"a@example.com/gone/x false ", "a@example.com/work/moved false ", "b@example.com/calendar/y false ",
	}
	s.same(want, got, "the listed components")
	if last := all[len(all)-1]; last.Name != "3" || !last.Place.Deleted {
		s.t.Errorf("the last one is %+v", last.Place)
	}
	for limit := 1; limit <= len(all)+1; limit++ {
		s.same(all, s.indexed(limit), fmt.Sprintf("the list in pages of %d", limit))
	}
}

// A new index changes where a component is found, and nothing for those who synchronise.
func testReindex(s *env) {
	s.indexedContent()
	before := s.everything()
	calendar := s.follow(store.DefaultCalendar)
	calendar.wants("1", "2")
	x := store.Index{Start: at(8), End: at(8).Add(40 * 24 * time.Hour), Floating: true, Recurring: true, Status: "TENTATIVE", Transparent: true}
	for _, m := range s.indexed(0) {
		s.update(func(ctx context.Context, w store.Writer) error {
			done, err := w.Reindex(ctx, m.Place, m.ETag, x)
			if !done {
				s.t.Errorf("%+v was not changed", m.Place)
			}
			return err
		})
	}
	calendar.wants()
	for _, m := range s.indexed(0) {
		if !m.Index().Equal(x) {
			s.t.Errorf("%+v has the index %+v", m.Place, m.Index())
		}
	}
	s.wantComponents(store.ComponentFilter{From: at(30), To: at(31)}, "1", "2")
	s.wantComponents(store.ComponentFilter{From: event("1").Start, To: event("1").End})
	s.update(func(ctx context.Context, w store.Writer) error {
		return errors.Join(w.UndeleteComponent(ctx, "a", store.DefaultCalendar, "3"), w.DeleteComponent(ctx, "a", store.DefaultCalendar, "1", store.Condition{}))
	})
	s.wantComponents(store.ComponentFilter{From: at(30), To: at(31)}, "2", "3")
	was := before["a"].Components[store.DefaultCalendar]
	two := was[slices.IndexFunc(was, func(m *store.Component) bool { return m.Name == "2" })]
	two.Start, two.End, two.Floating, two.Recurring, two.Status, two.Transparent = x.Start, x.End, true, true, x.Status, true
	now := s.home("a").Components[store.DefaultCalendar]
	s.same(two, now[slices.IndexFunc(now, func(m *store.Component) bool { return m.Name == "2" })], "the component with another index")
	// An open side is stored as such.
	m := s.indexed(1)[0]
	s.update(func(ctx context.Context, w store.Writer) error {
		_, err := w.Reindex(ctx, m.Place, m.ETag, store.Index{})
		return err
	})
	if first := s.indexed(1)[0]; !first.Index().Equal(store.Index{}) {
		s.t.Errorf("an open span is returned as %+v", first.Index())
	}
}

// A component that has changed or gone keeps its index, and an invalid index is rejected.
func testReindexRejected(s *env) {
	s.indexedContent()
	all := s.indexed(0)
	before := s.everything()
	for what, try := range map[string]struct {
		place store.IndexPlace
		etag  string
	}{
		"another text":              {all[0].Place, store.ETagOf([]byte("x"))},
		"an ETag that cannot be":    {all[0].Place, "\x00"},
		"another name":              {store.IndexPlace{Account: "a", Number: all[0].Place.Number, Name: "none"}, all[0].ETag},
		"a name that cannot be":     {store.IndexPlace{Account: "a", Number: all[0].Place.Number, Name: "a/b"}, all[0].ETag},
		"another account":           {store.IndexPlace{Account: "none", Number: all[0].Place.Number, Name: all[0].Name}, all[0].ETag},
		"an account that cannot be": {store.IndexPlace{Account: "\x00", Number: 1, Name: "1"}, all[0].ETag},
		"another deletion":          {store.IndexPlace{Deleted: true, Account: "a", Number: all[0].Place.Number, Revision: 12345}, all[len(all)-1].ETag},
	} {
		s.update(func(ctx context.Context, w store.Writer) error {
			done, err := w.Reindex(ctx, try.place, try.etag, store.Index{})
			if done || err != nil {
				s.t.Errorf("%s: got %v, error %v", what, done, err)
			}
			return nil
		})
	}
	s.same(all, s.indexed(0), "the components")
	s.same(before, s.everything(), "the store")
	write := func(x store.Index) change {
		return func(ctx context.Context, w store.Writer) error {
			_, err := w.Reindex(ctx, all[0].Place, all[0].ETag, x)
			return err
		}
	}
	s.rejectsAll(store.ErrInvalid, map[string]change{
		"a span that ends before it starts": write(store.Index{Start: at(9), End: at(8)}),
		"a status with a NUL":               write(store.Index{Status: "\x00"}),
	})
}

// spanState returns the state of the indexes.
func (s *env) spanState() (state store.SpanState) {
	s.t.Helper()
	s.view(func(ctx context.Context, r store.Reader) (err error) {
		state, err = r.SpanState(ctx)
		return err
	})
	return state
}

// beginSpans begins a run.
func (s *env) beginSpans(algorithm int) (run store.SpanRun) {
	s.t.Helper()
	s.update(func(ctx context.Context, w store.Writer) (err error) {
		run, err = w.BeginSpans(ctx, algorithm)
		return err
	})
	return run
}

// A run is kept with its place until it ends. Then its number is that of the store.
func testSpanRuns(s *env) {
	if got := s.spanState(); got.Algorithm != store.SpanAlgorithm || got.Run != nil {
		s.t.Errorf("a new store has the state %+v", got)
	}
	first := s.beginSpans(7)
	if first.ID == "" || first.Algorithm != 7 || first.Pass != 1 || !first.Begun.Equal(s.clock.stamp()) {
		s.t.Errorf("the run is %+v", first)
	}
	first.Pass, first.Read, first.Changed, first.Failed, first.Written = 2, 30, 20, 10, 25
	first.After = store.IndexPlace{Deleted: true, Account: "ü '\" \\", Number: 3, Name: "n\u2028%", Revision: 1 << 60}
	s.update(func(ctx context.Context, w store.Writer) error { return w.SaveSpans(ctx, first) })
	if got := s.spanState(); got.Algorithm != store.SpanAlgorithm || got.Run == nil || *got.Run != first {
		s.t.Errorf("the state is %+v, and its run %+v", got, got.Run)
	}
	second := s.beginSpans(8)
	s.rejectsAll(store.ErrConflict, map[string]change{
		"SaveSpans of a run that another one replaced": func(ctx context.Context, w store.Writer) error { return w.SaveSpans(ctx, first) },
		"EndSpans of a run that another one replaced":  func(ctx context.Context, w store.Writer) error { return w.EndSpans(ctx, first) },
	})
	s.update(func(ctx context.Context, w store.Writer) error { return w.LowerSpans(ctx, 8) })
	s.update(func(ctx context.Context, w store.Writer) error { return w.EndSpans(ctx, second) })
	if got := s.spanState(); got.Algorithm != 8 || got.Run != nil {
		s.t.Errorf("after the run the state is %+v", got)
	}
	ended := func(ctx context.Context, w store.Writer) error { return w.EndSpans(ctx, second) }
	s.rejects(store.ErrConflict, "EndSpans twice", ended)
	third := s.beginSpans(9)
	s.update(func(ctx context.Context, w store.Writer) error { return w.LowerSpans(ctx, 8) })
	if got := s.spanState(); got.Algorithm != 8 || got.Run != nil {
		s.t.Errorf("after components of an older algorithm arrived, the state is %+v", got)
	}
	s.rejects(store.ErrConflict, "EndSpans after older components arrived", func(ctx context.Context, w store.Writer) error { return w.EndSpans(ctx, third) })
	s.update(func(ctx context.Context, w store.Writer) error { return w.LowerSpans(ctx, 0) })
	if got := s.spanState(); got.Algorithm != 0 || got.Run != nil {
		s.t.Errorf("after components of an unknown algorithm arrived, the state is %+v", got)
	}
}

// A run that overlaps the arrival of older components does not end as if it had seen them,
// whichever comes first.
func testSpanRunOverlaps(s *env) {
	lower := func(ctx context.Context, w store.Writer) error { return w.LowerSpans(ctx, 1) }
	for _, lowerFirst := range []bool{false, true} {
		run := s.beginSpans(5)
		end := func(ctx context.Context, w store.Writer) error { return w.EndSpans(ctx, run) }
		first, second := end, lower
		if lowerFirst {
			first, second = lower, end
		}
		err1, err2 := s.overlap(first, second)
		if err1 != nil || lowerFirst != errors.Is(err2, store.ErrConflict) || !lowerFirst && err2 != nil {
			s.t.Errorf("lower first %v: got errors %v and %v", lowerFirst, err1, err2)
		}
		if got := s.spanState(); got.Algorithm != 1 || got.Run != nil {
			s.t.Errorf("lower first %v: the state is %+v", lowerFirst, got)
		}
	}
}
