package cli_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// put adds an event to the default calendar of an account.
func put(t *testing.T, home, id string, components ...*store.Component) {
	t.Helper()
	l := backends.Location{Backend: "defaultbackend", File: filepath.Join(home, "data", "db", "defaultbackend.sqlite")}
	st, err := l.Open(t.Context(), backends.Options{Wait: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	err = st.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
		for _, c := range components {
			if err := w.PutComponent(t.Context(), id, store.DefaultCalendar, c, store.Condition{}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func event(name string, start, end time.Time) *store.Component {
	return &store.Component{Name: name + ".ics", UID: name, Type: "VEVENT", Start: start, End: end, Text: []byte("BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n")}
}

var toUndo = regexp.MustCompile(`to undo: davadmin (.*)\n`)

// undo runs the undo command that a note names.
func undo(t *testing.T, notes string) answer {
	t.Helper()
	m := toUndo.FindStringSubmatch(notes)
	if m == nil {
		t.Fatalf("the notes name no undo command: %s", notes)
	}
	return davadminRun(t, nil, append(strings.Fields(m[1]), "--yes")...)
}

// Old components are deleted, those without an end are kept, and the undo command in the
// notes restores the deleted ones.
func TestAccountDelComponent(t *testing.T) {
	home, c := newHome(t), newCrowd(t, 2)
	mustRun(t, c.create(home)...)
	id := listAccounts(t, home, "-a", person(0))[0].ID
	now := time.Now().UTC().Truncate(time.Second)
	day := 24 * time.Hour
	put(t, home, id, event("old", now.Add(-100*day), now.Add(-99*day)), event("older", now.Add(-400*day), now.Add(-399*day)),
		event("new", now.Add(-2*day), now.Add(-day)), event("endless", now.Add(-400*day), time.Time{}))
	expect := func(n int) {
		t.Helper()
		if out := mustRun(t, "account", "list", "-v", "-a", person(0), "--home", home); !strings.Contains(out, fmt.Sprintf("\ncomponents: %d\n", n)) {
			t.Errorf("want %d components: %s", n, out)
		}
	}
	with := func(args ...string) []string {
		return append([]string{"account", "delcomponent", "-a", person(0), "--home", home}, args...)
	}
	for code, args := range map[int][]string{2: {"-d", "30"}, 0: {"-d", "30", "--dry-run"}} {
		if a := davadminRun(t, nil, with(args...)...); a.code != code {
			t.Errorf("%q: code %d: %s%s", args, a.code, a.out, a.notes)
		}
	}
	for _, args := range [][]string{{}, {"-d", "0", "--yes"}, {"-d", "999999999", "--yes"}, {"-d", "106751991168", "--yes"}, {"-d", "9223372036854775807", "--yes"}, {"-d", "3", "--undelete", "2026-01-01T00:00:00Z"}, {"--undelete", "yesterday"}} {
		if a := davadminRun(t, nil, with(args...)...); a.code != 2 {
			t.Errorf("%q: code %d: %s%s", args, a.code, a.out, a.notes)
		}
	}
	expect(4)
	a := davadminRun(t, nil, with("-d", "200", "-r")...)
	if a.code != 0 || !strings.Contains(a.out, "calendar: 1 component\n") {
		t.Errorf("code %d: %s%s", a.code, a.out, a.notes)
	}
	expect(3)
	second := davadminRun(t, nil, with("-d", "30", "-r")...)
	expect(2)
	// The second change is undone, and the first one stays.
	back := undo(t, second.notes)
	if back.code != 0 || !strings.Contains(back.out, "restored: "+person(0)) {
		t.Errorf("code %d: %s%s", back.code, back.out, back.notes)
	}
	expect(3)
	if again := davadminRun(t, nil, with("-d", "700000", "-r")...); again.code != 0 || strings.Contains(again.notes, "to undo") {
		t.Errorf("code %d: %s", again.code, again.notes)
	}
	if back = undo(t, a.notes); back.code != 0 {
		t.Errorf("code %d: %s%s", back.code, back.out, back.notes)
	}
	expect(4)

	// What holds something is not taken away by taking an upgrade back.
	lines := filepath.Join(t.TempDir(), "lines")
	write(t, lines, []byte(person(0)+":calendar\n"))
	if a := davadminRun(t, nil, "account", "upgrade", "--undo", "-f", lines, "--home", home); a.code != 4 || !strings.Contains(a.notes, "is no longer empty, so it is not deleted") {
		t.Errorf("code %d: %s%s", a.code, a.out, a.notes)
	}
	// Deleted and brought back, the account has all of it.
	gone := davadminRun(t, nil, "account", "delete", "-a", person(0), "--yes", "--home", home)
	if back = undo(t, gone.notes); back.code != 0 {
		t.Errorf("code %d: %s%s", back.code, back.out, back.notes)
	}
	expect(4)
	journalled(t, home, "done")
}
