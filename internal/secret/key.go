package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"
)

// Kind says what a vault is opened with.
type Kind string

// The kinds of keys.
const (
	ByPassphrase Kind = "passphrase"
	ByKey        Kind = "key"
)

// DefaultWork is the work that a passphrase costs whoever tries one: 2^18 rounds
// of scrypt, about a second and 256 MiB of memory. It is what age takes.
const DefaultWork = 18

// Errors that callers tell apart.
var (
	// ErrWrongKey is returned where passphrase or key does not open the vault.
	ErrWrongKey = errors.New("wrong passphrase or key")
	// ErrNoKey is returned for a text that holds no key.
	ErrNoKey = errors.New("it holds no key of a vault")
)

// Key opens and closes a vault.
type Key struct {
	kind      Kind
	identity  age.Identity
	recipient age.Recipient
	public    string
	text      func() string // the secret part of a key; a func, since fmt does not call it
}

// Kind says whether it is a passphrase or a key.
func (k *Key) Kind() Kind { return k.kind }

// Format writes what kind of key it is, and nothing of the key, for every verb.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, string(k.kind)) }

// Passphrase makes a key of a passphrase. The work is that of vaults which it
// closes, as a power of two; 0 stands for DefaultWork. It opens vaults of up to 16
// times the usual work.
func Passphrase(p Secret, work int) (*Key, error) {
	if p.Empty() {
		return nil, errors.New("the passphrase is empty")
	}
	word := string(p.Reveal())
	identity, err := age.NewScryptIdentity(word)
	if err != nil {
		return nil, fmt.Errorf("passphrase: %w", err)
	}
	recipient, err := age.NewScryptRecipient(word)
	if err != nil {
		return nil, fmt.Errorf("passphrase: %w", err)
	}
	if work == 0 {
		work = DefaultWork
	}
	recipient.SetWorkFactor(work)
	return &Key{kind: ByPassphrase, identity: identity, recipient: recipient}, nil
}

// NewKey makes a key out of chance.
func NewKey() (*Key, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return keyOf(identity), nil
}

func keyOf(identity *age.X25519Identity) *Key {
	public := identity.Recipient()
	return &Key{kind: ByKey, identity: identity, recipient: public, public: public.String(), text: identity.String}
}

// ParseKey reads a key file: one line AGE-SECRET-KEY-1..., and comments. The error
// wraps ErrNoKey, and holds nothing of the text.
func ParseKey(text []byte) (*Key, error) {
	var found *age.X25519Identity
	n := 0
	for line := range bytes.Lines(text) {
		n++
		word := strings.TrimSpace(string(line))
		if word == "" || strings.HasPrefix(word, "#") {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("line %d: a second key is one too many: %w", n, ErrNoKey)
		}
		identity, err := age.ParseX25519Identity(word)
		if err != nil {
			// What age says repeats the text.
			return nil, fmt.Errorf("line %d: not a key that begins with AGE-SECRET-KEY-1: %w", n, ErrNoKey)
		}
		found = identity
	}
	if found == nil {
		return nil, ErrNoKey
	}
	return keyOf(found), nil
}

// File returns the content of a key file; nil for a passphrase.
func (k *Key) File(made time.Time) []byte {
	if k.kind != ByKey {
		return nil
	}
	return fmt.Appendf(nil, "# key of a davadmin vault, made %s\n# public key: %s\n%s\n", made.UTC().Format(time.RFC3339), k.public, k.text())
}
