package cli_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/cli"
	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/dirgen"
)

// answer is the output and the exit code of a run of davadmin.
type answer struct {
	code        int
	out, notes  string
	rules       map[string]int    // findings, of rules that failed
	results     map[string]string // of every rule
	reasons     map[string]string
	entries     int
	complete    bool
	firstFixes  map[string]string
	firstDetail map[string]string
}

// davadminRun runs davadmin in this process.
func davadminRun(t *testing.T, env map[string]string, args ...string) answer {
	t.Helper()
	return davadminRunAs(t, nil, env, args...)
}

// davadminRunAs runs davadmin with a function that answers its prompts.
func davadminRunAs(t *testing.T, typed func(context.Context, string) ([]byte, error), env map[string]string, args ...string) answer {
	t.Helper()
	var out, notes bytes.Buffer
	app := &cli.Environment{
		Streams: &ui.Streams{In: strings.NewReader(""), Out: &out, Err: &notes, ReadSecret: typed},
		Args:    args, Getenv: func(name string) string { return env[name] }, VaultWork: vaultWork,
	}
	a := answer{code: cli.Main(context.Background(), app), out: out.String(), notes: notes.String()}
	requireReadable(t, "davadmin "+strings.Join(args, " "), a.notes)
	a.rules, a.results, a.reasons = map[string]int{}, map[string]string{}, map[string]string{}
	a.firstFixes, a.firstDetail = map[string]string{}, map[string]string{}
	return a
}

// auditRun runs an audit and reads its report.
func auditRun(t *testing.T, env map[string]string, args ...string) answer {
	t.Helper()
	return auditRunAs(t, nil, env, args...)
}

func auditRunAs(t *testing.T, typed func(context.Context, string) ([]byte, error), env map[string]string, args ...string) answer {
	t.Helper()
	return reportRun(t, typed, env, append([]string{"ldap", "audit", "--output", "jsonl"}, args...)...)
}

// reportRun runs a command that reports findings, and reads the report.
func reportRun(t *testing.T, typed func(context.Context, string) ([]byte, error), env map[string]string, args ...string) answer {
	t.Helper()
	a := davadminRunAs(t, typed, env, args...)
	for line := range strings.Lines(a.out) {
		var v struct {
			Kind, Rule, Result, Reason, Detail, Fix string
			Count, Entries                          int
			Complete                                bool
		}
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		switch v.Kind {
		case "finding":
			if a.firstDetail[v.Rule] == "" {
				a.firstDetail[v.Rule], a.firstFixes[v.Rule] = v.Detail, v.Fix
			}
		case "rule":
			a.results[v.Rule], a.reasons[v.Rule] = v.Result, v.Reason
			if v.Result == "failed" {
				a.rules[v.Rule] = v.Count
			}
		case "summary":
			a.entries, a.complete = v.Entries, v.Complete
		}
	}
	return a
}

// planted is a directory as LDIF, with the faults that an audit must find in it.
type planted struct {
	ldif, cs6, cs7, password string
	rules                    map[string]int
	entries                  int
}

