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
	o := &domainCheck{console: f.Console, homeFiles: f.HomeFiles, now: f.Now, reports: f.Reports}
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
	c, err := o.homeFiles.Open(cmdutil.DomainKind(), &o.HomeOptions, cmdutil.LockOptions{})
	if err != nil {
		return err
	}
	start := o.now()
	in := config.DomainMapInput{Path: c.File.Path(), Only: only}
	in.Text, in.Info, in.Err = o.homeFiles.ReadDomainMap(ctx, c)
	if cmdutil.IsUsage(in.Err) {
		return in.Err
	}
	if in.Dir, err = os.Stat(filepath.Dir(in.Path)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	report := config.CheckDomainMap(ctx, in)
	if err := ctx.Err(); err != nil {
		return err
	}
	return o.reports.Print(format, failOn, c.Schema("check"), report, in.Path, o.now().Sub(start))
}

// domainRules returns the rules of 'domainmap check'.
func domainRules() []finding.Rule { return append(config.DomainMapRules(), finding.CheckNotRun()) }
