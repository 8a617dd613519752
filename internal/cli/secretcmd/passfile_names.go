package secretcmd

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// secretName is one kind of password that a vault may hold.
type secretName struct {
	name string // a family ends in a dot
	what string
	// members lists what can follow the dot; nil for a single name.
	members func(*config.Registry, *config.Document) []string
	// missing says what to do if there is no such member; nil for a single name.
	missing func(*cmdutil.Hints) string
}

// secretNames is the table of all passwords that davadmin knows a use for.
func secretNames() []secretName {
	return []secretName{
		{"admin", "administrator of the application server (userid)", nil, nil},
		{"docstore", "shared with the remote document stores", nil, nil},
		{cmdutil.SecretLDAP, "bind password of the LDAP pool", cmdutil.LDAPPools, func(h *cmdutil.Hints) string {
			return fmt.Sprintf("'%s' lists the pools, '%s' creates one", h.Line("ldappool", "list"), h.Line("ldappool", "create", "-n", "NAME", "-y", "ldaphost=HOST"))
		}},
		{"migrationadmin", "administrator of the old server, for the migration", nil, nil},
		{cmdutil.SecretStore, "database of the back end", storeBackends, func(h *cmdutil.Hints) string {
			return fmt.Sprintf("'%s' lists the back ends", h.Line("backend", "list"))
		}},
	}
}

// storeBackends lists every back end that has a database, that of iSchedule too.
func storeBackends(r *config.Registry, d *config.Document) []string {
	return append(config.Backends(r, d), r.Effective(d, "davcore.ischedule.backendid"))
}

// knownSecret is one name of a password in a home.
type knownSecret struct {
	Name string
	What string
}

// knownSecrets lists the names that a home has a use for, in order.
func knownSecrets(r *config.Registry, d *config.Document) []knownSecret {
	var out []knownSecret
	for _, n := range secretNames() {
		if n.members == nil {
			out = append(out, knownSecret{n.name, n.what})
			continue
		}
		for _, m := range n.members(r, d) {
			if m != "" {
				out = append(out, knownSecret{n.name + m, n.what})
			}
		}
	}
	slices.SortFunc(out, func(a, b knownSecret) int { return cmp.Compare(a.Name, b.Name) })
	return slices.Compact(out)
}

func namesOf(known []knownSecret) []string {
	out := make([]string, len(known))
	for i, k := range known {
		out[i] = k.Name
	}
	return out
}

// whatIs says what a name is for; "" for one that has no use here any more.
func whatIs(known []knownSecret, name string) string {
	i := slices.IndexFunc(known, func(k knownSecret) bool { return k.Name == name })
	if i < 0 {
		return ""
	}
	return known[i].What
}

// checkSecretName refuses a name for which the home has no use. The message does not
// repeat what follows a =, because it may be the password.
func checkSecretName(hints *cmdutil.Hints, known []knownSecret, name, where string) error {
	if where != "" {
		where += ": "
	}
	if before, _, found := strings.Cut(name, "="); found {
		return cmdutil.Usagef("%s'%s' is followed by a value, and a command line is seen by others: leave it out and type it, or use --value-file FILE or -f FILE", where, ui.Clip(before, 64))
	}
	names := namesOf(known)
	if slices.Contains(names, name) {
		return nil
	}
	shown := ui.Clip(name, 64)
	if near, ok := config.NearestWord(strings.ToLower(name), names); ok {
		return cmdutil.Usagef("%sunknown password '%s'; did you mean %s?", where, shown, near)
	}
	for _, n := range secretNames() {
		if n.members != nil && strings.HasPrefix(name, n.name) {
			return cmdutil.Usagef("%s'%s': there is no '%s'; %s", where, shown, ui.Clip(name[len(n.name):], 64), n.missing(hints))
		}
	}
	return cmdutil.Usagef("%sunknown password '%s'; '%s' lists them", where, shown, hints.Line("passfile", "list", "-A"))
}