func plant(t *testing.T, o dirgen.Options) planted {
	t.Helper()
	d, err := dirgen.New(o)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := planted{
		ldif: filepath.Join(dir, "directory.ldif"), cs6: filepath.Join(dir, "cs6"), cs7: filepath.Join(dir, "cs7"),
		password: filepath.Join(dir, "password"), rules: map[string]int{}, entries: o.Entries,
	}
	var ldif, cs6, cs7 bytes.Buffer
	for _, err := range []error{d.WriteLDIF(t.Context(), &ldif), d.WriteCS6List(t.Context(), &cs6), d.WriteCS7List(t.Context(), &cs7)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range map[string][]byte{p.ldif: ldif.Bytes(), p.cs6: cs6.Bytes(), p.cs7: cs7.Bytes(), p.password: []byte(servertest.Password + "\n")} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range d.Manifest().Faults {
		p.rules[f.Rule] = f.Findings
	}
	return p
}

// options returns the options of an audit of the directory, without those of the server.
func (p *planted) options() []string {
	return []string{"--cs6-list", p.cs6, "--cs7-list", p.cs7, "--backend", "defaultbackend", "--backend", "store1", "--backend", "store2"}
}

// as returns the options to bind to a server with a DN.
func (p *planted) as(url, dn string, more ...string) []string {
	return append([]string{"-H", url, "-D", dn, "--password-file", p.password}, more...)
}

func compareRules(t *testing.T, what string, want map[string]int, a answer) {
	t.Helper()
	if diff := cmp.Diff(want, a.rules); diff != "" {
		t.Errorf("%s: findings (-planted +found):\n%s%s", what, diff, a.notes)
	}
	if a.code != 3 || !a.complete {
		t.Errorf("%s: code %d, complete %v: %s", what, a.code, a.complete, a.notes)
	}
}

// On OpenLDAP, the audit finds the planted faults, whichever way the directory is read.
func TestAuditOfSlapd(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 3000, Seed: 11, ForServer: true, Unchecked: true})
	s := servertest.Slapd(t, servertest.SlapdOptions{
		Options: servertest.Options{
			LDIF: p.ldif, Lax: true, Reader: true, TLS: &servertest.TLSOptions{},
			Indexes: []string{"objectClass eq", "uid eq", "mail,mailAlternateAddress eq", "davUniqueId eq,pres"},
		},
		ConfigReadable: true,
	})
	manager := p.as(s.URL, s.ManagerDN)
	for what, options := range map[string][]string{
		"pages":        manager,
		"small pages":  append(p.as(s.URL, s.ManagerDN), "--page", "70"),
		"no pages":     append(p.as(s.URL, s.ManagerDN), "--page", "0"),
		"a base":       append(p.as(s.URL, s.ManagerDN), "-B", "O=ISP"),
		"StartTLS":     append(p.as(s.URL, s.ManagerDN), "--starttls", "--ca-file", s.CAFile),
		"ldaps":        append(p.as(s.LDAPSURL, s.ManagerDN), "--ca-file", s.CAFile, "--tls-min", "1.3"),
		"a socket":     p.as(s.LDAPIURL, s.ManagerDN),
		"another host": append([]string{"-H", "ldap://127.0.0.1:1"}, manager...),
	} {
		a := auditRun(t, nil, append(options, p.options()...)...)
		compareRules(t, what, p.rules, a)
		if a.entries != p.entries {
			t.Errorf("%s: %d entries", what, a.entries)
		}
		for _, rule := range []string{"schema-missing", "index-missing"} {
			if a.results[rule] != "passed" {
				t.Errorf("%s: %s %s: %s", what, rule, a.results[rule], a.reasons[rule])
			}
		}
	}
	auditAsOthers(t, s, p, 600, 4) // the limit applies to each search, and there are few groups
	auditMissingAlone(t, s, p)
	auditWrongly(t, s, p)
	coexistOnAServer(t, s, p)
}

// auditAsOthers runs the audit as an ordinary user, whose searches the server limits.
func auditAsOthers(t *testing.T, s *servertest.Server, p planted, most, code int) {
	t.Helper()
	for _, page := range []string{"0", "100"} {
		a := auditRun(t, nil, append(p.as(s.URL, s.ReaderDN, "--page", page), p.options()...)...)
		if a.code != 1 || a.complete || a.rules["audit-incomplete"] != 1 || a.entries > most || a.entries == 0 {
			t.Errorf("page %s: code %d, complete %v, %d entries, %v", page, a.code, a.complete, a.entries, a.rules)
		}
		if !strings.Contains(a.notes, fmt.Sprintf("%d", code)) || !strings.Contains(a.notes, "the audit is incomplete") {
			t.Errorf("page %s: %s", page, a.notes)
		}
		for rule, result := range a.results {
			if result == "passed" && (strings.HasPrefix(rule, "uniqueid-m") || strings.HasPrefix(rule, "mail-") || strings.HasPrefix(rule, "group-")) {
				t.Errorf("page %s: %s passed on a part", page, rule)
			}
		}
	}
}

// auditMissingAlone looks only for missing ids, which the server searches for.
func auditMissingAlone(t *testing.T, s *servertest.Server, p planted) {
	t.Helper()
	a := auditRun(t, nil, append(p.as(s.URL, s.ManagerDN), "--rules", "uniqueid-missing")...)
	compareRules(t, "missing ids alone", map[string]int{"uniqueid-missing": p.rules["uniqueid-missing"]}, a)
	if a.entries != p.rules["uniqueid-missing"] || !strings.Contains(a.out, `"selected":"those without davUniqueId"`) {
		t.Errorf("%d entries: %s", a.entries, a.out)
	}
}

