package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/secret"
)

// Files of a home that keep passwords.
const (
	vaultFile    = "config/davadmin.vault"
	vaultKeyFile = "config/davadmin.key" // what opens the vault, unless another key is named
)

// Variables of the environment that open a vault.
const (
	envVaultKey      = "DAVADMIN_VAULT_KEY"
	envPassphrase    = "DAVADMIN_VAULT_PASSPHRASE"
	envNewPassphrase = "DAVADMIN_VAULT_NEW_PASSPHRASE" // of 'passfile modify --rekey'
)

// maxKeyFile bounds what is read as a key file.
const maxKeyFile = 64 << 10

// vaults remembers what became of opening the vault of a home, so that a run asks
// for its passphrase once.
type vaults struct {
	mu     sync.Mutex
	opened map[string]*openedVault
}

// openedVault is a vault that was looked at.
type openedVault struct {
	vault  *secret.Vault // nil where there is none
	sealed []byte
	key    *secret.Key
	err    error
}

// addVault adds the option that opens the vault, to commands that need a password.
func (o *homeOptions) addVault(f *pflag.FlagSet) {
	f.StringVar(&o.vaultKey, "vault-key", "", "`FILE` with the key of the vault (else "+envVaultKey+", "+vaultKeyFile+
		" of the home; a vault with a passphrase takes it from "+envPassphrase+" or asks)")
}

// openVault opens the vault of a home, once in a run; a home without one asks
// nothing.
func (vs *Vaults) Open(ctx context.Context, o *homeOptions, home string) (*openedVault, error) {
	vs.vaults.mu.Lock()
	defer vs.vaults.mu.Unlock()
	if known, ok := vs.vaults.opened[home]; ok {
		return known, known.err
	}
	v := &openedVault{}
	v.err = vs.unlock(ctx, o, home, v)
	if vs.vaults.opened == nil {
		vs.vaults.opened = map[string]*openedVault{}
	}
	vs.vaults.opened[home] = v
	return v, v.err
}

// fromVault is a source for a name of the home's vault.
func (vs *Vaults) Source(o *homeOptions, home, name string) secret.Source {
	return secret.From(func(ctx context.Context) (*secret.Vault, error) {
		v, err := vs.Open(ctx, o, home)
		if err != nil {
			return nil, err
		}
		if v.vault == nil {
			vs.console.Detailf("%s: there is no vault", name)
		}
		return v.vault, nil
	}, name)
}

// storePassword gives the database password of a back end, as the home's vault has
// it; nil where there is none. It asks nothing but what opens a vault that is there.
func (vs *Vaults) StorePassword(o *homeOptions, home, backend string) func(context.Context) ([]byte, error) {
	return secret.Once(vs.Source(o, home, secretStore+backend))
}

func (vs *Vaults) unlock(ctx context.Context, o *homeOptions, home string, v *openedVault) error {
	path := filepath.Join(home, filepath.FromSlash(vaultFile))
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
		return fmt.Errorf("%s: %w; %s", path, err, vs.OlderVault())
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
		return fmt.Errorf("%s: %w; %s", path, err, vs.OlderVault())
	}
	vs.console.Detailf("vault: %s, opened with %s", path, from)
	v.vault, v.sealed, v.key = opened, sealed, key
	return nil
}

// olderVault says how to get a vault back that cannot be read.
func (vs *Vaults) OlderVault() string {
	return vs.hints.WithHome("'davadmin passfile history' lists what 'davadmin passfile revert' can bring back")
}

// vaultOpener finds what opens a vault: a key file that is named or at its place,
// the environment, a question.
func (vs *Vaults) opener(ctx context.Context, o *homeOptions, home string, kind secret.Kind) (k *secret.Key, from string, err error) {
	path, found := vs.NamedKey(o, home)
	switch {
	case kind == secret.ByKey && !found:
		return nil, "", usagef("the vault of %s is closed with a key, and there is no %s: give --vault-key FILE, or set %s", home, path, envVaultKey)
	case kind == secret.ByKey:
		k, err = vs.ReadKey(path)
		return k, "the key in " + path, err
	case o.vaultKey != "":
		return nil, "", usagef("the vault of %s is closed with a passphrase, not with a key: leave --vault-key out", home)
	}
	from = "the passphrase in " + envPassphrase
	word := []byte(vs.getenv(envPassphrase))
	if len(word) == 0 {
		if vs.console.Streams.ReadSecret == nil {
			return nil, "", usagef("the vault of %s is closed with a passphrase, and there is no terminal to ask on: set %s", home, envPassphrase)
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

// namedKey returns the key file that this run is to take. It is found when it was
// named, or is at its place.
func (vs *Vaults) NamedKey(o *homeOptions, home string) (path string, found bool) {
	if o.vaultKey != "" {
		return o.vaultKey, true
	}
	if path := vs.getenv(envVaultKey); path != "" {
		return path, true
	}
	path = filepath.Join(home, filepath.FromSlash(vaultKeyFile))
	_, err := os.Lstat(path)
	return path, !errors.Is(err, fs.ErrNotExist)
}

// readKey reads a key file, which must be closed to others.
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
		return nil, fmt.Errorf("%s: %w; 'davadmin passfile create --new-key' makes one", path, err)
	}
	return k, nil
}
