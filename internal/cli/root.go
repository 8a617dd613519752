package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// root makes the command tree. It is made anew for each run, so that runs share
// nothing.
func newRoot(args []string, f *Factory) *cobra.Command {
	root := &cobra.Command{
		Use:   "davadmin OPERATION [ACTION] [OPTIONS]",
		Short: "administer a CalDAV calendar service",
		Long: `davadmin administers a CalDAV calendar service: Oracle Communications Calendar
Server 7 and 8, above all beside an old Calendar Server 6. It works on the files
of a server home, and on the directory; no calendar server needs to run.

An operation without an action runs its action 'list'.`,
		SilenceErrors:         true,
		DisableFlagsInUseLine: true,
		SilenceUsage:          true,
		Args:                  unknownOperation,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if v, _ := cmd.Flags().GetBool("version"); v {
				if err := runVersion(f); err != nil {
					return err
				}
				return errAnswered
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddGroup(&cobra.Group{ID: groupWork, Title: "Operations:"}, &cobra.Group{ID: groupOther, Title: "Others:"})
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpFunc(printHelp)
	root.SetHelpCommand(helpCommand(root))
	root.SetFlagErrorFunc(flagError)
	addGlobals(root, f.Global)
	addOperations(root, args, f)
	root.SuggestionsMinimumDistance = suggestionDistance
	for _, op := range root.Commands() {
		op.SuggestionsMinimumDistance = suggestionDistance
		op.DisableFlagsInUseLine = true
		for _, action := range op.Commands() {
			action.DisableFlagsInUseLine = true
		}
		mirrorOptions(op)
	}
	return root
}

// operation is an operation by its name, and how its command is made.
type operation struct {
	name string
	make func(*Factory) *cobra.Command
}

func operations(root *cobra.Command) []operation {
	return []operation{
		{"init", initCommand}, {"config", configCommand}, {"domainmap", domainmapCommand}, {"ldap", ldapCommand}, {"coexist", coexistCommand},
		{"account", accountCommand}, {"calendar", calendarCommand}, {"backend", backendCommand}, {"db", dbCommand},
		{"ldappool", ldappoolCommand}, {"passfile", passfileCommand}, {"history", historyCommand}, {"version", versionCommand},
		{"completion", func(f *Factory) *cobra.Command { return completionCommand(f, root) }},
	}
}

// addOperations adds the operation that the first word names, and all of them where
// it names none: hundreds of options are made for nothing otherwise, at each run.
func addOperations(root *cobra.Command, args []string, f *Factory) {
	all := operations(root)
	for _, o := range all {
		if len(args) > 0 && args[0] == o.name && o.name != "completion" {
			root.AddCommand(o.make(f))
			return
		}
	}
	for _, o := range all {
		root.AddCommand(o.make(f))
	}
	root.AddCommand(exitCodesTopic())
}

// suggestionDistance is how many letters a mistyped word may be off.
const suggestionDistance = 2

const (
	groupWork  = "work"
	groupOther = "other"
)

func addGlobals(root *cobra.Command, g *Globals) {
	f := root.PersistentFlags()
	f.StringVar(&g.home, "home", "", "server home `DIR` (else DAVADMIN_HOME, 'home' in the clifile, "+defaultHome+")")
	f.StringVar(&g.output, "output", "", "output `FORMAT`: table, plain, json, jsonl or csv; each command says which it can give")
	f.BoolVarP(&g.quiet, "quiet", "q", false, "no notes and warnings; errors only")
	f.BoolVarP(&g.detail, "detail", "e", false, "say more about what is done")
	f.BoolVar(&g.noColor, "no-color", false, "no colour (NO_COLOR does the same)")
	f.BoolVar(&g.yes, "yes", false, "answer yes to every question")
	f.BoolVar(&g.dryRun, "dry-run", false, "show what would be changed and change nothing")
	f.BoolP("help", "h", false, "help")
	f.BoolP("version", "V", false, "the version")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(
		[]string{string(ui.Table), string(ui.Plain), string(ui.JSON), string(ui.JSONL), string(ui.CSV)}, cobra.ShellCompDirectiveNoFileComp))
	_ = root.RegisterFlagCompletionFunc("home", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	})
}

func (o *homeOptions) add(f *pflag.FlagSet) {
	f.StringVarP(&o.clifile, "clifile", "F", "", "`FILE` with defaults for options (else DAVADMIN_CLIFILE, config/davadmin.properties of the home)")
}

const defaultLockTimeout = 30 * time.Second

// lockOptions are the options of every command that changes something.
type lockOptions struct{ timeout time.Duration }

func (o *lockOptions) add(f *pflag.FlagSet) {
	f.DurationVar(&o.timeout, "lock-timeout", defaultLockTimeout, "how long to wait for another run that changes something")
}

