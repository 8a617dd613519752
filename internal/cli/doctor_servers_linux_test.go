package cli_test

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
)

// doctorPart is a part in the output of 'doctor'.
type doctorPart struct {
	Kind, Part, State, Reason, Command string
	Errors, Warnings                   int
	ExitCode                           int `json:"exit_code"`
}

// doctorRun runs 'doctor' and returns its parts by name.
func doctorRun(t *testing.T, typed func(context.Context, string) ([]byte, error), env map[string]string, args ...string) (map[string]doctorPart, answer) {
	t.Helper()
	a := davadminRunAs(t, typed, env, append([]string{"doctor", "--output", "jsonl"}, args...)...)
	parts := map[string]doctorPart{}
	for line := range strings.Lines(a.out) {
		var p doctorPart
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if p.Kind == "part" {
			parts[p.Part] = p
		}
	}
	return parts, a
}

// doctorHome returns a home with a directory on a real slapd with TLS, and a store on a real
// PostgreSQL, and the options for the directory.
func doctorHome(t *testing.T) (home string, s *servertest.Server, db *servertest.PostgresServer, options []string) {
	t.Helper()
	s = servertest.Slapd(t, servertest.SlapdOptions{Options: site(t)})
	db = servertest.Postgres(t, servertest.PostgresOptions{})
	home = postgresHome(t, db.URL("postgres"))
	mustRun(t, "db", "init", "--home", home)
	mustRun(t, "config", "modify", "-q", "--home", home, "-o", "base.ldapinfo.ugldap.ldaphost", "-v", s.URL, "-o", "base.ldapinfo.ugldap.binddn", "-v", s.ManagerDN,
		"-o", "base.ldapinfo.dcroot", "-v", "o=isp", "-o", "davcore.scheduling.localuserattr", "-v", "davstore")
	return home, s, db, []string{"--home", home, "--starttls", "--ca-file", s.CAFile}
}

// prompts returns a function that answers every prompt, and counts them.
func prompts(answer string) (typed func(context.Context, string) ([]byte, error), count *int) {
	n := 0
	return func(context.Context, string) ([]byte, error) { n++; return []byte(answer), nil }, &n
}

