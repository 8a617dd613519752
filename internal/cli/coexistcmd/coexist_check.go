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
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/route"
)

// coexistCheck is 'coexist check'.
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
	rules       bool
	only        []string // rules that run; none is all
	all         bool
	home        *cmdutil.HomeConfig
	ended       error
}

func newCheck(f *cmdutil.Factory) *coexistCheck {
	return &coexistCheck{coexistPeople: coexistPeople{
		console: f.Console, directories: f.Directories, hints: f.Hints, homeFiles: f.HomeFiles, hook: f.Hook,
		journals: f.Journals, now: f.Now, reports: f.Reports, stores: f.Stores,
	}}
}

func newCoexistCheck(f *cmdutil.Factory) *cobra.Command {
	o := newCheck(f)
	cmd := &cobra.Command{
		Use:   "check [--ics-conf FILE] [--cs6-list FILE] [--cs7-list FILE] [--ldif FILE | -H HOST ...] [--probe]",
		Short: "whether two servers over one directory work together, and what to mend",
		Long: `Compares what must agree before free/busy and invitations flow between an old
Calendar Server 6 and a new server: davserver.properties and the domain map of the home,
ics.conf of the old server, every entry of the directory, and the lists of who is on
which server. Every rule is listed as passed, failed or not run, with the option
that would let it run; each finding names the place, the reason, and the command,
LDIF or line of ics.conf that mends it. Lines of ics.conf go to the end of that
file, where they count, and take a restart. Nothing is changed.

The directory is that of --ldif or -H, else the one that the home names. With
--probe both servers are asked for the free/busy of one person of each side, each in
the way that a real question takes.

A directory that could not be read to its end is the finding audit-incomplete and
exit code 1. Otherwise the exit code is 3 when there is a finding at or above --fail-on.`,
		Example: `  davadmin coexist check --ics-conf ics.conf --cs6-list cscal-list.txt --cs7-list migrated.txt
  davadmin coexist check --ics-conf ics.conf --cs6-list cscal-list.txt --ldif export.ldif.gz --output jsonl
  davadmin coexist check --ics-conf ics.conf --cs6-patch 121657-44 --cs7-version 7u3 --no-directory
  davadmin coexist check --ics-conf ics.conf --probe --cs6-user jdoe@example.com --cs7-user boss@example.com`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.rules {
				return o.reports.PrintRules("davadmin.coexist.rules.1", coexist.Rules())
			}
			if err := o.Check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addCheck(cmd)
	cmd.Flags().BoolVar(&o.rules, "rules", false, "list the rules and run none")
	return cmd
}

// addCheck adds the options of a check, and of 'coexist verify'.
func (o *coexistCheck) addCheck(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.icsConf, "ics-conf", "", "`FILE` with the configuration of the old server")
	f.StringVar(&o.oldPatch, "cs6-patch", "", "patch `LEVEL` of the old server, such as 121657-44")
	f.StringVar(&o.newVersion, "cs7-version", "", "`VERSION` of the new server, such as 7u3 or 8.0")
	f.StringArrayVar(&o.newHosts, "cs7-host", nil, "`NAME` by which the new server is reached, besides that of davcore.uriinfo.fulluriprefix; may be repeated")
	f.BoolVar(&o.noDirectory, "no-directory", false, "look at files alone, and read no directory")
	f.BoolVar(&o.probe, "probe", false, "ask both servers for free/busy")
	f.StringVar(&o.user6, "cs6-user", "", "mail `ADDRESS` of who is asked about as a person of the old server (default: the first in the directory)")
	f.StringVar(&o.user7, "cs7-user", "", "likewise of the new server")
	f.BoolVar(&o.all, "all", false, "show every finding in the table, not the first ones of each rule")
	o.coexistPeople.add(cmd)
	o.FindingOptions.Add(cmd)
}

func (o *coexistCheck) run(ctx context.Context) error {
	format, err := o.console.Format(cmdutil.FindingFormats()...)
	if err != nil {
		return err
	}
	failOn, err := o.Severity()
	if err != nil {
		return err
	}
	if o.home, err = o.directories.LoadHomeConfig(ctx, &o.HomeOptions); err != nil {
		return err
	}
	co, err := o.checkOptions(ctx)
	if err != nil {
		return err
	}
	var d *cmdutil.OpenDirectory
	if co.NoDirectory == "" {
		if d, err = o.directories.Open(ctx, &o.DirectoryOptions, o.home); err != nil {
			return err
		}
		defer func() { _ = d.Close() }()
		d.ApplyTo(&co.Directory)
		if err := o.decideBy(&co, d); err != nil {
			return err
		}
	}
	check, err := coexist.New(co)
	if err != nil {
		return cmdutil.Usagef("%v", err)
	}
	start := o.now()
	r, err := o.look(ctx, check, d, start)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	return o.finish(ctx, format, failOn, r, o.targets(d), o.now().Sub(start))
}

