// Package ldapcmd holds the actions of 'ldap': the audit of a directory, plans that give
// entries unique ids, applying and undoing plans, and invented directories.
package ldapcmd

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// NewLDAP is the operation 'ldap': the directory.
func NewLDAP(f *cmdutil.Factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ldap ACTION [OPTIONS]",
		Short:   "audit the directory that the calendar servers share",
		GroupID: cmdutil.GroupWork,
		Long: `Works on the directory of the calendar servers: on a live one over LDAP, or on
LDIF that was exported from one. Nothing in it is changed.`,
		Example: `  davadmin ldap audit -H ldap.example.com --starttls -D uid=reader,o=isp --password-file pw
  davadmin ldap audit --ldif export.ldif.gz --cs7-list migrated.txt
  davadmin ldap rules
  davadmin ldap generate --entries 100000 -O rehearsal.ldif --manifest planted.json`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return cmdutil.Usagef("an action is missing; 'ldap' has: %s", strings.Join(cmdutil.ActionsOf(cmd), ", "))
		},
	}
	cmd.AddCommand(newLDAPAudit(f), newLDAPRules(f), newLDAPPopulate(f), newLDAPApply(f), newLDAPUndo(f), newLDAPRuns(f), newLDAPGenerate(f))
	return cmd
}
