package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// configHistory is 'config history'.
type configHistory struct {
	*App
	homeOptions
}

func (a *App) configHistoryCommand() *cobra.Command {
	o := &configHistory{App: a}
	cmd := &cobra.Command{
		Use:   "history",
		Short: "list the revisions of the configuration",
		Long: `Lists the changes of the file, oldest first. The number of a change is the
revision that 'config diff' and 'config revert' take: the file as that change
left it. A version that somebody else wrote has the operation 'found'.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.homeOptions.add(cmd.Flags())
	return cmd
}

func (o *configHistory) run(ctx context.Context) error {
	format, err := o.format(historyFormats()...)
	if err != nil {
		return err
	}
	home, err := o.home(&o.homeOptions)
	if err != nil {
		return err
	}
	file := o.serverFile(home, 0)
	entries, err := file.History(ctx)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		o.notef("davadmin has not changed %s yet", file.Path())
	}
	return o.printEntries(format, "davadmin.config.history.1", entries)
}

// configRevert is 'config revert'.
type configRevert struct {
	*App
	homeOptions
	lock   lockOptions
	remark string
}

func (a *App) configRevertCommand() *cobra.Command {
	o := &configRevert{App: a}
	cmd := &cobra.Command{
		Use:   "revert REV",
		Short: "put the whole file back as of a revision",
		Long: `Makes the file byte for byte what revision REV was. That is a change like any
other: the present version is kept, and can be had back with another revert.`,
		Example: `  davadmin config history
  davadmin config diff 3
  davadmin config revert 3 --remark 'back to last week'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("which revision? 'davadmin config history' lists them")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	f.StringVar(&o.remark, "remark", "", "`TEXT` for the history: why")
	o.lock.add(f)
	o.homeOptions.add(f)
	return cmd
}

func (o *configRevert) run(ctx context.Context, arg string) error {
	format, err := o.format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	revision, err := parseRevision(arg)
	if err != nil {
		return err
	}
	c, err := o.openConfig(&o.homeOptions, o.lock)
	if err != nil {
		return err
	}
	c.file = c.file.MayCreate() // a file that was deleted can be had back
	text, err := c.file.At(ctx, revision)
	if err != nil {
		return explainRevision(err, revision)
	}
	target, err := config.Parse(text)
	if err != nil {
		return fmt.Errorf("revision %d: %w", revision, err)
	}
	outcome, err := o.carryOut(ctx, c.file, config.Edit{
		Operation: "config revert", Command: o.journalled(), Remark: o.remark, Mask: c.registry.Mask,
		Make: func(current []byte) ([]byte, []config.Change, error) {
			doc, err := config.Parse(current)
			if err != nil {
				// A file that cannot be read is what a revert is for.
				o.warnf("%s: %v", c.file.Path(), err)
				return text, nil, nil
			}
			return text, config.Compare(doc, target), nil
		},
	})
	if err != nil {
		return o.explainLoad(ctx, err, c.file)
	}
	return o.afterChange(outcome, o.showChange(format, "davadmin.config.revert.1", c, outcome))
}
