package cli_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/dirgen"
)

// The members of groups are the same from a server and from its LDIF, and a server that hides
// them makes no smaller wave without a word.
func TestWaveOfGroupsOnSlapd(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 400, Seed: 8, ForServer: true, Faults: map[string]int{}, Backends: []string{"defaultbackend"}})
	ldif, err := os.ReadFile(p.ldif)
	if err != nil {
		t.Fatal(err)
	}
	var groups []string
	for entry := range strings.SplitSeq(string(ldif), "\n\n") {
		if strings.Contains(entry, "objectClass: groupOfUniqueNames") {
			groups = append(groups, regexp.MustCompile(`(?m)^mail: (.*)$`).FindStringSubmatch(entry)[1])
		}
	}
	if len(groups) < 2 {
		t.Fatalf("only %d groups", len(groups))
	}
	dir := t.TempDir()
	list := filepath.Join(dir, "groups.txt")
	if err := os.WriteFile(list, []byte(strings.Join(groups, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif}})
	_, with := changes(t, p, s.URL, s.ManagerDN)
	people := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name, "people.txt"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(sorted(strings.Split(string(text), "\n")), "\n")
	}
	live := davadminRun(t, nil, with("coexist", "plan", "--users", list, "--expand-groups", "-O", filepath.Join(dir, "live"), "--cs6-list", p.cs6)...)
	file := davadminRun(t, nil, "coexist", "plan", "--users", list, "--expand-groups", "-O", filepath.Join(dir, "file"), "--cs6-list", p.cs6, "--ldif", p.ldif, "--backend", "defaultbackend")
	if live.code != 0 && live.code != 4 || live.code != file.code {
		t.Fatalf("codes %d and %d\n%s\n%s", live.code, file.code, live.notes, file.notes)
	}
	if a, b := people("live"), people("file"); a != b || strings.Count(a, "@") < 10 {
		t.Errorf("from the server:\n%s\nfrom LDIF:\n%s", a, b)
	}
	if n := strings.Count(live.notes, " is a group"); n != len(groups) {
		t.Errorf("%d of %d groups are named:\n%s", n, len(groups), live.notes)
	}
}

// A server that hides the members of a group makes no wave without them.
func TestHiddenMembersOnSlapd(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 400, Seed: 8, ForServer: true, Faults: map[string]int{}, Backends: []string{"defaultbackend"}})
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif, Reader: true}, Access: "access to attrs=uniqueMember by * none"})
	ldif, err := os.ReadFile(p.ldif)
	if err != nil {
		t.Fatal(err)
	}
	group := regexp.MustCompile(`(?s)objectClass: groupOfUniqueNames.*?\nmail: ([^\n]*)\n`).FindStringSubmatch(string(ldif))[1]
	dir := t.TempDir()
	list := filepath.Join(dir, "groups.txt")
	if err := os.WriteFile(list, []byte(group+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, with := changes(t, p, s.URL, s.ReaderDN)
	plan := with("coexist", "plan", "--users", list, "--expand-groups", "-O", filepath.Join(dir, "wave"))
	hidden := davadminRun(t, nil, plan...)
	if hidden.code != 1 || !strings.Contains(hidden.notes, "the group has no members, or does not show them (uniqueMember, ") {
		t.Errorf("code %d\n%s", hidden.code, hidden.notes)
	}
	if _, err := os.Lstat(filepath.Join(dir, "wave")); err == nil {
		t.Error("a wave was written")
	}
	proved := davadminRun(t, nil, append(plan, "--prove-as", s.ManagerDN, "--prove-password-file", p.password)...)
	if proved.code != 1 || !strings.Contains(proved.notes, "no wave was written: ") || !strings.Contains(proved.notes, s.ReaderDN) || !strings.Contains(proved.notes, "uniqueMember") {
		t.Errorf("code %d\n%s", proved.code, proved.notes)
	}
}
