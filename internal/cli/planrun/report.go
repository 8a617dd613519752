package planrun

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// checkedRow is what a plan would do, in JSON.
type checkedRow struct {
	Schema    string           `json:"schema"`
	DryRun    bool             `json:"dry_run"`
	Server    string           `json:"server"`
	Guard     ldapchange.Guard `json:"guard"`
	ToChange  int              `json:"to_change"`
	Already   int              `json:"already"`
	Conflicts int              `json:"conflicts"`
}

// printChecked prints what a plan would do, or that there is nothing to do.
func (o *Runner) printChecked(c ldapchange.Checked) error {
	if o.format == ui.JSON {
		return ui.WriteJSON(o.console.Streams.Out, checkedRow{o.schema, o.global.DryRun, c.Server, c.Guard, c.ToChange, c.Already, c.Conflicts})
	}
	_, err := fmt.Fprintf(o.console.Streams.Out, "server:      %s\nguard:       %s\nto change:   %d\nso already:  %d\nnot as expected: %d\n",
		ui.Sanitize(c.Server), c.Guard, c.ToChange, c.Already, c.Conflicts)
	switch {
	case c.ToChange == 0:
		o.console.Notef("nothing to do: no entry would be changed")
	case o.global.DryRun:
		o.console.Notef("dry run: nothing was changed")
	}
	return err
}

// runRow is a run in JSON.
type runRow struct {
	Schema string `json:"schema"`
	*ldapchange.Info
	Undo string `json:"undo,omitempty"`
}

// report prints what a run did, and returns how the command ends.
func (o *Runner) report(run *ldapchange.Run, ended error) error {
	undo := ""
	if run.Changed > 0 {
		undo = o.undoLine(run.ID)
	}
	var err error
	if o.format == ui.JSON {
		err = ui.WriteJSON(o.console.Streams.Out, runRow{o.schema, &run.Info, undo})
	} else {
		_, err = fmt.Fprintf(o.console.Streams.Out, "run:         %d\nserver:      %s\nguard:       %s\nchanged:     %d of %d\nso already:  %d\nnot as expected: %d\nrefused:     %d\n",
			run.ID, ui.Sanitize(run.Server), run.Guard, run.Changed, run.ToChange, run.Already, run.Conflicts, run.Failed)
		if err == nil && undo != "" {
			o.console.Notef("to undo: %s", undo)
		}
	}
	if run.Guard == ldapchange.GuardReread {
		o.console.Warnf("the server offers neither the assertion nor the pre-read control: what somebody else changed at the same moment is kept and reported, unless it differs in letter case or blanks alone")
	}
	switch {
	case ended != nil:
		return errors.Join(err, o.stopped(run, ended))
	case err != nil:
		return fmt.Errorf("the run is complete, but its report could not be written: %w", err)
	}
	return o.left(run.Conflicts + run.Failed)
}

// stopped says how far a run came, and how to go on.
func (o *Runner) stopped(run *ldapchange.Run, ended error) error {
	next := "the same command goes on"
	if errors.Is(ended, ldapchange.ErrConflict) || errors.Is(ended, ldapchange.ErrRefused) {
		next = "the same command with --continue leaves such entries out"
	}
	if run.Changed > 0 {
		next += fmt.Sprintf(", and '%s' takes it back", o.undoLine(run.ID))
	}
	return fmt.Errorf("run %d was stopped with %d of %d changed; %s: %w", run.ID, run.Changed, run.ToChange, next, ended)
}

// undoLine is the command that takes a run back.
func (o *Runner) undoLine(id int64) string {
	line := o.hints.Line("ldap", "undo", append([]string{strconv.FormatInt(id, 10)}, o.Args()...)...)
	if o.Runs != "" {
		line += " --runs " + cmdutil.Quote(o.Runs)
	}
	return line
}
