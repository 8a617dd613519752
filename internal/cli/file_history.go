package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// fileHistory is the action 'history' of a file.
type fileHistory struct {
	console   *Console
	homeFiles *HomeFiles
	reports   *Reports
	homeOptions
	kind fileKind
}

func fileHistoryCommand(f *Factory, k fileKind) *cobra.Command {
	o := &fileHistory{console: f.Console, homeFiles: f.HomeFiles, reports: f.Reports, kind: k}
	cmd := &cobra.Command{
		Use:   "history",
		Short: "list the revisions of " + k.what,
		Long: fmt.Sprintf(`Lists the changes of the file, oldest first. The number of a change is the
revision that '%[1]s diff' and '%[1]s revert' take: the file as that change
left it. A version that somebody else wrote has the operation 'found'.`, k.operation),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.homeOptions.add(cmd.Flags())
	return cmd
}

func (o *fileHistory) run(ctx context.Context) error {
	format, err := o.console.Format(historyFormats()...)
	if err != nil {
		return err
	}
	c, err := o.homeFiles.Open(o.kind, &o.homeOptions, lockOptions{})
	if err != nil {
		return err
	}
	entries, err := c.file.History(ctx)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		o.console.Notef("davadmin has not changed %s yet", c.file.Path())
	}
	return o.reports.PrintEntries(format, c.schema("history"), entries)
}

// fileRevert is the action 'revert' of a file.
type fileRevert struct {
	console   *Console
	global    *Globals
	homeFiles *HomeFiles
	journals  *Journals
	homeOptions
	kind   fileKind
	lock   lockOptions
	remark string
}

func revertCommand(f *Factory, k fileKind) *cobra.Command {
	o := &fileRevert{console: f.Console, global: f.Global, homeFiles: f.HomeFiles, journals: f.Journals, kind: k}
	cmd := &cobra.Command{
		Use:   "revert REV",
		Short: "put the whole file back as of a revision",
		Long: `Makes the file byte for byte what revision REV was. That is a change like any
other: the present version is kept, and can be had back with another revert.`,
		Example: fmt.Sprintf(`  davadmin %[1]s history
  davadmin %[1]s diff 3
  davadmin %[1]s revert 3 --remark 'back to last week'`, k.operation),
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("which revision? 'davadmin %s history' lists them", k.operation)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.remark, "remark", "", "`TEXT` for the history: why")
	o.lock.add(flags)
	o.homeOptions.add(flags)
	return cmd
}

func (o *fileRevert) run(ctx context.Context, arg string) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	revision, err := parseRevision(o.kind, arg)
	if err != nil {
		return err
	}
	c, err := o.homeFiles.Open(o.kind, &o.homeOptions, o.lock)
	if err != nil {
		return err
	}
	c.file = c.file.MayCreate() // a file that was deleted can be had back
	text, err := c.at(ctx, revision)
	if err != nil {
		return err
	}
	if text == nil && !c.optional {
		return usagef("revision %d: there was no %s then, and a home must have it", revision, c.file.Path())
	}
	target, err := config.Parse(text)
	if err != nil {
		return fmt.Errorf("revision %d: %w", revision, err)
	}
	outcome, err := o.homeFiles.CarryOut(ctx, c.file, config.Edit{
		Operation: c.operation + " revert", Command: o.journals.Command(), Remark: o.remark, Mask: c.words.mask,
		Make: func(current []byte) ([]byte, []config.Change, error) {
			doc, err := config.Parse(current)
			if err != nil {
				// A file that cannot be read is what a revert is for.
				o.console.Warnf("%s: %v", c.file.Path(), err)
				return text, nil, nil
			}
			return text, config.Compare(doc, target), nil
		},
	})
	if err != nil {
		return o.homeFiles.ExplainFile(ctx, err, c.fileKind, c.file)
	}
	if text == nil && outcome.Changed() {
		o.console.Notef("there was no %s in revision %d, so %s", c.file.Path(), revision, o.goneWords())
	}
	return o.homeFiles.AfterChange(c, outcome, o.homeFiles.ShowChange(format, "revert", c, outcome))
}

// goneWords say what became, or would become, of the file.
func (o *fileRevert) goneWords() string {
	if o.global.dryRun {
		return "it would be taken away"
	}
	return "it was taken away"
}
