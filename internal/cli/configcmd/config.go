// Package configcmd holds the commands that work on the configuration of a server home:
// init, config, domainmap and ldappool. They work on the files alone.
package configcmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/config"
)

// NewConfig is the operation 'config'. Without an action it lists.
func NewConfig(f *cmdutil.Factory) *cobra.Command {
	list := &configList{console: f.Console, homeFiles: f.HomeFiles}
	cmd := &cobra.Command{
		Use:     "config [ACTION] [OPTIONS]",
		Short:   "read, change, check and revert the server configuration",
		GroupID: cmdutil.GroupWork,
		Long: `Works on config/davserver.properties of the server home, without a running
server. A change touches the bytes of the changed values alone, keeps the file
as it was under history/, and can be undone with 'config revert'.

Without an action, 'config' is 'config list'.`,
		Example: `  davadmin config
  davadmin config -o davcore.uriinfo.subjectattributes
  davadmin config modify -o davcore.scheduling.localuserattr -v davstore
  davadmin config modify -o davcore.uriinfo.subjectattributes --add davstore
  davadmin config check`,
	}
	// The published guide prints the words of 'config modify -o NAME' in the
	// wrong order, and people paste it: the stray word is looked at in run.
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runConfig(f, cmd, list, args) }
	list.addOptions(cmd)
	cmd.AddCommand(
		newConfigList(f), newConfigModify(f), newConfigDescribe(f), newConfigCheck(f),
		cmdutil.NewFileDiff(f, cmdutil.ConfigKind()), cmdutil.NewFileHistory(f, cmdutil.ConfigKind()), cmdutil.NewFileRevert(f, cmdutil.ConfigKind()),
	)
	return cmd
}

// runConfig is 'config' without an action.
func runConfig(f *cmdutil.Factory, cmd *cobra.Command, list *configList, args []string) error {
	value := ""
	if found := cmd.Flags().Lookup("value"); found != nil && found.Changed {
		value = found.Value.(*cmdutil.MirroredOption).Last
	}
	if len(list.names) == 1 && slices.Contains(cmdutil.ActionsOf(cmd), list.names[0]) {
		return transposed(f, cmd, list, args, value)
	}
	if cmd.Flags().Changed("value") && len(list.names) > 0 {
		return cmdutil.Usagef("-v sets nothing without the action 'modify'; type: %s", modifyLine(f, list.names[len(list.names)-1], value))
	}
	if err := cmdutil.RefuseMirrored(cmd); err != nil {
		return err
	}
	if err := cmdutil.NoArguments(cmd, args); err != nil {
		return err
	}
	return list.run(cmd.Context())
}

// transposed reads 'config -o modify NAME -v VALUE' as the guide means it.
func transposed(f *cmdutil.Factory, cmd *cobra.Command, list *configList, args []string, value string) error {
	action := list.names[0]
	switch {
	case action != "modify" || len(args) == 0 || !cmd.Flags().Changed("value"):
		return cmdutil.Usagef("'%s' is an action, not a parameter; type: davadmin config %s -o NAME ...", action, action)
	case len(args) > 1:
		// The words behind -v that no quotes held together.
		return cmdutil.Usagef("a value that holds blanks needs quotes: %s", modifyLine(f, args[0], strings.Join(append([]string{value}, args[1:]...), " ")))
	}
	m := &configModify{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, journals: f.Journals, HomeOptions: list.HomeOptions}
	m.lock.Timeout = cmdutil.DefaultLockTimeout
	m.edits.Items = []editItem{{Name: args[0], Kind: editSet, Value: value}}
	f.Console.Notef("davadmin: note: read as: %s", modifyLine(f, args[0], value))
	return m.run(cmd.Context())
}

// modifyLine is the command that sets a parameter, for a message. A password
// does not stand in it.
func modifyLine(f *cmdutil.Factory, name, value string) string {
	r, err := config.NewRegistry()
	if err != nil || r.Secret(name) {
		return f.Hints.Line("config", "modify", "-o", name, "--value-file", "FILE")
	}
	return f.Hints.Line("config", "modify", "-o", name, "-v", r.Mask(name, value))
}
