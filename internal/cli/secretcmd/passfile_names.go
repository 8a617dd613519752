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

// secretName is a kind of password that a vault may contain.
type secretName struct {
	name    string // ends in a dot if a member follows
	purpose string
	// members returns what may follow the dot; nil for a name without members.
	members func(*config.Registry, *config.Document) []string
	// missing returns what to do if there is no such member; nil for a name without members.
	missing func(*cmdutil.Hints) string
}

// secretNames returns all kinds of passwords that davadmin uses, by name.
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

// storeBackends returns every back end that has a database, including that of iSchedule.
func storeBackends(r *config.Registry, d *config.Document) []string {
	return append(config.BackendIDs(r, d), r.Effective(d, "davcore.ischedule.backendid"))
}

// knownSecret is a password that a home can use.
type knownSecret struct {
	Name    string
	Purpose string
}

// knownSecrets returns the passwords that a home can use, by name.
func knownSecrets(r *config.Registry, d *config.Document) []knownSecret {
	var out []knownSecret
	for _, n := range secretNames() {
		if n.members == nil {
			out = append(out, knownSecret{n.name, n.purpose})
			continue
		}
		for _, m := range n.members(r, d) {
			if m != "" {
				out = append(out, knownSecret{n.name + m, n.purpose})
			}
		}
	}
	slices.SortFunc(out, func(a, b knownSecret) int { return cmp.Compare(a.Name, b.Name) })
	return slices.Compact(out)
}

// namesOf returns the names of passwords.
func namesOf(known []knownSecret) []string {
	out := make([]string, len(known))
	for i, k := range known {
		out[i] = k.Name
	}
	return out
}

// purposeOf returns what a password is for; "" if the home no longer uses it.
func purposeOf(known []knownSecret, name string) string {
	i := slices.IndexFunc(known, func(k knownSecret) bool { return k.Name == name })
	if i < 0 {
		return ""
	}
	return known[i].Purpose
}

// checkSecretName returns an error for a name that the home does not use. The message does
// not repeat what follows a '=', because it may be the password.
func checkSecretName(hints *cmdutil.Hints, known []knownSecret, name, where string) error {
	if where != "" {
		where += ": "
	}
	if before, _, found := strings.Cut(name, "="); found {
		return cmdutil.Usagef("%s'%s' is followed by a value, but other users can see the command line; omit it to type it, or use --value-file FILE or -f FILE", where, ui.Clip(before, 64))
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
			return cmdutil.Usagef("%s'%s': '%s' was not found; %s", where, shown, ui.Clip(name[len(n.name):], 64), n.missing(hints))
		}
	}
	return cmdutil.Usagef("%sunknown password '%s'; '%s' lists them", where, shown, hints.Line("passfile", "list", "-A"))
}
