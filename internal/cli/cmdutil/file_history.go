package cmdutil

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
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

// fileRevert is the action 'revert' of a file of a home.
type fileRevert struct {
	console   *Console
	global    *Globals
	homeFiles *HomeFiles
	journals  *Journals
	HomeOptions
	kind   FileKind
	lock   LockOptions
	remark string
}

// NewFileRevert returns the action 'revert' of a file of a home.
func NewFileRevert(f *Factory, k FileKind) *cobra.Command {
	o := &fileRevert{console: f.Console, global: f.Global, homeFiles: f.HomeFiles, journals: f.Journals, kind: k}
	cmd := &cobra.Command{
		Use:   "revert REV",
		Short: "restore the whole file as of a revision",
		Long: `Makes the file identical to revision REV, byte for byte. This is a change like
any other: the current version is kept, and another revert restores it.`,
		Example: fmt.Sprintf(`  davadmin %[1]s history
  davadmin %[1]s diff 3
  davadmin %[1]s revert 3 --remark 'back to last week'`, k.Operation),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return Usagef("missing revision; '%s' lists the revisions", f.Hints.Line(k.Operation, "history"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.remark, "remark", "", "reason for the change (`TEXT`), kept in the history")
	o.lock.Add(flags)
	o.HomeOptions.Add(flags)
	return cmd
}

func (o *fileRevert) run(ctx context.Context, arg string) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	revision, err := o.homeFiles.ParseRevision(o.kind, arg)
	if err != nil {
		return err
	}
	c, err := o.homeFiles.Open(o.kind, &o.HomeOptions, o.lock)
	if err != nil {
		return err
	}
	c.File = c.File.MayCreate() // a deleted file can be restored
	text, err := c.At(ctx, revision)
	if err != nil {
		return err
	}
	if text == nil && !c.Optional {
		return Usagef("revision %d: %s did not exist then, but a home requires it", revision, c.File.Path())
	}
	target, err := config.Parse(text)
	if err != nil {
		return fmt.Errorf("revision %d: %w", revision, err)
	}
	outcome, err := o.homeFiles.Apply(ctx, c.File, config.Edit{
		Operation: c.Operation + " revert", Command: o.journals.Command(), Remark: o.remark, Mask: c.Labels.Mask,
		Make: func(current []byte) ([]byte, []config.Change, error) {
			doc, err := config.Parse(current)
			if err != nil {
				// Replacing a file that cannot be parsed is what a revert is for.
				o.console.Warnf("%s: %v", c.File.Path(), err)
				return text, nil, nil
			}
			return text, config.Compare(doc, target), nil
		},
	})
	if err != nil {
		return o.homeFiles.ExplainFile(ctx, err, c.FileKind, c.File)
	}
	if text == nil && outcome.Changed() {
		o.console.Notef("%s did not exist in revision %d, so %s", c.File.Path(), revision, o.removedText())
	}
	return o.homeFiles.ReportError(c, outcome, o.homeFiles.ShowChange(format, "revert", c, outcome))
}

// removedText says that the file was removed, or would be.
func (o *fileRevert) removedText() string {
	if o.global.DryRun {
		return "it would be removed"
	}
	return "it was removed"
}
