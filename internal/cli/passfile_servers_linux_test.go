package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/davadmin/davadmin/internal/cli"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/internal/ui"
)

// The bind DN of the directory in these tests, and its password.
const (
	poolDN       = "cn=davadmin,o=isp"
	poolPassword = "hunter2"

	audited = 3 // the exit code of an audit of that directory, which has findings
)

// poolHome returns a home whose pool binds to a directory.
func poolHome(t *testing.T) (home string, server *ldaptest.Server) {
	t.Helper()
	server = ldaptest.Start(t, ldaptest.Options{
		Identities: []ldaptest.Identity{{DN: poolDN, Password: poolPassword}},
		Entries:    []ldaptest.Entry{ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp")},
	})
	home = newHome(t)
	host := strings.TrimPrefix(server.URL(), "ldap://")
	if a := davadminRun(t, nil, "ldappool", "modify", "-q", "--home", home, "-n", "ugldap", "-y", "ldaphost="+host+",binddn="+poolDN); a.code != 0 {
		t.Fatal(a.notes)
	}
	return home, server
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pw")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func binds(s *ldaptest.Server) (as []string) {
	for _, r := range s.Log() {
		if r.Op == "bind" {
			as = append(as, r.DN)
		}
	}
	return as
}

// The pool of the home binds with the password in the vault, which a key or a passphrase
// opens, without a prompt.
func TestLDAPBindTakesThePasswordFromTheVault(t *testing.T) {
	home, server := poolHome(t)
	pw := secretFile(t, poolPassword)
	env := map[string]string{"DAVADMIN_VAULT_PASSPHRASE": "correct horse"}
	if a := davadminRun(t, env, "passfile", "create", "--home", home, "-n", "ldap.ugldap", "--value-file", pw); a.code != 0 {
		t.Fatal(a.notes)
	}
	audit := []string{"ldap", "audit", "--home", home, "-B", "o=isp"}
	ended := func(a answer, code int, words string) {
		t.Helper()
		if a.code != code || !strings.Contains(a.notes, words) || strings.Contains(a.notes+a.out, poolPassword) {
			t.Errorf("code %d: %s", a.code, a.notes)
		}
	}
	ended(davadminRun(t, env, audit...), audited, "")
	if as := binds(server); len(as) == 0 || as[0] != poolDN {
		t.Errorf("bound as %q", as)
	}
	// On a terminal there is one prompt, for the passphrase, and none for the password.
	asked := ""
	typed := func(_ context.Context, prompt string) ([]byte, error) {
		asked += prompt
		return []byte("correct horse"), nil
	}
	ended(davadminRunAs(t, typed, nil, audit...), audited, "")
	if asked != "passphrase of the vault: " {
		t.Errorf("asked %q", asked)
	}
	ended(davadminRun(t, nil, audit...), 2, "set DAVADMIN_VAULT_PASSPHRASE")
	ended(davadminRun(t, map[string]string{"DAVADMIN_VAULT_PASSPHRASE": "donkey"}, audit...), 5, "wrong passphrase or key")
	// A password file takes precedence over the vault.
	before := len(binds(server))
	ended(davadminRun(t, map[string]string{"DAVADMIN_LDAP_PASSWORD": "donkey"}, audit...), 5, "check the bind DN (-D) and the password")
	ended(davadminRun(t, nil, append(audit, "--password-file", pw)...), audited, "")
	if len(binds(server)) <= before {
		t.Error("there was no bind")
	}
	// A key.
	key := filepath.Join(t.TempDir(), "key")
	if a := davadminRun(t, env, "passfile", "modify", "--home", home, "--rekey", "--new-key="+key); a.code != 0 {
		t.Fatal(a.notes)
	}
	ended(davadminRun(t, nil, append(audit, "--vault-key", key)...), audited, "")
	ended(davadminRun(t, nil, audit...), 2, "use --vault-key FILE")
}

// The password of the pool is not sent to a server that is named on the command line, and
// the vault is not opened.
func TestVaultPasswordGoesOnlyToThePool(t *testing.T) {
	home, _ := poolHome(t)
	other := ldaptest.Start(t, ldaptest.Options{Identities: []ldaptest.Identity{{DN: poolDN, Password: "other"}}})
	env := map[string]string{"DAVADMIN_VAULT_PASSPHRASE": "correct horse"}
	if a := davadminRun(t, env, "passfile", "create", "--home", home, "-n", "ldap.ugldap", "--value-file", secretFile(t, poolPassword)); a.code != 0 {
		t.Fatal(a.notes)
	}
	a := davadminRun(t, env, "ldap", "audit", "--home", home, "-H", other.URL(), "-D", poolDN)
	if a.code != 2 || !strings.Contains(a.notes, "no password for "+poolDN) {
		t.Errorf("code %d: %s", a.code, a.notes)
	}
	if as := binds(other); len(as) != 0 {
		t.Errorf("bound as %q", as)
	}
}

// Without a vault, or with one that has no password for the pool, the password is asked
// for.
func TestNoPoolPasswordInTheVault(t *testing.T) {
	home, _ := poolHome(t)
	audit := []string{"ldap", "audit", "--home", home, "-B", "o=isp"}
	asked := ""
	typed := func(_ context.Context, prompt string) ([]byte, error) {
		asked += prompt
		return []byte(poolPassword), nil
	}
	if a := davadminRunAs(t, typed, nil, audit...); a.code != audited {
		t.Error(a.notes)
	}
	if a := davadminRun(t, nil, "passfile", "create", "--home", home, "--new-key"); a.code != 0 {
		t.Fatal(a.notes)
	}
	if a := davadminRunAs(t, typed, nil, audit...); a.code != audited {
		t.Error(a.notes)
	}
	if want := "password of " + poolDN + ": "; asked != want+want {
		t.Errorf("asked %q", asked)
	}
}

// If the disk fails at any step, the vault is the old or the new one, and no key file that
// opens nothing remains.
func TestVaultWhenTheDiskFails(t *testing.T) {
	steps := 0
	for n := 1; ; n++ {
		home := newHome(t)
		calls, failed := 0, false
		app := &cli.Environment{
			Streams: &ui.Streams{In: strings.NewReader(""), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}},
			Args:    []string{"passfile", "create", "--home", home, "--new-key", "-n", "admin", "--value-file", secretFile(t, poolPassword)},
			Getenv:  func(string) string { return "" },
			Hook: func(op fsx.Op, _ string) error {
				if calls++; calls == n && op != fsx.OpRemove {
					failed = true
					return syscall.EROFS
				}
				return nil
			},
		}
		code := cli.Main(t.Context(), app)
		_, err := os.Stat(filepath.Join(home, "config", "davadmin.vault"))
		made := err == nil
		_, err = os.Stat(filepath.Join(home, "config", "davadmin.key"))
		if keyMade := !errors.Is(err, fs.ErrNotExist); keyMade != made {
			t.Errorf("step %d: the vault exists: %v, its key: %v", n, made, keyMade)
		}
		if made {
			if out := mustRun(t, "passfile", "--home", home); !strings.HasPrefix(out, "admin: ") {
				t.Errorf("step %d: %s", n, out)
			}
		}
		// The number of the last record is a check that the next run makes good.
		recorded := made && code == 0 && !strings.Contains(mustRun(t, "history", "verify", "--home", home), "no result")
		if failed && code != 1 && !recorded || !failed && code != 0 {
			t.Errorf("step %d: code %d", n, code)
		}
		if calls < n {
			break
		}
		steps++
	}
	if steps < 20 {
		t.Errorf("only %d steps were tried", steps)
	}
}

