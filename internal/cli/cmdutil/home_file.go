package cmdutil

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/journal"
)

// FileKind is a file of a home with actions that change it, as the command line
// speaks of it.
type FileKind struct {
	Operation    string      // the word of the command line
	Title        string      // what the file is
	Path         string      // in the home
	Mode         fs.FileMode // of a file that is made; 0 for the usual
	RevertsWith  string      // the operation whose revert takes a change back; "" for this one
	Optional     bool        // a home need not have it
	serverWrites bool        // a running server may write it as well
	LabelsOf     func(*config.Registry) Labels
}

func (k FileKind) Schema(action string) string {
	return "davadmin." + k.Operation + "." + action + ".1"
}

// HomeFile is such a file in one home.
type HomeFile struct {
	FileKind
	Home     string
	File     *config.File
	Registry *config.Registry
	Labels   Labels
	hints    *Hints
}

// Labels say how keys and values of a file are shown.
type Labels interface {
	Name(key string) string
	Mask(key, value string) string
	Unset(key string) string // what stands in the place of a value, fit for a terminal
	Restart(key string) config.Restart
}

// ParseRevision parses the number of a revision of a file.
func (hf *HomeFiles) ParseRevision(k FileKind, arg string) (int64, error) {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n < 1 {
		return 0, Usagef("'%s' is not a revision number; '%s' lists them", arg, hf.hints.Line(k.Operation, "history"))
	}
	return n, nil
}

// At returns the content of a revision.
func (s *HomeFile) At(ctx context.Context, revision int64) ([]byte, error) {
	text, err := s.File.At(ctx, revision)
	switch {
	case errors.Is(err, journal.ErrNoVersion):
		return nil, fmt.Errorf("revision %d: its content was pruned; '%s' lists the revisions", revision, s.hints.Line(s.Operation, "history"))
	case errors.Is(err, config.ErrNoRevision):
		return nil, Usagef("%v; '%s' lists them", err, s.hints.Line(s.Operation, "history"))
	}
	return text, err
}

// Apply applies an edit or, with --dry-run, previews it.
func (hf *HomeFiles) Apply(ctx context.Context, file *config.File, edit config.Edit) (*config.Outcome, error) {
	if hf.global.DryRun {
		return file.Preview(ctx, edit)
	}
	outcome, err := file.Apply(ctx, edit)
	if outcome != nil {
		hf.journals.WarnNotes(outcome.Notes)
	}
	return outcome, err
}

// changeRow is one changed key in the output.
type changeRow struct {
	Name    string `json:"name"`
	Old     string `json:"old"`
	New     string `json:"new"`
	WasSet  bool   `json:"was_set"`
	IsSet   bool   `json:"is_set"`
	Restart string `json:"restart"`
}

// changeRows words changes for the output, secrets masked.
func (s *HomeFile) changeRows(changes []config.Change) []changeRow {
	rows := make([]changeRow, len(changes))
	for i, c := range changes {
		rows[i] = changeRow{
			Name: c.Key, Old: s.Labels.Mask(c.Key, c.Old), New: s.Labels.Mask(c.Key, c.New), WasSet: c.HadOld, IsSet: c.HasNew,
			Restart: string(s.Labels.Restart(c.Key)),
		}
	}
	return rows
}

// ReportError makes an error of the report say that the change was made.
func (hf *HomeFiles) ReportError(s *HomeFile, o *config.Outcome, err error) error {
	if err == nil && hf.console.Streams.Flush != nil {
		err = hf.console.Streams.Flush()
	}
	if err == nil || o.Revision == 0 {
		return err
	}
	return fmt.Errorf("%s; that change was made, but its report could not be written: %w", hf.RevisionText(s, o), err)
}

// ShowChange prints what an action changed, or would change.
func (hf *HomeFiles) ShowChange(format ui.Format, action string, s *HomeFile, o *config.Outcome) error {
	rows, path := s.changeRows(o.Changes), s.File.Path()
	if format == ui.JSON {
		return ui.WriteJSON(hf.console.Streams.Out, struct {
			Schema   string      `json:"schema"`
			File     string      `json:"file"`
			DryRun   bool        `json:"dry_run"`
			Changed  bool        `json:"changed"`
			Changes  []changeRow `json:"changes"`
			Revision int64       `json:"revision,omitempty"`
			Undo     string      `json:"undo,omitempty"`
		}{s.Schema(action), path, hf.global.DryRun, o.Changed(), rows, o.Revision, hf.UndoCommand(s, o)})
	}
	if !hf.global.Quiet {
		if err := hf.printChanges(s, rows); err != nil {
			return err
		}
	}
	if hf.global.DryRun && o.Changed() {
		if err := hf.PrintDiff(s.Registry, path, o.Before, path+" (not written)", o.After); err != nil {
			return err
		}
	}
	switch {
	case !o.Changed():
		hf.console.Notef("nothing to do: %s says so already", path)
	case hf.global.DryRun:
		hf.console.Notef("dry run: nothing was changed")
	default:
		hf.console.Notef("%s", hf.RevisionText(s, o))
		if s.serverWrites {
			hf.noteServer(s.Home)
		}
	}
	return nil
}

// RevisionText name the revision that was made, and the way back.
func (hf *HomeFiles) RevisionText(s *HomeFile, o *config.Outcome) string {
	text := fmt.Sprintf("revision %d", o.Revision)
	if undo := hf.UndoCommand(s, o); undo != "" {
		text += "; to undo: " + undo
	}
	return text
}

func (hf *HomeFiles) UndoCommand(s *HomeFile, o *config.Outcome) string {
	if o.Previous == 0 || o.Revision == 0 {
		return ""
	}
	return hf.hints.Line(cmp.Or(s.RevertsWith, s.Operation), "revert", strconv.FormatInt(o.Previous, 10))
}

func (hf *HomeFiles) printChanges(s *HomeFile, rows []changeRow) error {
	for _, c := range rows {
		_, err := fmt.Fprintf(hf.console.Streams.Out, "%s\n  old: %s\n  new: %s\n  restart: %s\n", ui.Sanitize(s.Labels.Name(c.Name)),
			s.shownValue(c.Name, c.Old, c.WasSet), s.shownValue(c.Name, c.New, c.IsSet), RestartText(s.Labels.Restart(c.Name)))
		if err != nil {
			return err
		}
	}
	return nil
}

// shownValue words a value, which is masked already, for a person.
func (s *HomeFile) shownValue(name, value string, set bool) string {
	if set {
		return ui.Sanitize(ui.Clip(value, MaxShown))
	}
	return s.Labels.Unset(name)
}

func RestartText(r config.Restart) string {
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
func (hf *HomeFiles) noteServer(home string) {
	if _, err := os.Stat(filepath.Join(home, "sbin", "davadmin")); err == nil || !errors.Is(err, fs.ErrNotExist) {
		hf.console.Notef("this is a home of Oracle's server: if it is running, it may write the file from memory again; '%s' shows that",
			hf.hints.Line("config", "diff"))
	}
}

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
