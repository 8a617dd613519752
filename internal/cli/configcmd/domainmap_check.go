package configcmd

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
)

// domainCheck is 'domainmap check'.
type domainCheck struct {
	console   *cmdutil.Console
	homeFiles *cmdutil.HomeFiles
	now       func() time.Time
	reports   *cmdutil.Reports
	cmdutil.HomeOptions
	cmdutil.FindingOptions
	cmdutil.RuleOptions
}

func newDomainCheck(f *cmdutil.Factory) *cobra.Command {
	o := newDomainCheckWithout(f)
	cmd := &cobra.Command{
		Use:   "check [--fail-on SEVERITY] [--rules LIST]",
		Short: "look for mistakes in the domain map",
		Long: `Checks each line of the file as the server reads it, for keys that Java splits
in two, invalid or duplicate domains, and URLs without a port, among others.
Each finding names the line, the reason, and the command that fixes it. Every
rule is listed with its result; a rule that could not run is a finding. No
server is contacted and nothing is changed.

'domainmap rules' lists the rules. Exits 3 if there are findings at or above --fail-on.`,
		Example: `  davadmin domainmap check
  davadmin domainmap check --fail-on warning --output jsonl`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	o.AddRules(cmd, f.Hints, "domainmap", domainRules)
	o.FindingOptions.Add(cmd)
	o.HomeOptions.Add(flags)
	return cmd
}

func (o *domainCheck) run(ctx context.Context) error {
	format, failOn, err := o.Begin(o.console)
	if err != nil {
		return err
	}
	only, err := o.Select(domainRules())
	if err != nil {
		return err
	}
	checked, err := o.examine(ctx, only)
	if err != nil {
		return err
	}
	return o.reports.Conclude(format, failOn, checked.Report, cmdutil.FindingTable{All: true}, "", nil)
}

// CheckDomainMap runs 'domainmap check' as a part of another command. A home without a domain
// map is a NotSetUpError.
func CheckDomainMap(ctx context.Context, f *cmdutil.Factory, home cmdutil.HomeOptions) (*cmdutil.Checked, error) {
	o := newDomainCheckWithout(f)
	o.HomeOptions = home
	c, err := o.homeFiles.Open(cmdutil.DomainKind(), &home, cmdutil.LockOptions{})
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.File.Path()); errors.Is(err, fs.ErrNotExist) {
		if err := o.homeFiles.Lost(ctx, c); err != nil {
			return nil, err
		}
		return nil, &cmdutil.NotSetUpError{Reason: "no domain is mapped"}
	}
	return o.examine(ctx, nil)
}

// newDomainCheckWithout returns a check without options.
func newDomainCheckWithout(f *cmdutil.Factory) *domainCheck {
	return &domainCheck{console: f.Console, homeFiles: f.HomeFiles, now: f.Now, reports: f.Reports}
}

// examine runs the rules in only, or all.
func (o *domainCheck) examine(ctx context.Context, only []string) (*cmdutil.Checked, error) {
	c, err := o.homeFiles.Open(cmdutil.DomainKind(), &o.HomeOptions, cmdutil.LockOptions{})
	if err != nil {
		return nil, err
	}
	start := o.now()
	in := config.DomainMapInput{Path: c.File.Path(), Only: only}
	in.Text, in.Info, in.Err = o.homeFiles.ReadDomainMap(ctx, c)
	if cmdutil.IsUsage(in.Err) {
		return nil, in.Err
	}
	if in.Dir, err = os.Stat(filepath.Dir(in.Path)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return nil, err
	}
	report := config.CheckDomainMap(ctx, in)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &cmdutil.Checked{Report: cmdutil.ReportOf(c.Schema("check"), report, in.Path, o.now().Sub(start))}, nil
}

// domainRules returns the rules of 'domainmap check'.
func domainRules() []finding.Rule { return append(config.DomainMapRules(), finding.CheckNotRun()) }
