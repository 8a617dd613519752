package coexistcmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/route"
)

// coexistCheck is the action 'coexist check'.
type coexistCheck struct {
	coexistPeople
	cmdutil.FindingOptions
	icsConf     string
	oldPatch    string
	newVersion  string
	newHosts    []string
	noDirectory bool
	probe       bool
	user6       string
	user7       string
	cmdutil.RuleOptions
	only  []string // the rules to run; all if empty
	all   bool
	home  *cmdutil.HomeConfig
	ended error
	done  func(ctx context.Context, r *coexist.Report) // called with the result, unless nil
}

// newCheck returns a check without options, for 'coexist check', 'verify' and 'apply'.
func newCheck(f *cmdutil.Factory) *coexistCheck {
	return &coexistCheck{coexistPeople: newPeople(f)}
}

func newCoexistCheck(f *cmdutil.Factory) *cobra.Command {
	o := newCheck(f)
	cmd := &cobra.Command{
		Use:   "check [--ics-conf FILE] [--cs6-list FILE] [--cs7-list FILE] [--ldif FILE | -H HOST ...] [--probe] [--rules LIST]",
		Short: "check whether two servers on one directory work together, and what to fix",
		Long: `Compares everything that must agree before free/busy and invitations flow between
Calendar Server 6 and a new server: davserver.properties and the domain map of the home,
ics.conf of the old server, every entry of the directory, and the lists of users on each
server. Every rule is listed as passed, failed or not run, with the option that would
let it run. Each finding gives the location, the reason, and the command, LDIF or line
of ics.conf that fixes it. Append lines for ics.conf to the end of that file, where they
take precedence, and restart the old server. The check changes neither the directory nor
the servers.

The directory is that of --ldif or -H, else the one configured in the home. With
--probe, both servers are asked for the free/busy of one user on each side, on the same
path as a real request, and their answers are compared. 'coexist rules' lists the rules,
and --rules runs only some of them.

If the directory could not be read to its end, or if a back end whose accounts the rules
need cannot be read, there is a finding audit-incomplete and the exit code is 1.
Otherwise, the exit code is 3 if there is a finding at or above --fail-on.`,
		Example: `  davadmin coexist check --ics-conf ics.conf --cs6-list cscal-list.txt --cs7-list migrated.txt
  davadmin coexist check --ics-conf ics.conf --cs6-list cscal-list.txt --ldif export.ldif.gz --output jsonl
  davadmin coexist check --ics-conf ics.conf --cs6-patch 121657-44 --cs7-version 7u3 --no-directory
  davadmin coexist check --ics-conf ics.conf --probe --cs6-user jdoe@example.com --cs7-user boss@example.com`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(cmd); err != nil {
				return err
			}
			var err error
			if o.only, err = o.Select(coexist.Rules()); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addCheck(cmd)
	o.AddRules(cmd, f.Hints, "coexist", coexist.Rules)
	return cmd
}

// addCheck adds the options that 'coexist check' and 'coexist verify' share.
func (o *coexistCheck) addCheck(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.icsConf, "ics-conf", "", "`FILE` with the configuration of the old server")
	f.StringVar(&o.oldPatch, "cs6-patch", "", "patch `LEVEL` of the old server, such as 121657-44")
	f.StringVar(&o.newVersion, "cs7-version", "", "`VERSION` of the new server, such as 7u3 or 8.0")
	f.StringArrayVar(&o.newHosts, "cs7-host", nil, "another host `NAME` of the new server, in addition to that of davcore.uriinfo.fulluriprefix (repeatable)")
	f.BoolVar(&o.noDirectory, "no-directory", false, "check only files, and read no directory")
	f.BoolVar(&o.probe, "probe", false, "ask both servers for free/busy")
	f.StringVar(&o.user6, "cs6-user", "", "mail `ADDRESS` of the old server's user to ask about (default: the first one in the directory)")
	f.StringVar(&o.user7, "cs7-user", "", "mail `ADDRESS` of the new server's user to ask about (default: the first one in the directory)")
	f.BoolVar(&o.all, "all", false, "show every finding in the table, not only the first ones of each rule")
	o.coexistPeople.add(cmd)
	o.AddAllowEmpty(cmd)
	o.FindingOptions.Add(cmd)
}

