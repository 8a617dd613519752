package secretcmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/secret"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// passRow is what became, or would become, of one password.
type passRow struct {
	Name   string `json:"name"`
	Action string `json:"action"` // stored, replaced, removed
}

// passReport is what a change of the vault did, or would do.
type passReport struct {
	Schema    string    `json:"schema"`
	Vault     string    `json:"vault"`
	DryRun    bool      `json:"dry_run"`
	Changed   bool      `json:"changed"`
	State     string    `json:"state"`                // made, changed, removed, unchanged
	OpensWith string    `json:"opens_with,omitempty"` // passphrase or key
	Key       string    `json:"key,omitempty"`        // the key file that was made
	Changes   []passRow `json:"changes"`
	Revision  int64     `json:"revision,omitempty"`
	Undo      string    `json:"undo,omitempty"`
}

// report words an outcome.
func (o *passEdit) report(p *passPlan, out *config.Outcome) passReport {
	r := passReport{
		Schema: p.home.Schema(string(o.action)), Vault: p.home.File.Path(), DryRun: o.global.DryRun, OpensWith: string(p.kind),
		State: "changed", Changes: []passRow{}, Revision: out.Revision, Undo: o.homeFiles.UndoCommand(p.home.HomeFile, out),
	}
	switch {
	case o.all:
		r.State = "removed"
		r.Changed = o.global.DryRun || out.Changed()
		return r
	case p.before.Vault == nil:
		r.State = "made"
	case len(out.Changes) == 0:
		r.State = "unchanged"
	}
	r.Changed = r.State != "unchanged"
	if p.makeKey {
		r.Key = p.keyPath
	}
	for _, c := range out.Changes {
		action := "replaced"
		switch {
		case c.Key == opensWith:
			continue
		case !c.HadOld:
			action = "stored"
		case !c.HasNew:
			action = "removed"
		}
		r.Changes = append(r.Changes, passRow{c.Key, action})
	}
	return r
}

// showVault prints what an action did, or would do.
func (o *passEdit) showVault(format ui.Format, p *passPlan, out *config.Outcome) error {
	r := o.report(p, out)
	if format == ui.JSON {
		return ui.WriteJSON(o.console.Streams.Out, r)
	}
	if !o.global.Quiet {
		if err := o.printVault(p, r); err != nil {
			return err
		}
	}
	switch {
	case !r.Changed:
		o.console.Notef("nothing to do: the vault is already up to date")
	case o.global.DryRun:
		o.console.Notef("dry run: nothing was changed")
	default:
		o.console.Notef("%s", o.homeFiles.RevisionText(p.home.HomeFile, out))
		if o.rekey || o.all {
			o.console.Notef("versions of the vault that the history keeps still open as before; '%s' removes old ones", o.hints.Line("history", "prune", "--older", "AGE"))
		}
	}
	return nil
}

func (o *passEdit) printVault(p *passPlan, r passReport) error {
	var lines []string
	opens := "a passphrase"
	if p.kind == secret.ByKey {
		opens = "the key " + p.keyPath
	}
	if r.Key != "" {
		lines = append(lines, "key: made "+r.Key)
	}
	switch {
	case r.State == "made":
		lines = append(lines, "vault: made "+r.Vault+", opens with "+opens)
	case r.State == "removed":
		lines = append(lines, "vault: removed "+r.Vault)
	case o.rekey:
		lines = append(lines, "vault: opens with "+opens+", a new one")
	}
	for _, c := range r.Changes {
		lines = append(lines, c.Name+": "+c.Action)
	}
	for _, l := range lines {
		if _, err := fmt.Fprintln(o.console.Streams.Out, ui.Sanitize(l)); err != nil {
			return err
		}
	}
	return nil
}

// passRevert is 'passfile revert'.
type passRevert struct {
	console   *cmdutil.Console
	global    *cmdutil.Globals
	homeFiles *cmdutil.HomeFiles
	journals  *cmdutil.Journals
	cmdutil.HomeOptions
	lock   cmdutil.LockOptions
	remark string
}

func newPassRevert(f *cmdutil.Factory) *cobra.Command {
	o := &passRevert{console: f.Console, global: f.Global, homeFiles: f.HomeFiles, journals: f.Journals}
	cmd := &cobra.Command{
		Use:   "revert REV",
		Short: "put the whole vault back as of a revision",
		Long: `Makes the vault byte for byte what revision REV was; one that was not there yet is
taken away. That is a change like any other: the present version is kept, and can
be had back with another revert. It needs no passphrase; what comes back opens with
the one that it was closed with then.`,
		Example: `  davadmin passfile history
  davadmin passfile revert 3`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cmdutil.Usagef("no revision given; '%s' lists them", f.Hints.Line("passfile", "history"))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.remark, "remark", "", "`TEXT` for the history: why")
	o.lock.Add(flags)
	o.HomeOptions.Add(flags)
	return cmd
}

func (o *passRevert) run(ctx context.Context, arg string) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	k := vaultKind()
	revision, err := o.homeFiles.ParseRevision(k, arg)
	if err != nil {
		return err
	}
	c, err := o.homeFiles.Open(k, &o.HomeOptions, o.lock)
	if err != nil {
		return err
	}
	text, err := c.At(ctx, revision)
	if err != nil {
		return err
	}
	outcome, err := o.homeFiles.Apply(ctx, c.File, config.Edit{
		Operation: "passfile revert", Command: o.journals.Command(), Remark: o.remark,
		Make: func([]byte) ([]byte, []config.Change, error) { return text, nil, nil },
	})
	if err != nil {
		return vaultConflict(err)
	}
	return o.homeFiles.ReportError(c, outcome, o.show(format, c, revision, text == nil, outcome))
}

func (o *passRevert) show(format ui.Format, c *cmdutil.HomeFile, revision int64, gone bool, out *config.Outcome) error {
	r := passReport{
		Schema: c.Schema("revert"), Vault: c.File.Path(), DryRun: o.global.DryRun, Changed: out.Changed(), State: "changed",
		Changes: []passRow{}, Revision: out.Revision, Undo: o.homeFiles.UndoCommand(c, out),
	}
	line := fmt.Sprintf("vault: as of revision %d", revision)
	switch {
	case !out.Changed():
		r.State = "unchanged"
	case gone:
		r.State, line = "removed", "vault: removed "+c.File.Path()
	case out.Before == nil:
		r.State = "made"
	}
	if format == ui.JSON {
		return ui.WriteJSON(o.console.Streams.Out, r)
	}
	if !o.global.Quiet && out.Changed() {
		if _, err := fmt.Fprintln(o.console.Streams.Out, ui.Sanitize(line)); err != nil {
			return err
		}
	}
	switch {
	case !out.Changed():
		o.console.Notef("nothing to do: %s is already up to date", c.File.Path())
	case o.global.DryRun:
		o.console.Notef("dry run: nothing was changed")
	default:
		o.console.Notef("%s", o.homeFiles.RevisionText(c, out))
	}
	return nil
}
