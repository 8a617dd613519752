package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// configModify is 'config modify'.
type configModify struct {
	*App
	homeOptions
	lock  lockOptions
	edits editOptions

	batch  string
	remark string
	strict bool
	force  bool
}

func (a *App) configModifyCommand() *cobra.Command {
	o := &configModify{App: a}
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
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	o.edits.add(f)
	f.StringVarP(&o.batch, "file", "f", "", "batch `FILE` of 'name=value' lines (- for standard input)")
	f.StringVar(&o.remark, "remark", "", "`TEXT` for the history: why")
	f.BoolVar(&o.strict, "strict", false, "refuse a list that loses what the server needs")
	f.BoolVar(&o.force, "force", false, "take a parameter that davadmin does not know")
	o.lock.add(f)
	o.homeOptions.add(f)
	_ = cmd.RegisterFlagCompletionFunc("option", completeNames)
	_ = cmd.RegisterFlagCompletionFunc("value", completeValues)
	return cmd
}

func (o *configModify) run(ctx context.Context) error {
	format, err := o.format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	c, err := o.openConfig(&o.homeOptions, o.lock)
	if err != nil {
		return err
	}
	requests, err := o.requests(ctx, c.registry)
	if err != nil {
		return err
	}
	strictness := config.ModifyOptions{Force: o.force, Strict: o.strict}
	if err := c.registry.Validate(requests, strictness); err != nil {
		return refused(err)
	}
	var warnings []config.Warning
	edit := config.Edit{
		Operation: "config modify", Command: o.journalled(), Remark: o.remark, Mask: c.words.mask,
		Make: c.modifying(requests, strictness, &warnings),
	}
	outcome, err := o.carryOut(ctx, c.file, edit)
	if err != nil {
		return refused(o.explainLoad(ctx, err, c.file))
	}
	for _, w := range warnings {
		o.warnModify(w)
	}
	return o.afterChange(c, outcome, o.showChange(format, "modify", c, outcome))
}

// modifying carries requests out on the text of the configuration.
func (s *subject) modifying(requests []config.Request, how config.ModifyOptions, warnings *[]config.Warning) func([]byte) ([]byte, []config.Change, error) {
	return func(current []byte) ([]byte, []config.Change, error) {
		doc, err := config.Parse(current)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", s.file.Path(), err)
		}
		if *warnings, err = s.registry.Modify(doc, requests, how); err != nil {
			return nil, nil, err
		}
		changes := doc.Changes()
		after, err := doc.Render()
		if err != nil {
			return nil, nil, err
		}
		return after.Source(), changes, nil
	}
}

func (o *configModify) warnModify(w config.Warning) {
	text := w.Name + ": " + w.Text
	if w.Hint != "" {
		text += "; " + w.Hint
	}
	if len(w.Lost) > 0 {
		text += "; to bring it back: " + o.withHome(fmt.Sprintf("davadmin config modify -o %s --add %s",
			o.quote(w.Name), o.quote(strings.Join(w.Lost, " "))))
	}
	o.warnf("%s", text)
}

// configWords says how parameters are shown.
type configWords struct{ registry *config.Registry }

func (w configWords) name(key string) string { return key }

func (w configWords) mask(key, value string) string { return w.registry.Mask(key, value) }

// unset shows the default in the place of a value.
func (w configWords) unset(key string) string {
	if p, ok := w.registry.Lookup(key); ok && p.Default != "" {
		return "(not set; default: " + ui.Sanitize(p.Mask(p.Default)) + ")"
	}
	return "(not set)"
}

// restart says whether a change of the parameter needs a restart.
func (w configWords) restart(key string) config.Restart {
	if p, ok := w.registry.Lookup(key); ok {
		return p.Restart
	}
	return config.RestartAssumed
}
