package planrun

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// Waves returns where waves are recorded: next to the runs, in the directory of --runs or else
// in the home.
func (o *Runner) Waves() (coexist.Waves, error) {
	rec, err := o.findRecords()
	if err != nil {
		return coexist.Waves{}, err
	}
	return o.wavesOf(rec), nil
}

func (o *Runner) wavesOf(rec records) coexist.Waves {
	return coexist.Waves{Dir: filepath.Join(rec.journal.Dir(), "waves"), Base: rec.base, Runs: rec.runs, Hook: o.hook, Wait: o.lock.Timeout}
}

// OfWave says that the plan that Apply gets next is that of a wave. The wave is recorded,
// unless this is a dry run.
func (o *Runner) OfWave(ctx context.Context, r coexist.WaveRecord, people []coexist.WavePerson) error {
	o.wave = &r
	waves, err := o.Waves()
	if err != nil || o.global.DryRun {
		return err
	}
	book, err := waves.Load(nil)
	if err != nil {
		return err
	}
	if s := book.OfID(r.ID); s != nil && s.WaveRecord == r {
		return nil
	}
	return waves.Record(ctx, r, people)
}

// CheckApplied returns an error if no run that is recorded applied a wave, so that there is
// nothing to roll back.
func (o *Runner) CheckApplied(r *coexist.WaveRecord, dir, back string) error {
	rec, err := o.findRecords()
	if err != nil {
		return err
	}
	book, err := o.wavesOf(rec).Load(r)
	if err != nil {
		return err
	}
	if s := book.OfID(r.ID); s != nil && s.LastApplied() > 0 {
		return nil
	}
	return cmdutil.Usagef("the wave '%s' was never applied from here (%s), so there is nothing to roll back; '%s' lists the waves. If it was applied from another home, name that one with --home, or its --runs directory; "+
		"if it was applied by another program, '%s' restores the values from before", ui.Sanitize(dir), ui.Sanitize(rec.base),
		o.hints.Line("coexist", "waves", o.runsWords()...), o.hints.Line("ldap", "apply", append([]string{back}, o.runsWords()...)...))
}

// guardWaves returns the waves whose users the plan returns to the old server, and an error
// if another wave moved some of these users, and that is still in force.
func (o *Runner) guardWaves(rec records, plan *ldapchange.Plan) ([]*coexist.WaveStatus, error) {
	book, err := o.wavesOf(rec).Load(o.wave)
	if err != nil {
		return nil, err
	}
	back := book.RolledBackBy(plan.Sum, o.undoes)
	err = book.CheckRollback(back, plan)
	var moved *coexist.MovedError
	if !errors.As(err, &moved) {
		return back, err
	}
	users := strings.Join(moved.Users, ", ")
	if more := moved.Total - len(moved.Users); more > 0 {
		users += fmt.Sprintf(" and %d more", more)
	}
	when, next := "later ", o.hints.Line("coexist", "rollback", append([]string{"--wave", moved.Other.Dir}, append(o.Args(), o.runsWords()...)...)...)
	what := "to roll that one back first"
	if !moved.Later {
		when, next, what = "", o.undoLine(moved.Wave.LastApplied()), "to undo only what this wave changed itself"
	}
	return nil, &cmdutil.ConflictError{Text: fmt.Sprintf("the wave %s was not rolled back, because another wave, %s (%s by run %d), %smoved %s of it: %s; %s: %s",
		ui.Sanitize(moved.Wave.Dir), ui.Sanitize(moved.Other.Dir), moved.Other.State, moved.Other.Run, when, cmdutil.Plural(moved.Total, "user"), ui.Sanitize(users), what, next)}
}

// rolledBack is a wave that was rolled back.
type rolledBack struct {
	wave     *coexist.WaveStatus
	plan     *ldapchange.Plan // that restored the entries
	rejected []string         // the DNs of entries that were not restored
	complete bool             // there are no other such entries
}

// noteAccounts names the users of a wave who are on the old server again, but have an account
// on the new one, with the command that deletes these accounts. The rollback is done, so what
// cannot be found out is only a warning.
func (o *Runner) noteAccounts(ctx context.Context, waves coexist.Waves, h *cmdutil.HomeConfig, b rolledBack) {
	ctx, finished := cmdutil.Finishing(ctx)
	defer finished()
	left, err := o.accountsOf(ctx, waves, h, b)
	path := ""
	if err == nil && len(left) > 0 {
		path, err = waves.RecordAccounts(ctx, b.wave.ID, left)
	}
	switch {
	case err != nil:
		o.console.Warnf("whether the users of the wave have accounts on the new server is unknown: %v; '%s' lists accounts", err, o.hints.Line("account", "list"))
	case len(left) == 1:
		o.console.Notef("accounts on the new server: 1 user of the wave still has one, with what was entered there; to delete it: %s", o.hints.Line("account", "delete", "-f", path))
	case len(left) > 1:
		o.console.Notef("accounts on the new server: %d users of the wave still have one, with what was entered there; to delete them: %s", len(left), o.hints.Line("account", "delete", "-f", path))
	}
}

// accountsOf returns the addresses of the users of a wave whose entries were restored and who
// have an account in a back end of the home.
func (o *Runner) accountsOf(ctx context.Context, waves coexist.Waves, h *cmdutil.HomeConfig, b rolledBack) (left []string, err error) {
	switch {
	case h == nil:
		return nil, errors.New("no home was given")
	case !b.wave.Traced:
		return nil, errors.New("an earlier version planned the wave, and did not list its users")
	case !b.complete:
		return nil, errors.New("the run was resumed, and which entries it had refused before is not known")
	}
	accounts, err := o.stores.Accounts(ctx, &o.HomeOptions, h)
	if err != nil || accounts == nil { // nil: the accounts are not in back ends of the home
		return nil, err
	}
	entries, err := coexist.PlanEntries(b.plan)
	if err != nil {
		return nil, err
	}
	for _, dn := range b.rejected {
		entries.Remove(dn)
	}
	for p, err := range waves.People(b.wave.ID) {
		if err != nil {
			return nil, err
		}
		if entries.Has(p.DN) && accounts.HasMail(p.Address) {
			left = append(left, p.Address)
		}
	}
	return left, nil
}
