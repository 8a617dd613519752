package ldapcmd

import (
	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// newLDAPRules returns the action 'ldap rules'.
func newLDAPRules(f *cmdutil.Factory) *cobra.Command {
	o := &cmdutil.HomeOptions{}
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "list the rules of the audit",
		Long: `Lists every rule of 'ldap audit': its severity, the condition that it checks, what goes
wrong otherwise, and what to do. Only json and csv contain all of this.`,
		Args: cmdutil.NoArguments,
		RunE: func(*cobra.Command, []string) error {
			return f.Reports.PrintRules("davadmin.ldap.rules.1", ldapcheck.Rules())
		},
	}
	o.Add(cmd.Flags())
	return cmd
}
