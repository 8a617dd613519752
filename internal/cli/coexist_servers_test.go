package cli_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/servertest"
)

// coexistOnAServer runs the actions of 'coexist' on a server, and compares the results with
// those for its LDIF.
func coexistOnAServer(t *testing.T, s *servertest.Server, p planted) {
	t.Helper()
	live, file := p.as(s.URL, s.ManagerDN), []string{"--ldif", p.ldif}
	lists := []string{"--cs6-list", p.cs6, "--cs7-list", p.cs7}
	run := func(action string, source []string, more ...string) answer {
		args := append(append([]string{"coexist", action}, source...), lists...)
		return davadminRun(t, nil, append(args, more...)...)
	}
	for _, action := range []string{"status", "list"} {
		on, of := run(action, live, "--output", "jsonl"), run(action, file, "--output", "jsonl")
		if on.code != 0 || of.code != 0 {
			t.Errorf("%s: codes %d and %d: %s%s", action, on.code, of.code, on.notes, of.notes)
		}
		// A server returns entries in its own order.
		if diff := cmp.Diff(lines(of.out), lines(on.out)); diff != "" || len(lines(on.out)) < 4 {
			t.Errorf("%s (-file +server):\n%.2000s", action, diff)
		}
	}

	check := append([]string{"coexist", "check", "--output", "jsonl"}, lists...)
	on, of := reportRun(t, nil, nil, append(check, live...)...), reportRun(t, nil, nil, append(check, file...)...)
	if on.code != 3 || !on.complete || on.entries != p.entries {
		t.Errorf("check: code %d, complete %v, %d entries: %s", on.code, on.complete, on.entries, on.notes)
	}
	// All entries were loaded a moment ago, which only the server shows.
	if on.rules["changed-just-now"] != 1 || of.results["changed-just-now"] != "not-run" {
		t.Errorf("changed-just-now: %v on the server, %s in the file", on.rules, of.results["changed-just-now"])
	}
	delete(on.rules, "changed-just-now")
	if diff := cmp.Diff(of.rules, on.rules); diff != "" {
		t.Errorf("check (-file +server):\n%s", diff)
	}
	for rule, n := range p.rules {
		if got, ours := on.results[rule]; ours && got != "not-run" && on.rules[rule] != n {
			t.Errorf("%s: %d found, %d planted", rule, on.rules[rule], n)
		}
	}

	// A user who can see only a part gets an error.
	reader := p.as(s.URL, s.ReaderDN, "--page", "0")
	for _, action := range []string{"status", "list"} {
		if a := run(action, reader); a.code != 1 || !strings.Contains(a.notes, "not everything was read, so the result is incomplete") {
			t.Errorf("%s as a reader: code %d: %s", action, a.code, a.notes)
		}
	}
	part := reportRun(t, nil, nil, append(check, reader...)...)
	if part.code != 1 || part.complete || part.rules["audit-incomplete"] != 1 || part.results["on-neither"] == "passed" {
		t.Errorf("check as a reader: code %d, %v", part.code, part.rules)
	}
}

// lines returns the lines of an output with the number of times that each occurs.
func lines(out string) map[string]int {
	n := map[string]int{}
	for line := range strings.Lines(out) {
		n[line]++
	}
	return n
}

func sorted(list []string) []string {
	out := slices.Clone(list)
	slices.Sort(out)
	return out
}
