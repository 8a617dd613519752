// Package secret holds passwords: in memory as a Secret that no output shows, on disk
// as a vault that only its key opens, and as a Source for code that needs one.
//
// A vault is an age file (age-encryption.org/v1), sealed with a passphrase or with an
// X25519 key, so the program age can open it as well. Anyone who may write to a vault
// can replace it; with a passphrase that is noticed, with a key it is not.
//
// It touches no files: the caller writes the bytes to disk. Secrets are not wiped from
// memory, because Go moves and copies data freely; the package keeps secrets out of
// outputs, not out of a core dump.
package secret

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// masked replaces a secret wherever one is printed.
const masked = "********"

// Secret is a password or the like. Only Reveal returns its bytes: fmt with any verb,
// slog and JSON show stars. The zero Secret is empty. It may be copied and used by
// several goroutines.
type Secret struct {
	// A func, because fmt prints the unexported fields of another struct without
	// calling their methods, and even follows a pointer for a verb that does not fit.
	held func() []byte
}

// New returns a Secret with a copy of the bytes.
func New(b []byte) Secret {
	kept := bytes.Clone(b)
	return Secret{held: func() []byte { return kept }}
}

// Reveal returns a copy of the bytes; nil for an empty secret.
func (s Secret) Reveal() []byte {
	if s.Empty() {
		return nil
	}
	return slices.Clone(s.held())
}

// Empty reports whether the secret has no bytes.
func (s Secret) Empty() bool { return s.held == nil || len(s.held()) == 0 }

// Equal reports whether both secrets have the same bytes. It is for two secrets of the
// same owner: its running time depends on them.
func (s Secret) Equal(t Secret) bool { return bytes.Equal(s.Reveal(), t.Reveal()) }

// String returns stars.
func (s Secret) String() string { return masked }

// GoString returns stars.
func (s Secret) GoString() string { return masked }

// Format writes stars for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, masked) }

// LogValue returns stars.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalJSON returns stars.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + masked + `"`), nil }

// MarshalText returns stars, for other encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }
