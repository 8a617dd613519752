package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/finding"
)

// Names of the parts of 'doctor'.
const (
	partConfiguration = "configuration"
	partVault         = "vault"
	partDirectory     = "directory"
	partStores        = "stores"
	partDomainMap     = "domain-map"
	partCoexistence   = "coexistence"
	partHistory       = "history"
)

// defaultPartTimeout is long enough to read a directory of a million entries twice.
const defaultPartTimeout = 10 * time.Minute

// doctor is the operation 'doctor', which runs the checks of every family on one home.
type doctor struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	hints       *cmdutil.Hints
	homes       *cmdutil.Homes
	now         func() time.Time
	reports     *cmdutil.Reports
	cmdutil.DirectoryOptions
	cmdutil.FindingOptions
	cmdutil.UserListOptions
	icsConf string
	timeout time.Duration

	parts   []doctorPart // in the order in which to repair
	results []*cmdutil.Part
	errs    map[string]error // of the parts that did not look at everything
	close   []func() error
	home    *cmdutil.HomeConfig // nil if the configuration cannot be loaded
}

func newDoctor(f *cmdutil.Factory) *cobra.Command {
	o := &doctor{
		console: f.Console, directories: f.Directories, hints: f.Hints, homes: f.Homes, now: f.Now, reports: f.Reports, errs: map[string]error{},
	}
	cmd := &cobra.Command{
		Use:     "doctor [--ics-conf FILE] [--cs6-list FILE] [-H HOST ...]",
		Short:   "run every check of a server home, and say what to repair first",
		GroupID: cmdutil.GroupWork,
		Long: `Runs the checks of a server home one after the other, and prints one page: what is in
order, and what to repair, in the order in which to repair it.

  configuration  'config check'
  vault          whether it opens; a passphrase is asked for once
  directory      'ldap test': connection, certificate, limits and rights
  stores         whether every back end has a store with the right schema that
                 can be read and changed; of SQLite files, every page is read
  domain-map     'domainmap check', if domains are mapped
  coexistence    'coexist check', if anything says that there is an old server
  history        'history verify'

A part that depends on another one with errors is not run, and the report says so: its
result would be wrong. What the home does not use is reported as not set up. A part that
takes longer than --part-timeout is given up. Nothing is changed: changes of the stores are
only tried and then rolled back, and those of the directory are chosen so that they change
nothing; with --dry-run, none is tried.
The table shows the first errors and warnings of each rule; -e shows everything.

'ldap audit', which checks every entry of the directory, is not a part.

The exit code is that of the first part that could not be run as a whole: 5 if a server
cannot be reached, 1 if not everything could be read, and so on. If all could be run, it
is 3 if there is a finding at or above --fail-on, and 0 otherwise.`,
		Example: `  davadmin doctor --home /opt/sun/comms/davserver
  davadmin doctor --ics-conf ics.conf --cs6-list cscal-list.txt --starttls --ca-file ca.pem
  davadmin doctor -q --output jsonl > /var/log/davadmin-doctor.jsonl`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(cmd); err != nil {
				return err
			}
			if o.timeout <= 0 {
				return cmdutil.Usagef("--part-timeout must be longer than 0s")
			}
			o.parts = doctorParts(f, o)
			return o.run(cmd.Context())
		},
	}
	o.AddLive(cmd)
	o.AddProof(cmd)
	o.UserListOptions.Add(cmd)
	cmd.Flags().StringVar(&o.icsConf, "ics-conf", "", "`FILE` with the configuration of the old server")
	cmd.Flags().DurationVar(&o.timeout, "part-timeout", defaultPartTimeout, "give up a part that takes longer than this")
	o.FindingOptions.Add(cmd)
	return cmd
}

func (o *doctor) run(ctx context.Context) error {
	format, err := o.console.Format(cmdutil.FindingFormats()...)
	if err != nil {
		return err
	}
	failOn, err := o.Severity()
	if err != nil {
		return err
	}
	home, err := o.homes.Find(&o.HomeOptions)
	if err != nil {
		return err
	}
	defer func() {
		for _, f := range o.close {
			_ = f()
		}
	}()
	o.console.SayOnce()
	start := o.now()
	for i := range o.parts {
		o.results = append(o.results, o.examine(ctx, &o.parts[i], failOn))
	}
	worst := o.worst()
	r := &cmdutil.PartReport{Schema: "davadmin.doctor.1", Parts: o.results, Next: o.next()}
	r.Summary = cmdutil.PartSummary{Target: home, Complete: true, Parts: len(o.results), Seconds: o.now().Sub(start).Seconds()}
	for _, p := range o.results {
		r.Summary.Errors, r.Summary.Warnings, r.Summary.Infos = r.Summary.Errors+p.Errors, r.Summary.Warnings+p.Warnings, r.Summary.Infos+p.Infos
		if p.State == cmdutil.PartIncomplete || p.State == cmdutil.PartFailed || p.State == cmdutil.PartNotRun {
			r.Summary.Complete = false
		}
	}
	if worst != nil {
		r.Summary.ExitCode = worst.ExitCode
	}
	o.console.KeepGoing()
	if err := o.reports.WriteParts(format, r); err != nil {
		return err
	}
	return o.verdict(ctx, worst, r.Totals())
}

