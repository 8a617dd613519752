package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"filippo.io/age"
)

// Errors about the bytes of a vault.
var (
	// ErrNoVault is returned for bytes that are not a vault.
	ErrNoVault = errors.New("it is not a vault")
	// ErrDamaged is returned for a vault that is truncated, altered or of a newer
	// version.
	ErrDamaged = errors.New("the vault is damaged, or of a newer version")
)

// MaxSize is the maximum size of a vault in bytes.
const MaxSize = 1 << 20

// contentSchema names the format of the content.
const contentSchema = "davadmin.vault.1"

// block is the unit to which the length of the content is rounded up, so that the
// length of the file does not reveal the length of a password.
const block = 1024

// head begins every age file. scryptHead begins a file that a passphrase opens, which
// has no other recipients.
const (
	head       = "age-encryption.org/v1\n"
	scryptHead = head + "-> scrypt "
)

// Entry is one secret of a vault.
type Entry struct {
	Value Secret
	Set   time.Time // when it was set, to the second
}

// Vault is the content of an open vault: secrets by name. The zero Vault is empty.
// Several goroutines may use it while none of them changes it.
type Vault struct{ entries map[string]Entry }

// content is the format in which a vault is written.
type content struct {
	Schema  string             `json:"schema"`
	Secrets map[string]written `json:"secrets"`
}

type written struct {
	Value []byte    `json:"value"` // base64 in JSON: a password may be any bytes
	Set   time.Time `json:"set"`
}

// Names returns the names in order.
func (v *Vault) Names() []string { return slices.Sorted(maps.Keys(v.entries)) }

// Get returns the secret with a name.
func (v *Vault) Get(name string) (Entry, bool) {
	e, ok := v.entries[name]
	return e, ok
}

// Clone returns a copy of the vault.
func (v *Vault) Clone() *Vault { return &Vault{entries: maps.Clone(v.entries)} }

// Put sets the secret of a name, and reports whether it differs from the one before.
// If it does not, its time is not changed.
func (v *Vault) Put(name string, value Secret, now time.Time) bool {
	if e, ok := v.entries[name]; ok && e.Value.Equal(value) {
		return false
	}
	if v.entries == nil {
		v.entries = map[string]Entry{}
	}
	v.entries[name] = Entry{Value: value, Set: now.UTC().Truncate(time.Second)}
	return true
}

// Remove removes a name, and reports whether it existed.
func (v *Vault) Remove(name string) bool {
	_, ok := v.entries[name]
	delete(v.entries, name)
	return ok
}

// KindOf returns the kind of key that opens a vault, without opening it. The error
// wraps ErrNoVault.
func KindOf(sealed []byte) (Kind, error) {
	switch {
	case bytes.HasPrefix(sealed, []byte(scryptHead)):
		return ByPassphrase, nil
	case bytes.HasPrefix(sealed, []byte(head)):
		return ByKey, nil
	}
	return "", ErrNoVault
}

// Seal returns the encrypted vault. Its bytes differ each time.
func (v *Vault) Seal(k *Key) ([]byte, error) {
	c := content{Schema: contentSchema, Secrets: map[string]written{}}
	for name, e := range v.entries {
		c.Secrets[name] = written{Value: e.Value.Reveal(), Set: e.Set}
	}
	plain, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("seal the vault: %w", err)
	}
	plain = append(plain, bytes.Repeat([]byte(" "), block-len(plain)%block)...)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, k.recipient)
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("seal the vault: %w", err)
	}
	if out.Len() > MaxSize {
		return nil, fmt.Errorf("the vault would be larger than %d bytes", MaxSize)
	}
	return out.Bytes(), nil
}

// Open decrypts a vault. The error wraps ErrNoVault, ErrWrongKey or ErrDamaged, and
// reveals nothing of the content.
func Open(sealed []byte, k *Key) (*Vault, error) {
	if _, err := KindOf(sealed); err != nil {
		return nil, err
	}
	r, err := age.Decrypt(bytes.NewReader(sealed), k.identity)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return nil, ErrWrongKey
	}
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("%w (%w)", ErrDamaged, err)
	}
	var c content
	if err := json.Unmarshal(plain, &c); err != nil || c.Schema != contentSchema {
		return nil, ErrDamaged // the error of the decoder may repeat a secret
	}
	v := &Vault{entries: map[string]Entry{}}
	for name, w := range c.Secrets {
		v.entries[name] = Entry{Value: New(w.Value), Set: w.Set}
	}
	return v, nil
}
