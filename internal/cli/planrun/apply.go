// Package planrun applies plans of directory changes and undoes them, for 'ldap apply',
// 'ldap undo', 'coexist apply' and 'coexist rollback'. It reads the options, records each run
// in the journal, and reports what was done. Package pkg/ldapchange makes the changes.
package planrun

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/ldapchange"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// Options are the options of every command that changes a directory.
type Options struct {
	cmdutil.ServerOptions
	lock       cmdutil.LockOptions
	Runs       string // directory for the journal and the undo files; "" for the home
	skip       bool   // skip entries that conflict or are refused
	maxChanges string
	parallel   int
	rate       float64
	retryFor   time.Duration
	reject     string
	tmp        string
	access     bool // the plan may change access control
}

// maxParallel is the maximum of --parallel.
const maxParallel = 64

// Add adds the options to a command.
func (o *Options) Add(cmd *cobra.Command) {
	f := cmd.Flags()
	o.ServerOptions.Add(cmd)
	o.lock.Add(f)
	f.StringVar(&o.Runs, "runs", "", "`DIR` for the journal and the undo files (default: history/ of the home)")
	f.BoolVar(&o.skip, "continue", false, "skip entries that conflict with the plan or are refused, and change the others")
	f.StringVar(&o.maxChanges, "max-changes", "", "refuse a plan that changes more entries than this `NUMBER`, or than this percentage of the entries read for the plan (such as 5%)")
	f.IntVar(&o.parallel, "parallel", 4, "number of connections that change entries at the same time (1 to 64)")
	f.Float64Var(&o.rate, "rate", 0, "change at most this `NUMBER` of entries per second; 0 means no limit")
	f.DurationVar(&o.retryFor, "retry-for", time.Minute, "how long to retry when the server is busy or cannot be reached")
	f.StringVar(&o.reject, "reject", "", "write the entries that were not changed to `FILE`, as a plan that can be applied again")
	f.BoolVar(&o.access, "access-control", false, "allow a plan that changes access-control attributes, such as aci")
	f.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which are private to you (default: TMPDIR, else /tmp)")
}

// Check returns a usage error for values out of range and for options that exclude each other.
func (o *Options) Check() error {
	switch {
	case o.parallel < 1 || o.parallel > maxParallel:
		return cmdutil.Usagef("--parallel: %d is not a number from 1 to %d", o.parallel, maxParallel)
	case o.rate < 0:
		return cmdutil.Usagef("--rate: %v is negative; use 0 for no limit", o.rate)
	case o.retryFor <= 0:
		return cmdutil.Usagef("--retry-for must be longer than 0s")
	}
	return o.ServerOptions.Check()
}

// Runner applies one plan or undoes one run. It serves a single run of a command.
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
	operation string // as recorded in the journal, such as "ldap apply"
	undoes    int64  // the run to undo; 0 for none
	undoneOn  string // the server that the run to undo changed
	stores    *cmdutil.Stores
	wave      *coexist.WaveRecord // of the plan, if it may not be recorded yet
	bound     directory.Options
	format    ui.Format
	schema    string
}

// New returns the runner for an action, such as "apply" of "ldap".
func New(f *cmdutil.Factory, operation, action string) *Runner {
	return &Runner{
		Options: Options{lock: cmdutil.LockOptions{Timeout: cmdutil.DefaultLockTimeout}},
		console: f.Console, directories: f.Directories, global: f.Global, hints: f.Hints, homes: f.Homes, hook: f.Hook, journals: f.Journals, now: f.Now, stores: f.Stores,
		operation: operation + " " + action, schema: "davadmin." + operation + "." + action + ".1",
	}
}

// Start chooses the output format. It must be called before Apply; Run and Undo call it.
func (o *Runner) Start() (err error) {
	o.format, err = o.console.Format(ui.Plain, ui.Table, ui.JSON)
	return err
}

// Run applies the plan in the file at path.
func (o *Runner) Run(ctx context.Context, path string) error {
	if err := o.Start(); err != nil {
		return err
	}
	plan, err := OpenPlan(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = plan.Close() }()
	return o.Apply(ctx, plan)
}

// OpenPlan reads a plan from a file. That can be a pipe or a device, so it does not outlast
// ctx. The error of an invalid plan is a usage error, because nothing was changed.
func OpenPlan(ctx context.Context, path string) (*ldapchange.Plan, error) {
	plan, err := ui.Interruptible(ctx, func() (*ldapchange.Plan, error) { return ldapchange.OpenPlan(path) })
	return plan, usageError(err)
}

