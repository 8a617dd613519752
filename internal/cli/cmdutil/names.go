package cmdutil

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/config"
)

// Pools that every server has, and where the parameters of pools are.
const (
	userPool     = "ugldap"
	authPool     = "authldap"
	builtinPools = "base.ldapinfo."
	extraPools   = "base.ldappool."
)

func IsBuiltinPool(name string) bool { return name == userPool || name == authPool }

// PoolPrefix is what the names of a pool's parameters begin with.
func PoolPrefix(name string) string {
	if IsBuiltinPool(name) {
		return builtinPools + name + "."
	}
	return extraPools + name + "."
}

// LDAPPools lists the pools of a configuration: those that every server has, then
// the others in order.
func LDAPPools(_ *config.Registry, d *config.Document) []string {
	return append([]string{userPool, authPool}, addedPools(d)...)
}

// addedPools lists the pools of which a parameter is set.
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

// What the names of passwords begin with that there is one of for each pool and
// each back end.
const (
	SecretLDAP  = "ldap."
	SecretStore = "store."
)
