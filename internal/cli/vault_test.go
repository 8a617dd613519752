package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/secret"
	"github.com/davadmin/davadmin/internal/ui"
)

// vaultApp is a run on a home whose vault a passphrase closes, with somebody who
// types it and is counted.
func vaultApp(t *testing.T, typed string) (f *Factory, home string, asked *int) {
	t.Helper()
	home = t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "config"), 0o700); err != nil {
		t.Fatal(err)
	}
	asked = new(int)
	f = NewFactory(&Environment{VaultWork: 2, Getenv: func(string) string { return "" }, Streams: &ui.Streams{
		Err: io.Discard, Out: io.Discard,
		ReadSecret: func(context.Context, string) ([]byte, error) { *asked++; return []byte(typed), nil },
	}})
	return f, home, asked
}

func putVault(t *testing.T, home, passphrase string, secrets map[string]string) {
	t.Helper()
	k, err := secret.Passphrase(secret.New([]byte(passphrase)), 2)
	if err != nil {
		t.Fatal(err)
	}
	var v secret.Vault
	for name, value := range secrets {
		v.Put(name, secret.New([]byte(value)), time.Now())
	}
	sealed, err := v.Seal(k)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(home, filepath.FromSlash(vaultFile)), sealed, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Many back ends, each with many connections, ask for the passphrase once.
func TestVaultIsUnlockedOnce(t *testing.T) {
	f, home, asked := vaultApp(t, "horse")
	putVault(t, home, "horse", map[string]string{"store.a": "pw-a", "store.b": "pw-b"})
	o := &homeOptions{}
	var wg sync.WaitGroup
	for backend, want := range map[string]string{"a": "pw-a", "b": "pw-b", "c": ""} {
		source := f.Vaults.StorePassword(o, home, backend)
		for range 8 {
			wg.Go(func() {
				if b, err := source(t.Context()); string(b) != want || err != nil || want == "" && b != nil {
					t.Errorf("%s: %q, %v", backend, b, err)
				}
			})
		}
	}
	wg.Wait()
	if *asked != 1 {
		t.Errorf("asked %d times", *asked)
	}
}

// A wrong passphrase is asked for once, too, and every back end says so.
func TestVaultWrongPassphraseOnce(t *testing.T) {
	f, home, asked := vaultApp(t, "donkey")
	putVault(t, home, "horse", map[string]string{"store.a": "pw-a"})
	for _, backend := range []string{"a", "b"} {
		b, err := f.Vaults.StorePassword(&homeOptions{}, home, backend)(t.Context())
		if b != nil || !errors.Is(err, secret.ErrWrongKey) {
			t.Errorf("%s: %q, %v", backend, b, err)
		}
		if code, text := exitOf(t.Context(), err); code != exitConnect || strings.Contains(text, "donkey") {
			t.Errorf("%d %s", code, text)
		}
	}
	if *asked != 1 {
		t.Errorf("asked %d times", *asked)
	}
}

// Without a vault nothing is asked.
func TestNoVaultAsksNothing(t *testing.T) {
	f, home, asked := vaultApp(t, "horse")
	b, err := f.Vaults.StorePassword(&homeOptions{}, home, "defaultbackend")(t.Context())
	if b != nil || err != nil || *asked != 0 {
		t.Errorf("%q, %v, asked %d times", b, err, *asked)
	}
}

// A stop is no answer, and no wrong one.
func TestVaultStoppedAtTheQuestion(t *testing.T) {
	f, home, _ := vaultApp(t, "")
	putVault(t, home, "horse", nil)
	f.Console.Streams.ReadSecret = func(ctx context.Context, _ string) ([]byte, error) { return nil, context.Canceled }
	_, err := f.Vaults.Open(t.Context(), &homeOptions{}, home)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestParsePoolProperties(t *testing.T) {
	for _, c := range []struct {
		text string
		want []poolSetting
		bad  string // in the message
	}{
		{text: "ldaphost=h", want: []poolSetting{{"ldaphost", "h"}}},
		{text: " LDAPhost = a b , ldapport=1", want: []poolSetting{{"ldaphost", "a b"}, {"ldapport", "1"}}},
		{text: "ldaphost=a=b", want: []poolSetting{{"ldaphost", "a=b"}}},
		{text: "ldapport=", want: []poolSetting{{"ldapport", ""}}},
		{text: "binddn=", want: []poolSetting{{"binddn", ""}}},
		{text: "binddn=cn=a, o=b,l=c,s=d,dc=e,ldapport=1", want: []poolSetting{{"binddn", "cn=a, o=b,l=c,s=d,dc=e"}, {"ldapport", "1"}}},
		{text: `binddn=cn=a\,b,o=c`, want: []poolSetting{{"binddn", `cn=a\,b,o=c`}}},
		{text: "ldaphost=h,binddn=cn=a", want: []poolSetting{{"ldaphost", "h"}, {"binddn", "cn=a"}}},
		{text: "", bad: "nothing before a comma"},
		{text: "ldaphost=h,", bad: "nothing before a comma"},
		{text: "ldaphost", bad: "no '='"},
		{text: "=h", bad: "is no property"},
		{text: "ldaphost=h,cn=secret", bad: "'cn' is no property"},
		{text: "binddn=cn=a,ldaphots=secret", bad: "did you mean ldaphost?"},
		{text: "\x1b=secret", bad: "is no property"},
	} {
		got, err := parsePoolProperties(c.text)
		if c.bad != "" {
			if err == nil || !strings.Contains(err.Error(), c.bad) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: %v, %v", c.text, got, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(poolSetting{})); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

func FuzzParsePoolProperties(f *testing.F) {
	f.Add("ldaphost=a b,binddn=cn=a,o=b,ldapport=1")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := parsePoolProperties(text)
		if (err == nil) != (len(set) > 0) {
			t.Errorf("%q: %v, %v", text, set, err)
		}
	})
}

func TestPassItemsBelongToTheNameBefore(t *testing.T) {
	var p passItems
	for _, err := range []error{p.file("a"), p.name("x"), p.name("y"), p.file("b"), p.name("z")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	want := []passItem{{name: "x", file: "a"}, {name: "y", file: "b"}, {name: "z"}}
	for i, it := range p.items {
		if it.name != want[i].name || it.file != want[i].file {
			t.Errorf("%d: %s %s", i, it.name, it.file)
		}
	}
	if err := p.file("c"); err != nil {
		t.Error(err)
	}
	if err := p.file("d"); err == nil {
		t.Error("two files for one name")
	}
}

// The table is in order, so that lists are, and every name has a use.
func TestSecretNames(t *testing.T) {
	last := ""
	for _, n := range secretNames() {
		if n.name <= last || n.what == "" || (n.members != nil) != strings.HasSuffix(n.name, ".") || (n.members == nil) != (n.missing == "") {
			t.Errorf("%+v", n)
		}
		last = n.name
	}
	for _, name := range []string{"", ".", "ldap.", "ldap", "store.", "*", "ldap.*", "\xff", strings.Repeat("x", 1<<16)} {
		err := checkSecretName([]knownSecret{{"ldap.ugldap", ""}, {"store.a", ""}}, name, "")
		var usage *usageError
		if !errors.As(err, &usage) || len(err.Error()) > 400 {
			t.Errorf("%.20q: %v", name, err)
		}
	}
	if bytes.Contains([]byte(checkSecretName(nil, "admin=hunter2", "").Error()), []byte("hunter2")) {
		t.Error("a password is repeated")
	}
}
