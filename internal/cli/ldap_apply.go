package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// applyOptions say how changes are made to a directory.
type applyOptions struct {
	serverOptions
	lock       lockOptions
	runs       string
	goOn       bool
	maxChanges string
	parallel   int
	rate       float64
	retryFor   time.Duration
	reject     string
	tmp        string
}

const maxParallel = 64

func (o *applyOptions) add(cmd *cobra.Command) {
	f := cmd.Flags()
	o.serverOptions.add(cmd)
	o.lock.add(f)
	f.StringVar(&o.runs, "runs", "", "`DIR` for the journal and the way back (default: history/ of the home)")
	f.BoolVar(&o.goOn, "continue", false, "go on with the others when an entry is not as the plan expects, or is refused")
	f.StringVar(&o.maxChanges, "max-changes", "", "refuse a plan that changes more entries than this `NUMBER`, or this part of those that were looked at, as in 5%")
	f.IntVar(&o.parallel, "parallel", 4, "how many connections change entries at once (1 to 64)")
	f.Float64Var(&o.rate, "rate", 0, "change this `NUMBER` of entries a second at most; 0 is no limit")
	f.DurationVar(&o.retryFor, "retry-for", time.Minute, "how long to wait for a server that is busy or gone")
	f.StringVar(&o.reject, "reject", "", "write what was not changed to `FILE`, as a plan that can be applied again")
	f.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which nobody else can read (default TMPDIR, else /tmp)")
}

func (o *applyOptions) check() error {
	switch {
	case o.parallel < 1 || o.parallel > maxParallel:
		return usagef("--parallel: %d is not a number from 1 to %d", o.parallel, maxParallel)
	case o.rate < 0:
		return usagef("--rate: %v is less than 0, which is no limit", o.rate)
	case o.retryFor <= 0:
		return usagef("--retry-for must be longer than 0s")
	}
	return o.serverOptions.check()
}

// ldapApply is 'ldap apply', and what 'ldap undo' does with another plan.
type ldapApply struct {
	*App
	applyOptions
	operation string // as the journal names it
	undoes    int64  // the run that is taken back; 0 for none
	undoneOn  string // the server that it changed
	format    ui.Format
	schema    string
}

func (a *App) ldapApplyCommand() *cobra.Command {
	o := &ldapApply{App: a, operation: "ldap apply", schema: "davadmin.ldap.apply.1"}
	cmd := &cobra.Command{
		Use:   "apply PLAN [-H HOST ...] [--dry-run] [--continue]",
		Short: "change the directory by a plan, with the way back on disk first",
		Long: `Changes the entries that a plan names: LDIF of modifications, as 'ldap populate',
'ldap audit --fix-plan' and 'coexist plan' write it, or any other. A plan of ours says for
each entry what must be there before, by the exact bytes. First every entry is read
and compared; nothing is changed while one is not as expected, unless --continue
leaves it out. Then what takes everything back is written to disk, and then the
entries are changed, each guarded by what the server offers: the assertion control, the pre-read
control, or reading before and after.

A run that was stopped is taken up again by the same command: nothing is done twice.
'ldap undo' takes it back, 'ldap runs' lists what was done.

Exits 6 when an entry is not as the plan expects, 4 when --continue left some out, 5
when the server cannot be reached or went away.`,
		Example: `  davadmin ldap apply plan.ldif --dry-run
  davadmin ldap apply plan.ldif -H ldap1 --starttls -D cn=manager --password-file pw
  davadmin ldap apply plan.ldif --continue --reject rejected.ldif --rate 200`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one plan: davadmin ldap apply PLAN")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.applyOptions.check(); err != nil {
				return err
			}
			return o.run(cmd.Context(), args[0])
		},
	}
	o.applyOptions.add(cmd)
	return cmd
}

func (o *ldapApply) run(ctx context.Context, path string) error {
	var err error
	if o.format, err = o.App.format(ui.Plain, ui.Table, ui.JSON); err != nil {
		return err
	}
	plan, err := ldapchange.OpenPlan(path)
	if err != nil {
		return planUsage(err)
	}
	defer func() { _ = plan.Close() }()
	return o.apply(ctx, plan, false)
}

// planUsage makes a fault of a plan one of usage: nothing was changed.
func planUsage(err error) error {
	if errors.Is(err, ldapchange.ErrPlan) || errors.Is(err, ldapchange.ErrSecret) || errors.Is(err, ldapchange.ErrDigest) {
		return usagef("%v", err)
	}
	return err
}

// place is where journal and runs are kept.
type applyPlace struct {
	journal *journal.Journal
	base    string // which the journal belongs to
	runs    ldapchange.Runs
}

