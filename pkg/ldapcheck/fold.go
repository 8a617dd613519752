package ldapcheck

import (
	"bytes"
	"hash/maphash"

	"github.com/davadmin/davadmin/pkg/directory"
)

// comparison is how values were found to be equal that are different octets.
type comparison byte

// The comparisons, in the order of what is known.
const (
	comparedNot       comparison = iota // the values are the same octets
	comparedRFC4518                     // they are equal as RFC 4518 prepares them
	comparedDirectory                   // the directory that was read said that they are equal
)

// String returns the name in reports.
func (c comparison) String() string {
	switch c {
	case comparedRFC4518:
		return "rfc4518"
	case comparedDirectory:
		return "directory"
	}
	return ""
}

// normalDN returns the normal form of a DN, in which equal DNs have equal bytes. An
// invalid DN is folded as text.
func normalDN(dn []byte) []byte {
	out, err := directory.AppendNormalDN(nil, dn)
	if err != nil {
		return directory.AppendFold(nil, dn)
	}
	return out
}

// appendFoldedDN appends a DN as RFC 4518 prepares its values. normal reports whether
// that is the form of normalDN, too.
func appendFoldedDN(dst, dn []byte) (out []byte, normal bool) {
	out, normal, err := directory.AppendFoldedDN(dst, dn)
	if err != nil {
		return directory.AppendFold(dst, dn), true
	}
	return out, normal
}

// isBlank reports whether a value is empty or contains only blanks.
func isBlank(v []byte) bool {
	for _, c := range v {
		if c != ' ' {
			return false
		}
	}
	return true
}

// trimmed returns v without blanks at its ends, which it rarely has.
func trimmed(v []byte) []byte {
	if len(v) == 0 || v[0] != ' ' && v[len(v)-1] != ' ' {
		return v
	}
	return bytes.Trim(v, " ")
}

// hasher hashes values so that all values that any comparison may take for equal have
// the same hash. Hashes are valid only within one run.
type hasher struct {
	seed maphash.Seed
	buf  []byte
}

func (h *hasher) loose(v []byte) uint64 {
	h.buf = directory.AppendLoose(h.buf[:0], v)
	return maphash.Bytes(h.seed, h.buf)
}
