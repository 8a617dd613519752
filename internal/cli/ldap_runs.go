package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

func ldapUndoCommand(f *Factory) *cobra.Command {
	o := &ldapApply{console: f.Console, directories: f.Directories, global: f.Global, hints: f.Hints, homeFiles: f.HomeFiles, homes: f.Homes, hook: f.Hook, journals: f.Journals, now: f.Now, reports: f.Reports, stores: f.Stores, operation: "ldap undo", schema: "davadmin.ldap.undo.1"}
	cmd := &cobra.Command{
		Use:   "undo RUN [-H HOST ...] [--dry-run] [--continue]",
		Short: "take back what a run changed",
		Long: `Applies what was written to disk before a run changed anything: each value that was there is given
back, by its bytes, from the last change to the first. Entries are compared and guarded as
by 'ldap apply': one that was changed since is a conflict. Taking back is a run of its own,
and can be taken back as well.`,
		Example: `  davadmin ldap undo 12 --dry-run
  davadmin ldap undo 12
  davadmin ldap undo 12 --continue`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one run: davadmin ldap undo RUN; 'davadmin ldap runs' lists them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.applyOptions.check(); err != nil {
				return err
			}
			return o.undo(cmd.Context(), args[0])
		},
	}
	o.applyOptions.add(cmd)
	return cmd
}

// undo applies the way back of a run.
func (o *ldapApply) undo(ctx context.Context, arg string) error {
	var err error
	if o.format, err = o.console.Format(ui.Plain, ui.Table, ui.JSON); err != nil {
		return err
	}
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return usagef("'%s' is not the number of a run; 'davadmin ldap runs' lists them", arg)
	}
	at, err := o.findPlace()
	if err != nil {
		return err
	}
	info, err := at.runs.Load(id)
	switch {
	case errors.Is(err, ldapchange.ErrNoRun):
		return usagef("%v; 'davadmin ldap runs' lists them", err)
	case err != nil:
		return err
	case info.State == ldapchange.Ready:
		return usagef("run %d was stopped before it changed anything", id)
	}
	plan, err := ldapchange.OpenPlan(filepath.Join(at.runs.Path(id), ldapchange.UndoFile))
	if err != nil {
		return fmt.Errorf("the way back of run %d: %w", id, err)
	}
	defer func() { _ = plan.Close() }()
	o.undoes, o.undoneOn = id, info.Server
	h, err := o.directories.FindHome(ctx, &o.homeOptions)
	if err != nil && o.runs == "" {
		return err
	}
	if len(o.hosts) == 0 && (h == nil || !h.isSet(ldapPool+"ldaphost")) {
		o.hosts = []string{info.Server}
	}
	return o.apply(ctx, plan, true)
}

// ldapRuns is 'ldap runs'.
type ldapRuns struct{ ldapApply }

func ldapRunsCommand(f *Factory) *cobra.Command {
	o := &ldapRuns{ldapApply{console: f.Console, directories: f.Directories, global: f.Global, hints: f.Hints, homeFiles: f.HomeFiles, homes: f.Homes, hook: f.Hook, journals: f.Journals, now: f.Now, reports: f.Reports, stores: f.Stores}}
	cmd := &cobra.Command{
		Use:   "runs",
		Short: "what was changed in the directory, the latest first",
		Long: `Lists the runs of 'ldap apply', 'ldap undo' and 'coexist apply' of a home: how far each
came, and what takes it back. No server is asked.`,
		Example: `  davadmin ldap runs
  davadmin ldap runs --output json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.runs, "runs", "", "`DIR` for the journal and the way back (default: history/ of the home)")
	o.homeOptions.add(flags)
	return cmd
}

func (o *ldapRuns) run(_ context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON, ui.JSONL, ui.CSV)
	if err != nil {
		return err
	}
	at, err := o.findPlace()
	if err != nil {
		return err
	}
	all, err := at.runs.List()
	if err != nil {
		return err
	}
	switch format {
	case ui.JSON:
		return ui.WriteJSON(o.console.Streams.Out, struct {
			Schema string            `json:"schema"`
			Runs   []ldapchange.Info `json:"runs"`
		}{"davadmin.ldap.runs.1", all})
	case ui.JSONL:
		for _, info := range all {
			if err := ui.WriteJSONL(o.console.Streams.Out, info); err != nil {
				return err
			}
		}
		return nil
	}
	header := []string{"run", "started", "state", "changed", "to change", "so already", "not as expected", "refused", "undoes", "server", "plan"}
	rows := make([][]string, len(all))
	for i, r := range all {
		undoes := ""
		if r.Undoes > 0 {
			undoes = fmt.Sprint(r.Undoes)
		}
		rows[i] = []string{
			fmt.Sprint(r.ID), r.Started.Format("2006-01-02T15:04:05Z"), string(r.State), fmt.Sprint(r.Changed), fmt.Sprint(r.ToChange),
			fmt.Sprint(r.Already), fmt.Sprint(r.Conflicts), fmt.Sprint(r.Failed), undoes, r.Server, r.Plan,
		}
	}
	switch format {
	case ui.CSV:
		return ui.WriteCSV(o.console.Streams.Out, header, rows)
	case ui.Table:
		return ui.WriteTable(o.console.Streams.Out, o.console.Streams.Width, header, rows)
	}
	for _, row := range rows {
		if _, err := fmt.Fprintln(o.console.Streams.Out, tabbed(row)); err != nil {
			return err
		}
	}
	return nil
}
