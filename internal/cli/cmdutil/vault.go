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

// Vaults opens the vaults of homes, each once in a run.
type Vaults struct {
	console *Console
	hints   *Hints
	getenv  func(string) string
	Work    int // that the passphrase of a vault costs; 0 in production, see secret.Passphrase
	vaults  vaults
}

// Files of a home that keep passwords.
const (
	VaultFile    = "config/davadmin.vault"
	VaultKeyFile = "config/davadmin.key" // what opens the vault, unless another key is named
)

// Variables of the environment that open a vault.
const (
	envVaultKey      = "DAVADMIN_VAULT_KEY"
	EnvPassphrase    = "DAVADMIN_VAULT_PASSPHRASE"
	EnvNewPassphrase = "DAVADMIN_VAULT_NEW_PASSPHRASE" // of 'passfile modify --rekey'
)

// maxKeyFile bounds what is read as a key file.
const maxKeyFile = 64 << 10

// vaults remembers what became of opening the vault of a home, so that a run asks
// for its passphrase once.
type vaults struct {
	mu     sync.Mutex
	opened map[string]*OpenVault
}

// OpenVault is a vault that was looked at.
type OpenVault struct {
	Vault  *secret.Vault // nil where there is none
	Sealed []byte
	Key    *secret.Key
	err    error
}

// Open opens the vault of a home, once in a run; a home without one asks
// nothing.
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

// Source is a source for a name of the home's vault.
func (vs *Vaults) Source(o *HomeOptions, home, name string) secret.Source {
	return secret.From(func(ctx context.Context) (*secret.Vault, error) {
		v, err := vs.Open(ctx, o, home)
		if err != nil {
			return nil, err
		}
		if v.Vault == nil {
			vs.console.Detailf("%s: there is no vault", name)
		}
		return v.Vault, nil
	}, name)
}

// StorePassword gives the database password of a back end, as the home's vault has
// it; nil where there is none. It asks nothing but what opens a vault that is there.
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
		vs.console.Warnf("others may read the vault %s and try passphrases (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), Quote(path))
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
		return fmt.Errorf("cannot open the vault %s with %s: %w; it opens with the %s that it was closed with last, and with nothing else", path, from, err, kind)
	case err != nil:
		return fmt.Errorf("%s: %w; %s", path, err, vs.RestoreHint())
	}
	vs.console.Detailf("vault: %s, opened with %s", path, from)
	v.Vault, v.Sealed, v.Key = opened, sealed, key
	return nil
}

// RestoreHint says how to get a vault back that cannot be read.
func (vs *Vaults) RestoreHint() string {
	return fmt.Sprintf("'%s' lists what '%s' can bring back", vs.hints.Line("passfile", "history"), vs.hints.Line("passfile", "revert", "REV"))
}

// opener finds what opens a vault: a key file that is named or at its place,
// the environment, a question.
func (vs *Vaults) opener(ctx context.Context, o *HomeOptions, home string, kind secret.Kind) (k *secret.Key, from string, err error) {
	path, found := vs.FindKey(o, home)
	switch {
	case kind == secret.ByKey && !found:
		return nil, "", Usagef("the vault of %s is closed with a key, and there is no %s: give --vault-key FILE, or set %s", home, path, envVaultKey)
	case kind == secret.ByKey:
		k, err = vs.ReadKey(path)
		return k, "the key in " + path, err
	case o.VaultKey != "":
		return nil, "", Usagef("the vault of %s is closed with a passphrase, not with a key: leave --vault-key out", home)
	}
	from = "the passphrase in " + EnvPassphrase
	word := []byte(vs.getenv(EnvPassphrase))
	if len(word) == 0 {
		if vs.console.Streams.ReadSecret == nil {
			return nil, "", Usagef("the vault of %s is closed with a passphrase, and there is no terminal to ask on: set %s", home, EnvPassphrase)
		}
		from = "that passphrase"
		if word, err = vs.console.Streams.ReadSecret(ctx, "passphrase of the vault: "); err != nil {
			return nil, "", fmt.Errorf("read the passphrase: %w", err)
		}
	}
	if len(word) == 0 {
		return nil, "", fmt.Errorf("the passphrase of a vault is not empty: %w", secret.ErrWrongKey)
	}
	k, err = secret.Passphrase(secret.New(word), vs.Work)
	return k, from, err
}

// FindKey returns the key file that this run is to take. It is found when it was
// named, or is at its place.
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

// ReadKey reads a key file, which must be closed to others.
func (vs *Vaults) ReadKey(path string) (*secret.Key, error) {
	text, info, err := fsx.ReadLimited(path, maxKeyFile)
	if err != nil {
		return nil, fmt.Errorf("key of the vault: %w", err)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return nil, fmt.Errorf("%s holds the key of the vault and others may read it (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), Quote(path))
	}
	k, err := secret.ParseKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; '%s' makes one", path, err, vs.hints.Line("passfile", "create", "--new-key"))
	}
	return k, nil
}
