package secretcmd

import (
	"bytes"
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/secret"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// passRow is the change of one password.
type passRow struct {
	Name   string `json:"name"`
	Action string `json:"action"` // stored, replaced, removed
}

// passReport is the report of a change, or of a dry run.
type passReport struct {
	Schema    string    `json:"schema"`
	Vault     string    `json:"vault"`
	DryRun    bool      `json:"dry_run"`
	Changed   bool      `json:"changed"`
	State     string    `json:"state"`                // made, changed, removed, unchanged
	OpensWith string    `json:"opens_with,omitempty"` // passphrase or key
	Key       string    `json:"key,omitempty"`        // the key file that was created
	Changes   []passRow `json:"changes"`
	Revision  int64     `json:"revision,omitempty"`
	Undo      string    `json:"undo,omitempty"`
}

// report returns the report of an outcome.
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
	if p.newKey {
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

// showVault prints what an action changed or, with --dry-run, would change.
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
	o.homeFiles.NoteOutcome(p.home.HomeFile, out, r.Changed)
	if r.Changed && !o.global.DryRun && (o.rekey || o.all) {
		o.console.Notef("versions of the vault in the history can still be opened as before; '%s' removes old ones", o.hints.Line("history", "prune", "--older", "AGE"))
	}
	return nil
}

// printVault prints a report for people. It names passwords, but does not show them.
func (o *passEdit) printVault(p *passPlan, r passReport) error {
	var lines []string
	opener := "a passphrase"
	if p.kind == secret.ByKey {
		opener = "the key " + p.keyPath
	}
	if r.Key != "" {
		lines = append(lines, "key: created "+r.Key)
	}
	switch {
	case r.State == "made":
		lines = append(lines, "vault: created "+r.Vault+", opened by "+opener)
	case r.State == "removed":
		lines = append(lines, "vault: removed "+r.Vault)
	case o.rekey:
		lines = append(lines, "vault: re-encrypted, opened by "+opener)
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
	cmdutil.RevertOptions
	hints  *cmdutil.Hints
	lock   cmdutil.LockOptions
	remark string
}

func newPassRevert(f *cmdutil.Factory) *cobra.Command {
	o := &passRevert{console: f.Console, global: f.Global, hints: f.Hints, homeFiles: f.HomeFiles, journals: f.Journals}
	cmd := &cobra.Command{
		Use:   "revert REV | --change NUMBER",
		Short: "restore the whole vault as of a revision, or before a change",
		Long: `Restores the vault byte for byte as of revision REV. If there was no vault in that
revision, the vault is removed. This is a change like any other: the current version is
kept, and another revert restores it. It requires no passphrase. The restored vault is
opened by the key or passphrase that it had in that revision.

With --change, the vault is restored as it was before that change. It is refused if the
vault was changed since, because a change of an encrypted file cannot be undone alone.`,
		Example: `  davadmin passfile history
  davadmin passfile revert 3
  davadmin passfile revert --change 4`,
		Args: func(_ *cobra.Command, args []string) error { return o.Check(o.hints, vaultKind(), args) },
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	flags := cmd.Flags()
	o.RevertOptions.Add(flags)
	flags.StringVar(&o.remark, "remark", "", "reason for the change (`TEXT`), kept in the history")
	o.lock.Add(flags)
	o.HomeOptions.Add(flags)
	return cmd
}

func (o *passRevert) run(ctx context.Context, args []string) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	k := vaultKind()
	change, err := o.Change(o.homeFiles, k)
	if err != nil {
		return err
	}
	var revision int64
	if change == 0 {
		if revision, err = o.homeFiles.ParseRevision(k, args[0]); err != nil {
			return err
		}
	}
	c, err := o.homeFiles.Open(k, &o.HomeOptions, o.lock)
	if err != nil {
		return err
	}
	var text, after []byte
	title := fmt.Sprintf("as of revision %d", revision)
	if change > 0 {
		title = fmt.Sprintf("as before change %d", change)
		text, after, err = c.ChangeOf(ctx, change)
	} else {
		text, err = c.At(ctx, revision)
	}
	if err != nil {
		return err
	}
	outcome, err := o.homeFiles.Apply(ctx, c.File, config.Edit{
		Operation: "passfile revert", Command: o.journals.Command(), Remark: o.remark,
		Make: func(current []byte) ([]byte, []config.Change, error) {
			if change > 0 && !sameVault(current, after) && !sameVault(current, text) {
				return nil, nil, &config.ChangedSinceError{}
			}
			return text, nil, nil
		},
	})
	if err != nil {
		return vaultConflict(c.ExplainUndo(ctx, err, change))
	}
	return o.homeFiles.ReportError(c, outcome, o.show(format, c, title, text == nil, outcome))
}

// sameVault reports whether both are the same vault, or both none.
func sameVault(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func (o *passRevert) show(format ui.Format, c *cmdutil.HomeFile, title string, removed bool, out *config.Outcome) error {
	r := passReport{
		Schema: c.Schema("revert"), Vault: c.File.Path(), DryRun: o.global.DryRun, Changed: out.Changed(), State: "changed",
		Changes: []passRow{}, Revision: out.Revision, Undo: o.homeFiles.UndoCommand(c, out),
	}
	line := "vault: restored " + title
	switch {
	case !out.Changed():
		r.State = "unchanged"
	case removed:
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
	o.homeFiles.NoteOutcome(c, out, out.Changed())
	return nil
}
