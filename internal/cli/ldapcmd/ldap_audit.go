package ldapcmd

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// ldapAudit is 'ldap audit'.
type ldapAudit struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	hints       *cmdutil.Hints
	journals    *cmdutil.Journals
	now         func() time.Time
	reports     *cmdutil.Reports
	stores      *cmdutil.Stores
	cmdutil.DirectoryOptions
	cmdutil.FindingOptions
	cmdutil.UserListOptions
	rules       []string
	idAttribute string
	idPattern   string
	local       string
	backends    []string
	all         bool
	tmp         string
	workers     int
	plan        planOutput // of --fix-plan
	ended       error      // why not everything was read
}

func newLDAPAudit(f *cmdutil.Factory) *cobra.Command {
	o := &ldapAudit{console: f.Console, directories: f.Directories, hints: f.Hints, journals: f.Journals, now: f.Now, reports: f.Reports, stores: f.Stores}
	cmd := &cobra.Command{
		Use:   "audit [--ldif FILE]... [-H HOST ...] [-B BASE] [-R FILTER] [--rules LIST]",
		Short: "look for entries that the calendar servers will not serve, or will serve wrongly",
		Long: `Reads every user, group and resource of a directory, or of LDIF files, and looks
for what the calendar servers will stumble over: unique ids that are missing,
doubled or differ in letter case alone, marks of the new server where they do not
belong, mail addresses, lock-outs, statuses, references. 'ldap rules' lists the
rules. Nothing is changed.

The names of attributes and object classes, the back ends and the server come from the
home; without one the usual names are taken. Rules that must know who is on
which server need --cs6-list and --cs7-list: addresses, user ids, the output of
'cscal list' or of 'davadmin account list'.

A report is about everything, or says that it is not: a directory that could not
be read to its end is the finding audit-incomplete and exit code 1. Otherwise the
exit code is 3 when there is a finding at or above --fail-on.`,
		Example: `  davadmin ldap audit --home /opt/sun/comms/davserver
  davadmin ldap audit -H ldap1 -H ldap2 --starttls -D uid=reader,o=isp --password-file pw -B o=isp
  davadmin ldap audit --ldif users.ldif.gz --ldif groups.ldif --output jsonl > findings.jsonl
  davadmin ldap audit --ldif - --rules 'uniqueid-*' < export.ldif
  davadmin ldap audit --cs6-list cscal-list.txt --cs7-list accounts.txt --all`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(cmd); err != nil {
				return err
			}
			if o.plan.path != "" {
				if err := o.plan.check(); err != nil {
					return err
				}
			}
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	o.DirectoryOptions.Add(cmd)
	flags.StringVar(&o.plan.path, "fix-plan", "", "write what can be mended without a decision to `FILE`, as a plan for 'ldap apply'")
	flags.BoolVar(&o.plan.force, "force", false, "with --fix-plan: write over a file that is there")
	flags.StringSliceVar(&o.rules, "rules", nil, "run only these `RULES`, parted by commas; * and ? stand for parts of names")
	o.UserListOptions.Add(cmd)
	flags.StringVar(&o.idAttribute, "id-attribute", "", "`ATTRIBUTE` that is the unique id (default: as the home says, else davUniqueId)")
	flags.StringVar(&o.idPattern, "id-pattern", "", "regular `EXPRESSION` for unique ids of a form of your own; it must fit all of the value")
	flags.StringVar(&o.local, "localuser-attribute", "", "`ATTRIBUTE` that marks people on the new server (default: as the home says, else davStore)")
	flags.StringArrayVar(&o.backends, "backend", nil, "`NAME` of a back end that there is; may be repeated (default: as the home says)")
	flags.BoolVar(&o.all, "all", false, "show every finding in the table, not the first ones of each rule")
	flags.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which nobody else can read (default TMPDIR, else /tmp)")
	flags.IntVar(&o.workers, "workers", 0, "how many cores to use for files; 0 is all")
	o.FindingOptions.Add(cmd)
	_ = cmd.RegisterFlagCompletionFunc("rules", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var ids []string
		for _, r := range ldapcheck.Rules() {
			ids = append(ids, r.ID)
		}
		return ids, cobra.ShellCompDirectiveNoFileComp
	})
	return cmd
}

