package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/journal"
)

// RevertOptions select what the action 'revert' of a file restores: the whole file as of a
// revision, or the file without one change.
type RevertOptions struct {
	change string // of --change; "" without it
}

// Add adds the option --change.
func (o *RevertOptions) Add(f *pflag.FlagSet) {
	f.StringVar(&o.change, "change", "", "undo only the change with this `NUMBER`, and keep later ones")
}

// Check returns a usage error unless there is one revision, or --change and no revision.
func (o *RevertOptions) Check(h *Hints, k FileKind, args []string) error {
	list := func() string { return h.Line(k.Operation, "history") }
	switch {
	case o.change != "" && len(args) > 0:
		return Usagef("--change NUMBER undoes one change, and REV restores the whole file; use only one of them")
	case o.change == "" && len(args) != 1:
		return Usagef("missing revision; '%s' lists the revisions", list())
	}
	return nil
}

// Change returns the number of the change to undo, or 0 if a whole revision is restored.
func (o *RevertOptions) Change(hf *HomeFiles, k FileKind) (int64, error) {
	if o.change == "" {
		return 0, nil
	}
	return hf.ParseRevision(k, o.change)
}

// ChangeOf returns the content of the file before and after a change.
func (s *HomeFile) ChangeOf(ctx context.Context, change int64) (before, after []byte, err error) {
	before, after, err = s.File.Change(ctx, change)
	list := s.hints.Line(s.Operation, "history")
	switch {
	case errors.Is(err, journal.ErrNoVersion):
		if pruned, path := s.File.Gone(ctx, err); !pruned {
			return nil, nil, s.lostVersion(fmt.Sprintf("change %d cannot be undone: a version that it needs", change), path)
		}
		return nil, nil, fmt.Errorf("change %d cannot be undone: a version that it needs was pruned", change)
	case errors.Is(err, config.ErrForeignVersion):
		return nil, nil, Usagef("%v, so it cannot be undone alone; '%s' lists the revisions that can be restored", err, list)
	case errors.Is(err, config.ErrNoRevision):
		return nil, nil, Usagef("%v; '%s' lists the changes", err, list)
	case err == nil && before == nil && !s.Optional:
		return nil, nil, fmt.Errorf("change %d cannot be undone: it created %s, which a home requires", change, s.File.Path())
	}
	return before, after, err
}

// ExplainUndo adds to the error of a change that cannot be undone alone what can be done.
func (s *HomeFile) ExplainUndo(ctx context.Context, err error, change int64) error {
	var since *config.ChangedSinceError
	if !errors.As(err, &since) {
		return err
	}
	what := s.File.Path() + " was changed since"
	if len(since.Keys) > 0 {
		what = changedAgain(since.Keys)
	}
	text := fmt.Sprintf("change %d cannot be undone alone, because %s", change, what)
	if before := s.revisionBefore(ctx, change); before > 0 {
		text += fmt.Sprintf("; '%s' restores the whole file as it was before change %d, without any later change",
			s.hints.Line(s.Operation, "revert", strconv.FormatInt(before, 10)), change)
	}
	return &ConflictError{Text: text}
}

// changedAgain says which settings were changed again; the first few by name.
func changedAgain(keys []string) string {
	const named = 3
	text := strings.Join(keys[:min(named, len(keys))], ", ")
	if more := len(keys) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	if len(keys) == 1 {
		return text + " was changed again since"
	}
	return text + " were changed again since"
}

// revisionBefore returns the revision that a change was made from, or 0 if that cannot be
// restored.
func (s *HomeFile) revisionBefore(ctx context.Context, change int64) int64 {
	entries, err := s.File.History(ctx)
	if err != nil {
		return 0
	}
	var last int64
	for _, e := range entries {
		if e.Change >= change {
			break
		}
		if v, ok := e.Left(); ok && !(v.Missing && !s.Optional) {
			last = e.Change
		}
	}
	return last
}

// fileRevert is the action 'revert' of a file of a home.
type fileRevert struct {
	console   *Console
	global    *Globals
	hints     *Hints
	homeFiles *HomeFiles
	journals  *Journals
	HomeOptions
	RevertOptions
	kind   FileKind
	lock   LockOptions
	remark string
}