// auditWrongly runs audits with all kinds of invalid input.
func auditWrongly(t *testing.T, s *servertest.Server, p planted) {
	t.Helper()
	env := map[string]string{"DAVADMIN_LDAP_PASSWORD": "wrong"}
	for _, c := range []struct {
		what string
		args []string
		code int
		says string
	}{
		{"a wrong password", []string{"-H", s.URL, "-D", s.ManagerDN}, 5, "49"},
		{"no server", []string{"-H", "ldap://127.0.0.1:1"}, 5, "127.0.0.1:1"},
		{"not bound", []string{"-H", s.URL}, 1, ""},
		{"no such base", p.as(s.URL, s.ManagerDN, "-B", "o=nowhere"), 1, "32"},
		{"a missing base below", p.as(s.URL, s.ManagerDN, "-B", "ou=nowhere,o=isp"), 1, "32"},
		{"an unknown authority", p.as(s.URL, s.ManagerDN, "--starttls"), 5, "certificate"},
		{"a missing authority", p.as(s.URL, s.ManagerDN, "--starttls", "--ca-file", "/nonexistent.pem"), 1, "nonexistent.pem"},
		{"a filter on nobody", p.as(s.URL, s.ManagerDN, "-R", "(uid=nobody-at-all)"), 3, ""},
		{"an open password file", []string{"-H", s.URL, "-D", s.ManagerDN, "--password-file", p.ldif + ".open"}, 1, "chmod 600"},
	} {
		if strings.HasSuffix(c.args[len(c.args)-1], ".open") {
			if err := os.WriteFile(p.ldif+".open", []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		a := auditRun(t, env, c.args...)
		if a.code != c.code || !strings.Contains(a.notes, c.says) {
			t.Errorf("%s: code %d, want %d and %q: %s%s", c.what, a.code, c.code, c.says, a.notes, a.out)
		}
		if a.code != 3 && strings.Contains(a.notes, "\n") && strings.Count(a.notes, "\n") > 1 {
			t.Errorf("%s: more than one line: %s", c.what, a.notes)
		}
	}
	a := auditRun(t, env, p.as(s.URL, s.ManagerDN, "--starttls", "--insecure", "--rules", "uniqueid-missing")...)
	if a.code != 3 || !strings.Contains(a.notes, "the certificate of the directory is not verified") {
		t.Errorf("insecure: code %d: %s", a.code, a.notes)
	}
}

func oldTLS() *servertest.TLSOptions {
	return &servertest.TLSOptions{Min: tls.VersionTLS10, Max: tls.VersionTLS11, RSAKeyExchange: true}
}

// An old directory server supports only old versions of TLS.
func TestAuditOverOldTLS(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 200, Seed: 5, ForServer: true, Faults: map[string]int{"uniqueid-missing": 2}})
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif, TLS: oldTLS()}})
	a := auditRun(t, nil, p.as(s.URL, s.ManagerDN, "--starttls", "--ca-file", s.CAFile)...)
	if a.code != 5 || !strings.Contains(a.notes, "--tls-min") {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
	a = auditRun(t, nil, p.as(s.URL, s.ManagerDN, "--starttls", "--ca-file", s.CAFile, "--tls-min", "1.0")...)
	if a.rules["uniqueid-missing"] != 2 || !strings.Contains(a.notes, "TLS versions below 1.2") {
		t.Errorf("code %d, %v: %s", a.code, a.rules, a.notes)
	}
}

