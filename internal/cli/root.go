package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/accountcmd"
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/coexistcmd"
	"github.com/davadmin/davadmin/internal/cli/configcmd"
	"github.com/davadmin/davadmin/internal/cli/datacmd"
	"github.com/davadmin/davadmin/internal/cli/ldapcmd"
	"github.com/davadmin/davadmin/internal/cli/secretcmd"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// newRoot returns a new command tree, so that runs share nothing.
func newRoot(args []string, f *cmdutil.Factory) *cobra.Command {
	g := &grammar{hints: f.Hints, args: args}
	root := &cobra.Command{
		Use:   "davadmin OPERATION [ACTION] [OPTIONS]",
		Short: "administer a CalDAV calendar service",
		Long: `davadmin administers Oracle Communications Calendar Server 7 and 8. It edits
the configuration, manages accounts and calendars, and audits and repairs the LDAP
directory. It is built above all for migrations, while Calendar Server 6 is still
running alongside. No calendar server needs to be running: davadmin works on the files of a
server home, on the databases of its back ends, and on the directory.

Only 'ldap apply', 'ldap undo', 'coexist apply' and 'coexist rollback' change the
directory; every other command only reads it.

If you give no action, an operation that has the action 'list' runs it.`,
		SilenceErrors:         true,
		DisableFlagsInUseLine: true,
		SilenceUsage:          true,
		Args:                  unknownOperation,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if v, _ := cmd.Flags().GetBool("version"); v {
				if err := runVersion(f); err != nil {
					return err
				}
				return cmdutil.ErrAnswered
			}
			if err := refuseEmptyOptions(cmd); err != nil {
				return err
			}
			if err := f.Homes.ApplyClifiles(cmd); err != nil {
				return err
			}
			if err := g.refuseLogin(cmd); err != nil {
				return err
			}
			noteLogin(f.Console, cmd)
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddGroup(&cobra.Group{ID: cmdutil.GroupWork, Title: "Operations:"}, &cobra.Group{ID: cmdutil.GroupOther, Title: "Other commands:"})
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
		// A stream that cannot be written reports it at the end of the run.
		_ = printHelp(cmd.OutOrStdout(), f.Console.Streams.Width, cmd)
	})
	root.SetHelpCommand(helpCommand(root))
	g.root = root
	root.SetFlagErrorFunc(g.flagError)
	g.guard(root)
	f.Homes.Commands = func() *cobra.Command {
		return Tree(&Environment{Streams: &ui.Streams{}, Getenv: func(string) string { return "" }})
	}
	addGlobals(root, f.Global)
	addOperations(root, args, f)
	root.SuggestionsMinimumDistance = cmdutil.SuggestionDistance
	for _, op := range root.Commands() {
		prepare(op, g)
	}
	return root
}

// prepare adds to an operation what all of them have.
func prepare(op *cobra.Command, g *grammar) {
	op.SuggestionsMinimumDistance = cmdutil.SuggestionDistance
	op.DisableFlagsInUseLine = true
	for _, action := range op.Commands() {
		action.DisableFlagsInUseLine = true
		if _, ok := wordsOf(op.Name() + " " + action.Name()); ok {
			g.guard(action)
		}
	}
	cmdutil.MirrorOptions(op)
	if op.HasSubCommands() {
		g.guard(op)
	}
	for _, c := range append(op.Commands(), op) {
		if c.Runnable() && op.GroupID == cmdutil.GroupWork {
			addLogin(c, op.Name())
		}
	}
}

// operation is the name of an operation and the constructor of its command.
type operation struct {
	name       string
	newCommand func(*cmdutil.Factory) *cobra.Command
}

// operations returns all operations.
func operations(root *cobra.Command) []operation {
	return []operation{
		{"init", configcmd.NewInit}, {"config", configcmd.NewConfig}, {"domainmap", configcmd.NewDomainmap}, {"ldap", ldapcmd.NewLDAP}, {"coexist", coexistcmd.NewCoexist},
		{"account", accountcmd.NewAccount}, {"calendar", accountcmd.NewCalendar}, {"calcomponent", datacmd.NewCalcomponent}, {"freebusy", datacmd.NewFreebusy}, {"backend", accountcmd.NewBackend}, {"db", accountcmd.NewDB},
		{"ldappool", configcmd.NewLDAPPool}, {"passfile", secretcmd.NewPassfile}, {"history", newHistory}, {"doctor", newDoctor}, {"version", newVersion}, {"exit-codes", newExitCodes},
		{"completion", func(f *cmdutil.Factory) *cobra.Command { return newCompletion(f, root) }},
	}
}

