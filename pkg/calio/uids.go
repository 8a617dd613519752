package calio

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/davadmin/davadmin/internal/spill"
)

// UIDs counts objects that have the UID of another one, in bounded memory. A calendar has each
// UID once, but two calendars may have the same one, and readers of one file take both objects
// for one. It must not be used by several goroutines.
type UIDs struct{ hashes *spill.Sorter }

// NewUIDs returns UIDs without objects. dir is the directory of temporary files; "" means that
// of the system.
func NewUIDs(dir string) *UIDs { return &UIDs{spill.NewSorter(dir)} }

// Add adds an object.
func (u *UIDs) Add(uid string) error {
	sum := sha256.Sum256([]byte(uid))
	return u.hashes.Add(binary.BigEndian.Uint64(sum[:]), 0)
}

// Repeated returns how many objects have a UID that was added before.
func (u *UIDs) Repeated() (int, error) {
	n, last := 0, spill.Pair{}
	first := true
	for p, err := range spill.Sorted(u.hashes) {
		if err != nil {
			return 0, err
		}
		if !first && p == last {
			n++
		}
		first, last = false, p
	}
	return n, nil
}

// Close removes the temporary files.
func (u *UIDs) Close() error { return u.hashes.Close() }
