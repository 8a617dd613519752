package configcmd

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
)

// configCheck is 'config check'.
type configCheck struct {
	console   *cmdutil.Console
	homeFiles *cmdutil.HomeFiles
	now       func() time.Time
	reports   *cmdutil.Reports
	stores    *cmdutil.Stores
	vaults    *cmdutil.Vaults
	cmdutil.HomeOptions
	cmdutil.FindingOptions
	cmdutil.RuleOptions
}

func newConfigCheck(f *cmdutil.Factory) *cobra.Command {
	o := newCheck(f)
	cmd := &cobra.Command{
		Use:   "check [--fail-on SEVERITY] [--rules LIST]",
		Short: "look for mistakes in the configuration",
		Long: `Checks every setting against its type and range, and the settings against each
other. Each finding names the line, the reason, and the command that fixes it.
The modes and owners of the home, its history, stores and keys are checked as well.
Every rule is listed with its result; a rule that could not run is a finding.
Nothing is changed.

'config rules' lists the rules. Exits 3 if there are findings at or above --fail-on.`,
		Example: `  davadmin config check
  davadmin config check --fail-on warning --output jsonl`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	o.AddRules(cmd, f.Hints, "config", configRules)
	o.FindingOptions.Add(cmd)
	o.HomeOptions.Add(flags)
	return cmd
}

func (o *configCheck) run(ctx context.Context) error {
	format, failOn, err := o.Begin(o.console)
	if err != nil {
		return err
	}
	only, err := o.Select(configRules())
	if err != nil {
		return err
	}
	checked, err := o.examine(ctx, only)
	if err != nil {
		return err
	}
	return o.reports.Conclude(format, failOn, checked.Report, cmdutil.FindingTable{All: true}, "", nil)
}

// Check runs 'config check' as a part of another command.
func Check(ctx context.Context, f *cmdutil.Factory, home cmdutil.HomeOptions) (*cmdutil.Checked, error) {
	o := newCheck(f)
	o.HomeOptions = home
	return o.examine(ctx, nil)
}

// newCheck returns a check without options.
func newCheck(f *cmdutil.Factory) *configCheck {
	return &configCheck{console: f.Console, homeFiles: f.HomeFiles, now: f.Now, reports: f.Reports, stores: f.Stores, vaults: f.Vaults}
}

// examine runs the rules in only, or all.
func (o *configCheck) examine(ctx context.Context, only []string) (*cmdutil.Checked, error) {
	c, err := o.homeFiles.OpenConfig(&o.HomeOptions, cmdutil.LockOptions{})
	if err != nil {
		return nil, err
	}
	path := c.File.Path()
	start := o.now()
	text, info, err := c.File.Read(ctx)
	if err != nil {
		return nil, o.homeFiles.ExplainLoad(ctx, err, c.File)
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	report := config.Check(ctx, config.CheckInput{Only: only, Path: path, Text: text, Info: info, Dir: dir, Registry: c.Registry, Home: o.homePaths(c.Home, c.Registry, path, text)})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return &cmdutil.Checked{Report: cmdutil.ReportOf("davadmin.config.check.1", report, path, o.now().Sub(start))}, nil
}

// configRules returns the rules of 'config check'.
func configRules() []finding.Rule { return append(config.CheckRules(), finding.CheckNotRun()) }