// decideBy lets the probes look people up as the new server does, where the
// directory can be asked a second time.
func (o *coexistCheck) decideBy(co *coexist.Options, d *cmdutil.OpenDirectory) error {
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

// look runs the check, and shows how far it is.
func (o *coexistCheck) look(ctx context.Context, check *coexist.Check, d *cmdutil.OpenDirectory, start time.Time) (*coexist.Report, error) {
	if d == nil {
		return check.Run(ctx, nil)
	}
	stop := o.console.StartStatus(func() string { return cmdutil.ProgressLine(check.Progress(), d.Source, o.now().Sub(start)) })
	defer stop()
	return check.Run(ctx, d.Source)
}

// checkOptions puts together what the home, the files and the options say.
func (o *coexistCheck) checkOptions(ctx context.Context) (coexist.Options, error) {
	co := coexist.Options{NoDirectory: o.directoryMissing(), Ask6: o.user6, Ask7: o.user7, Only: o.only, Now: o.now}
	if o.home == nil && o.icsConf == "" && co.NoDirectory != "" {
		return co, cmdutil.Usagef("there is nothing to look at: give --home DIR of the new server, --ics-conf FILE of the old one, and --ldif FILE or -H HOST of the directory")
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
		b, _, err := fsx.ReadLimited(o.icsConf, 16<<20)
		if err != nil {
			return co, fmt.Errorf("--ics-conf: %w", err)
		}
		co.Old = &coexist.OldServer{Path: o.icsConf, Conf: cs6.ParseIcsConf(b)}
	}
	co.Directory, err = o.directoryOptions(ctx, o.home)
	return co, err
}

// directoryMissing says why no directory is read; "" where one is.
func (o *coexistCheck) directoryMissing() string {
	switch {
	case o.noDirectory:
		return "no directory is read (--no-directory)"
	case len(o.Files) > 0 || len(o.DirectoryOptions.Hosts) > 0 || o.home != nil && o.home.IsSet(cmdutil.UserPoolPrefix+"ldaphost"):
		return ""
	}
	return "no directory was named; --ldif FILE or -H HOST names one"
}

// mapInput reads the domain map of the home.
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

// targets names all that was looked at.
func (o *coexistCheck) targets(d *cmdutil.OpenDirectory) string {
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

func (o *coexistCheck) finish(ctx context.Context, format ui.Format, failOn finding.Severity, r *coexist.Report, target string, took time.Duration) error {
	out := &cmdutil.FindingReport{
		Schema: "davadmin.coexist.check.1", Findings: cmdutil.UntilStopped(ctx, r.Complete, r.Findings), Outcomes: r.Outcomes,
		Summary: cmdutil.Summary{
			Target: target, Complete: r.Complete, Seconds: took.Seconds(),
			Errors: r.Count(finding.Error), Warnings: r.Count(finding.Warning), Infos: r.Count(finding.Info),
			EntriesRead: cmdutil.CountEntries(r.Kinds()),
		},
	}
	if r.Ended != nil {
		out.Summary.Reason = r.Ended.Error()
	}
	o.ended = r.Ended
	out.Worst, out.Any = r.Worst()
	return o.reports.Conclude(format, failOn, out, cmdutil.FindingTable{All: o.all, Next: o.next}, "check", r.Ended)
}

// next is what to do now.
func (o *coexistCheck) next(r *cmdutil.FindingReport, hidden int) string {
	sum := r.Summary
	if !sum.Complete {
		return "remove what kept the check from reading everything, and run it again" + cmdutil.LimitHint(o.ended)
	}
	if hidden > 0 {
		return o.hints.Again("--all") + fmt.Sprintf("   (shows %s more; --output jsonl is for programs)", cmdutil.Plural(hidden, "finding"))
	}
	if sum.Errors > 0 || sum.Warnings > 0 {
		return "use what stands behind 'fix:', then check again; 'davadmin coexist check --rules --output json' tells of each rule why it matters"
	}
	for _, out := range r.Outcomes {
		if options := cmdutil.OptionsFor(out); options != "" {
			return fmt.Sprintf("rules did not run, such as %s: %s", out.Rule, options)
		}
		if _, option, found := strings.Cut(out.Reason, "; --"); found && out.Result == finding.NotRun {
			return fmt.Sprintf("rules did not run, such as %s: --%s", out.Rule, option)
		}
	}
	return "davadmin coexist status   (how many people are left to move)"
}
