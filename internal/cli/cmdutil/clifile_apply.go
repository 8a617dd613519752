package cmdutil

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/pkg/config"
)

// ShowsClifiles marks a command, by its annotations, that shows what is wrong in the
// clifiles, and therefore runs although they contain lines that are refused.
const ShowsClifiles = "shows-clifiles"

// defaultOfAll marks an option, by its annotations, whose value is a default that a clifile
// has for all commands.
const defaultOfAll = "default-of-all-commands"

// appliedDefault is a default that this run took from a clifile.
type appliedDefault struct {
	option string
	value  string
	place  string
}

// ApplyClifiles sets the options of a command that neither the command line nor the
// environment sets to the defaults in the clifiles: in the one that was named, and, for what
// that one does not set, in the one of the home. A line of a clifile that is refused is a
// usage error, whatever the command. A run that has another command do its work calls it for
// that command, too.
func (hs *Homes) ApplyClifiles(cmd *cobra.Command) error {
	option := cmd.Flags().Lookup("clifile")
	if option == nil {
		return nil // the command has no home
	}
	if _, ok := option.Value.(*MirroredOption); ok {
		return nil // an operation that only shows its help
	}
	files, err := hs.findClifiles(&HomeOptions{clifile: option.Value.String()})
	if err != nil {
		return err
	}
	if cmd.Annotations[ShowsClifiles] == "" {
		for _, c := range files {
			if err := c.refuse(hs.hints); err != nil {
				return err
			}
		}
	}
	if len(files) == 0 {
		return nil
	}
	a := clifileRun{homes: hs, files: files, flags: cmd.Flags(), command: commandName(cmd)}
	before := len(hs.applied)
	err = a.apply()
	for _, d := range hs.applied[before:] {
		hs.console.Detailf("default: --%s %s (%s)", d.option, d.value, d.place)
	}
	if err != nil && cmd.Annotations[ShowsClifiles] == "" {
		return err
	}
	return nil
}

// findClifiles reads the clifile that the user named, and that of the home, in the order of
// their precedence.
func (hs *Homes) findClifiles(o *HomeOptions) ([]*clifile, error) {
	var files []*clifile
	n, err := hs.name(o)
	if err != nil {
		return nil, err
	}
	if n.clifile != nil {
		files = append(files, n.clifile)
	}
	home := n.home
	if home == "" {
		home = DefaultHome
	}
	// Whether the home exists is for the command to find out.
	if !isDirectory(home) {
		return files, nil
	}
	own, err := hs.readClifile(filepath.Join(home, filepath.FromSlash(config.ClientFile)), clifileOfHome, true, home)
	if err != nil {
		return nil, err
	}
	if own != nil && (n.clifile == nil || !sameFile(own.path, n.clifile.path)) {
		files = append(files, own)
	}
	return files, nil
}

func isDirectory(path string) bool {
	fi, err := os.Stat(path)
	return err == nil && fi.IsDir()
}

// commandName returns the operation and the action that a command runs, as in "account
// list". An operation without an action runs its action 'list', if it has one.
func commandName(cmd *cobra.Command) string {
	var words []string
	for c := cmd; c.HasParent(); c = c.Parent() {
		words = append([]string{c.Name()}, words...)
	}
	if len(words) == 1 && subcommand(cmd, "list") != nil {
		words = append(words, "list")
	}
	return strings.Join(words, " ")
}

// clifileRun sets the defaults of one run.
type clifileRun struct {
	homes   *Homes
	files   []*clifile
	flags   *pflag.FlagSet
	command string
}

// candidate is the default of an option in the first clifile that has one.
type candidate struct {
	rank  int // of the clifile, from 1; the command line is 0
	file  *clifile
	lines []*clifileLine
}

func (a *clifileRun) apply() error {
	found := map[string]candidate{}
	a.flags.VisitAll(func(f *pflag.Flag) {
		if _, mirrored := f.Value.(*MirroredOption); mirrored || f.Name == "home" {
			return
		}
		if c, ok := a.find(f.Name); ok && !f.Changed && a.homes.variableOf(f.Name) == "" {
			found[f.Name] = c
		}
	})
	var err error
	a.flags.VisitAll(func(f *pflag.Flag) {
		if c, ok := found[f.Name]; ok && err == nil && a.replacing(f.Name, c, found) == "" {
			err = a.set(f, c)
		}
	})
	return err
}

// variableOf returns the environment variable that sets an option in this run, or "".
func (hs *Homes) variableOf(option string) string {
	if v := optionVariable(option); v != "" && hs.getenv(v) != "" {
		return v
	}
	return ""
}

