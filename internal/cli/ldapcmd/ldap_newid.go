package ldapcmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// idFormat returns the format of new unique ids that an option names.
func idFormat(option string) (ldapchange.IDFormat, error) {
	format := ldapchange.IDFormat(option)
	if format != ldapchange.FormatNSUniqueID && format != ldapchange.FormatUUID {
		return "", cmdutil.Usagef("--format: '%s' is not a valid format (8-8-8-8, uuid)", option)
	}
	return format, nil
}

// ldapNewID is the action 'ldap newid'.
type ldapNewID struct {
	console *cmdutil.Console
	cmdutil.HomeOptions
	form string
}

func newLDAPNewID(f *cmdutil.Factory) *cobra.Command {
	o := &ldapNewID{console: f.Console}
	cmd := &cobra.Command{
		Use:   "newid [--format FORMAT]",
		Short: "print a new unique id",
		Long: `Prints a new random unique id. The fixes of 'ldap audit' for single entries use it; for all
entries without a unique id, use 'ldap populate'. No directory is read.`,
		Example: `  davadmin ldap newid
  davadmin ldap newid --format uuid`,
		Args: cmdutil.NoArguments,
		RunE: func(*cobra.Command, []string) error { return o.run() },
	}
	cmd.Flags().StringVar(&o.form, "format", string(ldapchange.FormatNSUniqueID), "format of the id: 8-8-8-8 (as in nsUniqueId) or uuid")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{string(ldapchange.FormatNSUniqueID), string(ldapchange.FormatUUID)}, cobra.ShellCompDirectiveNoFileComp))
	o.HomeOptions.Add(cmd.Flags())
	return cmd
}

func (o *ldapNewID) run() error {
	if _, err := o.console.Format(ui.Plain, ui.Table); err != nil {
		return err
	}
	format, err := idFormat(o.form)
	if err != nil {
		return err
	}
	id, err := ldapchange.NewID(format)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(o.console.Streams.Out, id)
	return err
}
