package cs6

import (
	"unicode/utf8"

	"github.com/davadmin/davadmin/pkg/directory"
)

// text is what a name comes in.
type text interface{ string | []byte }

// appendFold appends s in the one spelling that all strings have which differ in
// letter case only: two strings get the same when strings.EqualFold says that
// they are equal. Directories compare addresses and user ids in that way.
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

// appendFoldRunes does the same for what is not ASCII, from at on.
func appendFoldRunes[T text](dst []byte, s T, at int) []byte {
	for at < len(s) {
		var char [utf8.UTFMax]byte
		r, size := utf8.DecodeRune(char[:copy(char[:], s[at:])])
		if r == utf8.RuneError && size == 1 {
			dst = append(dst, s[at]) // no character: equal to itself alone
		} else {
			dst = utf8.AppendRune(dst, directory.FoldRune(r))
		}
		at += size
	}
	return dst
}
