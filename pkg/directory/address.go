package directory

import "strings"

// CutMailto returns the address in a mailto: URI, with the scheme in any letter case.
// It returns other text unchanged.
func CutMailto(address string) string {
	const scheme = "mailto:"
	if len(address) > len(scheme) && strings.EqualFold(address[:len(scheme)], scheme) {
		return address[len(scheme):]
	}
	return address
}

// EqualFold reports whether two values are equal by caseIgnoreMatch. See AppendFold.
func EqualFold(a, b string) bool {
	return a == b || string(AppendFold(nil, []byte(a))) == string(AppendFold(nil, []byte(b)))
}
