package cmdutil

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
)

// The LDAP pools that every server has, and the prefixes of the parameters of pools.
const (
	userPool     = "ugldap"
	authPool     = "authldap"
	builtinPools = "base.ldapinfo."
	extraPools   = "base.ldappool."
)

// IsBuiltinPool reports whether every server has the pool.
func IsBuiltinPool(name string) bool { return name == userPool || name == authPool }

// PoolPrefix returns the prefix of the names of a pool's parameters.
func PoolPrefix(name string) string {
	if IsBuiltinPool(name) {
		return builtinPools + name + "."
	}
	return extraPools + name + "."
}

// LDAPPools returns the pools of a configuration: those that every server has, then the
// others in alphabetical order.
func LDAPPools(_ *config.Registry, d *config.Document) []string {
	return append([]string{userPool, authPool}, addedPools(d)...)
}

// addedPools returns the other pools for which a parameter is set.
func addedPools(d *config.Document) []string {
	var out []string
	for key := range d.All() {
		if rest, ok := strings.CutPrefix(key, extraPools); ok {
			if name, _, ok := strings.Cut(rest, "."); ok && name != "" {
				out = append(out, name)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Prefixes of the names of passwords in the vault. There is one password for each LDAP
// pool, and one for each back end.
const (
	SecretLDAP  = "ldap."
	SecretStore = "store."
)
