package dirgen

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
)

// width is the length at which lines are folded (RFC 2849).
const width = 76

// endLine ends the line that begins at start and extends to the end of b, and folds it
// if it is too long.
func endLine(b []byte, start int) []byte {
	n := len(b) - start
	if n <= width {
		return append(b, '\n')
	}
	// A second copy after the first is read while the first is overwritten. The two
	// additional bytes of each line do not reach the part that is still to be read.
	b = append(b, b[start:]...)
	rest := b[start+n+width:]
	b = b[:start+width]
	for len(rest) > 0 {
		part := min(len(rest), width-1)
		b = append(append(b, '\n', ' '), rest[:part]...)
		rest = rest[part:]
	}
	return append(b, '\n')
}

// appendLine appends "name: value".
func appendLine(b []byte, name string, value []byte) []byte {
	start := len(b)
	b = append(b, name...)
	switch {
	case len(value) == 0:
		b = append(b, ':')
	case isASCII(value):
		b = append(append(b, ':', ' '), value...)
	default:
		b = base64.StdEncoding.AppendEncode(append(b, ':', ':', ' '), value)
	}
	return endLine(b, start)
}

// isASCII reports whether a value can be written without encoding. ASCII is
// sufficient, because no generated value begins or ends with a special character.
func isASCII(value []byte) bool {
	var all uint64
	for ; len(value) >= 8; value = value[8:] {
		all |= binary.LittleEndian.Uint64(value)
	}
	for _, c := range value {
		all |= uint64(c)
	}
	return all&0x8080808080808080 == 0
}

// appendPadded appends a number of at least seven digits.
func appendPadded(b []byte, n int64) []byte {
	var digits [20]byte
	at := len(digits)
	for n > 0 || at > len(digits)-7 {
		at--
		digits[at] = byte('0' + n%10)
		n /= 10
	}
	return append(b, digits[at:]...)
}

// appendID appends an id of 128 bits: four groups of eight digits, as nsUniqueId, or
// the format of a random UUID (RFC 9562 section 5.4). Both formats contain all bits of
// hi.
func appendID(b []byte, hi, lo uint64, uuid bool) []byte {
	var raw [16]byte
	var digits [32]byte
	binary.BigEndian.PutUint64(raw[:8], hi)
	binary.BigEndian.PutUint64(raw[8:], lo)
	hex.Encode(digits[:], raw[:])
	if !uuid {
		b = append(append(b, digits[:8]...), '-')
		b = append(append(b, digits[8:16]...), '-')
		b = append(append(b, digits[16:24]...), '-')
		return append(b, digits[24:]...)
	}
	b = append(append(b, digits[:8]...), '-')
	b = append(append(b, digits[8:12]...), '-', '4')
	b = append(append(b, digits[12:15]...), '-', "89ab"[lo&3])
	b = append(append(b, digits[15:18]...), '-')
	return append(b, digits[18:30]...)
}
