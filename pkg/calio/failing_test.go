package calio_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/store"
)

// failing is a store whose first change fails: before it is made, or after it was made, when
// nobody can know that.
type failing struct {
	store.Store
	after  bool
	failed bool
	// meanwhile is called after the failure, for what another program does.
	meanwhile func()
}

func (f *failing) Update(ctx context.Context, fn func(context.Context, store.Writer) error) error {
	if f.failed {
		return f.Store.Update(ctx, fn)
	}
	f.failed = true
	err := store.ErrUnavailable
	if f.after {
		if err := f.Store.Update(ctx, fn); err != nil {
			return err
		}
		err = &store.CommitUnknown{Err: store.ErrUnavailable}
	}
	if f.meanwhile != nil {
		f.meanwhile()
	}
	return err
}

// twice calls try again after an error of an unavailable store.
func twice(_ context.Context, try func(bool) error) error {
	err := try(false)
	if errors.Is(err, store.ErrUnavailable) {
		err = try(true)
	}
	return err
}

// What another program did after an attempt that failed is not reported as done by this one.
func TestAfterAFailure(t *testing.T) {
	one := file(event("1", "one"))
	for _, after := range []bool{false, true} {
		name := map[bool]string{false: "not made", true: "made, but unknown"}[after]
		t.Run("import "+name, func(t *testing.T) {
			w := newWorld(t)
			o := w.options()
			f := &failing{Store: w.Store, after: after}
			if !after {
				f.meanwhile = func() { w.requireLoad(w.options(), one, "created 1") }
			}
			o.Store, o.Retry = f, twice
			w.requireLoad(o, one, map[bool]string{false: "unchanged 1", true: "created 1"}[after])
		})
		t.Run("delete "+name, func(t *testing.T) {
			w := newWorld(t)
			w.requireLoad(w.options(), one, "created 1")
			list := []calio.Doomed{{Name: "1.ics", UID: "1", ETag: store.ETagOf([]byte(one))}}
			var got []calio.DeleteResult
			o := calio.DeleteOptions{Place: w.options().Place, Save: w.save, Retry: twice, Report: func(r calio.DeleteResult) error { got = append(got, r); return nil }}
			f := &failing{Store: w.Store, after: after}
			if !after {
				f.meanwhile = func() { w.remove("1.ics") }
			}
			o.Store = f
			if err := calio.Delete(t.Context(), list, o); err != nil {
				t.Fatal(err)
			}
			if len(got) != 1 || got[0].Deleted != after {
				t.Errorf("%+v", got)
			}
		})
		t.Run("undo "+name, func(t *testing.T) {
			w := newWorld(t)
			w.requireLoad(w.options(), one, "created 1")
			f := &failing{Store: w.Store, after: after}
			if !after {
				f.meanwhile = func() { w.remove("1.ics") }
			}
			text := strings.Join(w.undo, "\n") + "\n"
			var got []calio.UndoOutcome
			err := calio.Undo(t.Context(), calio.ReadUndo(t.Context(), strings.NewReader(text), int64(len(text))), calio.UndoOptions{
				Open: func(context.Context, string) (store.Store, error) { return f, nil }, Save: w.save, Retry: twice,
				Report: func(r calio.UndoResult) error { got = append(got, r.Outcome); return nil },
			})
			want := map[bool]calio.UndoOutcome{false: calio.AlreadyDone, true: calio.Undone}[after]
			if err != nil || len(got) != 1 || got[0] != want {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

// A change of which nobody knows whether it was made is reported as that.
func TestUnknownIsReported(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Store = &failing{Store: w.Store, after: true}
	var got calio.Result
	o.Report = func(r calio.Result) error { got = r; return nil }
	m := calio.NewImporter(o)
	err := m.Read(t.Context(), "f", ical.NewReader(strings.NewReader(file(event("1", "one"))), ical.Options{Lenient: true}), calio.ReadOptions{})
	var unknown *store.CommitUnknown
	if err := errors.Join(err, m.End(t.Context())); !errors.As(err, &unknown) {
		t.Fatal(err)
	}
	if got.Outcome != calio.NotDone || !strings.Contains(got.Reason, "unknown whether") || len(w.undo) != 1 {
		t.Errorf("%+v, %d undo lines", got, len(w.undo))
	}
}

// remove deletes a resource as another program does.
func (w *world) remove(name string) {
	w.Helper()
	err := w.Update(w.Context(), func(ctx context.Context, u store.Writer) error {
		return u.DeleteComponent(ctx, "a", store.DefaultCalendar, name, store.Condition{})
	})
	if err != nil {
		w.Fatal(err)
	}
}
