package directory

import (
	"unicode"
	"unicode/utf8"
)

// appendFolded appends v with the simple case folding of Unicode, and with each run of
// blanks replaced by one blank. Blanks at the ends are kept, because v may be a part
// of a value. Bytes that are not UTF-8 are kept. Letters that are composed in
// different ways remain different: this is caseIgnoreMatch of RFC 4518 without its
// normalization.
func appendFolded(dst, v []byte) []byte {
	blank := false
	for i := 0; i < len(v); {
		c := v[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(v[i:])
			if r == utf8.RuneError && n == 1 {
				dst = append(dst, c)
			} else {
				dst = utf8.AppendRune(dst, FoldRune(r))
			}
			blank = false
			i += n
			continue
		}
		i++
		if c == ' ' && blank {
			continue
		}
		blank = c == ' '
		dst = append(dst, lowerASCII(c))
	}
	return dst
}

// AppendFold appends the folded form of a value. Values that are equal by
// caseIgnoreMatch have the same folded form: it has no difference of case, a single
// blank for several, and no blanks at the ends. It follows RFC 4518 without its
// normalization: letters that are composed in different ways, and white space other
// than the blank, remain different.
func AppendFold(dst, v []byte) []byte {
	for len(v) > 0 && v[0] == ' ' {
		v = v[1:]
	}
	for len(v) > 0 && v[len(v)-1] == ' ' {
		v = v[:len(v)-1]
	}
	return appendFolded(dst, v)
}

// FoldRune returns the same rune for all runes that differ only in case.
func FoldRune(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return unicode.ToLower(least)
}
