package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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
		Operation: "config modify", Command: o.journalled(), Remark: o.remark, Mask: c.registry.Mask,
		Make: func(current []byte) ([]byte, []config.Change, error) {
			doc, err := config.Parse(current)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", c.file.Path(), err)
			}
			if warnings, err = c.registry.Modify(doc, requests, strictness); err != nil {
				return nil, nil, err
			}
			changes := doc.Changes()
			after, err := doc.Render()
			if err != nil {
				return nil, nil, err
			}
			return after.Source(), changes, nil
		},
	}
	outcome, err := o.carryOut(ctx, c.file, edit)
	if err != nil {
		return refused(o.explainLoad(ctx, err, c.file))
	}
	for _, w := range warnings {
		o.warnModify(w)
	}
	return o.afterChange(outcome, o.showChange(format, "davadmin.config.modify.1", c, outcome))
}

// carryOut applies or, with --dry-run, previews an edit.
func (a *App) carryOut(ctx context.Context, file *config.File, edit config.Edit) (*config.Outcome, error) {
	if a.opts.dryRun {
		return file.Preview(ctx, edit)
	}
	outcome, err := file.Apply(ctx, edit)
	if outcome != nil {
		for _, n := range outcome.Notes {
			a.warnf("%s", n)
		}
	}
	return outcome, err
}

// refused turns what pkg/config refuses into a usage error.
func refused(err error) error {
	var r *config.RefusedError
	if errors.As(err, &r) {
		return usagef("%s", r.Error())
	}
	return err
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

// journalled is the command as the journal keeps it: values of passwords cannot
// stand in it, and passwords inside URLs are taken out.
func (a *App) journalled() []string {
	out := make([]string, 0, len(a.Args)+1)
	out = append(out, "davadmin")
	for _, w := range a.Args {
		out = append(out, config.MaskURLPassword(w))
	}
	return out
}

// changeRow is one changed parameter in the output.
type changeRow struct {
	Name    string `json:"name"`
	Old     string `json:"old"`
	New     string `json:"new"`
	WasSet  bool   `json:"was_set"`
	IsSet   bool   `json:"is_set"`
	Restart string `json:"restart"`
}

// changeRows words changes for the output, secrets masked.
func changeRows(r *config.Registry, changes []config.Change) []changeRow {
	rows := make([]changeRow, len(changes))
	for i, c := range changes {
		rows[i] = changeRow{
			Name: c.Key, Old: r.Mask(c.Key, c.Old), New: r.Mask(c.Key, c.New), WasSet: c.HadOld, IsSet: c.HasNew,
			Restart: string(restartOf(r, c.Key)),
		}
	}
	return rows
}

// afterChange makes an error of the report say that the change was made.
func (a *App) afterChange(o *config.Outcome, err error) error {
	if err == nil && a.Streams.Flush != nil {
		err = a.Streams.Flush()
	}
	if err == nil || o.Revision == 0 {
		return err
	}
	return fmt.Errorf("revision %d; to undo: %s; that change was made, but its report could not be written: %w", o.Revision, a.undoCommand(o), err)
}

// showChange prints what an edit changed, or would change.
func (a *App) showChange(format ui.Format, schema string, c *configHome, o *config.Outcome) error {
	rows, path := changeRows(c.registry, o.Changes), c.file.Path()
	if format == ui.JSON {
		return ui.WriteJSON(a.Streams.Out, struct {
			Schema   string      `json:"schema"`
			File     string      `json:"file"`
			DryRun   bool        `json:"dry_run"`
			Changed  bool        `json:"changed"`
			Changes  []changeRow `json:"changes"`
			Revision int64       `json:"revision,omitempty"`
			Undo     string      `json:"undo,omitempty"`
		}{schema, path, a.opts.dryRun, o.Changed(), rows, o.Revision, a.undoCommand(o)})
	}
	if !a.opts.quiet {
		if err := a.printChanges(c.registry, rows); err != nil {
			return err
		}
	}
	if a.opts.dryRun && o.Changed() {
		if err := a.printDiff(c.registry, path, o.Before, path+" (not written)", o.After); err != nil {
			return err
		}
	}
	switch {
	case !o.Changed():
		a.notef("nothing to do: %s says so already", path)
	case a.opts.dryRun:
		a.notef("dry run: nothing was changed")
	default:
		a.notef("revision %d; to undo: %s", o.Revision, a.undoCommand(o))
		a.noteServer(c.home)
	}
	return nil
}

func (a *App) undoCommand(o *config.Outcome) string {
	if o.Previous == 0 || o.Revision == 0 {
		return ""
	}
	return a.withHome(fmt.Sprintf("davadmin config revert %d", o.Previous))
}

func (a *App) printChanges(r *config.Registry, rows []changeRow) error {
	for _, c := range rows {
		_, err := fmt.Fprintf(a.Streams.Out, "%s\n  old: %s\n  new: %s\n  restart: %s\n", ui.Sanitize(c.Name),
			shownValue(r, c.Name, c.Old, c.WasSet), shownValue(r, c.Name, c.New, c.IsSet), restartText(restartOf(r, c.Name)))
		if err != nil {
			return err
		}
	}
	return nil
}

// maxShown bounds how much of a value a report for people shows, in bytes.
const maxShown = 4096

// shownValue words a value for a person; one that is not set shows its default.
func shownValue(r *config.Registry, name, value string, set bool) string {
	if set {
		return ui.Sanitize(ui.Clip(value, maxShown))
	}
	if p, ok := r.Lookup(name); ok && p.Default != "" {
		return "(not set; default: " + ui.Sanitize(p.Mask(p.Default)) + ")"
	}
	return "(not set)"
}

// restartOf says whether a change of the parameter needs a restart.
func restartOf(r *config.Registry, name string) config.Restart {
	if p, ok := r.Lookup(name); ok {
		return p.Restart
	}
	return config.RestartAssumed
}

func restartText(r config.Restart) string {
	switch r {
	case config.RestartNo:
		return "not needed"
	case config.RestartYes:
		return "needed"
	}
	return "not known; restart the server to be sure"
}

// noteServer warns on a home of the original: its server may write the file
// as well.
func (a *App) noteServer(home string) {
	if _, err := os.Stat(filepath.Join(home, "sbin", "davadmin")); err == nil || !errors.Is(err, fs.ErrNotExist) {
		a.notef("this is a home of Oracle's server: if it is running, it may write the file from memory again; '%s' shows that",
			a.withHome("davadmin config diff"))
	}
}
