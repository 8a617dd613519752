package cli_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/directory"
)

// site is a directory with 30 users, 2 groups and 2 resources, who have all attributes.
func site(t *testing.T) servertest.Options {
	t.Helper()
	var b strings.Builder
	b.WriteString("dn: o=isp\nobjectClass: organization\no: isp\n\n")
	dav := func(i int, class string) string {
		return fmt.Sprintf("objectClass: %s\nobjectClass: davEntity\ndavUniqueId: %08x-11111111-22222222-33333333\ndavStore: defaultbackend\nmail: x%d@example.com\nmailAlternateAddress: y%d@example.com\nicsStatus: active\n", class, i, i, i)
	}
	for i := range 30 {
		fmt.Fprintf(&b, "dn: uid=u%d,o=isp\nobjectClass: inetOrgPerson\nobjectClass: inetUser\nobjectClass: mailRecipient\nuid: u%d\ncn: x\nsn: x\ninetUserStatus: active\nicsAllowedServiceAccess: +http:all\n%s\n", i, i, dav(i, "icsCalendarUser"))
	}
	for i := range 2 {
		fmt.Fprintf(&b, "dn: cn=g%d,o=isp\nobjectClass: groupOfUniqueNames\ncn: g%d\nuniqueMember: uid=u1,o=isp\n%s\n", i, i, dav(100+i, "inetMailGroup"))
		fmt.Fprintf(&b, "dn: uid=r%d,o=isp\nobjectClass: inetOrgPerson\nuid: r%d\ncn: x\nsn: x\ninetResourceStatus: active\nowner: uid=u1,o=isp\n%s\n", i, i, dav(200+i, "icsCalendarResource"))
	}
	file := filepath.Join(t.TempDir(), "site.ldif")
	if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	return servertest.Options{LDIF: file, Lax: true, Reader: true, TLS: &servertest.TLSOptions{}}
}