// usageError returns the error of an invalid plan as a usage error, because nothing was
// changed. A plan that was cut off was read only in part, which is another failure.
func usageError(err error) error {
	var record *ldif.RecordError
	if errors.As(err, &record) && record.Cut {
		return fmt.Errorf("%w: the file was cut off; if it is complete, add an empty line at its end", err)
	}
	if errors.Is(err, ldapchange.ErrPlan) || errors.Is(err, ldapchange.ErrSecret) || errors.Is(err, ldapchange.ErrDigest) {
		return cmdutil.Usagef("%v", err)
	}
	return err
}

// records is where the journal and the files of the runs are kept.
type records struct {
	journal *journal.Journal
	base    string // the directory that contains the journal, such as the home
	runs    ldapchange.Runs
}

// findRecords returns the records in the directory of --runs, or else in the home.
func (o *Runner) findRecords() (records, error) {
	if o.Runs != "" {
		dir, err := filepath.Abs(o.Runs)
		if err != nil {
			return records{}, err
		}
		return records{
			journal: journal.New(dir, journal.Options{Base: filepath.Dir(dir), Actor: o.journals.Actor(), Now: o.now, LockTimeout: o.lock.Timeout, Command: o.journals.Command(), Hook: o.hook}),
			base:    filepath.Dir(dir), runs: ldapchange.Runs{Dir: filepath.Join(dir, "ldap")},
		}, nil
	}
	home, err := o.homes.Find(&o.HomeOptions)
	if cmdutil.IsUsage(err) {
		return records{}, cmdutil.Usagef("a directory for the undo files is required; use --home DIR of a server, or --runs DIR")
	}
	if err != nil {
		return records{}, err
	}
	return records{journal: o.journals.Open(home, o.lock.Timeout), base: home, runs: ldapchange.Runs{Dir: filepath.Join(home, "history", "ldap")}}, nil
}

// List returns the runs recorded in the directory of --runs, or else in the home, the latest first.
func (o *Runner) List() ([]ldapchange.Info, error) {
	rec, err := o.findRecords()
	if err != nil {
		return nil, err
	}
	return rec.runs.List()
}

// Apply compares a plan with the directory and applies it.
func (o *Runner) Apply(ctx context.Context, plan *ldapchange.Plan) error {
	o.warnExposed(plan.Path())
	return o.apply(ctx, plan, false)
}

// warnExposed warns if other users can change the plan. It is not an error: a plan may
// be written by a group of administrators.
func (o *Runner) warnExposed(path string) {
	exposed, err := fsx.ExposedToOthers(path)
	if err != nil {
		o.console.Warnf("it is unknown who can write to the plan: %v", err)
	}
	var why []string
	for _, e := range exposed {
		what := "the file"
		if e.Dir {
			what = "its directory " + e.Path
		}
		switch {
		case e.Owner != "":
			why = append(why, what+" belongs to "+e.Owner)
		case e.Dir:
			why = append(why, fmt.Sprintf("%s has mode %04o without the sticky bit", what, e.Mode))
		default:
			why = append(why, fmt.Sprintf("%s has mode %04o", what, e.Mode))
		}
	}
	if len(why) > 0 {
		o.console.Warnf("other users can change the plan %s, because %s; read it before you apply it, and keep plans in a private directory", path, strings.Join(why, ", and "))
	}
}

