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

// FileKind describes a file of a home that an operation works on.
type FileKind struct {
	Operation    string       // on the command line
	Title        string       // for help, such as "the configuration"
	Path         string       // relative to the home
	Mode         fs.FileMode  // of a new file; 0 for the default
	Area         journal.Area // what a change locks; "" for the configuration
	RevertsWith  string       // the operation whose revert undoes a change; "" for this one
	Optional     bool         // a home may have no such file
	serverWrites bool         // a running server may write the file as well
	LabelsOf     func(*config.Registry) Labels
}

// Schema returns the schema of the JSON output of an action.
func (k FileKind) Schema(action string) string {
	return "davadmin." + k.Operation + "." + action + ".1"
}

// HomeFile is the file of a kind in a home.
type HomeFile struct {
	FileKind
	Home     string
	File     *config.File
	Registry *config.Registry
	Labels   Labels
	hints    *Hints
}

// Labels shows the keys and values of a file to people.
type Labels interface {
	Name(key string) string
	Mask(key, value string) string
	Unset(key string) string // what is shown instead of a value; safe for a terminal
	Restart(key string) config.Restart
}

// ParseRevision parses the number of a revision of a file.
func (hf *HomeFiles) ParseRevision(k FileKind, arg string) (int64, error) {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n < 1 {
		return 0, Usagef("'%s' is not a revision number; '%s' lists the revisions", arg, hf.hints.Line(k.Operation, "history"))
	}
	return n, nil
}

// lostVersion returns the error for content that was not pruned, and is not there.
func (s *HomeFile) lostVersion(what, path string) error {
	return fmt.Errorf("%s is lost: it was not pruned, but %s is missing; restore that file from a backup ('%s' lists what else is missing)", what, path, s.hints.Line("history", "verify"))
}

// At returns the content of the file in a revision; nil if there was no file.
func (s *HomeFile) At(ctx context.Context, revision int64) ([]byte, error) {
	text, err := s.File.At(ctx, revision)
	switch {
	case errors.Is(err, journal.ErrNoVersion):
		if pruned, path := s.File.Gone(ctx, err); !pruned {
			return nil, s.lostVersion(fmt.Sprintf("revision %d: its content", revision), path)
		}
		return nil, fmt.Errorf("revision %d: its content was pruned; '%s' lists the revisions", revision, s.hints.Line(s.Operation, "history"))
	case errors.Is(err, config.ErrNoRevision):
		return nil, Usagef("%v; '%s' lists the revisions", err, s.hints.Line(s.Operation, "history"))
	}
	return text, err
}

// changeRow is a changed key in the output.
type changeRow struct {
	Name    string `json:"name"`
	Old     string `json:"old"`
	New     string `json:"new"`
	WasSet  bool   `json:"was_set"`
	IsSet   bool   `json:"is_set"`
	Restart string `json:"restart"`
}

// changeRows returns changes for the output, with secrets masked.
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

// ReportError flushes the output. If the report of a change could not be written, it says
// that the change was made, and returns nil. Otherwise it returns err.
func (hf *HomeFiles) ReportError(s *HomeFile, o *config.Outcome, err error) error {
	made := ""
	if o.Revision != 0 {
		made = fmt.Sprintf("revision %d; the change was made", o.Revision)
	}
	return hf.console.LostReport(made, hf.UndoCommand(s, o), err)
}

// ShowChange prints what an action changed or, with --dry-run, would change.
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
	hf.NoteOutcome(s, o, o.Changed())
	return nil
}

// NoteOutcome notes how a change ended: nothing to do, a dry run, or the revision that was
// made and how to undo it.
func (hf *HomeFiles) NoteOutcome(s *HomeFile, o *config.Outcome, changed bool) {
	switch {
	case !changed:
		hf.console.Notef("nothing to do: %s is already up to date", s.File.Path())
	case hf.global.DryRun:
		hf.console.Notef("dry run: nothing was changed")
	default:
		hf.console.Notef("%s", hf.RevisionText(s, o))
		if s.serverWrites {
			hf.noteServer(s.Home)
		}
	}
}

// RevisionText returns the revision that was made and how to undo it.
func (hf *HomeFiles) RevisionText(s *HomeFile, o *config.Outcome) string {
	text := fmt.Sprintf("revision %d", o.Revision)
	if undo := hf.UndoCommand(s, o); undo != "" {
		text += "; to undo: " + undo
	}
	return text
}

// UndoCommand returns the command that undoes a change, or an empty string if there is
// nothing to undo.
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

// shownValue returns a value, which is already masked, for people.
func (s *HomeFile) shownValue(name, value string, set bool) string {
	if set {
		return ui.Sanitize(ui.Clip(value, MaxShown))
	}
	return s.Labels.Unset(name)
}

// RestartText returns whether a change requires a restart of the server.
func RestartText(r config.Restart) string {
	switch r {
	case config.RestartNo:
		return "not needed"
	case config.RestartYes:
		return "needed"
	}
	return "unknown; restart the server to be sure"
}

// noteServer notes that the server of a home made by Oracle's installer may write the file
// as well.
func (hf *HomeFiles) noteServer(home string) {
	if _, err := os.Stat(filepath.Join(home, "sbin", "davadmin")); err == nil || !errors.Is(err, fs.ErrNotExist) {
		hf.console.Notef("this is a home of Oracle's server: if the server is running, it may overwrite the file from memory; '%s' shows whether it did",
			hf.hints.Line("config", "diff"))
	}
}