func (o *ldapAudit) run(ctx context.Context) error {
	format, err := o.console.Format(cmdutil.FindingFormats()...)
	if err != nil {
		return err
	}
	failOn, err := o.Severity()
	if err != nil {
		return err
	}
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return err
	}
	options, err := o.auditOptions(ctx, home)
	if err != nil {
		return err
	}
	// The rules are looked at before a password is asked for.
	if _, err := ldapcheck.New(options); err != nil {
		return auditUsage(err)
	}
	d, err := o.directories.Open(ctx, &o.DirectoryOptions, home)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	d.ApplyTo(&options)
	audit, err := ldapcheck.New(options)
	if err != nil {
		return auditUsage(err)
	}
	start := o.now()
	stop := o.console.StartStatus(func() string { return cmdutil.ProgressLine(audit.Progress(), d.Source, o.now().Sub(start)) })
	defer func() { stop() }()
	r, err := audit.Run(ctx, d.Source)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if o.console.Streams.OutTTY {
		stop() // the report comes to the same place
		stop = func() {}
	}
	return o.finish(ctx, format, failOn, audit, r, d, o.now().Sub(start))
}

func auditUsage(err error) error {
	if errors.Is(err, ldapcheck.ErrRule) {
		return cmdutil.Usagef("--rules: %v; 'davadmin ldap rules' lists them", err)
	}
	return cmdutil.Usagef("%v", err)
}

// auditOptions puts together what the home and the options say.
func (o *ldapAudit) auditOptions(ctx context.Context, home *cmdutil.HomeConfig) (ldapcheck.Options, error) {
	scope, err := o.DirectoryScope()
	if err != nil {
		return ldapcheck.Options{}, err
	}
	lo := ldapcheck.Options{
		Names: home.Names(), Rules: o.rules, Scope: scope, Filter: o.Filter, Partial: scope != directory.Subtree || o.Filter != "" || len(o.Bases) > 0,
		Backends: home.Backends(), Domains: home.Domains(), Tmp: o.tmp,
	}
	if o.idAttribute != "" {
		if !cmdutil.EqualWords([]string{o.idAttribute}, []string{lo.Names.UniqueID}) {
			lo.Names.UniqueIDClass = ""
		}
		lo.Names.UniqueID = o.idAttribute
	}
	if o.local != "" {
		lo.Names.Local = o.local
	}
	if len(o.backends) > 0 {
		lo.Backends = o.backends
	}
	if lo.Workers, err = cmdutil.WorkerCount(o.workers); err != nil {
		return lo, err
	}
	if o.idPattern != "" {
		if lo.IDPattern, err = regexp.Compile(`^(?:` + o.idPattern + `)$`); err != nil {
			return lo, cmdutil.Usagef("--id-pattern: %v", err)
		}
	}
	lo.CS6, lo.CS7, err = o.stores.ReadServerLists(ctx, &o.UserListOptions, &o.HomeOptions, home)
	return lo, err
}

// finish prints the report. One that is not about everything ends with exit
// code 1, or that of the signal.
func (o *ldapAudit) finish(ctx context.Context, format ui.Format, failOn finding.Severity, audit *ldapcheck.Audit, r *ldapcheck.Report, d *cmdutil.OpenDirectory, took time.Duration) error {
	out := &cmdutil.FindingReport{
		Schema: "davadmin.ldap.audit.1", Findings: cmdutil.UntilStopped(ctx, r.Complete, r.Findings), Outcomes: r.Outcomes,
		Summary: cmdutil.Summary{
			Target: d.Source.Name(), Complete: r.Complete, Seconds: took.Seconds(),
			Errors: r.Count(finding.Error), Warnings: r.Count(finding.Warning), Infos: r.Count(finding.Info),
			EntriesRead: cmdutil.CountEntries(r.Kinds),
		},
	}
	if audit.Narrowed() {
		out.Summary.Selected = "those without " + audit.UniqueID()
	}
	if r.Ended != nil {
		out.Summary.Reason = r.Ended.Error()
	}
	o.ended = r.Ended
	out.Worst, out.Any = r.Worst()
	if o.plan.path != "" {
		if err := o.writeFixPlan(ctx, r, d.Source.Name()); err != nil {
			return err
		}
	}
	return o.reports.Conclude(format, failOn, out, cmdutil.FindingTable{All: o.all, Next: o.next}, "audit", r.Ended)
}
