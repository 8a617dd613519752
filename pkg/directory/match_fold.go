package directory

import (
	"unicode"
	"unicode/utf8"
)

// appendFolded appends v with letters of either case made one, by the simple
// case folding of Unicode, and with each run of blanks made one blank. Blanks at
// the ends stay, for v may be a part of a value. Bytes that are not UTF-8 stay as
// they are. Letters that are composed in different ways remain different: this
// is caseIgnoreMatch of RFC 4518 without its normalisation.
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

// AppendFold appends a value in the form in which values are equal that a
// directory takes for one by caseIgnoreMatch: letters of either case made one,
// several blanks made one, and none at the ends. It is the rule of RFC 4518
// without its normalisation: letters that are composed in different ways, and
// other characters than the blank, remain different.
func AppendFold(dst, v []byte) []byte {
	for len(v) > 0 && v[0] == ' ' {
		v = v[1:]
	}
	for len(v) > 0 && v[len(v)-1] == ' ' {
		v = v[:len(v)-1]
	}
	return appendFolded(dst, v)
}

// FoldRune returns the same letter for all that differ in case alone.
func FoldRune(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return unicode.ToLower(least)
}