// find returns the default of an option for the command.
func (a *clifileRun) find(option string) (candidate, bool) {
	class, own := optionClass(a.command, option)
	if class.Refusal() != "" {
		return candidate{}, false
	}
	operation, _, _ := strings.Cut(a.command, " ")
	scopes := []string{a.command}
	if !own && a.command != operation {
		scopes = append(scopes, operation)
	}
	if class == OptionAnywhere {
		scopes = append(scopes, "")
	}
	for i, c := range a.files {
		for _, scope := range scopes {
			var lines []*clifileLine
			for k := range c.lines {
				if l := &c.lines[k]; l.option == option && l.scope == scope && l.problem == "" {
					lines = append(lines, l)
				}
			}
			if len(lines) > 0 {
				return candidate{rank: i + 1, file: c, lines: lines}, true
			}
		}
	}
	return candidate{}, false
}

// replacing returns the option that makes a default not apply, or "".
func (a *clifileRun) replacing(option string, c candidate, found map[string]candidate) string {
	for _, other := range replacedBy(option) {
		if f := a.flags.Lookup(other); f != nil && f.Changed {
			return other
		}
		if o, ok := found[other]; ok && o.rank < c.rank {
			return other
		}
	}
	return ""
}

// set sets an option to its default. The option does not count as given.
func (a *clifileRun) set(f *pflag.Flag, c candidate) error {
	values := []string{c.lines[0].value}
	if f.Name == "output" && c.lines[0].scope == "" {
		// Not every command supports the format that is preferred for all of them.
		a.homes.global.preferred = values[0]
	} else {
		var err error
		if values, err = setOption(f, c.file, c.lines); err != nil {
			return err
		}
	}
	if c.lines[0].scope == "" {
		if f.Annotations == nil {
			f.Annotations = map[string][]string{}
		}
		f.Annotations[defaultOfAll] = []string{c.file.path}
	}
	d := appliedDefault{option: f.Name, value: strings.Join(values, " "), place: c.file.place(c.lines[0])}
	if !slices.Contains(a.homes.applied, d) {
		a.homes.applied = append(a.homes.applied, d)
	}
	return nil
}

// isDefaultOfAll reports whether the value of an option is a default that a clifile has for
// all commands, so that a command that this run suggests has it as well.
func isDefaultOfAll(flags *pflag.FlagSet, option string) bool {
	if flags == nil {
		return false
	}
	f := flags.Lookup(option)
	return f != nil && !f.Changed && len(f.Annotations[defaultOfAll]) > 0
}

// setOption sets an option to the values of lines, and returns the values.
func setOption(f *pflag.Flag, c *clifile, lines []*clifileLine) ([]string, error) {
	if _, list := f.Value.(pflag.SliceValue); len(lines) > 1 && !list {
		return nil, Usagef("clifile %s: %s is already in line %d", c.place(lines[1]), lines[1].key, lines[0].number)
	}
	values := make([]string, 0, len(lines))
	for _, l := range lines {
		v := c.resolve(f, l.value)
		if err := f.Value.Set(v); err != nil {
			return nil, Usagef("clifile %s: %s: %s", c.place(l), l.key, invalidValue(f, l.value, err))
		}
		values = append(values, v)
	}
	return values, nil
}

// InvalidOption says why an option refused the value that it was given on the command
// line.
func InvalidOption(e *pflag.InvalidValueError) string {
	var number *strconv.NumError
	if e.GetFlag().Value.Type() != "bool" {
		return invalidValue(e.GetFlag(), e.GetValue(), e)
	}
	if errors.As(e, &number) {
		return "does not take a value"
	}
	return errors.Unwrap(e).Error()
}

// invalidValue says why an option refused a value.
func invalidValue(f *pflag.Flag, value string, err error) string {
	var number *strconv.NumError
	switch {
	case f.Value.Type() == "duration":
		return fmt.Sprintf("'%s' is not a duration such as 30s or 2m", value)
	case f.Value.Type() == "bool":
		return fmt.Sprintf("'%s' is neither y nor n", value)
	case errors.Is(err, strconv.ErrRange):
		return fmt.Sprintf("'%s' is too large or too small", value)
	case errors.As(err, &number):
		return fmt.Sprintf("'%s' is not a whole number", value)
	}
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	return err.Error()
}

// DefaultsIn returns where the defaults come from that a message of this run is about: those
// whose option or file it names. It is "" without any.
func (hs *Homes) DefaultsIn(message string) string {
	var places []string
	for _, d := range hs.applied {
		if (namesOption(message, d.option) || strings.Contains(d.value, "/") && strings.Contains(message, d.value)) && !strings.Contains(message, d.place) {
			places = append(places, fmt.Sprintf("--%s comes from %s", d.option, d.place))
		}
	}
	if len(places) == 0 {
		return ""
	}
	return " (" + strings.Join(slices.Compact(places), ", ") + ")"
}

// namesOption reports whether a message contains the long name of an option.
func namesOption(message, option string) bool {
	for rest := message; ; {
		_, after, ok := strings.Cut(rest, "--"+option)
		if !ok {
			return false
		}
		if after == "" || !strings.ContainsRune("-abcdefghijklmnopqrstuvwxyz0123456789", rune(after[0])) {
			return true
		}
		rest = after
	}
}
