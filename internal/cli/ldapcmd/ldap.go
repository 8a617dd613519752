// Package ldapcmd implements the actions of 'ldap': auditing a directory, planning unique ids
// for its entries, applying and undoing plans, and generating directories for rehearsals.
package ldapcmd

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
	"github.com/davadmin/davadmin/pkg/ldapsite"
)

// NewLDAP returns the operation 'ldap'.
func NewLDAP(f *cmdutil.Factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ldap ACTION [OPTIONS]",
		Short:   "audit the directory that the calendar servers share, and change it by plans",
		GroupID: cmdutil.GroupWork,
		Long: `Audits and repairs the directory of the calendar servers. Reads a live directory over
LDAP, or LDIF exported from one. Only 'apply' and 'undo' change the directory.`,
		Example: `  davadmin ldap test -H ldap.example.com --starttls --ca-file ca.pem -D uid=reader,o=isp --password-file pw
  davadmin ldap audit -H ldap.example.com --starttls --ca-file ca.pem -D uid=reader,o=isp --password-file pw
  davadmin ldap audit --ldif export.ldif.gz --cs7-list migrated.txt
  davadmin ldap rules
  davadmin ldap generate --entries 100000 -O rehearsal.ldif --manifest planted.json`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return cmdutil.Usagef("missing action; actions: %s", strings.Join(cmdutil.ActionsOf(cmd), ", "))
		},
	}
	cmd.AddCommand(newLDAPTest(f), newLDAPAudit(f), newLDAPRules(f), newLDAPPopulate(f), newLDAPNewID(f), newLDAPApply(f),
		newLDAPUndo(f), newLDAPRuns(f), newLDAPGenerate(f))
	return cmd
}

// newLDAPRules returns the action 'rules', which lists the rules of 'ldap audit' or of
// 'ldap test'.
func newLDAPRules(f *cmdutil.Factory) *cobra.Command {
	const schema = "davadmin.ldap.rules.1"
	test := false
	cmd := cmdutil.NewRules(f, schema, "ldap audit", ldapcheck.Rules)
	cmd.Flags().BoolVar(&test, "test", false, "list the rules of 'ldap test' instead")
	audit := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if test {
			return f.Reports.PrintRules(schema, ldapsite.Rules())
		}
		return audit(cmd, args)
	}
	return cmd
}
