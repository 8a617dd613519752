package directory

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// OIDs of syntaxes (RFC 4517 section 3.3).
const (
	syntaxDN              = "1.3.6.1.4.1.1466.115.121.1.12"
	syntaxDirectoryString = "1.3.6.1.4.1.1466.115.121.1.15"
	syntaxIA5             = "1.3.6.1.4.1.1466.115.121.1.26"
	syntaxPrintable       = "1.3.6.1.4.1.1466.115.121.1.44"
	syntaxCountry         = "1.3.6.1.4.1.1466.115.121.1.11"
	syntaxBoolean         = "1.3.6.1.4.1.1466.115.121.1.7"
)

// form is the way in which a matching rule normalizes values before it compares them.
type form uint8

const (
	formNone form = iota // the rule is unknown or not implemented
	formFold
	formExact
	formFoldIA5
	formExactIA5
	formList
	formNumeric
	formTelephone
	formInteger
	formBoolean
	formTime
	formDN
	formNameUID
	formOID
	formOctets
	formBits
	formUUID
)

// matchingRule is an equality, ordering or substrings rule.
type matchingRule struct {
	form form
	// syntaxes are those of the attributes to which an extensible match can apply it;
	// none if it is not an equality rule.
	syntaxes []string
}

// ruleNamed returns the rule with that name or OID, given in lower case (RFC 4517
// section 4.2, RFC 4530). It returns false for a rule that is unknown here.
func ruleNamed(name string) (matchingRule, bool) {
	text := []string{syntaxDirectoryString, syntaxPrintable, syntaxCountry}
	const arc = "1.3.6.1.4.1.1466.115.121.1."
	switch name {
	case "caseignorematch", "2.5.13.2":
		return matchingRule{formFold, text}, true
	case "caseexactmatch", "2.5.13.5":
		return matchingRule{formExact, text}, true
	case "caseignoreia5match", "1.3.6.1.4.1.1466.109.114.2":
		return matchingRule{formFoldIA5, []string{syntaxIA5}}, true
	case "caseexactia5match", "1.3.6.1.4.1.1466.109.114.1":
		return matchingRule{formExactIA5, []string{syntaxIA5}}, true
	case "caseignorelistmatch", "2.5.13.11":
		return matchingRule{formList, []string{arc + "41"}}, true
	case "numericstringmatch", "2.5.13.8":
		return matchingRule{formNumeric, []string{arc + "36"}}, true
	case "telephonenumbermatch", "2.5.13.20":
		return matchingRule{formTelephone, []string{arc + "50"}}, true
	case "integermatch", "2.5.13.14":
		return matchingRule{formInteger, []string{arc + "27"}}, true
	case "booleanmatch", "2.5.13.13":
		return matchingRule{formBoolean, []string{syntaxBoolean}}, true
	case "generalizedtimematch", "2.5.13.27":
		return matchingRule{formTime, []string{arc + "24"}}, true
	case "distinguishednamematch", "2.5.13.1":
		return matchingRule{formDN, []string{syntaxDN}}, true
	case "uniquemembermatch", "2.5.13.23":
		return matchingRule{formNameUID, []string{arc + "34"}}, true
	case "objectidentifiermatch", "2.5.13.0":
		return matchingRule{formOID, []string{arc + "38"}}, true
	case "octetstringmatch", "2.5.13.17":
		return matchingRule{formOctets, []string{arc + "40"}}, true
	case "bitstringmatch", "2.5.13.16":
		return matchingRule{formBits, []string{arc + "6"}}, true
	case "uuidmatch", "1.3.6.1.1.16.2":
		return matchingRule{formUUID, []string{"1.3.6.1.1.16.1"}}, true
	case "caseignoreorderingmatch", "2.5.13.3", "caseignoresubstringsmatch", "2.5.13.4":
		return matchingRule{form: formFold}, true
	case "caseexactorderingmatch", "2.5.13.6", "caseexactsubstringsmatch", "2.5.13.7":
		return matchingRule{form: formExact}, true
	case "caseignoreia5substringsmatch", "1.3.6.1.4.1.1466.109.114.3":
		return matchingRule{form: formFoldIA5}, true
	case "caseexactia5substringsmatch", "1.3.6.1.4.1.4203.1.2.1":
		return matchingRule{form: formExactIA5}, true
	case "caseignorelistsubstringsmatch", "2.5.13.12":
		return matchingRule{form: formList}, true
	case "numericstringorderingmatch", "2.5.13.9", "numericstringsubstringsmatch", "2.5.13.10":
		return matchingRule{form: formNumeric}, true
	case "telephonenumbersubstringsmatch", "2.5.13.21":
		return matchingRule{form: formTelephone}, true
	case "integerorderingmatch", "2.5.13.15":
		return matchingRule{form: formInteger}, true
	case "generalizedtimeorderingmatch", "2.5.13.28":
		return matchingRule{form: formTime}, true
	case "octetstringorderingmatch", "2.5.13.18", "octetstringsubstringsmatch", "2.5.13.19":
		return matchingRule{form: formOctets}, true
	case "uuidorderingmatch", "1.3.6.1.1.16.3":
		return matchingRule{form: formUUID}, true
	}
	return matchingRule{}, false
}

