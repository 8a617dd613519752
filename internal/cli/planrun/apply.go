// Package planrun applies plans of directory changes and undoes them: what 'ldap apply'
// and 'ldap undo' share with 'coexist apply' and 'coexist rollback'. It reads the options,
// keeps the record of the run in the journal, and reports what was done; the changes
// themselves are made by pkg/ldapchange.
package planrun

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// Options say how changes are made to a directory.
type Options struct {
	cmdutil.ServerOptions
	lock       cmdutil.LockOptions
	Runs       string
	goOn       bool
	maxChanges string
	parallel   int
	rate       float64
	retryFor   time.Duration
	reject     string
	tmp        string
}

const maxParallel = 64

func (o *Options) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	o.ServerOptions.Add(cmd)
	o.lock.Add(f)
	f.StringVar(&o.Runs, "runs", "", "`DIR` for the journal and the way back (default: history/ of the home)")
	f.BoolVar(&o.goOn, "continue", false, "go on with the others when an entry is not as the plan expects, or is refused")
	f.StringVar(&o.maxChanges, "max-changes", "", "refuse a plan that changes more entries than this `NUMBER`, or this part of those that were looked at, as in 5%")
	f.IntVar(&o.parallel, "parallel", 4, "how many connections change entries at once (1 to 64)")
	f.Float64Var(&o.rate, "rate", 0, "change this `NUMBER` of entries a second at most; 0 is no limit")
	f.DurationVar(&o.retryFor, "retry-for", time.Minute, "how long to wait for a server that is busy or gone")
	f.StringVar(&o.reject, "reject", "", "write what was not changed to `FILE`, as a plan that can be applied again")
	f.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which nobody else can read (default TMPDIR, else /tmp)")
}

func (o *Options) Check() error {
	switch {
	case o.parallel < 1 || o.parallel > maxParallel:
		return cmdutil.Usagef("--parallel: %d is not a number from 1 to %d", o.parallel, maxParallel)
	case o.rate < 0:
		return cmdutil.Usagef("--rate: %v is less than 0, which is no limit", o.rate)
	case o.retryFor <= 0:
		return cmdutil.Usagef("--retry-for must be longer than 0s")
	}
	return o.ServerOptions.Check()
}

// Runner applies one plan, or undoes one run. It is made for one run of a command.
type Runner struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	global      *cmdutil.Globals
	hints       *cmdutil.Hints
	homes       *cmdutil.Homes
	hook        fsx.Hook
	journals    *cmdutil.Journals
	now         func() time.Time
	Options
	operation string // as the journal names it
	undoes    int64  // the run that is taken back; 0 for none
	undoneOn  string // the server that it changed
	format    ui.Format
	schema    string
}

// New returns the runner of an operation's action, as in "ldap", "apply".
func New(f *cmdutil.Factory, operation, action string) *Runner {
	return &Runner{
		console: f.Console, directories: f.Directories, global: f.Global, hints: f.Hints, homes: f.Homes, hook: f.Hook, journals: f.Journals, now: f.Now,
		operation: operation + " " + action, schema: "davadmin." + operation + "." + action + ".1",
	}
}

// Start chooses the output format among those that a run can give.
func (o *Runner) Start() (err error) {
	o.format, err = o.console.Format(ui.Plain, ui.Table, ui.JSON)
	return err
}

// Run applies the plan in the file at path.
func (o *Runner) Run(ctx context.Context, path string) error {
	if err := o.Start(); err != nil {
		return err
	}
	plan, err := ldapchange.OpenPlan(path)
	if err != nil {
		return UsageError(err)
	}
	defer func() { _ = plan.Close() }()
	return o.Apply(ctx, plan, false)
}

// UsageError makes a fault of a plan one of usage: nothing was changed.
func UsageError(err error) error {
	if errors.Is(err, ldapchange.ErrPlan) || errors.Is(err, ldapchange.ErrSecret) || errors.Is(err, ldapchange.ErrDigest) {
		return cmdutil.Usagef("%v", err)
	}
	return err
}

// place is where journal and runs are kept.
type place struct {
	journal *journal.Journal
	base    string // which the journal belongs to
	runs    ldapchange.Runs
}

