package ldapcmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapsite"
)

// ldapTest is the action 'ldap test'.
type ldapTest struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	global      *cmdutil.Globals
	hints       *cmdutil.Hints
	now         func() time.Time
	reports     *cmdutil.Reports
	cmdutil.DirectoryOptions
	cmdutil.FindingOptions
}

func newLDAPTest(f *cmdutil.Factory) *cobra.Command {
	o := &ldapTest{console: f.Console, directories: f.Directories, global: f.Global, hints: f.Hints, now: f.Now, reports: f.Reports}
	cmd := &cobra.Command{
		Use:   "test [-H HOST ...] [-B BASE]",
		Short: "test the connection, the limits and the rights of the bind DN",
		Long: `Tests whether the directory is set up for davadmin, and is the first command to use with
a new directory: the connection and the certificate, the bind, the base DNs, the limits
of searches and pages, the attributes that the bind DN can read, and those that it may
change. Each finding says what to change on the server.

Nothing is changed. All users, groups and resources are read, as by 'ldap audit'. To
find out whether the bind DN may change an attribute, the test asks the server to delete
a random value that no entry has; the server answers whether it would be allowed. With
--dry-run, it does not ask.

The exit code is 5 if no server can be reached or the bind is refused, 1 if the test
could not be completed, and 3 if there is a finding at or above --fail-on. That the bind
DN may not change entries is only a warning, because an audit does not need that.`,
		Example: `  davadmin ldap test --home /opt/sun/comms/davserver
  davadmin ldap test -H ldap1 -H ldap2 --starttls --ca-file ca.pem -D uid=reader,o=isp --password-file pw
  davadmin ldap test -H ldaps://ldap1 --ca-file ca.pem -D uid=admin,o=isp -B o=isp --fail-on warning`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.AddLive(cmd)
	o.AddProof(cmd)
	o.FindingOptions.Add(cmd)
	return cmd
}

func (o *ldapTest) run(ctx context.Context) error {
	format, failOn, err := o.Begin(o.console)
	if err != nil {
		return err
	}
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return err
	}
	d, err := o.directories.Open(ctx, &o.DirectoryOptions, home)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	options := ldapsite.Options{
		Directory: d.Live, Prove: d.Prove, BindDN: d.Options.BindDN, External: d.Options.External, Insecure: d.Options.Insecure,
		Local: directory.IsLocalURL(d.Live.Name()), PageSize: d.Options.PageSize, Bases: d.Bases, BasesFrom: d.BasesFrom, Names: home.Names(), Now: o.now,
	}
	if !o.global.DryRun {
		one := d.Options
		one.URLs = []string{d.Live.Name()}
		options.Changer = func(ctx context.Context) (*directory.Changer, error) { return directory.OpenChanger(ctx, one) }
	}
	if options.Others, err = otherServers(ctx, d); err != nil {
		return err
	}
	return o.test(ctx, format, failOn, ldapsite.New(options), d.Live.Name())
}

// test runs the test and prints the report.
func (o *ldapTest) test(ctx context.Context, format ui.Format, failOn finding.Severity, t *ldapsite.Test, server string) error {
	start := o.now()
	stop := o.console.StartStatus(func() string {
		return fmt.Sprintf("testing: %d entries, %.0f per second", t.Read(), float64(t.Read())/max(o.now().Sub(start).Seconds(), 0.001))
	})
	r, failed := t.Run(ctx)
	stop()
	report := cmdutil.ReportOf("davadmin.ldap.test.1", r, server, o.now().Sub(start))
	next := func(*cmdutil.FindingReport, int) string { return o.next(r, failed) }
	return o.reports.Conclude(format, failOn, report, cmdutil.FindingTable{All: true, Next: next}, "test", failed)
}

// next returns what to do after the test.
func (o *ldapTest) next(r *finding.Report, failed error) string {
	if worst, any := r.Worst(); failed != nil || any && worst == finding.Error {
		return "repair what is reported as an error, and run the test again"
	}
	return o.hints.Line("ldap", "audit", o.Args()...)
}

// otherServers connects to each server of the list except the one that is in use.
func otherServers(ctx context.Context, d *cmdutil.OpenDirectory) ([]ldapsite.Other, error) {
	var out []ldapsite.Other
	for _, url := range d.Options.URLs {
		if directory.SameServer(url, d.Live.Name()) {
			continue
		}
		one := d.Options
		one.URLs, one.Note = []string{url}, nil
		other := ldapsite.Other{URL: url}
		live, err := directory.Open(ctx, one)
		if ctx.Err() != nil {
			return nil, err
		}
		if other.Err = err; err == nil {
			_ = live.Close()
		}
		out = append(out, other)
	}
	return out, nil
}
