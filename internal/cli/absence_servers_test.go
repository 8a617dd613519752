package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/cli"
	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/internal/ui"
)

// people is a directory of n users, of whom the first have a unique id and a back end.
func people(t *testing.T, n, ids int) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("dn: o=isp\nobjectClass: organization\no: isp\n\n")
	for i := range n {
		id := ""
		if i < ids {
			id = fmt.Sprintf("objectClass: davEntity\ndavUniqueId: 00000001-11111111-22222222-%08d\ndavStore: defaultbackend\n", i)
		}
		fmt.Fprintf(&b, "dn: uid=u%d,o=isp\nobjectClass: inetOrgPerson\nobjectClass: icsCalendarUser\n%suid: u%d\ncn: u\nsn: u\nmail: u%d@example.com\n\n", i, id, i, i)
	}
	path := filepath.Join(t.TempDir(), "people.ldif")
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// unreadable is a directory with an attribute that the reader may not read.
type unreadable struct {
	t *testing.T
	s *servertest.Server
	p planted // only its password
}

func newUnreadable(t *testing.T, s *servertest.Server) *unreadable {
	u := &unreadable{t: t, s: s, p: planted{password: filepath.Join(t.TempDir(), "password")}}
	if err := os.WriteFile(u.p.password, []byte(servertest.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return u
}

// prove returns the options to ask the manager, too.
func (u *unreadable) prove() []string {
	return []string{"--prove-as", u.s.ManagerDN, "--prove-password-file", u.p.password}
}

// audit runs the audit as the reader, and compares how it ends.
func (u *unreadable) audit(what string, code int, absence string, more ...string) answer {
	u.t.Helper()
	a := auditRun(u.t, nil, append(u.p.as(u.s.URL, u.s.ReaderDN), more...)...)
	if a.code != code || !strings.Contains(a.out, `"absence":"`+absence+`"`) || a.complete != (code != 1) {
		u.t.Errorf("%s: code %d, complete %v, %v: %s%s", what, a.code, a.complete, a.rules, a.notes, a.out)
	}
	return a
}

// populate plans ids as the reader, and compares how that ends and whether there is a plan.
func (u *unreadable) populate(what string, code int, says string, more ...string) {
	u.t.Helper()
	plan := filepath.Join(u.t.TempDir(), "plan.ldif")
	a := davadminRun(u.t, nil, append(append([]string{"ldap", "populate", "-O", plan}, u.p.as(u.s.URL, u.s.ReaderDN)...), more...)...)
	_, err := os.Lstat(plan)
	if a.code != code || !strings.Contains(a.notes+a.out, says) || (code == 0) == errors.Is(err, fs.ErrNotExist) {
		u.t.Errorf("%s: code %d, want %d and %q; plan: %v\n%s%s", what, a.code, code, says, err, a.notes, a.out)
	}
}

// hidden expects that everything which depends on the unique id is refused, with a message
// that names the attribute and the bind DN.
func (u *unreadable) hidden(what string, more ...string) {
	u.t.Helper()
	a := u.audit(what, 1, "contradicted", more...)
	detail := a.firstDetail["audit-incomplete"]
	if a.rules["audit-incomplete"] != 1 || a.rules["uniqueid-missing"] != 0 || !strings.Contains(detail, "davUniqueId") || !strings.Contains(detail, u.s.ReaderDN) {
		u.t.Errorf("%s: %v: %s", what, a.rules, detail)
	}
	if a.results["uniqueid-missing"] != "not-run" || strings.Contains(a.out, "changetype") {
		u.t.Errorf("%s: %s %s", what, a.results, a.out)
	}
	for _, args := range [][]string{{"ldap", "audit", "--rules", "uniqueid-missing"}, {"coexist", "check"}} {
		if a := davadminRun(u.t, nil, append(append(args, u.p.as(u.s.URL, u.s.ReaderDN)...), more...)...); a.code != 1 || !strings.Contains(a.notes, "davUniqueId") {
			u.t.Errorf("%s, %v: code %d: %s%s", what, args, a.code, a.notes, a.out)
		}
	}
	u.populate(what, 1, u.s.ReaderDN, append([]string{"--absence-confirmed", "--yes"}, more...)...)
}

// On OpenLDAP, the reader may search for the id but not read it, or neither.
func TestHiddenOnSlapd(t *testing.T) {
	start := func(access string) *unreadable {
		return newUnreadable(t, servertest.Slapd(t, servertest.SlapdOptions{
			Options: servertest.Options{LDIF: people(t, 4, 3), Reader: true},
			Access:  "access to attrs=davUniqueId by dn.base=\"cn=reader,o=isp\" " + access + " by * none",
		}))
	}
	start("search").hidden("search without read")

	u := start("none")
	a := u.audit("no rights", 3, "not-proven")
	if a.rules["uniqueid-missing"] != 4 || a.rules["absence-not-proven"] == 0 || a.rules["audit-incomplete"] != 0 {
		t.Errorf("no rights: %v", a.rules)
	}
	if fix := a.firstFixes["absence-not-proven"]; !strings.Contains(fix, "--prove-as DN") {
		t.Errorf("the fix does not say how to prove it: %s", fix)
	}
	u.populate("no rights", 2, "--absence-confirmed")
	u.populate("no rights, --yes", 2, "--prove-as DN", "--yes")
	u.populate("confirmed", 0, "planned:   4", "--absence-confirmed")
	u.hidden("no rights, but the manager sees it", u.prove()...)

	if a := auditRun(t, nil, append(u.p.as(u.s.URL, u.s.ManagerDN), "--rules", "uniqueid-*")...); a.rules["uniqueid-missing"] != 1 || !strings.Contains(a.out, `"absence":"proven"`) {
		t.Errorf("as the manager: %v: %s", a.rules, a.out)
	}
}

// The kind of an entry whose object classes are hidden is unknown, so it is not left out
// silently.
func TestHiddenClassesOnSlapd(t *testing.T) {
	u := newUnreadable(t, servertest.Slapd(t, servertest.SlapdOptions{
		Options: servertest.Options{LDIF: people(t, 4, 4), Reader: true},
		Access:  "access to dn.base=\"uid=u2,o=isp\" attrs=objectClass by dn.base=\"cn=reader,o=isp\" search by * none",
	}))
	as := u.p.as(u.s.URL, u.s.ReaderDN)
	for _, args := range [][]string{{"ldap", "audit"}, {"coexist", "check"}, {"coexist", "status"}} {
		if a := davadminRun(t, nil, append(args, as...)...); a.code != 1 || !strings.Contains(a.notes, "cannot read the objectClass of some entries (1), such as 'uid=u2,o=isp'") {
			t.Errorf("%v: code %d: %s%s", args, a.code, a.notes, a.out)
		}
	}
	u.populate("hidden classes", 1, "objectClass", "--attribute", "davUniqueId", "--absence-confirmed")
}

// If the mark of the new server is hidden, it is unknown who is on which server, and no
// wave is planned. If the unique ids may be hidden, no account is called an orphan.
func TestHiddenMarkOnSlapd(t *testing.T) {
	start := func(access string) *unreadable {
		return newUnreadable(t, servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: people(t, 4, 3), Reader: true}, Access: access}))
	}
	u := start("access to attrs=davStore by dn.base=\"cn=reader,o=isp\" search by * none")
	as := u.p.as(u.s.URL, u.s.ReaderDN)
	users := filepath.Join(t.TempDir(), "users.txt")
	if err := os.WriteFile(users, []byte("u0@example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	wave := filepath.Join(t.TempDir(), "wave")
	home := filepath.Join(t.TempDir(), "home")
	for what, args := range map[string][]string{
		"status": {"coexist", "status"}, "list": {"coexist", "list"}, "check": {"coexist", "check"}, "plan": {"coexist", "plan", "--users", users, "-O", wave},
	} {
		if a := davadminRun(t, nil, append(args, as...)...); a.code != 1 || !strings.Contains(a.notes, "may search for davStore but cannot read it") {
			t.Errorf("%s: code %d: %s%s", what, a.code, a.notes, a.out)
		}
	}
	for _, args := range [][]string{
		{"init", "--home", home},
		{"config", "modify", "--home", home, "-o", "davcore.scheduling.localuserattr", "-v", "davstore", "-o", "davcore.uriinfo.subjectattributes", "-v", "davstore"},
	} {
		if a := davadminRun(t, nil, args...); a.code != 0 {
			t.Fatalf("%v: %s", args, a.notes)
		}
	}
	for address, says := range map[string]string{"u0@example.com": "may search for davstore but cannot read it", "u3@example.com": ""} {
		a := davadminRun(t, nil, append([]string{"coexist", "explain", "--home", home, "-a", address}, as...)...)
		if (a.code == 1) != (says != "") || !strings.Contains(a.notes, says) {
			t.Errorf("explain %s: code %d: %s%s", address, a.code, a.notes, a.out)
		}
	}
	if a := davadminRun(t, nil, append([]string{"ldap", "audit", "--prove-as", ""}, as...)...); a.code != 2 {
		t.Errorf("an empty --prove-as: code %d", a.code)
	}
	if _, err := os.Lstat(wave); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a wave was written: %v", err)
	}

	u = start("access to attrs=davUniqueId by * none")
	for _, args := range [][]string{
		append([]string{"account", "create", "--home", home, "-a", "u0@example.com"}, u.p.as(u.s.URL, u.s.ManagerDN)...),
	} {
		if a := davadminRun(t, nil, args...); a.code != 0 {
			t.Fatalf("%v: %s", args, a.notes)
		}
	}
	list := append([]string{"account", "list", "--home", home, "--orphans"}, u.p.as(u.s.URL, u.s.ReaderDN)...)
	if a := davadminRun(t, nil, list...); a.code != 1 || !strings.Contains(a.notes, "absence-not-proven") || !strings.Contains(a.notes, "--prove-as DN") {
		t.Errorf("orphans: code %d: %s%s", a.code, a.notes, a.out)
	}
	if a := davadminRun(t, nil, append(list, u.prove()...)...); a.code != 1 || !strings.Contains(a.notes, "sees a value") {
		t.Errorf("orphans, and the manager: code %d: %s%s", a.code, a.notes, a.out)
	}
}