// findPlace says where the way back is kept: in the home, or where --runs says.
func (o *Runner) findPlace() (place, error) {
	if o.Runs != "" {
		dir, err := filepath.Abs(o.Runs)
		if err != nil {
			return place{}, err
		}
		return place{
			journal: journal.New(dir, journal.Options{Base: filepath.Dir(dir), Actor: o.journals.Actor(), Now: o.now, LockTimeout: o.lock.Timeout, Hook: o.hook}),
			base:    filepath.Dir(dir), runs: ldapchange.Runs{Dir: filepath.Join(dir, "ldap")},
		}, nil
	}
	home, err := o.homes.Find(&o.HomeOptions)
	if cmdutil.IsUsage(err) {
		return place{}, cmdutil.Usagef("where shall the way back be kept? Give --home DIR of a server, or --runs DIR")
	}
	if err != nil {
		return place{}, err
	}
	return place{journal: o.journals.Open(home, o.lock.Timeout), base: home, runs: ldapchange.Runs{Dir: filepath.Join(home, "history", "ldap")}}, nil
}

// List returns the runs whose records are kept in the home, or where --runs says, the
// latest first.
func (o *Runner) List() ([]ldapchange.Info, error) {
	at, err := o.findPlace()
	if err != nil {
		return nil, err
	}
	return at.runs.List()
}

// Apply checks a plan against the directory and carries it out.
func (o *Runner) Apply(ctx context.Context, plan *ldapchange.Plan, reverse bool) error {
	if err := o.guardSize(plan); err != nil {
		return err
	}
	at, err := o.findPlace()
	if err != nil {
		return err
	}
	h, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil && o.Runs == "" {
		return err
	}
	lo, err := o.directories.LiveOptions(&o.ServerOptions, h)
	if err != nil {
		return err
	}
	if !o.global.DryRun && plan.Removes > 0 {
		if err := o.console.Confirm(ctx, fmt.Sprintf("%s remove or replace values that are there. Go on?", cmdutil.Plural(plan.Removes, "record"))); err != nil {
			return err
		}
	}
	options := ldapchange.Options{
		Directory: lo, Parallel: min(o.parallel, plan.Records), Rate: o.rate, RetryFor: o.retryFor, Continue: o.goOn, Reverse: reverse, Tmp: o.tmp, Now: o.now, Hook: o.hook,
		Rejected: func(r *ldapchange.Record, why string) { o.console.Say(o.rejectedLine(plan, r, why)) },
	}
	a, err := ldapchange.NewApplier(ctx, plan, options)
	if err != nil {
		return err
	}
	defer a.Close()
	if o.undoneOn != "" && o.undoneOn != a.Server() {
		o.console.Warnf("run %d changed %s, and is taken back on %s", o.undoes, o.undoneOn, a.Server())
	}
	if o.global.DryRun {
		return o.rehearse(ctx, a)
	}
	session, err := at.journal.Open(ctx)
	if err != nil {
		return err
	}
	o.journals.WarnNotes(session.Notes)
	err = o.carryOutRun(ctx, a, plan, at, session)
	return errors.Join(err, session.Close())
}

// rejectedLine names a record that was not changed.
func (o *Runner) rejectedLine(plan *ldapchange.Plan, r *ldapchange.Record, why string) string {
	where := ui.Sanitize(plan.Path())
	if r.Line > 0 {
		where += fmt.Sprintf(":%d", r.Line)
	}
	return fmt.Sprintf("davadmin: %s: %s: not changed: %s", where, ui.Sanitize(r.DN), ui.Sanitize(why))
}

// guardSize returns an error if the plan changes more entries than --max-changes allows.
func (o *Runner) guardSize(plan *ldapchange.Plan) error {
	limit, limited, err := cmdutil.NewMaxChanges(o.maxChanges).Limit(func() (int64, error) {
		if plan.Header.Entries == 0 {
			return 0, cmdutil.Usagef("--max-changes: the plan does not contain the total number of entries, of which %s would be a part; give a number instead", o.maxChanges)
		}
		return int64(plan.Header.Entries), nil
	})
	if err != nil || !limited || int64(plan.Records) <= limit {
		return err
	}
	return cmdutil.Usagef("the plan changes %s, but --max-changes %s allows only %d; nothing was changed (check the plan, and raise the limit if this is intended)",
		entries(plan.Records), o.maxChanges, limit)
}