// The schema of a directory that was not prepared lacks the attributes, so a search for entries
// without them finds nothing.
func TestAuditOfUnpreparedDirectory(t *testing.T) {
	dir := t.TempDir()
	ldif := filepath.Join(dir, "plain.ldif")
	var b strings.Builder
	b.WriteString("dn: o=isp\nobjectClass: organization\no: isp\n\n")
	for i := range 5 {
		fmt.Fprintf(&b, "dn: uid=u%d,o=isp\nobjectClass: inetOrgPerson\nuid: u%d\ncn: u\nsn: u\nmail: u%d@example.com\n\n", i, i, i)
	}
	if err := os.WriteFile(ldif, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: ldif, AnonymousRead: true}})
	home := filepath.Join(dir, "home")
	for _, args := range [][]string{
		{"init", "--home", home},
		{"config", "modify", "--home", home, "-o", "davcore.ldapattr.userobject", "-v", "inetOrgPerson"},
		{"config", "modify", "--home", home, "-o", "davcore.uriinfo.permanentuniqueid", "-v", "calUniqueId", "--force"},
		{"config", "modify", "--home", home, "-o", "base.ldapinfo.ugldap.ldaphost", "-v", strings.TrimPrefix(s.URL, "ldap://")},
	} {
		if a := davadminRun(t, nil, args...); a.code != 0 {
			t.Fatalf("%v: %s", args, a.notes)
		}
	}
	for _, rules := range []string{"*", "uniqueid-missing"} {
		a := auditRun(t, nil, "--home", home, "--rules", rules)
		if a.rules["uniqueid-missing"] != 5 || a.entries != 5 || a.code != 3 {
			t.Errorf("%s: code %d, %d entries, %v: %s", rules, a.code, a.entries, a.rules, a.notes)
		}
		if rules == "*" && (a.rules["schema-missing"] != 1 || !strings.Contains(a.firstDetail["schema-missing"], "calUniqueId")) {
			t.Errorf("%v, %v", a.rules, a.firstDetail)
		}
	}
}

// In Schema 1, the domains are in a separate tree that refers to the organizations. The home
// configures this and the bind DN; the password is typed.
func TestAuditOfSchema1(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 2000, Seed: 13, Schema: 1, ForServer: true})
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: p.ldif, MoreSuffixes: []string{"o=internet"}}, ConfigReadable: true})
	home := filepath.Join(t.TempDir(), "home")
	for _, args := range [][]string{
		{"init", "--home", home},
		{"config", "modify", "--home", home, "-o", "base.ldapinfo.schemalevel", "-v", "1", "-o", "base.ldapinfo.dcroot", "-v", "o=internet",
			"-o", "base.ldapinfo.ugldap.ldaphost", "-v", strings.TrimPrefix(s.URL, "ldap://"), "-o", "base.ldapinfo.ugldap.binddn", "-v", s.ManagerDN,
			"-o", "store.dav.store1.backendid", "-v", "store1", "-o", "store.dav.store2.backendid", "-v", "store2"},
	} {
		if a := davadminRun(t, nil, args...); a.code != 0 {
			t.Fatalf("%v: %s", args, a.notes)
		}
	}
	asked := 0
	typed := func(_ context.Context, prompt string) ([]byte, error) {
		if asked++; !strings.Contains(prompt, s.ManagerDN) {
			t.Errorf("asked %q", prompt)
		}
		return []byte(servertest.Password), nil
	}
	a := auditRunAs(t, typed, nil, "--home", home, "--cs6-list", p.cs6, "--cs7-list", p.cs7)
	compareRules(t, "Schema 1", p.rules, a)
	if a.entries != p.entries || asked != 1 {
		t.Errorf("%d entries, asked %d times", a.entries, asked)
	}
	if a := auditRun(t, nil, "--home", home); a.code != 2 || !strings.Contains(a.notes, "--password-file") {
		t.Errorf("without a terminal: code %d: %s", a.code, a.notes)
	}
}

// On 389 Directory Server, the audit finds the planted faults, too.
func TestAuditOf389(t *testing.T) {
	p := plant(t, dirgen.Options{Entries: 3000, Seed: 12, ForServer: true, Unchecked: true})
	s := servertest.DS(t, servertest.DSOptions{
		Options:          servertest.Options{LDIF: p.ldif, Lax: true, MultiValued: true, Reader: true, TLS: &servertest.TLSOptions{}},
		LookThroughLimit: 1000,
	})
	for what, options := range map[string][]string{
		"pages":    p.as(s.URL, s.ManagerDN),
		"no pages": append(p.as(s.URL, s.ManagerDN), "--page", "0"),
		"StartTLS": append(p.as(s.URL, s.ManagerDN), "--starttls", "--ca-file", s.CAFile),
	} {
		a := auditRun(t, nil, append(options, p.options()...)...)
		want := map[string]int{"index-missing": 1} // the server has no such index
		for rule, n := range p.rules {
			want[rule] = n
		}
		compareRules(t, what, want, a)
		if a.entries != p.entries || a.results["schema-missing"] != "passed" {
			t.Errorf("%s: %d entries, schema-missing %s", what, a.entries, a.results["schema-missing"])
		}
	}
	auditAsOthers(t, s, p, 2999, 11)
	auditMissingAlone(t, s, p)
}
