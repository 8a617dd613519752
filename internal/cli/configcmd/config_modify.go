package configcmd

import (
	"context"
	"strings"

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
	journals  *cmdutil.Journals
	cmdutil.HomeOptions
	lock  cmdutil.LockOptions
	edits editOptions

	batch  string
	remark string
	strict bool
	force  bool
}

func newConfigModify(f *cmdutil.Factory) *cobra.Command {
	o := &configModify{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, journals: f.Journals}
	cmd := &cobra.Command{
		Use:   "modify (-o NAME -v VALUE)... | -o NAME [--add V]... [--remove V]... | -o NAME --default | -f FILE",
		Short: "change parameters, all or none",
		Long: `Changes parameters in one step: all that the command names, or none.

A value replaces the old one as a whole. Lists are edited with --add and
--remove. A value that takes from a list what the server needs is carried out
with a warning that names what was lost and the command that brings it back;
with --strict it is refused.

A batch file (-f) has a line 'name=value' for each parameter; blank lines and
lines that begin with # pass; blanks around name and value do not count.

A password is never taken from the command line: use --value-file, -f, or leave
-v out and type it at the prompt.`,
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
	flags.StringVar(&o.remark, "remark", "", "`TEXT` for the history: why")
	flags.BoolVar(&o.strict, "strict", false, "refuse a list that loses what the server needs")
	flags.BoolVar(&o.force, "force", false, "take a parameter that davadmin does not know")
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
	requests, err := o.requests(ctx, c.Registry)
	if err != nil {
		return err
	}
	strictness := config.ModifyOptions{Force: o.force, Strict: o.strict}
	if err := c.Registry.Validate(requests, strictness); err != nil {
		return o.hints.RefusedUsage(err)
	}
	var warnings []config.Warning
	edit := config.Edit{
		Operation: "config modify", Command: o.journals.Command(), Remark: o.remark, Mask: c.Labels.Mask,
		Make: c.ModifyParameters(requests, strictness, &warnings),
	}
	outcome, err := o.homeFiles.Apply(ctx, c.File, edit)
	if err != nil {
		return o.hints.RefusedUsage(o.homeFiles.ExplainLoad(ctx, err, c.File))
	}
	for _, w := range warnings {
		o.warnModify(w)
	}
	return o.homeFiles.ReportError(c, outcome, o.homeFiles.ShowChange(format, "modify", c, outcome))
}

func (o *configModify) warnModify(w config.Warning) {
	text := w.Name + ": " + w.Text
	if w.Hint != "" {
		text += "; " + w.Hint
	}
	if len(w.Lost) > 0 {
		text += "; to bring it back: " + o.hints.Line("config", "modify", "-o", w.Name, "--add", strings.Join(w.Lost, " "))
	}
	o.console.Warnf("%s", text)
}
