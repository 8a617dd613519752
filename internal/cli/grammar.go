package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/config"
)

// words says which options a command has for what people type as plain words.
type words struct {
	option      string // for each word, or for the first one
	placeholder string
	// value, if not empty, is the option for the second word, or for what follows '=' in
	// the first one.
	value            string
	valuePlaceholder string
}

// wordsOf returns the options for the plain words of a command, by its path.
func wordsOf(path string) (words, bool) {
	account := words{option: "-a", placeholder: "ADDRESS"}
	name := words{option: "-n", placeholder: "NAME"}
	domain := words{option: "-d", placeholder: "DOMAIN"}
	wave := words{option: "--wave", placeholder: "DIR"}
	url := words{option: "-d", placeholder: "DOMAIN", value: "-L", valuePlaceholder: "URL"}
	w, ok := map[string]words{
		"config list": {option: "-o", placeholder: "NAME"}, "config modify": {option: "-o", placeholder: "NAME", value: "-v", valuePlaceholder: "VALUE"},
		"domainmap list": domain, "domainmap delete": domain, "domainmap probe": domain, "domainmap create": url, "domainmap modify": url,
		"account list": account, "account create": account, "account modify": account, "account delete": account, "account move": account, "account subscribe": account,
		"account unsubscribe": account, "account repair": account, "account upgrade": account, "account delcomponent": account,
		"calendar list": account, "calendar create": account, "calendar modify": account, "calendar delete": account, "coexist explain": account,
		"coexist apply": wave, "coexist verify": wave, "coexist rollback": wave,
		"ldap audit": {option: "--ldif", placeholder: "FILE"}, "calcomponent check": {option: "-m", placeholder: "FILE"}, "calcomponent import": {option: "-m", placeholder: "FILE"}, "calcomponent list": account, "calcomponent export": account, "calcomponent delete": account, "freebusy show": account,
		"backend list": name, "backend create": name, "backend delete": name, "backend purge": name, "db init": name, "db schema_version": name, "db schema_fullupgrade": name,
		"ldappool list": name, "ldappool create": name, "ldappool modify": name, "ldappool delete": name,
		"passfile list": name, "passfile create": name, "passfile modify": name, "passfile delete": name,
	}[path]
	return w, ok
}

// actionMeant returns the action that another word for it means, or "".
func actionMeant(op *cobra.Command, word string) string {
	meant := map[string][]string{
		"add": {"create", "modify"}, "new": {"create"}, "show": {"list"}, "get": {"list"}, "ls": {"list"}, "print": {"list"}, "view": {"list"}, "search": {"list"},
		"remove": {"delete"}, "rm": {"delete"}, "del": {"delete"}, "destroy": {"delete"}, "set": {"modify"}, "update": {"modify"}, "edit": {"modify"},
		"change": {"modify"}, "undo": {"revert", "rollback"}, "validate": {"check"}, "test": {"check"}, "log": {"history"}, "move": {"plan"}, "migrate": {"move", "plan"}, "relocate": {"move"}, "mv": {"move"}, "explain": {"describe"},
	}[word]
	for _, action := range meant {
		if c, _, err := op.Find([]string{action}); err == nil && c != op {
			return action
		}
	}
	return ""
}

// grammar corrects command lines that people are likely to try.
type grammar struct {
	hints *cmdutil.Hints
	root  *cobra.Command
	args  []string // the command line
}

// guard makes a command refuse such command lines, with the one to type instead.
func (g *grammar) guard(cmd *cobra.Command) {
	accepts := cmd.Args
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 && args[0] != "help" {
			if line, why := g.instead(cmd, args); line != "" {
				return cmdutil.Usagef("%s; use: %s", why, line)
			}
		}
		return accepts(cmd, args)
	}
}

// flagError returns the usage error for an option that is wrong. The options after a word that
// is not an operation are those of the operation meant, so that the word is what is wrong.
func (g *grammar) flagError(cmd *cobra.Command, err error) error {
	if cmd == g.root && len(g.args) > 0 && !strings.HasPrefix(g.args[0], "-") {
		return cmd.Args(cmd, g.args[:1])
	}
	return flagError(cmd, err)
}