// normalize appends the normal form of a value, which is the same for values that are
// equal by the rule. It returns false for a value without the syntax of the rule.
func (f form) normalize(dst, v []byte) (out []byte, ok bool) {
	switch f {
	case formFold, formExact:
		return appendServerFold(dst, trimmed(v), f == formFold), len(v) > 0 && utf8.Valid(v)
	case formFoldIA5, formExactIA5:
		return appendServerFold(dst, trimmed(v), f == formFoldIA5), isASCII(v)
	case formList:
		for i, line := range bytes.Split(v, []byte{'$'}) {
			if i > 0 {
				dst = append(dst, '$')
			}
			dst = appendServerFold(dst, trimmed(line), true)
		}
		return dst, len(v) > 0 && utf8.Valid(v)
	case formNumeric:
		return appendWithout(dst, v, " "), len(v) > 0 && isOnly(v, "0123456789 ")
	case formTelephone:
		return bytes.ToLower(appendWithout(dst, v, " -")), len(v) > 0 && isPrintable(v)
	case formInteger:
		_, _, ok = digitsOf(v)
		return append(dst, v...), ok
	case formBoolean:
		return append(dst, v...), string(v) == "TRUE" || string(v) == "FALSE"
	case formTime:
		return appendTime(dst, v)
	case formDN:
		return normalDN(dst, v)
	case formNameUID:
		return normalNameUID(dst, v)
	case formOID:
		return append(dst, foldASCII(string(v))...), len(v) > 0
	case formBits:
		return append(dst, v...), len(v) > 2 && bytes.HasPrefix(v, []byte{'\''}) && bytes.HasSuffix(v, []byte("'B")) && isOnly(v[1:len(v)-2], "01")
	case formUUID:
		out = bytes.ToLower(v)
		hex := appendWithout(nil, out, "-")
		return append(dst, out...), len(v) == 36 && len(hex) == 32 && isOnly(hex, "0123456789abcdef")
	default:
		return append(dst, v...), true
	}
}

// normalizePiece appends the normal form of a part of a substrings filter.
func (f form) normalizePiece(dst, v []byte, initial, final bool) (out []byte, ok bool) {
	switch f {
	case formFold, formExact, formFoldIA5, formExactIA5, formList:
		ascii := f == formFoldIA5 || f == formExactIA5
		if initial || ascii { // OpenLDAP removes the blanks around each part of an IA5 string
			v = bytes.TrimLeft(v, " ")
		}
		if final || ascii {
			v = bytes.TrimRight(v, " ")
		}
		return appendServerFold(dst, v, f != formExact && f != formExactIA5), utf8.Valid(v) && (!ascii || isASCII(v))
	default:
		return f.normalize(dst, v)
	}
}

// compare orders two values in normal form.
func (f form) compare(a, b []byte) int {
	if f == formInteger {
		return compareIntegers(a, b)
	}
	return bytes.Compare(a, b)
}

func trimmed(v []byte) []byte { return bytes.Trim(v, " ") }

func isASCII(v []byte) bool {
	return !slices.ContainsFunc(v, func(c byte) bool { return c >= utf8.RuneSelf })
}

