// Package coexistcmd implements the actions of 'coexist': checking how Calendar Server 6 and a
// new server share one directory, and moving users in waves.
package coexistcmd

import (
	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/coexist"
)

// NewCoexist returns the operation 'coexist'. Without an action it runs 'coexist list'.
func NewCoexist(f *cmdutil.Factory) *cobra.Command {
	o := &coexistList{coexistPeople: newPeople(f)}
	cmd := &cobra.Command{
		Use:     "coexist [ACTION] [OPTIONS]",
		Short:   "run Calendar Server 6 and a new server on one directory, and move users in waves",
		GroupID: cmdutil.GroupWork,
		Long: `For deployments in which Calendar Server 6 (the old server) and a new server share one
directory, and each hosts some of the users. Only 'apply' and 'rollback' change
the directory.

Without an action, 'coexist' is 'coexist list'.`,
		Example: `  davadmin coexist check --ics-conf ics.conf --cs6-list cscal-list.txt --cs7-list migrated.txt
  davadmin coexist status --cs6-list cscal-list.txt
  davadmin coexist list --side both --cs6-list cscal-list.txt
  davadmin coexist explain -a jdoe@example.com --from boss@example.com --ics-conf ics.conf`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			if err := o.Check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addOptions(cmd)
	cmd.AddCommand(newCoexistStatus(f), newCoexistList(f), newCoexistCheck(f), cmdutil.NewRules(f, "davadmin.coexist.rules.1", "coexist check", coexist.Rules), newCoexistExplain(f),
		newCoexistWaves(f), newCoexistPlan(f), newCoexistApply(f), newCoexistVerify(f), newCoexistRollback(f))
	return cmd
}