// instead returns the command line that the user probably means, and what is wrong with
// this one. The line is "" if that is unknown.
func (g *grammar) instead(cmd *cobra.Command, args []string) (line, why string) {
	path := strings.TrimPrefix(cmd.CommandPath(), g.root.Name()+" ")
	if !cmd.HasParent() {
		return g.operation(args[0])
	}
	word, _, _ := strings.Cut(args[0], "=") // the value may be a password
	target, typed, why := cmd, path, "unexpected argument '"+word+"'"
	if cmd.HasSubCommands() {
		action := actionMeant(cmd, args[0])
		switch {
		case action != "":
			path, why = path+" "+action, "unknown action '"+args[0]+"' of '"+cmd.CommandPath()+"'"
			typed, args = typed+" "+args[0], args[1:]
		case cmd.Name() == "config" && strings.Contains(args[0], "."):
			if path += " list"; len(args) > 1 || strings.Contains(args[0], "=") {
				path = cmd.Name() + " modify"
			}
		case strings.Contains(args[0], "@") && (cmd.Name() == "account" || cmd.Name() == "calendar"):
			path += " list"
		default:
			return "", ""
		}
		var err error
		if target, _, err = g.root.Find(strings.Fields(path)); err != nil {
			return "", ""
		}
	}
	w, ok := wordsOf(path)
	if !ok && (target.Args == nil || target.Args(target, args) != nil) {
		return "", ""
	}
	options, ok := g.options(cmd, target, strings.Fields(typed), args)
	if !ok || mayBeSecret(path, args, options) {
		return "", ""
	}
	operation, action, _ := strings.Cut(path, " ")
	var given []string
	if len(args) > 0 || action != "list" {
		if given, ok = w.given(args, options, target); !ok {
			return "", ""
		}
	}
	return g.hints.Line(operation, action, slices.Concat(given, options)...), why
}

// given returns the words of a command line as options, or placeholders for them.
func (w words) given(args, options []string, target *cobra.Command) ([]string, bool) {
	has := func(option string) bool {
		f := optionOf(target, option)
		return slices.ContainsFunc(options, func(o string) bool { return f != nil && strings.HasPrefix(o, "-") && optionOf(target, o) == f })
	}
	switch {
	case w.option == "":
		return args, true
	case len(args) > 0 && has(w.option) && !repeatable(target, w.option):
		return nil, false
	case len(args) == 0 && (has(w.option) || has("-f") || has("-B") || has("-g")):
		return nil, true
	case len(args) == 0 && w.value != "":
		return []string{w.option, w.placeholder, w.value, w.valuePlaceholder}, true
	case len(args) == 0:
		return []string{w.option, w.placeholder}, true
	case w.value == "":
		var out []string
		for _, a := range args {
			out = append(out, w.option, a)
		}
		return out, true
	}
	name, value, found := strings.Cut(args[0], "=")
	if !found && len(args) > 1 {
		value, args = args[1], args[1:]
		value = strings.TrimPrefix(value, "=")
	} else if !found {
		if has(w.value) {
			return []string{w.option, name}, true
		}
		return []string{w.option, name, w.value, w.valuePlaceholder}, true
	}
	// The words of a value without quotes.
	value = strings.TrimSpace(strings.Join(append([]string{value}, args[1:]...), " "))
	if has(w.value) {
		return nil, false
	}
	if w.option == "-o" {
		if r, err := config.NewRegistry(); err != nil || r.Secret(name) {
			return []string{w.option, name, "--value-file", "FILE"}, true
		}
	}
	return []string{w.option, name, w.value, value}, true
}

// mayBeSecret reports whether words or options seem to contain a password, which must not be
// repeated in a message: what follows the name of one, and the value of a secret parameter.
func mayBeSecret(path string, args, options []string) bool {
	if operation, _, _ := strings.Cut(path, " "); operation == "passfile" && len(args) > 1 {
		return true
	}
	if path == "config modify" {
		r, err := config.NewRegistry()
		secret := func(word string) bool {
			_, attached, _ := strings.Cut(word, "=")
			return err != nil || r.Secret(strings.TrimPrefix(word, "-o")) || r.Secret(attached)
		}
		if slices.ContainsFunc(options, secret) {
			return true
		}
		if len(args) > 0 && secret(args[0]) && slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "-v") || strings.HasPrefix(o, "--value") }) {
			return true
		}
	}
	return slices.ContainsFunc(options, func(o string) bool {
		o = strings.ToLower(o)
		return strings.Contains(o, "passw") && strings.Contains(o, "=") && !strings.HasPrefix(o, "--")
	})
}

