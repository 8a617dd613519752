package cli_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/ldaptest"
)

// applying is a small directory in this process with a home and a plan that changes each of
// its three people.
type applying struct {
	server *ldaptest.Server
	plan   string
	with   func(words ...string) []string
}

const applyReader = "cn=reader,o=isp"

func newApplying(t *testing.T) *applying {
	t.Helper()
	o := ldaptest.Options{
		Entries:    []ldaptest.Entry{ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp")},
		Identities: []ldaptest.Identity{{DN: applyReader, Password: "secret"}},
	}
	var text strings.Builder
	for i := range 3 {
		dn := fmt.Sprintf("uid=u%d,o=isp", i)
		o.Entries = append(o.Entries, ldaptest.NewEntry(dn, "objectClass", "inetOrgPerson", "uid", fmt.Sprintf("u%d", i), "cn", "u", "sn", "u"))
		fmt.Fprintf(&text, "dn: %s\nchangetype: modify\nadd: description\ndescription: moved\n-\n\n", dn)
	}
	s, err := ldaptest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	home := newHome(t)
	password := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &applying{server: s, plan: writePlan(t, text.String()), with: func(words ...string) []string {
		return append(words, "--home", home, "-H", s.URL(), "-D", applyReader, "--password-file", password)
	}}
}

// refuse makes the server refuse changes with a code and a text that contains the DN, as
// 389 Directory Server does.
func (a *applying) refuse(code int, text string) {
	a.server.SetFaults(ldaptest.Faults{RefuseModify: func(dn string) *ldaptest.Result {
		return &ldaptest.Result{Code: code, Message: strings.ReplaceAll(text, "DN", dn)}
	}})
}

// lackRights is the answer of 389 Directory Server to a bind DN without rights.
const lackRights = "Insufficient 'write' privilege to the 'description' attribute of entry 'DN'.\n"

// Without rights, the run ends at the first entry, and says that first, who lacks which
// right, and what to do on the server.
func TestApplyWithoutRights(t *testing.T) {
	a := newApplying(t)
	a.refuse(50, lackRights)
	for _, options := range [][]string{nil, {"-e"}} {
		got := davadminRun(t, nil, a.with(append([]string{"ldap", "apply", a.plan}, options...)...)...)
		lines := strings.Split(strings.TrimSpace(got.notes), "\n")
		last := lines[len(lines)-1]
		if got.code != 1 || !strings.HasPrefix(last, "davadmin: ldap: insufficient access: the bind DN '"+applyReader+"' may not change the entries of the plan (result code 50 (Insufficient Access Rights): Insufficient 'write' privilege to the 'description' attribute of the entry.); run ") {
			t.Errorf("code %d: %s", got.code, got.notes)
		}
		for _, want := range []string{"on the server, give it the right to write description ('davadmin ldap test --home ", "or bind as a user who has that right (-D)"} {
			if !strings.Contains(last, want) {
				t.Errorf("does not contain %q: %s", want, last)
			}
		}
		for _, wrong := range []string{"--continue", "again", "u1", `\n`} {
			if strings.Contains(got.notes, wrong) {
				t.Errorf("contains %q: %s", wrong, got.notes)
			}
		}
	}
	got := davadminRun(t, nil, a.with("ldap", "apply", a.plan, "--continue")...)
	if got.code != 4 || strings.Count(got.notes, "not changed: result code 50") != 3 {
		t.Errorf("code %d: %s", got.code, got.notes)
	}
}

// "Run the same command again" is said only where that helps.
func TestApplySaysWhatHelps(t *testing.T) {
	const again = "run the same command again"
	for _, c := range []struct {
		what, want string
		code       int
		text       string
		exit       int
		helps      bool
	}{
		{"an entry that the schema does not allow", "correct the plan or the entries, or skip such entries with --continue", 65, "attribute 'description' not allowed", 1, false},
		{"a read-only server", "use -H to name a server that accepts changes", 53, "read-only\nreplica", 1, false},
		{"a server that remains busy", again + " to continue", 51, "busy", 5, true},
	} {
		a := newApplying(t)
		a.refuse(c.code, c.text)
		got := davadminRun(t, nil, a.with("ldap", "apply", a.plan, "--retry-for", "1ms")...)
		if got.code != c.exit || !strings.Contains(got.notes, c.want) || strings.Contains(got.notes, again) != c.helps {
			t.Errorf("%s: code %d: %s", c.what, got.code, got.notes)
		}
	}
}

// With -e, each entry is listed: what would be changed, what was changed, and what already
// was as the plan wants. Without it, there are only the counts.
func TestApplyListsEntries(t *testing.T) {
	a := newApplying(t)
	a.server.Replace("uid=u1,o=isp", "description", "moved")
	preview := davadminRun(t, nil, a.with("ldap", "apply", a.plan, "--dry-run", "-e")...)
	if want := "would be changed: uid=u0,o=isp\n  add description: moved\nalready done: uid=u1,o=isp\nwould be changed: uid=u2,o=isp\n  add description: moved\nserver: "; preview.code != 0 || !strings.HasPrefix(preview.out, want) {
		t.Errorf("code %d:\n%s%s", preview.code, preview.out, preview.notes)
	}
	if short := davadminRun(t, nil, a.with("ldap", "apply", a.plan, "--dry-run")...); strings.Contains(short.out, "uid=") || !strings.Contains(short.out, "already done: 1\n") {
		t.Errorf("%s", short.out)
	}
	done := davadminRun(t, nil, a.with("ldap", "apply", a.plan, "-e", "--parallel", "1")...)
	if want := "already done: uid=u1,o=isp\nchanged: uid=u0,o=isp\n  add description: moved\nchanged: uid=u2,o=isp\n  add description: moved\nrun: "; done.code != 0 || !strings.HasPrefix(done.out, want) {
		t.Errorf("code %d:\n%s%s", done.code, done.out, done.notes)
	}
	undo := davadminRun(t, nil, a.with("ldap", "undo", "2", "-e", "--yes", "--dry-run")...)
	if want := "would be changed: uid=u2,o=isp\n"; undo.code != 0 || !strings.HasPrefix(undo.out, want) {
		t.Errorf("code %d:\n%s%s", undo.code, undo.out, undo.notes)
	}
}
