package calio_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/icaltest"
	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
)

// importInto imports a text into a new calendar, where each object must be created.
func (w *world) importInto(calendar, text string) {
	w.Helper()
	o := w.options()
	o.Place.Calendar = calendar
	o.Create = &store.Calendar{Account: "a", Name: calendar, Kind: store.PlainCalendar, Components: []string{"VEVENT", "VTODO"}}
	lines, err := w.load(o, text)
	if err != nil {
		w.Fatal(err)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "created ") || strings.Contains(line, ": ") {
			w.Fatal(line)
		}
	}
	w.undo = nil // which is not needed, and would fill the memory
}

// export returns the texts of a calendar by UID, and the calendar as one file.
func (w *world) export(calendar string) (texts map[string]string, file string) {
	w.Helper()
	texts = map[string]string{}
	writer := calio.NewCalendarWriter(w.TempDir())
	err := w.View(w.Context(), func(ctx context.Context, r store.Reader) error {
		for x, err := range calio.NewSelector(calio.Filter{}, nil).Texts(ctx, r, "a", calendar) {
			if err != nil {
				return err
			}
			texts[x.UID] = string(x.Text)
			if err := writer.Add(x.Text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	var b bytes.Buffer
	if err := writer.Close(w.Context(), &b); err != nil {
		w.Fatal(err)
	}
	return texts, b.String()
}

// objectTexts returns the texts of the objects of a file by UID.
func objectTexts(t *testing.T, text string) map[string]string {
	t.Helper()
	s, err := calobj.Split(t.Context(), ical.NewReader(strings.NewReader(text), ical.Options{Lenient: true}), calobj.SplitOptions{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	texts := map[string]string{}
	for item, err := range s.Items(t.Context()) {
		if err != nil || item.Err != nil {
			t.Fatal(err, item.Err)
		}
		texts[item.UID] = string(item.Object.Text())
	}
	return texts
}

// components returns the lines of the VEVENTs of a text, sorted: the bytes that count. It uses
// none of the code that it tests.
func components(text string) string {
	var out []string
	for rest := text; ; {
		_, after, found := strings.Cut(rest, "BEGIN:VEVENT")
		if !found {
			slices.Sort(out)
			return strings.Join(out, "")
		}
		one, more, _ := strings.Cut(after, "END:VEVENT")
		out, rest = append(out, one), more
	}
}

// Generated calendars that are imported, exported, imported and exported again keep the bytes
// of each object, on both engines.
func TestRoundTripThroughTheStore(t *testing.T) {
	open := map[string]func(t *testing.T) *world{
		"sqlite": newWorld,
		"postgresql": func(t *testing.T) *world {
			o := postgres.Options{URL: servertest.Postgres(t, servertest.PostgresOptions{}).URL("postgres"), Backend: "b"}
			if err := postgres.Create(t.Context(), o); err != nil {
				t.Fatal(err)
			}
			s, err := postgres.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			w := &world{T: t, Store: s}
			w.createAccount()
			return w
		},
	}
	for engine, open := range open {
		t.Run(engine, func(t *testing.T) {
			random, w := seed.New(t), open(t)
			for i := range tier.Rounds(t, 40, 1000) {
				o := icaltest.Typical(random.Uint64(), 1+random.IntN(20))
				o.Attachments, o.Newline = 10, []string{"\r\n", "\n"}[i%2]
				text, _ := icaltest.Text(o)
				first, second := fmt.Sprint("first-", i), fmt.Sprint("second-", i)
				w.importInto(first, text)
				want := objectTexts(t, text)
				got, file := w.export(first)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("calendar %d: the objects in the store are not those of the file (-file +store):\n%s", i, diff)
				}
				if components(file) != components(text) {
					t.Fatalf("calendar %d: the events of the export are not those of the file:\n%s", i, cmp.Diff(components(text), components(file)))
				}
				w.importInto(second, file)
				again, same := w.export(second)
				if same != file {
					t.Fatalf("calendar %d: the second export differs from the first:\n%s", i, cmp.Diff(file, same))
				}
				if len(again) != len(want) {
					t.Fatalf("calendar %d: %d objects became %d", i, len(want), len(again))
				}
				for uid, before := range want {
					if components(before) != components(again[uid]) {
						t.Errorf("calendar %d: %s differs:\n%s", i, uid, cmp.Diff(before, again[uid]))
					}
				}
			}
		})
	}
}