// A run may be killed before any system call. The vault is then completely the old or the
// new one, and the next run works.
func TestKilledWhileChangingTheVault(t *testing.T) {
	pw, next := secretFile(t, poolPassword), secretFile(t, "hunter3")
	steps := 0
	for n := 1; ; n++ {
		home := newHome(t)
		mustRun(t, "passfile", "create", "--home", home, "--new-key", "-n", "admin", "--value-file", pw)
		key := filepath.Join(home, "second.key")
		_, errs, err := run(t, []string{fmt.Sprintf("%s=%d", killVariable, n)},
			"passfile", "modify", "--home", home, "--rekey", "--new-key="+key, "-n", "admin", "--value-file", next)
		if err == nil {
			break
		}
		if !killed(err) {
			t.Fatalf("step %d: %v\n%s", n, err, errs)
		}
		steps++
		_, _, withOld := run(t, nil, "passfile", "--home", home)
		_, _, withNew := run(t, nil, "passfile", "--home", home, "--vault-key", key)
		if (withOld == nil) == (withNew == nil) {
			t.Fatalf("step %d: opens with the old key: %v, with the new one: %v", n, withOld, withNew)
		}
		if withOld != nil {
			mustRun(t, "passfile", "create", "--home", home, "--vault-key", key, "-n", "docstore", "--value-file", pw)
		} else {
			mustRun(t, "passfile", "create", "--home", home, "-n", "docstore", "--value-file", pw)
		}
		if out := mustRun(t, "history", "verify", "--home", home); !strings.HasSuffix(out, ": intact\n") {
			t.Errorf("step %d: %s", n, out)
		}
	}
	if steps < 10 {
		t.Errorf("only %d steps were tried", steps)
	}
}

