package ldapcmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/planrun"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

func newLDAPUndo(f *cmdutil.Factory) *cobra.Command {
	o := planrun.New(f, "ldap", "undo")
	cmd := &cobra.Command{
		Use:   "undo RUN [-H HOST ...] [--dry-run] [--continue]",
		Short: "undo what a run changed",
		Long: `Applies the undo file of a run, which was written before the run changed anything: the
previous values are restored byte for byte, from the last change to the first. Entries are
compared and protected as in 'ldap apply': an entry that was changed since is a conflict.
Undoing is a run of its own, and can be undone as well.`,
		Example: `  davadmin ldap undo 12 --dry-run
  davadmin ldap undo 12
  davadmin ldap undo 12 --continue`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cmdutil.Usagef("exactly one run is required: %s; '%s' lists the runs", f.Hints.Line("ldap", "undo", "RUN"), f.Hints.Line("ldap", "runs"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.Options.Check(); err != nil {
				return err
			}
			return o.Undo(cmd.Context(), args[0])
		},
	}
	o.Options.Add(cmd)
	return cmd
}

// ldapRuns is the action 'ldap runs'.
type ldapRuns struct {
	console *cmdutil.Console
	runner  *planrun.Runner
}

func newLDAPRuns(f *cmdutil.Factory) *cobra.Command {
	o := &ldapRuns{console: f.Console, runner: planrun.New(f, "ldap", "runs")}
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "list the changes to the directory, the latest first",
		Long: `Lists the runs of 'ldap apply', 'ldap undo', 'coexist apply' and 'coexist rollback' in a
home, and how far each of them got. No server is contacted. 'ldap undo RUN' undoes a run.`,
		Example: `  davadmin ldap runs
  davadmin ldap runs --output json`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.runner.Runs, "runs", "", "`DIR` with the journal and the undo files (default: history/ of the home)")
	o.runner.HomeOptions.Add(flags)
	return cmd
}

func (o *ldapRuns) run(_ context.Context) error {
	format, err := o.console.Format(cmdutil.ListFormats()...)
	if err != nil {
		return err
	}
	all, err := o.runner.List()
	if err != nil {
		return err
	}
	return runListing().PrintAll(o.console, format, all)
}

// runListing describes the listing of runs.
func runListing() cmdutil.List[ldapchange.Info] {
	columns := []ui.Column{
		{Title: "run", Key: true, Number: true}, {Title: "started", Priority: 3}, {Title: "state", Priority: 6},
		{Title: "changed", Number: true, Priority: 6}, {Title: "to change", Number: true, Priority: 5},
		{Title: "already done", Number: true, Priority: 1}, {Title: "conflicts", Number: true, Priority: 2},
		{Title: "refused", Number: true, Priority: 2}, {Title: "undoes", Number: true, Priority: 4}, {Title: "server"}, {Title: "plan", Priority: 1},
	}
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.Title
	}
	return cmdutil.List[ldapchange.Info]{Schema: "davadmin.ldap.runs.1", Member: "runs", Header: header, Columns: columns, Record: runCells, None: "no runs: nothing in the directory was changed from here"}
}

// runCells returns the cells of the columns of runListing.
func runCells(r ldapchange.Info) []string {
	undoes := ""
	if r.Undoes > 0 {
		undoes = fmt.Sprint(r.Undoes)
	}
	return []string{
		fmt.Sprint(r.ID), r.Started.Format("2006-01-02T15:04:05Z"), string(r.State), fmt.Sprint(r.Changed), fmt.Sprint(r.ToChange),
		fmt.Sprint(r.Already), fmt.Sprint(r.Conflicts), fmt.Sprint(r.Failed), undoes, r.Server, r.Plan,
	}
}
