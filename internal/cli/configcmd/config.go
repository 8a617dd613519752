// Package configcmd contains the commands for the configuration of a server home: init,
// config, domainmap and ldappool. They read and write files only; no server needs to run.
package configcmd

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/config"
)

// NewConfig returns the operation 'config'. Without an action it lists.
func NewConfig(f *cmdutil.Factory) *cobra.Command {
	list := &configList{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles}
	cmd := &cobra.Command{
		Use:     "config [ACTION] [OPTIONS]",
		Short:   "read, change, check and revert the server configuration",
		GroupID: cmdutil.GroupWork,
		Long: `Reads and edits config/davserver.properties in the server home. The server
does not need to be running. A change affects only the bytes of the changed values, saves the previous
version of the file in history/, and can be undone with 'config revert'.

Without an action, 'config' is 'config list'.`,
		Example: `  davadmin config
  davadmin config -o davcore.uriinfo.subjectattributes
  davadmin config modify -o davcore.scheduling.localuserattr -v davstore
  davadmin config modify -o davcore.uriinfo.subjectattributes --add davstore
  davadmin config check`,
	}
	// The published guide prints the words of 'config modify -o NAME' in the wrong order,
	// and people paste it: runConfig handles the extra argument.
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return runConfig(f, cmd, list, args) }
	list.addOptions(cmd)
	cmd.AddCommand(
		newConfigList(f), newConfigModify(f), newConfigDescribe(f), newConfigCheck(f), cmdutil.NewRules(f, "davadmin.config.rules.1", "config check", configRules), newConfigClifile(f),
		cmdutil.NewFileDiff(f, cmdutil.ConfigKind()), cmdutil.NewFileHistory(f, cmdutil.ConfigKind()), cmdutil.NewFileRevert(f, cmdutil.ConfigKind()),
	)
	return cmd
}

// runConfig runs 'config' without an action.
func runConfig(f *cmdutil.Factory, cmd *cobra.Command, list *configList, args []string) error {
	value := ""
	if found := cmd.Flags().Lookup("value"); found != nil && found.Changed {
		value = found.Value.(*cmdutil.MirroredOption).Last
	}
	if len(list.names) == 1 && slices.Contains(cmdutil.ActionsOf(cmd), list.names[0]) {
		return transposed(f, cmd, list, args, value)
	}
	if cmd.Flags().Changed("value") && len(list.names) > 0 {
		return cmdutil.Usagef("-v requires the action 'modify'; use: %s", modifyLine(f, list.names[len(list.names)-1], value))
	}
	if err := cmdutil.RefuseMirrored(cmd); err != nil {
		return err
	}
	if err := cmdutil.NoArguments(cmd, args); err != nil {
		return err
	}
	return list.run(cmd.Context())
}

// transposed runs 'config -o modify NAME -v VALUE' as 'config modify -o NAME -v VALUE'.
func transposed(f *cmdutil.Factory, cmd *cobra.Command, list *configList, args []string, value string) error {
	action := list.names[0]
	switch {
	case action != "modify" || len(args) == 0 || !cmd.Flags().Changed("value"):
		return cmdutil.Usagef("'%s' is an action, not a parameter; use: %s", action, f.Hints.Line("config", action, "-o", "NAME"))
	case len(args) > 1:
		// The words of a value without quotes.
		return cmdutil.Usagef("quote values that contain spaces: %s", modifyLine(f, args[0], strings.Join(append([]string{value}, args[1:]...), " ")))
	}
	m := &configModify{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, HomeOptions: list.HomeOptions}
	m.lock.Timeout = cmdutil.DefaultLockTimeout
	m.edits.Items = []editItem{{Name: args[0], Kind: editSet, Value: value}}
	f.Console.Notef("davadmin: note: interpreted as: %s", modifyLine(f, args[0], value))
	return m.run(cmd.Context())
}

// modifyLine returns the command that sets a parameter, for a message. It contains no
// password.
func modifyLine(f *cmdutil.Factory, name, value string) string {
	r, err := config.NewRegistry()
	if err != nil || r.Secret(name) {
		return f.Hints.Line("config", "modify", "-o", name, "--value-file", "FILE")
	}
	return f.Hints.Line("config", "modify", "-o", name, "-v", r.Mask(name, value))
}