func isOnly(v []byte, set string) bool {
	return !slices.ContainsFunc(v, func(c byte) bool { return strings.IndexByte(set, c) < 0 })
}

// isPrintable reports whether v has only characters of a PrintableString (RFC 4517
// section 3.3.29).
func isPrintable(v []byte) bool {
	return !slices.ContainsFunc(v, func(c byte) bool {
		return (c|0x20)-'a' >= 26 && c-'0' >= 10 && strings.IndexByte(`'()+,-.=/:? `, c) < 0
	})
}

func appendWithout(dst, v []byte, set string) []byte {
	for _, c := range v {
		if strings.IndexByte(set, c) < 0 {
			dst = append(dst, c)
		}
	}
	return dst
}

// appendTime appends a generalized time (RFC 4517 section 3.3.13) as UTC, without the
// zone and without zeros at the end of the fraction.
func appendTime(dst, v []byte) (out []byte, ok bool) {
	s := string(v)
	n := 0
	for n < len(s) && s[n]-'0' <= 9 {
		n++
	}
	digits, rest := s[:n], s[n:]
	if n < 10 || n > 14 || n%2 != 0 {
		return dst, false
	}
	fraction := ""
	if rest != "" && (rest[0] == '.' || rest[0] == ',') {
		n = 1
		for n < len(rest) && rest[n]-'0' <= 9 {
			n++
		}
		if fraction = rest[1:n]; fraction == "" {
			return dst, false
		}
		rest = rest[n:]
	}
	t, err := time.Parse("20060102150405"[:len(digits)], digits)
	if err != nil {
		return dst, false
	}
	unit := map[int]time.Duration{10: time.Hour, 12: time.Minute, 14: time.Second}[len(digits)]
	if fraction != "" && unit != time.Second {
		part, err := strconv.ParseFloat("0."+fraction, 64)
		if err != nil {
			return dst, false
		}
		t, fraction = t.Add(time.Duration(part*float64(unit))), ""
	}
	if rest != "Z" {
		zone, err := time.Parse("Z0700", rest)
		if len(rest) == 3 {
			zone, err = time.Parse("Z07", rest)
		}
		if err != nil {
			return dst, false
		}
		_, offset := zone.Zone()
		t = t.Add(-time.Duration(offset) * time.Second)
	}
	dst = t.AppendFormat(dst, "20060102150405")
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		dst = append(append(dst, '.'), fraction...)
	}
	return dst, true
}

func normalDN(dst, v []byte) ([]byte, bool) {
	out, err := AppendNormalDN(dst, v)
	return out, err == nil
}

// normalNameUID appends a DN with an optional bit string after '#' (RFC 4517 section
// 3.3.21).
func normalNameUID(dst, v []byte) ([]byte, bool) {
	dn, uid := v, []byte(nil)
	if i := bytes.LastIndexByte(v, '#'); i >= 0 && bytes.HasSuffix(v, []byte("'B")) {
		dn, uid = v[:i], v[i:]
	}
	out, ok := normalDN(dst, dn)
	return append(out, uid...), ok
}

// compareIntegers compares two integers of any size.
func compareIntegers(a, b []byte) int {
	x, xNegative, _ := digitsOf(a)
	y, yNegative, _ := digitsOf(b)
	if xNegative != yNegative {
		return cmp.Compare(sign(xNegative), sign(yNegative))
	}
	order := cmp.Compare(len(x), len(y))
	if order == 0 {
		order = bytes.Compare(x, y)
	}
	return order * sign(xNegative)
}

func sign(negative bool) int {
	if negative {
		return -1
	}
	return 1
}

// digitsOf returns the digits of an integer without leading zeros. Zero has no digits
// and is not negative.
func digitsOf(v []byte) (digits []byte, negative, ok bool) {
	digits, negative = bytes.CutPrefix(v, []byte{'-'})
	if len(digits) == 0 || slices.ContainsFunc(digits, func(c byte) bool { return c-'0' > 9 }) {
		return nil, false, false
	}
	digits = bytes.TrimLeft(digits, "0")
	return digits, negative && len(digits) > 0, true
}