// siteRun runs 'ldap test' as a DN, over TLS.
func siteRun(t *testing.T, s *servertest.Server, dn string, args ...string) answer {
	t.Helper()
	password := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(password, []byte(servertest.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	a := reportRun(t, nil, nil, append([]string{"ldap", "test", "--output", "jsonl", "-H", s.URL, "-D", dn, "--password-file", password, "--starttls", "--ca-file", s.CAFile}, args...)...)
	if a.rules["certificate-valid"] != 1 || !strings.Contains(a.firstDetail["certificate-valid"], "the certificate ends on 20") {
		t.Errorf("the certificate of the test server is not reported: %v", a.firstDetail) // it ends within 30 days
	}
	delete(a.rules, "certificate-valid")
	return a
}

// requireFailed checks which rules of 'ldap test' failed, and the exit code.
func requireFailed(t *testing.T, a answer, code int, rules ...string) {
	t.Helper()
	want := map[string]bool{}
	for _, r := range rules {
		want[r] = true
	}
	got := map[string]bool{}
	for r := range maps.Keys(a.rules) {
		got[r] = true
	}
	if diff := cmp.Diff(want, got); diff != "" || a.code != code {
		t.Errorf("exit code %d, failed rules (-want +got):\n%s\n%s\n%v", a.code, diff, a.notes, a.firstDetail)
	}
}

// pasteFix makes a change that a finding suggests, as the manager.
func pasteFix(t *testing.T, s *servertest.Server, fix string) {
	t.Helper()
	dir := t.TempDir()
	plan, password := filepath.Join(dir, "fix.ldif"), filepath.Join(dir, "pw")
	for path, text := range map[string]string{plan: fix + "\n", password: servertest.Password} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a := davadminRun(t, nil, "ldap", "apply", plan, "-H", s.LDAPIURL, "-D", s.ManagerDN, "--password-file", password, "--runs", filepath.Join(dir, "runs"), "--yes", "--access-control")
	if a.code != 0 {
		t.Fatalf("%d: %s\n%s", a.code, a.notes, fix)
	}
}

// TestSiteOpenLDAP tests a directory with OpenLDAP, before and after what the findings say
// was done.
func TestSiteOpenLDAP(t *testing.T) {
	o := site(t)
	bad := servertest.Slapd(t, servertest.SlapdOptions{Options: o,
		Access: "access to attrs=davUniqueId by dn.exact=\"cn=reader,o=isp\" search by * none\naccess to attrs=mailAlternateAddress by dn.exact=\"cn=reader,o=isp\" none by * none",
		Config: "limits users size=20"})
	a := siteRun(t, bad, bad.ReaderDN)
	requireFailed(t, a, 3, "search-complete", "attributes-readable", "attributes-seen", "attributes-writable")
	limits := strings.TrimPrefix(lineWith(a.firstFixes["search-complete"], "olcLimits:"), "# olcLimits: ")
	read := strings.TrimPrefix(lineWith(a.firstFixes["attributes-readable"], "olcAccess:"), "# olcAccess: {0}")
	write := strings.TrimPrefix(lineWith(a.firstFixes["attributes-writable"], "olcAccess:"), "# olcAccess: {0}")
	if limits == "" || !strings.HasPrefix(read, "to attrs=davUniqueId by ") || !strings.HasPrefix(write, "to attrs=davUniqueId,objectClass,") {
		t.Fatalf("%q", a.firstFixes)
	}
	if got := a.firstDetail["attributes-seen"]; !strings.Contains(got, "no entry shows a value of mailAlternateAddress:") {
		t.Errorf("%s", got)
	}
	if got := a.firstDetail["attributes-writable"]; !strings.Contains(got, "the bind DN 'cn=reader,o=isp' may not change davUniqueId, objectClass, ") {
		t.Errorf("%s", got)
	}
	// The first line that matches decides.
	good := servertest.Slapd(t, servertest.SlapdOptions{Options: o, Access: "access " + write + "\naccess " + read, Config: "limits " + limits + "\nlimits users size=20"})
	before := snapshot(t, good)
	requireFailed(t, siteRun(t, good, good.ReaderDN), 0)
	if diff := cmp.Diff(before, snapshot(t, good)); diff != "" {
		t.Errorf("the test changed the directory:\n%s", diff)
	}
}

// The right to write is tried in every branch of the tree: one that covers only the first
// branch is not enough.
func TestSiteRightsInOneBranch(t *testing.T) {
	var b strings.Builder
	b.WriteString("dn: o=isp\nobjectClass: organization\no: isp\n\n")
	for i, ou := range []string{"a", `b\2Cc`, "d"} {
		fmt.Fprintf(&b, "dn: ou=%s,o=isp\nobjectClass: organizationalUnit\n\n", ou)
		for k := range 5 {
			fmt.Fprintf(&b, "dn: uid=u%d%d,ou=%s,o=isp\nobjectClass: inetOrgPerson\nobjectClass: icsCalendarUser\nobjectClass: davEntity\nuid: u%d%d\ncn: x\nsn: x\nmail: u%d%d@example.com\ndavUniqueId: id-%d%d\n\n", i, k, ou, i, k, i, k, i, k)
		}
	}
	o := site(t)
	o.LDIF = filepath.Join(t.TempDir(), "branches.ldif")
	write(t, o.LDIF, []byte(b.String()))
	for subtree, want := range map[string]string{"o=isp": "", "ou=a,o=isp": " (on 2 of the 4 entries that were tried)", `ou=b\2Cc,o=isp`: " (on 3 of the 4 entries that were tried)"} {
		s := servertest.Slapd(t, servertest.SlapdOptions{Options: o,
			Access: `access to dn.subtree="` + strings.ReplaceAll(subtree, `\`, `\\`) + `" attrs=davUniqueId,objectClass,davStore,icsStatus,icsAllowedServiceAccess by dn.exact="cn=reader,o=isp" write by * break`, Config: "limits users size=unlimited"})
		a := siteRun(t, s, s.ReaderDN)
		if got := a.firstDetail["attributes-writable"]; (got == "") != (want == "") || !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q, code %d: %s", subtree, got, a.code, a.notes)
		}
	}
}

// TestSiteReadOnly tests a read-only OpenLDAP without encryption, with a wrong base, as
// anonymous, and in a dry run.
func TestSiteReadOnly(t *testing.T) {
	o := site(t)
	o.AnonymousRead = true
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: o, Config: "readonly on"})
	requireFailed(t, siteRun(t, s, s.ManagerDN), 0, "changes-accepted")
	socket := []string{"ldap", "test", "--output", "jsonl", "-H", s.LDAPIURL, "-D", s.ManagerDN, "--fail-on", "warning"}
	password := map[string]string{"DAVADMIN_LDAP_PASSWORD": servertest.Password}
	requireFailed(t, reportRun(t, nil, password, socket...), 3, "changes-accepted")
	requireFailed(t, reportRun(t, nil, password, append(socket, "--dry-run")...), 0)

	a := reportRun(t, nil, nil, "ldap", "test", "--output", "jsonl", "-H", s.URL, "-B", "o=nosuch")
	requireFailed(t, a, 3, "base-exists", "bind-named")
	if got, want := a.firstDetail["base-exists"], "the base 'o=nosuch' (from -B) does not exist, or the bind DN may not know of it; the server holds: 'o=isp'"; got != want {
		t.Errorf("%s", got)
	}
	if a.results["search-complete"] != "not-run" || a.results["attributes-writable"] != "not-run" {
		t.Errorf("%v", a.results)
	}
	a = reportRun(t, nil, nil, "ldap", "test", "--output", "jsonl", "-H", s.URL, "-H", "127.0.0.1:1")
	requireFailed(t, a, 3, "server-reachable", "bind-named", "changes-accepted")
	a = davadminRun(t, nil, "ldap", "test", "-H", "127.0.0.1:1")
	if a.code != 5 || !strings.Contains(a.notes, "connection refused") {
		t.Errorf("%d: %s", a.code, a.notes)
	}
}

// TestSite389 tests a 389 Directory Server, before and after the fixes were applied.
func TestSite389(t *testing.T) {
	o := site(t)
	o.SizeLimit = 10
	s := servertest.DS(t, servertest.DSOptions{Options: o, LookThroughLimit: 20,
		Access: []string{`(targetattr != "davUniqueId || userPassword")(version 3.0; acl "most"; allow (read,search,compare) userdn = "ldap:///all";)`}})
	a := siteRun(t, s, s.ReaderDN)
	requireFailed(t, a, 3, "search-complete", "attributes-readable", "attributes-writable")
	for _, rule := range []string{"search-complete", "attributes-readable", "attributes-writable"} {
		pasteFix(t, s, a.firstFixes[rule])
	}
	readable := `allow (write) userdn = "ldap:///` + s.ReaderDN + `";)`
	if fix := a.firstFixes["attributes-writable"]; !strings.Contains(fix, readable) || !strings.Contains(fix, "where another aci denies the right") {
		t.Errorf("the aci is not shown as text:\n%s", fix)
	}
	before := snapshot(t, s)
	requireFailed(t, siteRun(t, s, s.ReaderDN), 0)
	requireFailed(t, siteRun(t, s, s.ReaderDN, "--page", "0"), 0)
	if diff := cmp.Diff(before, snapshot(t, s)); diff != "" {
		t.Errorf("the test changed the directory:\n%s", diff)
	}
}

// lineWith returns the first line that contains a text.
func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return strings.TrimRight(line, "\n")
		}
	}
	return ""
}

