package calio_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

// world is a store with an account a that has an empty calendar.
type world struct {
	*testing.T
	store.Store
	undo []string // lines, in the order of the changes
}

func newWorld(t *testing.T) *world {
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
	w := &world{T: t, Store: s}
	w.createAccount()
	return w
}

// createAccount creates the account a.
func (w *world) createAccount() {
	w.Helper()
	err := w.Update(w.Context(), func(ctx context.Context, u store.Writer) error {
		return u.CreateAccount(ctx, &store.NewAccount{
			Account:   store.Account{ID: "a", Kind: store.User, Addresses: []string{"a@example.com"}},
			Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT", "VTODO", "VFREEBUSY", "VAVAILABILITY"}}},
		})
	})
	if err != nil {
		w.Fatal(err)
	}
}

// save is a calio.SaveUndo.
func (w *world) save(lines []string) (func() error, error) {
	had := len(w.undo)
	w.undo = append(w.undo, lines...)
	return func() error { w.undo = w.undo[:had]; return nil }, nil
}

// options are those of an import into the default calendar.
func (w *world) options() calio.ImportOptions {
	return calio.ImportOptions{
		Store: w, Place: calio.Place{Backend: "b", Account: "a", Address: "a@example.com", Calendar: store.DefaultCalendar}, Conflict: calio.Skip, Save: w.save,
	}
}

// load imports a text, and returns the results as lines.
func (w *world) load(o calio.ImportOptions, text string) (lines []string, err error) {
	w.Helper()
	o.Report = func(r calio.Result) error {
		line := string(r.Outcome) + " " + r.UID
		if r.Reason != "" {
			line += ": " + r.Reason
		}
		lines = append(lines, line)
		return nil
	}
	m := calio.NewImporter(o)
	err = m.Read(w.Context(), "f.ics", ical.NewReader(strings.NewReader(text), ical.Options{Lenient: true}), calio.ReadOptions{Dir: w.TempDir()})
	if err == nil {
		err = m.End(w.Context())
	}
	return lines, err
}

// requireLoad is load for an import that works.
func (w *world) requireLoad(o calio.ImportOptions, text string, want ...string) {
	w.Helper()
	got, err := w.load(o, text)
	if err != nil {
		w.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("the results differ (-want +got):\n%s", diff)
	}
}

