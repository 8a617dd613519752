package cli_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/dirgen"
)

// 'history undo' undoes a run on the directory by the number of its change, in a home and in
// a directory of --runs, and refuses what was changed again.
func TestHistoryUndoOnSlapd(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 100, Seed: 4, ForServer: true, Faults: map[string]int{}})
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif}})
	home, with := changes(t, p, s.URL, s.ManagerDN)
	before := export(t, p, s)
	planOf := func(kind, expect, value string) string {
		var text strings.Builder
		for _, dn := range names(t, p, 3) {
			fmt.Fprintf(&text, "# expect-%s\ndn: %s\nchangetype: modify\n%s: employeeType\nemployeeType: %s\n-\n\n", expect, dn, kind, value)
		}
		return writePlan(t, text.String())
	}
	expect := func(what string, a answer, code int, out, notes string) {
		t.Helper()
		if a.code != code || !strings.Contains(a.out, out) || !strings.Contains(a.notes, notes) {
			t.Errorf("%s: code %d\n%s%s", what, a.code, a.out, a.notes)
		}
	}
	runs := filepath.Join(t.TempDir(), "runs")
	away := func(words ...string) []string {
		return append(words, append([]string{"--runs", runs}, p.as(s.URL, s.ManagerDN)...)...)
	}
	for change, with := range map[string]func(...string) []string{"2": with, "1": away} {
		plan := planOf("add", "absent employeeType", "moved")
		expect("applied", davadminRun(t, nil, with("ldap", "apply", plan)...), 0, "changed:      3 of 3", "")
		expect("dry run", davadminRun(t, nil, with("history", "undo", change, "--dry-run")...), 0, "to change:    3", "its undo is: davadmin ldap undo")
		expect("asks", davadminRun(t, nil, with("history", "undo", change)...), 2, "", "--yes")
		a := davadminRun(t, nil, with("history", "undo", change, "--yes", "--parallel", "2")...)
		expect("undone", a, 0, "changed:      3 of 3", "which restores the values that run "+change+" changed on "+s.URL)
		expect("how to undo the undo", a, 0, "", "to undo: davadmin ldap undo ")
		if diff := cmp.Diff(before, export(t, p, s)); diff != "" {
			t.Fatal(diff)
		}
	}
	expect("other options", davadminRun(t, nil, with("history", "undo", "1")...), 1, "", "created the home")
	expect("remark", davadminRun(t, nil, with("history", "undo", "2", "--remark", "x")...), 2, "", "option --remark has no effect here: change 2 is undone by 'ldap undo'")
	expect("undo of the undo", davadminRun(t, nil, with("history", "undo", "3", "--yes")...), 0, "changed:      3 of 3", "")
	expect("changed again", davadminRun(t, nil, with("ldap", "apply", planOf("replace", "all employeeType: moved", "later"), "--yes")...), 0, "changed:      3 of 3", "")
	expect("refused", davadminRun(t, nil, with("history", "undo", "4", "--yes")...), 6, "", "employeeType is 'later', expected 'moved'")
	expect("history", davadminRun(t, nil, "history", "list", "--home", home), 0, "ldap undo", "")
}

// The defaults in the clifile of the home apply to 'history undo' and to the command that it
// runs, and lines to paste leave them out.
func TestHistoryUndoWithAClifile(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 100, Seed: 4, ForServer: true, Faults: map[string]int{}})
	s := servertest.Slapd(t, servertest.SlapdOptions{
		Options: servertest.Options{LDIF: p.ldif, TLS: &servertest.TLSOptions{}}, Config: "security simple_bind=56",
	})
	home, with := changes(t, p, s.URL, s.ManagerDN)
	write(t, filepath.Join(home, "config/davadmin.properties"), []byte("starttls=true\nca-file="+s.CAFile+"\nldap.undo.rate=5000\n"))
	plan := writePlan(t, "# expect-absent employeeType\ndn: "+names(t, p, 1)[0]+"\nchangetype: modify\nadd: employeeType\nemployeeType: moved\n-\n\n")
	applied := davadminRun(t, nil, with("ldap", "apply", plan)...)
	if want := "to undo: davadmin ldap undo --home " + home + " 2 -H " + s.URL + " -D " + s.ManagerDN + " --password-file " + p.password; applied.code != 0 ||
		!strings.Contains(applied.notes, want+"\n") {
		t.Fatalf("code %d, want %q\n%s%s", applied.code, want, applied.out, applied.notes)
	}
	a := davadminRun(t, nil, with("history", "undo", "2", "--yes", "--detail")...)
	if a.code != 0 || !strings.Contains(a.out, "changed:      1 of 1") {
		t.Errorf("code %d\n%s%s", a.code, a.out, a.notes)
	}
	for _, want := range []string{"default: --starttls true", "default: --rate 5000"} {
		if strings.Count(a.notes, want) != 1 {
			t.Errorf("not once: %q\n%s", want, a.notes)
		}
	}
	named := filepath.Join(t.TempDir(), "named.properties")
	write(t, named, []byte("ldap.undo.rate=4000\n"))
	if a := davadminRun(t, nil, with("history", "undo", "3", "-F", named, "--dry-run", "--detail")...); !strings.Contains(a.notes, "default: --rate 4000") || strings.Contains(a.notes, "--clifile") {
		t.Errorf("with -F: code %d\n%s%s", a.code, a.out, a.notes)
	}
	if a := davadminRun(t, nil, with("ldap", "apply", plan, "--dry-run")...); a.code != 0 || !strings.Contains(a.out, "to change:    1\n") {
		t.Errorf("after the undo: code %d\n%s%s", a.code, a.out, a.notes)
	}
}