// rehearse says what would be done.
func (o *Runner) rehearse(ctx context.Context, a *ldapchange.Applier) error {
	c, err := o.compare(ctx, a)
	if err != nil {
		return err
	}
	if err := o.printChecked(c); err != nil {
		return err
	}
	if err := o.writeRejects(ctx, a, c.Server); err != nil {
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
func (o *Runner) compare(ctx context.Context, a *ldapchange.Applier) (ldapchange.Checked, error) {
	start := o.now()
	stop := o.console.StartStatus(func() string {
		return fmt.Sprintf("comparing: %d entries, %.0f a second", a.Seen(), float64(a.Seen())/max(o.now().Sub(start).Seconds(), 0.001))
	})
	defer stop()
	return a.Check(ctx)
}

// carryOutRun takes up a run that was stopped, or begins one.
func (o *Runner) carryOutRun(ctx context.Context, a *ldapchange.Applier, plan *ldapchange.Plan, at place, s *journal.Session) error {
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
				o.writeRejects(ctx, a, c.Server))
		}
		if c.ToChange == 0 {
			return errors.Join(o.printChecked(c), o.writeRejects(ctx, a, c.Server), o.left(c.Conflicts))
		}
		id := s.Next()
		for _, dir := range []string{at.runs.Dir, at.runs.Path(id)} {
			if err := fsx.MkdirPrivate(ctx, dir, at.base, o.hook); err != nil {
				return err
			}
		}
		if run, err = a.Write(at.runs.Path(id), id, o.undoes); err != nil {
			return err
		}
	}
	change, err := s.Begin(ctx, journal.Intent{Operation: o.operation, Command: o.journals.Command(), Items: []journal.Item{
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
	return errors.Join(o.report(run, err), s.End(context.WithoutCancel(ctx), change, result, detail), o.writeRejects(ctx, a, run.Server))
}

// unfinished is the run of this plan that was stopped; nil where there is none.
func (o *Runner) unfinished(a *ldapchange.Applier, plan *ldapchange.Plan, at place) (*ldapchange.Run, error) {
	info, ok, err := at.runs.Unfinished(plan.Sum, a.Server(), o.undoes)
	if err != nil || !ok {
		return nil, err
	}
	o.console.Notef("davadmin: note: run %d of this plan was stopped with %d of %d changed; it is taken up again", info.ID, info.Changed, info.ToChange)
	return ldapchange.OpenRun(at.runs, info.ID)
}

// change carries a run out, and shows how far it is.
func (o *Runner) change(ctx context.Context, a *ldapchange.Applier, run *ldapchange.Run) error {
	start := o.now()
	stop := o.console.StartStatus(func() string {
		n, took := a.Seen(), max(o.now().Sub(start).Seconds(), 0.001)
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
func (o *Runner) writeRejects(ctx context.Context, a *ldapchange.Applier, server string) error {
	if o.reject == "" || a.Rejects() == 0 {
		return nil
	}
	if err := a.WriteRejects(context.WithoutCancel(ctx), o.reject, server); err != nil {
		return err
	}
	o.console.Notef("davadmin: note: what was not changed is in %s", ui.Sanitize(o.reject))
	return nil
}

// left is the error for entries that were left out.
func (o *Runner) left(n int) error {
	if n == 0 {
		return nil
	}
	return &cmdutil.PartialError{Text: fmt.Sprintf("%s left out, and named above", isAre(n))}
}

// Undo applies the way back of a run.
func (o *Runner) Undo(ctx context.Context, arg string) error {
	var err error
	if o.format, err = o.console.Format(ui.Plain, ui.Table, ui.JSON); err != nil {
		return err
	}
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return cmdutil.Usagef("'%s' is not the number of a run; 'davadmin ldap runs' lists them", arg)
	}
	at, err := o.findPlace()
	if err != nil {
		return err
	}
	info, err := at.runs.Load(id)
	switch {
	case errors.Is(err, ldapchange.ErrNoRun):
		return cmdutil.Usagef("%v; 'davadmin ldap runs' lists them", err)
	case err != nil:
		return err
	case info.State == ldapchange.Ready:
		return cmdutil.Usagef("run %d was stopped before it changed anything", id)
	}
	plan, err := ldapchange.OpenPlan(filepath.Join(at.runs.Path(id), ldapchange.UndoFile))
	if err != nil {
		return fmt.Errorf("the way back of run %d: %w", id, err)
	}
	defer func() { _ = plan.Close() }()
	o.undoes, o.undoneOn = id, info.Server
	h, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil && o.Runs == "" {
		return err
	}
	if len(o.Hosts) == 0 && (h == nil || !h.IsSet(cmdutil.UserPoolPrefix+"ldaphost")) {
		o.Hosts = []string{info.Server}
	}
	return o.Apply(ctx, plan, true)
}
