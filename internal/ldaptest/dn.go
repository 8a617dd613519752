package ldaptest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// normalDN returns the normal form of a DN. DNs of the same entry have the same normal
// form. Every comma in it is a separator, so an entry is below another one if its DN
// ends with a comma and the DN of the other.
func normalDN(dn string) (string, error) {
	if n, ok := plainDN(dn); ok {
		return n, nil
	}
	parsed, err := ldap.ParseDN(dn)
	if err != nil {
		return "", fmt.Errorf("invalid DN %q: %w", dn, err)
	}
	rdns := make([]string, len(parsed.RDNs))
	for i, r := range parsed.RDNs {
		avas := make([]string, len(r.Attributes))
		for j, a := range r.Attributes {
			avas[j] = strings.ToLower(a.Type) + "=" + hideSeparators(foldCase(squeeze(a.Value)))
		}
		slices.Sort(avas)
		rdns[i] = strings.Join(avas, "+")
	}
	return strings.Join(rdns, ","), nil
}

// plainDN is like normalDN for DNs that need no parser, which are nearly all.
func plainDN(dn string) (string, bool) {
	if strings.ContainsAny(dn, "\\\"+#<>;\x00") {
		return "", false
	}
	if dn == "" {
		return "", true
	}
	var b strings.Builder
	b.Grow(len(dn))
	for i, rdn := range strings.Split(dn, ",") {
		name, value, found := strings.Cut(rdn, "=")
		name, value = strings.TrimSpace(name), foldCase(squeeze(value))
		if !found || name == "" || strings.Contains(value, "=") {
			return "", false
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strings.ToLower(name) + "=" + value)
	}
	return b.String(), true
}

func hideSeparators(value string) string {
	return strings.NewReplacer(`\`, `\5c`, ",", `\2c`, "+", `\2b`, "=", `\3d`).Replace(value)
}

// parentDN returns the normal DN of the parent, or "" if absent.
func parentDN(normal string) string {
	_, parent, _ := strings.Cut(normal, ",")
	return parent
}

// below reports whether the entry is in the subtree of base, including base itself.
func below(normal, base string) bool {
	return base == "" || normal == base ||
		strings.HasSuffix(normal, base) && normal[len(normal)-len(base)-1] == ','
}

// inScope reports whether the entry is in scope of a search with that base and scope.
func inScope(normal, base string, scope int) bool {
	switch scope {
	case ldap.ScopeBaseObject:
		return normal == base
	case ldap.ScopeSingleLevel:
		return normal != "" && parentDN(normal) == base
	case ldap.ScopeChildren:
		return normal != base && below(normal, base)
	default:
		return below(normal, base)
	}
}
