package cli_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// calendarOf returns a calendar file with events that have these UIDs.
func calendarOf(summary string, uids ...string) []byte {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n")
	for _, uid := range uids {
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260302T080000Z\r\nSUMMARY:%s\r\nEND:VEVENT\r\n", uid, summary)
	}
	b.WriteString("END:VCALENDAR\r\n")
	return []byte(b.String())
}

// A run of 'calcomponent import' may be killed before any system call that changes a file
// outside the store. The same command then finishes it, nothing is doubled, and the undo files
// undo all that the runs did.
func TestImportKilledAtEveryStep(t *testing.T) {
	c := newCrowd(t, 1)
	dir := t.TempDir()
	old, changed := filepath.Join(dir, "old.ics"), filepath.Join(dir, "changed.ics")
	write(t, old, calendarOf("old", "1", "2"))
	write(t, changed, calendarOf("new", "2", "3"))
	steps := 0
	for n := 1; ; n++ {
		home := newHome(t)
		mustRun(t, c.create(home)...)
		mustRun(t, "calcomponent", "import", "-a", person(0), "-m", old, "--home", home)
		args := []string{"calcomponent", "import", "-a", person(0), "-n", "new", "--create-calendar", "-m", old, "--home", home}
		replace := []string{"calcomponent", "import", "-a", person(0), "-m", changed, "--on-conflict", "replace", "--home", home}
		done := true
		for _, command := range [][]string{args, replace} {
			_, errs, err := run(t, []string{fmt.Sprintf("%s=%d", killVariable, n)}, command...)
			if err != nil && !killed(err) {
				t.Fatalf("step %d: %v\n%s", n, err, errs)
			}
			if err != nil {
				done = false
				mustRun(t, command...)
			}
			if out := mustRun(t, append(slices.Clone(command), "-e")...); strings.Count(out, "unchanged: ") != 2 || strings.Count(out, "\n") != 2 {
				t.Errorf("step %d: after the run was completed, it says %q", n, out)
			}
			journalled(t, home, "")
		}
		paths, err := filepath.Glob(filepath.Join(home, "history", "accounts", "*.undo"))
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(paths)
		for _, path := range paths {
			if strings.Contains(string(read(t, path)), "calcomponent restore") && filepath.Base(path) != "3.undo" {
				mustRun(t, "calcomponent", "restore", "-f", path, "--home", home)
			}
		}
		if out := mustRun(t, "calcomponent", "import", "-e", "-a", person(0), "-m", old, "--home", home); strings.Count(out, "unchanged: ") != 2 {
			t.Errorf("step %d: after undoing it, the import of the old file says %q", n, out)
		}
		if out := mustRun(t, "calendar", "list", "-a", person(0), "--home", home); strings.Contains(out, "new") {
			t.Errorf("step %d: the new calendar is left: %s", n, out)
		}
		if done {
			break
		}
		steps++
	}
	if steps < 8 {
		t.Errorf("only %d steps were tried", steps)
	}
}
