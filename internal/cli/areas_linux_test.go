package cli_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/dirgen"
	"github.com/davadmin/davadmin/pkg/journal"
)

// While a directory run is at work, commands that change other things do not wait for it,
// and one that changes the directory names it. The history is one list of unique numbers,
// and each change can be undone meanwhile.
func TestDirectoryRunLocksOnlyTheDirectory(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 300, Seed: 6, ForServer: true, Faults: map[string]int{}})
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif}})
	home, with := changes(t, p, s.URL, s.ManagerDN)
	var text strings.Builder
	for _, dn := range names(t, p, 200) {
		fmt.Fprintf(&text, "dn: %s\nchangetype: modify\nadd: employeeType\nemployeeType: x\n-\n\n", dn)
	}
	plan := writePlan(t, text.String())
	var out bytes.Buffer
	run := background(t, &out, with("ldap", "apply", plan, "--rate", "4")...)
	for deadline := time.Now().Add(20 * time.Second); populated(t, p, s) == 0 && time.Now().Before(deadline); {
		time.Sleep(2 * time.Millisecond)
	}
	a := davadminRun(t, nil, with("ldap", "apply", plan, "--lock-timeout", "0s")...)
	for _, want := range []string{"lock-directory: locked by another run ('davadmin ldap apply " + plan + " ", " --rate 4 ", fmt.Sprintf(", process %d, user ", run.Process.Pid), ", since 2"} {
		if a.code != 6 || !strings.Contains(a.notes, want) {
			t.Errorf("code %d, want %q in: %s", a.code, want, a.notes)
		}
	}
	others(t, home)
	if v := mustRun(t, "history", "verify", "--home", home); !strings.Contains(v, "its run is still at work, or was killed") || !strings.HasSuffix(v, ": intact\n") {
		t.Error(v)
	}
	if code := davadminRun(t, nil, "history", "prune", "--home", home, "--older", "0s", "--yes", "--lock-timeout", "0s").code; code != 6 {
		t.Errorf("a prune during the run: code %d", code)
	}
	_ = run.Process.Signal(syscall.SIGINT)
	_ = run.Wait()
	if code := run.ProcessState.ExitCode(); code != 130 || !strings.Contains(out.String(), "run the same command again to continue") {
		t.Errorf("code %d: %s", code, out.String())
	}
	checkNumbers(t, home)
	if v := mustRun(t, "history", "verify", "--home", home); !strings.HasSuffix(v, ": intact\n") {
		t.Error(v)
	}
	mustRun(t, "history", "prune", "--home", home, "--older", "0s", "--yes")
	if u := davadminRun(t, nil, with("history", "undo", "2", "--yes")...); u.code != 0 || populated(t, p, s) != 0 {
		t.Errorf("undo: code %d: %s%s", u.code, u.out, u.notes)
	}
	lostRuns(t, home, with)
}

// lostRuns replaces the undo file of run 2 by a pipe, then removes it. Nobody waits for the
// pipe, and 'history verify' finds both.
func lostRuns(t *testing.T, home string, with func(...string) []string) {
	t.Helper()
	undo := filepath.Join(home, "history", "ldap", "2", "undo.ldif")
	if err := os.Remove(undo); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(undo, 0o600); err != nil {
		t.Fatal(err)
	}
	if u := davadminRun(t, nil, with("ldap", "undo", "2", "--yes")...); u.code != 1 || !strings.Contains(u.notes, "it is a pipe, not a regular file") {
		t.Errorf("a pipe: code %d: %s", u.code, u.notes)
	}
	for _, want := range []string{"it is a pipe, not a regular file", "no such file or directory"} {
		if v := davadminRun(t, nil, "history", "verify", "--home", home); v.code != 3 || !strings.Contains(v.out, "error: change 2 (ldap apply) can no longer be undone: its undo file "+undo+" is missing or unreadable: "+want) {
			t.Errorf("code %d: %s", v.code, v.out)
		}
		if err := os.RemoveAll(filepath.Join(home, "history", "ldap")); err != nil {
			t.Fatal(err)
		}
	}
}

// others changes everything but the directory, in processes that run at once.
func others(t *testing.T, home string) {
	t.Helper()
	input := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(input, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "passfile", "create", "--home", home, "--new-key", "-n", "admin", "--value-file", input)
	c := newCrowd(t, 3)
	var all sync.WaitGroup
	for i := range 6 {
		for _, args := range [][]string{
			{"config", "modify", "-o", fmt.Sprintf("store.dav.b%d.dbdir", i), "-v", "/db"},
			{"domainmap", "create", "-d", fmt.Sprintf("d%d.example", i), "-L", "http://h.example:80/ischedule/"},
			{"account", "create", "-a", person(i % 3), "--ldif", c.ldif},
		} {
			all.Go(func() {
				if out, errs, err := run(t, nil, append(args, "--home", home)...); err != nil {
					t.Errorf("%q: %v: %s%s", args, err, out, errs)
				}
			})
		}
	}
	all.Go(func() {
		if _, errs, err := run(t, nil, "passfile", "modify", "--home", home, "-n", "admin", "--value-file", input); err != nil {
			t.Errorf("%v: %s", err, errs)
		}
	})
	all.Wait()
	entries := history(t, home)
	last := slices.IndexFunc(entries, func(e journal.Entry) bool { return e.Operation == "domainmap create" })
	mustRun(t, "history", "undo", fmt.Sprint(entries[last].Change), "--home", home, "--yes")
}

func history(t *testing.T, home string) []journal.Entry {
	t.Helper()
	entries, err := journal.New(filepath.Join(home, "history"), journal.Options{Base: home}).Entries(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// checkNumbers checks that the changes are numbered from 1 without a gap, and have ended.
func checkNumbers(t *testing.T, home string) {
	t.Helper()
	for i, e := range history(t, home) {
		if e.Change != int64(i+1) || e.Result == journal.Pending {
			t.Errorf("the change at %d has number %d and is %s", i+1, e.Change, e.Result)
		}
	}
}
