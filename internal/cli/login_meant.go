package cli

import (
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// meaning is what a user who gives an option without effect probably means by it.
type meaning struct {
	letters string // of the options
	fits    func(value string) bool
	// option is the long name of the option to use instead, which the command must have, and
	// letter is how it is typed.
	option, letter, placeholder string
	// property, if not empty, is the name of a property to give with the option.
	property string
	advice   string // instead of a line to type
}

// meanings returns the meanings that the login options can have in a command, by its path. A
// command that ignored such an option would do something else than it was asked: create a store
// of another kind, search more of the directory, or bind as nobody.
func meanings(path string) []meaning {
	isURL := func(v string) bool { return strings.Contains(v, "://") }
	isDN := func(v string) bool { return strings.Contains(v, "=") && !isURL(v) }
	isAddress := func(v string) bool { return strings.Contains(v, "@") && !isURL(v) && !isDN(v) }
	isScope := func(v string) bool {
		return slices.Contains([]string{"sub", "one", "base", "subtree", "children"}, strings.ToLower(v))
	}
	isPort := func(v string) bool { return slices.Contains([]string{"389", "636", "1389", "1636", "3268", "3269"}, v) }
	operation, _, _ := strings.Cut(path, " ")
	switch {
	case path == "backend create":
		return []meaning{{letters: "uHpsdj", fits: isURL, option: "dburl", letter: "--dburl", placeholder: "URL"}}
	case operation == "db":
		return []meaning{{letters: "uHpdAst", fits: isURL, option: "name", advice: "the database of a back end is that of its parameter store.dav.ID.dburl, which 'backend create --dburl URL' sets"}}
	case operation == "domainmap":
		return []meaning{{letters: "uH", fits: isURL, option: "url", letter: "-L", placeholder: "URL"}}
	case operation == "ldappool":
		return []meaning{
			{letters: "u", fits: isDN, option: "property", property: "binddn", advice: "the bind DN of a pool is its property binddn: -y binddn=DN"},
			{letters: "H", fits: func(v string) bool { return strings.HasPrefix(v, "ldap") }, option: "property", property: "ldaphost", advice: "the host of a pool is its property ldaphost: -y ldaphost=HOST"},
			{letters: "p", fits: isPort, option: "property", property: "ldapport", advice: "the port of a pool is its property ldapport: -y ldapport=PORT"},
		}
	}
	return []meaning{
		{letters: "s", fits: isScope, option: "scope", letter: "--scope", placeholder: "SCOPE"},
		{letters: "u", fits: isDN, option: "binddn", letter: "-D", placeholder: "DN"},
		{letters: "u", fits: isAddress, option: "account", letter: "-a", placeholder: "ADDRESS"},
	}
}

// refuseLogin returns an error for a login option that probably has another meaning, with the
// line to type.
func (g *grammar) refuseLogin(cmd *cobra.Command) (err error) {
	path := strings.TrimPrefix(cmd.CommandPath(), g.root.Name()+" ")
	all := meanings(path)
	cmd.Flags().Visit(func(f *pflag.Flag) {
		for _, m := range all {
			target := cmd.Flags().Lookup(m.option)
			if err != nil || f.Shorthand == "" || !strings.Contains(m.letters, f.Shorthand) || target == nil || !m.fits(f.Value.String()) {
				continue
			}
			if path != "backend create" && !login(f) {
				continue
			}
			if target.Changed && m.advice == "" || m.property != "" && strings.Contains(strings.ToLower(strings.Join(g.args, " ")), m.property+"=") {
				continue // it was given as well
			}
			err = cmdutil.Usagef("-%s does not mean that here; %s", f.Shorthand, g.meant(cmd, f, &m))
		}
	})
	return err
}

// meant returns what to use instead of an option. A URL with a password is not repeated.
func (g *grammar) meant(cmd *cobra.Command, f *pflag.Flag, m *meaning) string {
	if m.advice != "" {
		return m.advice
	}
	use := "use " + m.letter + " " + m.placeholder
	u, err := url.Parse(f.Value.String())
	if strings.Contains(f.Value.String(), "://") && (err != nil || hasPassword(u)) {
		return use + ", with a URL without a password"
	}
	var words []string
	replaced := 0
	for i := 0; i < len(g.args); i++ {
		word := g.args[i]
		if !strings.HasPrefix(word, "-") || word == "-" || word == "--" {
			words = append(words, word)
			continue
		}
		given := optionOf(cmd, word)
		switch {
		case given == nil:
			return use
		case given == f && (attached(word) || i+1 < len(g.args)):
			if !attached(word) {
				i++
			}
			words = append(words, m.letter, f.Value.String())
			replaced++
		case given.NoOptDefVal == "" && !attached(word) && i+1 < len(g.args):
			i++
			words = append(words, word, g.args[i])
		default:
			words = append(words, word)
		}
	}
	if replaced != 1 {
		return use
	}
	return "use: " + g.hints.Instead(words...)
}

// hasPassword reports whether a URL contains a password, as user information or in its query.
func hasPassword(u *url.URL) bool {
	_, ok := u.User.Password()
	return ok || strings.Contains(strings.ToLower(u.RawQuery), "passw")
}
