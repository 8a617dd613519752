package accountcmd

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/journal"
)

// Undoers returns how the changes of accounts, calendars and back ends are undone.
func Undoers(f *cmdutil.Factory) []cmdutil.Undoer {
	backend := cmdutil.ConfigKind()
	created := cmdutil.FileUndoer(f.Hints, backend, "backend create")
	ofFile := created.Undo
	created.Undo = func(u cmdutil.Undoable) (cmdutil.UndoCommand, error) {
		c, err := ofFile(u)
		c.Effect += "; the store of the back end is kept, but its accounts are no longer found"
		return c, err
	}
	return []cmdutil.Undoer{
		cmdutil.FileUndoer(f.Hints, backend, "backend delete"),
		{
			Operations: []string{
				"account create", "account modify", "account delete", "account move", "account subscribe", "account unsubscribe", "account repair", "account upgrade",
				"account delcomponent", "calendar create", "calendar modify", "calendar delete",
			},
			Undo: undoAccounts,
		},
		created,
		cmdutil.CannotUndo(func(cmdutil.Undoable) string { return "what a purge removes is gone" }, "backend purge"),
		cmdutil.CannotUndo(func(cmdutil.Undoable) string {
			return "what it writes is computed from the texts of the components, which it does not change"
		}, "db verify"),
		cmdutil.CannotUndo(func(u cmdutil.Undoable) string {
			if kept, ok := strings.CutPrefix(u.Detail, keptStore); ok {
				return "accounts may have been created in the new store since; the old store is kept: " + kept
			}
			return "accounts may have been created in the store since"
		}, "db init"),
		cmdutil.CannotUndo(func(u cmdutil.Undoable) string {
			reason := "the store may have been changed since"
			if u.Detail != "" {
				reason += " (" + u.Detail + ")"
			}
			return reason
		}, "db schema_fullupgrade"),
	}
}

// undoAccounts returns the command that runs the undo file of a change of accounts.
func undoAccounts(u cmdutil.Undoable) (cmdutil.UndoCommand, error) {
	path := undoPath(u.Dir, u.Change)
	words, err := undoWords(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && u.Result == journal.Done:
		return cmdutil.UndoCommand{}, fmt.Errorf("change %d (%s) cannot be undone, because it has no undo file: either it changed nothing, or the file was pruned", u.Change, u.Operation)
	case errors.Is(err, fs.ErrNotExist):
		return cmdutil.UndoCommand{}, fmt.Errorf("there is nothing to undo: change %d (%s) was interrupted before it changed anything, or its undo file was pruned", u.Change, u.Operation)
	case err != nil:
		return cmdutil.UndoCommand{}, fmt.Errorf("change %d (%s) cannot be undone: its undo file: %w", u.Change, u.Operation, err)
	}
	return cmdutil.UndoCommand{
		Operation: words[0], Action: words[1], Words: append(words[2:], "-f", path),
		Effect: "undoes it line by line, from the last to the first",
	}, nil
}

// undoPath returns the undo file of a change of accounts, in the directory of the journal.
func undoPath(dir string, change int64) string {
	return filepath.Join(dir, "accounts", fmt.Sprintf("%d.undo", change))
}

// errUndoFile is returned for an undo file whose first line names no command.
var errUndoFile = errors.New("its first line does not name the command that reads it")

// undoWords returns the operation, the action and the options of the command that an undo
// file names in its first line, without -f and its value.
func undoWords(path string) ([]string, error) {
	file, err := fsx.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	line, _, err := bufio.NewReaderSize(file, 1<<10).ReadLine()
	if err != nil {
		return nil, errUndoFile
	}
	words, ok := cutUndoMark(string(line))
	if !ok || len(words) < 2 || words[0] != "account" && words[0] != "calendar" {
		return nil, errUndoFile
	}
	return words, nil
}
