package ldaptest

import (
	"cmp"
	"math/big"
	"strings"
)

// rule is a matching rule for the values of an attribute.
type rule uint8

const (
	ruleOctets    rule = iota // compares octets
	ruleFold                  // ignores case and insignificant blanks
	ruleExact                 // ignores insignificant blanks
	ruleDN                    // compares DNs
	ruleInteger               // compares integers
	ruleTelephone             // ignores case, blanks and hyphens
	ruleNumeric               // ignores blanks
)

// ruleOf returns the matching rule with a name or OID of a schema or filter.
func ruleOf(name string) (rule, bool) {
	switch strings.ToLower(name) {
	case "caseignorematch", "2.5.13.2", "caseignoreia5match", "1.3.6.1.4.1.1466.109.114.2",
		"caseignorelistmatch", "2.5.13.11", "booleanmatch", "2.5.13.13",
		"objectidentifiermatch", "2.5.13.0", "uuidmatch", "1.3.6.1.1.16.2":
		return ruleFold, true
	case "caseexactmatch", "2.5.13.5", "caseexactia5match", "1.3.6.1.4.1.1466.109.114.1":
		return ruleExact, true
	case "distinguishednamematch", "2.5.13.1", "uniquemembermatch", "2.5.13.23":
		return ruleDN, true
	case "integermatch", "2.5.13.14":
		return ruleInteger, true
	case "telephonenumbermatch", "2.5.13.20":
		return ruleTelephone, true
	case "numericstringmatch", "2.5.13.8":
		return ruleNumeric, true
	case "octetstringmatch", "2.5.13.17", "generalizedtimematch", "2.5.13.27",
		"octetstringorderingmatch", "generalizedtimeorderingmatch":
		return ruleOctets, true
	}
	return ruleOctets, false
}

// normal returns the normal form of a value, which is the same string for equal values,
// and whether the value has the right syntax.
func (r rule) normal(v string) (string, bool) {
	switch r {
	case ruleDN:
		n, err := normalDN(v)
		return n, err == nil
	case ruleInteger:
		n, ok := new(big.Int).SetString(v, 10)
		if !ok {
			return "", false
		}
		return n.String(), true
	case ruleFold, ruleExact:
		return r.piece(squeeze(v)), true
	default:
		return r.piece(v), true
	}
}

// piece is like normal for a part of a value. It keeps blanks at the ends, because they
// are significant inside the value.
func (r rule) piece(v string) string {
	switch r {
	case ruleFold:
		return foldCase(squeezeInner(v))
	case ruleExact:
		return squeezeInner(v)
	case ruleTelephone:
		return foldCase(strings.NewReplacer(" ", "", "-", "").Replace(v))
	case ruleNumeric:
		return strings.ReplaceAll(v, " ", "")
	default:
		return v
	}
}

// compare compares two normal forms.
func (r rule) compare(a, b string) int {
	if r != ruleInteger {
		return cmp.Compare(a, b)
	}
	x, _ := new(big.Int).SetString(a, 10)
	y, _ := new(big.Int).SetString(b, 10)
	return x.Cmp(y)
}

// squeeze removes insignificant blanks: at the ends, and all but one of several inside.
func squeeze(v string) string { return squeezeInner(strings.Trim(v, " ")) }

func squeezeInner(v string) string {
	for {
		i := strings.Index(v, "  ")
		if i < 0 {
			return v
		}
		v = v[:i+1] + strings.TrimLeft(v[i:], " ")
	}
}

// foldCase implements only the part of the algorithm of RFC 4518 that tests need.
func foldCase(v string) string { return strings.ToLower(v) }
