package cli_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/dirgen"
)

// background starts davadmin and returns it while it runs.
func background(t *testing.T, out io.Writer, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := exec.LookPath("davadmin")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd
}

// populated returns how many users have the attribute that the plan adds.
func populated(t *testing.T, p planted, s *servertest.Server) int {
	t.Helper()
	out, err := exec.Command("ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", s.URL, "-D", s.ManagerDN, "-w", servertest.Password, "-b", "o=isp", "(employeeType=*)", "employeeType").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(out), "\nemployeeType: ")
}

// A run that is killed at any time continues where it was, does nothing twice, and can be
// undone as one run.
func TestApplyResumesAfterKill(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 700, Seed: 6, ForServer: true, Faults: map[string]int{}})
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif, Indexes: []string{"employeeType pres"}}})
	home, with := changes(t, p, s.URL, s.ManagerDN)
	people := names(t, p, 1000)
	before := export(t, p, s)
	var text strings.Builder
	for i, dn := range people {
		// Adding the same value twice would be refused.
		fmt.Fprintf(&text, "# expect-absent employeeType\ndn: %s\nchangetype: modify\nadd: employeeType\nemployeeType: n%d\n-\n\n", dn, i)
	}
	plan := writePlan(t, text.String())
	kills := 0
	for _, least := range []int{1, 90, 300, 500} {
		var out bytes.Buffer
		cmd := background(t, &out, with("ldap", "apply", plan, "--rate", "400")...)
		deadline := time.Now().Add(20 * time.Second)
		for populated(t, p, s) < least && time.Now().Before(deadline) {
			time.Sleep(2 * time.Millisecond)
		}
		_ = cmd.Process.Signal(syscall.SIGKILL)
		if err := cmd.Wait(); killed(err) {
			kills++
		}
	}
	if kills < 3 {
		t.Fatalf("killed only %d times", kills)
	}
	if n := populated(t, p, s); n == 0 || n == len(people) {
		t.Fatalf("%d entries changed when it was last killed", n)
	}
	a := davadminRun(t, nil, with("ldap", "apply", plan)...)
	if a.code != 0 || !strings.Contains(a.notes, "was interrupted with at least") || populated(t, p, s) != len(people) {
		t.Fatalf("code %d, %d of %d changed: %s%s", a.code, populated(t, p, s), len(people), a.out, a.notes)
	}
	list := davadminRun(t, nil, "ldap", "runs", "--home", home, "--output", "jsonl")
	if strings.Count(list.out, `"run":`) != 1 || !strings.Contains(list.out, `"state":"done"`) {
		t.Errorf("runs: %s", list.out)
	}
	if v := davadminRun(t, nil, "history", "verify", "--home", home); v.code != 0 {
		t.Errorf("%s%s", v.out, v.notes)
	}
	if u := davadminRun(t, nil, with("ldap", "undo", "2", "--yes")...); u.code != 0 {
		t.Errorf("undo: code %d: %s%s", u.code, u.out, u.notes)
	}
	if diff := cmp.Diff(before, export(t, p, s)); diff != "" {
		t.Errorf("the directory differs after the undo (-before +after):\n%.3000s", diff)
	}
}

