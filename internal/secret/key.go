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

// Kind is the kind of key that opens a vault.
type Kind string

// The kinds of keys.
const (
	ByPassphrase Kind = "passphrase"
	ByKey        Kind = "key"
)

// DefaultWork is the cost of trying a passphrase: 2^18 rounds of scrypt, about a
// second and 256 MiB of memory. It is the default of age.
const DefaultWork = 18

// Errors that callers distinguish.
var (
	// ErrWrongKey is returned when the passphrase or key does not open the vault.
	ErrWrongKey = errors.New("wrong passphrase or key")
	// ErrNoKey is returned for a text that does not contain a valid key.
	ErrNoKey = errors.New("it does not contain a valid vault key")
)

// Key opens and seals a vault.
type Key struct {
	kind      Kind
	identity  age.Identity
	recipient age.Recipient
	public    string
	text      func() string // the secret part of a key; a func, since fmt does not call it
}

// Kind returns whether it is a passphrase or a key.
func (k *Key) Kind() Kind { return k.kind }

// Format writes the kind of the key, and no part of the key, for every verb.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, string(k.kind)) }

// Passphrase returns a key for a passphrase. work is the cost of vaults that it seals,
// as an exponent of two; 0 means DefaultWork. It opens vaults of up to 16 times the
// default cost.
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

// NewKey returns a new random key.
func NewKey() (*Key, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("create a key: %w", err)
	}
	return keyOf(identity), nil
}

func keyOf(identity *age.X25519Identity) *Key {
	public := identity.Recipient()
	return &Key{kind: ByKey, identity: identity, recipient: public, public: public.String(), text: identity.String}
}

// ParseKey parses a key file: one line AGE-SECRET-KEY-1..., and comments. The error
// wraps ErrNoKey, and contains no part of the text.
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
			return nil, fmt.Errorf("line %d: a second key: %w", n, ErrNoKey)
		}
		identity, err := age.ParseX25519Identity(word)
		if err != nil {
			// The error of age repeats the text.
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