// apply applies a plan; if reverse, from its last record to its first.
func (o *Runner) apply(ctx context.Context, plan *ldapchange.Plan, reverse bool) error {
	if err := errors.Join(o.guardSize(plan), cmdutil.CheckReject(o.reject, ldapchange.RejectOutput(nil)), cmdutil.CheckDistinct("--reject", o.reject, "the plan", plan.Path())); err != nil {
		return err
	}
	rec, err := o.findRecords()
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
	back, err := o.guardWaves(rec, plan)
	if err != nil {
		return err
	}
	o.bound = lo
	if err := o.guardAccess(ctx, plan); err != nil {
		return err
	}
	if !o.global.DryRun && plan.Removes > 0 {
		if err := o.console.Confirm(ctx, removesQuestion(plan)); err != nil {
			return err
		}
	}
	var rejected []string // the DNs of users who stay on the new server
	options := ldapchange.Options{
		Directory: lo, Parallel: min(o.parallel, plan.Records), Rate: o.rate, RetryFor: o.retryFor, Continue: o.skip, Reverse: reverse, Tmp: o.tmp, Now: o.now, Hook: o.hook,
		Waiting: func(err error, d time.Duration) {
			o.console.Notef("davadmin: note: %s; trying again for %s", ui.Sanitize(err.Error()), d)
		},
		Rejected: func(r *ldapchange.Record, why string) {
			o.console.Say(o.rejectedLine(plan, r, why))
			if len(back) > 0 {
				rejected = append(rejected, r.DN)
			}
		},
		Report: o.listed(),
	}
	a, err := ldapchange.NewApplier(ctx, plan, options)
	if err != nil {
		return err
	}
	defer a.Close()
	if o.undoneOn != "" && o.undoneOn != a.Server() {
		o.console.Warnf("run %d changed %s, but is being undone on %s", o.undoes, o.undoneOn, a.Server())
	}
	if o.global.DryRun {
		return o.dryRun(ctx, a)
	}
	session, err := rec.journal.Open(ctx, journal.Directory)
	if err != nil {
		return err
	}
	o.journals.WarnNotes(session.Notes)
	err = errors.Join(o.execute(ctx, a, plan, rec, session), session.Close())
	var partly *cmdutil.PartialError
	if len(back) > 0 && (err == nil || errors.As(err, &partly)) {
		users := rolledBack{wave: back[0], plan: plan, rejected: rejected, complete: len(rejected) == a.Rejects()}
		o.noteAccounts(ctx, o.wavesOf(rec), h, users)
	}
	return err
}

// rejectedLine returns the message about a record that was not changed.
func (o *Runner) rejectedLine(plan *ldapchange.Plan, r *ldapchange.Record, why string) string {
	where := ui.Sanitize(plan.Path())
	if r.Line > 0 {
		where += fmt.Sprintf(":%d", r.Line)
	}
	return fmt.Sprintf("davadmin: %s: %s: not changed: %s", where, ui.Sanitize(r.DN), ui.Sanitize(WithoutDN(why, r.DN)))
}

// dryRun prints what would be done.
func (o *Runner) dryRun(ctx context.Context, a *ldapchange.Applier) error {
	c, err := o.compare(ctx, a)
	if err != nil {
		return err
	}
	if err := o.printChecked(c); err != nil {
		return err
	}
	if a.Rejects() > 0 { // the file of an earlier run is not emptied
		if err := o.writeRejects(ctx, a, c.Server); err != nil {
			return err
		}
	}
	if c.Conflicts > 0 && !o.skip {
		return fmt.Errorf("%w: %s", ldapchange.ErrConflict, differ(c.Conflicts))
	}
	return skippedError(c.Conflicts)
}

// differ returns that n entries differ from the plan.
func differ(n int) string {
	if n == 1 {
		return "1 entry differs from it"
	}
	return entries(n) + " differ from it"
}

