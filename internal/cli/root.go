package cli

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/accountcmd"
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/coexistcmd"
	"github.com/davadmin/davadmin/internal/cli/configcmd"
	"github.com/davadmin/davadmin/internal/cli/historycmd"
	"github.com/davadmin/davadmin/internal/cli/ldapcmd"
	"github.com/davadmin/davadmin/internal/cli/secretcmd"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// newRoot makes the command tree. It is made anew for each run, so that runs share
// nothing.
func newRoot(args []string, f *cmdutil.Factory) *cobra.Command {
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
				return cmdutil.ErrAnswered
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddGroup(&cobra.Group{ID: cmdutil.GroupWork, Title: "Operations:"}, &cobra.Group{ID: cmdutil.GroupOther, Title: "Others:"})
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpFunc(printHelp)
	root.SetHelpCommand(helpCommand(root))
	root.SetFlagErrorFunc(flagError)
	addGlobals(root, f.Global)
	addOperations(root, args, f)
	root.SuggestionsMinimumDistance = cmdutil.SuggestionDistance
	for _, op := range root.Commands() {
		op.SuggestionsMinimumDistance = cmdutil.SuggestionDistance
		op.DisableFlagsInUseLine = true
		for _, action := range op.Commands() {
			action.DisableFlagsInUseLine = true
		}
		cmdutil.MirrorOptions(op)
	}
	return root
}

// operation is an operation by its name, and how its command is made.
type operation struct {
	name string
	make func(*cmdutil.Factory) *cobra.Command
}

func operations(root *cobra.Command) []operation {
	return []operation{
		{"init", configcmd.NewInit}, {"config", configcmd.NewConfig}, {"domainmap", configcmd.NewDomainmap}, {"ldap", ldapcmd.NewLDAP}, {"coexist", coexistcmd.NewCoexist},
		{"account", accountcmd.NewAccount}, {"calendar", accountcmd.NewCalendar}, {"backend", accountcmd.NewBackend}, {"db", accountcmd.NewDB},
		{"ldappool", configcmd.NewLDAPPool}, {"passfile", secretcmd.NewPassfile}, {"history", historycmd.NewHistory}, {"version", newVersion},
		{"completion", func(f *cmdutil.Factory) *cobra.Command { return newCompletion(f, root) }},
	}
}

// addOperations adds the operation that the first word names, and all of them where
// it names none: hundreds of options are made for nothing otherwise, at each run.
func addOperations(root *cobra.Command, args []string, f *cmdutil.Factory) {
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

func addGlobals(root *cobra.Command, g *cmdutil.Globals) {
	f := root.PersistentFlags()
	f.StringVar(&g.Home, "home", "", "server home `DIR` (else DAVADMIN_HOME, 'home' in the clifile, "+cmdutil.DefaultHome+")")
	f.StringVar(&g.Output, "output", "", "output `FORMAT`: table, plain, json, jsonl or csv; each command says which it can give")
	f.BoolVarP(&g.Quiet, "quiet", "q", false, "no notes and warnings; errors only")
	f.BoolVarP(&g.Detail, "detail", "e", false, "say more about what is done")
	f.BoolVar(&g.NoColor, "no-color", false, "no colour (NO_COLOR does the same)")
	f.BoolVar(&g.Yes, "yes", false, "answer yes to every question")
	f.BoolVar(&g.DryRun, "dry-run", false, "show what would be changed and change nothing")
	f.BoolP("help", "h", false, "help")
	f.BoolP("version", "V", false, "the version")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(
		[]string{string(ui.Table), string(ui.Plain), string(ui.JSON), string(ui.JSONL), string(ui.CSV)}, cobra.ShellCompDirectiveNoFileComp))
	_ = root.RegisterFlagCompletionFunc("home", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	})
}

func unknownOperation(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return cmdutil.Usagef("'%s' is no operation%s; 'davadmin help' lists them", args[0], cmdutil.DidYouMean(cmd, args[0]))
}

// flagError words what pflag says about an option.
func flagError(cmd *cobra.Command, err error) error {
	text := err.Error()
	var missing *pflag.ValueRequiredError
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case cmdutil.AsError(err, &invalid):
		// The value stays out: it may be a password.
		text = fmt.Sprintf("option --%s: %s", invalid.GetFlag().Name, invalidValue(invalid))
	case cmdutil.AsError(err, &unknown):
		name := unknown.GetSpecifiedName()
		if short := unknown.GetSpecifiedShortnames(); short != "" {
			text = fmt.Sprintf("there is no option -%s here", name)
		} else {
			text = fmt.Sprintf("there is no option --%s here%s", name, nearestOption(cmd, name))
		}
	case cmdutil.AsError(err, &missing):
		text = fmt.Sprintf("option --%s needs a value", missing.GetFlag().Name)
	}
	return cmdutil.Usagef("%s; '%s --help' lists the options", text, cmd.CommandPath())
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
