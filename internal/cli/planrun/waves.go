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

// noteAccounts names the users of waves who are on the old server again, but have an account
// on the new one, with the command that deletes these accounts. The rollback is done, so what
// cannot be found out is only a warning.
func (o *Runner) noteAccounts(ctx context.Context, rec records, h *cmdutil.HomeConfig, waves []*coexist.WaveStatus, plan *ldapchange.Plan) {
	if len(waves) == 0 {
		return
	}
	unknown := func(why string) {
		o.console.Warnf("whether the users of the wave have accounts on the new server is unknown: %s; '%s' lists accounts", why, o.hints.Line("account", "list"))
	}
	if h == nil {
		unknown("no home was given")
		return
	}
	wave := waves[0]
	if !wave.Traced {
		unknown("an earlier version planned the wave, and did not list its users")
		return
	}
	accounts, err := o.stores.Accounts(ctx, &o.HomeOptions, h)
	if err != nil {
		unknown(err.Error())
		return
	}
	if accounts == nil {
		return // accounts are not kept by this program
	}
	entries, err := coexist.PlanEntries(plan)
	if err != nil {
		unknown(err.Error())
		return
	}
	records := o.wavesOf(rec)
	var left []string
	for p, err := range records.People(wave.ID) {
		if err != nil {
			unknown(err.Error())
			return
		}
		if entries.Has(p.DN) && accounts.HasMail(p.Address) {
			left = append(left, p.Address)
		}
	}
	if len(left) == 0 {
		return
	}
	path, err := records.RecordAccounts(ctx, wave.ID, left)
	if err != nil {
		unknown(err.Error())
		return
	}
	o.console.Notef("accounts on the new server: %s of the wave still %s one, with what was entered there; to delete them: %s", cmdutil.Plural(len(left), "user"),
		map[bool]string{true: "has", false: "have"}[len(left) == 1], o.hints.Line("account", "delete", "-f", path))
}