func unknownOperation(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef("'%s' is no operation%s; 'davadmin help' lists them", args[0], didYouMean(cmd, args[0]))
}

// noArguments refuses words that no option took.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if args[0] == "help" {
		if err := cmd.Help(); err != nil {
			return err
		}
		return errAnswered
	}
	if cmd.HasSubCommands() {
		return usagef("'%s' is no action of '%s'%s; it has: %s", args[0], cmd.CommandPath(), didYouMean(cmd, args[0]), strings.Join(actionsOf(cmd), ", "))
	}
	return usagef("'%s' is one word too many; a value that holds blanks needs quotes", args[0])
}

func didYouMean(cmd *cobra.Command, word string) string {
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return fmt.Sprintf(" (did you mean '%s'?)", near[0])
	}
	return ""
}

func actionsOf(cmd *cobra.Command) []string {
	var out []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			out = append(out, c.Name())
		}
	}
	return out
}

// flagError words what pflag says about an option.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	var missing *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case asError(err, &invalid):
		// The value stays out: it may be a password.
		text = fmt.Sprintf("option --%s: %s", invalid.GetFlag().Name, invalidValue(invalid))
	case asError(err, &unknown):
		name := unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			text = fmt.Sprintf("there is no option -%s here", name)
		} else {
			text = fmt.Sprintf("there is no option --%s here%s", name, nearestOption(cmd, name))
		}
	case asError(err, &missing):
		text = fmt.Sprintf("option --%s needs a value", missing.GetFlag().Name)
	}
	return usagef("%s; '%s --help' lists the options", text, cmd.CommandPath())
}

// invalidValue words why an option refused its value.
func invalidValue(e *pflag.InvalidValueError) string {
	var number *strconv.NumError
	switch {
	case e.GetFlag().Value.Type() == "duration":
		return fmt.Sprintf("'%s' is not a time such as 30s or 2m", e.GetValue())
	case errors.As(e, &number) && e.GetFlag().Value.Type() == "bool":
		return "it takes no value"
	case errors.Is(e, strconv.ErrRange):
		return fmt.Sprintf("'%s' is a number that is too large or too small", e.GetValue())
	case errors.As(e, &number):
		return fmt.Sprintf("'%s' is not a whole number", e.GetValue())
	}
	return errors.Unwrap(e).Error()
}

func nearestOption(cmd *cobra.Command, name string) string {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near, ok := config.NearestWord(name, names); ok {
		return fmt.Sprintf(" (did you mean --%s?)", near)
	}
	return ""
}

// mirrorOptions makes the options of an operation's actions known, hidden, to
// the operation itself, so that they may stand before the action, and so that
// an option given without its action is met with the action's name.
func mirrorOptions(op *cobra.Command) {
	for _, action := range op.Commands() {
		action.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if op.Flags().Lookup(f.Name) != nil {
				return
			}
			m := *f
			m.Hidden, m.Changed = true, false
			m.Value = &mirrorValue{typ: f.Value.Type()}
			if m.Shorthand != "" && op.Flags().ShorthandLookup(m.Shorthand) != nil {
				m.Shorthand = ""
			}
			op.Flags().AddFlag(&m)
		})
	}
}

// mirrorValue stands in for an option of an action. It remembers the last value
// for the message.
type mirrorValue struct {
	typ  string
	last string
}

func (m *mirrorValue) String() string     { return m.last }
func (m *mirrorValue) Set(v string) error { m.last = v; return nil }
func (m *mirrorValue) Type() string       { return m.typ }
func (m *mirrorValue) IsBoolFlag() bool   { return m.typ == "bool" }

// refuseMirrored ends the run of an operation's default action when an option
// of another action was given.
func refuseMirrored(cmd *cobra.Command) error {
	var foreign *pflag.Flag
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if _, ok := f.Value.(*mirrorValue); ok && foreign == nil {
			foreign = f
		}
	})
	if foreign == nil {
		return nil
	}
	var owners []string
	for _, c := range cmd.Commands() {
		if c.Flags().Lookup(foreign.Name) != nil {
			owners = append(owners, c.Name())
		}
	}
	slices.Sort(owners)
	return usagef("option --%s belongs to the action '%s': davadmin %s %s ...", foreign.Name, strings.Join(owners, "' or '"), cmd.Name(), owners[0])
}

// operationOf returns the operation's name, for the messages.
func operationOf(cmd *cobra.Command) string {
	if cmd == nil {
		return ""
	}
	for cmd.HasParent() && cmd.Parent().HasParent() {
		cmd = cmd.Parent()
	}
	if !cmd.HasParent() {
		return ""
	}
	return cmd.Name()
}
