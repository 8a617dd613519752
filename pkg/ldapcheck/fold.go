package ldapcheck

import (
	"bytes"
	"hash/maphash"

	"github.com/davadmin/davadmin/pkg/directory"
)

// appendDN appends a DN in normal form, in which equal DNs have equal bytes. An
// invalid DN is folded as text.
func appendDN(dst, dn []byte) []byte {
	out, err := directory.AppendNormalDN(dst, dn)
	if err != nil {
		return directory.AppendFold(dst, dn)
	}
	return out
}

// isBlank reports whether a value is empty or contains only blanks.
func isBlank(v []byte) bool { return len(bytes.Trim(v, " ")) == 0 }

// hasher hashes values so that all values that a directory takes for equal have the
// same hash. Hashes are valid only within one run.
type hasher struct {
	seed maphash.Seed
	buf  []byte
}

func (h *hasher) fold(v []byte) uint64 {
	h.buf = directory.AppendFold(h.buf[:0], v)
	return maphash.Bytes(h.seed, h.buf)
}
