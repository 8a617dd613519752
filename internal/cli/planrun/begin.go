package planrun

import (
	"context"
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// begin records that a run begins, and writes its files unless it resumes another one,
// run. toChange is the number of entries of a new run. A new run has the number of its
// change, which is known only once it is recorded, as other commands record changes
// meanwhile. The undo file is on disk before the first change of the directory.
func (o *Runner) begin(ctx context.Context, a *ldapchange.Applier, run *ldapchange.Run, plan *ldapchange.Plan, rec records, s *journal.Session, toChange int) (*ldapchange.Run, int64, error) {
	change, err := o.journals.BeginNumbered(ctx, s, func(change int64) journal.Intent {
		id, server, n := change, a.Server(), toChange
		if run != nil {
			id, server, n = run.ID, run.Server, run.ToChange
		}
		return journal.Intent{Operation: o.operation, Command: o.journals.Command(), Items: []journal.Item{
			{Name: "run", New: fmt.Sprint(id), IsSet: true}, {Name: "directory", New: server, IsSet: true},
			{Name: "plan", New: plan.Path(), IsSet: true}, {Name: "entries", New: fmt.Sprint(n), IsSet: true},
		}}
	})
	if err != nil || run != nil {
		return run, change, err
	}
	if run, err = o.writeRun(ctx, a, rec, change); err != nil {
		return nil, 0, errors.Join(err, s.End(context.WithoutCancel(ctx), change, journal.NotDone, "the files of the run could not be written"))
	}
	return run, change, nil
}

// writeRun writes the files of a new run, which has the number of its change.
func (o *Runner) writeRun(ctx context.Context, a *ldapchange.Applier, rec records, change int64) (*ldapchange.Run, error) {
	for _, dir := range []string{rec.runs.Dir, rec.runs.Path(change)} {
		if err := fsx.MkdirPrivate(ctx, dir, rec.base, o.hook); err != nil {
			return nil, err
		}
	}
	return a.Write(rec.runs.Path(change), change, o.undoes)
}
