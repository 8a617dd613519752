package planrun

import (
	"fmt"
	"strconv"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/journal"
)

// Journal returns the journal in the directory of --runs, or else that of the home.
func (o *Runner) Journal() (*journal.Journal, error) {
	rec, err := o.findRecords()
	return rec.journal, err
}

// Undoer returns how the runs of operations that change a directory are undone. The record
// of a change names its run, which may be an earlier change that it resumed.
func Undoer(operations ...string) cmdutil.Undoer {
	return cmdutil.Undoer{Operations: operations, Undo: func(u cmdutil.Undoable) (cmdutil.UndoCommand, error) {
		values := map[string]string{}
		for _, it := range u.Items {
			values[it.Name] = it.New
		}
		run, err := strconv.ParseInt(values["run"], 10, 64)
		if err != nil || run < 1 {
			return cmdutil.UndoCommand{}, fmt.Errorf("change %d (%s) cannot be undone, because its record does not name the run", u.Change, u.Operation)
		}
		return cmdutil.UndoCommand{
			Operation: "ldap", Action: "undo", Words: []string{strconv.FormatInt(run, 10)},
			Effect: fmt.Sprintf("restores the values that run %d changed on %s, from its undo file", run, values["directory"]),
		}, nil
	}}
}
