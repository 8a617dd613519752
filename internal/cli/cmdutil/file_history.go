package cmdutil

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// fileHistory is the action 'history' of a file of a home.
type fileHistory struct {
	console   *Console
	homeFiles *HomeFiles
	reports   *Reports
	HomeOptions
	kind FileKind
}

// NewFileHistory returns the action 'history' of a file of a home.
func NewFileHistory(f *Factory, k FileKind) *cobra.Command {
	o := &fileHistory{console: f.Console, homeFiles: f.HomeFiles, reports: f.Reports, kind: k}
	cmd := &cobra.Command{
		Use:   "history",
		Short: "list the revisions of " + k.Title,
		Long: fmt.Sprintf(`Lists the changes of the file, oldest first. The number of a change is also a
revision number: revision 7 is the file as change 7 left it, and '%s revert 7'
restores it. A version that was not written by davadmin is listed with the
operation 'found'.`, k.Operation),
		Args: NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.HomeOptions.Add(cmd.Flags())
	return cmd
}

func (o *fileHistory) run(ctx context.Context) error {
	format, err := o.console.Format(HistoryFormats()...)
	if err != nil {
		return err
	}
	c, err := o.homeFiles.Open(o.kind, &o.HomeOptions, LockOptions{})
	if err != nil {
		return err
	}
	entries, err := c.File.History(ctx)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		o.console.Notef("davadmin has not changed %s yet", c.File.Path())
	}
	return o.reports.PrintEntries(format, c.Schema("history"), entries)
}
