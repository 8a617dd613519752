package configcmd

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// configModify is 'config modify'.
type configModify struct {
	console   *cmdutil.Console
	hints     *cmdutil.Hints
	homeFiles *cmdutil.HomeFiles
	input     *cmdutil.Input
	cmdutil.HomeOptions
	lock  cmdutil.LockOptions
	edits editOptions

	batch  string
	remark string
	strict bool
	force  bool
	mark   bool // --remove-bom
}

func newConfigModify(f *cmdutil.Factory) *cobra.Command {
	o := &configModify{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input}
	cmd := &cobra.Command{
		Use:   "modify (-o NAME -v VALUE)... | -o NAME [--add V]... [--remove V]... | (-o NAME)... --default | -f FILE | --remove-bom",
		Short: "change parameters, all or none",
		Long: `Changes all the named parameters in one step, or none.

A new value replaces the whole old value; lists are edited with --add and
--remove. If a change removes members from a list that the server needs, a
warning names them and the command that restores them; with --strict, such a
change is refused.

--default applies to every -o, so it cannot be combined with new values.

A batch file (-f) has a line 'name=value' for each parameter. Blank lines,
lines that begin with #, and white space around names and values are ignored.

Passwords are never read from the command line: use --value-file, -f, or omit
-v to be prompted.`,
		Example: `  davadmin config modify -o davcore.scheduling.localuserattr -v davstore
  davadmin config modify -o davcore.uriinfo.subjectattributes --add davstore
  davadmin config modify -o log.dav.errors.loglevel -v WARNING -o log.dav.commands.loglevel -v WARNING
  davadmin config modify -f changes.txt --remark 'change 4711'
  davadmin config modify -o notification.dav.smtppassword --value-file /root/smtp.pw`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	o.edits.Add(flags)
	flags.StringVarP(&o.batch, "file", "f", "", "batch `FILE` of 'name=value' lines (- for standard input)")
	flags.StringVar(&o.remark, "remark", "", "reason for the change (`TEXT`), kept in the history")
	flags.BoolVar(&o.strict, "strict", false, "refuse changes that remove list members which the server needs")
	flags.BoolVar(&o.mark, "remove-bom", false, cmdutil.RemoveMarkHelp)
	flags.BoolVar(&o.force, "force", false, "allow parameters that davadmin does not know")
	o.lock.Add(flags)
	o.HomeOptions.Add(flags)
	_ = cmd.RegisterFlagCompletionFunc("option", completeNames)
	_ = cmd.RegisterFlagCompletionFunc("value", completeValues)
	return cmd
}

func (o *configModify) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	c, err := o.homeFiles.OpenConfig(&o.HomeOptions, o.lock)
	if err != nil {
		return err
	}
	if o.mark {
		if len(o.edits.Items) > 0 || o.edits.Check() != nil || o.batch != "" {
			return cmdutil.Usagef("--remove-bom changes nothing else, so it cannot be combined with -o or -f; use two commands")
		}
		return o.homeFiles.Edit(ctx, format, cmdutil.FileEdit{File: c, Action: "modify", Remark: o.remark, Make: c.RemoveMark})
	}
	requests, err := o.requests(ctx, c.Registry)
	if err != nil {
		return err
	}
	strictness := config.ModifyOptions{Force: o.force, Strict: o.strict}
	if err := c.Registry.Validate(requests, strictness); err != nil {
		return o.hints.RefusedUsage(err)
	}
	if err := o.hints.CheckDatabaseURLs(c.Registry, requests); err != nil {
		return err
	}
	var warnings []config.Warning
	return o.homeFiles.Edit(ctx, format, cmdutil.FileEdit{
		File: c, Action: "modify", Remark: o.remark, Make: c.ModifyParameters(requests, strictness, &warnings),
		Warnings: func() []config.Warning { return warnings },
	})
}
