package cmdutil

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

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
	if err := os.WriteFile(filepath.Join(home, filepath.FromSlash(VaultFile)), sealed, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Many back ends, each with many connections, ask for the passphrase once.
func TestVaultIsUnlockedOnce(t *testing.T) {
	f, home, asked := vaultApp(t, "horse")
	putVault(t, home, "horse", map[string]string{"store.a": "pw-a", "store.b": "pw-b"})
	o := &HomeOptions{}
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
		b, err := f.Vaults.StorePassword(&HomeOptions{}, home, backend)(t.Context())
		if b != nil || !errors.Is(err, secret.ErrWrongKey) {
			t.Errorf("%s: %q, %v", backend, b, err)
		}
		if code, text := f.Hints.ExitOf(t.Context(), err); code != exitConnect || strings.Contains(text, "donkey") {
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
	b, err := f.Vaults.StorePassword(&HomeOptions{}, home, "defaultbackend")(t.Context())
	if b != nil || err != nil || *asked != 0 {
		t.Errorf("%q, %v, asked %d times", b, err, *asked)
	}
}

// A stop is no answer, and no wrong one.
func TestVaultStoppedAtTheQuestion(t *testing.T) {
	f, home, _ := vaultApp(t, "")
	putVault(t, home, "horse", nil)
	f.Console.Streams.ReadSecret = func(ctx context.Context, _ string) ([]byte, error) { return nil, context.Canceled }
	_, err := f.Vaults.Open(t.Context(), &HomeOptions{}, home)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
