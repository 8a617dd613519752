package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// helpWidth is the width to which the descriptions of options are wrapped.
const helpWidth = 110

// printHelp prints what there is to say about a command. It is code and not a
// template: with text/template the linker must keep every exported method, which
// makes the program a third larger.
func printHelp(cmd *cobra.Command, _ []string) {
	var b strings.Builder
	text := cmd.Long
	if text == "" {
		text = cmd.Short
	}
	fmt.Fprintf(&b, "%s\n", strings.TrimSpace(text))
	if cmd.Runnable() || cmd.HasSubCommands() {
		fmt.Fprintf(&b, "\nUsage:\n  %s\n", cmd.UseLine())
		if cmd.HasExample() {
			fmt.Fprintf(&b, "\nExamples:\n%s\n", cmd.Example)
		}
		printSubcommands(&b, cmd)
		printOptions(&b, "Options", cmd.LocalFlags())
		printOptions(&b, "Options that mean the same everywhere", cmd.InheritedFlags())
		switch {
		case !cmd.HasAvailableSubCommands():
		case cmd.HasParent():
			fmt.Fprintf(&b, "\n'%s ACTION --help' tells more.\n", cmd.CommandPath())
		default:
			fmt.Fprintf(&b, "\n'%s help OPERATION' tells more.\n", cmd.CommandPath())
		}
	}
	fmt.Fprint(cmd.OutOrStdout(), b.String())
}

func printSubcommands(b *strings.Builder, cmd *cobra.Command) {
	list := func(title string, want func(*cobra.Command) bool) {
		fmt.Fprintf(b, "\n%s\n", title)
		for _, c := range cmd.Commands() {
			if want(c) {
				fmt.Fprintf(b, "  %-*s  %s\n", c.NamePadding(), c.Name(), c.Short)
			}
		}
	}
	if cmd.HasParent() {
		if cmd.HasAvailableSubCommands() {
			list("Actions:", (*cobra.Command).IsAvailableCommand)
		}
		return
	}
	for _, g := range cmd.Groups() {
		list(g.Title, func(c *cobra.Command) bool {
			return c.GroupID == g.ID && (c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand())
		})
	}
}

func printOptions(b *strings.Builder, title string, f *pflag.FlagSet) {
	if f.HasAvailableFlags() {
		fmt.Fprintf(b, "\n%s:\n%s\n", title, strings.TrimRight(f.FlagUsagesWrapped(helpWidth), "\n"))
	}
}

// helpCommand is 'help [OPERATION [ACTION]]'.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [OPERATION [ACTION]]",
		Short:   "explain an operation, an action, or 'exit-codes'",
		GroupID: cmdutil.GroupOther,
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				word := strings.Join(args, " ")
				if len(rest) > 0 {
					word = rest[0]
				}
				return cmdutil.Usagef("there is no help on '%s'; 'davadmin help' lists what there is", word)
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			cmd, _, err := root.Find(args)
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var out []string
			for _, c := range cmd.Commands() {
				if strings.HasPrefix(c.Name(), typed) && (c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand()) {
					out = append(out, c.Name()+"\t"+c.Short)
				}
			}
			return out, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// newCompletion is 'completion SHELL'.
func newCompletion(f *cmdutil.Factory, root *cobra.Command) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "print the completion script of a shell",
		GroupID:   cmdutil.GroupOther,
		ValidArgs: shells,
		Long: `Prints a script that teaches a shell to complete operations, actions, options,
parameter names and their values.`,
		Example: `  davadmin completion bash > /etc/bash_completion.d/davadmin
  davadmin completion zsh > "${fpath[1]}/_davadmin"
  davadmin completion fish > ~/.config/fish/completions/davadmin.fish`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cmdutil.Usagef("which shell? One of %s", strings.Join(shells, ", "))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			out := f.Console.Streams.Out
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(out, true)
			case "zsh":
				return root.GenZshCompletion(out)
			case "fish":
				return root.GenFishCompletion(out, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(out)
			}
			return cmdutil.Usagef("'%s' is no shell that can be served; there are %s", args[0], strings.Join(shells, ", "))
		},
	}
}

// exitCodesTopic is 'help exit-codes'.
func exitCodesTopic() *cobra.Command {
	var b strings.Builder
	b.WriteString("Every davadmin command ends with one of these codes. A code that is not listed\nmust be read as failure.\n\n")
	for _, c := range cmdutil.ExitCodes() {
		text := wrap(c.Meaning, 70)
		fmt.Fprintf(&b, "  %4d  %s\n", c.Code, strings.ReplaceAll(text, "\n", "\n        "))
	}
	return &cobra.Command{
		Use:     "exit-codes",
		Short:   "what the exit codes mean",
		GroupID: cmdutil.GroupOther,
		Long:    strings.TrimRight(b.String(), "\n"),
	}
}

// wrap breaks text into lines of at most width bytes where it has blanks.
func wrap(text string, width int) string {
	var b strings.Builder
	col := 0
	for i, w := range strings.Fields(text) {
		switch {
		case i == 0:
		case col+1+len(w) > width:
			b.WriteByte('\n')
			col = 0
		default:
			b.WriteByte(' ')
			col++
		}
		b.WriteString(w)
		col += len(w)
	}
	return b.String()
}
