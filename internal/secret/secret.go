// Package secret keeps passwords: in memory as a Secret that no output shows,
// on disk as a vault that only its key opens, and on their way to whoever needs
// one as a Source.
//
// A vault is an age file (age-encryption.org/v1), closed with a passphrase or
// with an X25519 key, so that the program age opens it as well. Whoever may write
// a vault that is closed with a key can put another in its place; a passphrase
// shows that, a key does not.
//
// It touches no files: who calls brings the bytes to disk. A secret is wiped from
// memory nowhere, because Go moves and copies what it likes; the package keeps
// secrets out of outputs, not out of a core dump.
package secret

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// masked stands for a secret wherever one is printed.
const masked = "********"

// Secret is a password, or the like. It shows itself to nobody who does not call
// Reveal: not to fmt with any verb, not to slog, not to JSON. The zero Secret is
// empty. It may be copied and used by several goroutines.
type Secret struct {
	// Behind a func: fmt prints what stands in an unexported field of another struct
	// without asking its methods, and follows even a pointer for a verb that does
	// not fit.
	held func() []byte
}

// New takes a copy of the bytes.
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

// Empty reports whether there is no byte in it.
func (s Secret) Empty() bool { return s.held == nil || len(s.held()) == 0 }

// Equal reports whether both hold the same bytes. It is for two secrets of the
// same owner: how long it takes depends on them.
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