// On day one, nobody has an id. This can be proven only by another bind DN.
func TestDayOneOnSlapd(t *testing.T) {
	u := newUnreadable(t, servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: people(t, 3, 0), Reader: true}}))
	if a := u.audit("nobody has an id", 3, "not-proven"); a.rules["uniqueid-missing"] != 3 {
		t.Errorf("%v", a.rules)
	}
	u.populate("nobody has an id", 2, "absence-not-proven")
	u.populate("proven", 0, "planned:   3", u.prove()...)
	for typed, code := range map[string]int{"y\n": 0, "n\n": 1, "": 1} {
		plan := filepath.Join(t.TempDir(), "plan.ldif")
		var out, notes bytes.Buffer
		ended := cli.Main(t.Context(), &cli.Environment{
			Streams: &ui.Streams{In: strings.NewReader(typed), InTTY: true, Out: &out, Err: &notes}, Getenv: func(string) string { return "" }, VaultWork: vaultWork,
			Args: append([]string{"ldap", "populate", "--yes", "-O", plan}, u.p.as(u.s.URL, u.s.ReaderDN)...),
		})
		if _, err := os.Lstat(plan); ended != code || (err == nil) != (code == 0) || !strings.Contains(notes.String(), "Write a plan that gives davUniqueId to 3 entries? [y/N]") {
			t.Errorf("typed %q: code %d: %s", typed, ended, notes.String())
		}
	}
	u.audit("proven", 3, "proven", u.prove()...)
	u.populate("the same bind DN", 2, "is already the bind DN", "--prove-as", u.s.ReaderDN)
}

