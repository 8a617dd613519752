package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A run of 'account create' may be killed before any system call that changes a
// file outside the store. The same command then finishes it, and the undo files
// undo all that the runs did.
func TestAccountCreateKilledAtEveryStep(t *testing.T) {
	c := newCrowd(t, 2)
	steps := 0
	for n := 1; ; n++ {
		home := newHome(t)
		reject := filepath.Join(t.TempDir(), "rejected")
		_, errs, err := run(t, []string{fmt.Sprintf("%s=%d", killVariable, n)}, c.create(home, "--reject", reject)...)
		if err != nil && !killed(err) {
			t.Fatalf("step %d: %v\n%s", n, err, errs)
		}
		done := err == nil
		if !done {
			steps++
			mustRun(t, c.create(home, "--reject", reject)...)
		}
		if got := whole(t, home); got != c.size {
			t.Errorf("step %d: %d accounts, want %d", n, got, c.size)
		}
		if b := read(t, reject); len(b) != 0 {
			t.Errorf("step %d: %q was rejected", n, b)
		}
		journalled(t, home, "done")
		undone, err := filepath.Glob(filepath.Join(home, "history", "accounts", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range undone {
			if !strings.HasSuffix(path, ".undo") {
				t.Errorf("step %d: %s was left behind", n, path)
			} else if len(read(t, path)) > 0 {
				mustRun(t, "account", "delete", "--yes", "-f", path, "--home", home)
			}
		}
		if got := whole(t, home); got != 0 {
			t.Errorf("step %d: %d accounts after undoing all, want 0", n, got)
		}
		if done {
			break
		}
	}
	// Intent, undo file, result and rejected lines each take several calls.
	if steps < 12 {
		t.Errorf("only %d steps were tried", steps)
	}
}

// The last line of an undo file that a kill cut off is for a change that was not
// made. It is skipped, and named.
func TestIncompleteLineOfAnUndoFileIsSkipped(t *testing.T) {
	c, home := newCrowd(t, 2), newHome(t)
	mustRun(t, c.create(home)...)
	paths, err := filepath.Glob(filepath.Join(home, "history", "accounts", "*.undo"))
	if err != nil || len(paths) != 1 {
		t.Fatalf("%q, %v", paths, err)
	}
	cut := read(t, paths[0])
	if err := os.WriteFile(paths[0], cut[:len(cut)-3], 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, err := run(t, nil, "account", "delete", "--yes", "-f", paths[0], "--home", home)
	if err != nil || !strings.Contains(errs, ":3: skipped") {
		t.Errorf("%v: %s", err, errs)
	}
	if n := whole(t, home); n != 1 {
		t.Errorf("%d accounts, want 1", n)
	}
}
