package cmdutil

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/pkg/journal"
)

// Undoer knows how to undo the changes that some operations recorded in a journal. A family
// of commands returns those of its own operations; 'history undo' finds the one for a change.
type Undoer struct {
	// Operations are the operations as recorded, such as "config modify".
	Operations []string
	// Undo returns the command that undoes a change. An error says why it cannot be undone.
	// It changes nothing.
	Undo func(Undoable) (UndoCommand, error)
}

// Undoable is a change to undo. It was carried out, or interrupted.
type Undoable struct {
	journal.Entry
	Dir string // of the journal
}

// UndoCommand is a command that undoes a change, without the options that the user gives.
type UndoCommand struct {
	Operation string
	Action    string
	Words     []string
	// Effect says what the command does, as a sentence without the final full stop.
	Effect string
}

// CannotUndo returns the Undoer of operations whose changes cannot be undone. The reason is
// a clause that follows "because".
func CannotUndo(reason func(Undoable) string, operations ...string) Undoer {
	return Undoer{Operations: operations, Undo: func(u Undoable) (UndoCommand, error) {
		return UndoCommand{}, fmt.Errorf("change %d (%s) cannot be undone, because %s", u.Change, u.Operation, reason(u))
	}}
}

// FileUndoer returns the Undoer of the operations that change a file of a home. The undo is
// the action 'revert' of an operation.
func FileUndoer(h *Hints, k FileKind, operations ...string) Undoer {
	return Undoer{Operations: operations, Undo: func(u Undoable) (UndoCommand, error) {
		if u.Result == journal.Unfinished {
			return UndoCommand{}, fmt.Errorf("change %d (%s) cannot be undone alone, because it was interrupted; '%s' lists the revisions of %s that can be restored",
				u.Change, u.Operation, h.Line(k.Operation, "history"), k.Title)
		}
		return UndoCommand{
			Operation: k.Operation, Action: "revert", Words: []string{"--change", strconv.FormatInt(u.Change, 10)},
			Effect: fileEffect(u, k),
		}, nil
	}}
}

// fileEffect says what undoing a change of a file does. Secrets are masked in the journal.
func fileEffect(u Undoable, k FileKind) string {
	const named = 3
	if len(u.Items) == 0 {
		return "restores " + k.Title + " as it was before"
	}
	parts := make([]string, 0, named)
	for _, it := range u.Items[:min(named, len(u.Items))] {
		was := "not set"
		if it.WasSet {
			was = "'" + it.Old + "'"
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", it.Name, was))
	}
	text := "restores " + strings.Join(parts, ", ")
	if more := len(u.Items) + u.More - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}
