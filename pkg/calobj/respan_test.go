package calobj_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

// filled is a store with an account a that has n events.
type filled struct {
	*testing.T
	store.Store
	path string
}

func fill(t *testing.T, n int) *filled {
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
	f := &filled{t, s, o.Path}
	f.update(func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(ctx, &store.NewAccount{
			Account:   store.Account{ID: "a", Kind: store.User, Addresses: []string{"a@example.com"}},
			Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"}}},
		})
	})
	zones := recur.NewZones()
	var objects []calobj.Named
	for i := range n {
		text := calendar("BEGIN:VEVENT", fmt.Sprintf("UID:%d", i), "DTSTAMP:20260101T000000Z", fmt.Sprintf("DTSTART:20260302T%02d0000Z", i%24), "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=3", "END:VEVENT")
		object, err := calobj.Parse(text, calobj.Options{Zones: zones})
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, calobj.Named{Name: fmt.Sprintf("%04d.ics", i), Object: object})
	}
	if _, err := calobj.Load(t.Context(), s, "a", store.DefaultCalendar, objects); err != nil {
		t.Fatal(err)
	}
	return f
}

func (f *filled) update(fn func(ctx context.Context, w store.Writer) error) {
	f.Helper()
	if err := f.Update(f.Context(), fn); err != nil {
		f.Fatal(err)
	}
}

