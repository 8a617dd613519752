package storehome

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/journal"
)

// UndoByFile returns the command that runs the undo file of a change. It is an action of one
// of the operations.
func UndoByFile(u cmdutil.Undoable, operations ...string) (cmdutil.UndoCommand, error) {
	path := UndoPath(u.Dir, u.Change)
	words, err := undoWords(path, operations)
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

// UndoPath returns the undo file of a change of accounts, in the directory of the journal.
func UndoPath(dir string, change int64) string {
	return filepath.Join(dir, "accounts", fmt.Sprintf("%d.undo", change))
}

// errUndoFile is returned for an undo file whose first line names no command.
var errUndoFile = errors.New("its first line does not name the command that reads it")

// undoWords returns the operation, the action and the options of the command that an undo
// file names in its first line, without -f and its value.
func undoWords(path string, operations []string) ([]string, error) {
	file, err := fsx.OpenRegular(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	line, _, err := bufio.NewReaderSize(file, 1<<10).ReadLine()
	if err != nil {
		return nil, errUndoFile
	}
	words, ok := CutUndoMark(string(line))
	if !ok || len(words) < 2 || !slices.Contains(operations, words[0]) {
		return nil, errUndoFile
	}
	return words, nil
}
