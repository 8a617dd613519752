package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/dirgen"
)

// waveSite is a home with a directory on slapd whose users are moved in waves.
type waveSite struct {
	t     *testing.T
	p     planted
	s     *servertest.Server
	home  string
	dir   string
	users []string // addresses
	with  func(...string) []string
}

func newWaveSite(t *testing.T) *waveSite {
	t.Helper()
	p := plant(t, dirgen.Options{Entries: 200, Seed: 11, ForServer: true, Faults: map[string]int{}, Backends: []string{"defaultbackend"}})
	w := &waveSite{t: t, p: p, s: servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif}}), dir: t.TempDir()}
	w.home, w.with = changes(t, p, w.s.URL, w.s.ManagerDN)
	mustRun(t, "config", "modify", "-q", "-o", "davcore.scheduling.localuserattr", "-v", "davstore", "--home", w.home)
	mustRun(t, "domainmap", "create", "-q", "-d", "harbour.example", "-L", "http://cs6.example.com:8080/ischedule/", "--home", w.home)
	list := davadminRun(t, nil, "coexist", "list", "--ldif", p.ldif, "--side", "cs6", "--cs6-list", p.cs6)
	for line := range strings.Lines(list.out) {
		if cells := strings.Split(line, "\t"); cells[1] == "user" {
			w.users = append(w.users, cells[2])
		}
	}
	if len(w.users) < 6 {
		t.Fatalf("%d users: %s", len(w.users), list.notes)
	}
	return w
}

func (w *waveSite) path(name string) string { return filepath.Join(w.dir, name) }

// plan plans a wave of some users.
func (w *waveSite) plan(name string, users ...string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name+".txt"), []byte(strings.Join(users, "\n")+"\n"), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.run(0, "", "coexist", "plan", "--users", w.path(name+".txt"), "-O", w.path(name))
}

// run runs a command with the options for the home and the directory.
func (w *waveSite) run(code int, notes string, words ...string) answer {
	w.t.Helper()
	return w.exact(code, notes, w.with(words...)...)
}

// exact runs a command.
func (w *waveSite) exact(code int, notes string, words ...string) answer {
	w.t.Helper()
	a := davadminRun(w.t, nil, words...)
	if a.code != code || !strings.Contains(a.notes, notes) {
		w.t.Fatalf("%v: code %d, want %d and %q\n%s%s", words, a.code, code, notes, a.out, a.notes)
	}
	return a
}

// states returns the waves with their states.
func (w *waveSite) states() (all []string) {
	w.t.Helper()
	for line := range strings.Lines(w.exact(0, "", "coexist", "waves", "--home", w.home, "--output", "plain").out) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		all = append(all, fmt.Sprintf("%s: %s, %s", filepath.Base(cells[0]), cells[1], cells[3]))
	}
	return sorted(all) // waves planned in one second are in no other order
}

func (w *waveSite) expectStates(want ...string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.states()); diff != "" {
		w.t.Errorf("states (-want +got):\n%s", diff)
	}
}

// runOf returns the number of the last run.
func (w *waveSite) runOf() string {
	w.t.Helper()
	out := w.exact(0, "", "ldap", "runs", "--home", w.home, "--output", "plain").out
	run, _, _ := strings.Cut(out, "\t")
	return run
}

// A rollback is refused while another wave that is in force moved some of its users, in every
// form of the command.
func TestRollbackOfUsersOfAnotherWave(t *testing.T) {
	w := newWaveSite(t)
	a, b, c := w.users[0], w.users[1], w.users[2]
	w.plan("first", a, b)
	w.plan("second", b, c)
	before := export(t, w.p, w.s)
	w.run(2, "was never applied from here", "coexist", "rollback", "--wave", w.path("first"), "--yes")
	w.run(0, "", "coexist", "apply", "--wave", w.path("first"), "--yes")
	first := w.runOf()
	w.run(2, "davadmin ldap apply --home "+w.home+" "+w.path("second/back.ldif"), "coexist", "rollback", "--wave", w.path("second"), "--yes")
	w.run(0, "", "coexist", "apply", "--wave", w.path("second"), "--yes")
	second := w.runOf()
	w.expectStates("first: applied by run "+first+", 2 of 2", "second: applied by run "+second+", 1 of 2")
	both := export(t, w.p, w.s)

	refused := "the wave " + w.path("first") + " was not rolled back, because another wave, " + w.path("second") + " (applied by run " + second + "), later moved 1 user of it: " + b +
		"; to roll that one back first: davadmin coexist rollback --home " + w.home + " --wave " + w.path("second")
	for _, words := range [][]string{
		{"coexist", "rollback", "--wave", w.path("first"), "--yes"}, {"coexist", "rollback", "--wave", w.path("first"), "--dry-run"},
		{"ldap", "undo", first, "--yes"}, {"history", "undo", first, "--yes"}, {"ldap", "apply", w.path("first/back.ldif"), "--yes"},
	} {
		w.run(6, refused, words...)
	}
	// The second wave found b moved, so that only the undo of its run leaves b alone.
	w.run(6, "moved 1 user of it: "+b+"; to undo only what this wave changed itself: davadmin ldap undo --home "+w.home+" "+second, "coexist", "rollback", "--wave", w.path("second"), "--yes")
	if diff := cmp.Diff(both, export(t, w.p, w.s)); diff != "" {
		t.Fatalf("a refused rollback changed the directory:\n%s", diff)
	}
	w.run(0, "", "ldap", "undo", second, "--yes")
	w.expectStates("first: applied by run "+first+", 2 of 2", "second: rolled back by run "+w.runOf()+", 0 of 2")
	w.run(0, "", "coexist", "rollback", "--wave", w.path("first"), "--yes")
	if diff := cmp.Diff(before, export(t, w.p, w.s)); diff != "" {
		t.Errorf("the directory differs after both rollbacks (-before +after):\n%s", diff)
	}

	// A wave that was rolled back is not rolled back again over a later one.
	w.run(0, "", "coexist", "apply", "--wave", w.path("second"), "--yes")
	w.run(6, "later moved 1 user of it: "+b, "coexist", "rollback", "--wave", w.path("first"), "--yes")
	last := w.runOf()
	w.run(0, "", "history", "undo", last, "--yes")
	w.run(0, "", "history", "undo", w.runOf(), "--yes") // the undo is undone
	w.expectStates("first: rolled back by run "+runIn(w, "first")+", 0 of 2", "second: applied by run "+w.runOf()+", 2 of 2")
}

