package cli

import (
	"strings"

	"github.com/spf13/cobra"
)

// ldapCommand is the operation 'ldap': the directory.
func ldapCommand(f *Factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ldap ACTION [OPTIONS]",
		Short:   "audit the directory that the calendar servers share",
		GroupID: groupWork,
		Long: `Works on the directory of the calendar servers: on a live one over LDAP, or on
LDIF that was exported from one. Nothing in it is changed.`,
		Example: `  davadmin ldap audit -H ldap.example.com --starttls -D uid=reader,o=isp --password-file pw
  davadmin ldap audit --ldif export.ldif.gz --cs7-list migrated.txt
  davadmin ldap rules
  davadmin ldap generate --entries 100000 -O rehearsal.ldif --manifest planted.json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseMirrored(cmd); err != nil {
				return err
			}
			return usagef("an action is missing; 'ldap' has: %s", strings.Join(actionsOf(cmd), ", "))
		},
	}
	cmd.AddCommand(ldapAuditCommand(f), ldapRulesCommand(f), ldapPopulateCommand(f), ldapApplyCommand(f), ldapUndoCommand(f), ldapRunsCommand(f), ldapGenerateCommand(f))
	return cmd
}
