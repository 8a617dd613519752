package cli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/dirgen"
)

// changes creates a home and returns it with a function that appends the options for applying
// a plan to a server.
func changes(t *testing.T, p planted, url, dn string) (home string, options func(...string) []string) {
	t.Helper()
	home = filepath.Join(t.TempDir(), "home")
	if a := davadminRun(t, nil, "init", "--home", home); a.code != 0 {
		t.Fatal(a.notes)
	}
	return home, func(words ...string) []string {
		return append(words, append([]string{"--home", home}, p.as(url, dn)...)...)
	}
}

func writePlan(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "plan.ldif")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// names returns the DNs of the first n users of a directory.
func names(t *testing.T, p planted, n int) []string {
	t.Helper()
	text, err := os.ReadFile(p.ldif)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		if dn, ok := strings.CutPrefix(strings.TrimSpace(line), "dn: uid="); ok && strings.Contains(dn, "ou=People") && len(out) < n {
			out = append(out, "uid="+dn)
		}
	}
	return out
}

// A plan is previewed, applied, listed and undone; a plan that conflicts changes nothing.
func TestApplyOnSlapd(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 300, Seed: 4, ForServer: true, Faults: map[string]int{}})
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif, Reader: true}})
	home, with := changes(t, p, s.URL, s.ManagerDN)
	people := names(t, p, 3)
	var text strings.Builder
	for _, dn := range people {
		fmt.Fprintf(&text, "# expect-absent employeeType\ndn: %s\nchangetype: modify\nadd: employeeType\nemployeeType: moved\n-\n\n", dn)
	}
	plan := writePlan(t, text.String())
	expect := func(what string, a answer, code int, out, notes string) {
		t.Helper()
		if a.code != code || !strings.Contains(a.out, out) || !strings.Contains(a.notes, notes) {
			t.Errorf("%s: code %d\n%s%s", what, a.code, a.out, a.notes)
		}
	}
	expect("dry run", davadminRun(t, nil, with("ldap", "apply", plan, "--dry-run")...), 0, "to change:    3", "dry run: nothing was changed")
	expect("no runs", davadminRun(t, nil, "ldap", "runs", "--home", home, "--output", "json"), 0, `"runs": []`, "")
	expect("applied", davadminRun(t, nil, with("ldap", "apply", plan)...), 0, "changed:      3 of 3", "to undo: davadmin ldap undo --home "+home+" 2")
	expect("again", davadminRun(t, nil, with("ldap", "apply", plan)...), 0, "already done: 3", "nothing to do")
	expect("listed", davadminRun(t, nil, "ldap", "runs", "--home", home, "--output", "plain"), 0, "2\t", "")
	expect("journalled", davadminRun(t, nil, "history", "show", "2", "--home", home), 0, "ldap apply", "")
	expect("intact", davadminRun(t, nil, "history", "verify", "--home", home), 0, "intact", "")
	undone := davadminRun(t, nil, with("ldap", "undo", "2", "--yes", "--output", "json")...)
	expect("undone", undone, 0, `"undoes": 2`, "")
	var report struct {
		Run, Changed int
		Undo         string
	}
	if err := json.Unmarshal([]byte(undone.out), &report); err != nil || report.Run != 3 || report.Changed != 3 || report.Undo == "" {
		t.Errorf("%+v, %v: %s", report, err, undone.out)
	}
	expect("undone twice", davadminRun(t, nil, with("ldap", "undo", "2", "--yes")...), 0, "already done: 3", "nothing to do")
	expect("redone", davadminRun(t, nil, with("ldap", "undo", "3", "--yes")...), 0, "changed:      3 of 3", "ldap undo")
	expect("undo asks", davadminRun(t, nil, with("ldap", "undo", "4")...), 2, "", "--yes")

	// A plan with a conflict changes nothing and lists the conflict; --continue skips it.
	other := writePlan(t, strings.ReplaceAll(strings.ReplaceAll(text.String(), "employeeType: moved", "employeeType: stays"), "expect-absent employeeType\ndn: "+people[0], "expect-all employeeType: MOVED\ndn: "+people[0]))
	a := davadminRun(t, nil, with("ldap", "apply", other)...)
	expect("a conflict", a, 6, "", "3 entries differ from it, so nothing was changed; use --continue to skip such entries")
	if !strings.Contains(a.notes, people[0]+": not changed: employeeType is 'moved', expected 'MOVED'") {
		t.Error(a.notes)
	}
	reject := filepath.Join(t.TempDir(), "rejected.ldif")
	mixed := writePlan(t, text.String()+"dn: "+s.ReaderDN+"\nchangetype: modify\nadd: description\ndescription: x\n-\n\ndn: uid=nobody,o=isp\nchangetype: modify\nadd: description\ndescription: x\n-\n\n")
	expect("dry run with skipped entries", davadminRun(t, nil, with("ldap", "apply", mixed, "--continue", "--dry-run")...), 4, "to change:    1", "not changed, and listed above: 1 entry")
	expect("skipped entries", davadminRun(t, nil, with("ldap", "apply", mixed, "--continue", "--reject", reject)...), 4, "changed:      1 of 1", "entry not found")
	info, err := os.Stat(reject)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	expect("rejected entries", davadminRun(t, nil, with("ldap", "apply", reject)...), 6, "", "entry not found")
	expect("rejected entries again", davadminRun(t, nil, with("ldap", "apply", reject, "--continue", "--reject", reject)...), 2, "", "--reject and the plan are both")
	none := writePlan(t, text.String())
	expect("dry run without rejected entries", davadminRun(t, nil, with("ldap", "apply", none, "--dry-run", "--reject", reject)...), 0, "already done: 3", "")
	if info, err := os.Stat(reject); err != nil || info.Size() == 0 {
		t.Errorf("a dry run emptied the reject file: %v, %v", info, err)
	}
	expect("no rejected entries", davadminRun(t, nil, with("ldap", "apply", none, "--reject", reject)...), 0, "already done: 3", "")
	if _, err := os.Stat(reject); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the reject file of an earlier run was left: %v", err)
	}

	// Invalid input, missing rights, no server.
	reader := append([]string{"ldap", "apply", plan, "--home", home}, p.as(s.URL, s.ReaderDN)...)
	back := davadminRun(t, nil, with("ldap", "undo", "4", "--yes")...)
	expect("undone again", back, 0, "changed:      3 of 3", "")
	denied := davadminRun(t, nil, reader...)
	expect("not allowed", denied, 1, "refused:      1", "davadmin: ldap: insufficient access: the bind DN '"+s.ReaderDN+"' may not change the entries of the plan (result code 50 (Insufficient Access Rights)")
	expect("not allowed: what to do", denied, 1, "", "ended with 0 of 3 changed; on the server, give it the right to write employeeType ('davadmin ldap test --home "+home)
	for _, wrong := range []string{"--continue", "same command again"} {
		if strings.Contains(denied.notes, wrong) {
			t.Errorf("suggests %s: %s", wrong, denied.notes)
		}
	}
	expect("not allowed, each", davadminRun(t, nil, append(reader, "--continue")...), 4, "refused:      3", "")
	expect("too many", davadminRun(t, nil, with("ldap", "apply", plan, "--max-changes", "2")...), 2, "", "--max-changes 2 allows only 2")
	expect("enough", davadminRun(t, nil, with("ldap", "apply", plan, "--max-changes", "3", "--dry-run")...), 0, "to change:    3", "")
	expect("percentage without a total", davadminRun(t, nil, with("ldap", "apply", plan, "--max-changes", "5%")...), 2, "", "give a number instead")
	expect("not a number", davadminRun(t, nil, with("ldap", "apply", plan, "--max-changes", "few")...), 2, "", "not a valid number")
	expect("a secret", davadminRun(t, nil, with("ldap", "apply", writePlan(t, "dn: uid=a,o=isp\nchangetype: modify\nreplace: userPassword\nuserPassword: x\n-\n\n"))...), 2, "", "secret")
	expect("no plan", davadminRun(t, nil, with("ldap", "apply", p.ldif)...), 2, "", "not a modification")
	expect("no file", davadminRun(t, nil, with("ldap", "apply", "nowhere.ldif")...), 1, "", "nowhere.ldif")
	expect("no run", davadminRun(t, nil, with("ldap", "undo", "77")...), 2, "", "no such run")
	expect("not a run", davadminRun(t, nil, with("ldap", "undo", "first")...), 2, "", "not the number of a run")
	expect("no name", davadminRun(t, nil, "ldap", "apply"), 2, "", "exactly one plan is required")
	expect("no home", davadminRun(t, nil, append([]string{"ldap", "apply", plan}, p.as(s.URL, s.ManagerDN)...)...), 2, "", "--runs DIR")
	expect("no server", davadminRun(t, nil, "ldap", "apply", plan, "--home", home, "-H", "ldap://127.0.0.1:1", "--retry-for", "1s"), 5, "", "127.0.0.1:1")
	expect("parallel", davadminRun(t, nil, with("ldap", "apply", plan, "--parallel", "0")...), 2, "", "--parallel")

	// Without a home, the journal is in the directory of --runs.
	runs := filepath.Join(t.TempDir(), "runs")
	away := func(words ...string) []string {
		return append(words, append([]string{"--runs", runs}, p.as(s.URL, s.ManagerDN)...)...)
	}
	expect("with --runs", davadminRun(t, nil, away("ldap", "apply", plan)...), 0, "changed:      3 of 3", "")
	expect("undone with --runs", davadminRun(t, nil, away("ldap", "undo", "1", "--yes")...), 0, "changed:      3 of 3", "")
}

