package cmdutil

import "slices"

// OptionClass says whether a clifile may hold a default for an option.
type OptionClass int

// The classes of options. The zero value is that of an option without a rule, which a
// clifile may not hold.
const (
	OptionUnknown   OptionClass = iota
	OptionAnywhere              // may be set for all commands, or for one
	OptionOfCommand             // may be set for one command or operation, because it has another meaning in others
	OptionConfirms
	OptionForces
	OptionUnlimits
	OptionWeakens
	OptionSubject
	OptionOther
)

// Refusal returns why a clifile may not hold options of the class, or "" if it may.
func (c OptionClass) Refusal() string {
	switch c {
	case OptionAnywhere, OptionOfCommand:
		return ""
	case OptionConfirms:
		return "it answers a question that davadmin asks before a change"
	case OptionForces:
		return "it overrides a check or overwrites data"
	case OptionUnlimits:
		return "it lifts a limit"
	case OptionWeakens:
		return "it weakens the connection"
	case OptionSubject:
		return "it names what a command works on"
	case OptionOther:
		return "it makes a command do something else"
	case OptionUnknown:
	}
	return "no rule allows it"
}

// OptionRule is the class of an option by its long name.
type OptionRule struct {
	Option  string
	Command string // "" for all commands, else an operation and its action
	Class   OptionClass
}

// OptionRules returns the class of each option of the program. A rule for a command comes
// before that for all commands.
func OptionRules() []OptionRule {
	of := func(class OptionClass, command string, names ...string) []OptionRule {
		var rules []OptionRule
		for _, n := range names {
			rules = append(rules, OptionRule{Option: n, Command: command, Class: class})
		}
		return rules
	}
	return slices.Concat(
		// These write a list that the same option of other commands reads.
		of(OptionOfCommand, "ldap generate", "cs6-list", "cs7-list"),
		of(OptionSubject, "passfile delete", "all"),
		of(OptionSubject, "domainmap create", "domain"),
		of(OptionSubject, "domainmap modify", "domain"),
		of(OptionSubject, "domainmap delete", "domain"),

		of(OptionAnywhere, "", "base", "binddn", "ca-file", "cert-file", "connect-timeout", "cs6-list", "cs6-patch", "cs6-user",
			"cs7-host", "cs7-list", "cs7-user", "cs7-version", "detail", "dry-run", "external", "fail-on", "home", "ics-conf", "id-attribute",
			"id-pattern", "idle-timeout", "key-file", "ldaps", "localuser-attribute", "lock-timeout", "no-color", "output", "page", "parallel", "part-timeout",
			"password-file", "prove-as", "prove-password-file", "quiet", "rate", "remark", "retry-for", "runs", "starttls", "strict", "timezone", "tmp",
			"vault-key", "workers"),
		of(OptionOfCommand, "", "all", "attribute", "backend", "changed", "class", "classes", "day-one", "domain", "domains", "entries", "expand", "explain", "faults", "fix-plan",
			"for-server", "format", "from", "from-attr", "hostname", "kind", "ldapfilter", "ldif", "ldif-adds", "limit", "manifest", "match",
			"missing", "modified", "no-directory", "on-conflict", "organizer", "orphans", "out", "port", "probe", "reject", "report", "reverse", "rules", "schema", "scope", "seed",
			"side", "slots", "sort", "state", "text", "type", "unchecked", "verbose", "wave-size", "with-home", "work", "zone"),
		of(OptionConfirms, "", "yes"),
		of(OptionForces, "", "absence-confirmed", "continue", "force", "overwrite", "skip-check"),
		of(OptionUnlimits, "", "access-control", "allow-empty", "ldif-urls", "max-changes", "older"),
		of(OptionWeakens, "", "insecure", "plaintext", "tls-min"),
		of(OptionSubject, "", "account", "add", "attachstorehost", "attachstoreport", "change", "collectionuri", "create-calendar", "days", "dburl", "default", "delegates-of", "dir", "directory", "email", "expand-groups", "extract-attachments",
			"file", "guid", "jndiname", "name", "new-key", "option", "ownerlists", "path", "property", "rekey", "remove", "remove-bom", "shared-with", "to", "uid", "undelete", "undo", "url", "users",
			"value", "value-file", "wave"),
		of(OptionOther, "", "clifile", "help", "list-faults", "spans", "test", "version"),
	)
}

// optionClass returns the class of an option in a command, or in general if the command
// is empty. Own reports whether the command has a rule of its own.
func optionClass(command, option string) (class OptionClass, own bool) {
	for _, r := range OptionRules() {
		if r.Option == option && (r.Command == "" || r.Command == command) {
			return r.Class, r.Command != ""
		}
	}
	return OptionUnknown, false
}

// originalKeys are the keys that the original tool reads in its clifile. Those that are
// also names of options with the same meaning, such as detail, are not in the list.
func originalKeys() []string {
	return []string{
		"userid", "usepasswordfile", "hostname", "port", "secure", "debug", "dbtype", "dbhost", "dbport", "dbuser", "database", "docstore",
		"migrationadminuser", "migrationserver", "sslprotocols",
	}
}

// optionVariable returns the environment variable that sets the same as an option, or "".
// TMPDIR is not one of them: it is the built-in default of --tmp.
func optionVariable(option string) string {
	switch option {
	case "home":
		return "DAVADMIN_HOME"
	case "vault-key":
		return envVaultKey
	case "password-file":
		return "DAVADMIN_LDAP_PASSWORD"
	case "prove-password-file":
		return "DAVADMIN_LDAP_PROVE_PASSWORD"
	case "no-color":
		return "NO_COLOR"
	}
	return ""
}

// replacedBy returns the options that replace the default of an option when they come from
// a place that takes precedence over the default. An identity and its password are meant for
// one server, and a password for one identity: they are never sent to others.
func replacedBy(option string) []string {
	switch option {
	case "binddn":
		return []string{"hostname", "external"}
	case "password-file":
		return []string{"hostname", "binddn", "external"}
	case "external":
		return []string{"hostname", "binddn", "password-file"}
	case "cert-file":
		return []string{"hostname", "key-file"}
	case "key-file":
		return []string{"hostname", "cert-file"}
	case "prove-as":
		return []string{"hostname", "ldif"}
	case "prove-password-file":
		return []string{"hostname", "ldif", "prove-as"}
	case "hostname":
		return []string{"ldif"}
	case "port":
		return []string{"hostname", "ldif"}
	case "ldaps":
		return []string{"starttls"}
	case "ldif", "ldif-adds":
		return []string{"hostname"}
	case "verbose":
		return []string{"orphans", "missing", "changed"}
	case "orphans", "missing", "changed":
		return []string{"account", "guid", "file", "ldapfilter", "verbose"}
	case "no-directory":
		return []string{"hostname", "ldif"}
	case "from-attr":
		return []string{"value"}
	}
	return nil
}
