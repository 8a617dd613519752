package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/secret"
)

// Vaults opens the vaults of homes, each once per run. It is safe for concurrent use.
type Vaults struct {
	console *Console
	hints   *Hints
	getenv  func(string) string
	Work    int // the work factor of a passphrase; 0 in production, see secret.Passphrase
	vaults  vaults
}

// Files of a home with passwords.
const (
	VaultFile    = "config/davadmin.vault"
	VaultKeyFile = "config/davadmin.key" // the key of the vault, unless another file is named
)

// Environment variables with the key file or the passphrase of a vault.
const (
	envVaultKey      = "DAVADMIN_VAULT_KEY"
	EnvPassphrase    = "DAVADMIN_VAULT_PASSPHRASE"
	EnvNewPassphrase = "DAVADMIN_VAULT_NEW_PASSPHRASE" // of 'passfile modify --rekey'
)

// maxKeyFile is the maximum size of a key file, in bytes.
const maxKeyFile = 64 << 10

// vaults remembers the vaults that were opened, or the errors, by home, so that a run asks
// for a passphrase once.
type vaults struct {
	mu     sync.Mutex
	opened map[string]*OpenVault
}

// OpenVault is a vault that was opened.
type OpenVault struct {
	Vault  *secret.Vault // nil if the home has none
	Sealed []byte
	Key    *secret.Key
	err    error
}

// Open opens the vault of a home, once per run. A home without a vault causes no prompt.
func (vs *Vaults) Open(ctx context.Context, o *HomeOptions, home string) (*OpenVault, error) {
	vs.vaults.mu.Lock()
	defer vs.vaults.mu.Unlock()
	if known, ok := vs.vaults.opened[home]; ok {
		return known, known.err
	}
	v := &OpenVault{}
	v.err = vs.unlock(ctx, o, home, v)
	if vs.vaults.opened == nil {
		vs.vaults.opened = map[string]*OpenVault{}
	}
	vs.vaults.opened[home] = v
	return v, v.err
}

// Source returns a source of the password with a name in the home's vault.
func (vs *Vaults) Source(o *HomeOptions, home, name string) secret.Source {
	return secret.From(func(ctx context.Context) (*secret.Vault, error) {
		v, err := vs.Open(ctx, o, home)
		if err != nil {
			return nil, err
		}
		if v.Vault == nil {
			vs.console.Detailf("%s: the home has no vault", name)
		}
		return v.Vault, nil
	}, name)
}

// StorePassword returns a function that returns the database password of a back end from
// the home's vault, or nil if absent. It prompts only to open an existing vault.
func (vs *Vaults) StorePassword(o *HomeOptions, home, backend string) func(context.Context) ([]byte, error) {
	return secret.Once(vs.Source(o, home, SecretStore+backend))
}

func (vs *Vaults) unlock(ctx context.Context, o *HomeOptions, home string, v *OpenVault) error {
	path := filepath.Join(home, filepath.FromSlash(VaultFile))
	sealed, info, err := fsx.ReadLimited(path, secret.MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("vault: %w", err)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		vs.console.Warnf("others can read the vault %s and guess passphrases (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), Quote(path))
	}
	kind, err := secret.KindOf(sealed)
	if err != nil {
		return fmt.Errorf("%s: %w; %s", path, err, vs.RestoreHint())
	}
	key, from, err := vs.opener(ctx, o, home, kind)
	if err != nil {
		return err
	}
	opened, err := secret.Open(sealed, key)
	switch {
	case errors.Is(err, secret.ErrWrongKey):
		return fmt.Errorf("cannot open the vault %s with %s: %w; use the %s with which it was last encrypted", path, from, err, kind)
	case err != nil:
		return fmt.Errorf("%s: %w; %s", path, err, vs.RestoreHint())
	}
	vs.console.Detailf("vault: %s, opened with %s", path, from)
	v.Vault, v.Sealed, v.Key = opened, sealed, key
	return nil
}

// RestoreHint returns how to restore a vault that cannot be read.
func (vs *Vaults) RestoreHint() string {
	return fmt.Sprintf("'%s' lists the versions that '%s' can restore", vs.hints.Line("passfile", "history"), vs.hints.Line("passfile", "revert", "REV"))
}

// opener returns what opens a vault, and its description: the key file, or the passphrase
// from the environment or a prompt.
func (vs *Vaults) opener(ctx context.Context, o *HomeOptions, home string, kind secret.Kind) (k *secret.Key, from string, err error) {
	path, found := vs.FindKey(o, home)
	switch {
	case kind == secret.ByKey && !found:
		return nil, "", Usagef("the vault of %s is encrypted with a key, and %s does not exist: use --vault-key FILE, or set %s", home, path, envVaultKey)
	case kind == secret.ByKey:
		k, err = vs.ReadKey(path)
		return k, "the key in " + path, err
	case o.VaultKey != "":
		return nil, "", Usagef("the vault of %s is encrypted with a passphrase, not with a key: omit --vault-key", home)
	}
	from = "the passphrase in " + EnvPassphrase
	passphrase := []byte(vs.getenv(EnvPassphrase))
	if len(passphrase) == 0 {
		if vs.console.Streams.ReadSecret == nil {
			return nil, "", Usagef("the vault of %s is encrypted with a passphrase, and there is no terminal for a prompt: set %s", home, EnvPassphrase)
		}
		from = "this passphrase"
		if passphrase, err = vs.console.Streams.ReadSecret(ctx, "passphrase of the vault: "); err != nil {
			return nil, "", fmt.Errorf("read the passphrase: %w", err)
		}
	}
	if len(passphrase) == 0 {
		return nil, "", fmt.Errorf("the passphrase is empty: %w", secret.ErrWrongKey)
	}
	k, err = secret.Passphrase(secret.New(passphrase), vs.Work)
	return k, from, err
}

// FindKey returns the key file of this run: --vault-key, the environment, or the file in
// the home. Found is false if the file in the home does not exist.
func (vs *Vaults) FindKey(o *HomeOptions, home string) (path string, found bool) {
	if o.VaultKey != "" {
		return o.VaultKey, true
	}
	if path := vs.getenv(envVaultKey); path != "" {
		return path, true
	}
	path = filepath.Join(home, filepath.FromSlash(VaultKeyFile))
	_, err := os.Lstat(path)
	return path, !errors.Is(err, fs.ErrNotExist)
}

// ReadKey reads a key file, which must not be accessible to others.
func (vs *Vaults) ReadKey(path string) (*secret.Key, error) {
	text, info, err := fsx.ReadLimited(path, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("key of the vault: %w", err)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return nil, fmt.Errorf("%s contains the key of the vault and others can read it (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), Quote(path))
	}
	if text, err = PlainText(path, text); err != nil {
		return nil, fmt.Errorf("key of the vault: %w", err)
	}
	k, err := secret.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; '%s' creates a key", path, err, vs.hints.Line("passfile", "create", "--new-key"))
	}
	return k, nil
}
