package cli

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// ldapAudit is 'ldap audit'.
type ldapAudit struct {
	*App
	ldapOptions
	findingOptions
	listOptions
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

func (a *App) ldapAuditCommand() *cobra.Command {
	o := &ldapAudit{App: a}
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
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.check(cmd); err != nil {
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
	f := cmd.Flags()
	o.ldapOptions.add(cmd)
	f.StringVar(&o.plan.path, "fix-plan", "", "write what can be mended without a decision to `FILE`, as a plan for 'ldap apply'")
	f.BoolVar(&o.plan.force, "force", false, "with --fix-plan: write over a file that is there")
	f.StringSliceVar(&o.rules, "rules", nil, "run only these `RULES`, parted by commas; * and ? stand for parts of names")
	o.listOptions.add(cmd)
	f.StringVar(&o.idAttribute, "id-attribute", "", "`ATTRIBUTE` that is the unique id (default: as the home says, else davUniqueId)")
	f.StringVar(&o.idPattern, "id-pattern", "", "regular `EXPRESSION` for unique ids of a form of your own; it must fit all of the value")
	f.StringVar(&o.local, "localuser-attribute", "", "`ATTRIBUTE` that marks people on the new server (default: as the home says, else davStore)")
	f.StringArrayVar(&o.backends, "backend", nil, "`NAME` of a back end that there is; may be repeated (default: as the home says)")
	f.BoolVar(&o.all, "all", false, "show every finding in the table, not the first ones of each rule")
	f.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which nobody else can read (default TMPDIR, else /tmp)")
	f.IntVar(&o.workers, "workers", 0, "how many cores to use for files; 0 is all")
	o.findingOptions.add(cmd)
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
	format, err := o.format(findingFormats()...)
	if err != nil {
		return err
	}
	failOn, err := o.severity()
	if err != nil {
		return err
	}
	home, err := o.findLDAPHome(ctx, &o.homeOptions)
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
	d, err := o.openDirectory(ctx, &o.ldapOptions, home)
	if err != nil {
		return err
	}
	defer func() { _ = d.close() }()
	d.attach(&options)
	audit, err := ldapcheck.New(options)
	if err != nil {
		return auditUsage(err)
	}
	start := o.Now()
	stop := o.startStatus(func() string { return progressLine(audit.Progress(), d.source, o.Now().Sub(start)) })
	defer func() { stop() }()
	r, err := audit.Run(ctx, d.source)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if o.Streams.OutTTY {
		stop() // the report comes to the same place
		stop = func() {}
	}
	return o.finish(ctx, format, failOn, audit, r, d, o.Now().Sub(start))
}

func auditUsage(err error) error {
	if errors.Is(err, ldapcheck.ErrRule) {
		return usagef("--rules: %v; 'davadmin ldap rules' lists them", err)
	}
	return usagef("%v", err)
}

// auditOptions puts together what the home and the options say.
func (o *ldapAudit) auditOptions(ctx context.Context, home *ldapHome) (ldapcheck.Options, error) {
	scope, err := o.directoryScope()
	if err != nil {
		return ldapcheck.Options{}, err
	}
	lo := ldapcheck.Options{
		Names: home.names(), Rules: o.rules, Scope: scope, Filter: o.filter, Partial: scope != directory.Subtree || o.filter != "" || len(o.bases) > 0,
		Backends: home.backends(), Domains: home.domains(), Tmp: o.tmp,
	}
	if o.idAttribute != "" {
		if !equalWords([]string{o.idAttribute}, []string{lo.Names.UniqueID}) {
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
	if lo.Workers, err = workerCount(o.workers); err != nil {
		return lo, err
	}
	if o.idPattern != "" {
		if lo.IDPattern, err = regexp.Compile(`^(?:` + o.idPattern + `)$`); err != nil {
			return lo, usagef("--id-pattern: %v", err)
		}
	}
	lo.CS6, lo.CS7, err = o.readPeople(ctx, &o.listOptions, &o.homeOptions, home)
	return lo, err
}

// workerCount reads --workers.
func workerCount(n int) (int, error) {
	switch {
	case n < 0:
		return 0, usagef("--workers: %d is less than 0, which is all cores", n)
	case n == 0:
		return runtime.NumCPU(), nil
	}
	return n, nil
}

// untilStopped yields the findings of a report until ctx ends.
func untilStopped(ctx context.Context, complete bool, findings func(int) iter.Seq2[finding.Finding, error]) func(int) iter.Seq2[finding.Finding, error] {
	return func(most int) iter.Seq2[finding.Finding, error] {
		return func(yield func(finding.Finding, error) bool) {
			for f, err := range findings(most) {
				// A report about a part is written to its end: it is what a stop gives.
				if err == nil && complete {
					err = ctx.Err()
				}
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}

// progressLine words progress: what is done, how much, how fast, how long still.
func progressLine(p ldapcheck.Progress, source directory.Source, took time.Duration) string {
	seconds := max(took.Seconds(), 0.001)
	line := fmt.Sprintf("%s: %d entries, %.0f a second", p.Phase, p.Entries, float64(p.Entries)/seconds)
	if s, ok := source.(directory.Progresser); ok && p.Phase == ldapcheck.PhaseReading {
		if b := s.Progress(); b.Total > 0 {
			part := min(1, float64(b.Done)/float64(b.Total))
			line += fmt.Sprintf(", %.0f %%", 100*part)
			if part > 0.01 {
				line += fmt.Sprintf(", %s left", (time.Duration(seconds * (1 - part) / part * float64(time.Second))).Round(time.Second))
			}
		} else {
			line += fmt.Sprintf(", %d MB", b.Done/1e6)
		}
	}
	return line
}

// finish prints the report. One that is not about everything ends with exit
// code 1, or that of the signal.
func (o *ldapAudit) finish(ctx context.Context, format ui.Format, failOn finding.Severity, audit *ldapcheck.Audit, r *ldapcheck.Report, d *opened, took time.Duration) error {
	out := &report{
		schema: "davadmin.ldap.audit.1", findings: untilStopped(ctx, r.Complete, r.Findings), outcomes: r.Outcomes,
		summary: summaryLine{
			Target: d.source.Name(), Complete: r.Complete, Seconds: took.Seconds(),
			Errors: r.Count(finding.Error), Warnings: r.Count(finding.Warning), Infos: r.Count(finding.Info),
			entriesRead: countEntries(r.Kinds),
		},
	}
	if audit.Narrowed() {
		out.summary.Selected = "those without " + audit.UniqueID()
	}
	if r.Ended != nil {
		out.summary.Reason = r.Ended.Error()
	}
	o.ended = r.Ended
	out.worst, out.any = r.Worst()
	if o.plan.path != "" {
		if err := o.writeFixPlan(r, d.source.Name()); err != nil {
			return err
		}
	}
	return o.conclude(format, failOn, out, auditTable{App: o.App, all: o.all, next: o.next}, "audit", r.Ended)
}

// conclude prints a report about a directory, and says how the command ends. what
// is what was done, ended why not everything was read.
func (a *App) conclude(format ui.Format, failOn finding.Severity, r *report, table auditTable, what string, ended error) error {
	if err := a.writeReport(format, r, table.write); err != nil {
		return err
	}
	if ended != nil {
		return a.endedShort("the "+what+" is not complete, and the report is about a part", ended)
	}
	return r.verdict(failOn)
}

// endedShort is the error of a command that read only a part, once all that it
// has to say of that part is written.
func (a *App) endedShort(what string, ended error) error {
	if a.Streams.Flush != nil {
		if err := a.Streams.Flush(); err != nil {
			return fmt.Errorf("the output could not be written: %w", err)
		}
	}
	return fmt.Errorf("%s: %w", what, ended)
}