// content returns what the default calendar contains: names and summaries.
func (w *world) content() (out []string) {
	w.Helper()
	err := w.View(w.Context(), func(ctx context.Context, r store.Reader) error {
		out = nil
		for c, err := range r.Components(ctx, "a", store.DefaultCalendar, store.ComponentFilter{WithText: true}) {
			if err != nil {
				return err
			}
			_, after, _ := strings.Cut(string(c.Text), "SUMMARY:")
			summary, _, _ := strings.Cut(after, "\r\n")
			out = append(out, c.Name+" "+summary)
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return out
}

func (w *world) requireContent(want ...string) {
	w.Helper()
	if diff := cmp.Diff(want, w.content()); diff != "" {
		w.Errorf("the calendar differs (-want +got):\n%s", diff)
	}
}

func event(uid, summary string, more ...string) string {
	lines := append([]string{"BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20260101T000000Z", "DTSTART:20260302T080000Z", "DTEND:20260302T090000Z", "SUMMARY:" + summary}, more...)
	return strings.Join(append(lines, "END:VEVENT", ""), "\r\n")
}

func file(components ...string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + strings.Join(components, "") + "END:VCALENDAR\r\n"
}

func TestImportAgainChangesNothing(t *testing.T) {
	w := newWorld(t)
	text := file(event("1", "one"), event("2", "two"), event("a/b", "odd name"))
	w.requireLoad(w.options(), text, "created 1", "created 2", "created a/b")
	odd := calio.ResourceName("a/b", 0)
	want := []string{"1.ics one", "2.ics two", odd + " odd name"}
	w.requireContent(want...)
	saved := len(w.undo)
	w.requireLoad(w.options(), text, "unchanged 1", "unchanged 2", "unchanged a/b")
	other := strings.Replace(text, "PRODID:-//test//EN", "PRODID:-//other//EN", 1)
	w.requireLoad(w.options(), other, "unchanged 1", "unchanged 2", "unchanged a/b")
	w.requireContent(want...)
	if saved != 3 || len(w.undo) != saved {
		t.Errorf("%d undo lines, then %d", saved, len(w.undo))
	}
}

func TestConflicts(t *testing.T) {
	old, same := file(event("1", "old", "SEQUENCE:2")), file(event("1", "other", "SEQUENCE:2"))
	newer := file(event("1", "newer", "SEQUENCE:3"))
	const another = "the calendar has this UID with another content"
	for _, c := range []struct {
		conflict calio.Conflict
		text     string
		want     string
		content  string
	}{
		{calio.Skip, newer, "skipped 1: " + another, "old"},
		{calio.Fail, newer, "rejected 1: " + another, "old"},
		{calio.Newer, same, "skipped 1: " + another + ", and the file is not newer", "old"},
		{calio.Newer, newer, "replaced 1", "newer"},
		{calio.Replace, same, "replaced 1", "other"},
	} {
		t.Run(string(c.conflict)+" "+c.content, func(t *testing.T) {
			w := newWorld(t)
			w.requireLoad(w.options(), old, "created 1")
			o := w.options()
			o.Conflict, o.DryRun = c.conflict, true
			w.requireLoad(o, c.text, c.want)
			w.requireContent("1.ics old")
			o.DryRun = false
			w.requireLoad(o, c.text, c.want)
			w.requireContent("1.ics " + c.content)
		})
	}
}

func TestRejected(t *testing.T) {
	w := newWorld(t)
	journal := "BEGIN:VJOURNAL\r\nUID:j\r\nDTSTAMP:20260101T000000Z\r\nEND:VJOURNAL\r\n"
	var results []calio.Result
	o := w.options()
	o.Report = func(r calio.Result) error { results = append(results, r); return nil }
	m := calio.NewImporter(o)
	var problems []ical.Problem
	text := file(event("1", "one"), journal, "BEGIN:VEVENT\r\nUID:cut\r\n")
	err := m.Read(t.Context(), "f.ics", ical.NewReader(strings.NewReader(text), ical.Options{Lenient: true}), calio.ReadOptions{Report: func(p ical.Problem) { problems = append(problems, p) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := m.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(problems) == 0 || len(results) < 2 || results[0].Outcome != calio.Created {
		t.Fatalf("%+v %+v", problems, results)
	}
	j := results[1]
	if j.Outcome != calio.Rejected || j.UID != "j" || j.Line != 11 || !strings.Contains(j.Reason, "VJOURNAL") || !strings.Contains(string(j.Text), journal) {
		t.Errorf("%+v", j)
	}
	if _, _, err := ical.Parse(string(j.Text), ical.Options{}); err != nil {
		t.Error(err)
	}
}

// A text that was cut off imports nothing.
func TestCutOff(t *testing.T) {
	text := file(event("1", "one"), event("2", "two"))
	for n := range len(text) - 2 {
		w := &world{T: t}
		o := w.options()
		o.Report = func(r calio.Result) error { t.Errorf("%d bytes: %+v", n, r); return nil }
		m := calio.NewImporter(o)
		err := m.Read(t.Context(), "f.ics", ical.NewReader(strings.NewReader(text[:n]), ical.Options{Lenient: true}), calio.ReadOptions{})
		var source *calio.SourceError
		if n > 0 && !errors.As(err, &source) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

func TestCreateCalendar(t *testing.T) {
	w := newWorld(t)
	o := w.options()
	o.Place.Calendar = "new"
	if _, err := w.load(o, file(event("1", "one"))); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("without the calendar: %v", err)
	}
	o.Create = &store.Calendar{Kind: store.PlainCalendar, Components: []string{"VEVENT"}}
	o.DryRun = true
	w.requireLoad(o, file(event("1", "one")), "created 1")
	if len(w.undo) != 0 {
		t.Errorf("a dry run saved %q", w.undo)
	}
	o.DryRun = false
	w.requireLoad(o, file(event("1", "one")), "created 1")
	w.requireLoad(o, file(event("1", "one")), "unchanged 1")
	if len(w.undo) != 2 || !strings.Contains(w.undo[0], `"calendar-created"`) {
		t.Errorf("%q", w.undo)
	}
}

// The name of a resource that another object has is not taken.
func TestNameTaken(t *testing.T) {
	w := newWorld(t)
	w.requireLoad(w.options(), file(event("1", "one")), "created 1")
	err := w.Update(t.Context(), func(ctx context.Context, u store.Writer) error {
		at := store.Place{Account: "a", Calendar: store.DefaultCalendar, Name: "1.ics"}
		return u.MoveComponent(ctx, at, store.Place{Account: "a", Calendar: store.DefaultCalendar, Name: "2.ics"}, false, store.Condition{})
	})
	if err != nil {
		t.Fatal(err)
	}
	w.requireLoad(w.options(), file(event("2", "two"), event("1", "one")), "created 2", "unchanged 1")
	w.requireContent("2.ics one", calio.ResourceName("2", 1)+" two")
}

// Two imports into one calendar at once leave each object once.
func TestImportsAtOnce(t *testing.T) {
	w := newWorld(t)
	var components []string
	for i := range 1200 {
		components = append(components, event(fmt.Sprintf("%04d", i), "x"))
	}
	text := file(components...)
	var all sync.WaitGroup
	created := make([]int, 4)
	for i := range created {
		all.Go(func() {
			o := w.options()
			o.Save = func([]string) (func() error, error) { return func() error { return nil }, nil }
			o.Report = func(r calio.Result) error {
				switch r.Outcome {
				case calio.Created:
					created[i]++
				case calio.Unchanged:
				default:
					t.Errorf("%+v", r)
				}
				return nil
			}
			m := calio.NewImporter(o)
			err := m.Read(t.Context(), "f", ical.NewReader(strings.NewReader(text), ical.Options{Lenient: true}), calio.ReadOptions{})
			if err := errors.Join(err, m.End(t.Context())); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if sum := created[0] + created[1] + created[2] + created[3]; sum != 1200 || len(w.content()) != 1200 {
		t.Errorf("created %v, in the calendar %d", created, len(w.content()))
	}
}

// What a run does can be undone, and the undoing, too.
func TestUndo(t *testing.T) {
	w := newWorld(t)
	w.requireLoad(w.options(), file(event("1", "one"), event("2", "two")), "created 1", "created 2")
	w.undo = nil
	o := w.options()
	o.Conflict = calio.Replace
	w.requireLoad(o, file(event("2", "second"), event("3", "three")), "replaced 2", "created 3")
	w.requireLoad(o, file(event("2", "again")), "replaced 2")
	w.requireContent("1.ics one", "2.ics again", "3.ics three")

	w.requireUndo("undone 2.ics", "undone 2.ics", "undone 3.ics")
	w.requireContent("1.ics one", "2.ics two")
	undone := slices.Clone(w.undo)
	w.requireUndo("undone 3.ics", "undone 2.ics", "undone 2.ics")
	w.requireContent("1.ics one", "2.ics again", "3.ics three")

	w.undo = undone
	w.requireUndo("already 3.ics", "failed 2.ics", "already 2.ics") // the state between the two is not there any more
	w.undo = []string{(&calio.UndoLine{Kind: calio.ResourceCreated, Backend: "b", Account: "a", Calendar: store.DefaultCalendar, Name: "1.ics", After: "other"}).String()}
	w.requireUndo("failed 1.ics")
	w.requireContent("1.ics one", "2.ics again", "3.ics three")
}

// requireUndo undoes the lines, and keeps those that undo that.
func (w *world) requireUndo(want ...string) {
	w.Helper()
	text := "# undo file\n" + strings.Join(w.undo, "\n") + "\n{\"kind\":"
	w.undo = nil
	var got []string
	err := calio.Undo(w.Context(), calio.ReadUndo(w.Context(), strings.NewReader(text), int64(len(text))), calio.UndoOptions{
		Open: func(context.Context, string) (store.Store, error) { return w, nil },
		Save: w.save,
		Report: func(r calio.UndoResult) error {
			got = append(got, string(r.Outcome)+" "+r.Line.Name)
			return nil
		},
	})
	if err != nil {
		w.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.Errorf("the results differ (-want +got):\n%s", diff)
	}
}
