package historycmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/planrun"
	"github.com/davadmin/davadmin/pkg/journal"
)

// Undo is what 'history undo' needs of the families of commands, none of which it imports.
type Undo struct {
	// Undoers know how to undo the changes that davadmin records. Each operation is
	// listed by one of them.
	Undoers []cmdutil.Undoer
	// Command returns a new command for an action of an operation, ready to be run.
	Command func(operation, action string) (*cobra.Command, error)
}

// pruneUndoer returns the Undoer of this family.
func pruneUndoer() cmdutil.Undoer {
	return cmdutil.CannotUndo(func(cmdutil.Undoable) string { return "what was pruned is gone" }, "history prune")
}

// historyUndo is 'history undo'.
type historyUndo struct {
	console  *cmdutil.Console
	global   *cmdutil.Globals
	hints    *cmdutil.Hints
	journals *cmdutil.Journals
	homes    *cmdutil.Homes
	runner   *planrun.Runner // for its options and its journal
	undo     Undo
	remark   string
}

func newHistoryUndo(f *cmdutil.Factory, undo Undo) *cobra.Command {
	o := &historyUndo{console: f.Console, global: f.Global, hints: f.Hints, journals: f.Journals, homes: f.Homes, runner: planrun.New(f, "history", "undo"), undo: undo}
	cmd := &cobra.Command{
		Use:   "undo CHANGE [--dry-run]",
		Short: "undo a change, whatever made it",
		Long: `Undoes one change, which may have changed the configuration, the domain map, an LDAP
pool, the vault, accounts, calendars, back ends or the directory, or moved a wave of
users. First shows the command that does it, and what that changes.

Later changes are kept. If one of them changed the same settings or directory entries
again, the undo is refused. For accounts and calendars, the earlier values are restored
in any case; --dry-run shows which values that replaces. Changes that remove something
for good, such as a purge, cannot be undone.

Undoing is a change of its own, and can be undone as well. Options are passed to the command
that does it; those for the directory apply only to changes of the directory. Output and
exit codes are those of that command.`,
		Example: `  davadmin history
  davadmin history undo 7 --dry-run
  davadmin history undo 7 --remark 'back to last week'
  davadmin history undo 12 -H ldap1 --starttls -D cn=manager --password-file pw`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return cmdutil.Usagef("exactly one change number is required; %s", listHint(o.hints))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd, args[0]) },
	}
	cmd.Flags().StringVar(&o.remark, "remark", "", "reason for the change (`TEXT`), kept in the history")
	o.runner.Add(cmd)
	return cmd
}

func (o *historyUndo) run(cmd *cobra.Command, arg string) error {
	ctx := cmd.Context()
	j, err := o.runner.Journal()
	if err != nil {
		return err
	}
	e, err := findEntry(ctx, o.hints, j, arg)
	if err != nil {
		return err
	}
	if e.Result == journal.Pending && !o.global.DryRun {
		// The record of a run that was killed is completed under the lock.
		if e, err = o.settle(ctx, j, e); err != nil {
			return err
		}
	}
	undo, err := o.command(cmdutil.Undoable{Entry: e, Dir: j.Dir()})
	if err != nil {
		return err
	}
	target, err := o.undo.Command(undo.Operation, undo.Action)
	if err != nil {
		return err
	}
	given, err := o.given(cmd, target, e.Change, undo)
	if err != nil {
		return err
	}
	words := slices.Concat(undo.Words, given)
	if f := cmd.Flags().Lookup("clifile"); f != nil && f.Changed && target.Flags().Lookup(f.Name) != nil {
		// The lines that are shown name it anyway.
		if err := target.Flags().Set(f.Name, f.Value.String()); err != nil {
			return err
		}
	}
	o.console.Notef("change %d was '%s' by %s, %s", e.Change, e.Operation, cmdutil.ActorName(e.Actor), e.Time.UTC().Format(time.RFC3339))
	o.console.Notef("its undo is: %s", o.hints.Line(undo.Operation, undo.Action, words...))
	o.console.Notef("  which %s", undo.Effect)
	if err := target.ParseFlags(words); err != nil {
		return err
	}
	// The options that a clifile sets here did not count as given.
	if err := o.homes.ApplyClifiles(target); err != nil {
		return err
	}
	args := target.Flags().Args()
	if err := target.ValidateArgs(args); err != nil {
		return err
	}
	target.SetContext(ctx)
	return target.RunE(target, args)
}