// all returns all components of the store.
func (f *filled) all() (out []*store.Indexed) {
	f.Helper()
	err := f.View(f.Context(), func(ctx context.Context, r store.Reader) error {
		out = nil
		for m, err := range r.Indexed(ctx, store.IndexPlace{}, 0) {
			if err != nil {
				return err
			}
			out = append(out, m)
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	return out
}

func (f *filled) state() (state store.SpanState) {
	f.Helper()
	err := f.View(f.Context(), func(ctx context.Context, r store.Reader) (err error) {
		state, err = r.SpanState(ctx)
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
	return state
}

// spoil makes all indexes wrong, and the number of their algorithm unknown.
func (f *filled) spoil() {
	f.Helper()
	all := f.all()
	f.update(func(ctx context.Context, w store.Writer) error {
		for _, m := range all {
			if _, err := w.Reindex(ctx, m.Place, m.ETag, store.Index{Status: "WRONG"}); err != nil {
				return err
			}
		}
		return w.LowerSpans(ctx, 0)
	})
}

// wrong returns how many indexes are not right.
func (f *filled) wrong() (n int) {
	for _, m := range f.all() {
		o, err := calobj.Parse(m.Text, options(true))
		if err != nil || !o.Index.Equal(m.Index()) {
			n++
		}
	}
	return n
}

func (f *filled) respan(o calobj.RespanOptions) calobj.RespanResult {
	f.Helper()
	result, err := calobj.Respan(f.Context(), f.Store, o)
	if err != nil {
		f.Fatal(err)
	}
	return result
}

// All wrong indexes are written, deleted components included, and nothing else changes.
func TestRespan(t *testing.T) {
	const n = 1203 // several batches
	f := fill(t, n)
	f.update(func(ctx context.Context, w store.Writer) error {
		return w.DeleteComponent(ctx, "a", store.DefaultCalendar, "0007.ics", store.Condition{})
	})
	before := f.all()
	if got := f.respan(calobj.RespanOptions{}); got.Read != n || got.Differed != 0 || got.Written != 0 || got.Passes != 1 || !got.Completed || got.Before != store.SpanAlgorithm {
		t.Errorf("a right store: %+v", got)
	}
	f.spoil()
	if got := f.respan(calobj.RespanOptions{DryRun: true}); got.Read != n || got.Differed != n || got.Written != 0 || got.Completed || got.Before != 0 {
		t.Errorf("a dry run: %+v", got)
	}
	if f.wrong() != n || f.state().Algorithm != 0 || f.state().Run != nil {
		t.Error("the dry run changed something")
	}
	differed := 0
	if got := f.respan(calobj.RespanOptions{Differs: func(m *store.Indexed, x store.Index) { differed++ }}); got.Read != n || got.Differed != n || got.Written != n || got.Passes != 2 || !got.Completed || got.Failed != 0 {
		t.Errorf("a wrong store: %+v", got)
	}
	after := f.all()
	if !slices.EqualFunc(before, after, func(a, b *store.Indexed) bool {
		return a.Place == b.Place && a.Index().Equal(b.Index()) && a.ETag == b.ETag && a.Revision == b.Revision
	}) {
		t.Error("the store is not as before")
	}
	if state := f.state(); state.Algorithm != store.SpanAlgorithm || state.Run != nil || differed != n {
		t.Errorf("the state is %+v; %d differed", state, differed)
	}
}

// What cannot be read or does not agree is reported each time, the others are right, and the
// store does not get the number.
func TestRespanUnreadable(t *testing.T) {
	f := fill(t, 20)
	f.spoil()
	bad := map[string]string{
		"x1.ics": "BEGIN:VCALENDAR\r\nX:y\r\nEND:VCALENDAR\r\n",
		"x2.ics": string(calendar("BEGIN:VEVENT", "UID:other", "DTSTART:20260302T090000Z", "END:VEVENT")),
		"x3.ics": string(calendar("BEGIN:VTODO", "UID:x3.ics", "END:VTODO")),
	}
	f.update(func(ctx context.Context, w store.Writer) error {
		for name, text := range bad {
			if err := w.PutComponent(ctx, "a", store.DefaultCalendar, &store.Component{Name: name, UID: name, Type: "VEVENT", Text: []byte(text)}, store.Condition{}); err != nil {
				return err
			}
		}
		return nil
	})
	for round := range 2 {
		var failed []string
		got := f.respan(calobj.RespanOptions{Failed: func(m *store.Indexed, err error) {
			failed = append(failed, m.Name)
			if err == nil || m.Address != "a@example.com" || m.Calendar != store.DefaultCalendar {
				t.Errorf("%+v: error %v", m, err)
			}
		}})
		if got.Completed || got.Failed != 3 || got.Written != int64(20*(1-round)) || got.Resumed {
			t.Errorf("round %d: %+v", round, got)
		}
		if slices.Sort(failed); !slices.Equal(failed, []string{"x1.ics", "x2.ics", "x3.ics"}) {
			t.Errorf("round %d: failed: %v", round, failed)
		}
		if f.wrong() != 2 || f.state().Algorithm != 0 { // x1 and x2, whose indexes nobody may write
			t.Errorf("round %d: %d are wrong, the state is %+v", round, f.wrong(), f.state())
		}
	}
}

// A run that was interrupted goes on where it was, and what it had written is right.
func TestRespanResumes(t *testing.T) {
	const n = 1700
	f := fill(t, n)
	f.spoil()
	ctx, cancel := context.WithCancel(t.Context())
	first, err := calobj.Respan(ctx, f.Store, calobj.RespanOptions{Progress: func(r calobj.RespanResult) {
		if r.Read >= 600 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) || first.Completed || first.Written < 600 || first.Written == n {
		t.Fatalf("%+v, error %v", first, err)
	}
	if wrong := f.wrong(); wrong != n-int(first.Written) {
		t.Errorf("%d are wrong after %d were written", wrong, first.Written)
	}
	got := f.respan(calobj.RespanOptions{})
	if !got.Resumed || got.Skipped != first.Read || got.Read != n-first.Read || got.Written != n-first.Written || !got.Completed || f.wrong() != 0 {
		t.Errorf("the second run: %+v after %+v", got, first)
	}
}

// A component that is restored to a place where the run has been is not missed, and neither is
// an account that arrives with older indexes.
func TestRespanSeesWhatMoves(t *testing.T) {
	const n = 1200
	f := fill(t, n)
	f.update(func(ctx context.Context, w store.Writer) error {
		return w.DeleteComponent(ctx, "a", store.DefaultCalendar, "0000.ics", store.Condition{})
	})
	f.spoil()
	restored, arrived := false, false
	got := f.respan(calobj.RespanOptions{Progress: func(r calobj.RespanResult) {
		switch {
		case !restored:
			restored = true
			f.update(func(ctx context.Context, w store.Writer) error {
				return w.UndeleteComponent(ctx, "a", store.DefaultCalendar, "0000.ics")
			})
		case r.Passes == 2 && !arrived:
			arrived = true
			f.update(func(ctx context.Context, w store.Writer) error {
				m := f.first(ctx, w)
				if _, err := w.Reindex(ctx, m.Place, m.ETag, store.Index{}); err != nil {
					return err
				}
				return w.LowerSpans(ctx, 0)
			})
		}
	}})
	if !restored || !arrived || !got.Completed || f.wrong() != 0 || f.state().Algorithm != store.SpanAlgorithm {
		t.Errorf("%+v; %d are wrong", got, f.wrong())
	}
}

func (f *filled) first(ctx context.Context, r store.Reader) *store.Indexed {
	for m, err := range r.Indexed(ctx, store.IndexPlace{}, 1) {
		if err != nil {
			f.Fatal(err)
		}
		return m
	}
	return nil
}

// The components of an account that is being moved are left out, and the run says so.
func TestRespanLeavesMovingAccounts(t *testing.T) {
	f := fill(t, 3)
	f.spoil()
	var mark store.Move
	f.update(func(ctx context.Context, w store.Writer) (err error) {
		mark, err = w.(store.MoveWriter).Leave(ctx, "a", "other")
		return err
	})
	failed := 0
	got := f.respan(calobj.RespanOptions{Failed: func(_ *store.Indexed, err error) {
		if failed++; !errors.Is(err, store.ErrMoving) {
			t.Error(err)
		}
	}})
	if got.Completed || got.Failed != 3 || failed != 3 || got.Written != 0 || f.wrong() != 3 {
		t.Errorf("%+v, %d reported", got, failed)
	}
	f.update(func(ctx context.Context, w store.Writer) error { return w.(store.MoveWriter).Stay(ctx, mark) })
	if got = f.respan(calobj.RespanOptions{}); !got.Completed || f.wrong() != 0 {
		t.Errorf("after the move: %+v", got)
	}
}

// A rate is kept, and a store of a later version is left alone.
func TestRespanRateAndNewer(t *testing.T) {
	f := fill(t, 30)
	start := time.Now()
	if got := f.respan(calobj.RespanOptions{Rate: 100}); got.Read != 30 || !got.Completed {
		t.Errorf("%+v", got)
	}
	if took := time.Since(start); took < 250*time.Millisecond || took > 10*time.Second {
		t.Errorf("30 components at 100 a second took %v", took)
	}
	f.update(func(ctx context.Context, w store.Writer) error {
		run, err := w.BeginSpans(ctx, store.SpanAlgorithm+1)
		if err != nil {
			return err
		}
		return w.EndSpans(ctx, run)
	})
	if _, err := calobj.Respan(t.Context(), f.Store, calobj.RespanOptions{}); !errors.Is(err, calobj.ErrNewerAlgorithm) {
		t.Errorf("got error %v", err)
	}
}
