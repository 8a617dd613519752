package cmdutil

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// maxClifile is the maximum size of a clifile, in bytes.
const maxClifile = 64 << 10

// clifileOfHome says that a clifile is that of the home.
const clifileOfHome = "of the home"

// clifile is a file with defaults for options.
type clifile struct {
	path  string
	from  string // in words: what named it
	lines []clifileLine
}

// clifileLine is a key of a clifile and its value.
type clifileLine struct {
	number int
	key    string // as written
	value  string
	option string // the long name; "" for a key that is not one of ours
	// scope is the command, "account list", or the operation, "account", for which the
	// default is meant; "" for all.
	scope    string
	original bool   // a key of the original tool
	problem  string // why it is refused; "" if it is not
}

// place returns where a line is, for a message.
func (c *clifile) place(l *clifileLine) string { return fmt.Sprintf("%s, line %d", c.path, l.number) }

// home returns the home that a clifile names, or "". A relative one is relative to the
// directory of the file.
func (c *clifile) home() string {
	for i := range c.lines {
		if l := &c.lines[i]; l.option == "home" && l.problem == "" {
			return c.absolute(l.value)
		}
	}
	return ""
}

// absolute returns a path of the clifile as one that does not depend on the working
// directory, or depends on it as the path of the clifile does.
func (c *clifile) absolute(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(c.path), path)
}

// readClifile reads and checks a clifile. An optional one that does not exist is nil. The
// owner of trusted, if it is not "", may own the file.
func (hs *Homes) readClifile(path, from string, optional bool, trusted string) (*clifile, error) {
	if c, ok := hs.clifiles[path]; ok {
		return c, nil
	}
	b, _, err := fsx.ReadLimited(path, maxClifile)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		b, err = PlainText(path, b)
	}
	if err != nil {
		return nil, fmt.Errorf("clifile: %w", explainClosed(err, path))
	}
	if err := refuseExposed(path, trusted); err != nil {
		return nil, fmt.Errorf("clifile: %w", err)
	}
	parse := config.Parse
	if utf8.Valid(b) {
		parse = config.ParseUTF8
	}
	d, err := parse(bytes.TrimRight(b, "\x1a"))
	if err != nil {
		return nil, fmt.Errorf("clifile %s: %w", path, err)
	}
	c := &clifile{path: path, from: from}
	for e := range d.Entries() {
		l := clifileLine{number: e.Line, key: e.Key, value: strings.TrimSpace(e.Value)}
		hs.classify(&l)
		c.lines = append(c.lines, l)
	}
	if hs.clifiles == nil {
		hs.clifiles = map[string]*clifile{}
	}
	hs.clifiles[path] = c
	return c, nil
}

// refuseExposed returns an error for a clifile that other users can write to: with it they
// could choose the server to which a password is sent. The owner of trusted, the home to which
// the file belongs, is no other user, because the configuration is theirs as well.
func refuseExposed(path, trusted string) error {
	exposed, err := fsx.ExposedToOthers(path)
	if err != nil {
		return fmt.Errorf("cannot find out who can write to %s: %w", path, err)
	}
	owner := ""
	if trusted != "" {
		if fi, err := os.Stat(trusted); err == nil {
			_, _, owner = fsx.OwnerOf(fi)
		}
	}
	for _, e := range exposed {
		switch {
		case e.Owner != "" && e.Owner == owner:
		case e.Owner != "":
			what := e.Path
			if e.Path == path {
				what = "it"
			}
			return fmt.Errorf("%s can be changed by others, because %s belongs to %s; make a copy of your own, or run: chown %d %s",
				path, what, e.Owner, os.Geteuid(), Quote(e.Path))
		case e.Dir:
			return fmt.Errorf("%s can be replaced by others (mode %04o of its directory); run: chmod o-w %s", path, e.Mode, Quote(e.Path))
		default:
			return fmt.Errorf("others can write to %s (mode %04o); run: chmod go-w %s", path, e.Mode, Quote(e.Path))
		}
	}
	return nil
}

// classify finds out what a line sets, or why it is refused.
func (hs *Homes) classify(l *clifileLine) {
	key := strings.ToLower(l.key)
	words := strings.Split(key, ".")
	name := words[len(words)-1]
	class, _ := optionClass("", name)
	switch {
	case len(words) == 1 && slices.Contains(originalKeys(), name):
		l.original = true
		return
	case len(words) > 1:
		if !hs.findScope(l, words) {
			return
		}
		class, _ = optionClass(l.scope, name)
	case class == OptionUnknown:
		l.problem = hs.unknownKey(key)
		return
	case class == OptionOfCommand:
		l.option = name
		l.problem = fmt.Sprintf("it means something else in each command: use OPERATION.ACTION.%s", name)
		return
	}
	l.option = name
	switch {
	case class.Refusal() != "":
		l.problem = fmt.Sprintf("a clifile cannot set --%s, because %s; give it on the command line", name, class.Refusal())
		if v := subjectVariable(name); v != "" {
			l.problem += ", or set " + v
		}
	case l.value == "":
		l.problem = "it has no value"
	case name == "home" && l.scope != "":
		l.problem = "a home is for all commands: use home"
	case name == "output" && !slices.Contains(ui.Formats(), ui.Format(l.value)):
		l.problem = fmt.Sprintf("'%s' is not a valid output format (table, plain, json, jsonl, csv)", ui.Sanitize(l.value))
	}
}

