package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// loginAnnotation marks the options with which the original logs in to the application server
// or to the database. They are accepted, so that its published command lines work, and have no
// effect.
const loginAnnotation = "davadmin-login"

// loginOption is such an option.
type loginOption struct {
	name, letter string
	isSwitch     bool
}

// loginOptions returns the login options of an operation of the original.
func loginOptions(operation string) []loginOption {
	if operation == "db" {
		return []loginOption{{"dbuser", "u", false}, {"dbtype", "t", false}, {"dbhost", "H", false}, {"dbport", "p", false}, {"database", "d", false},
			{"docstore", "A", false}, {"usepasswordfile", "W", true}, {"secure", "s", false}}
	}
	return []loginOption{{"userid", "u", false}, {"usepasswordfile", "W", true}, {"hostname", "H", false}, {"port", "p", false}, {"secure", "s", false}}
}

// addLogin adds the login options whose name and letter a command does not use otherwise.
func addLogin(cmd *cobra.Command, operation string) {
	flags := cmd.Flags()
	taken := func(o loginOption) bool {
		return flags.Lookup(o.name) != nil || flags.ShorthandLookup(o.letter) != nil || cmd.InheritedFlags().ShorthandLookup(o.letter) != nil
	}
	for _, o := range loginOptions(operation) {
		if taken(o) {
			continue
		}
		if o.isSwitch {
			flags.BoolP(o.name, o.letter, false, "not needed")
		} else {
			flags.StringP(o.name, o.letter, "", "not needed")
		}
		f := flags.Lookup(o.name)
		f.Hidden = true
		f.Annotations = map[string][]string{loginAnnotation: {"yes"}}
	}
}

// login reports whether an option is a login option without effect.
func login(f *pflag.Flag) bool { return f.Annotations[loginAnnotation] != nil }

// noteLogin says that the login options of the command line are not needed. If one of them
// has another meaning in the command, it says which.
func noteLogin(c *cmdutil.Console, cmd *cobra.Command) {
	var given []string
	other := ""
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch {
		case login(f):
			given = append(given, "-"+f.Shorthand)
		case f.Name == "hostname" && f.Shorthand == "H":
			other = "; -H names the directory server here"
		}
	})
	slices.Sort(given)
	switch len(given) {
	case 0:
	case 1:
		c.Notef("davadmin: note: %s has no effect: no login is needed, because davadmin works on the files and databases of the home%s", given[0], other)
	default:
		c.Notef("davadmin: note: %s have no effect: no login is needed, because davadmin works on the files and databases of the home%s", strings.Join(given, ", "), other)
	}
}
