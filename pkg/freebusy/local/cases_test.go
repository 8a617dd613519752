package local

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// cases are difficulties that calendar files have in the wild, with the instances that the
// events of each file have, worked out by hand.
const cases = "../../../internal/cli/testdata/script/calcomponent_cases.txtar"

// listed is how many instances of one UID the list of instances has at most.
const listed = 6

// An account is busy at the instances of what it imports, and at no other time. Faults that
// calendar files have in the wild make no time unknown.
func TestCases(t *testing.T) {
	archive, err := txtar.ParseFile(cases)
	if err != nil {
		t.Fatal(err)
	}
	files, rows := map[string]string{}, map[string][][]string{}
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, "cases/"); ok {
			files[name] = asIs(name, string(f.Data))
		}
		if f.Name == "instances.txt" {
			for line := range strings.Lines(string(f.Data)) {
				row := strings.Fields(line)
				rows[row[0]] = append(rows[row[0]], row)
			}
		}
	}
	if len(files) < 40 {
		t.Fatalf("only %d files", len(files))
	}
	s := onSQLite(t)
	o := Options{Zones: recur.NewZones()}
	for name, text := range files {
		person(t, s, name)
		importCase(t, s, name, text)
		window, want := expected(t, name, rows[name])
		got, problems := compute(t, s, name, window, o)
		if diff := cmp.Diff(freebusy.Merge(window, want), got); diff != "" || problems != nil {
			t.Errorf("%s: %v (-want +got)\n%s", name, problems, diff)
		}
	}
}

// asIs gives a file the line endings of iCalendar, and the bytes that a text file cannot have, as
// the script make.sh of the cases does.
func asIs(name, text string) string {
	if name != "bare-cr-lf-mix.ics" {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	text = strings.NewReplacer("@CAKE@", "\U0001F382", "@DANCE@", "\xf0\x9f\r\n \x92\x83", "@ESC@", "\x1b", "@NUL@", "\x00", "@VT@", "\x0b", "@CR@", "\r").Replace(text)
	if name == "bom.ics" {
		text = "\ufeff" + text
	}
	return text
}

// importCase imports a file into the default calendar of an account.
func importCase(t *testing.T, s store.Store, account, text string) {
	t.Helper()
	m := calio.NewImporter(calio.ImportOptions{
		Store: s, Place: calio.Place{Backend: s.Backend(), Account: account, Calendar: store.DefaultCalendar},
		Save:   func([]string) (func() error, error) { return func() error { return nil }, nil },
		Report: func(calio.Result) error { return nil },
	})
	r := ical.NewReader(strings.NewReader(text), ical.Options{Lenient: true})
	if err := m.Read(t.Context(), account, r, calio.ReadOptions{Dir: t.TempDir()}); err != nil {
		t.Fatal(account, err)
	}
	if err := m.End(t.Context()); err != nil {
		t.Fatal(account, err)
	}
}

// expected returns a window in which all instances of a file are listed, and their times. Tasks
// take no time.
func expected(t *testing.T, name string, rows [][]string) (w freebusy.Window, busy []freebusy.Period) {
	t.Helper()
	times := map[string]int{}
	w.End = at("2027-01-01 00:00")
	for _, row := range rows {
		p := freebusy.Period{Start: instant(t, row[1]), End: instant(t, row[2]), Kind: freebusy.Busy}
		if name != "vtodo-due-range.ics" {
			busy = append(busy, p)
		}
		if w.Start.IsZero() || p.Start.Before(w.Start) {
			w.Start = p.Start.AddDate(0, 0, -1)
		}
		uid := row[len(row)-1]
		if times[uid]++; times[uid] == listed && p.End.Before(w.End) {
			w.End = p.End
		}
	}
	if first := at("2012-12-01 00:00"); w.Start.Before(first) && len(rows) > 0 {
		w.Start = first // where the list of instances begins
	}
	if w.Start.IsZero() { // a file without instances
		w.Start = w.End.AddDate(-1, 0, 0)
	}
	if last := w.Start.Add(MaxWindow); last.Before(w.End) {
		w.End = last
	}
	return w, busy
}

// instant reads a time in UTC, or a floating time or a date, which are in UTC here.
func instant(t *testing.T, text string) time.Time {
	t.Helper()
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at
		}
	}
	t.Fatalf("%q is not a time", text)
	return time.Time{}
}
