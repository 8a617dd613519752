package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpTemplate is what 'help' prints of every command.
const helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}Usage:
  {{.UseLine}}
{{if .HasExample}}
Examples:
{{.Example}}
{{end}}{{if .HasAvailableSubCommands}}{{$cmd := .}}{{if .HasParent}}
Actions:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}
{{else}}{{range $group := .Groups}}
{{.Title}}{{range $cmd.Commands}}{{if and (eq .GroupID $group.ID) (or .IsAvailableCommand .IsAdditionalHelpTopicCommand)}}
  {{rpad .Name $cmd.NamePadding}}  {{.Short}}{{end}}{{end}}
{{end}}{{end}}{{end}}{{if .HasAvailableLocalFlags}}
Options:
{{.LocalFlags.FlagUsagesWrapped 110 | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableInheritedFlags}}
Options that mean the same everywhere:
{{.InheritedFlags.FlagUsagesWrapped 110 | trimTrailingWhitespaces}}
{{end}}{{if .HasAvailableSubCommands}}
'{{.CommandPath}} {{if .HasParent}}ACTION --help{{else}}help OPERATION{{end}}' tells more.
{{end}}{{end}}`

// helpCommand is 'help [OPERATION [ACTION]]'.
func (a *App) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:     "help [OPERATION [ACTION]]",
		Short:   "explain an operation, an action, or 'exit-codes'",
		GroupID: groupOther,
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				word := strings.Join(args, " ")
				if len(rest) > 0 {
					word = rest[0]
				}
				return usagef("there is no help on '%s'; 'davadmin help' lists what there is", word)
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

// completionCommand is 'completion SHELL'.
func (a *App) completionCommand(root *cobra.Command) *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:       "completion bash|zsh|fish|powershell",
		Short:     "print the completion script of a shell",
		GroupID:   groupOther,
		ValidArgs: shells,
		Long: `Prints a script that teaches a shell to complete operations, actions, options,
parameter names and their values.`,
		Example: `  davadmin completion bash > /etc/bash_completion.d/davadmin
  davadmin completion zsh > "${fpath[1]}/_davadmin"
  davadmin completion fish > ~/.config/fish/completions/davadmin.fish`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("which shell? One of %s", strings.Join(shells, ", "))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			out := a.Streams.Out
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
			return usagef("'%s' is no shell that can be served; there are %s", args[0], strings.Join(shells, ", "))
		},
	}
}

// exitCodesTopic is 'help exit-codes'.
func exitCodesTopic() *cobra.Command {
	var b strings.Builder
	b.WriteString("Every davadmin command ends with one of these codes. A code that is not listed\nmust be read as failure.\n\n")
	for _, c := range exitCodes() {
		text := wrap(c.Meaning, 70)
		fmt.Fprintf(&b, "  %4d  %s\n", c.Code, strings.ReplaceAll(text, "\n", "\n        "))
	}
	return &cobra.Command{
		Use:     "exit-codes",
		Short:   "what the exit codes mean",
		GroupID: groupOther,
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
