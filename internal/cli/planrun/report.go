package planrun

import (
	"fmt"
	"strconv"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// checkedRow is the result of comparing a plan with the directory, in JSON.
type checkedRow struct {
	Schema    string           `json:"schema"`
	DryRun    bool             `json:"dry_run"`
	Server    string           `json:"server"`
	Guard     ldapchange.Guard `json:"guard"`
	ToChange  int              `json:"to_change"`
	Already   int              `json:"already"`
	Conflicts int              `json:"conflicts"`
}

// printChecked prints what a plan would change, or that there is nothing to do.
func (o *Runner) printChecked(c ldapchange.Checked) error {
	if o.format == ui.JSON {
		return ui.WriteJSON(o.console.Streams.Out, checkedRow{o.schema, o.global.DryRun, c.Server, c.Guard, c.ToChange, c.Already, c.Conflicts})
	}
	_, err := fmt.Fprintf(o.console.Streams.Out, "server:       %s\nguard:        %s\nto change:    %d\nalready done: %d\nconflicts:    %d\n",
		ui.Sanitize(c.Server), c.Guard, c.ToChange, c.Already, c.Conflicts)
	switch {
	case c.ToChange == 0:
		o.console.Notef("nothing to do: no entry would be changed")
	case o.global.DryRun:
		o.console.Notef("dry run: nothing was changed; whether the server would allow it was not checked: '%s' tests the rights of the bind DN", o.hints.Line("ldap", "test", o.Args()...))
	}
	return err
}

// runRow is a run in JSON.
type runRow struct {
	Schema string `json:"schema"`
	*ldapchange.Info
	Undo string `json:"undo,omitempty"`
}

// report prints what a run did and returns the error that the command ends with.
func (o *Runner) report(plan *ldapchange.Plan, run *ldapchange.Run, ended error) error {
	undo := ""
	if run.Changed > 0 {
		undo = o.undoLine(run.ID)
	}
	var err error
	if o.format == ui.JSON {
		err = ui.WriteJSON(o.console.Streams.Out, runRow{o.schema, &run.Info, undo})
	} else {
		_, err = fmt.Fprintf(o.console.Streams.Out, "run:          %d\nserver:       %s\nguard:        %s\nchanged:      %d of %d\nalready done: %d\nconflicts:    %d\nrefused:      %d\n",
			run.ID, ui.Sanitize(run.Server), run.Guard, run.Changed, run.ToChange, run.Already, run.Conflicts, run.Failed)
		if err == nil && undo != "" {
			o.console.Notef("to undo: %s", undo)
		}
	}
	if run.Guard == ldapchange.GuardReread {
		o.console.Warnf("the server offers neither the assertion nor the pre-read control: changes made by others at the same moment are kept and reported, unless they differ only in letter case or spaces")
	}
	if ended != nil {
		_ = o.console.LostReport(fmt.Sprintf("run %d was stopped with %d of %d changed", run.ID, run.Changed, run.ToChange), "", err)
		return o.stopped(plan, run, ended)
	}
	made := fmt.Sprintf("run %d is complete: %d of %d changed", run.ID, run.Changed, run.ToChange)
	if err := o.console.LostReport(made, undo, err); err != nil {
		return err
	}
	return skippedError(run.Conflicts + run.Failed)
}

// undoLine returns the command that undoes a run.
func (o *Runner) undoLine(id int64) string {
	return o.hints.Line("ldap", "undo", append(append([]string{strconv.FormatInt(id, 10)}, o.Args()...), o.runsWords()...)...)
}

// runsLine returns the command that lists the runs.
func (o *Runner) runsLine() string { return o.hints.Line("ldap", "runs", o.runsWords()...) }

// runsWords returns --runs and its value, if it was given.
func (o *Runner) runsWords() []string {
	if o.Runs == "" {
		return nil
	}
	return []string{"--runs", o.Runs}
}