// entries returns n with the noun.
func entries(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// compare compares the plan with the directory and shows the progress.
func (o *Runner) compare(ctx context.Context, a *ldapchange.Applier) (ldapchange.Checked, error) {
	start := o.now()
	stop := o.console.StartStatus(func() string {
		return fmt.Sprintf("comparing: %d entries, %.0f per second", a.Seen(), float64(a.Seen())/max(o.now().Sub(start).Seconds(), 0.001))
	})
	defer stop()
	return a.Check(ctx)
}

// execute resumes a run that was stopped, or begins one.
func (o *Runner) execute(ctx context.Context, a *ldapchange.Applier, plan *ldapchange.Plan, rec records, s *journal.Session) error {
	run, err := o.unfinished(a, plan, rec)
	if err != nil {
		return err
	}
	toChange := 0
	if run == nil {
		c, err := o.compare(ctx, a)
		if err != nil {
			return err
		}
		if c.Conflicts > 0 && !o.skip {
			return errors.Join(fmt.Errorf("%w: %s, so nothing was changed; use --continue to skip such entries", ldapchange.ErrConflict, differ(c.Conflicts)),
				o.writeRejects(ctx, a, c.Server))
		}
		if c.ToChange == 0 {
			return errors.Join(o.printChecked(c), o.writeRejects(ctx, a, c.Server), skippedError(c.Conflicts))
		}
		toChange = c.ToChange
	}
	run, change, err := o.begin(ctx, a, run, plan, rec, s, toChange)
	if err != nil {
		return err
	}
	err = o.change(ctx, a, run)
	result, detail := journal.Done, fmt.Sprintf("run %d: %d changed, %d already done, %s, %d refused", run.ID, run.Changed, run.Already, cmdutil.Plural(run.Conflicts, "conflict"), run.Failed)
	if err != nil {
		result = journal.Unfinished
	}
	return errors.Join(o.report(plan, run, err), s.End(context.WithoutCancel(ctx), change, result, detail), o.writeRejects(ctx, a, run.Server))
}

// unfinished returns the run of this plan that was stopped; nil if absent.
func (o *Runner) unfinished(a *ldapchange.Applier, plan *ldapchange.Plan, rec records) (*ldapchange.Run, error) {
	info, ok, err := rec.runs.Unfinished(plan.Sum, a.Server(), o.undoes)
	if err != nil || !ok {
		if err == nil && info.ID > 0 && info.IsStopped() {
			o.console.Notef("davadmin: note: run %d of this plan was stopped, but other runs changed its entries since, so it is not resumed; a new run compares all entries", info.ID)
		}
		return nil, err
	}
	how := "stopped with"
	if info.State != ldapchange.Stopped { // it was killed: what is unknown is found by comparing
		how = "interrupted with at least"
	}
	o.console.Notef("davadmin: note: run %d of this plan was %s %d of %d changed; resuming it", info.ID, how, info.Changed, info.ToChange)
	return ldapchange.OpenRun(rec.runs, info.ID)
}

// change makes the changes of a run and shows the progress.
func (o *Runner) change(ctx context.Context, a *ldapchange.Applier, run *ldapchange.Run) error {
	start := o.now()
	stop := o.console.StartStatus(func() string {
		n, took := a.Seen(), max(o.now().Sub(start).Seconds(), 0.001)
		rate := float64(n) / took
		line := fmt.Sprintf("changing: %d of %d entries, %.0f per second", n, run.ToChange, rate)
		if rate > 0 {
			line += fmt.Sprintf(", %s left", (time.Duration(float64(run.ToChange-int(n)) / rate * float64(time.Second))).Round(time.Second))
		}
		return line
	})
	defer stop()
	return a.Apply(ctx, run)
}

// writeRejects writes the records that were not changed to the file of --reject. Without
// any, it removes the file that an earlier run wrote.
func (o *Runner) writeRejects(ctx context.Context, a *ldapchange.Applier, server string) error {
	if o.reject == "" {
		return nil
	}
	finishing, finished := cmdutil.Finishing(ctx)
	defer finished()
	if err := a.WriteRejects(finishing, o.reject, server); err != nil || a.Rejects() == 0 {
		return err
	}
	o.console.Notef("davadmin: note: the records that were not changed are in %s", ui.Sanitize(o.reject))
	return nil
}

// skippedError returns the error for n entries that were skipped or refused; nil for none.
func skippedError(n int) error {
	if n == 0 {
		return nil
	}
	return &cmdutil.PartialError{Text: fmt.Sprintf("not changed, and listed above: %s", entries(n))}
}

// Undo applies the undo file of the run with the number arg.
func (o *Runner) Undo(ctx context.Context, arg string) error {
	if err := o.Start(); err != nil {
		return err
	}
	id, err := strconv.ParseInt(arg, 10, 64)
	if err != nil || id < 1 {
		return cmdutil.Usagef("'%s' is not the number of a run; '%s' lists the runs", arg, o.runsLine())
	}
	rec, err := o.findRecords()
	if err != nil {
		return err
	}
	info, err := rec.runs.Load(id)
	switch {
	case errors.Is(err, ldapchange.ErrNoRun):
		return cmdutil.Usagef("%v; '%s' lists the runs", err, o.runsLine())
	case err != nil:
		return err
	case info.State == ldapchange.Ready:
		return cmdutil.Usagef("run %d was stopped before it changed anything", id)
	}
	plan, err := rec.runs.OpenUndo(id)
	if err != nil {
		return fmt.Errorf("the undo file of run %d: %w", id, err)
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
	return o.apply(ctx, plan, true)
}