// A plan that was made from a wrong view is refused as a whole by whoever applies it, whether
// the value is visible to the writer or only found by a search.
func TestApplyLooksAtEveryEntry(t *testing.T) {
	u := newUnreadable(t, servertest.Slapd(t, servertest.SlapdOptions{
		Options: servertest.Options{LDIF: people(t, 4, 1), Reader: true},
		Access:  "access to attrs=davUniqueId by dn.base=\"cn=reader,o=isp\" =wsd by * none\naccess to * by dn.base=\"cn=reader,o=isp\" write by users read by anonymous auth",
	}))
	plan := filepath.Join(t.TempDir(), "plan.ldif")
	var b strings.Builder
	for i := 3; i >= 0; i-- {
		fmt.Fprintf(&b, "# expect-absent davUniqueId\ndn: uid=u%d,o=isp\nchangetype: modify\nadd: objectClass\nobjectClass: davEntity\n-\nadd: davUniqueId\ndavUniqueId: 10000000-00000000-00000000-0000000%d\n-\n\n", i, i)
	}
	if err := os.WriteFile(plan, []byte(strings.ReplaceAll(b.String(), "add: objectClass\nobjectClass: davEntity\n-\n", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	_, with := changes(t, u.p, u.s.URL, u.s.ReaderDN)
	for what, args := range map[string][]string{
		"apply": {"ldap", "apply", plan}, "a dry run": {"ldap", "apply", plan, "--dry-run"}, "--continue": {"ldap", "apply", plan, "--continue"},
	} {
		a := davadminRun(t, nil, with(args...)...)
		if a.code != 6 || !strings.Contains(a.notes, "1 of the 4 entries") || !strings.Contains(a.notes, "uid=u0,o=isp") || !strings.Contains(a.notes, u.s.ReaderDN) {
			t.Errorf("%s: code %d: %s%s", what, a.code, a.notes, a.out)
		}
	}
	_, with = changes(t, u.p, u.s.URL, u.s.ManagerDN)
	if a := davadminRun(t, nil, with("ldap", "apply", plan)...); a.code != 6 || !strings.Contains(a.notes, "nothing was changed") {
		t.Errorf("as the manager: code %d: %s", a.code, a.notes)
	}
	if a := auditRun(t, nil, append(u.p.as(u.s.URL, u.s.ManagerDN), "--rules", "uniqueid-*")...); a.rules["uniqueid-missing"] != 3 {
		t.Errorf("something was changed: %v", a.rules)
	}
}

// On 389 Directory Server, the effective rights prove both that the attribute is hidden and
// that it is absent.
func TestHiddenOn389(t *testing.T) {
	const others = `(targetattr!="davUniqueId || userPassword")(version 3.0; acl "others"; allow (read,search,compare) userdn="ldap:///all";)`
	start := func(ids int, access ...string) *unreadable {
		return newUnreadable(t, servertest.DS(t, servertest.DSOptions{
			Options: servertest.Options{LDIF: people(t, 4, ids), Reader: true}, Access: append([]string{others}, access...),
		}))
	}
	start(3, `(targetattr="davUniqueId")(version 3.0; acl "search"; allow (search) userdn="ldap:///all";)`).hidden("search without read")
	u := start(3)
	u.hidden("no rights")
	if a := u.audit("no rights", 1, "contradicted"); !strings.Contains(a.firstDetail["audit-incomplete"], "effective rights") {
		t.Errorf("%s", a.firstDetail)
	}
	u.hidden("no rights, and the manager", u.prove()...)

	u = start(0, `(targetattr="davUniqueId")(version 3.0; acl "read"; allow (read,search,compare) userdn="ldap:///all";)`)
	if a := u.audit("day one", 3, "proven", "--rules", "uniqueid-*"); a.rules["uniqueid-missing"] != 4 {
		t.Errorf("day one: %v", a.rules)
	}
	u.populate("day one", 0, "planned:   4")
}