// settle waits until no run is at work in the area of a change, and returns its entry again.
func (o *historyUndo) settle(ctx context.Context, j *journal.Journal, e journal.Entry) (journal.Entry, error) {
	areas := journal.Areas()
	if e.Area != "" {
		areas = []journal.Area{e.Area}
	}
	s, err := j.Open(ctx, areas...)
	if err != nil {
		return journal.Entry{}, err
	}
	o.journals.WarnNotes(s.Notes)
	if err := s.Close(); err != nil {
		return journal.Entry{}, err
	}
	return j.Entry(ctx, e.Change)
}

// command returns the command that undoes a change, or an error that says why it cannot be undone.
func (o *historyUndo) command(u cmdutil.Undoable) (cmdutil.UndoCommand, error) {
	cannot := func(format string, args ...any) (cmdutil.UndoCommand, error) {
		return cmdutil.UndoCommand{}, fmt.Errorf("change %d (%s) cannot be undone, because %s", u.Change, u.Operation, fmt.Sprintf(format, args...))
	}
	switch {
	case u.Damaged:
		return cannot("its record was altered; '%s' has details", o.hints.Line("history", "verify"))
	case u.Kind == journal.KindFound:
		return cannot("davadmin found this version and did not make it")
	case u.Result == journal.NotDone:
		return cmdutil.UndoCommand{}, fmt.Errorf("there is nothing to undo: change %d (%s) was not carried out", u.Change, u.Operation)
	case u.Result == journal.Pending:
		return cannot("it has no result yet: its run is at work or was killed; without --dry-run, this command waits for it")
	}
	for _, undoer := range append(slices.Clone(o.undo.Undoers), pruneUndoer()) {
		if slices.Contains(undoer.Operations, u.Operation) {
			return undoer.Undo(u)
		}
	}
	return cannot("this version of davadmin does not know how to undo that operation")
}

// given returns the options of this run as words for the command that undoes a change. An
// option that the command does not have is a usage error, because it would have no effect.
func (o *historyUndo) given(cmd, target *cobra.Command, change int64, undo cmdutil.UndoCommand) ([]string, error) {
	var words []string
	var foreign *pflag.Flag
	inherited := cmd.InheritedFlags()
	cmd.Flags().Visit(func(f *pflag.Flag) {
		switch list, isList := f.Value.(pflag.SliceValue); {
		case inherited.Lookup(f.Name) != nil: // the same for every command
		case f.Name == "clifile" && target.Flags().Lookup(f.Name) != nil: // run sets it
		case target.Flags().Lookup(f.Name) == nil:
			foreign = f
		case f.Value.Type() == "bool":
			words = append(words, "--"+f.Name+"="+f.Value.String())
		case isList:
			for _, v := range list.GetSlice() {
				words = append(words, "--"+f.Name, v)
			}
		default:
			words = append(words, "--"+f.Name, f.Value.String())
		}
	})
	if foreign != nil {
		return nil, cmdutil.Usagef("option --%s has no effect here: change %d is undone by '%s %s'", foreign.Name, change, undo.Operation, undo.Action)
	}
	return words, nil
}

// findEntry returns the entry of a change given by its number. A number that is not in the
// journal is a usage error.
func findEntry(ctx context.Context, h *cmdutil.Hints, j *journal.Journal, arg string) (journal.Entry, error) {
	change, err := parseChange(h, arg)
	if err != nil {
		return journal.Entry{}, err
	}
	e, err := j.Entry(ctx, change)
	if errors.Is(err, journal.ErrNoChange) || errors.Is(err, journal.ErrNoJournal) {
		return journal.Entry{}, cmdutil.Usagef("%v; %s", err, listHint(h))
	}
	return e, err
}

// parseChange parses the number of a change.
func parseChange(h *cmdutil.Hints, arg string) (int64, error) {
	change, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || change < 1 {
		return 0, cmdutil.Usagef("'%s' is not a change number; %s", arg, listHint(h))
	}
	return change, nil
}

// listHint says how to list the changes.
func listHint(h *cmdutil.Hints) string {
	return "'" + h.Line("history", "list") + "' lists the changes"
}