func (o *coexistCheck) run(ctx context.Context) error {
	format, failOn, err := o.Begin(o.console)
	if err != nil {
		return err
	}
	c, err := o.examine(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return o.reports.Conclude(format, failOn, c.Report, cmdutil.FindingTable{All: o.all, Next: o.next}, "check", c.Ended)
}

// examine reads the home, the files and the directory, and runs the rules.
func (o *coexistCheck) examine(ctx context.Context) (_ *cmdutil.Checked, err error) {
	if o.home, err = o.directories.LoadHomeConfig(ctx, &o.HomeOptions); err != nil {
		return nil, err
	}
	co, err := o.checkOptions(ctx)
	if err != nil {
		return nil, err
	}
	var d *cmdutil.OpenDirectory
	if co.NoDirectory == "" {
		if d, err = o.directories.Open(ctx, &o.DirectoryOptions, o.home); err != nil {
			return nil, err
		}
		defer func() { _ = d.Close() }()
		d.ApplyTo(&co.Directory)
		if err := o.decideWith(&co, d); err != nil {
			return nil, err
		}
	}
	check, err := coexist.New(co)
	if err != nil {
		return nil, cmdutil.Usagef("%v", err)
	}
	start := o.now()
	r, err := o.runCheck(ctx, check, d, start)
	if err != nil {
		return nil, err
	}
	if o.done != nil {
		o.done(ctx, r)
	}
	return o.finish(ctx, r, o.inputs(d), o.now().Sub(start)), nil
}

// decideWith lets the probes look users up as the new server does, unless the directory is
// standard input, which cannot be read a second time.
func (o *coexistCheck) decideWith(co *coexist.Options, d *cmdutil.OpenDirectory) error {
	if !o.probe || o.home == nil || slices.Contains(o.Files, "-") {
		return nil
	}
	c, err := cmdutil.RouteConfig(o.home)
	if err != nil {
		return err
	}
	c.Bases = d.Bases
	co.Decide = func(ctx context.Context, address string) (*route.Decision, error) {
		return route.Decide(ctx, c, d.Source, address)
	}
	return nil
}

// runCheck runs the check and shows its progress.
func (o *coexistCheck) runCheck(ctx context.Context, check *coexist.Check, d *cmdutil.OpenDirectory, start time.Time) (*coexist.Report, error) {
	if d == nil {
		return check.Run(ctx, nil)
	}
	stop := o.console.StartStatus(func() string { return cmdutil.ProgressLine(check.Progress(), d.Source, o.now().Sub(start)) })
	defer stop()
	return check.Run(ctx, d.Source)
}

// checkOptions combines the configuration of the home, the files and the options.
func (o *coexistCheck) checkOptions(ctx context.Context) (coexist.Options, error) {
	co := coexist.Options{NoDirectory: o.noDirectoryReason(), Ask6: o.user6, Ask7: o.user7, Only: o.only, Now: o.now}
	if o.home == nil && o.icsConf == "" && co.NoDirectory != "" {
		return co, cmdutil.Usagef("nothing to check; use --home DIR (new server), --ics-conf FILE (old server), and --ldif FILE or -H HOST (directory)")
	}
	var err error
	if o.oldPatch != "" {
		if co.OldPatch, err = coexist.ParseOldPatch(o.oldPatch); err != nil {
			return co, cmdutil.Usagef("--cs6-patch: %v", err)
		}
	}
	if o.newVersion != "" {
		if co.NewVersion, err = coexist.ParseNewVersion(o.newVersion); err != nil {
			return co, cmdutil.Usagef("--cs7-version: %v", err)
		}
	}
	if o.probe {
		co.Asker = cmdutil.CalendarClient(o.home)
	}
	if o.home != nil {
		co.Server = &coexist.NewServer{Path: o.home.Path, Doc: o.home.Document, Registry: o.home.Registry, Hosts: o.newHosts}
		if co.Map, err = o.mapInput(ctx); err != nil {
			return co, err
		}
	}
	if o.icsConf != "" {
		b, err := cmdutil.ReadIcsConf(o.icsConf)
		if err != nil {
			return co, fmt.Errorf("--ics-conf: %w", err)
		}
		co.Old = &coexist.OldServer{Path: o.icsConf, Conf: cs6.ParseIcsConf(b)}
	}
	co.Directory, err = o.directoryOptions(ctx, o.home)
	return co, err
}

// noDirectoryReason returns why no directory is read; "" if one is read.
func (o *coexistCheck) noDirectoryReason() string {
	switch {
	case o.noDirectory:
		return "no directory is read (--no-directory)"
	case len(o.Files) > 0 || len(o.DirectoryOptions.Hosts) > 0 || o.home != nil && o.home.IsSet(cmdutil.UserPoolPrefix+"ldaphost"):
		return ""
	}
	return "no directory was given (--ldif FILE or -H HOST)"
}

// mapInput returns the domain map of the home.
func (o *coexistCheck) mapInput(ctx context.Context) (*config.DomainMapInput, error) {
	c, err := o.homeFiles.Open(cmdutil.DomainKind(), &o.HomeOptions, cmdutil.LockOptions{})
	if err != nil {
		return nil, err
	}
	in := &config.DomainMapInput{Path: c.File.Path()}
	if in.Text, in.Info, in.Err = o.homeFiles.ReadDomainMap(ctx, c); cmdutil.IsUsage(in.Err) {
		return nil, in.Err
	}
	if in.Dir, err = os.Stat(filepath.Dir(in.Path)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	return in, nil
}

// inputs returns the names of everything that was checked.
func (o *coexistCheck) inputs(d *cmdutil.OpenDirectory) string {
	var list []string
	if o.home != nil {
		list = append(list, filepath.Dir(o.home.Path))
	}
	if o.icsConf != "" {
		list = append(list, o.icsConf)
	}
	if d != nil {
		list = append(list, d.Source.Name())
	}
	return strings.Join(list, ", ")
}

// finish returns the report as one that can be printed.
func (o *coexistCheck) finish(ctx context.Context, r *coexist.Report, target string, took time.Duration) *cmdutil.Checked {
	out := &cmdutil.FindingReport{
		Schema: "davadmin.coexist.check.1", Findings: cmdutil.UntilStopped(ctx, r.Complete, r.Findings), Outcomes: r.Outcomes,
		Summary: cmdutil.Summary{
			Target: target, Complete: r.Complete, Seconds: took.Seconds(),
			Errors: r.Count(finding.Error), Warnings: r.Count(finding.Warning), Infos: r.Count(finding.Info),
			EntriesRead: cmdutil.CountEntries(r.Kinds()),
		},
	}
	if len(o.Patterns) > 0 {
		out.Outcomes = withNotSelected(r.Outcomes)
	}
	out.Summary.Absence = cmdutil.AbsenceWord(r.Absence())
	if r.Ended != nil {
		out.Summary.Reason = r.Ended.Error()
	}
	o.ended = r.Ended
	if o.ended == nil && r.UnreadList {
		o.ended = o.hints.UnreadUsers(&o.lists)
		out.Summary.Complete, out.Summary.Reason = false, o.ended.Error()
	}
	out.Worst, out.Any = r.Worst()
	return &cmdutil.Checked{Report: out, Ended: o.ended, Close: r.Close}
}

// next returns what to do after the report: usually a command to run.
func (o *coexistCheck) next(r *cmdutil.FindingReport, hidden int) string {
	sum := r.Summary
	if !sum.Complete {
		return "remove the cause of the incomplete read, and run the check again" + cmdutil.LimitHint(o.ended)
	}
	if hidden > 0 {
		return o.hints.Again("--all") + fmt.Sprintf("   (shows %s more; for programs, use --output jsonl)", cmdutil.Plural(hidden, "finding"))
	}
	if sum.Errors > 0 || sum.Warnings > 0 {
		return "apply what is after 'fix:', then check again; '" + o.hints.Line("coexist", "rules", "--output", "json") + "' explains why each rule matters"
	}
	if !o.noDirectory && o.noDirectoryReason() != "" {
		return "some rules did not run, because no directory was given: --ldif FILE or -H HOST"
	}
	for _, out := range r.Outcomes {
		if options := cmdutil.OptionsFor(out); options != "" && !slices.Contains(out.Needs, finding.NeedRuleSelection) {
			return fmt.Sprintf("some rules did not run; %s, for example, needs %s", out.Rule, options)
		}
	}
	return o.hints.Line("coexist", "status", o.sourceWords()...) + "   (shows how many users are left to move)"
}

// withNotSelected returns the outcomes of all rules, in their order: those without one were
// not selected.
func withNotSelected(outcomes []finding.Outcome) []finding.Outcome {
	rules := coexist.Rules()
	out := make([]finding.Outcome, 0, len(rules))
	for _, r := range rules {
		if i := slices.IndexFunc(outcomes, func(o finding.Outcome) bool { return o.Rule == r.ID }); i >= 0 {
			out = append(out, outcomes[i])
			continue
		}
		o := finding.Outcome{Rule: r.ID, Severity: r.Severity}
		o.Skip(finding.NotSelected())
		out = append(out, o)
	}
	return out
}
