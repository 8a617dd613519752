package cli

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

// fileKind is a file of a home with actions that change it, as the command line
// speaks of it.
type fileKind struct {
	operation    string      // the word of the command line
	what         string      // what the file is
	path         string      // in the home
	mode         fs.FileMode // of a file that is made; 0 for the usual
	reverts      string      // the operation whose revert takes a change back; "" for this one
	optional     bool        // a home need not have it
	serverWrites bool        // a running server may write it as well
	wordsOf      func(*config.Registry) words
}

func configKind() fileKind {
	return fileKind{
		operation: "config", what: "the configuration", path: config.ServerFile, serverWrites: true,
		wordsOf: func(r *config.Registry) words { return configWords{r} },
	}
}

func (k fileKind) schema(action string) string {
	return "davadmin." + k.operation + "." + action + ".1"
}

// subject is such a file in one home.
type subject struct {
	fileKind
	home     string
	file     *config.File
	registry *config.Registry
	words    words
}

// words say how keys and values of a file are shown.
type words interface {
	name(key string) string
	mask(key, value string) string
	unset(key string) string // what stands in the place of a value, fit for a terminal
	restart(key string) config.Restart
}

// openFile finds the home. It reads nothing but the clifile.
func (a *App) openFile(k fileKind, o *homeOptions, lock lockOptions) (*subject, error) {
	home, err := a.home(o)
	if err != nil {
		return nil, err
	}
	registry, err := config.NewRegistry()
	if err != nil {
		return nil, err
	}
	file := config.NewFile(a.journal(home, lock.timeout), config.FileOptions{Home: home, Name: k.path, Optional: k.optional, Mode: k.mode, Hook: a.Hook})
	return &subject{fileKind: k, home: home, file: file, registry: registry, words: k.wordsOf(registry)}, nil
}

func parseRevision(k fileKind, arg string) (int64, error) {
	n, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || n < 1 {
		return 0, usagef("'%s' is not a revision number; 'davadmin %s history' lists them", arg, k.operation)
	}
	return n, nil
}

// at returns the content of a revision.
func (s *subject) at(ctx context.Context, revision int64) ([]byte, error) {
	text, err := s.file.At(ctx, revision)
	switch {
	case errors.Is(err, journal.ErrNoVersion):
		return nil, fmt.Errorf("revision %d: its content was pruned; 'davadmin %s history' lists what there is", revision, s.operation)
	case errors.Is(err, config.ErrNoRevision):
		return nil, usagef("%v; 'davadmin %s history' lists them", err, s.operation)
	}
	return text, err
}

// carryOut applies or, with --dry-run, previews an edit.
func (a *App) carryOut(ctx context.Context, file *config.File, edit config.Edit) (*config.Outcome, error) {
	if a.opts.dryRun {
		return file.Preview(ctx, edit)
	}
	outcome, err := file.Apply(ctx, edit)
	if outcome != nil {
		a.warnNotes(outcome.Notes)
	}
	return outcome, err
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
func (s *subject) changeRows(changes []config.Change) []changeRow {
	rows := make([]changeRow, len(changes))
	for i, c := range changes {
		rows[i] = changeRow{
			Name: c.Key, Old: s.words.mask(c.Key, c.Old), New: s.words.mask(c.Key, c.New), WasSet: c.HadOld, IsSet: c.HasNew,
			Restart: string(s.words.restart(c.Key)),
		}
	}
	return rows
}

// afterChange makes an error of the report say that the change was made.
func (a *App) afterChange(s *subject, o *config.Outcome, err error) error {
	if err == nil && a.Streams.Flush != nil {
		err = a.Streams.Flush()
	}
	if err == nil || o.Revision == 0 {
		return err
	}
	return fmt.Errorf("%s; that change was made, but its report could not be written: %w", a.revisionWords(s, o), err)
}

// showChange prints what an action changed, or would change.
func (a *App) showChange(format ui.Format, action string, s *subject, o *config.Outcome) error {
	rows, path := s.changeRows(o.Changes), s.file.Path()
	if format == ui.JSON {
		return ui.WriteJSON(a.Streams.Out, struct {
			Schema   string      `json:"schema"`
			File     string      `json:"file"`
			DryRun   bool        `json:"dry_run"`
			Changed  bool        `json:"changed"`
			Changes  []changeRow `json:"changes"`
			Revision int64       `json:"revision,omitempty"`
			Undo     string      `json:"undo,omitempty"`
		}{s.schema(action), path, a.opts.dryRun, o.Changed(), rows, o.Revision, a.undoCommand(s, o)})
	}
	if !a.opts.quiet {
		if err := a.printChanges(s, rows); err != nil {
			return err
		}
	}
	if a.opts.dryRun && o.Changed() {
		if err := a.printDiff(s.registry, path, o.Before, path+" (not written)", o.After); err != nil {
			return err
		}
	}
	switch {
	case !o.Changed():
		a.notef("nothing to do: %s says so already", path)
	case a.opts.dryRun:
		a.notef("dry run: nothing was changed")
	default:
		a.notef("%s", a.revisionWords(s, o))
		if s.serverWrites {
			a.noteServer(s.home)
		}
	}
	return nil
}

// revisionWords name the revision that was made, and the way back.
func (a *App) revisionWords(s *subject, o *config.Outcome) string {
	text := fmt.Sprintf("revision %d", o.Revision)
	if undo := a.undoCommand(s, o); undo != "" {
		text += "; to undo: " + undo
	}
	return text
}

func (a *App) undoCommand(s *subject, o *config.Outcome) string {
	if o.Previous == 0 || o.Revision == 0 {
		return ""
	}
	return a.withHome(fmt.Sprintf("davadmin %s revert %d", cmp.Or(s.reverts, s.operation), o.Previous))
}

func (a *App) printChanges(s *subject, rows []changeRow) error {
	for _, c := range rows {
		_, err := fmt.Fprintf(a.Streams.Out, "%s\n  old: %s\n  new: %s\n  restart: %s\n", ui.Sanitize(s.words.name(c.Name)),
			s.shownValue(c.Name, c.Old, c.WasSet), s.shownValue(c.Name, c.New, c.IsSet), restartText(s.words.restart(c.Name)))
		if err != nil {
			return err
		}
	}
	return nil
}

// maxShown bounds how much of a value a report for people shows, in bytes.
const maxShown = 4096

// shownValue words a value, which is masked already, for a person.
func (s *subject) shownValue(name, value string, set bool) string {
	if set {
		return ui.Sanitize(ui.Clip(value, maxShown))
	}
	return s.words.unset(name)
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
