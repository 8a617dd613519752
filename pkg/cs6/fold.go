package cs6

import (
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/directory"
)

// text is the type of a name.
type text interface{ string | []byte }

// appendFold appends a case-folded form of s: two strings have the same form if
// and only if strings.EqualFold reports that they are equal. Directories compare
// addresses and user ids in this way.
func appendFold[T text](dst []byte, s T) []byte {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c >= utf8.RuneSelf:
			return appendFoldRunes(dst, s, i)
		}
		dst = append(dst, c)
	}
	return dst
}

// appendFoldRunes is appendFold for text that is not ASCII, starting at byte at.
func appendFoldRunes[T text](dst []byte, s T, at int) []byte {
	for at < len(s) {
		var char [utf8.UTFMax]byte
		r, size := utf8.DecodeRune(char[:copy(char[:], s[at:])])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, s[at]) // not a character: equal only to itself
		} else {
			dst = utf8.AppendRune(dst, directory.FoldRune(r))
		}
		at += size
	}
	return dst
}
