package directory

import (
	"bytes"
	"encoding/binary"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// AppendFold appends the folded form of a value. Values that are equal by
// caseIgnoreMatch have the same folded form. It is prepared as RFC 4518 requires:
// without the characters that have no meaning, with all white space as blanks, folded to
// one case, and in Normalization Form KC; without blanks at the ends, and with one blank
// for several. Bytes that are not UTF-8 are kept.
func AppendFold(dst, v []byte) []byte {
	v = bytes.Trim(v, " ")
	if out, ok := appendPlain(dst, v, true); ok {
		return out
	}
	return append(dst, trimBlanks(collapse(prepare(v)))...)
}

// appendPlain appends v with one blank for several, and in lower case if lower is set.
// When v contains more than printable ASCII text it returns false, and dst unchanged.
// It is called for nearly every value.
func appendPlain(dst, v []byte, lower bool) ([]byte, bool) {
	out, v := appendWords(dst, v, lower)
	blank := false
	for _, c := range v {
		if c-' ' > '~'-' ' {
			return dst, false
		}
		if c == ' ' && blank {
			continue
		}
		blank = c == ' '
		if lower {
			c = lowerASCII(c)
		}
		out = append(out, c)
	}
	return out, true
}

// appendWords does the work of appendPlain for the beginning of v, eight bytes at a time,
// up to a blank or another byte that is not a visible ASCII character. It returns what is
// left of v.
func appendWords(dst, v []byte, lower bool) (out, rest []byte) {
	const (
		ones = 0x0101010101010101
		high = 0x80 * ones
	)
	for ; len(v) >= 8; v = v[8:] {
		x := binary.LittleEndian.Uint64(v)
		// No sum carries into the next byte if all bytes are ASCII.
		if (x+(0x80-'!')*ones)&^(x+ones)&^x&high != high {
			break
		}
		if lower {
			x |= (x + (0x80-'A')*ones) &^ (x + (0x80-'Z'-1)*ones) & high >> 2
		}
		dst = binary.LittleEndian.AppendUint64(dst, x)
	}
	return dst, v
}

// appendServerFold appends the form in which servers compare a text or a part of a
// text: in Normalization Form KC, with one blank for several, and if lower is set in
// lower case, letter by letter. This is what OpenLDAP does. It differs from RFC 4518
// where the case folding of a letter is more than its lower case ("ß" and "ss", final
// and other sigma), in characters without meaning (soft hyphen), and in white space
// other than the blank. Blanks at the ends are kept, because v may be a part of a value.
func appendServerFold(dst, v []byte, lower bool) []byte {
	if out, ok := appendPlain(dst, v, lower); ok {
		return out
	}
	if lower {
		v = lowerRunes(v)
	}
	return append(dst, collapse(norm.NFKC.Bytes(v))...)
}

// AppendServerFold appends the form in which OpenLDAP compares a value by
// caseIgnoreMatch. See AppendFold for that of the standard, and AppendLoose.
func AppendServerFold(dst, v []byte) []byte { return appendServerFold(dst, trimmed(v), true) }

// lowerRunes returns v in lower case, letter by letter. Bytes that are not UTF-8 are
// kept.
func lowerRunes(v []byte) []byte {
	out := make([]byte, 0, len(v)+8)
	for len(v) > 0 {
		r, n := utf8.DecodeRune(v)
		if r == utf8.RuneError && n == 1 {
			out = append(out, v[0])
		} else {
			out = utf8.AppendRune(out, unicode.ToLower(r))
		}
		v = v[n:]
	}
	return out
}

// AppendLoose appends a form that is the same for all values that any comparison known
// to us may take for equal: the folded form without accents and the like. Values with
// different loose forms are different to every directory; whether others are equal has
// to be asked.
func AppendLoose(dst, v []byte) []byte {
	v = bytes.Trim(v, " ")
	if out, ok := appendPlain(dst, v, true); ok {
		return out
	}
	var out []byte
	for _, r := range string(norm.NFKD.Bytes(prepare(v))) {
		if !unicode.Is(unicode.Mn, r) {
			out = utf8.AppendRune(out, FoldRune(r)) // letters that Unicode folds, but the tables of RFC 4518 do not
		}
	}
	return append(dst, bytes.Trim(collapse(out), " ")...)
}

// prepare does the steps Map and Normalize of RFC 4518 sections 2.2 and 2.3.
func prepare(v []byte) []byte {
	out := make([]byte, 0, len(v)+8)
	for len(v) > 0 {
		r, n := utf8.DecodeRune(v)
		switch {
		case r == utf8.RuneError && n == 1:
			out = append(out, v[0])
		case isSpace(r):
			out = append(out, ' ')
		case !isNothing(r):
			out = utf8.AppendRune(out, r)
		}
		v = v[n:]
	}
	return norm.NFKC.Bytes(cases.Fold().Bytes(norm.NFKC.Bytes(out)))
}

// isSpace reports whether RFC 4518 section 2.2 maps r to a blank.
func isSpace(r rune) bool {
	return r >= '\t' && r <= '\r' || r == 0x85 || unicode.In(r, unicode.Z) && r != 0x200b
}

// isNothing reports whether RFC 4518 section 2.2 maps r to nothing. The ranges are those
// of the section: format and control characters, variation selectors, soft hyphens.
func isNothing(r rune) bool {
	switch {
	case r < ' ', r >= 0x7f && r <= 0x9f, r == 0xad, r == 0x34f, r == 0x6dd, r == 0x70f,
		r == 0x1806, r >= 0x180b && r <= 0x180e, r >= 0x200b && r <= 0x200f,
		r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x2063, r >= 0x206a && r <= 0x206f,
		r >= 0xfe00 && r <= 0xfe0f, r == 0xfeff, r >= 0xfff9 && r <= 0xfffc,
		r >= 0x1d173 && r <= 0x1d17a, r == 0xe0001, r >= 0xe0020 && r <= 0xe007f:
		return true
	}
	return false
}

// collapse replaces several blanks by one, in place.
func collapse(v []byte) []byte {
	out, blank := v[:0], false
	for _, c := range v {
		if c == ' ' && blank {
			continue
		}
		blank = c == ' '
		out = append(out, c)
	}
	return out
}

// trimBlanks removes the blanks at the ends, except one with a combining mark on it.
func trimBlanks(v []byte) []byte {
	v = bytes.TrimRight(v, " ")
	if len(v) > 1 && v[0] == ' ' && norm.NFKC.Properties(v[1:]).CCC() == 0 {
		v = v[1:]
	}
	return v
}

// FoldRune returns the same rune for all runes that differ only in case.
func FoldRune(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return unicode.ToLower(least)
}