// TestDoctorOnServers runs 'doctor' on a home whose servers work, and then break.
func TestDoctorOnServers(t *testing.T) {
	home, s, db, options := doctorHome(t)
	before := snapshot(t, s)

	// The password of the directory is asked for once, although two parts connect.
	typed, asked := prompts(servertest.Password)
	parts, a := doctorRun(t, typed, nil, options...)
	if *asked != 1 {
		t.Errorf("%d prompts", *asked)
	}
	for _, name := range []string{"configuration", "directory", "stores", "coexistence", "history"} {
		if p := parts[name]; p.State != "ok" && p.State != "findings" {
			t.Errorf("%+v", p)
		}
	}
	if parts["stores"].State != "ok" || parts["vault"].State != "not-set-up" || parts["domain-map"].State != "not-set-up" {
		t.Errorf("%+v", parts)
	}
	if !strings.Contains(a.out, `"complete":true`) {
		t.Error(a.out)
	}
	if n, err := db.Psql(t.Context(), "postgres", "SELECT count(*) FROM davadmin.account"); err != nil || !strings.Contains(n, "0") {
		t.Errorf("%s, %v", n, err)
	}

	// So is the passphrase of the vault, which then has that password.
	pw := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(pw, []byte(servertest.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := davadminRun(t, map[string]string{"DAVADMIN_VAULT_PASSPHRASE": "right"}, "passfile", "create", "--home", home, "-n", "ldap.ugldap", "--value-file", pw); a.code != 0 {
		t.Fatal(a.notes)
	}
	typed, asked = prompts("right")
	parts, _ = doctorRun(t, typed, nil, options...)
	if *asked != 1 || parts["vault"].State != "ok" || parts["directory"].State == "failed" || parts["coexistence"].State == "not-run" {
		t.Errorf("%d prompts, %+v", *asked, parts)
	}
	typed, asked = prompts("wrong")
	parts, a = doctorRun(t, typed, nil, options...)
	if *asked != 1 || a.code != 5 || parts["vault"].State != "failed" || parts["coexistence"].State != "not-run" || parts["stores"].State != "incomplete" ||
		parts["stores"].Reason != "the vault could not be opened" || parts["directory"].State != "not-run" || parts["directory"].Reason != "the vault could not be opened" {
		t.Errorf("%d prompts, exit code %d: %s%+v", *asked, a.code, a.notes, parts)
	}

	// A database that cannot be written, and one that is down.
	passphrase := map[string]string{"DAVADMIN_VAULT_PASSPHRASE": "right"}
	if _, err := db.Psql(t.Context(), "template1", "ALTER DATABASE postgres SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	parts, a = doctorRun(t, nil, passphrase, options...)
	if p := parts["stores"]; p.State != "findings" || p.Warnings != 1 || !strings.Contains(a.out, `"rule":"store-writable"`) || !strings.Contains(a.out, "the database is read-only") {
		t.Errorf("%+v: %s", p, a.out)
	}
	if err := db.Stop(servertest.Fast); err != nil {
		t.Fatal(err)
	}
	parts, a = doctorRun(t, nil, passphrase, options...)
	if p := parts["stores"]; a.code != 5 || p.State != "incomplete" || p.ExitCode != 5 || parts["coexistence"].State != "not-run" || strings.Contains(a.out, `"complete":true`) {
		t.Errorf("exit code %d: %+v", a.code, p)
	}
	if parts["directory"].State == "failed" {
		t.Errorf("%+v", parts["directory"])
	}
	after := snapshot(t, s)
	if len(before) != len(after) {
		t.Errorf("%d entries, and then %d", len(before), len(after))
	}
}

// mute returns the address of a server that accepts connections and never answers.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.Addr().String()
}

// TestDoctorEnds runs 'doctor' when every server is dead: down, mute, or mute with a limit on
// the part alone. It ends within the limits, and nothing is reported as ok that was not seen.
func TestDoctorEnds(t *testing.T) {
	home := postgresHome(t, "postgresql://postgres@"+mute(t)+"/postgres?connect_timeout=2&sslmode=disable")
	mustRun(t, "config", "modify", "-q", "--home", home, "-o", "base.ldapinfo.ugldap.ldaphost", "-v", mute(t)+" 127.0.0.1:1", "-o", "davcore.scheduling.localuserattr", "-v", "davstore")
	for _, c := range []struct {
		args []string
		most time.Duration
		code int
	}{
		{[]string{"--connect-timeout", "1s", "--idle-timeout", "1s"}, 20 * time.Second, 5},
		{[]string{"--connect-timeout", "5m", "--idle-timeout", "5m", "--part-timeout", "1s"}, 20 * time.Second, 1},
	} {
		start := time.Now()
		parts, a := doctorRun(t, nil, nil, append(c.args, "--home", home, "-q")...)
		if took := time.Since(start); took > c.most || a.code != c.code {
			t.Errorf("%q: exit code %d after %s: %s", c.args, a.code, took, a.notes)
		}
		for name, want := range map[string]string{"directory": "failed", "coexistence": "not-run", "domain-map": "not-set-up"} {
			if p := parts[name]; p.State != want {
				t.Errorf("%q: %+v", c.args, p)
			}
		}
		if p := parts["stores"]; p.State != "incomplete" && p.State != "failed" || p.ExitCode == 0 {
			t.Errorf("%q: %+v", c.args, p)
		}
		if c.code == 1 && parts["directory"].Reason != "not finished after 1s (--part-timeout)" {
			t.Errorf("%+v", parts["directory"])
		}
		if strings.Count(a.notes, "\n") != 1 || !strings.HasPrefix(a.notes, "davadmin: doctor: directory: ") {
			t.Errorf("%q", a.notes)
		}
	}
}

// TestDoctorSeesEveryTable runs 'doctor' as a user of the database who lacks the rights on some
// tables: accounts can be counted then, and even created, but the store does not work.
func TestDoctorSeesEveryTable(t *testing.T) {
	db := servertest.Postgres(t, servertest.PostgresOptions{})
	home := postgresHome(t, db.URL("postgres"))
	mustRun(t, "db", "init", "--home", home)
	sql := func(statement string) {
		t.Helper()
		if _, err := db.Psql(t.Context(), "postgres", statement); err != nil {
			t.Fatal(err)
		}
	}
	sql("CREATE ROLE guest LOGIN")
	mustRun(t, "config", "modify", "-q", "--home", home, "-o", "store.dav.defaultbackend.dburl", "-v", strings.Replace(db.URL("postgres"), servertest.PostgresUser+"@", "guest@", 1))
	sql("GRANT USAGE ON SCHEMA davadmin TO guest; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA davadmin TO guest")
	for _, c := range []struct{ statement, rule, state string }{
		{"REVOKE INSERT ON davadmin.trash FROM guest", "store-writable", "findings"},
		{"REVOKE SELECT ON davadmin.trash FROM guest", "check-not-run", "incomplete"},
	} {
		if parts, a := doctorRun(t, nil, nil, "--home", home); parts["stores"].State != "ok" {
			t.Fatalf("%+v: %s", parts["stores"], a.notes)
		}
		sql(c.statement)
		if parts, a := doctorRun(t, nil, nil, "--home", home); parts["stores"].State != c.state || !strings.Contains(a.out, `"rule":"`+c.rule+`"`) {
			t.Errorf("%s: %+v", c.statement, parts["stores"])
		}
		sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA davadmin TO guest")
	}
}
