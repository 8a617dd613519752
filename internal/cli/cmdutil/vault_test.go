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

// vaultFactory returns the parts for a run on a new home, with a prompt that returns typed
// and counts its uses.
func vaultFactory(t *testing.T, typed string) (f *Factory, home string, asked *int) {
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

// Many back ends, each with many connections, cause one prompt for the passphrase.
func TestVaultIsUnlockedOnce(t *testing.T) {
	f, home, asked := vaultFactory(t, "horse")
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
		t.Errorf("%d prompts", *asked)
	}
}

// A wrong passphrase causes one prompt, and an error for every back end.
func TestVaultWrongPassphraseOnce(t *testing.T) {
	f, home, asked := vaultFactory(t, "donkey")
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
		t.Errorf("%d prompts", *asked)
	}
}

// A home without a vault causes no prompt.
func TestNoVaultNoPrompt(t *testing.T) {
	f, home, asked := vaultFactory(t, "horse")
	b, err := f.Vaults.StorePassword(&HomeOptions{}, home, "defaultbackend")(t.Context())
	if b != nil || err != nil || *asked != 0 {
		t.Errorf("%q, %v, %d prompts", b, err, *asked)
	}
}

// Stopping at the prompt is an error, but not that of a wrong passphrase.
func TestVaultStoppedAtThePrompt(t *testing.T) {
	f, home, _ := vaultFactory(t, "")
	putVault(t, home, "horse", nil)
	f.Console.Streams.ReadSecret = func(ctx context.Context, _ string) ([]byte, error) { return nil, context.Canceled }
	_, err := f.Vaults.Open(t.Context(), &HomeOptions{}, home)
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