// subjectVariable returns the environment variable with the default of an option that a
// clifile may not hold, or "".
func subjectVariable(option string) string {
	if option == "account" {
		return "DAVADMIN_ACCOUNT"
	}
	return ""
}

// unknownKey returns the problem of a key that is not the name of an option.
func (hs *Homes) unknownKey(key string) string {
	if looksSecret(key) {
		return fmt.Sprintf("unknown key, and a clifile cannot hold passwords; '%s' stores one in the vault", hs.hints.Line("passfile", "create", "-n", "NAME"))
	}
	if near, ok := config.NearestWord(strings.TrimLeft(key, "-"), clifileNames()); ok {
		return fmt.Sprintf("unknown key (did you mean %s?)", near)
	}
	return "unknown key: it is not the long name of an option"
}

// looksSecret reports whether a key that is not ours seems to hold a password.
func looksSecret(key string) bool {
	for _, word := range []string{"passw", "passphrase", "secret", "pwd", "credential"} {
		if strings.Contains(strings.ToLower(key), word) {
			return true
		}
	}
	return false
}

// clifileNames returns the keys that a clifile may hold for all commands.
func clifileNames() []string {
	names := originalKeys()
	for _, r := range OptionRules() {
		if r.Command == "" && r.Class.Refusal() == "" {
			names = append(names, r.Option)
		}
	}
	return names
}

// findScope finds the command of a key with dots, and checks that it has the option.
func (hs *Homes) findScope(l *clifileLine, words []string) bool {
	if len(words) > 3 {
		l.problem = "unknown key: it must be OPTION, OPERATION.OPTION or OPERATION.ACTION.OPTION"
		return false
	}
	cmd := hs.commandTree()
	for i, word := range words[:len(words)-1] {
		next := subcommand(cmd, word)
		if next == nil {
			kind, names := "operation", ActionsOf(cmd)
			if i > 0 {
				kind = "action of '" + cmd.Name() + "'"
			}
			l.problem = fmt.Sprintf("unknown key: '%s' is not an %s", ui.Sanitize(word), kind)
			if near, ok := config.NearestWord(word, names); ok {
				l.problem += fmt.Sprintf(" (did you mean %s?)", strings.Join(slices.Concat(words[:i], []string{near}, words[i+1:]), "."))
			}
			return false
		}
		cmd = next
	}
	name := words[len(words)-1]
	names := optionNames(cmd)
	l.scope = strings.Join(words[:len(words)-1], " ")
	if slices.Contains(names, name) {
		return true
	}
	l.problem = fmt.Sprintf("unknown key: '%s' has no option --%s", l.scope, ui.Sanitize(name))
	if near, ok := config.NearestWord(name, names); ok {
		l.problem += fmt.Sprintf(" (did you mean %s?)", strings.Join(append(words[:len(words)-1:len(words)-1], near), "."))
	}
	return false
}

func subcommand(cmd *cobra.Command, name string) *cobra.Command {
	for _, c := range cmd.Commands() {
		if c.Name() == name {
			return c
		}
	}
	return nil
}

// optionNames returns the visible options of a command and, for an operation, of its
// actions.
func optionNames(cmd *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	cmd.InheritedFlags().VisitAll(add)
	for _, c := range append(cmd.Commands(), cmd) {
		c.LocalFlags().VisitAll(add)
	}
	return names
}

// resolve returns a value of an option as the option understands it: y and n for a switch,
// and a relative path as one that does not depend on the working directory.
func (c *clifile) resolve(f *pflag.Flag, value string) string {
	if f.Value.Type() == "bool" {
		switch strings.ToLower(value) {
		case "y", "yes", "on":
			return "true"
		case "n", "no", "off":
			return "false"
		}
		return strings.ToLower(value)
	}
	placeholder, _ := pflag.UnquoteUsage(f)
	if (placeholder == "FILE" || placeholder == "DIR") && value != "-" {
		return c.absolute(value)
	}
	return value
}

// refuse returns an error for the first line that is refused, or nil.
func (c *clifile) refuse(h *Hints) error {
	var first *clifileLine
	more := 0
	for i := range c.lines {
		switch l := &c.lines[i]; {
		case l.problem == "":
		case first == nil:
			first = l
		default:
			more++
		}
	}
	if first == nil {
		return nil
	}
	text := fmt.Sprintf("clifile %s: %s: %s", c.place(first), first.key, first.problem)
	if more > 0 {
		text += fmt.Sprintf(" (and %s; '%s' lists them)", Plural(more, "more problem"), h.Line("config", "clifile"))
	}
	return Usagef("%s", text)
}