// NewFileRevert returns the action 'revert' of a file of a home.
func NewFileRevert(f *Factory, k FileKind) *cobra.Command {
	o := &fileRevert{console: f.Console, global: f.Global, hints: f.Hints, homeFiles: f.HomeFiles, journals: f.Journals, kind: k}
	cmd := &cobra.Command{
		Use:   "revert REV | --change NUMBER",
		Short: "restore the whole file as of a revision, or undo one change",
		Long: `Makes the file identical to revision REV, byte for byte. This is a change like
any other: the current version is kept, and another revert restores it.

With --change, only what one change did is undone. If the file was not changed
since, that is byte for byte; otherwise only the values of the settings that the
change affected are restored. It is refused if one of them was changed again.`,
		Example: fmt.Sprintf(`  davadmin %[1]s history
  davadmin %[1]s diff 3
  davadmin %[1]s revert 3 --remark 'back to last week'
  davadmin %[1]s revert --change 5`, k.Operation),
		Args: func(_ *cobra.Command, args []string) error { return o.Check(o.hints, k, args) },
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	flags := cmd.Flags()
	o.RevertOptions.Add(flags)
	flags.StringVar(&o.remark, "remark", "", "reason for the change (`TEXT`), kept in the history")
	o.lock.Add(flags)
	o.HomeOptions.Add(flags)
	return cmd
}

func (o *fileRevert) run(ctx context.Context, args []string) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	change, err := o.Change(o.homeFiles, o.kind)
	if err != nil {
		return err
	}
	var revision int64
	if change == 0 {
		if revision, err = o.homeFiles.ParseRevision(o.kind, args[0]); err != nil {
			return err
		}
	}
	c, err := o.homeFiles.Open(o.kind, &o.HomeOptions, o.lock)
	if err != nil {
		return err
	}
	c.File = c.File.MayCreate() // a deleted file can be restored
	edit := config.Edit{Operation: c.Operation + " revert", Command: o.journals.Command(), Remark: o.remark, Mask: c.Labels.Mask}
	if change > 0 {
		before, after, err := c.ChangeOf(ctx, change)
		if err != nil {
			return err
		}
		edit.Make = func(current []byte) ([]byte, []config.Change, error) { return config.Undo(current, before, after) }
	} else if edit.Make, err = o.whole(ctx, c, revision); err != nil {
		return err
	}
	outcome, err := o.homeFiles.Apply(ctx, c.File, edit)
	if err != nil {
		return o.homeFiles.ExplainFile(ctx, c.ExplainUndo(ctx, err, change), c.FileKind, c.File)
	}
	if outcome.After == nil && outcome.Changed() {
		o.console.Notef("%s, so %s", o.didNotExist(c, change, revision), o.removedText())
	}
	return o.homeFiles.ReportError(c, outcome, o.homeFiles.ShowChange(format, "revert", c, outcome))
}

// whole returns the function of an edit that restores a revision.
func (o *fileRevert) whole(ctx context.Context, c *HomeFile, revision int64) (func([]byte) ([]byte, []config.Change, error), error) {
	text, err := c.At(ctx, revision)
	if err != nil {
		return nil, err
	}
	if text == nil && !c.Optional {
		return nil, Usagef("revision %d: %s did not exist then, but a home requires it", revision, c.File.Path())
	}
	target, err := config.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("revision %d: %w", revision, err)
	}
	return func(current []byte) ([]byte, []config.Change, error) {
		doc, err := config.Parse(current)
		if err != nil {
			// Replacing a file that cannot be parsed is what a revert is for.
			o.console.Warnf("%s: %v", c.File.Path(), err)
			return text, nil, nil
		}
		return text, config.Compare(doc, target), nil
	}, nil
}

// didNotExist says when the file did not exist.
func (o *fileRevert) didNotExist(c *HomeFile, change, revision int64) string {
	if change > 0 {
		return fmt.Sprintf("%s did not exist before change %d", c.File.Path(), change)
	}
	return fmt.Sprintf("%s did not exist in revision %d", c.File.Path(), revision)
}

// removedText says that the file was removed, or would be.
func (o *fileRevert) removedText() string {
	if o.global.DryRun {
		return "it would be removed"
	}
	return "it was removed"
}