// The accounts of users who are on the old server again are named with the command that
// deletes them; those of other users are not.
func TestAccountsAfterRollback(t *testing.T) {
	w := newWaveSite(t)
	w.plan("wave", w.users[:4]...)
	w.plan("other", w.users[5])
	for _, name := range []string{"wave", "other"} {
		w.run(0, "", "coexist", "apply", "--wave", w.path(name), "--yes")
	}
	w.run(0, "", "account", "create", "-q", "-a", w.users[0], "-a", w.users[1], "-a", w.users[5])
	if out := w.exact(0, "", "coexist", "waves", "--home", w.home, "--output", "csv").out; !strings.Contains(out, ",4,4 of 4,2 of 4,") {
		t.Error(out)
	}
	list := regexp.MustCompile(`2 users of the wave still have one, with what was entered there; to delete them: davadmin account delete --home \S+ -f (\S+)`)
	a := w.run(0, "", "coexist", "rollback", "--wave", w.path("wave"), "--yes")
	m := list.FindStringSubmatch(a.notes)
	if m == nil {
		t.Fatalf("the accounts are not named: %s", a.notes)
	}
	w.exact(0, "", "account", "delete", "--home", w.home, "-f", m[1], "--yes")
	if out := w.exact(0, "", "account", "list", "--home", w.home).out; !strings.Contains(out, w.users[5]) || strings.Contains(out, w.users[0]) || strings.Contains(out, w.users[1]) {
		t.Errorf("accounts: %s", out)
	}
	w.run(0, "", "coexist", "apply", "--wave", w.path("wave"), "--yes")
	if a := w.run(0, "", "history", "undo", w.runOf(), "--yes"); strings.Contains(a.notes, "accounts on the new server") {
		t.Errorf("deleted accounts are named: %s", a.notes)
	}

	// A user whose entry was changed since stays on the new server, and keeps the account.
	w.run(0, "", "coexist", "apply", "--wave", w.path("wave"), "--yes")
	w.run(0, "", "account", "modify", "-q", "--undelete", "-a", w.users[0], "-a", w.users[1])
	plan := writePlan(t, "dn: "+w.dn(w.users[0])+"\nchangetype: modify\nreplace: icsAllowedServiceAccess\nicsAllowedServiceAccess: -all:all\n-\n\n")
	w.run(0, "", "ldap", "apply", plan, "--yes")
	partly := w.run(4, "1 user of the wave still has one", "coexist", "rollback", "--wave", w.path("wave"), "--yes", "--continue")
	w.expectStates("other: applied by run "+runIn(w, "other")+", 1 of 1", "wave: partly rolled back by run "+w.runOf()+", 1 of 4")
	m = regexp.MustCompile(`account delete --home \S+ -f (\S+)`).FindStringSubmatch(partly.notes)
	if b, err := os.ReadFile(m[1]); err != nil || string(b) != w.users[1]+"\n" {
		t.Errorf("%v: %s", err, b)
	}
}

// dn returns the DN of a user.
func (w *waveSite) dn(address string) string {
	w.t.Helper()
	for line := range strings.Lines(w.exact(0, "", "coexist", "list", "--ldif", w.p.ldif, "--side", "cs6").out) {
		if cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); cells[2] == address {
			return cells[5]
		}
	}
	w.t.Fatalf("no entry of %s", address)
	return ""
}

// runIn returns the run in the state of a wave.
func runIn(w *waveSite, name string) string {
	w.t.Helper()
	m := regexp.MustCompile(name + `: [a-z ]+ by run (\d+),`).FindStringSubmatch(strings.Join(w.states(), "\n"))
	if m == nil {
		w.t.Fatalf("%v", w.states())
	}
	return m[1]
}