// addOperations adds the operation that the first word names, or all of them if it
// names none. To add all at each run would define hundreds of options in vain.
func addOperations(root *cobra.Command, args []string, f *cmdutil.Factory) {
	all := operations(root)
	for _, o := range all {
		if len(args) > 0 && args[0] == o.name && o.name != "completion" {
			root.AddCommand(o.newCommand(f))
			return
		}
	}
	for _, o := range all {
		root.AddCommand(o.newCommand(f))
	}
}

// addGlobals defines the options with the same meaning in every command.
func addGlobals(root *cobra.Command, g *cmdutil.Globals) {
	f := root.PersistentFlags()
	f.StringVar(&g.Home, "home", "", "server home `DIR` (default: DAVADMIN_HOME, else 'home' in the clifile, else "+cmdutil.DefaultHome+")")
	f.StringVar(&g.Output, "output", "", "output `FORMAT`: table, plain, json, jsonl or csv, if the command supports it (default: table on a terminal, else plain)")
	f.BoolVarP(&g.Quiet, "quiet", "q", false, "print errors only, no notes and no warnings")
	f.BoolVarP(&g.Detail, "detail", "e", false, "print more details")
	f.BoolVar(&g.NoColor, "no-color", false, "print no colours; NO_COLOR does the same")
	f.BoolVar(&g.Yes, "yes", false, "answer yes to every question")
	f.BoolVar(&g.DryRun, "dry-run", false, "show what would change, and change nothing")
	f.BoolP("help", "h", false, "show help")
	f.BoolP("version", "V", false, "show the version")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(
		[]string{string(ui.Table), string(ui.Plain), string(ui.JSON), string(ui.JSONL), string(ui.CSV)}, cobra.ShellCompDirectiveNoFileComp))
	_ = root.RegisterFlagCompletionFunc("home", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	})
}

// restricting are the options that restrict a run to a home, to a part of its data or to
// a number of changes, or demand a proof. Without a value they would restrict nothing.
var restricting = []string{
	"account", "backend", "base", "clifile", "from", "guid", "home", "ldapfilter", "max-changes", "name", "organizer", "prove-as", "text", "to", "type", "uid",
}

// refuseEmptyOptions refuses an empty value of a restricting option, which usually comes
// from a variable of a script that is not set.
func refuseEmptyOptions(cmd *cobra.Command) error {
	for _, name := range restricting {
		f := cmd.Flags().Lookup(name)
		if f == nil || !f.Changed {
			continue
		}
		if _, ordered := f.Value.(*cmdutil.OrderedOption); ordered {
			continue // it does not keep its values
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		if slices.Contains(values, "") {
			return cmdutil.Usagef("option --%s requires a value; '%s --help' lists the options", name, cmd.CommandPath())
		}
	}
	return nil
}

// unknownOperation refuses a first word that is not an operation.
func unknownOperation(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return cmdutil.Usagef("unknown operation '%s'%s; 'davadmin help' lists the operations", args[0], cmdutil.DidYouMean(cmd, args[0]))
}

// flagError turns an error of pflag into a usage error in our own words.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	var missing *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case cmdutil.AsError(err, &invalid):
		// The message of pflag contains the value, which may be a password.
		text = fmt.Sprintf("option --%s: %s", invalid.GetFlag().Name, cmdutil.InvalidOption(invalid))
	case cmdutil.AsError(err, &unknown):
		name := unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			text = fmt.Sprintf("unknown option -%s", name)
		} else {
			text = fmt.Sprintf("unknown option --%s%s", name, nearestOption(cmd, name))
		}
	case cmdutil.AsError(err, &missing):
		if hint, ok := missing.GetFlag().Value.(interface{ Missing() string }); ok {
			return cmdutil.Usagef("%s", hint.Missing())
		}
		text = fmt.Sprintf("option --%s requires a value", missing.GetFlag().Name)
	}
	return cmdutil.Usagef("%s; '%s --help' lists the options", text, cmd.CommandPath())
}

// nearestOption suggests the visible option whose name is most like a mistyped one.
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

// commandOf returns the operation and the action of a command, as in "ldap audit", or "".
func commandOf(cmd *cobra.Command) string {
	if cmd == nil || !cmd.HasParent() {
		return ""
	}
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}

// operationOf returns the name of the operation that a command belongs to, or "".
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