// findPlace says where the way back is kept: in the home, or where --runs says.
func (o *ldapApply) findPlace() (applyPlace, error) {
	if o.runs != "" {
		dir, err := filepath.Abs(o.runs)
		if err != nil {
			return applyPlace{}, err
		}
		return applyPlace{
			journal: journal.New(dir, journal.Options{Base: filepath.Dir(dir), Actor: o.actor(), Now: o.Now, LockTimeout: o.lock.timeout, Hook: o.Hook}),
			base:    filepath.Dir(dir), runs: ldapchange.Runs{Dir: filepath.Join(dir, "ldap")},
		}, nil
	}
	home, err := o.home(&o.homeOptions)
	if isUsage(err) {
		return applyPlace{}, usagef("where shall the way back be kept? Give --home DIR of a server, or --runs DIR")
	}
	if err != nil {
		return applyPlace{}, err
	}
	return applyPlace{journal: o.App.journal(home, o.lock.timeout), base: home, runs: ldapchange.Runs{Dir: filepath.Join(home, "history", "ldap")}}, nil
}

// apply checks a plan against the directory and carries it out.
func (o *ldapApply) apply(ctx context.Context, plan *ldapchange.Plan, reverse bool) error {
	if err := o.guardSize(plan); err != nil {
		return err
	}
	at, err := o.findPlace()
	if err != nil {
		return err
	}
	h, err := o.findLDAPHome(ctx, &o.homeOptions)
	if err != nil && o.runs == "" {
		return err
	}
	lo, err := o.liveOptions(&o.serverOptions, h)
	if err != nil {
		return err
	}
	if !o.opts.dryRun && plan.Removes > 0 {
		if err := o.confirm(ctx, fmt.Sprintf("%s remove or replace values that are there. Go on?", plural(plan.Removes, "record"))); err != nil {
			return err
		}
	}
	options := ldapchange.Options{
		Directory: lo, Parallel: min(o.parallel, plan.Records), Rate: o.rate, RetryFor: o.retryFor, Continue: o.goOn, Reverse: reverse, Tmp: o.tmp, Now: o.Now,
		Rejected: func(r *ldapchange.Record, why string) { o.say(o.rejectedLine(plan, r, why)) },
	}
	a, err := ldapchange.NewApplier(ctx, plan, options)
	if err != nil {
		return err
	}
	defer a.Close()
	if o.undoneOn != "" && o.undoneOn != a.Server() {
		o.warnf("run %d changed %s, and is taken back on %s", o.undoes, o.undoneOn, a.Server())
	}
	if o.opts.dryRun {
		return o.rehearse(ctx, a)
	}
	session, err := at.journal.Open(ctx)
	if err != nil {
		return err
	}
	o.warnNotes(session.Notes)
	err = o.carryOutRun(ctx, a, plan, at, session)
	return errors.Join(err, session.Close())
}

// rejectedLine names a record that was not changed.
func (o *ldapApply) rejectedLine(plan *ldapchange.Plan, r *ldapchange.Record, why string) string {
	where := ui.Sanitize(plan.Path())
	if r.Line > 0 {
		where += fmt.Sprintf(":%d", r.Line)
	}
	return fmt.Sprintf("davadmin: %s: %s: not changed: %s", where, ui.Sanitize(r.DN), ui.Sanitize(why))
}

// guardSize refuses a plan that changes more than it may.
func (o *ldapApply) guardSize(plan *ldapchange.Plan) error {
	if o.maxChanges == "" {
		return nil
	}
	number, percent := strings.CutSuffix(o.maxChanges, "%")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || n < 0 || percent && n > 100 || !percent && n != float64(int64(n)) {
		return usagef("--max-changes: '%s' is neither a number nor a part such as 5%%", o.maxChanges)
	}
	if percent {
		if plan.Header.Entries == 0 {
			return usagef("--max-changes: the plan does not say how many entries were looked at; give a number")
		}
		n = float64(plan.Header.Entries) * n / 100
	}
	if float64(plan.Records) > n {
		return usagef("the plan changes %s, and --max-changes %s allows %d; look at the plan, and raise the limit if it is meant so",
			entries(plan.Records), o.maxChanges, int64(n))
	}
	return nil
}

// rehearse says what would be done.
func (o *ldapApply) rehearse(ctx context.Context, a *ldapchange.Applier) error {
	c, err := o.compare(ctx, a)
	if err != nil {
		return err
	}
	if err := o.printChecked(c); err != nil {
		return err
	}
	if err := o.writeRejects(a, c.Server); err != nil {
		return err
	}
	if c.Conflicts > 0 && !o.goOn {
		return fmt.Errorf("%w: %s not as it expects", ldapchange.ErrConflict, isAre(c.Conflicts))
	}
	return o.left(c.Conflicts)
}

