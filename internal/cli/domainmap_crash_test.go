package cli_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A run that removes the domain map may be killed before any system call. Then the file
// is complete or gone; the next run settles the journal, and takes neither for the work
// of somebody else.
func TestKilledWhileRemovingTheDomainMap(t *testing.T) {
	const url = "http://cs6.example.com:8080/ischedule/"
	steps := 0
	for n := 1; ; n++ {
		home := newHome(t)
		mustRun(t, "domainmap", "create", "--home", home, "-d", "example.com", "-L", url)
		file := filepath.Join(home, "config", "ischeduledomainmap.properties")
		old := read(t, file)
		_, errs, err := run(t, []string{fmt.Sprintf("%s=%d", killVariable, n)}, "domainmap", "revert", "--home", home, "2")
		_, statErr := os.Stat(file)
		gone := errors.Is(statErr, fs.ErrNotExist)
		if err == nil {
			if !gone {
				t.Fatal("a whole run left the file")
			}
			break
		}
		if !killed(err) {
			t.Fatalf("step %d: %v\n%s", n, err, errs)
		}
		if steps++; !gone && string(read(t, file)) != string(old) {
			t.Fatalf("step %d: the file is %q", n, read(t, file))
		}
		mustRun(t, "domainmap", "create", "--home", home, "-d", "example.org", "-L", url)
		if out := mustRun(t, "history", "verify", "--home", home); !strings.HasSuffix(out, ": intact\n") {
			t.Errorf("step %d: %s", n, out)
		}
		if out := mustRun(t, "domainmap", "history", "--home", home); strings.Contains(out, "someone else") {
			t.Errorf("step %d: davadmin's own work was taken for somebody else's:\n%s", n, out)
		}
	}
	// The intent, the removal and the result each take several calls.
	if steps < 6 {
		t.Errorf("only %d steps were tried", steps)
	}
}
