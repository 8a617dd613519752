package ldapcmd

import (
	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// newLDAPRules is 'ldap rules'.
func newLDAPRules(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "rules",
		Short: "list the rules of the audit",
		Long: `Lists every rule of 'ldap audit': its severity, what holds when it passes, what
goes wrong otherwise, and what to do. json and csv hold all of it.`,
		Args: cmdutil.NoArguments,
		RunE: func(*cobra.Command, []string) error {
			return f.Reports.PrintRules("davadmin.ldap.rules.1", ldapcheck.Rules())
		},
	}
}