// A subtree that the bind DN may not change does not keep the other entries from being
// changed: the run ends after a hundred refusals, and tries the rest if it is run again.
func TestApplyBesideDeniedSubtree(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 700, Seed: 6, ForServer: true, Faults: map[string]int{}})
	const access = "access to dn.regex=\"^[^,]*[aeonrst],.*\" by * read\naccess to * by dn.base=\"cn=reader,o=isp\" write by anonymous auth by * read\n"
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif, Reader: true, Indexes: []string{"employeeType pres"}}, Access: access})
	_, with := changes(t, p, s.URL, s.ReaderDN)
	var denied, allowed []string
	for _, dn := range names(t, p, 400) {
		if uid, _, _ := strings.Cut(dn, ","); strings.ContainsAny(uid[len(uid)-1:], "aeonrst") {
			denied = append(denied, dn)
		} else {
			allowed = append(allowed, dn)
		}
	}
	var text strings.Builder
	for _, dn := range append(denied, allowed...) {
		fmt.Fprintf(&text, "dn: %s\nchangetype: modify\nadd: employeeType\nemployeeType: x\n-\n\n", dn)
	}
	plan := writePlan(t, text.String())
	a := davadminRun(t, nil, with("ldap", "apply", plan, "--continue")...)
	if a.code != 1 || !strings.Contains(a.notes, "other entries were not tried, and to try all of them, skipping those that it may not change: run the same command again") {
		t.Errorf("code %d: %s%.3000s", a.code, a.out, a.notes)
	}
	a = davadminRun(t, nil, with("ldap", "apply", plan, "--continue")...)
	if n := populated(t, p, s); a.code != 4 || n != len(allowed) || !strings.Contains(a.out, fmt.Sprintf("refused:      %d\n", len(denied))) {
		t.Errorf("code %d, %d of %d changed: %s%.3000s", a.code, n, len(allowed), a.out, a.notes)
	}
}
