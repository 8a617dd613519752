package cmdutil

import (
	"context"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// FileEdit is a change of a file of a home by an action of its operation.
type FileEdit struct {
	File   *HomeFile
	Action string
	Remark string
	Make   func(current []byte) (after []byte, changes []config.Change, err error)

	// Question is asked before the change. Without one, nothing is asked.
	Question string
	// Warnings returns the warnings of the last call of Make. It may be nil.
	Warnings func() []config.Warning
	// After is called when a change was made and reported. It may be nil.
	After func()
}

// Edit makes a change, or previews it with --dry-run, and reports it. A change that is
// refused leaves no trace, and no question is asked about it.
func (hf *HomeFiles) Edit(ctx context.Context, format ui.Format, e FileEdit) error {
	s := e.File
	edit := config.Edit{
		Operation: s.Operation + " " + e.Action, Command: hf.journals.Command(), Remark: e.Remark, Mask: s.Labels.Mask, Make: e.Make,
	}
	explain := func(err error) error { return hf.hints.RefusedUsage(hf.ExplainFile(ctx, err, s.FileKind, s.File)) }
	preview, err := s.File.Preview(ctx, edit)
	if err != nil {
		return explain(err)
	}
	if e.Question != "" && !hf.global.DryRun && preview.Changed() {
		if err := hf.console.Confirm(ctx, e.Question); err != nil {
			return err
		}
	}
	outcome, err := hf.Apply(ctx, s.File, edit)
	if err != nil {
		return explain(err)
	}
	if e.Warnings != nil {
		for _, w := range e.Warnings() {
			hf.warn(w)
		}
	}
	err = hf.ShowChange(format, e.Action, s, outcome)
	if err == nil && e.After != nil && outcome.Revision != 0 {
		e.After()
	}
	return hf.ReportError(s, outcome, err)
}

// warn prints a warning of an edit, with what to do about it.
func (hf *HomeFiles) warn(w config.Warning) {
	text := w.Name + ": " + w.Text
	if w.Hint != "" {
		text += "; " + w.Hint
	}
	if len(w.Lost) > 0 {
		text += "; to restore: " + hf.hints.Line("config", "modify", "-o", w.Name, "--add", strings.Join(w.Lost, " "))
	}
	if w.Missing != "" {
		text += "; to add it: " + hf.hints.Line("config", "modify", "-o", w.List, "--add", w.Missing)
	}
	if w.Note {
		hf.console.Notef("davadmin: note: %s", text)
		return
	}
	hf.console.Warnf("%s", text)
}

// Apply applies an edit or, with --dry-run, previews it.
func (hf *HomeFiles) Apply(ctx context.Context, file *config.File, edit config.Edit) (*config.Outcome, error) {
	if hf.global.DryRun {
		return file.Preview(ctx, edit)
	}
	hf.console.ChangeBegins()
	outcome, err := file.Apply(ctx, edit)
	if outcome != nil {
		hf.journals.WarnNotes(outcome.Notes)
	}
	return outcome, err
}

// RemoveMark is the function of a config.Edit that removes the byte-order mark from the
// beginning of the file.
func (s *HomeFile) RemoveMark(current []byte) ([]byte, []config.Change, error) {
	after, changes, err := config.RemoveMark(current)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", s.File.Path(), err)
	}
	return after, changes, nil
}

// RemoveMarkHelp explains the option --remove-bom.
const RemoveMarkHelp = "remove the byte-order mark (BOM) from the beginning of the file, and change nothing else"

// ModifyParameters returns the function of a config.Edit that carries out requests on the text of the configuration.
func (s *HomeFile) ModifyParameters(requests []config.Request, how config.ModifyOptions, warnings *[]config.Warning) func([]byte) ([]byte, []config.Change, error) {
	return func(current []byte) ([]byte, []config.Change, error) {
		doc, err := config.Parse(current)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", s.File.Path(), err)
		}
		if *warnings, err = s.Registry.Modify(doc, requests, how); err != nil {
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
