package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/pkg/config"
)

// configCommand is the operation 'config'. Without an action it lists.
func configCommand(f *Factory) *cobra.Command {
	list := &configList{console: f.Console, homeFiles: f.HomeFiles}
	cmd := &cobra.Command{
		Use:     "config [ACTION] [OPTIONS]",
		Short:   "read, change, check and revert the server configuration",
		GroupID: groupWork,
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
		configListCommand(f), configModifyCommand(f), configDescribeCommand(f), configCheckCommand(f),
		diffCommand(f, configKind()), fileHistoryCommand(f, configKind()), revertCommand(f, configKind()),
	)
	return cmd
}

// runConfig is 'config' without an action.
func runConfig(f *Factory, cmd *cobra.Command, list *configList, args []string) error {
	value := ""
	if found := cmd.Flags().Lookup("value"); found != nil && found.Changed {
		value = found.Value.(*mirrorValue).last
	}
	if len(list.names) == 1 && slices.Contains(actionsOf(cmd), list.names[0]) {
		return transposed(f, cmd, list, args, value)
	}
	if cmd.Flags().Changed("value") && len(list.names) > 0 {
		return usagef("-v sets nothing without the action 'modify'; type: %s", modifyLine(f, list.names[len(list.names)-1], value))
	}
	if err := refuseMirrored(cmd); err != nil {
		return err
	}
	if err := noArguments(cmd, args); err != nil {
		return err
	}
	return list.run(cmd.Context())
}

// transposed reads 'config -o modify NAME -v VALUE' as the guide means it.
func transposed(f *Factory, cmd *cobra.Command, list *configList, args []string, value string) error {
	action := list.names[0]
	switch {
	case action != "modify" || len(args) == 0 || !cmd.Flags().Changed("value"):
		return usagef("'%s' is an action, not a parameter; type: davadmin config %s -o NAME ...", action, action)
	case len(args) > 1:
		// The words behind -v that no quotes held together.
		return usagef("a value that holds blanks needs quotes: %s", modifyLine(f, args[0], strings.Join(append([]string{value}, args[1:]...), " ")))
	}
	m := &configModify{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, journals: f.Journals, homeOptions: list.homeOptions}
	m.lock.timeout = defaultLockTimeout
	m.edits.items = []editItem{{name: args[0], kind: editSet, value: value}}
	f.Console.Notef("davadmin: note: read as: %s", modifyLine(f, args[0], value))
	return m.run(cmd.Context())
}

// modifyLine is the command that sets a parameter, for a message. A password
// does not stand in it.
func modifyLine(f *Factory, name, value string) string {
	r, err := config.NewRegistry()
	if err != nil || r.Secret(name) {
		return f.Hints.WithHome(fmt.Sprintf("davadmin config modify -o %s --value-file FILE", Quote(name)))
	}
	return f.Hints.WithHome(fmt.Sprintf("davadmin config modify -o %s -v %s", Quote(name), Quote(r.Mask(name, value))))
}

// openConfig finds the configuration of a home.
func (hf *HomeFiles) OpenConfig(o *homeOptions, lock lockOptions) (*subject, error) {
	return hf.Open(configKind(), o, lock)
}
