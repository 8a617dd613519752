package ldapcmd

import (
	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/planrun"
)

func newLDAPApply(f *cmdutil.Factory) *cobra.Command {
	o := planrun.New(f, "ldap", "apply")
	cmd := &cobra.Command{
		Use:   "apply PLAN [-H HOST ...] [--dry-run] [--continue]",
		Short: "change the directory by a plan, with the way back on disk first",
		Long: `Changes the entries that a plan names: LDIF of modifications, as 'ldap populate',
'ldap audit --fix-plan' and 'coexist plan' write it, or any other. A plan of ours says for
each entry what must be there before, by the exact bytes. First every entry is read
and compared; nothing is changed while one is not as expected, unless --continue
leaves it out. Then what takes everything back is written to disk, and then the
entries are changed, each guarded by what the server offers: the assertion control, the pre-read
control, or reading before and after.

A run that was stopped is taken up again by the same command: nothing is done twice.
'ldap undo' takes it back, 'ldap runs' lists what was done.

Exits 6 when an entry is not as the plan expects, 4 when --continue left some out, 5
when the server cannot be reached or went away.`,
		Example: `  davadmin ldap apply plan.ldif --dry-run
  davadmin ldap apply plan.ldif -H ldap1 --starttls -D cn=manager --password-file pw
  davadmin ldap apply plan.ldif --continue --reject rejected.ldif --rate 200`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cmdutil.Usagef("name one plan: davadmin ldap apply PLAN")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Options.Check(); err != nil {
				return err
			}
			return o.Run(cmd.Context(), args[0])
		},
	}
	o.Options.Add(cmd)
	return cmd
}