func isAre(n int) string {
	if n == 1 {
		return "1 entry is"
	}
	return entries(n) + " are"
}

func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// compare checks the plan, and shows how far it is.
func (o *ldapApply) compare(ctx context.Context, a *ldapchange.Applier) (ldapchange.Checked, error) {
	start := o.Now()
	stop := o.startStatus(func() string {
		return fmt.Sprintf("comparing: %d entries, %.0f a second", a.Seen(), float64(a.Seen())/max(o.Now().Sub(start).Seconds(), 0.001))
	})
	defer stop()
	return a.Check(ctx)
}

// carryOutRun takes up a run that was stopped, or begins one.
func (o *ldapApply) carryOutRun(ctx context.Context, a *ldapchange.Applier, plan *ldapchange.Plan, at applyPlace, s *journal.Session) error {
	run, err := o.unfinished(a, plan, at)
	if err != nil {
		return err
	}
	if run == nil {
		c, err := o.compare(ctx, a)
		if err != nil {
			return err
		}
		if c.Conflicts > 0 && !o.goOn {
			return errors.Join(fmt.Errorf("%w: %s not as it expects, and nothing was changed; --continue leaves out what does not fit", ldapchange.ErrConflict, isAre(c.Conflicts)),
				o.writeRejects(a, c.Server))
		}
		if c.ToChange == 0 {
			return errors.Join(o.printChecked(c), o.writeRejects(a, c.Server), o.left(c.Conflicts))
		}
		id := s.Next()
		for _, dir := range []string{at.runs.Dir, at.runs.Path(id)} {
			if err := fsx.MkdirPrivate(ctx, dir, at.base, o.Hook); err != nil {
				return err
			}
		}
		if run, err = a.Write(at.runs.Path(id), id, o.undoes); err != nil {
			return err
		}
	}
	change, err := s.Begin(ctx, journal.Intent{Operation: o.operation, Command: o.journalled(), Items: []journal.Item{
		{Name: "run", New: fmt.Sprint(run.ID), IsSet: true}, {Name: "directory", New: run.Server, IsSet: true},
		{Name: "plan", New: plan.Path(), IsSet: true}, {Name: "entries", New: fmt.Sprint(run.ToChange), IsSet: true},
	}})
	if err != nil {
		return err
	}
	err = o.change(ctx, a, run)
	result, detail := journal.Done, fmt.Sprintf("run %d: %d changed, %d so already, %d not as expected, %d refused", run.ID, run.Changed, run.Already, run.Conflicts, run.Failed)
	if err != nil {
		result = journal.Unfinished
	}
	return errors.Join(o.report(run, err), s.End(context.WithoutCancel(ctx), change, result, detail), o.writeRejects(a, run.Server))
}

// unfinished is the run of this plan that was stopped; nil where there is none.
func (o *ldapApply) unfinished(a *ldapchange.Applier, plan *ldapchange.Plan, at applyPlace) (*ldapchange.Run, error) {
	info, ok, err := at.runs.Unfinished(plan.Sum, a.Server(), o.undoes)
	if err != nil || !ok {
		return nil, err
	}
	o.notef("davadmin: note: run %d of this plan was stopped with %d of %d changed; it is taken up again", info.ID, info.Changed, info.ToChange)
	return ldapchange.OpenRun(at.runs, info.ID)
}

// change carries a run out, and shows how far it is.
func (o *ldapApply) change(ctx context.Context, a *ldapchange.Applier, run *ldapchange.Run) error {
	start := o.Now()
	stop := o.startStatus(func() string {
		n, took := a.Seen(), max(o.Now().Sub(start).Seconds(), 0.001)
		rate := float64(n) / took
		line := fmt.Sprintf("changing: %d of %d entries, %.0f a second", n, run.ToChange, rate)
		if rate > 0 {
			line += fmt.Sprintf(", %s left", (time.Duration(float64(run.ToChange-int(n)) / rate * float64(time.Second))).Round(time.Second))
		}
		return line
	})
	defer stop()
	return a.Apply(ctx, run)
}

// writeRejects writes what was not changed to the file of --reject.
func (o *ldapApply) writeRejects(a *ldapchange.Applier, server string) error {
	if o.reject == "" || a.Rejects() == 0 {
		return nil
	}
	if err := a.WriteRejects(o.reject, server); err != nil {
		return err
	}
	o.notef("davadmin: note: what was not changed is in %s", ui.Sanitize(o.reject))
	return nil
}

// left is the error for entries that were left out.
func (o *ldapApply) left(n int) error {
	if n == 0 {
		return nil
	}
	return &partlyError{fmt.Sprintf("%s left out, and named above", isAre(n))}
}
