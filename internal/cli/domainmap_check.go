package cli

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
)

// domainCheck is 'domainmap check'.
type domainCheck struct {
	console   *Console
	homeFiles *HomeFiles
	now       func() time.Time
	reports   *Reports
	homeOptions
	findingOptions
	rules bool
}

func domainCheckCommand(f *Factory) *cobra.Command {
	o := &domainCheck{console: f.Console, homeFiles: f.HomeFiles, now: f.Now, reports: f.Reports}
	cmd := &cobra.Command{
		Use:   "check [--fail-on SEVERITY] [--rules]",
		Short: "look for mistakes in the domain map",
		Long: `Checks each line of the file as the server reads it: keys that Java cuts in two,
domains that are none or stand there twice, URLs without a port. Each finding
names the line, the reason, and the command that mends it. Every rule is listed
with how it ended; a rule that could not run is a finding. No server is asked.

Exits 3 when there is a finding at or above --fail-on.`,
		Example: `  davadmin domainmap check
  davadmin domainmap check --fail-on warning --output jsonl`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.rules, "rules", false, "list the rules and run none")
	o.findingOptions.add(cmd)
	o.homeOptions.add(flags)
	return cmd
}

func (o *domainCheck) run(ctx context.Context) error {
	if o.rules {
		return o.reports.PrintRules(domainKind().schema("rules"), append(config.DomainMapRules(), finding.CheckNotRun()))
	}
	format, err := o.console.Format(findingFormats()...)
	if err != nil {
		return err
	}
	failOn, err := o.severity()
	if err != nil {
		return err
	}
	c, err := o.homeFiles.Open(domainKind(), &o.homeOptions, lockOptions{})
	if err != nil {
		return err
	}
	start := o.now()
	in := config.DomainMapInput{Path: c.file.Path()}
	in.Text, in.Info, in.Err = o.homeFiles.ReadDomainMap(ctx, c)
	if isUsage(in.Err) {
		return in.Err
	}
	if in.Dir, err = os.Stat(filepath.Dir(in.Path)); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	report := config.CheckDomainMap(ctx, in)
	if err := ctx.Err(); err != nil {
		return err
	}
	return o.reports.Print(format, failOn, c.schema("check"), report, in.Path, o.now().Sub(start))
}