// examine runs a part, unless another one has to be repaired first.
func (o *doctor) examine(ctx context.Context, part *doctorPart, failOn finding.Severity) *cmdutil.Part {
	p := &cmdutil.Part{Name: part.name}
	start := o.now()
	defer func() {
		p.Seconds = o.now().Sub(start).Seconds()
		// The command alone would be refused for the same reason as here.
		if usage, _ := o.hints.ExitOf(ctx, &cmdutil.UsageError{}); p.Command == "" && p.ExitCode != usage {
			p.Command = o.hints.Line(part.operation, part.action, part.words...)
		}
	}()
	if ctx.Err() != nil {
		p.State, p.Reason = cmdutil.PartNotRun, "the run was stopped"
		return p
	}
	if part.blocked != nil {
		if p.Reason = part.blocked(); p.Reason != "" {
			p.State = cmdutil.PartNotRun
			return p
		}
	}
	checked, err := o.inTime(ctx, part)
	if unset, ok := errors.AsType[*cmdutil.NotSetUpError](err); ok {
		p.State, p.Reason = cmdutil.PartNotSetUp, unset.Reason
		p.Command = unset.Next
		return p
	}
	if o.isVault(err) {
		p.State, p.Reason = cmdutil.PartNotRun, noVault
		return p
	}
	if checked != nil {
		if checked.Close != nil {
			o.close = append(o.close, checked.Close)
		}
		p.SetReport(checked.Report)
		if checked.Report.Any && checked.Report.Worst >= failOn {
			p.ExitCode, _ = o.hints.ExitOf(ctx, cmdutil.ErrFindings)
		}
		if err = checked.Ended; err != nil {
			p.State = cmdutil.PartIncomplete
		}
	} else {
		p.State = cmdutil.PartFailed
	}
	switch {
	case o.isVault(err):
		p.ExitCode, p.Reason = 0, noVault
	case err != nil:
		o.errs[part.name] = err
		p.ExitCode, p.Reason = o.hints.ExitOf(ctx, err)
	}
	return p
}

// noVault is why a part could not be run that needs a password from the vault.
const noVault = "the vault could not be opened"

// isVault reports whether an error is that of the vault, which is reported as such.
func (o *doctor) isVault(err error) bool {
	vault := o.errs[partVault]
	return err != nil && vault != nil && errors.Is(err, vault)
}

// inTime runs the check of a part, and gives it up after --part-timeout. The context that the
// check got stays valid until the report is printed, because findings may be read then.
func (o *doctor) inTime(ctx context.Context, part *doctorPart) (*cmdutil.Checked, error) {
	within, cancel := context.WithCancelCause(ctx)
	o.close = append(o.close, func() error { cancel(nil); return nil })
	late := &cmdutil.IncompleteError{Text: fmt.Sprintf("not finished after %s (--part-timeout)", o.timeout)}
	deadline, stop := context.WithTimeout(ctx, o.timeout)
	defer stop()
	detach := context.AfterFunc(deadline, func() { cancel(late) })
	defer detach() // before stop, which would end the report as well
	checked, err := part.check(within)
	if ctx.Err() == nil && within.Err() != nil {
		if checked == nil || err != nil {
			return nil, late
		}
		checked.Ended = late
	}
	return checked, err
}

// worst returns the part whose exit code is that of the run: the first that could not be run
// as a whole, else the first with findings; nil if absent.
func (o *doctor) worst() *cmdutil.Part {
	var found *cmdutil.Part
	for _, p := range o.results {
		switch {
		case p.ExitCode != 0 && o.errs[p.Name] != nil:
			return p
		case p.ExitCode != 0 && found == nil:
			found = p
		}
	}
	return found
}

// verdict returns how the run ends.
func (o *doctor) verdict(ctx context.Context, worst *cmdutil.Part, totals string) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the report is incomplete: %w", ctx.Err())
	case worst == nil:
		return nil
	case o.errs[worst.Name] != nil:
		return fmt.Errorf("%s: %w", worst.Name, o.errs[worst.Name])
	}
	var skipped []string
	for _, p := range o.results {
		if p.State == cmdutil.PartNotRun {
			skipped = append(skipped, p.Name)
		}
	}
	if len(skipped) > 0 {
		totals += "; not run: " + strings.Join(skipped, ", ")
	}
	return cmdutil.Findingsf("%s", totals)
}

// next returns what to do after the report.
func (o *doctor) next() string {
	first := slices.IndexFunc(o.results, func(p *cmdutil.Part) bool {
		return p.Errors > 0 || p.State == cmdutil.PartIncomplete || p.State == cmdutil.PartFailed
	})
	if first < 0 {
		first = slices.IndexFunc(o.results, func(p *cmdutil.Part) bool { return p.Warnings > 0 })
	}
	if first >= 0 {
		p := o.results[first]
		next := fmt.Sprintf("repair %s first, and run the same command again", p.Name)
		if p.Command != "" {
			next += "; '" + p.Command + "' examines it alone"
		}
		return next
	}
	directory := o.result(partDirectory)
	if directory.State == cmdutil.PartNotSetUp {
		return directory.Command + "   (names the directory)"
	}
	return o.hints.Line("ldap", "audit", o.SourceArgs()...) + "   (checks every entry of the directory)"
}
