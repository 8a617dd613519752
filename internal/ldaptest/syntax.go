package ldaptest

import (
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The syntaxes of RFC 4517 that this package supports, without their common prefix.
const (
	syntaxArc = "1.3.6.1.4.1.1466.115.121.1."

	syntaxBoolean   = "7"
	syntaxCountry   = "11"
	syntaxDN        = "12"
	syntaxDirectory = "15"
	syntaxTime      = "24"
	syntaxIA5       = "26"
	syntaxInteger   = "27"
	syntaxNameUID   = "34"
	syntaxNumeric   = "36"
	syntaxOID       = "38"
	syntaxOctets    = "40"
	syntaxPostal    = "41"
	syntaxPrintable = "44"
	syntaxTelephone = "50"
)

// syntaxesOf returns the syntaxes that a matching rule can compare, as in OpenLDAP: a
// rule for one string syntax does not apply to another.
func syntaxesOf(rule string) []string {
	switch strings.ToLower(rule) {
	case "caseignorematch", "2.5.13.2", "caseexactmatch", "2.5.13.5":
		return []string{syntaxDirectory, syntaxCountry, syntaxPrintable, syntaxTelephone}
	case "caseignoreia5match", "1.3.6.1.4.1.1466.109.114.2", "caseexactia5match", "1.3.6.1.4.1.1466.109.114.1":
		return []string{syntaxIA5}
	case "distinguishednamematch", "2.5.13.1":
		return []string{syntaxDN}
	case "uniquemembermatch", "2.5.13.23":
		return []string{syntaxNameUID}
	case "integermatch", "2.5.13.14":
		return []string{syntaxInteger}
	case "telephonenumbermatch", "2.5.13.20":
		return []string{syntaxTelephone}
	case "numericstringmatch", "2.5.13.8":
		return []string{syntaxNumeric}
	case "octetstringmatch", "2.5.13.17", "octetstringorderingmatch":
		return []string{syntaxOctets}
	case "generalizedtimematch", "2.5.13.27", "generalizedtimeorderingmatch":
		return []string{syntaxTime}
	case "objectidentifiermatch", "2.5.13.0":
		return []string{syntaxOID}
	case "booleanmatch", "2.5.13.13":
		return []string{syntaxBoolean}
	case "caseignorelistmatch", "2.5.13.11":
		return []string{syntaxPostal}
	}
	return nil
}

// takes reports whether a matching rule applies to values of the attribute. All rules
// apply to an unknown type.
func (d *description) takes(rule string) bool {
	arc, isOfRFC := strings.CutPrefix(d.syntax, syntaxArc)
	return d.syntax == "" || strings.EqualFold(rule, d.equality) || isOfRFC && slices.Contains(syntaxesOf(rule), arc)
}

// valid reports whether the value has the syntax of the attribute.
func (t *types) valid(d *description, v string) bool {
	only := func(allowed string) bool { return strings.Trim(v, allowed) == "" }
	switch strings.TrimPrefix(d.syntax, syntaxArc) {
	case syntaxDirectory:
		return v != "" && utf8.ValidString(v)
	case syntaxIA5:
		return !strings.ContainsFunc(v, func(r rune) bool { return r >= utf8.RuneSelf })
	case syntaxDN:
		_, err := normalDN(v)
		return err == nil
	case syntaxNameUID:
		_, err := normalDN(withoutUID(v))
		return err == nil
	case syntaxInteger:
		return regexp.MustCompile(`^(0|-?[1-9][0-9]*)$`).MatchString(v)
	case syntaxBoolean:
		return v == "TRUE" || v == "FALSE"
	case syntaxNumeric:
		return v != "" && only("0123456789 ")
	case syntaxPrintable, syntaxTelephone:
		return v != "" && only("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'()+,-./:?= ")
	case syntaxOID:
		return d.base != "objectclass" || t.classes[strings.ToLower(v)]
	}
	return true
}

// withoutUID removes the optional unique identifier after a DN.
func withoutUID(v string) string {
	return regexp.MustCompile(`#'[01]*'B$`).ReplaceAllString(v, "")
}

// equal reports whether two values of the attribute are equal for the server. A value
// with invalid syntax equals only itself.
func (d *description) equal(a, b string) bool {
	if a == b {
		return true
	}
	x, okX := d.rule.normal(a)
	y, okY := d.rule.normal(b)
	return okX && okY && x == y
}
