// Package coexistcmd holds the actions of 'coexist': how an old Calendar Server 6 and a new
// server share one directory, and how people are moved in waves.
package coexistcmd

import (
	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// NewCoexist is the operation 'coexist': two calendar servers over one
// directory. Without an action it lists.
func NewCoexist(f *cmdutil.Factory) *cobra.Command {
	o := &coexistList{coexistPeople: coexistPeople{console: f.Console, directories: f.Directories, hints: f.Hints, homeFiles: f.HomeFiles, hook: f.Hook, journals: f.Journals, now: f.Now, reports: f.Reports, stores: f.Stores}}
	cmd := &cobra.Command{
		Use:     "coexist [ACTION] [OPTIONS]",
		Short:   "an old Calendar Server 6 beside a new server over one directory",
		GroupID: cmdutil.GroupWork,
		Long: `Works on a deployment in which an old Calendar Server 6 and a new server share
one directory: part of the people have their calendars on each. Nothing is changed.

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
	cmd.AddCommand(newCoexistStatus(f), newCoexistList(f), newCoexistCheck(f), newCoexistExplain(f),
		newCoexistPlan(f), newCoexistApply(f), newCoexistVerify(f), newCoexistRollback(f))
	return cmd
}
