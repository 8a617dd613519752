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
		Short: "apply a plan to the directory, after writing an undo file",
		Long: `Changes the entries that a plan lists. A plan is LDIF with modifications, written by
'ldap populate', 'ldap audit --fix-plan' or 'coexist plan', or by another tool. Plans
written by davadmin state the exact values that each entry must have before the change.

First, every entry is read and compared with the plan. If one of them conflicts,
nothing is changed; with --continue, such entries are skipped. Next, the undo file is
written to disk. Only then are the entries changed, each protected by what the server
offers: the assertion control, the pre-read control, or reading before and after.

If the bind DN has no right to make a change, the run ends at once; with --continue, after
100 such entries if it could not change any, because rights can differ between subtrees.
To resume a run that was stopped, run the same command again: nothing is done twice.
'ldap undo' undoes a run, and 'ldap runs' lists the runs. With -e, each entry is listed,
also by --dry-run.

Exit codes: 6 if an entry conflicts with the plan, 4 if --continue skipped entries, 5
if the server cannot be reached or stopped responding, 1 if rights are missing.`,
		Example: `  davadmin ldap apply plan.ldif --dry-run
  davadmin ldap apply plan.ldif -H ldap1 --starttls -D cn=manager --password-file pw
  davadmin ldap apply plan.ldif --continue --reject rejected.ldif --rate 200`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cmdutil.Usagef("exactly one plan is required: %s", f.Hints.Line("ldap", "apply", "PLAN"))
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
