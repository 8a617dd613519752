package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
)

// helpCommand returns 'help [OPERATION [ACTION]]'.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [OPERATION [ACTION]]",
		Short:   "describe an operation, an action, or the exit codes",
		GroupID: cmdutil.GroupOther,
		RunE: func(help *cobra.Command, args []string) error {
			if help.Flags().Changed("output") {
				return cmdutil.Usagef("help is always text; --output applies to the command itself")
			}
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				word := strings.Join(args, " ")
				if len(rest) > 0 {
					word = rest[0]
				}
				return cmdutil.Usagef("no help on '%s'; 'davadmin help' lists the operations", word)
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

// newCompletion returns 'completion SHELL'.
func newCompletion(f *cmdutil.Factory, root *cobra.Command) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "print the completion script for a shell",
		GroupID:   cmdutil.GroupOther,
		ValidArgs: shells,
		Long: `Prints a script with which a shell completes operations, actions, options,
parameter names and their values. New shells use it.

bash needs the package bash-completion (install it with apt, dnf, yum, zypper or
pkg): without it, the script prints '_get_comp_words_by_ref: command not found'.
zsh needs 'autoload -U compinit; compinit' in ~/.zshrc. fish and PowerShell need
nothing else.`,
		Example: `  davadmin completion bash > /etc/bash_completion.d/davadmin
  davadmin completion bash > ~/.local/share/bash-completion/completions/davadmin
  davadmin completion zsh > "${fpath[1]}/_davadmin"
  davadmin completion fish > ~/.config/fish/completions/davadmin.fish`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cmdutil.Usagef("missing shell (%s)", strings.Join(shells, ", "))
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
			return cmdutil.Usagef("unknown shell '%s' (%s)", args[0], strings.Join(shells, ", "))
		},
	}
}

// newExitCodes returns 'exit-codes', which is a help topic as well.
func newExitCodes(f *cmdutil.Factory) *cobra.Command {
	var b strings.Builder
	b.WriteString("Every davadmin command ends with one of these codes. Treat any other code as a failure.\n\n")
	for _, c := range cmdutil.ExitCodes() {
		fmt.Fprintf(&b, "  %4d  %s\n", c.Code, c.Meaning)
	}
	return &cobra.Command{
		Use:     "exit-codes",
		Short:   "list the exit codes and what they mean",
		GroupID: cmdutil.GroupOther,
		Long:    strings.TrimRight(b.String(), "\n"),
		Example: `  davadmin help exit-codes
  davadmin exit-codes --output json`,
		Args: cmdutil.NoArguments,
		RunE: func(*cobra.Command, []string) error {
			format, err := f.Console.Format(cmdutil.ListFormats()...)
			if err != nil {
				return err
			}
			return exitCodeListing().PrintAll(f.Console, format, cmdutil.ExitCodes())
		},
	}
}

// exitCodeListing describes the listing of exit codes.
func exitCodeListing() cmdutil.List[cmdutil.ExitCode] {
	return cmdutil.List[cmdutil.ExitCode]{
		Schema: "davadmin.exit-codes.1", Member: "codes", Header: []string{"code", "meaning"},
		Columns: []ui.Column{{Title: "code", Key: true, Number: true}, {Title: "meaning"}},
		Record:  func(c cmdutil.ExitCode) []string { return []string{fmt.Sprint(c.Code), c.Meaning} },
	}
}