// Where the user may not write, or not read, nothing changes and the message names the
// path.
func TestVaultNoPermission(t *testing.T) {
	u := newUnprivileged(t)
	home := u.home(t, "vault", "# site\n")
	pw := filepath.Join(u.dir, "pw")
	if err := os.WriteFile(pw, []byte(poolPassword), 0o600); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(pw, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	create := []string{"passfile", "create", "--home", home, "--new-key", "-n", "admin", "--value-file", pw}
	dir := filepath.Join(home, "config")
	if err := os.Chmod(dir, 0o555); err != nil {
		t.Fatal(err)
	}
	errs, err := u.run(t, create...)
	checkFailure(t, 1, []string{"permission denied", "/config"}, errs, err)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if errs, err := u.run(t, create...); err != nil {
		t.Fatalf("%v: %s", err, errs)
	}
	vault := filepath.Join(dir, "davadmin.vault")
	if err := os.Chmod(vault, 0); err != nil {
		t.Fatal(err)
	}
	errs, err = u.run(t, "passfile", "--home", home)
	checkFailure(t, 1, []string{"permission denied", "davadmin.vault"}, errs, err)
}

// Several runs at once add their passwords one after the other, and none is lost.
func TestManyRunsChangeTheVault(t *testing.T) {
	home := newHome(t)
	pw := secretFile(t, poolPassword)
	names := []string{"admin", "docstore", "ldap.authldap", "ldap.ugldap", "migrationadmin", "store.defaultbackend"}
	mustRun(t, "passfile", "create", "--home", home, "--new-key")
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			if _, errs, err := run(t, nil, "passfile", "create", "--home", home, "-n", name, "--value-file", pw); err != nil {
				t.Errorf("%s: %v: %s", name, err, errs)
			}
		})
	}
	wg.Wait()
	var got []string
	for line := range strings.Lines(mustRun(t, "passfile", "--home", home)) {
		name, _, _ := strings.Cut(line, ":")
		got = append(got, name)
	}
	if !slices.Equal(got, names) {
		t.Errorf("%q", got)
	}
	if out := mustRun(t, "history", "verify", "--home", home); !strings.HasSuffix(out, ": intact\n") {
		t.Error(out)
	}
}