// snapshot returns all entries of a server.
func snapshot(t *testing.T, s *servertest.Server) []directory.Found {
	t.Helper()
	l, err := directory.Open(t.Context(), directory.Options{URLs: []string{s.LDAPIURL}, BindDN: s.ManagerDN, Password: func(context.Context) ([]byte, error) { return []byte(servertest.Password), nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	found, err := l.Lookup(t.Context(), s.Suffix, directory.Subtree, "(objectClass=*)", []string{"*", "modifyTimestamp", "entryCSN"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestConnectMistakes checks what is said about the usual mistakes, on real servers.
func TestConnectMistakes(t *testing.T) {
	o := site(t)
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: o})
	password := map[string]string{"DAVADMIN_LDAP_PASSWORD": servertest.Password}
	tlsOnPlain := strings.Replace(s.URL, "ldap:", "ldaps:", 1)
	plainOnTLS := strings.Replace(s.LDAPSURL, "ldaps:", "ldap:", 1)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-H", tlsOnPlain, "--ca-file", s.CAFile}, 5, "if this is the port without TLS (usually 389), use ldap:// and --starttls"},
		{[]string{"-H", plainOnTLS}, 5, "if this is the port for LDAPS (usually 636), use --ldaps"},
		{[]string{"-H", s.LDAPSURL}, 5, "use --ca-file FILE to trust the CA"},
		{[]string{"-H", s.LDAPIURL, "-B", "o=nosuch"}, 1, "the base 'o=nosuch' (from -B) does not exist; the server holds: 'o=isp'"},
	} {
		a := davadminRun(t, password, append([]string{"ldap", "populate", "-O", filepath.Join(t.TempDir(), "plan"), "-D", s.ManagerDN}, c.args...)...)
		if a.code != c.code || !strings.Contains(a.notes, c.want) {
			t.Errorf("%q: %d: %s", c.args, a.code, a.notes)
		}
	}
}

// TestWeakCertificates tests servers whose certificate a client of today refuses: one without
// a subject alternative name, and one that is signed with SHA-1.
func TestWeakCertificates(t *testing.T) {
	password := map[string]string{"DAVADMIN_LDAP_PASSWORD": servertest.Password}
	for name, c := range map[string]struct {
		tls  servertest.TLSOptions
		want string
	}{
		"common name": {servertest.TLSOptions{CommonNameOnly: true}, "only in its subject ('CN=127.0.0.1'), which is no longer enough"},
		"SHA-1":       {servertest.TLSOptions{SHA1: true}, "is too weak: have it issued again with SHA-256"},
	} {
		t.Run(name, func(t *testing.T) {
			o := site(t)
			o.TLS = &c.tls
			s := servertest.Slapd(t, servertest.SlapdOptions{Options: o})
			for _, server := range [][]string{{"-H", s.LDAPSURL}, {"-H", s.URL, "--starttls"}} {
				args := append([]string{"ldap", "test", "-D", s.ManagerDN, "--ca-file", s.CAFile}, server...)
				a := davadminRun(t, password, args...)
				if a.code != 5 || !strings.Contains(a.notes, c.want) || strings.Count(a.notes, "\n") != 1 {
					t.Errorf("%q: %d: %s", server, a.code, a.notes)
				}
				insecure := reportRun(t, nil, password, append(args, "--insecure", "--output", "jsonl", "--rules", "certificate-valid,bind-named")...)
				if insecure.rules["certificate-valid"] != 1 || !strings.Contains(insecure.firstDetail["certificate-valid"], "was not verified") {
					t.Errorf("%q: %d: %s, %v", server, insecure.code, insecure.notes, insecure.firstDetail)
				}
			}
		})
	}
}
