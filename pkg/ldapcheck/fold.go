package ldapcheck

import (
	"bytes"
	"hash/maphash"
	"unicode"
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/directory"
)

// appendFold appends a value in the form in which a directory compares it by
// caseIgnoreMatch (RFC 4518): letter case gone, blanks at the ends removed,
// several blanks made one. Characters that Unicode can compose in several ways
// stay as they are.
func appendFold(dst, value []byte) []byte {
	value = bytes.Trim(value, " ")
	blank := false
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == ' ' {
			if !blank {
				dst = append(dst, c)
			}
			blank = true
			continue
		}
		blank = false
		switch {
		case 'A' <= c && c <= 'Z':
			dst = append(dst, c|0x20)
		case c < utf8.RuneSelf:
			dst = append(dst, c)
		default:
			r, n := utf8.DecodeRune(value[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(dst, c) // no character: equal to itself alone
				continue
			}
			dst = utf8.AppendRune(dst, foldRune(r))
			i += n - 1
		}
	}
	return dst
}

// appendDN appends a DN in the form in which equal ones are equal. What is no DN
// is taken as text.
func appendDN(dst, dn []byte) []byte {
	out, err := directory.AppendNormalDN(dst, dn)
	if err != nil {
		return appendFold(dst, dn)
	}
	return out
}

// foldRune returns the least of the characters that differ in letter case only,
// an ASCII letter in lower case.
func foldRune(r rune) rune {
	least := r
	for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
		least = min(least, o)
	}
	if 'A' <= least && least <= 'Z' {
		return least | 0x20
	}
	return least
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
	h.buf = appendFold(h.buf[:0], v)
	return maphash.Bytes(h.seed, h.buf)
}