// Of two runs at the same time, the second waits for the lock and then gives up.
func TestTwoAppliesAtOnce(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 300, Seed: 6, ForServer: true, Faults: map[string]int{}})
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif}})
	_, with := changes(t, p, s.URL, s.ManagerDN)
	var text strings.Builder
	for _, dn := range names(t, p, 200) {
		fmt.Fprintf(&text, "dn: %s\nchangetype: modify\nadd: employeeType\nemployeeType: x\n-\n\n", dn)
	}
	plan := writePlan(t, text.String())
	var out bytes.Buffer
	first := background(t, &out, with("ldap", "apply", plan, "--rate", "100")...)
	for deadline := time.Now().Add(20 * time.Second); populated(t, p, s) == 0 && time.Now().Before(deadline); {
		time.Sleep(2 * time.Millisecond)
	}
	if a := davadminRun(t, nil, with("ldap", "apply", plan, "--lock-timeout", "100ms")...); a.code != 6 {
		t.Errorf("the second: code %d: %s%s", a.code, a.out, a.notes)
	}
	// A signal stops the run between two changes, and the message says how to continue.
	_ = first.Process.Signal(syscall.SIGINT)
	_ = first.Wait()
	if code := first.ProcessState.ExitCode(); code != 130 || !strings.Contains(out.String(), "run the same command again to continue") {
		t.Errorf("code %d: %s", code, out.String())
	}
	done := populated(t, p, s)
	if a := davadminRun(t, nil, with("ldap", "apply", plan)...); a.code != 0 || populated(t, p, s) != 200 || done == 0 {
		t.Errorf("resumed with %d: code %d: %s%s", done, a.code, a.out, a.notes)
	}
}

// If the server stops in the middle, the run ends, and its record contains only what was done.
func TestApplyWhenServerStops(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 300, Seed: 6, ForServer: true, Faults: map[string]int{}})
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif}})
	home, with := changes(t, p, s.URL, s.ManagerDN)
	var text strings.Builder
	for _, dn := range names(t, p, 200) {
		fmt.Fprintf(&text, "dn: %s\nchangetype: modify\nadd: employeeType\nemployeeType: x\n-\n\n", dn)
	}
	plan := writePlan(t, text.String())
	var out bytes.Buffer
	cmd := background(t, &out, with("ldap", "apply", plan, "--rate", "100", "--retry-for", "1s")...)
	for deadline := time.Now().Add(20 * time.Second); populated(t, p, s) < 3 && time.Now().Before(deadline); {
		time.Sleep(2 * time.Millisecond)
	}
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 5 || !strings.Contains(out.String(), "run the same command again to continue") || !strings.Contains(out.String(), "gave up after 1s") {
		t.Errorf("code %d: %s", code, out.String())
	}
	list := davadminRun(t, nil, "ldap", "runs", "--home", home, "--output", "jsonl")
	if !strings.Contains(list.out, `"state":"stopped"`) {
		t.Errorf("runs: %s", list.out)
	}
	if _, err := os.Stat(filepath.Join(home, "history", "ldap", "2", "undo.ldif")); err != nil {
		t.Error(err)
	}
}

// A run that was stopped and undone is not resumed, because the changes in its record are no
// longer in the directory.
func TestApplyAfterUndoOfStoppedRun(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 700, Seed: 6, ForServer: true, Faults: map[string]int{}})
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif}})
	_, with := changes(t, p, s.URL, s.ManagerDN)
	people := names(t, p, 600)
	var text strings.Builder
	for _, dn := range people {
		fmt.Fprintf(&text, "dn: %s\nchangetype: modify\nadd: employeeType\nemployeeType: x\n-\n\n", dn)
	}
	plan := writePlan(t, text.String())
	var out bytes.Buffer
	cmd := background(t, &out, with("ldap", "apply", plan, "--rate", "1000")...)
	for deadline := time.Now().Add(20 * time.Second); populated(t, p, s) < 300 && time.Now().Before(deadline); {
		time.Sleep(2 * time.Millisecond)
	}
	_ = cmd.Process.Signal(syscall.SIGKILL)
	_ = cmd.Wait()
	done := populated(t, p, s)
	if a := davadminRun(t, nil, with("ldap", "undo", "2", "--yes")...); a.code != 0 || populated(t, p, s) != 0 || done < 257 {
		t.Fatalf("undo of %d: code %d, %d left: %s%s", done, a.code, populated(t, p, s), a.out, a.notes)
	}
	if a := davadminRun(t, nil, with("ldap", "apply", plan)...); a.code != 0 || populated(t, p, s) != len(people) {
		t.Errorf("code %d, %d of %d changed: %s%s", a.code, populated(t, p, s), len(people), a.out, a.notes)
	}
}