// repeatable reports whether a command has an option that can be repeated, whose order among
// other options does not matter.
func repeatable(cmd *cobra.Command, option string) bool {
	f := optionOf(cmd, option)
	if f == nil {
		return false
	}
	_, ok := f.Value.(pflag.SliceValue)
	return ok
}

// options returns the options of the command line as they were typed, without the words and
// without those that a hint names anyway. It is false if the target does not have one of them.
func (g *grammar) options(cmd, target *cobra.Command, typed, args []string) ([]string, bool) {
	var out []string
	plain := slices.Concat(typed, args) // the words to come
	for i := 0; i < len(g.args); i++ {
		word := g.args[i]
		if !strings.HasPrefix(word, "-") || word == "-" || word == "--" {
			if word != "--" && (len(plain) == 0 || word != plain[0]) {
				return nil, false
			}
			plain = plain[min(1, len(plain)):]
			continue
		}
		if switches(cmd, target, word) {
			out = append(out, word)
			continue
		}
		f := optionOf(cmd, word)
		if f == nil || !login(f) && target.Flags().Lookup(f.Name) == nil && target.InheritedFlags().Lookup(f.Name) == nil {
			return nil, false
		}
		here := []string{word}
		if f.NoOptDefVal == "" && !attached(word) && i+1 < len(g.args) {
			i++
			here = append(here, g.args[i])
		}
		if f.Name != "home" && f.Name != "clifile" && !login(f) {
			out = append(out, here...)
		}
	}
	return out, len(plain) == 0
}

// optionOf returns the option of a command that a word of the command line names, or nil.
func optionOf(cmd *cobra.Command, word string) *pflag.Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	if strings.HasPrefix(word, "--") {
		return cmd.Flags().Lookup(name)
	}
	if name == "" || name[0] >= 0x80 {
		return nil
	}
	f := cmd.Flags().ShorthandLookup(name[:1])
	if f != nil && f.NoOptDefVal != "" && len(name) > 1 {
		return nil // several switches in one word
	}
	return f
}

// switches reports whether a word consists of the letters of several options without a value,
// which both commands have.
func switches(cmd, target *cobra.Command, word string) bool {
	if strings.HasPrefix(word, "--") || len(word) < 3 {
		return false
	}
	for _, letter := range word[1:] {
		f := optionOf(cmd, "-"+string(letter))
		if f == nil || f.NoOptDefVal == "" || login(f) || optionOf(target, "-"+string(letter)) == nil && target.InheritedFlags().ShorthandLookup(string(letter)) == nil {
			return false
		}
	}
	return true
}

// attached reports whether a word of an option contains its value.
func attached(word string) bool {
	return strings.Contains(word, "=") || !strings.HasPrefix(word, "--") && len(word) > 2
}

// operation returns the command line for a first word that is not an operation but the action
// of one.
func (g *grammar) operation(word string) (line, why string) {
	if len(g.args) == 0 || g.args[0] != word {
		return "", ""
	}
	if slices.Contains([]string{"check", "diagnose", "health"}, word) {
		return g.hints.Instead(append([]string{"doctor"}, g.args[1:]...)...), "unknown operation '" + word + "'"
	}
	var found *cobra.Command
	for _, op := range g.root.Commands() {
		for _, action := range op.Commands() {
			if action.Name() != word || action.Hidden {
				continue
			}
			if found != nil {
				return "", ""
			}
			found = action
		}
	}
	if found == nil {
		return "", ""
	}
	all := append([]string{found.Parent().Name(), word}, g.args[1:]...)
	if w, ok := wordsOf(found.Parent().Name() + " " + word); ok && len(all) == 2 && word != "audit" {
		all = append(all, w.option, w.placeholder)
	}
	for _, needed := range []struct{ action, option, placeholder string }{{"populate", "-O", "FILE"}, {"plan", "-O", "DIR"}} {
		if word == needed.action && !slices.ContainsFunc(all, func(w string) bool {
			return w == "--out" || strings.HasPrefix(w, needed.option) || strings.HasPrefix(w, "--out=")
		}) {
			all = append(all, needed.option, needed.placeholder)
		}
	}
	return g.hints.Instead(all...), "unknown operation '" + word + "'"
}
