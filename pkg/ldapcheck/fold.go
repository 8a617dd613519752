package ldapcheck

import (
	"bytes"
	"hash/maphash"

	"github.com/davadmin/davadmin/pkg/directory"
)

// appendDN appends a DN in the form in which equal ones are equal. What is no DN
// is taken as text.
func appendDN(dst, dn []byte) []byte {
	out, err := directory.AppendNormalDN(dst, dn)
	if err != nil {
		return directory.AppendFold(dst, dn)
	}
	return out
}

// isBlank reports whether a value holds nothing but blanks.
func isBlank(v []byte) bool { return len(bytes.Trim(v, " ")) == 0 }

// hasher gives a value the same number as every value that a directory takes
// for equal. Numbers of one run mean nothing in another.
type hasher struct {
	seed maphash.Seed
	buf  []byte
}

func (h *hasher) fold(v []byte) uint64 {
	h.buf = directory.AppendFold(h.buf[:0], v)
	return maphash.Bytes(h.seed, h.buf)
}
