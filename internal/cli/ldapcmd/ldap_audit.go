package ldapcmd

import (
	"context"
	"errors"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// ldapAudit is the action 'ldap audit'.
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
	cmdutil.RuleOptions
	idAttribute string
	idPattern   string
	local       string
	backends    []string
	all         bool
	tmp         string
	workers     int
	plan        planOutput // of --fix-plan
	planned     int        // changes in the plan that was written
	lists       cmdutil.ServerLists
	ended       error // why the audit is incomplete; nil if it is complete
}

func newLDAPAudit(f *cmdutil.Factory) *cobra.Command {
	o := &ldapAudit{console: f.Console, directories: f.Directories, hints: f.Hints, journals: f.Journals, now: f.Now, reports: f.Reports, stores: f.Stores}
	cmd := &cobra.Command{
		Use:   "audit [--ldif FILE]... [-H HOST ...] [-B BASE] [-R FILTER] [--rules LIST]",
		Short: "find entries that the calendar servers cannot serve, or would serve wrongly",
		Long: `Reads every user, group and resource of a directory, or of LDIF files, and looks for
anything that the calendar servers cannot handle: unique ids that are missing,
duplicated or differ only in letter case, misplaced marks of the new server, and faulty
mail addresses, lock-outs, statuses and references. 'ldap rules' lists the rules. The
directory is not changed.

The names of attributes and object classes, the back ends and the server are taken from
the home; without a home, the usual names apply. Rules that depend on which users are
on which server need --cs6-list and --cs7-list: addresses, user ids, or the output of
'cscal list' or 'davadmin account list'.

A report that does not cover everything says so: if the directory could not be read to
its end, or hides an attribute that the rules need from the bind DN, or if a back end
whose accounts the rules need cannot be read, there is a finding audit-incomplete and
the exit code is 1. Otherwise, the exit code is 3 if there is a
finding at or above --fail-on. The finding absence-not-proven lists attributes of which
no entry shows a value, so that it is unknown whether they are hidden; with --prove-as,
another bind DN is asked, too.`,
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
				if err := o.plan.check("--ldif", o.Files...); err != nil {
					return err
				}
				if fsx.IsStdout(o.plan.path) {
					return cmdutil.Usagef("--fix-plan: the report is written to the standard output; use the path of a file")
				}
			}
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	o.DirectoryOptions.Add(cmd)
	o.AddProof(cmd)
	flags.StringVar(&o.plan.path, "fix-plan", "", "write a plan for 'ldap apply' to `FILE`, with every fix that needs no decision")
	flags.BoolVar(&o.plan.force, "force", false, "with --fix-plan: overwrite an existing file")
	o.AddRules(cmd, f.Hints, "ldap", ldapcheck.Rules)
	o.UserListOptions.Add(cmd)
	o.AddAllowEmpty(cmd)
	flags.StringVar(&o.idAttribute, "id-attribute", "", "`ATTRIBUTE` with the unique id (default: as configured in the home, else davUniqueId)")
	flags.StringVar(&o.idPattern, "id-pattern", "", "regular `EXPRESSION` that valid unique ids match as a whole, if yours have a special form")
	flags.StringVar(&o.local, "localuser-attribute", "", "`ATTRIBUTE` that marks users on the new server (default: as configured in the home, else davStore)")
	flags.StringArrayVar(&o.backends, "backend", nil, "`NAME` of an existing back end (repeatable; default: as configured in the home)")
	flags.BoolVar(&o.all, "all", false, "show every finding in the table, not only the first ones of each rule")
	flags.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which are private to you (default: TMPDIR, else /tmp)")
	flags.IntVar(&o.workers, "workers", 0, "number of cores to use for reading files; 0 means all")
	o.FindingOptions.Add(cmd)
	return cmd
}

func (o *ldapAudit) run(ctx context.Context) error {
	format, failOn, err := o.Begin(o.console)
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
	// An invalid rule is reported before a password is asked for.
	if _, err := ldapcheck.New(options); err != nil {
		return o.usageError(err)
	}
	d, err := o.directories.Open(ctx, &o.DirectoryOptions, home)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	d.ApplyTo(&options)
	audit, err := ldapcheck.New(options)
	if err != nil {
		return o.usageError(err)
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
		stop() // the report is written to the same terminal
		stop = func() {}
	}
	return o.finish(ctx, format, failOn, audit, r, d, o.now().Sub(start))
}

// usageError returns an error of the audit's options as a usage error.
func (o *ldapAudit) usageError(err error) error {
	if errors.Is(err, ldapcheck.ErrRule) {
		return cmdutil.Usagef("--rules: %v; '%s' lists the rules", err, o.hints.Line("ldap", "rules"))
	}
	return cmdutil.Usagef("%v", err)
}

// auditOptions combines the configuration of the home with the options.
func (o *ldapAudit) auditOptions(ctx context.Context, home *cmdutil.HomeConfig) (ldapcheck.Options, error) {
	scope, err := o.DirectoryScope()
	if err != nil {
		return ldapcheck.Options{}, err
	}
	lo := ldapcheck.Options{
		Names: home.Names(), Rules: o.Patterns, Scope: scope, Filter: o.Filter, Partial: scope != directory.Subtree || o.Filter != "" || len(o.Bases) > 0,
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
	lists, err := o.stores.ReadServerLists(ctx, &o.UserListOptions, &o.HomeOptions, home)
	if lists.Empty() && o.plan.path != "" {
		return lo, cmdutil.Usagef("--fix-plan cannot be combined with --allow-empty: no plan is made from an empty list")
	}
	if lists.Unread7 != nil && o.plan.path != "" {
		return lo, lists.Unread7 // a plan is not made from a part of the users
	}
	lists.ApplyTo(&lo)
	o.lists = lists
	return lo, err
}

// finish prints the report. If the report is incomplete, the command ends with exit code 1,
// or with that of the signal that stopped it.
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
	out.Summary.Absence = cmdutil.AbsenceWord(r.Absence())
	if r.Ended != nil {
		out.Summary.Reason = r.Ended.Error()
	}
	ended := r.Ended
	if ended == nil && r.UnreadList {
		ended = o.hints.UnreadUsers(&o.lists)
		out.Summary.Complete, out.Summary.Reason = false, ended.Error()
	}
	o.ended = ended
	out.Worst, out.Any = r.Worst()
	if o.plan.path != "" {
		if err := o.writeFixPlan(ctx, r, d.Source.Name()); err != nil {
			return err
		}
	}
	return o.reports.Conclude(format, failOn, out, cmdutil.FindingTable{All: o.all, Next: o.next}, "audit", ended)
}
