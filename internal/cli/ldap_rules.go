package cli

import (
	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// ldapRulesCommand is 'ldap rules'.
func ldapRulesCommand(f *Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "rules",
		Short: "list the rules of the audit",
		Long: `Lists every rule of 'ldap audit': its severity, what holds when it passes, what
goes wrong otherwise, and what to do. json and csv hold all of it.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error {
			return f.Reports.PrintRules("davadmin.ldap.rules.1", ldapcheck.Rules())
		},
	}
}
